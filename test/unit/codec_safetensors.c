/* codec_safetensors.c - files of tensors: round trips, every rule of the format broken singly, and
 * the limits. */
#include "codec_test.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/safetensors.h"

static dcn_error err;

static uint8_t *file;
static size_t used;

static void make(const char *header, size_t header_bytes, size_t numbers)
{
    dcn__free(file);
    used = 8 + header_bytes + numbers;
    file = dcn__alloc(used);
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)header_bytes >> 8 * i);
    memcpy(file + 8, header, header_bytes);
    for (size_t i = 0; i < numbers; i++)
        file[8 + header_bytes + i] = (uint8_t)i;
}

static int end(void **state)
{
    (void)state;
    dcn__free(file);
    return 0;
}

static dcn_status parse(dcn__tensors *t)
{
    return dcn__tensors_parse(t, file, used, "m.safetensors", NULL, &err);
}

static void refused(const char *header, size_t numbers, const char *part)
{
    dcn__tensors t;

    make(header, strlen(header), numbers);
    assert_refused(parse(&t), DCN_INPUT, part);
    assert_null(t.at);
    assert_null(t.json);
}

static void round_trip(void **state)
{
    const float f[6] = { 1, 2, 3, 4, 5, 6 };
    const int64_t n[2] = { -1, 7 };
    const uint8_t u[3] = { 1, 2, 3 };
    const dcn_array arrays[] = {
        { .name = "z \"quoted\" \\ \n", .dtype = DCN_U8, .rank = 1, .dims = { 3 },
          .data = (void *)u },
        { .name = "b", .dtype = DCN_F32, .rank = 2, .dims = { 2, 3 }, .data = (void *)f },
        { .name = "a", .dtype = DCN_F32, .rank = 0, .data = (void *)f },
        { .name = "long", .dtype = DCN_I64, .rank = 1, .dims = { 2 }, .data = (void *)n },
        { .name = "empty", .dtype = DCN_F32, .rank = 2, .dims = { 0, 5 } },
    };
    const char *const metadata[] = { "zwei", "\xc3\xa4\t\"", "eins", "1", NULL };
    const dcn__tensor *x;
    dcn__bytes one, two;
    dcn__tensors t;

    (void)state;
    assert_ok(dcn_tensors_save(temporary("one"), arrays, 5, metadata, &err));
    assert_ok(dcn_tensors_save(temporary("two"), arrays, 5, metadata, &err));
    assert_ok(dcn__file_read(&one, temporary("one"), 10000, &err));
    assert_ok(dcn__file_read(&two, temporary("two"), 10000, &err));
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    assert_int_equal(one.data[0] % 8, 0);
    dcn__bytes_clear(&one);
    dcn__bytes_clear(&two);

    assert_ok(dcn__tensors_open(&t, temporary("one"), NULL, &err));
    assert_int_equal(t.count, 5);
    assert_string_equal(dcn__tensors_metadata(&t, "zwei"), "\xc3\xa4\t\"");
    assert_string_equal(dcn__tensors_metadata(&t, "eins"), "1");
    assert_null(dcn__tensors_metadata(&t, "drei"));
    for (int i = 0; i < 5; i++) {
        x = dcn__tensors_find(&t, arrays[i].name);
        assert_non_null(x);
        assert_int_equal(x->rank, arrays[i].rank);
        if (i < 4)
            assert_memory_equal(dcn__tensors_data(&t, x), arrays[i].data, x->end - x->begin);
    }
    x = dcn__tensors_find(&t, "long");                         /* the widest numbers stand first */
    assert_int_equal(x->begin, 0);
    assert_int_equal(dcn__tensors_offset(&t, x), 8 + t.header_bytes);
    assert_null(dcn__tensors_find(&t, "c"));
    dcn__tensors_close(&t);
    dcn__tensors_close(&t);
}

/* The numbers written by the caller in the order told: the same file as dcn_tensors_save makes. */
static void header_first_numbers_later(void **state)
{
    const float f[6] = { 1, 2, 3, 4, 5, 6 };
    const int64_t n[2] = { -1, 7 };
    dcn_array arrays[] = {
        { .name = "b", .rank = 2, .dims = { 2, 3 }, .data = (void *)f },
        { .name = "c", .dtype = DCN_I64, .rank = 1, .dims = { 2 }, .data = (void *)n },
        { .name = "a", .rank = 1, .dims = { 6 }, .data = (void *)f },
    };
    const char *const metadata[] = { "key", "value", NULL };
    const void *const data[] = { f, n, f };
    const size_t sizes[] = { 24, 16, 24 };
    dcn__bytes one, two;
    dcn__writer w;
    int order[3];

    (void)state;
    assert_ok(dcn_tensors_save(temporary("one"), arrays, 3, metadata, &err));
    for (int i = 0; i < 3; i++)
        arrays[i].data = NULL;
    assert_ok(dcn__writer_begin(&w, temporary("two"), &err));
    assert_ok(dcn__tensors_begin(&w, arrays, 3, metadata, order, &err));
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 0);
    for (int i = 0; i < 3; i++)
        assert_ok(dcn__writer_write(&w, data[order[i]], sizes[order[i]], &err));
    assert_ok(dcn__writer_commit(&w, &err));
    assert_ok(dcn__file_read(&one, temporary("one"), 10000, &err));
    assert_ok(dcn__file_read(&two, temporary("two"), 10000, &err));
    assert_int_equal(one.size, two.size);
    assert_memory_equal(one.data, two.data, one.size);
    dcn__bytes_clear(&one);
    dcn__bytes_clear(&two);
    assert_ok(dcn__writer_begin(&w, temporary("three"), &err));
    arrays[2].name = "b";
    assert_refused(dcn__tensors_begin(&w, arrays, 3, metadata, order, &err), DCN_USAGE,
                   "\"b\" is given twice");
    arrays[2].name = "a";
    assert_int_equal(w.written, 0);
    assert_survives_lack_of_memory(dcn__tensors_begin(&w, arrays, 3, metadata, order, &err));
    dcn__writer_abort(&w);
}

static void what_cannot_be_saved(void **state)
{
    float f = 1;
    dcn_array a[2] = { { .name = "x", .rank = 1, .dims = { 1 }, .data = &f },
                       { .name = "x", .dtype = DCN_U8, .rank = 1, .dims = { 1 }, .data = &f } };
    const char *const twice[] = { "k", "1", "k", "2", NULL };
    const char *path = temporary("never");

    (void)state;
    assert_refused(dcn_tensors_save(path, a, 2, NULL, &err), DCN_USAGE, "\"x\" is given twice");
    assert_refused(dcn_tensors_save(path, a, 1, twice, &err), DCN_USAGE, "\"k\" are given twice");
    a[0].rank = 9;
    assert_refused(dcn_tensors_save(path, a, 1, NULL, &err), DCN_USAGE, "more than 8 dimensions");
    a[0].rank = 1;
    a[0].dims[0] = -1;
    assert_refused(dcn_tensors_save(path, a, 1, NULL, &err), DCN_USAGE, "an impossible shape");
    a[0].dims[0] = 1;
    a[0].data = NULL;
    assert_refused(dcn_tensors_save(path, a, 1, NULL, &err), DCN_USAGE, "has no numbers");
    a[0].name = "__metadata__";
    assert_refused(dcn_tensors_save(path, a, 1, NULL, &err), DCN_USAGE, "does not allow");
    a[0].name = "\xff";
    assert_refused(dcn_tensors_save(path, a, 1, NULL, &err), DCN_USAGE, "does not allow");
    assert_false(dcn__is_file(path));
}

#define X(dtype, shape, offsets)                                                               \
    "{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void good_headers(void **state)
{
    static const struct { const char *header; size_t numbers; } cases[] = {
        { "{}", 0 }, { "{}      ", 0 }, { "{\"__metadata__\":{}}", 0 },
        { X("F32", "[]", "[0,4]"), 4 }, { X("BF16", "[2,1]", "[0,4]"), 4 },
        { X("F32", "[0]", "[0,0]"), 0 }, { X("F8_E4M3", "[1,1,1,1,1,1,1,3]", "[0,3]"), 3 },
    };
    dcn__tensors t;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(cases[i].header, strlen(cases[i].header), cases[i].numbers);
        assert_ok(parse(&t));
        dcn__tensors_close(&t);
    }
}

static void rules_broken_singly(void **state)
{
    (void)state;
    refused(" {}", 0, "m.safetensors@0x8: the header does not begin with {");
    refused("[]", 0, "the header does not begin with {");
    refused("{}x", 0, "m.safetensors@0xa: the header is not JSON (something follows its end)");
    refused("{\"x\":1}", 0, "@0x9: tensor \"x\" does not have exactly dtype, shape");
    refused("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"y\":1}}", 4,
            "does not have exactly");
    refused("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"offset\":[0,4]}}", 4,
            "does not have exactly");
    refused("{\"a\":1,\"a\":2}", 0, "duplicate");
    refused("{\"a\\u0000\":1}", 0, "the header is not JSON");
    refused("{\"\xff\":1}", 0, "the header is not JSON");
    refused(X("F33", "[1]", "[0,4]"), 4, "unknown type \"F33\"");
    refused(X("F32", "1", "[0,4]"), 4, "has no shape");
    refused(X("F32", "[-1]", "[0,4]"), 4, "not a whole number from 0");
    refused(X("F32", "[1.0]", "[0,4]"), 4, "not a whole number from 0");
    refused(X("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions");
    refused(X("F32", "[4294967296,4294967296]", "[0,4]"), 4, "whose product overflows");
    refused(X("F32", "[99999999999999999999]", "[0,4]"), 4, "the header is not JSON");
    refused(X("F32", "[1]", "[0]"), 4, "not two rising whole numbers");
    refused(X("F32", "[1]", "[4,0]"), 4, "not two rising whole numbers");
    refused(X("F32", "[1]", "[-4,0]"), 4, "not two rising whole numbers");
    refused(X("F32", "[1]", "[0,3]"), 3, "\"x\" has 3 bytes, its shape needs 4");
    refused(X("F32", "[1]", "[4,8]"), 8, "begins at 4, the one before it ends at 0");
    refused(X("F32", "[1]", "[0,4]"), 5, "the tensors have 4 bytes, the file has 5");
    refused(X("F32", "[1]", "[0,4]"), 3, "the tensors have 4 bytes, the file has 3");
    refused("{\"__metadata__\":[]}", 0, "\"__metadata__\" is not an object");
    refused("{\"__metadata__\":{\"a\":1}}", 0, "\"a\" are not a text");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3,
            "m.safetensors@0x3d: tensor \"b\" begins at 1, the one before it ends at 2");
    refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
            "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}", 5,
            "tensor \"b\" begins at 3, the one before it ends at 2");
}

static void lengths_and_truncation(void **state)
{
    const char *header = X("F32", "[1]", "[0,4]");
    const dcn_limits small = { .max_header_bytes = (int64_t)strlen(header) - 1 };
    const dcn_limits fits = { .max_header_bytes = (int64_t)strlen(header) };
    dcn__tensors t;

    (void)state;
    make(header, strlen(header), 4);
    for (size_t whole = used; used-- > 0;) {
        assert_int_equal(parse(&t), DCN_INPUT);
        if (used == whole - 5)
            assert_non_null(strstr(err.text, "@0x0: the header has 54 bytes, the file ends after"));
    }
    make(header, strlen(header), 4);
    assert_ok(dcn__tensors_parse(&t, file, used, "m", &fits, &err));
    dcn__tensors_close(&t);
    assert_refused(dcn__tensors_parse(&t, file, used, "m", &small, &err), DCN_INPUT,
                   "m@0x0: the header has 54 bytes, the limit is 53");
    memset(file, 0xff, 8);
    assert_refused(parse(&t), DCN_INPUT, "the header has 18446744073709551615 bytes, the limit is "
                   "8388608");
    memset(file, 0, 8);
    assert_refused(parse(&t), DCN_INPUT, "the header has 0 bytes");
    used = 5;
    assert_refused(parse(&t), DCN_INPUT, "m.safetensors@0x5: the file ends inside the 8 bytes");
}

static void header_of_exactly_the_limit(void **state)
{
    const size_t limit = 8 * 1024 * 1024;
    char *header = dcn__alloc(limit + 1);
    dcn__tensors t;

    (void)state;
    memset(header, ' ', limit + 1);
    memcpy(header, "{}", 2);
    make(header, limit, 0);
    assert_ok(parse(&t));
    dcn__tensors_close(&t);
    make(header, limit + 1, 0);
    assert_refused(parse(&t), DCN_INPUT, "the header has 8388609 bytes, the limit is 8388608");
    dcn__free(header);
}

static void depth_and_number_of_tensors(void **state)
{
    char deep[256];
    size_t at;
    char *many = dcn__alloc(8000000);
    dcn__tensors t;

    (void)state;
    for (int depth = 64; depth <= 65; depth++) {
        at = (size_t)snprintf(deep, sizeof deep, "{\"[[[\":");
        for (int i = 1; i < depth; i++)
            deep[at++] = '[';
        for (int i = 1; i < depth; i++)
            deep[at++] = ']';
        deep[at++] = '}';
        deep[at] = '\0';
        refused(deep, 0, depth == 64 ? "does not have exactly" : "nested deeper than 64");
    }
    for (int n = 100000; n <= 100002; n++) {
        many[0] = '{';
        at = 1;
        for (int i = 0; i < n; i++)
            at += (size_t)snprintf(many + at, 100, "%s\"%d\":{\"dtype\":\"U8\",\"shape\":[0],"
                                   "\"data_offsets\":[0,0]}", i ? "," : "", i);
        many[at++] = '}';
        make(many, at, 0);
        if (n == 100000) {
            assert_ok(parse(&t));
            assert_int_equal(t.count, n);
            assert_string_equal(dcn__tensors_find(&t, "99999")->name, "99999");
            dcn__tensors_close(&t);
        } else {
            assert_refused(parse(&t), DCN_INPUT, n == 100001 ? "the file holds more than 100000 tensors; split it"
                           : "the file holds 100002 tensors, the limit is 100000; split it");
        }
    }
    dcn__free(many);
}

static void names_cannot_drive_the_terminal(void **state)
{
    (void)state;
    refused("{\"\\u001b[31m\":1}", 0, "tensor \"\\x1b[31m\" does not");
}

static void every_allocation_may_fail(void **state)
{
    const float f[2] = { 1, 2 };
    const dcn_array a = { .name = "x", .rank = 1, .dims = { 2 }, .data = (void *)f };
    const char *const metadata[] = { "k", "v", NULL };
    dcn__tensors t;

    (void)state;
    assert_survives_lack_of_memory(dcn_tensors_save(temporary("oom"), &a, 1, metadata, &err));
    assert_survives_lack_of_memory(dcn__tensors_open(&t, temporary("oom"), NULL, &err));
    dcn__tensors_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(header_first_numbers_later),                  cmocka_unit_test(what_cannot_be_saved),
        cmocka_unit_test(good_headers),                cmocka_unit_test(rules_broken_singly),
        cmocka_unit_test(lengths_and_truncation),
        cmocka_unit_test(header_of_exactly_the_limit),
        cmocka_unit_test(depth_and_number_of_tensors),
        cmocka_unit_test(names_cannot_drive_the_terminal),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("codec_safetensors", tests, NULL, end);
}
