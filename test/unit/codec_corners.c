/* codec_corners.c - what few files and callers do: files that change between two reads, sizes at the ends of
 * their types, texts of odd kinds, records that cannot be read. */
#include "calls.h"
#include "codec_test.h"

#include "base/file.h"
#include "base/text.h"
#include "codec/digest.h"
#include "codec/image.h"
#include "codec/jpeg.h"
#include "codec/json_read.h"
#include "codec/npy.h"
#include "codec/png.h"
#include "codec/safetensors.h"
#include "codec/tfrecord.h"

#include <stdlib.h>

static dcn_error err;

/* ---- safetensors: the header is read twice -------------------------------------------------------- */

static const char *changing;
static const char *new_bytes;
static size_t new_size;
static off_t new_end;

static int change(int fd)
{
    FILE *file = fopen(changing, "r+b");

    (void)fd;
    assert_non_null(file);
    assert_int_equal(fwrite(new_bytes, 1, new_size, file), new_size);
    assert_int_equal(fclose(file), 0);
    if (new_end)
        assert_int_equal(truncate(changing, new_end), 0);
    return GO_ON;
}

static void changed_safetensors(void **state)
{
    /* At the read number `first` the file begins with these bytes and ends there. */
    static const struct { int first; const char *bytes; size_t size; off_t end; const char *part; } cases[] = {
        { 2, "\x50", 1, 0, "changed while it was read; try again" },
        { 2, "\x38", 1, 30, "changed while it was read; try again" },
        { 3, "\x38\0\0\0\0\0\0\0{\"u\"", 12, 0, "changed while it was read; try again" },
        { 3, "\x38", 1, 70, "shrank while it was read; try again" },
    };
    static const float numbers[2] = { 1, 2 };
    const dcn_array a = { .name = "t", .rank = 1, .dims = { 2 }, .data = (void *)(uintptr_t)numbers };
    const char *path = temporary("changing");
    dcn__tensors t;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(dcn_tensors_save(path, &a, 1, NULL, &err));
        changing = path;
        new_bytes = cases[i].bytes;
        new_size = cases[i].size;
        new_end = cases[i].end;
        plan_call("read", cases[i].first, GO_ON);
        planned.act = change;
        assert_refused(dcn__tensors_open(&t, path, NULL, &err), DCN_FILE, cases[i].part);
        assert_int_equal(planned_calls(), 1);
        assert_true(!t.at && !t.bytes);
    }
    assert_ok(dcn_tensors_save(path, &a, 1, NULL, &err));
    for (int k = 1; k <= 3; k++) {
        plan_call("read", k, EIO);
        assert_refused(dcn__tensors_open(&t, path, NULL, &err), DCN_FILE, "cannot read it (Input/output error)");
        assert_int_equal(planned_calls(), 1);
    }
    plan_call("open", 2, ENOENT);
    assert_refused(dcn__tensors_open(&t, path, NULL, &err), DCN_FILE, "cannot open it (No such file or directory)");
    assert_int_equal(planned_calls(), 1);
    assert_ok(dcn__tensors_open(&t, path, &(dcn_limits){ .max_pixels = 1 }, &err));      /* no limit of the header */
    assert_null(dcn__tensors_metadata(&t, "t"));
    dcn__tensors_close(&t);
}

static void shapes_in_little_room(void **state)
{
    const int64_t dims[3] = { 10, 200, 3000 };
    char text[32];

    (void)state;
    for (size_t size = 1; size <= 16; size++) {
        dcn__shape_text(text, size, 3, dims);
        assert_int_equal(strlen(text), size - 1 < 15 ? size - 1 : 15);
        assert_memory_equal(text, "(10, 200, 3000)", strlen(text));
    }
}

static void odd_metadata(void **state)
{
    static const char *const one_alone[] = { "key", NULL }, *const none[] = { NULL };
    static const float number = 1;
    const dcn_array a = { .name = "t", .rank = 1, .dims = { 1 }, .data = (void *)(uintptr_t)&number };
    dcn__tensors t;

    (void)state;
    assert_ok(dcn_tensors_save(temporary("odd"), &a, 1, none, &err));
    assert_ok(dcn__tensors_open(&t, temporary("odd"), NULL, &err));
    assert_int_equal(t.n_metadata, 0);
    dcn__tensors_close(&t);
    assert_ok(dcn_tensors_save(temporary("odd"), &a, 1, one_alone, &err));
    assert_ok(dcn__tensors_open(&t, temporary("odd"), NULL, &err));
    assert_int_equal(t.n_metadata, 0);
    assert_int_equal(t.count, 1);
    dcn__tensors_close(&t);
}

/* ---- pictures -------------------------------------------------------------------------------------- */

static void sizes_without_a_limit(void **state)
{
    const dcn_limits all = { .max_pixels = INT64_MAX, .max_side = INT64_MAX };

    (void)state;
    assert_ok(dcn__image_check_size(INT32_MAX, 1, &all, "p", 16, &err));
    assert_refused(dcn__image_check_size(UINT32_MAX, 1, &all, "p", 16, &err), DCN_INPUT,
                   "p@0x10: image is 4294967295x1, the limit of a side is 9223372036854775807; pass --max-side");
    assert_refused(dcn__image_check_size(1, UINT32_MAX, &all, "p", 16, &err), DCN_INPUT, "the limit of a side is");
    assert_refused(dcn__image_check_size(1, 9, &(dcn_limits){ .max_side = 8 }, "p", 16, &err), DCN_INPUT,
                   "image is 1x9, the limit of a side is 8");
    dcn_image_clear(NULL);
}

static void picture_files(void **state)
{
#ifdef DCN_HAVE_PNG
    const char *const say = "PNG: a picture of (1,1,2) cannot be written; ";
#else
    const char *const say = "PNG: this build has no libpng; ";
#endif
    const dcn_limits all = { .max_pixels = INT64_MAX };
    uint8_t pixels[3] = { 1, 2, 3 };
    const dcn_image odd = { .h = 1, .w = 1, .c = 2, .pixels = pixels };
    dcn_image image;

    (void)state;
    assert_refused(dcn_image_save_png(&odd, temporary("odd.png"), NULL, &err), DCN_USAGE, say);
    assert_false(dcn__is_file(temporary("odd.png")));
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"\0\0\0\x18" "ftypavis", 12, "p", NULL, &err), DCN_INPUT,
                   "p: is an AVIF picture; convert it");
#ifdef DCN_HAVE_PNG
    const dcn_image good = { .h = 1, .w = 1, .c = 3, .pixels = pixels };

    assert_ok(dcn_image_save_png(&good, temporary("good.png"), NULL, &err));
    assert_ok(dcn_image_load(&image, temporary("good.png"), &all, &err));
    assert_memory_equal(image.pixels, pixels, 3);
    dcn_image_clear(&image);
#endif
    (void)all;
}

static void turned_by_nothing(void **state)
{
    uint8_t *pixels = dcn__alloc(2);
    dcn_image image = { .h = 1, .w = 2, .c = 1, .pixels = pixels };
    static const int none[] = { -1, 0, 1, 9 };

    (void)state;
    assert_non_null(pixels);
    for (size_t i = 0; i < 4; i++) {
        assert_ok(dcn__image_orient(&image, none[i], &err));
        assert_ptr_equal(image.pixels, pixels);
        assert_true(image.h == 1 && image.w == 2);
    }
    dcn_image_clear(&image);
}

#ifdef DCN_HAVE_PNG
static void png_texts(void **state)
{
    static const struct { const char *key, *value, *part; } texts[] = {
        { "", "v", "keyword \"\" is not 1 to 79 ASCII characters without spaces at its ends; correct it" },
        { " a", "v", "keyword \" a\" is not" },      { "a ", "v", "keyword \"a \" is not" },
        { "a\nb", "v", "1 to 79 ASCII" },            { "a\tb", "v", "1 to 79 ASCII" },
        { "\x7f", "v", "1 to 79 ASCII" },            { "\xc3\xa9", "v", "1 to 79 ASCII" },
        { "k", "\xc3", "the value of \"k\" is not UTF-8 text; correct it" },
    };
    static const char *const odd[] = { "Key", "value", "alone", NULL };
    uint8_t pixel = 7;
    const dcn_image image = { .h = 1, .w = 1, .c = 1, .pixels = &pixel };
    dcn__bytes bytes;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *const pair[] = { texts[i].key, texts[i].value, NULL };

        assert_refused(dcn__png_encode(&bytes, &image, pair, &err), DCN_USAGE, texts[i].part);
        assert_null(bytes.data);
    }
    assert_ok(dcn__png_encode(&bytes, &image, odd, &err));
    assert_non_null(memmem(bytes.data, bytes.size, "tEXtKey\0value", 13));
    assert_null(memmem(bytes.data, bytes.size, "alone", 5));
    dcn__bytes_clear(&bytes);
}

/* The texts may be as long as the picture: there is no memory to put them in. */
static void png_memory(void **state)
{
    char *value = dcn__alloc(200001);
    const char *const texts[] = { "Key", value, NULL };
    uint8_t *pixels = dcn__alloc(1100 * 1000);
    const dcn_image image = { .h = 1000, .w = 1100, .c = 1, .pixels = pixels };
    dcn__bytes bytes;

    (void)state;
    assert_true(value && pixels);
    memset(value, 'v', 200000);
    value[200000] = '\0';
    memset(pixels, 9, 1100 * 1000);
    assert_survives_lack_of_memory(dcn__png_encode(&bytes, &image, texts, &err));
    assert_true(bytes.size > 200000);
    dcn__bytes_clear(&bytes);
    dcn__free(pixels);
    dcn__free(value);
}
#endif

/* ---- texts, numbers, sums --------------------------------------------------------------------------- */

static void json(void **state)
{
    static const struct { const char *text, *why; } bad[] = {
        { "[\"\\ud800\\u0041\"]", "half of a surrogate pair" }, { "[\"\\ud800\\uffff\"]", "half of a surrogate pair" },
        { "[1, 2", "a comma or the closing bracket is missing" }, { "[1] 2", "something follows its end" },
        { "[1 2]", "a comma or the closing bracket is missing" }, { "\"\xff\"", "it is not UTF-8" },
    };
    dcn__json_fault fault;
    dcn__json *root;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(dcn__json_read(&root, bad[i].text, strlen(bad[i].text), 8, &fault), DCN_INPUT);
        assert_string_equal(fault.why, bad[i].why);
        assert_null(root);
    }
    assert_int_equal(dcn__json_read(&root, "1", (size_t)INT32_MAX + 1, 8, &fault), DCN_INPUT);
    assert_string_equal(fault.why, "it is too long");
    assert_null(root);
}

static void npy_strings(void **state)
{
    /* The header ends inside a text. */
    static const char file[] = "\x93NUMPY\1\0\6\0{'desc";
    dcn_array array;

    (void)state;
    assert_refused(dcn__npy_parse(&array, (const uint8_t *)file, sizeof file - 1, "n", &err), DCN_INPUT, "n@0xb");
    assert_null(array.data);
    dcn_array_clear(NULL);
}

static void sums_without_a_beginning(void **state)
{
    char hex[DCN__SHA256_HEX] = "x";
    dcn__sha256 s = { 0 };

    (void)state;
    dcn__sha256_update(&s, "abc", 3);
    dcn__sha256_end(&s, hex);
    assert_string_equal(hex, "");
    dcn__sha256_abort(&s);
#ifdef DCN_HAVE_RHASH
    assert_ok(dcn__sha256_begin(&s, &err));
    dcn__sha256_update(&s, NULL, 0);
    dcn__sha256_end(&s, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
#endif
}

/* ---- records ---------------------------------------------------------------------------------------- */

static void records(void **state)
{
    uint8_t file[2 * (DCN__TFRECORD_FRAME + 5) + 5000] = { 0 };
    const size_t record = DCN__TFRECORD_FRAME + 5;
    dcn__tfrecord_reader r;
    const uint8_t *data;
    size_t bytes;

    (void)state;
    memcpy(file + DCN__TFRECORD_HEAD, "hello", 5);
    dcn__tfrecord_seal(file, 5);
    memcpy(file + record, file, record);
    assert_ok(dcn__file_write(temporary("records"), file, sizeof file, &err));
    /* Heads, records, and two pieces of the zeros behind them. */
    for (int k = 1; k <= 7; k++) {
        int good = 0;
        dcn_status st;

        assert_ok(dcn__tfrecord_open(&r, temporary("records"), &err));
        plan_call("pread", k, EIO);
        while (!(st = dcn__tfrecord_next(&r, &data, &bytes, &err)) && data)
            good++;
        assert_int_equal(good, k < 5 ? (k - 1) / 2 : 2);
        assert_int_equal(st, DCN_FILE);
        assert_non_null(strstr(err.text, "records: cannot read it (Input/output error); check the disk"));
        assert_int_equal(planned_calls(), 1);
        dcn__tfrecord_close(&r);
    }
    file[sizeof file - 1] = 1;             /* zeros, but not to the end: damage */
    dcn__tfrecord_from_memory(&r, file, sizeof file, "memory");
    assert_ok(dcn__tfrecord_next(&r, &data, &bytes, &err));
    assert_ok(dcn__tfrecord_next(&r, &data, &bytes, &err));
    assert_refused(dcn__tfrecord_next(&r, &data, &bytes, &err), DCN_INPUT, "memory@0x2a: the sum of a record's length "
                   "is wrong");
    file[2 * record + 9] = 1;              /* no length, but a sum */
    dcn__tfrecord_from_memory(&r, file, sizeof file, "memory");
    r.offset = 2 * record;
    assert_refused(dcn__tfrecord_next(&r, &data, &bytes, &err), DCN_INPUT, "the sum of a record's length is wrong");
    dcn__tfrecord_from_memory(&r, NULL, 0, "nothing");
    assert_ok(dcn__tfrecord_next(&r, &data, &bytes, &err));
    assert_true(!data && !r.torn_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_safetensors),   cmocka_unit_test(shapes_in_little_room),
        cmocka_unit_test(odd_metadata),          cmocka_unit_test(sizes_without_a_limit),
        cmocka_unit_test(picture_files),         cmocka_unit_test(turned_by_nothing),
#ifdef DCN_HAVE_PNG
        cmocka_unit_test(png_texts),             cmocka_unit_test(png_memory),
#endif
        cmocka_unit_test(json),                  cmocka_unit_test(npy_strings),
        cmocka_unit_test(sums_without_a_beginning), cmocka_unit_test(records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
