/* Escaping, growing strings, strict numbers in every locale, near words, checked arithmetic. */
#include "support.h"

#include "base/memory.h"
#include "base/text.h"

static void escapes_within_any_room(void **state)
{
    static const char text[] = "a\xc3\xa9\x07z\xe2\x82\xac";
    static const char whole[] = "a\xc3\xa9\\x07z\xe2\x82\xac";
    char out[32];

    (void)state;
    assert_int_equal(dcn__text_escape(out, sizeof out, text, sizeof text - 1), strlen(whole));
    assert_string_equal(out, whole);
    for (size_t size = 0; size < sizeof whole; size++) {
        size_t n;

        memset(out, 'Q', sizeof out);
        n = dcn__text_escape(out, size, text, sizeof text - 1);
        for (size_t i = size; i < sizeof out; i++)
            assert_int_equal(out[i], 'Q');
        if (!size)
            continue;
        assert_true(n < size);
        assert_int_equal(strlen(out), n);
        assert_memory_equal(out, whole, n);
        assert_true(dcn__text_is_utf8(out, n));
    }
    assert_int_equal(dcn__text_escape(out, sizeof out, "\0b", 2), 5);
    assert_string_equal(out, "\\x00b");
    /* What breaks lines or turns their direction is UTF-8, but not fit to be printed. */
    for (int c = 0xa7; c <= 0xaf; c++) {
        const char mark[] = { '\xe2', '\x80', (char)c, '\0' };

        assert_true(dcn__text_is_utf8(mark, 3));
        assert_int_equal(dcn__text_escape(out, sizeof out, mark, 3), c >= 0xa8 && c <= 0xae ? 12 : 3);
    }
    assert_int_equal(dcn__text_escape(out, sizeof out, "\xe2\x81\xa6", 3), 12);
    assert_int_equal(dcn__text_escape(out, sizeof out, "\xe2\x81\xa9", 3), 12);
    assert_int_equal(dcn__text_escape(out, sizeof out, "\xe2\x81\xaa", 3), 3);
    assert_true(dcn__text_is_utf8("\xc2\x85", 2));
    assert_int_equal(dcn__text_escape(out, sizeof out, "\xc2\x85", 2), 8);
}

static void clips_at_characters(void **state)
{
    (void)state;
    assert_int_equal(dcn__text_clip("a\xe2\x82\xac", 9), 4);
    assert_int_equal(dcn__text_clip("a\xe2\x82\xac", 4), 4);
    assert_int_equal(dcn__text_clip("a\xe2\x82\xac", 3), 1);
    assert_int_equal(dcn__text_clip("a\xe2\x82\xac", 1), 1);
    assert_int_equal(dcn__text_clip("", 0), 0);
}

static void knows_utf8(void **state)
{
    static const char *const good[] = { "", "abc\n", "\xc2\x80", "\xc3\xa9", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80" };
    static const char *const bad[] = { "\x80", "\xc2", "\xc2" "a", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xe2\x80", "\xe2\x80" "A", "\xe2\x80\xc0", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "ok\xe2\x82" };

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        if (!dcn__text_is_utf8(good[i], strlen(good[i])))
            fail_msg("good %zu refused", i);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (dcn__text_is_utf8(bad[i], strlen(bad[i])))
            fail_msg("bad %zu accepted", i);
}

static void strings_grow(void **state)
{
    dcn__string s = { 0 };
    char *expected = malloc(100001);

    (void)state;
    dcn__string_append(&s, "", 0);
    assert_int_equal(s.length, 0);
    for (int i = 0; i < 20000; i++) {
        dcn__string_printf(&s, "%05d", i);
        snprintf(expected + i * 5, 6, "%05d", i);
    }
    assert_false(s.failed);
    assert_int_equal(s.length, 100000);
    assert_string_equal(s.text, expected);
    dcn__string_printf(&s, "%s", expected);   /* longer than the small buffer */
    assert_int_equal(s.length, 200000);
    assert_string_equal(s.text + 100000, expected);
    dcn__string_append(&s, "x", SIZE_MAX - 10);   /* overflows: failed, and stays so */
    assert_true(s.failed);
    dcn__string_append(&s, "y", 1);
    assert_int_equal(s.length, 200000);
    dcn__string_clear(&s);
    assert_null(s.text);
    free(expected);
}

static bool int_is(const char *text, int64_t wanted)
{
    int64_t v = 42;

    return dcn__parse_int(text, strlen(text), INT64_MIN, INT64_MAX, &v) && v == wanted;
}

static bool int_refused(const char *text)
{
    int64_t v = 42;

    return !dcn__parse_int(text, strlen(text), INT64_MIN, INT64_MAX, &v) && v == 42;
}

static void integers_are_strict(void **state)
{
    static const char *const bad[] = { "", "-", "+", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "+-1", "1,000",
        "\xd9\xa1", "9223372036854775808", "-9223372036854775809", "99999999999999999999999" };
    int64_t v = 42;

    (void)state;
    assert_true(int_is("0", 0) && int_is("-0", 0) && int_is("+7", 7) && int_is("007", 7));
    assert_true(int_is("9223372036854775807", INT64_MAX) && int_is("-9223372036854775808", INT64_MIN));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!int_refused(bad[i]))
            fail_msg("accepted \"%s\"", bad[i]);
    assert_true(dcn__parse_int("123456", 3, 0, 200, &v) && v == 123);
    assert_false(dcn__parse_int("201", 3, 0, 200, &v));
    assert_false(dcn__parse_int("-1", 2, 0, 200, &v));
    assert_int_equal(v, 123);
}

static void check_doubles(void)
{
    static const char *const bad[] = { "", ".", "-", "1,5", "1.5 ", " 1.5", "1.5f", "nan", "inf", "1e999", "0x1p3",
        "1e", "1.2.3", "000000000000000000000000000000000000000000000000000000000000000000001" };
    double v = 42;

    for (size_t i = 0; i < COUNT(bad); i++)
        if (dcn__parse_double(bad[i], strlen(bad[i]), &v) || v != 42)
            fail_msg("accepted \"%s\"", bad[i]);
    assert_false(dcn__parse_double("1\0" "2", 3, &v));
    assert_true(dcn__parse_double("0.01", 4, &v) && v == 0.01);
    assert_true(dcn__parse_double("-1.5e-3", 7, &v) && v == -1.5e-3);
    assert_true(dcn__parse_double("1e-400", 6, &v) && v == 0);
    assert_true(dcn__parse_double("12345", 2, &v) && v == 12);
}

static void doubles_are_strict(void **state)
{
    (void)state;
    check_doubles();
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    static const char net[] = "x = input 4x4x1\nc = conv filters=2 kernel=3 init=0.0125 bias=-1.5\n";
    char printed[32], text[256];
    dcn_graph *g;

    (void)state;
    if (!comma_locale())
        skip();
    snprintf(printed, sizeof printed, "%.1f", 1.5);
    assert_string_equal(printed, "1,5");   /* else this test would show nothing */
    check_doubles();
    g = graph_of(net);
    dcn_graph_text(g, text, sizeof text);
    assert_string_equal(text, net);
    dcn_graph_destroy(g);
    setlocale(LC_ALL, "C");
}

static void finds_near_words(void **state)
{
    static const char *const words[] = { "conv", "relu", "max_pool", "avg_pool", "dense", "softmax" };
    const int n = (int)COUNT(words);

    (void)state;
    assert_string_equal(dcn__nearest("covn", words, n), "conv");
    assert_string_equal(dcn__nearest("maxpool", words, n), "max_pool");
    assert_string_equal(dcn__nearest("avgpool", words, n), "avg_pool");
    assert_string_equal(dcn__nearest("sofmax", words, n), "softmax");
    assert_string_equal(dcn__nearest("conv", words, n), "conv");
    assert_null(dcn__nearest("zzzzzzzzzzzz", words, n));
    assert_null(dcn__nearest("relu", words, 0));
    assert_null(dcn__nearest("a_word_that_is_much_longer_than_every_table_row_we_keep", words, n));
}

static void arithmetic_is_checked(void **state)
{
    size_t s = 42;
    int64_t v = 42;

    (void)state;
    assert_true(dcn__mul_size(SIZE_MAX / 2, 2, &s) && s == SIZE_MAX - 1);
    assert_false(dcn__mul_size(SIZE_MAX / 2 + 1, 2, &s));
    assert_true(dcn__add_size(SIZE_MAX - 1, 1, &s) && s == SIZE_MAX);
    assert_false(dcn__add_size(SIZE_MAX, 1, &s));
    assert_true(dcn__mul_int64(INT64_MIN, 1, &v) && v == INT64_MIN);
    assert_false(dcn__mul_int64(INT64_MIN, -1, &v));
    assert_false(dcn__mul_int64((int64_t)1 << 32, (int64_t)1 << 31, &v));
    assert_null(dcn__alloc_array(SIZE_MAX / 2 + 1, 2));   /* wraps to nothing */
    assert_null(dcn__alloc_array(SIZE_MAX / 4 + 2, 4));
    assert_null(dcn__alloc_aligned(SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_within_any_room),
        cmocka_unit_test(clips_at_characters),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(strings_grow),
        cmocka_unit_test(integers_are_strict),
        cmocka_unit_test(doubles_are_strict),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(finds_near_words),
        cmocka_unit_test(arithmetic_is_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
