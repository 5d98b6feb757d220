/* codec_cifar.c - CIFAR-10 records: layout, every refusal with its offset, near misses by name. */
#include "data_help.h"

#include "codec/cifar.h"

static dcn_error err;

static void good_file(void **state)
{
    uint8_t *bytes = cifar_bytes(1, 3), pixels[3072];
    int32_t labels[3];
    int64_t records = 0;

    (void)state;
    assert_ok(dcn__cifar_parse(&records, bytes, 3 * RECORD, "f.bin", &err));
    assert_int_equal(records, 3);
    assert_ok(dcn__cifar_check_labels(bytes, 3, 0, labels, "f.bin", &err));
    for (int r = 0; r < 3; r++)
        assert_int_equal(labels[r], cifar_label(1, r));
    /* Planes red, green, blue become interleaved pixels. */
    dcn__cifar_unpack(bytes + 2 * RECORD, pixels);
    for (int i = 0; i < 1024; i++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixels[3 * i + c], cifar_byte(1, 2, 1024 * c + i));
    free(bytes);
}

static void bad_label(void **state)
{
    uint8_t *bytes = cifar_bytes(0, 9);
    int64_t records = 5;

    (void)state;
    bytes[7 * RECORD] = 10;
    assert_refused(dcn__cifar_parse(&records, bytes, 9 * RECORD, "data_batch_3.bin", &err),
                   DCN_INPUT,
                   "data_batch_3.bin@0x5407: record 7 has label 10, CIFAR-10 labels are 0..9; "
                   "extract the binary archive again");
    assert_int_equal(records, 0);
    /* In a later piece of the file both numbers still count from its beginning. */
    assert_refused(dcn__cifar_check_labels(bytes + 5 * RECORD, 4, 5, NULL, "f.bin", &err),
                   DCN_INPUT, "f.bin@0x5407: record 7 has label 10");
    free(bytes);
}

static void bad_sizes(void **state)
{
    uint8_t *bytes = cifar_bytes(0, 3);
    int64_t records;

    (void)state;
    assert_refused(dcn__cifar_parse(&records, bytes, 0, "f.bin", &err), DCN_INPUT,
                   "f.bin: is empty");
    assert_refused(dcn__cifar_parse(&records, bytes, 1, "f.bin", &err), DCN_INPUT,
                   "f.bin@0x0: record 0 has 1 of 3073 bytes");
    assert_refused(dcn__cifar_parse(&records, bytes, 3 * RECORD - 1, "f.bin", &err), DCN_INPUT,
                   "f.bin@0x1802: record 2 has 3072 of 3073 bytes");
    assert_refused(dcn__cifar_parse(&records, bytes, 2 * RECORD + 5, "f.bin", &err), DCN_INPUT,
                   "record 2 has 5 of 3073 bytes");
    assert_refused(dcn__cifar_parse(&records, bytes, 2 * 3074, "f.bin", &err), DCN_INPUT,
                   "CIFAR-100 records");
    assert_refused(
        dcn__cifar_check_head(&records, bytes, 512, (uint64_t)RECORD << 32, "f.bin", &err),
        DCN_INPUT, "records, the limit is");
    free(bytes);
}

static void near_misses(void **state)
{
    static const struct { const char *bytes; size_t n; const char *name; } cases[] = {
        { "\x80\x02}q", 4, "a Python pickle" }, { "\x1f\x8b\x08", 3, "a gzip archive" },
        { "PK\x03\x04", 4, "a zip archive" },   { "MATLAB 5.0", 10, "a Matlab file" },
        { "<!DOCTYPE", 9, "a web page" },
    };
    uint8_t bytes[RECORD];
    int64_t records;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, cases[i].bytes, cases[i].n);
        assert_refused(dcn__cifar_parse(&records, bytes, sizeof bytes, "f.bin", &err), DCN_INPUT,
                       cases[i].name);
    }
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, "cifar-10-batches-bin/", 21);
    memcpy(bytes + 257, "ustar", 5);
    assert_refused(dcn__cifar_parse(&records, bytes, sizeof bytes, "f.bin", &err), DCN_INPUT,
                   "a tar archive");
    /* "ustar" as five pixels of an honest record is no reason to refuse it. */
    bytes[0] = 9;
    assert_ok(dcn__cifar_parse(&records, bytes, sizeof bytes, "f.bin", &err));
}

static void names(void **state)
{
    static const char good[] = "a\nb\r\nc\nd\ne\nf\ng\nh\ni\nlast one\n\n";
    const char *at[10];
    size_t length[10];

    (void)state;
    assert_true(dcn__cifar_names(good, sizeof good - 1, at, length));
    assert_int_equal(length[1], 1);
    assert_memory_equal(at[1], "b", 1);
    assert_int_equal(length[9], 8);
    assert_memory_equal(at[9], "last one", 8);
    assert_false(dcn__cifar_names(good, 10, at, length));                     /* too few */
    assert_false(dcn__cifar_names("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk", 21, at, length));
    assert_false(dcn__cifar_names("a\nb\nc\nd\ne\nf\ng\nh\ni\n\xff\xfe", 20, at, length));
    assert_false(dcn__cifar_names("a\nb\nc\nd\ne\nf\ng\nh\ni\n\x1b[m", 21, at, length));
    assert_false(dcn__cifar_names("", 0, at, length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_file), cmocka_unit_test(bad_label), cmocka_unit_test(bad_sizes),
        cmocka_unit_test(near_misses), cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
