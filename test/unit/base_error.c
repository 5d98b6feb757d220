/* Error sentences: their shape, their length, what they let through. */
#include "support.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <regex.h>

/* The pattern of the command's line, without its "deconvnet: error: ". */
static void check_shape(const dcn_error *e)
{
    regex_t pattern;

    assert_true(strlen(e->text) <= 375);
    assert_true(dcn__text_is_utf8(e->text, strlen(e->text)));
    for (const char *p = e->text; *p; p++)
        assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    assert_int_equal(regcomp(&pattern, "^[^:]+(:[0-9]+:[0-9]+|@0x[0-9a-f]+)?: .+; .+$",
                             REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&pattern, e->text, 0, NULL, 0) != 0)
        fail_msg("not WHERE: WHAT; WHAT TO DO: %s", e->text);
    regfree(&pattern);
}

static void says_where_what_and_what_to_do(void **state)
{
    (void)state;
    must_say(dcn__fail(&err, DCN_INPUT, "a.bin", "record %d is cut; copy it again", 7), DCN_INPUT,
             "a.bin: record 7 is cut; copy it again");
    must_say(dcn__fail_at(&err, DCN_INPUT, "data_batch_3.bin", 0x5407, "label 10; extract it again"),
             DCN_INPUT, "data_batch_3.bin@0x5407: label 10; extract it again");
    must_say(dcn__fail_at(&err, DCN_FILE, "f", UINT64_MAX, "x; y"), DCN_FILE,
             "f@0xffffffffffffffff: x; y");
    must_say(dcn__fail_line(&err, DCN_USAGE, "net.txt", 12, 9,
                            "filters -64 is outside 1..65536; correct the line"),
             DCN_USAGE, "net.txt:12:9: filters -64 is outside 1..65536; correct the line");
    must_say(dcn__fail_errno(&err, "f", "open it", ENOENT, "check the name"), DCN_FILE,
             "f: cannot open it (No such file or directory); check the name");
    must_say(dcn__fail_memory(&err, "a plan", 77), DCN_MEMORY,
             "memory: no 77 bytes for a plan; free memory or ask for less");
    must_say(dcn__fail(&err, DCN_BUG, NULL, "a; b"), DCN_BUG, "deconvnet: a; b");
    must_say(dcn__fail(&err, DCN_BUG, "", "a; b"), DCN_BUG, "deconvnet: a; b");
}

static void takes_no_error(void **state)
{
    (void)state;
    assert_int_equal(dcn__fail(NULL, DCN_PEER, "w", "a; b"), DCN_PEER);
    assert_int_equal(dcn__fail_at(NULL, DCN_INPUT, "w", 1, "a; b"), DCN_INPUT);
    assert_int_equal(dcn__fail_line(NULL, DCN_USAGE, "w", 1, 1, "a; b"), DCN_USAGE);
    assert_int_equal(dcn__fail_errno(NULL, "w", "a", EIO, "b"), DCN_FILE);
    assert_int_equal(dcn__fail_memory(NULL, "w", 1), DCN_MEMORY);
}

static void escapes_what_came_from_a_file(void **state)
{
    (void)state;
    must_say(dcn__fail(&err, DCN_INPUT, "a\nb", "tensor %s is short; fetch it again", "x\x1b[2J\r\n"),
             DCN_INPUT, "a\\x0ab: tensor x\\x1b[2J\\x0d\\x0a is short; fetch it again");
    /* C1 controls, line separators, overlong forms, surrogates and cut characters. */
    must_say(dcn__fail(&err, DCN_INPUT, "f", "%s; look",
                       "\xc2\x9b" "A\xe2\x80\xa8" "B\xc0\xaf" "C\xed\xa0\x80" "D\xf4\x90\x80\x80" "E\xe2\x82"),
             DCN_INPUT, "f: \\xc2\\x9bA\\xe2\\x80\\xa8B\\xc0\\xafC\\xed\\xa0\\x80D\\xf4\\x90\\x80\\x80E"
                        "\\xe2\\x82; look");
    must_say(dcn__fail(&err, DCN_INPUT, "photo \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb1", "is bad; go"),
             DCN_INPUT, "photo \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb1: is bad; go");
}

static void shortens_a_long_path_from_the_left(void **state)
{
    char path[4001];

    (void)state;
    memset(path, 'a', sizeof path);
    memcpy(path + 3990, "/model.bin", 11);
    dcn__fail_errno(&err, path, "open it", ENAMETOOLONG, "check the name and the permissions");
    check_shape(&err);
    assert_memory_equal(err.text, "...", 3);
    assert_non_null(strstr(err.text, "/model.bin: cannot open it (File name too long); check the name "
                                     "and the permissions"));
    /* Control bytes take four times the room; the path's end and the advice must survive that. */
    memset(path, '\n', 3990);
    dcn__fail_errno(&err, path, "open it", ENAMETOOLONG, "check the name and the permissions");
    check_shape(&err);
    assert_non_null(strstr(err.text, "/model.bin: cannot open it (File name too long); check the name "
                                     "and the permissions"));
    /* Never half a character. */
    for (int shift = 0; shift < 3; shift++) {
        memset(path, 'a', 3);
        for (int i = 0; i < 3900; i++)
            path[i + shift] = "\xe2\x82\xac"[i % 3];
        memcpy(path + 3900 + shift, "/model.bin", 11);
        dcn__fail_errno(&err, path, "open it", ENAMETOOLONG, "check the name");
        check_shape(&err);
        assert_null(strstr(err.text, "\\x"));
    }
}

/* However long WHAT is, the sentence keeps its advice. */
static void keeps_the_advice(void **state)
{
    static const char *const fillers[] = { "x", "\x01", "\xff", "\xe2\x82\xac", ";", "%s" };
    static char what[300001];

    (void)state;
    for (size_t f = 0; f < COUNT(fillers); f++)
        for (size_t n = 1; n <= 100000; n = n < 2000 ? n + 7 : n * 5) {
            what[0] = '\0';
            for (size_t i = 0, one = strlen(fillers[f]); i < n; i++)
                memcpy(what + i * one, fillers[f], one + 1);
            dcn__fail(&err, DCN_USAGE, "engine", "there is no engine \"%s\" in this build; use cpu or ref",
                      what);
            check_shape(&err);
            if (!strstr(err.text, "; use cpu or ref"))
                fail_msg("the advice is lost (filler %zu, %zu of them): %s", f, n, err.text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_what_and_what_to_do),
        cmocka_unit_test(takes_no_error),
        cmocka_unit_test(escapes_what_came_from_a_file),
        cmocka_unit_test(shortens_a_long_path_from_the_left),
        cmocka_unit_test(keeps_the_advice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
