/* The book's page and atlas.json: the same book gives the same bytes, and whatever bytes a name holds,
 * they stay text. What a browser makes of it: test/page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "view/book.h"

#include <fcntl.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef dcn_status write_call(const dcn__book *, dcn__writer *, dcn_error *);

/* ---- a book of one layer with a usual channel, a dead one and a duplicate ------------------------ */

typedef struct sample {
    dcn__book book;
    dcn__book_layer layer;
    dcn__book_channel channels[3];
    dcn__book_unit units[2];
    const char *classes[3];
    int from;
} sample;

static void fill(sample *s)
{
    memset(s, 0, sizeof *s);
    s->units[0] = (dcn__book_unit){ .picture = 70000, .split = DCN_SPLIT_TEST, .index = 10000,
                                    .file = "a/b.png", .label = 2, .value = 0.1f, .y = 1, .x = 2,
                                    .box = { 1, 2, 4, 6, 1 }, .scale = 1e-7f };
    s->units[1] = (dcn__book_unit){ .picture = 5, .split = DCN_SPLIT_TRAIN, .index = 5, .label = -1,
                                    .value = -FLT_MAX, .box = { 0, 0, 3, 4, 0 } };
    s->channels[0] = (dcn__book_channel){ .same_as = -1, .fired = 3, .units = s->units,
                                          .n_units = 2, .strip = "tiles/0.png" };
    s->channels[1] = (dcn__book_channel){ .kind = DCN_CHANNEL_DEAD, .same_as = -1,
                                          .reason = "never fired on 8 pictures" };
    s->channels[2] = (dcn__book_channel){ .kind = DCN_CHANNEL_DUPLICATE, .same_as = 0, .fired = 3,
                                          .reason = "as channel 0", .units = s->units, .n_units = 2,
                                          .strip = "tiles/0.png" };
    s->from = -1;
    s->layer = (dcn__book_layer){ .name = "conv1", .op = "relu", .shape = { 4, 5, 3 },
                                  .field = { 3, 4 }, .stride = { 1, 2 }, .patch = { 3, 4 },
                                  .tile = { 3, 4 }, .from = &s->from, .n_from = 1,
                                  .channels = s->channels };
    s->classes[0] = "cat";
    s->classes[1] = "dog";
    s->classes[2] = "ship";
    s->book = (dcn__book){ .title = "Title", .model_name = "m", .data_name = "d", .data_kind = "IDX",
                           .pictures_text = "8 test pictures", .rule = "deconvnet", .engine = "ref",
                           .input = { 8, 9, 1 }, .pictures = 8, .top = 9, .classes = 3,
                           .class_names = s->classes, .layers = &s->layer, .n_layers = 1 };
}

/* The bytes as text; free with dcn__free. */
static char *written(const dcn__book *book, write_call *call)
{
    const char *path = DCN_TEST_TMP "/view_book.out";
    dcn__bytes bytes;
    dcn__writer w;
    dcn_error err;
    char *text;

    assert_int_equal(dcn__writer_begin(&w, path, &err), DCN_OK);
    assert_int_equal(call(book, &w, &err), DCN_OK);
    assert_int_equal(dcn__writer_commit(&w, &err), DCN_OK);
    assert_int_equal(dcn__file_read(&bytes, path, 1 << 26, &err), DCN_OK);
    unlink(path);
    text = dcn__alloc(bytes.size + 1);
    memcpy(text, bytes.data, bytes.size);
    assert_int_equal(strlen(text), bytes.size);
    dcn__bytes_clear(&bytes);
    return text;
}

static void expect(const dcn__book *book, write_call *call, const char *part, bool there)
{
    char *text = written(book, call);

    if (!strstr(text, part) == there)
        fail_msg("%s: %s", there ? "is missing" : "should not be there", part);
    dcn__free(text);
}

/* ---- atlas.json --------------------------------------------------------------------------------- */

static void json_says_what_the_book_says(void **state)
{
    static const char *const parts[] = {
        "{\"format\": \"deconvnet-atlas 1\",\n \"producer\": \"deconvnet " DCN_VERSION "\",\n",
        "\"model\": {\"name\": \"m\", \"hash\": null, \"guess\": null}",
        "\"data\": {\"name\": \"d\", \"kind\": \"IDX\", \"split\": \"8 test pictures\", \"pictures\": 8}",
        "\"input\": {\"h\": 8, \"w\": 9, \"c\": 1}", "\"top\": 9,",
        "\"classes\": [\"cat\", \"dog\", \"ship\"]", "\"outputs\": []",
        "\"name\": \"conv1\", \"op\": \"relu\", \"head\": \"conv1\"",
        "\"field\": [3, 4], \"stride\": [1, 2], \"patch\": [3, 4], \"tile\": [3, 4], \"from\": [-1], "
        "\"raw\": null",
        "{\"channel\":0,\"kind\":\"usual\",\"reason\":null,\"same_as\":null,\"fired\":3,"
        "\"share\":0.375,\"strip\":\"tiles/0.png\",\"top\":[{\"picture\":70000,\"split\":\"test\","
        "\"index\":10000,\"file\":\"a/b.png\",\"label\":2,\"class\":\"ship\",\"value\":0.1,\"y\":1,"
        "\"x\":2,\"box\":{\"top\":1,\"left\":2,\"bottom\":4,\"right\":6,\"clipped\":true},"
        "\"scale\":1e-07},{\"picture\":5,\"split\":\"train\",\"index\":5,\"file\":null,"
        "\"label\":null,\"class\":null,\"value\":-3.4028235e+38,\"y\":0,\"x\":0,",
        "{\"channel\":1,\"kind\":\"dead\",\"reason\":\"never fired on 8 pictures\",\"same_as\":null,"
        "\"fired\":0,\"share\":0,\"strip\":null,\"top\":[]}",
        "{\"channel\":2,\"kind\":\"duplicate\",\"reason\":\"as channel 0\",\"same_as\":0,",
    };
    sample s;

    (void)state;
    fill(&s);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        expect(&s.book, dcn__book_json, parts[i], true);
    s.book.class_names = NULL;
    expect(&s.book, dcn__book_json, "\"classes\": [\"0\", \"1\", \"2\"]", true);
    expect(&s.book, dcn__book_json, "\"label\":2,\"class\":\"2\"", true);
}

/* The shortest text, and the same float when it is read. */
static void numbers_read_back(void **state)
{
    static const struct { float value; const char *text; } cases[] = {
        { 0, "0" }, { 1, "1" }, { 0.1f, "0.1" }, { 1.0f / 3, "0.33333334" }, { 16777216, "16777216" },
        { 1e10f, "1e+10" }, { FLT_MIN, "1.1754944e-38" }, { FLT_TRUE_MIN, "1e-45" },
        { -2.5f, "-2.5" }, { INFINITY, "null" }, { NAN, "null" },
    };
    uint32_t bits = 1;
    sample s;

    (void)state;
    fill(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char part[64];

        s.units[0].value = cases[i].value;
        snprintf(part, sizeof part, "\"value\":%s,\"y\":1", cases[i].text);
        expect(&s.book, dcn__book_json, part, true);
    }
    for (int i = 0; i < 300; i++) {
        char *text, *at;

        bits = bits * 1664525u + 1013904223u;
        memcpy(&s.units[0].value, &bits, sizeof bits);
        if (!isfinite(s.units[0].value))
            continue;
        text = written(&s.book, dcn__book_json);
        at = strstr(text, "\"value\":") + 8;
        assert_true(strtof(at, NULL) == s.units[0].value);
        dcn__free(text);
    }
}

static void no_locale_changes_a_byte(void **state)
{
    static const char *const german[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8" };
    write_call *const calls[] = { dcn__book_json, dcn__book_page };
    bool found = false;
    sample s;

    (void)state;
    fill(&s);
    for (int i = 0; i < 2; i++) {
        char *before = written(&s.book, calls[i]), *after;

        for (size_t k = 0; k < sizeof german / sizeof *german && !found; k++)
            found = setlocale(LC_ALL, german[k]) != NULL;
        after = written(&s.book, calls[i]);
        setlocale(LC_ALL, "C");
        found = false;
        assert_string_equal(before, after);
        dcn__free(before);
        dcn__free(after);
    }
}

/* ---- names of any bytes --------------------------------------------------------------------------- */

static const struct { const char *bytes, *json, *page; } names[] = {
    { "plain", "\"plain\"", "\"plain\"" },
    { "d\xc3\xa4mmerung \xf0\x9f\x90\xb8", "\"d\xc3\xa4mmerung \xf0\x9f\x90\xb8\"",
      "\"d\xc3\xa4mmerung \xf0\x9f\x90\xb8\"" },
    { "say \"\\hi\\\"", "\"say \\\"\\\\hi\\\\\\\"\"", "\"say \\\"\\\\hi\\\\\\\"\"" },
    { "<script>alert(1)</script>", "\"<script>alert(1)</script>\"",
      "\"\\u003cscript>alert(1)\\u003c/script>\"" },
    { "<!-- <script", "\"<!-- <script\"", "\"\\u003c!-- \\u003cscript\"" },
    { "\xff\xfe", "\"\\\\xff\\\\xfe\"", "\"\\\\xff\\\\xfe\"" },
    { "cut \xc3", "\"cut \\\\xc3\"", "\"cut \\\\xc3\"" },
    { "over \xc0\xbc", "\"over \\\\xc0\\\\xbc\"", "\"over \\\\xc0\\\\xbc\"" },
    { "half \xed\xa0\x80", "\"half \\\\xed\\\\xa0\\\\x80\"", "\"half \\\\xed\\\\xa0\\\\x80\"" },
    { "a\nb\tc\x7f\x1b", "\"a\\u000ab\\u0009c\\u007f\\u001b\"", "\"a\\u000ab\\u0009c\\u007f\\u001b\"" },
    { "two\xe2\x80\xa8lines\xe2\x80\xa9", "\"two\\u2028lines\\u2029\"", "\"two\\u2028lines\\u2029\"" },
    { "c1 \xc2\x85", "\"c1 \\u0085\"", "\"c1 \\u0085\"" },
    { "", "\"\"", "\"\"" },
};

static void expect_name(sample *s, size_t i)
{
    char part[200];

    snprintf(part, sizeof part, "%s", names[i].json);
    expect(&s->book, dcn__book_json, part, true);
    snprintf(part, sizeof part, "%s", names[i].page);
    expect(&s->book, dcn__book_page, part, true);
}

static void any_bytes_stay_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sample s;

        fill(&s);
        s.classes[1] = names[i].bytes;
        expect_name(&s, i);
        fill(&s);
        s.units[0].file = names[i].bytes;
        expect_name(&s, i);
        fill(&s);
        s.layer.name = names[i].bytes;
        expect_name(&s, i);
        fill(&s);
        s.channels[0].strip = names[i].bytes;
        expect_name(&s, i);
        fill(&s);
        s.channels[1].reason = names[i].bytes[0] ? names[i].bytes : "\"\"";
        if (names[i].bytes[0])
            expect_name(&s, i);
        fill(&s);
        s.book.rule = names[i].bytes;
        expect_name(&s, i);
    }
}

/* Whatever every text of the book is: as many scripts as without, and no other tag of theirs. */
static void no_name_makes_an_element(void **state)
{
    static const char *const bad = "</script><script>alert(1)</script><img src=x>{{script}}";
    sample s, usual;
    char *page, *plain;
    int scripts = 0, plain_scripts = 0;

    (void)state;
    fill(&usual);
    fill(&s);
    s.book.title = s.book.model_name = s.book.model_hash = s.book.guess = s.book.data_name = bad;
    s.book.data_kind = s.book.pictures_text = s.book.preprocess = s.book.rule = bad;
    s.book.extensions = s.book.engine = s.layer.name = s.layer.op = s.layer.head = bad;
    s.layer.raw = s.channels[0].strip = s.channels[1].reason = s.units[0].file = bad;
    s.classes[0] = s.classes[1] = s.classes[2] = bad;
    page = written(&s.book, dcn__book_page);
    plain = written(&usual.book, dcn__book_page);
    for (char *at = page; (at = strstr(at, "<script")); at++)
        scripts++;
    for (char *at = plain; (at = strstr(at, "<script")); at++)
        plain_scripts++;
    assert_int_equal(scripts, plain_scripts);
    assert_null(strstr(page, "<img"));
    assert_non_null(strstr(page, "<title>&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    dcn__free(page);
    dcn__free(plain);
}

/* ---- the page ------------------------------------------------------------------------------------ */

static void the_same_book_gives_the_same_bytes(void **state)
{
    sample a, b;
    char *first, *second;

    (void)state;
    fill(&a);
    fill(&b);
    first = written(&a.book, dcn__book_page);
    second = written(&b.book, dcn__book_page);
    assert_string_equal(first, second);
    dcn__free(first);
    dcn__free(second);
}

/* Units of one picture share its facts: [number, test, index, label, file], by number. */
static void pictures_stand_there_once(void **state)
{
    sample s;

    (void)state;
    fill(&s);
    expect(&s.book, dcn__book_page,
           "id=\"book-pictures\">[\n[5,0,5,-1,0],\n[70000,1,10000,2,\"a/b.png\"]]</script>", true);
    expect(&s.book, dcn__book_page,
           "[0,-1,3,0,\"tiles/0.png\",[1,0.1,1,2,1,2,4,6,1,1e-07,0,-3.4028235e+38,", true);
    expect(&s.book, dcn__book_page, "[1,-1,0,\"never fired on 8 pictures\",0,[]]", true);
    expect(&s.book, dcn__book_page, "[3,0,3,\"as channel 0\",", true);
    expect(&s.book, dcn__book_page, "\"kinds\":[1,1,0,1],\"most\":2,\"from\":[-1]}", true);
}

static void the_policy_names_the_pages_own_text(void **state)
{
    sample s;
    char *page, *http;

    (void)state;
    fill(&s);
    page = written(&s.book, dcn__book_page);
    assert_non_null(strstr(page, "content=\"default-src 'none';"));
    assert_null(strstr(page, "unsafe"));
    assert_null(strstr(page, "https:"));
    assert_non_null(http = strstr(page, "http:"));      /* SVG's name, which nobody fetches */
    assert_int_equal(strncmp(http, "http://www.w3.org/2000/svg\"", 27), 0);
    assert_null(strstr(http + 1, "http:"));
    assert_null(strstr(page, "{{"));
    dcn__free(page);
}

/* ---- one file ------------------------------------------------------------------------------------ */

static dcn_status three_bytes(void *user, const char *name, dcn__bytes *bytes, const char **type,
                              dcn_error *err)
{
    int *calls = user;

    assert_string_equal(name, "tiles/0.png");
    if (++*calls == 3)
        return dcn__fail(err, DCN_FILE, name, "is gone; draw again");
    if (!(bytes->data = dcn__alloc(4)))
        return dcn__fail_memory(err, name, 4);
    memcpy(bytes->data, "\x00\xff\x10\x83", bytes->size = 4);
    *type = "image/png";
    return DCN_OK;
}

static void a_single_file_holds_its_strips(void **state)
{
    int calls = 0;
    dcn__writer w;
    dcn_error err;
    sample s;

    (void)state;
    fill(&s);
    s.book.strip = three_bytes;
    s.book.user = &calls;
    expect(&s.book, dcn__book_page, "<script type=\"text/plain\" id=\"book-strip-0-2\">"
           "data:image/png;base64,AP8Qgw==</script>", true);
    assert_int_equal(calls, 2);         /* the dead channel has none */
    assert_int_equal(dcn__writer_begin(&w, DCN_TEST_TMP "/view_book.out", &err), DCN_OK);
    assert_int_equal(dcn__book_page(&s.book, &w, &err), DCN_FILE);
    assert_non_null(strstr(err.text, "tiles/0.png: is gone"));
    dcn__writer_abort(&w);
}

/* ---- what may fail ------------------------------------------------------------------------------- */

static void a_full_disk_is_said(void **state)
{
    const int full = open("/dev/full", O_WRONLY);
    dcn__writer w;
    dcn_error err;
    sample s;

    (void)state;
    fill(&s);
    assert_int_equal(dcn__writer_begin(&w, DCN_TEST_TMP "/view_book.out", &err), DCN_OK);
    assert_int_equal(dup2(full, w.fd), w.fd);
    close(full);
    assert_int_equal(dcn__book_page(&s.book, &w, &err), DCN_FILE);
    assert_int_equal(dcn__book_json(&s.book, &w, &err), DCN_FILE);
    assert_non_null(strstr(err.text, "view_book.out"));
    dcn__writer_abort(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_says_what_the_book_says),
        cmocka_unit_test(numbers_read_back),
        cmocka_unit_test(no_locale_changes_a_byte),
        cmocka_unit_test(any_bytes_stay_text),
        cmocka_unit_test(no_name_makes_an_element),
        cmocka_unit_test(the_same_book_gives_the_same_bytes),
        cmocka_unit_test(pictures_stand_there_once),
        cmocka_unit_test(the_policy_names_the_pages_own_text),
        cmocka_unit_test(a_single_file_holds_its_strips),
        cmocka_unit_test(a_full_disk_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
