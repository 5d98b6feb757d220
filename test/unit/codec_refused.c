/* codec_refused.c - what writers of files refuse: pictures, arrays and texts that no format holds, by
 * their sentences. */
#include "codec_test.h"

#include "base/file.h"
#include "codec/jpeg.h"
#include "codec/npz.h"
#include "codec/png.h"
#include "codec/safetensors.h"

static dcn_error err;
static uint8_t pixel[3];

typedef struct picture { int h, w, c; const uint8_t *pixels; const char *what; } picture;

static const picture pictures[] = {
    { 0, 1, 3, pixel, "a picture of (0,1,3) cannot be written; give it pixels and 1 or 3 channels" },
    { 1, 0, 3, pixel, "a picture of (1,0,3) cannot be written; give it pixels and 1 or 3 channels" },
    { 1, 1, 2, pixel, "a picture of (1,1,2) cannot be written; give it pixels and 1 or 3 channels" },
    { 1, 1, 3, NULL, "a picture of (1,1,3) cannot be written; give it pixels and 1 or 3 channels" },
    { 40000, 40000, 3, pixel, "a picture of 40000x40000 is too large to be written; draw a smaller one" },
    { 60000, 20000, 1, pixel, "a picture of 20000x60000 is too large to be written; draw a smaller one" },
};

static void odd_pictures(void **state)
{
    dcn__bytes bytes;

    (void)state;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        const picture *p = &pictures[i];
        const dcn_image image = { p->h, p->w, p->c, (uint8_t *)p->pixels };

#ifdef DCN_HAVE_PNG
        assert_refused(dcn__png_encode(&bytes, &image, NULL, &err), DCN_USAGE, p->what);
        assert_null(bytes.data);
#endif
#ifdef DCN_HAVE_JPEG
        assert_refused(dcn__jpeg_encode(&bytes, &image, 90, &err), DCN_USAGE, p->what);
        assert_null(bytes.data);
#endif
        (void)image, (void)bytes;
    }
}

/* Arrays by their shapes alone: nobody has the numbers. */
static const struct { dcn_array array; const char *what; } arrays[] = {
    { { .name = NULL, .rank = 1, .dims = { 1 } }, "tensor \"\" has a name that the format does not allow" },
    { { .name = "", .rank = 1, .dims = { 1 } }, "tensor \"\" has a name that the format does not allow" },
    { { .name = "\xff", .rank = 1, .dims = { 1 } }, "has a name that the format does not allow" },
    { { .name = "t", .dtype = (dcn_dtype)99, .rank = 1, .dims = { 1 } }, "tensor \"t\" has an unknown type" },
    { { .name = "t", .rank = -1 }, "tensor \"t\" has more than 8 dimensions" },
    { { .name = "t", .rank = 9 }, "tensor \"t\" has more than 8 dimensions" },
    { { .name = "t", .rank = 2, .dims = { 1, -1 } }, "tensor \"t\" has an impossible shape" },
    { { .name = "t", .rank = 2, .dims = { INT64_MAX, 3 } }, "tensor \"t\" has an impossible shape" },
};

static void odd_arrays(void **state)
{
    /* 2^64 - 1 bytes: a number that there is, until something stands beside it. */
    const dcn_array most = { .name = "most", .dtype = DCN_U8, .rank = 2, .dims = { 4294967295, 4294967297 } };
    const dcn_array two[2] = { most, { .name = "more", .dtype = DCN_U8, .rank = 1, .dims = { 2 } } };
    dcn__writer w;
    int order[2];

    (void)state;
    assert_ok(dcn__writer_begin(&w, temporary("arrays"), &err));
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
#ifdef DCN_HAVE_ZLIB
        dcn__npz z;

        dcn__npz_begin(&z, &w);
        assert_refused(dcn__npz_array(&z, &arrays[i].array, &err), DCN_USAGE, arrays[i].what);
        dcn__npz_clear(&z);
#endif
        assert_refused(dcn__tensors_begin(&w, &arrays[i].array, 1, NULL, order, &err), DCN_USAGE, arrays[i].what);
    }
#ifdef DCN_HAVE_ZLIB
    dcn__npz z;

    dcn__npz_begin(&z, &w);
    assert_refused(dcn__npz_array(&z, &most, &err), DCN_USAGE, "tensor \"most\" has an impossible shape");
    dcn__npz_clear(&z);
#endif
    assert_refused(dcn__tensors_begin(&w, two, 2, NULL, order, &err), DCN_USAGE, "makes the file too large");
    dcn__writer_abort(&w);
}

static void odd_metadata(void **state)
{
    static const char *const not_text[] = { "a", "1", "b", "\xc3", NULL };
    static const char *const not_key[] = { "\x80", "1", NULL };
    static const char *const twice[] = { "a", "1", "a", "2", NULL };
    const dcn_array one = { .name = "t", .rank = 1, .dims = { 1 } };
    dcn__writer w;
    int order[1];

    (void)state;
    assert_ok(dcn__writer_begin(&w, temporary("metadata"), &err));
    assert_refused(dcn__tensors_begin(&w, &one, 1, not_text, order, &err), DCN_USAGE,
                   "the metadata \"b\" are not UTF-8; correct the call");
    assert_refused(dcn__tensors_begin(&w, &one, 1, not_key, order, &err), DCN_USAGE, "are not UTF-8; correct the call");
    assert_refused(dcn__tensors_begin(&w, &one, 1, twice, order, &err), DCN_USAGE,
                   "the metadata \"a\" are given twice; correct the call");
    dcn__writer_abort(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_pictures), cmocka_unit_test(odd_arrays), cmocka_unit_test(odd_metadata),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
