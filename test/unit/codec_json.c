/* codec_json.c - our JSON reader beside Jansson: the same texts are taken, the same are refused, and what is read
 * is the same value by value. By hand, and by random changes of what was written by hand. */
#include "faults.h"
#include "support.h"

#ifndef DCN_HAVE_JANSSON
int main(void)
{
    puts("skipped: this build has no Jansson to compare with");
    return 77;
}
#else

#include "base/memory.h"
#include "codec/json_read.h"

#include <jansson.h>

enum { DEPTH = 64, LONGEST = 400 };

static const char *const texts[] = {
    "[]", "{}", " [ ] ", "\t{\r\n}\n", "[[],{},[[]]]", "{\"\":0}", "{\"a\":1,\"b\":[2,3],\"c\":{\"d\":\"e\"}}",
    "[null,true,false]", "[nul]", "[nulll]", "[True]", "null", "1", "\"a\"", "", " ", "[", "]", "{", "}", "[}", "{]",
    "[,]", "[1,]", "[,1]", "[1 2]", "[1,,2]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{1:2}", "{a:1}",
    "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
    "[] []", "[]x", "[]\f", "//\n[]", "[/**/]", "['a']",
    "[0,-0,1,-1,10,9223372036854775807,-9223372036854775808]", "[9223372036854775808]", "[-9223372036854775809]",
    "[1234567890123456789012345]", "[00]", "[01]", "[-01]", "[+1]", "[-]", "[--1]", "[.5]", "[1.]", "[-.5]", "[1.5]", "[-1.50]",
    "[1e5]", "[1E+5]", "[1e-5]", "[1e]", "[1e+]", "[1.e1]", "[1.5e300]", "[1e999]", "[1e-999]", "[0e1]", "[0x10]", "[1_0]", "[NaN]",
    "[Infinity]", "[-Infinity]",
    "[\"\"]", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"]", "[\"\\uD83D\\uDE00\"]", "[\"\\ud83d\"]",
    "[\"\\ude00\"]", "[\"\\ud83d\\u0041\"]", "[\"\\ud83d\\ud83d\"]", "[\"\\ud83dx\"]", "[\"\\u0000\"]", "[\"\\u00\"]", "[\"\\u00g0\"]",
    "[\"\\x41\"]", "[\"\\a\"]", "[\"\\\"]", "[\"a]", "[\"\n\"]", "[\"\x01\"]", "[\"\x7f\"]", "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"]",
    "[\"\x80\"]", "[\"\xc3\"]", "[\"\xc0\xaf\"]", "[\"\xe0\x80\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xff\"]",
    "\xef\xbb\xbf[]", "[\"\xef\xbf\xbf\"]",
    "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
    "{\"__metadata__\":{\"format\":\"pt\"},\"conv1.weight\":{\"dtype\":\"F32\",\"shape\":[8,3,5,5],\"data_offsets\":[0,2400]}}",
};

/* What of Jansson's value is not ours, or NULL. */
static const char *differs(const dcn__json *ours, const json_t *theirs)
{
    const char *why = NULL;
    const dcn__json *m = dcn__json_first(ours);

    if (json_is_integer(theirs))
        return ours->kind != DCN__JSON_INTEGER || ours->integer != json_integer_value(theirs) ? "an integer" : NULL;
    if (json_is_string(theirs))
        return ours->kind != DCN__JSON_TEXT || strcmp(ours->text, json_string_value(theirs)) != 0 ? "a text" : NULL;
    if (json_is_array(theirs)) {
        if (ours->kind != DCN__JSON_LIST || ours->count != json_array_size(theirs))
            return "a list";
        for (uint32_t i = 0; i < ours->count && !why; i++, m = dcn__json_next(m))
            why = m->key ? "a key in a list" : differs(m, json_array_get(theirs, i));
        return why ? why : m != dcn__json_end(ours) ? "a list's end" : NULL;
    }
    if (json_is_object(theirs)) {
        if (ours->kind != DCN__JSON_OBJECT || ours->count != json_object_size(theirs))
            return "an object";
        for (uint32_t i = 0; i < ours->count && !why; i++, m = dcn__json_next(m)) {
            const json_t *member = m->key ? json_object_get(theirs, m->key) : NULL;

            why = !member ? "a key" : dcn__json_member(ours, m->key) != m ? "a found key" : differs(m, member);
        }
        return why ? why : m != dcn__json_end(ours) ? "an object's end" : NULL;
    }
    return ours->kind != DCN__JSON_OTHER ? "another value" : NULL;
}

/* Both read it. Whether it was taken. */
static bool read_by_both(const char *text, size_t n)
{
    dcn__json_fault fault = { 0 };
    json_error_t error = { 0 };
    dcn__json *ours;
    json_t *theirs = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    const dcn_status st = dcn__json_read(&ours, text, n, DEPTH, &fault);
    const char *why = NULL;

    if (st && st != DCN_INPUT)
        why = "a status";
    else if (!st && theirs)
        why = differs(ours, theirs);
    else if (!st && !strstr(error.text, "real number overflow"))      /* such a number is nothing to us */
        why = "ours takes it, Jansson does not";
    else if (st && theirs)
        why = "ours refuses it";
    else if (st && (!fault.why || fault.line < 1 || fault.column < 1 || fault.at > n))
        why = "a refusal without reason or place";
    if (why)
        fail_msg("%s (ours: %s, Jansson: %s): %.*s", why, fault.why ? fault.why : "taken", error.text, (int)n, text);
    dcn__free(ours);
    json_decref(theirs);
    return !st;
}

static void written_by_hand(void **state)
{
    int taken = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        taken += read_by_both(texts[i], strlen(texts[i]));
    assert_in_range(taken, 25, 45);
}

/* Jansson 2.14 takes one behind a number, so ours is asked alone. */
static void a_nul_is_never_taken(void **state)
{
    const char good[] = "[1, \"a\", {\"b\": 2.5e1}, null]";

    (void)state;
    for (size_t at = 0; at <= strlen(good); at++) {
        dcn__json_fault fault = { 0 };
        char text[sizeof good + 1];
        dcn__json *root;

        memcpy(text, good, at);
        text[at] = '\0';
        memcpy(text + at + 1, good + at, strlen(good) - at);
        assert_int_equal(dcn__json_read(&root, text, strlen(good) + 1, DEPTH, &fault), DCN_INPUT);
        assert_in_range(fault.at, at ? 1 : 0, at);       /* of an unfinished number or word: where it begins */
    }
}

/* A few bytes are changed, doubled, left out, or come from another text. */
static size_t changed(char *text, size_t n, dcn__random *r)
{
    static const char bytes[] = "{}[]:,\"\\/bfnrtu0123456789aAeE+-. \t\n\x01\x7f\x80\xc3\xa9\xe2\xed\xf0";

    for (uint64_t times = 1 + dcn__random_below(r, 4); times--; ) {
        const size_t at = dcn__random_below(r, n + 1), rest = n - at;
        const char *other = texts[dcn__random_below(r, COUNT(texts))];
        size_t piece = strlen(other) ? dcn__random_below(r, strlen(other)) : 0, length = strlen(other) - piece;

        switch (dcn__random_below(r, 4)) {
        case 0:                                        /* another byte */
            if (rest)
                text[at] = bytes[dcn__random_below(r, sizeof bytes - 1)];
            break;
        case 1:                                        /* one more */
            if (n < LONGEST) {
                memmove(text + at + 1, text + at, rest);
                text[at] = bytes[dcn__random_below(r, sizeof bytes - 1)];
                n++;
            }
            break;
        case 2:                                        /* some fewer */
            piece = rest ? dcn__random_below(r, rest < 4 ? rest + 1 : 4) : 0;
            memmove(text + at, text + at + piece, rest - piece);
            n -= piece;
            break;
        default:                                       /* a part of another */
            length = length ? dcn__random_below(r, length + 1) : 0;
            if (n + length <= LONGEST) {
                memmove(text + at + length, text + at, rest);
                memcpy(text + at, other + piece, length);
                n += length;
            }
        }
    }
    return n;
}

static void changed_at_random(void **state)
{
    const long tries = test_full() ? 5000000 : 200000;
    dcn__random r = dcn__random_stream(20261123, 0, 0);
    char text[LONGEST + 1];
    long taken = 0;

    (void)state;
    for (long i = 0; i < tries; i++) {
        const char *from = texts[dcn__random_below(&r, COUNT(texts))];
        size_t n = strlen(from);

        memcpy(text, from, n);
        n = changed(text, n, &r);
        taken += read_by_both(text, n);
    }
    assert_in_range(taken, tries / 20, tries / 2);
    figure("JSON: %zu texts by hand and %ld random changes of them, seed 20261123: %ld taken, all as Jansson takes, "
           "refuses and reads them", COUNT(texts), tries, taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_by_hand), cmocka_unit_test(a_nul_is_never_taken),
        cmocka_unit_test(changed_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
