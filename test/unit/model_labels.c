/* model_labels.c - names of classes: every form that is read, what is refused and where, and that a
 * refusal leaves the model as it was. */
#include "codec_test.h"

#include "base/file.h"

static dcn_error err;
static dcn_model model;

static dcn_status read_bytes(int classes, const void *bytes, size_t size)
{
    const char *path = temporary("labels.txt");

    dcn_model_clear(&model);
    model.classes = classes;
    assert_ok(dcn__file_write(path, bytes, size, &err));
    return dcn_model_labels(&model, path, &err);
}

static dcn_status labels(int classes, const char *text)
{
    return read_bytes(classes, text, strlen(text));
}

#define names_are(...)                                                                         \
    do {                                                                                       \
        const char *const want_[] = { __VA_ARGS__ };                                           \
        assert_int_equal(model.classes, sizeof want_ / sizeof *want_);                         \
        for (int i_ = 0; i_ < model.classes; i_++)                                             \
            assert_string_equal(model.class_names[i_], want_[i_]);                             \
        dcn_model_clear(&model);                                                               \
    } while (0)

static void one_a_line(void **state)
{
    (void)state;
    assert_ok(labels(2, "cat\ndog\n"));
    names_are("cat", "dog");
    assert_ok(labels(2, "cat\ndog"));
    names_are("cat", "dog");
    assert_ok(labels(2, "\xef\xbb\xbf" "cat\r\n  grey  wolf\t \r\n\r\n \n"));
    names_are("cat", "grey  wolf");
    assert_ok(labels(2, "n01440764 tench, Tinca tinca\nn01443537\tgoldfish\n"));
    names_are("n01440764 tench, Tinca tinca", "n01443537 goldfish");
    assert_ok(labels(1, "k\xc3\xa4tzchen \xf0\x9f\x90\x88"));
    names_are("k\xc3\xa4tzchen \xf0\x9f\x90\x88");
    assert_ok(read_bytes(2, "a\33[31m\0b\nc\rd\n", 13));        /* nothing drives a terminal */
    names_are("a\\x1b[31m\\x00b", "c\\x0dd");
    assert_ok(labels(1, "\xc2\x9b" "1m"));
    names_are("\\xc2\\x9b1m");
    assert_ok(labels(2, "same\nsame\n"));                       /* ImageNet has two cranes */
    names_are("same", "same");
}

static void refused_lines(void **state)
{
    static char large[(1 << 20) + 2];
    char line[1200];

    (void)state;
    assert_refused(labels(2, ""), DCN_INPUT, "holds no names; write one a line");
    assert_refused(labels(2, "\xef\xbb\xbf \r\n"), DCN_INPUT, "holds no names");
    assert_refused(labels(3, "a\n \nc\n"), DCN_INPUT, "labels.txt:2:1: the line is empty");
    assert_refused(labels(2, "a\nb\xff\n"), DCN_INPUT, "labels.txt:2:2: byte 0xff is not UTF-8");
    assert_refused(labels(2, "\xc3\xa4\xc3\nb\n"), DCN_INPUT, "labels.txt:1:3: byte 0xc3");
    assert_refused(labels(1, "\xed\xa0\x80"), DCN_INPUT, "labels.txt:1:1: byte 0xed");
    assert_refused(read_bytes(1, "\xff\xfe" "a\0", 4), DCN_INPUT, "is UTF-16; save it as UTF-8");
    assert_refused(read_bytes(1, "\xfe\xff\0a", 4), DCN_INPUT, "is UTF-16");
    memset(line, 'a', sizeof line);
    assert_refused(read_bytes(1, line, 1001), DCN_INPUT, ":1:1: the line has more than 1000 bytes");
    assert_ok(read_bytes(1, line, 1000));
    dcn_model_clear(&model);
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = i % 2 ? '\n' : 'a';
    assert_refused(read_bytes(9, large, sizeof large), DCN_INPUT, "the limit is 1048576");
    assert_refused(read_bytes(9, large, 1 << 20), DCN_INPUT, "holds 524288 names");
    assert_refused(dcn_model_labels(&model, temporary("not there"), &err), DCN_FILE, "cannot open");
    assert_refused(dcn_model_labels(&model, "/", &err), DCN_FILE, "is a folder");
}

static void another_number(void **state)
{
    (void)state;
    assert_refused(labels(2, "background\na\nb\n"), DCN_INPUT, "holds 3 names, the network has 2 "
                   "classes; if the first names the background, remove it");
    assert_refused(labels(3, "a\nb\n"), DCN_INPUT, "holds 2 names, the network has 3 classes; if "
                   "the network's first class is the background");
    assert_refused(labels(7, "a\n"), DCN_INPUT, "holds 1 names, the network has 7 classes; use the "
                   "list of the network's own data set");
    assert_refused(labels(0, "a\nb\n"), DCN_INPUT, "holds 2 names, the network has 0 classes");
}

static void a_refusal_changes_nothing(void **state)
{
    dcn_model m = { .classes = 1 };
    char **before;

    (void)state;
    assert_ok(dcn__file_write(temporary("one.txt"), "first\n", 6, &err));
    assert_ok(dcn__file_write(temporary("two.txt"), "a\nb\n", 4, &err));
    assert_ok(dcn__file_write(temporary("new.txt"), "second\n", 7, &err));
    assert_ok(dcn_model_labels(&m, temporary("one.txt"), &err));
    before = m.class_names;
    assert_refused(dcn_model_labels(&m, temporary("two.txt"), &err), DCN_INPUT, "holds 2 names");
    assert_ptr_equal(m.class_names, before);
    assert_string_equal(m.class_names[0], "first");
    assert_ok(dcn_model_labels(&m, temporary("new.txt"), &err));
    assert_string_equal(m.class_names[0], "second");
    dcn_model_clear(&m);
}

static void json(void **state)
{
    (void)state;
    assert_ok(labels(2, "[\"cat\", \"k\\u00e4fer\"]"));
    names_are("cat", "k\xc3\xa4" "fer");
    assert_ok(labels(2, "\xef\xbb\xbf\n {\"1\": \"dog\", \"0\": \"c]at \\\"x\\\"\"}\r\n"));
    names_are("c]at \"x\"", "dog");
    assert_ok(labels(2, "{\"0\": [\"n01440764\", \"tench\"], "
                        "\"1\": [\"n01443537\", \"goldfish\"]}"));
    names_are("tench", "goldfish");
    assert_ok(labels(1, "[\"a\\u001b\\u007fb\\tc\"]"));
    names_are("a\\x1b\\x7fb c");
}

static void refused_json(void **state)
{
    static const struct { const char *text, *say; } cases[] = {
        { "[", "labels.txt:1:2: is not JSON (" },
        { "[\"a\",\n \"b\" \"c\"]", "labels.txt:2:6: is not JSON (" },
        { "[\"a\\u0000b\", \"c\"]", "is not JSON (" },
        { "[\"\xff\", \"c\"]", "is not JSON (" },
        { "[\"a\", 1]", "the name of class 1 is no text" },
        { "[\"a\", []]", "the name of class 1 is no text" },
        { "[\"a\", [\"b\", null]]", "the name of class 1 is no text" },
        { "[\"a\", {\"b\": 1}]", "the name of class 1 is no text" },
        { "[\"a\", \"\"]", "the name of class 1 is empty" },
        { "[]", "holds 0 names" },
        { "{}", "holds 0 names" },
        { "[\"a\", \"b\", \"c\"]", "holds 3 names, the network has 2 classes" },
        { "{\"1\": \"a\", \"2\": \"b\"}", "the key \"2\" is none of 0 to 1, each once" },
        { "{\"0\": \"a\", \"00\": \"b\"}", "is none of 0 to 1, each once" },
        { "{\"cat\": 0, \"dog\": 1}", "the key \"cat\" is none of 0 to 1" },
        { "{\"0\": \"a\", \"0\": \"b\"}", "is not JSON (" },
        { "{\"0\": \"a\", \"-1\": \"b\"}", "the key \"-1\" is none of" },
        { "[[[[[[[[[1]]]]]]]]]", "is nested deeper" },
        { "[\"a\", \"b\"] x", "is not JSON (" },
    };
    static char brackets[1 << 20], name[1100];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(labels(2, cases[i].text), DCN_INPUT, cases[i].say);
        assert_null(model.class_names);
    }
    memset(brackets, '[', sizeof brackets);
    assert_refused(read_bytes(2, brackets, sizeof brackets), DCN_INPUT, "is nested deeper");
    memset(brackets, ' ', sizeof brackets);
    for (size_t i = 0; i < 80000; i++)
        memcpy(brackets + 1 + 4 * i, "\"a\",", 4);
    brackets[0] = '[';
    brackets[4 * 80000] = ']';
    assert_refused(read_bytes(2, brackets, sizeof brackets), DCN_INPUT,
                   "holds 80000 names, 1 to 65536 are read");
    memset(name, 'a', sizeof name);
    memcpy(name, "[\"", 2);
    memcpy(name + sizeof name - 2, "\"]", 2);
    assert_refused(read_bytes(1, name, sizeof name), DCN_INPUT, "class 0 has more than 1000 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_a_line),     cmocka_unit_test(refused_lines),
        cmocka_unit_test(another_number), cmocka_unit_test(a_refusal_changes_nothing),
        cmocka_unit_test(json),
        cmocka_unit_test(refused_json),
    };

    return cmocka_run_group_tests_name("model_labels", tests, NULL, NULL);
}
