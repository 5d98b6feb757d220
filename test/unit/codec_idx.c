/* codec_idx.c - IDX files, plain and packed: good ones, and every field broken singly. */
#include "data_help.h"

#include "codec/gunzip.h"
#include "codec/idx.h"

#ifdef DCN_HAVE_ZLIB
#include <zlib.h>
#endif

static dcn_error err;
static uint8_t buffer[1 << 16];

static void good_files(void **state)
{
    dcn__idx idx;
    size_t size = idx_pictures(buffer, 3, 4, 5, 9);

    (void)state;
    assert_ok(dcn__idx_parse(&idx, 3, buffer, size, "p", &err));
    assert_int_equal(idx.rank, 3);
    assert_int_equal(idx.dims[0], 3);
    assert_int_equal(idx.dims[1], 4);
    assert_int_equal(idx.dims[2], 5);
    assert_int_equal(idx.bytes, 60);
    for (int i = 0; i < 60; i++)
        assert_int_equal(idx.data[i], (uint8_t)(i * 3 + 9));
    dcn__idx_clear(&idx);

    size = idx_labels(buffer, 6, 4);
    assert_ok(dcn__idx_parse(&idx, 1, buffer, size, "l", &err));
    assert_int_equal(idx.bytes, 6);
    assert_int_equal(idx.data[5], 1);
    dcn__idx_clear(&idx);
    assert_ok(dcn__idx_parse(&idx, 0, buffer, size, "l", &err));
    dcn__idx_clear(&idx);
    dcn__idx_clear(&idx);
}

static void broken_headers(void **state)
{
    static const struct { int at; uint8_t value; const char *say; } cases[] = {
        { 0, 1, "begins with 01 00" },
        { 1, 7, "begins with 00 07" },
        { 2, 0x0d, "p@0x2: IDX elements are floats" },
        { 2, 0x09, "signed bytes" },
        { 2, 0x42, "no IDX element type has code 0x42" },
        { 3, 2, "p@0x3: IDX rank is 2" },
        { 3, 255, "IDX rank is 255" },
        { 7, 0, "p@0x4: IDX dimension 0 is 0" },
        { 11, 0, "p@0x8: IDX dimension 1 is 0" },
        { 12, 0xff, "p@0xc: IDX dimension 2 is 4278190085" },
        { 4, 0xff, "IDX dimension 0 is" },
        { 5, 0xff, "the file ends here" },
        { 7, 4, "the file ends here, its header announces 96 bytes" },
        { 7, 2, "p@0x38: 20 bytes follow the last element" },
    };
    dcn__idx idx;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = idx_pictures(buffer, 3, 4, 5, 0);

        buffer[cases[i].at] = cases[i].value;
        assert_refused(dcn__idx_parse(&idx, 3, buffer, size, "p", &err), DCN_INPUT, cases[i].say);
        assert_null(idx.data);
    }
}

static void short_files(void **state)
{
    const size_t size = idx_pictures(buffer, 3, 4, 5, 0);
    dcn__idx idx;

    (void)state;
    assert_refused(dcn__idx_parse(&idx, 3, buffer, 0, "p", &err), DCN_INPUT, "p: is empty");
    for (size_t n = 1; n < size; n++)
        assert_int_equal(dcn__idx_parse(&idx, 3, buffer, n, "p", &err), DCN_INPUT);
    assert_refused(dcn__idx_parse(&idx, 3, buffer, 9, "p", &err), DCN_INPUT,
                   "p@0x9: the IDX header ends after 9 of 16 bytes");
    assert_refused(dcn__idx_parse(&idx, 1, buffer, size, "p", &err), DCN_INPUT,
                   "IDX rank is 3, labels have 1");
}

static void huge_dimensions(void **state)
{
    /* 2^31-1 pictures of 32768 x 32768: the product overflows nothing and allocates nothing. */
    const uint8_t head[16] = { 0, 0, 8, 3, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0, 0x80, 0 };
    dcn__idx idx;

    (void)state;
    assert_refused(dcn__idx_parse(&idx, 3, head, 16, "p", &err), DCN_INPUT,
                   "IDX dimensions ask for more than 4294967296 bytes");
}

#ifdef DCN_HAVE_ZLIB
static size_t pack(uint8_t *out, size_t room, const uint8_t *bytes, size_t size)
{
    z_stream z;
    size_t n;

    memset(&z, 0, sizeof z);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)size;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    n = room - z.avail_out;
    deflateEnd(&z);
    return n;
}

static void packed_files(void **state)
{
    static uint8_t packed[1 << 16];
    dcn__idx idx;
    size_t size = idx_pictures(buffer, 30, 8, 8, 1), n;

    (void)state;
    n = pack(packed, sizeof packed, buffer, size);
    assert_ok(dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err));
    assert_int_equal(idx.bytes, 1920);
    assert_memory_equal(idx.data, buffer + 16, 1920);
    dcn__idx_clear(&idx);
    /* Every cut is refused, and so is every flipped byte of the stream and of its sum; only the
     * bits that fill the stream's last byte mean nothing. */
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(dcn__idx_parse(&idx, 3, packed, cut, "p.gz", &err), DCN_INPUT);
    for (size_t i = 10; i < n; i++) {
        packed[i] ^= 0x10;
        if (i == n - 9 && dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err) == DCN_OK)
            assert_memory_equal(idx.data, buffer + 16, 1920);
        else
            assert_int_equal(dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err), DCN_INPUT);
        dcn__idx_clear(&idx);
        packed[i] ^= 0x10;
    }
    packed[n] = 0;
    assert_refused(dcn__idx_parse(&idx, 3, packed, n + 1, "p.gz", &err), DCN_INPUT,
                   "bytes follow the end of the gzip data");
    n = pack(packed, sizeof packed, buffer, size - 1);
    assert_refused(dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err), DCN_INPUT,
                   "p.gz@0x78f: the unpacked bytes end here, 1936 are needed");
    n = pack(packed, sizeof packed, buffer, size + 1);
    assert_refused(dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err), DCN_INPUT,
                   "more bytes follow than the header announces");
    n = pack(packed, sizeof packed, buffer, 5);
    assert_refused(dcn__idx_parse(&idx, 3, packed, n, "p.gz", &err), DCN_INPUT, "8 are needed");
    size = idx_labels(buffer, 3, 3);           /* 11 bytes: shorter than a picture header */
    n = pack(packed, sizeof packed, buffer, size);
    assert_ok(dcn__idx_parse(&idx, 1, packed, n, "l.gz", &err));
    assert_int_equal(idx.data[2], 2);
    dcn__idx_clear(&idx);
}

static bool note_largest(void *user, size_t bytes)
{
    size_t *largest = user;

    if (bytes > *largest)
        *largest = bytes;
    return true;
}

static void bombs(void **state)
{
    uint8_t head[16] = { 0, 0, 8, 3, 0, 0, 0x40, 0, 0, 0, 1, 0, 0, 0, 1, 0 }, packed[256];
    const size_t n = pack(packed, sizeof packed, head, 16);
    size_t largest = 0;
    dcn__idx idx;

    (void)state;
    /* A few bytes that announce 2^30: refused before anything of that size is allocated. */
    dcn__set_alloc_hook(note_largest, &largest);
    assert_refused(dcn__idx_parse(&idx, 3, packed, n, "bomb.gz", &err), DCN_INPUT,
                   "its header announces 1073741824 bytes");
    dcn__set_alloc_hook(NULL, NULL);
    assert_true(largest > 0 && largest < 1 << 20);
}
#endif

static void files(void **state)
{
    char folder[512], path[600];
    size_t size = idx_labels(buffer, 5, 5);
    dcn__idx idx;

    (void)state;
    fresh_folder(folder, sizeof folder, "idx");
    put_file(folder, "good", buffer, size);
    snprintf(path, sizeof path, "%s/good", folder);
    assert_ok(dcn__idx_load(&idx, 1, path, &err));
    assert_int_equal(idx.dims[0], 5);
    dcn__idx_clear(&idx);
    assert_refused(dcn__idx_load(&idx, 1, folder, &err), DCN_FILE, "is a folder");
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(dcn__idx_load(&idx, 1, path, &err), DCN_FILE, "is a pipe");
    snprintf(path, sizeof path, "%s/none", folder);
    assert_refused(dcn__idx_load(&idx, 1, path, &err), DCN_FILE, "No such file");
    remove_tree(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),   cmocka_unit_test(broken_headers),
        cmocka_unit_test(short_files),  cmocka_unit_test(huge_dimensions),
        cmocka_unit_test(files),
#ifdef DCN_HAVE_ZLIB
        cmocka_unit_test(packed_files), cmocka_unit_test(bombs),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
