/* codec_jpeg.c - JPEG: pictures of TurboJPEG's own making, EXIF orientation, every refusal. */
#include "codec_test.h"

#include "codec/image.h"
#include "codec/jpeg.h"

#include <stdlib.h>

static dcn_error err;

#ifdef DCN_HAVE_JPEG
#include <turbojpeg.h>

enum { H = 24, W = 40 };

static uint8_t file[1 << 16];
static size_t used;

/* Four flat quarters: coded 4:4:4, each stays within a level or two of what it was. */
static void encode_as(int components, bool progressive, int sampling)
{
    static const uint8_t colours[4][4] = {
        { 200, 30, 40, 255 }, { 20, 180, 60, 255 }, { 10, 50, 220, 128 }, { 240, 240, 240, 255 } };
    const int format = components == 1 ? TJPF_GRAY : components == 3 ? TJPF_RGB : TJPF_CMYK;
    uint8_t pixels[H * W * 4];
    unsigned char *out = NULL;
    unsigned long size = 0;
    tjhandle handle = tjInitCompress();

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            memcpy(pixels + (y * W + x) * components, colours[(y >= H / 2) * 2 + (x >= W / 2)],
                   (size_t)components);
    assert_int_equal(tjCompress2(handle, pixels, W, 0, H, format, &out, &size,
                                 components == 1 ? TJSAMP_GRAY : sampling, 100,
                                 progressive ? TJFLAG_PROGRESSIVE : 0), 0);
    assert_true(size < sizeof file);
    memcpy(file, out, size);
    used = size;
    tjFree(out);
    tjDestroy(handle);
}

static void encode(int components, bool progressive)
{
    encode_as(components, progressive, TJSAMP_444);
}

/* Puts a segment directly behind the start of the file. */
static void insert(int marker, const void *data, size_t bytes)
{
    memmove(file + 2 + 4 + bytes, file + 2, used - 2);
    file[2] = 0xff;
    file[3] = (uint8_t)marker;
    file[4] = (uint8_t)((bytes + 2) >> 8);
    file[5] = (uint8_t)(bytes + 2);
    memcpy(file + 6, data, bytes);
    used += 4 + bytes;
}

static void insert_orientation(int orientation)
{
    uint8_t exif[] = "Exif\0\0II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\0\0\0\0\0\0\0\0";

    exif[24] = (uint8_t)orientation;
    insert(0xe1, exif, sizeof exif - 1);
}

static size_t find_marker(int marker)
{
    const uint8_t bytes[2] = { 0xff, (uint8_t)marker };
    const uint8_t *p = memmem(file, used, bytes, 2);

    assert_non_null(p);
    return (size_t)(p - file);
}

static dcn_status decode(dcn_image *image)
{
    return dcn__jpeg_decode(image, file, used, "a.jpg", NULL, &err);
}

#define refused(part)                                                                          \
    do {                                                                                       \
        dcn_image image_;                                                                      \
        assert_refused(decode(&image_), DCN_INPUT, part);                                      \
        assert_null(image_.pixels);                                                            \
    } while (0)

static void near_pixel(const dcn_image *image, int y, int x, int r, int g, int b)
{
    const int want[3] = { r, g, b };

    for (int k = 0; k < image->c; k++) {
        const int got = image->pixels[(y * image->w + x) * image->c + k];

        if (got < want[k] - 3 || got > want[k] + 3)
            fail_msg("pixel (%d,%d) channel %d is %d, not %d", y, x, k, got, want[k]);
    }
}

static void colours(void **state)
{
    dcn_image image;

    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        encode(3, progressive);
        assert_true(dcn__image_is_picture(file, used));
        assert_ok(decode(&image));
        assert_int_equal(image.h, H);
        assert_int_equal(image.w, W);
        assert_int_equal(image.c, 3);
        near_pixel(&image, 3, 3, 200, 30, 40);
        near_pixel(&image, 3, W - 4, 20, 180, 60);
        near_pixel(&image, H - 4, 3, 10, 50, 220);
        dcn_image_clear(&image);
    }
    encode(1, false);
    assert_ok(decode(&image));
    assert_int_equal(image.c, 1);
    near_pixel(&image, 3, 3, 200, 0, 0);
    dcn_image_clear(&image);
    encode(4, false);                                   /* 255 is no ink */
    assert_ok(decode(&image));
    assert_int_equal(image.c, 3);
    near_pixel(&image, 3, 3, 200, 30, 40);
    near_pixel(&image, H - 4, 3, 5, 25, 110);
    dcn_image_clear(&image);
}

/* Adobe's marker says what the four components are: 2 YCCK, 0 CMYK; both hold 255 for no ink.
 * Without the marker they are CMYK, and nearly every file means the same by 255. */
static void four_components(void **state)
{
    dcn_image image;
    size_t adobe;

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        encode(4, kind == 1);
        adobe = find_marker(0xee);
        assert_int_equal(file[adobe + 15], 2);
        file[adobe + 15] = 0;
        assert_ok(decode(&image));
        /* Y, Cb, Cr of the inverted 200, 30, 40 and of 10, 50, 220, that at half black. */
        near_pixel(&image, 3, 3, 173, 152, 44);
        near_pixel(&image, H - 4, 3, 99, 18, 81);
        dcn_image_clear(&image);
        file[adobe + 4] = 'x';
        assert_ok(decode(&image));
        assert_int_equal(image.c, 3);
        near_pixel(&image, 3, 3, 173, 152, 44);
        dcn_image_clear(&image);
    }
}

static void restarts_and_subsampling(void **state)
{
    static const int samplings[] = { TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411 };
    dcn_image image;

    (void)state;
    setenv("TJ_RESTART", "1B", 1);
    for (size_t i = 0; i < sizeof samplings / sizeof *samplings; i++) {
        for (int progressive = 0; progressive < 2; progressive++) {
            encode_as(3, progressive, samplings[i]);
            find_marker(0xdd);
            if (!progressive)
                find_marker(0xd0);
            assert_ok(decode(&image));
            assert_true(image.h == H && image.w == W);
            near_pixel(&image, 1, 1, 200, 30, 40);
            near_pixel(&image, 1, W - 2, 20, 180, 60);
            dcn_image_clear(&image);
        }
    }
    unsetenv("TJ_RESTART");
}

/* Which quarter of the stored picture comes out at the top left and at the top right, for each
 * orientation (EXIF 2.3, figure of tag 0x0112). */
static void orientations(void **state)
{
    static const int quarters[4][3] = {
        { 200, 30, 40 }, { 20, 180, 60 }, { 10, 50, 220 }, { 240, 240, 240 } };
    static const int corners[9][2] = { { 0, 1 }, { 0, 1 }, { 1, 0 }, { 3, 2 }, { 2, 3 },
                                       { 0, 2 }, { 2, 0 }, { 3, 1 }, { 1, 3 } };
    dcn_image image;

    (void)state;
    for (int o = 0; o < 9; o++) {
        encode(3, false);
        insert_orientation(o);
        assert_ok(decode(&image));
        assert_int_equal(image.h, o >= 5 ? W : H);
        assert_int_equal(image.w, o >= 5 ? H : W);
        for (int k = 0; k < 2; k++) {
            const int *q = quarters[corners[o][k]];

            near_pixel(&image, 3, k ? image.w - 4 : 3, q[0], q[1], q[2]);
        }
        dcn_image_clear(&image);
    }
}

static void broken_exif_means_upright(void **state)
{
    dcn_image image;
    int orientation = 0;

    (void)state;
    encode(3, false);
    insert(0xe1, "Exif\0\0II*\0\xff\xff\xff\xff\1\0\x12", 17);
    assert_ok(decode(&image));
    assert_int_equal(image.h, H);
    dcn_image_clear(&image);
    assert_ok(dcn__exif_orientation(&orientation, (const uint8_t *)"Exif\0\0", 6, &err));
    assert_int_equal(orientation, 1);
}

static void truncated_anywhere(void **state)
{
    dcn_image image;

    (void)state;
    encode(3, true);
    for (size_t whole = used; used-- > 3;) {
        assert_int_equal(decode(&image), DCN_INPUT);
        assert_null(image.pixels);
        if (used == whole - 1)
            assert_non_null(strstr(err.text, "before its end marker"));
    }
}

static void kinds_that_are_not_read(void **state)
{
    size_t sof;

    (void)state;
    encode(3, false);
    sof = find_marker(0xc0);
    file[sof + 1] = 0xc9;
    refused("this is arithmetic-coded JPEG, baseline and progressive are read");
    file[sof + 1] = 0xc3;
    refused("this is lossless JPEG");
    file[sof + 1] = 0xc5;
    refused("this is hierarchical JPEG");
    file[sof + 1] = 0xc0;
    file[sof + 4] = 12;
    refused("samples have 12 bits, 8 are read");
    file[sof + 4] = 8;
    file[sof + 9] = 2;
    refused("the frame header has a wrong length");
    file[sof + 9] = 3;
    file[sof + 11] = 0x51;
    refused("a component's sampling factor is not 1 to 4");
}

static void sizes_over_the_limit(void **state)
{
    const dcn_limits exact = { .max_pixels = H * W }, less = { .max_pixels = H * W - 1 };
    dcn_image image;
    char part[64];
    size_t sof;

    (void)state;
    encode(3, false);
    sof = find_marker(0xc0);
    assert_ok(dcn__jpeg_decode(&image, file, used, "a.jpg", &exact, &err));
    dcn_image_clear(&image);
    assert_refused(dcn__jpeg_decode(&image, file, used, "a.jpg", &less, &err), DCN_INPUT,
                   "image is 40x24 (960 pixels), the limit is 959");
    memset(file + sof + 5, 0xff, 4);
    snprintf(part, sizeof part, "a.jpg@0x%zx: image is 65535x65535 (4294 Mpixel)", sof + 5);
    refused(part);
    memcpy(file + sof + 5, "\x20\x00\x20\x00", 4);              /* 8192x8192: allowed, but a lie */
    refused("cannot hold a picture of 8192x8192");
    memset(file + sof + 5, 0, 2);
    refused("image is 8192x0, it has no pixels");
}

static void markers_in_wrong_places(void **state)
{
    size_t sos;

    (void)state;
    encode(3, false);
    sos = find_marker(0xda);
    file[sos + 1] = 0xd9;
    refused("the picture ends before its first scan");
    encode(3, false);
    file[find_marker(0xc0) + 1] = 0xfe;                        /* the frame becomes a comment */
    refused("a scan comes before the frame header");
    encode(3, false);
    insert(0xc0, "\10\0\1\0\1\1\1\x11\0", 9);
    refused("there is a second frame header");
    encode(3, false);
    file[20] = 0;
    refused("a.jpg@0x14: a marker is missing");
    encode(3, false);
    file[4] = 0;
    file[5] = 1;
    refused("a.jpg@0x2: a segment is shorter than its own length");
    used = 2;
    assert_false(dcn__jpeg_is(file, used));
    refused("a.jpg@0x0: this is not a JPEG signature");
}

static void scans_without_end(void **state)
{
    size_t sos, scan;

    (void)state;
    encode(3, false);
    sos = find_marker(0xda);
    scan = used - 2 - sos;
    for (int i = 0; i < 100; i++) {
        assert_true(used + scan < sizeof file);
        memcpy(file + used - 2, file + sos, scan);
        used += scan;
        memcpy(file + used - 2, "\xff\xd9", 2);
    }
    refused("there are more than 100 scans");
}

static void damaged_codes(void **state)
{
    size_t sos;
    int found = 0;
    dcn_image image;

    (void)state;
    encode(3, false);
    sos = find_marker(0xda) + 14;
    /* Not every flip can be seen; those that can are refusals, with the frame's offset. */
    for (size_t i = sos; i + 2 < used; i++) {
        file[i] ^= 0x55;
        if (decode(&image)) {
            found++;
            assert_non_null(strstr(err.text, "a.jpg@0x"));
        }
        dcn_image_clear(&image);
        file[i] ^= 0x55;
    }
    assert_true(found > 10);
}

/* The decoder would only warn and guess the rest. */
static void guessed_pixels_are_refused(void **state)
{
    (void)state;
    encode(3, false);
    memmove(file + used - 8, file + used - 2, 2);
    used -= 6;
    refused("the picture is damaged (");
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Waves, so that no row or block is like another. */
static void draw(dcn_image *image, int h, int w, int c)
{
    assert_ok(dcn__image_alloc(image, h, w, c, &err));
    for (int i = 0; i < h * w * c; i++)
        image->pixels[i] = (uint8_t)(100 + (i % c * 40) + (i / c % w) * 50 / w - i / (c * w) * 60 / h);
}

static int largest_difference(const dcn_image *a, const dcn_image *b)
{
    int most = 0;

    assert_true(a->h == b->h && a->w == b->w && a->c == b->c);
    for (int i = 0; i < a->h * a->w * a->c; i++)
        if (abs(a->pixels[i] - b->pixels[i]) > most)
            most = abs(a->pixels[i] - b->pixels[i]);
    return most;
}

static void what_is_written_is_read(void **state)
{
    static const int shapes[][3] = { { 1, 1, 1 }, { 1, 1, 3 }, { 24, 432, 3 }, { 17, 31, 1 },
                                     { 9, 100, 3 } };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        dcn_image image, back;
        dcn__bytes bytes, again;

        draw(&image, shapes[i][0], shapes[i][1], shapes[i][2]);
        assert_ok(dcn__jpeg_encode(&bytes, &image, 95, &err));
        assert_ok(dcn__jpeg_encode(&again, &image, 95, &err));
        assert_int_equal(bytes.size, again.size);
        assert_memory_equal(bytes.data, again.data, bytes.size);
        assert_ok(dcn__jpeg_decode(&back, bytes.data, bytes.size, "a.jpg", NULL, &err));
        assert_true(largest_difference(&image, &back) <= 6);
        dcn__bytes_clear(&again);
        dcn_image_clear(&back);
        assert_ok(dcn__jpeg_encode(&again, &image, 40, &err));
        assert_true(again.size <= bytes.size);
        dcn__bytes_clear(&again);
        dcn__bytes_clear(&bytes);
        dcn_image_clear(&image);
    }
}

/* Frame type 0xc0 (baseline), 8 bits, every component sampled 1x1; no EXIF, no comment. */
static void written_baseline_at_full_resolution(void **state)
{
    dcn_image image;
    dcn__bytes bytes;
    const uint8_t *frame;

    (void)state;
    draw(&image, 20, 30, 3);
    assert_ok(dcn__jpeg_encode(&bytes, &image, 90, &err));
    frame = memmem(bytes.data, bytes.size, "\xff\xc0\0\21\10\0\24\0\36\3", 10);
    assert_non_null(frame);
    for (int i = 0; i < 3; i++)
        assert_int_equal(frame[11 + 3 * i], 0x11);
    assert_null(memmem(bytes.data, bytes.size, "\xff\xe1", 2));
    assert_null(memmem(bytes.data, bytes.size, "\xff\xfe", 2));
    assert_true(dcn__jpeg_can_encode());
    /* A red line one pixel wide keeps its colour: half the colour resolution would halve it. */
    memset(image.pixels, 255, 20 * 30 * 3);
    for (int y = 0; y < 20; y++)
        image.pixels[(y * 30 + 15) * 3 + 1] = image.pixels[(y * 30 + 15) * 3 + 2] = 0;
    dcn__bytes_clear(&bytes);
    assert_ok(dcn__jpeg_encode(&bytes, &image, 95, &err));
    dcn_image_clear(&image);
    assert_ok(dcn__jpeg_decode(&image, bytes.data, bytes.size, "a.jpg", NULL, &err));
    assert_true(image.pixels[(10 * 30 + 15) * 3] > 240);
    assert_true(image.pixels[(10 * 30 + 15) * 3 + 1] < 16);
    assert_true(image.pixels[(10 * 30 + 14) * 3 + 1] > 240);
    dcn__bytes_clear(&bytes);
    dcn_image_clear(&image);
}

static void what_cannot_be_written(void **state)
{
    uint8_t pixels[12] = { 0 };
    dcn__bytes bytes;
    dcn_image image = { .h = 2, .w = 2, .c = 2, .pixels = pixels };

    (void)state;
    assert_refused(dcn__jpeg_encode(&bytes, &image, 90, &err), DCN_USAGE, "(2,2,2) cannot be");
    image.c = 3;
    assert_refused(dcn__jpeg_encode(&bytes, &image, 0, &err), DCN_USAGE, "quality 0 is outside");
    assert_refused(dcn__jpeg_encode(&bytes, &image, 101, &err), DCN_USAGE, "quality 101 is");
    image.w = 65536;
    assert_refused(dcn__jpeg_encode(&bytes, &image, 90, &err), DCN_USAGE, "65536x2 is too large");
    assert_null(bytes.data);
    image.w = 2;
    assert_survives_lack_of_memory(dcn__jpeg_encode(&bytes, &image, 90, &err));
    dcn__bytes_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(written_baseline_at_full_resolution),
        cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(colours),              cmocka_unit_test(orientations),
        cmocka_unit_test(broken_exif_means_upright),
        cmocka_unit_test(four_components),      cmocka_unit_test(restarts_and_subsampling),
        cmocka_unit_test(truncated_anywhere),   cmocka_unit_test(kinds_that_are_not_read),
        cmocka_unit_test(sizes_over_the_limit), cmocka_unit_test(markers_in_wrong_places),
        cmocka_unit_test(scans_without_end),    cmocka_unit_test(damaged_codes),
        cmocka_unit_test(guessed_pixels_are_refused),
    };

    return cmocka_run_group_tests_name("codec_jpeg", tests, NULL, NULL);
}

#else

static void refuses_by_name(void **state)
{
    dcn__bytes bytes;
    dcn_image image;

    (void)state;
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"\xff\xd8\xff", 3, "a.jpg", NULL,
                                     &err), DCN_USAGE, "a.jpg: this build has no libturbojpeg0");
    assert_refused(dcn__jpeg_encode(&bytes, &(dcn_image){ .h = 1, .w = 1, .c = 1 }, 90, &err),
                   DCN_USAGE, "this build has no libturbojpeg0");
    assert_false(dcn__jpeg_can_encode());
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refuses_by_name) };

    return cmocka_run_group_tests_name("codec_jpeg", tests, NULL, NULL);
}

#endif
