/* codec_npy.c - .npy: the forms NumPy writes, and every refusal with its offset. */
#include "codec_test.h"

#include "base/file.h"
#include "codec/npy.h"

static dcn_error err;
static uint8_t file[4096];
static size_t used;

/* A file of this version and header text, then bytes of numbers. */
static void make(int version, const char *header, const void *numbers, size_t bytes)
{
    const size_t n = strlen(header);

    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)version;
    file[7] = 0;
    file[8] = (uint8_t)n;
    file[9] = (uint8_t)(n >> 8);
    file[10] = file[11] = 0;
    used = version == 1 ? 10 : 12;
    memcpy(file + used, header, n);
    used += n;
    if (bytes)
        memcpy(file + used, numbers, bytes);
    used += bytes;
}

static dcn_status parse(dcn_array *array)
{
    return dcn__npy_parse(array, file, used, "a.npy", &err);
}

static const float numbers[6] = { 1, -2, 3.5f, 0, 1e-30f, 6 };

static void what_numpy_writes(void **state)
{
    static const char *const headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
        "{'shape':(2,3,),'descr':\"<f4\",'fortran_order':False}",
    };
    dcn_array array;

    (void)state;
    for (int version = 1; version <= 3; version++)
        for (int i = 0; i < 2; i++) {
            make(version, headers[i], numbers, sizeof numbers);
            assert_ok(parse(&array));
            assert_int_equal(array.dtype, DCN_F32);
            assert_int_equal(array.rank, 2);
            assert_int_equal(array.dims[0], 2);
            assert_int_equal(array.dims[1], 3);
            assert_memory_equal(array.data, numbers, sizeof numbers);
            dcn_array_clear(&array);
            assert_null(array.data);
        }
}

static void doubles_and_rank_1_and_8(void **state)
{
    const double doubles[2] = { 0.1, -7 };
    dcn_array array;

    (void)state;
    make(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", doubles, sizeof doubles);
    assert_ok(parse(&array));
    assert_int_equal(array.rank, 1);
    assert_true(((float *)array.data)[0] == 0.1f && ((float *)array.data)[1] == -7);
    dcn_array_clear(&array);
    make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,2,3), }", numbers, 24);
    assert_ok(parse(&array));
    assert_int_equal(array.rank, 8);
    dcn_array_clear(&array);
    assert_ok(dcn__file_write(temporary("a.npy"), file, used, &err));
    assert_ok(dcn_npy_load(&array, temporary("a.npy"), &err));
    assert_memory_equal(array.data, numbers, 24);
    dcn_array_clear(&array);
}

static void refusals(void **state)
{
#define HEAD "{'descr': '<f4', 'fortran_order': False, 'shape': "
    static const struct { const char *header, *part; } cases[] = {
        { HEAD "(2, 3, 0), }", "a.npy@0x43: the array is empty" },
        { HEAD "(), }", "the array has no dimensions" },
        { HEAD "(6), }", "the shape is not a tuple" },
        { HEAD "(1,1,1,1,1,1,1,2,3), }", "more than 8 dimensions" },
        { HEAD "(-6,), }", "a.npy@0x3d: the shape is not a tuple of sizes" },
        { HEAD "(2147483648,), }", "sizes below 2147483648" },
        { HEAD "(99999999999999999999999,), }", "sizes below 2147483648" },
        { HEAD "(65536, 65536), }", "more than 2147483647 numbers" },
        { HEAD "(2 3), }", "the shape is not a tuple of sizes" },
        { HEAD "(2, 3)", "neither comma nor brace" },
        { HEAD "(2, 3), } x", "something follows" },
        { HEAD "(2, 3), 'shape': (2, 3)}", "key \"shape\" is there twice" },
        { HEAD "(2, 3), 'more': 1}", "key \"more\" is unknown" },
        { "{'descr': '<f4', 'shape': (2, 3)}", "lacks descr, fortran_order or shape" },
        { "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3)}", "type \">f4\"" },
        { "{'descr': '<i8', 'fortran_order': False, 'shape': (3,)}", "save array.astype('<f4')" },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "plain numbers" },
        { "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", "ascontiguousarray" },
        { "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}", "neither True nor False" },
        { "['descr']", "a.npy@0xa: the header is not a dictionary" },
        { "", "a.npy@0xa: the header is not a dictionary" },
        { HEAD "(2, 4), }", "the file ends after 24 of 32 bytes" },
        { HEAD "(5,), }", "4 bytes follow the last number" },
    };
    dcn_array array;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(1, cases[i].header, numbers, sizeof numbers);
        assert_refused(parse(&array), DCN_INPUT, cases[i].part);
        assert_null(array.data);
    }
}

static void broken_prefixes(void **state)
{
    dcn_array array;

    (void)state;
    make(1, HEAD "(2, 3), }", numbers, sizeof numbers);
    for (size_t whole = used; used-- > 0;) {
        assert_int_equal(parse(&array), DCN_INPUT);
        assert_null(array.data);
        if (used == whole - 1)
            assert_non_null(strstr(err.text, "a.npy@0x5c: the file ends after 23 of 24 bytes"));
    }
    make(4, HEAD "(2, 3), }", numbers, sizeof numbers);
    assert_refused(parse(&array), DCN_INPUT, "a.npy@0x6: version 4.0 of .npy is unknown");
    make(2, HEAD "(2, 3), }", numbers, sizeof numbers);
    file[10] = 1;
    assert_refused(parse(&array), DCN_INPUT, "a.npy@0x8: the header is longer than 65536 bytes");
    file[0] = 0;
    assert_refused(parse(&array), DCN_INPUT, "a.npy@0x0: this is not a .npy file");
    assert_refused(dcn_npy_load(&array, temporary("no such file"), &err), DCN_FILE, "cannot open");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_numpy_writes), cmocka_unit_test(doubles_and_rank_1_and_8),
        cmocka_unit_test(refusals),          cmocka_unit_test(broken_prefixes),
    };

    return cmocka_run_group_tests_name("codec_npy", tests, NULL, NULL);
}
