/* codec_png.c - PNG: round trips, every refusal with its offset, and the limits. Without libpng:
 * that the refusal names it. */
#include "codec_test.h"

#include "base/file.h"
#include "codec/image.h"
#include "codec/png.h"

#ifdef DCN_HAVE_PNG
#include <png.h>
#include <zlib.h>

static dcn_error err;

/* ---- making files chunk by chunk ----------------------------------------------------------- */

static uint8_t file[1 << 16];
static size_t used;

static void put32(uint32_t x)
{
    for (int i = 3; i >= 0; i--)
        file[used++] = (uint8_t)(x >> 8 * i);
}

static void begin(void)
{
    memcpy(file, "\x89PNG\r\n\x1a\n", 8);
    used = 8;
}

static void chunk(const char *type, const void *data, size_t bytes)
{
    const size_t start = used + 4;

    put32((uint32_t)bytes);
    memcpy(file + used, type, 4);
    used += 4;
    if (bytes)
        memcpy(file + used, data, bytes);
    used += bytes;
    put32((uint32_t)crc32(0, file + start, (uInt)(bytes + 4)));
}

static void ihdr(uint32_t w, uint32_t h, int depth, int colour, int interlace)
{
    uint8_t data[13] = { 0 };

    for (int i = 0; i < 4; i++) {
        data[i] = (uint8_t)(w >> (24 - 8 * i));
        data[4 + i] = (uint8_t)(h >> (24 - 8 * i));
    }
    data[8] = (uint8_t)depth;
    data[9] = (uint8_t)colour;
    data[12] = (uint8_t)interlace;
    chunk("IHDR", data, 13);
}

/* rows: filter bytes and pixels. */
static void idat(const void *rows, size_t bytes)
{
    uint8_t packed[4096];
    uLongf size = sizeof packed;

    assert_int_equal(compress(packed, &size, rows, bytes), Z_OK);
    chunk("IDAT", packed, size);
}

static dcn_status decode(dcn_image *image, const dcn_limits *limits)
{
    return dcn__png_decode(image, file, used, "file.png", limits, &err);
}

#define refused(status, part)                                                                  \
    do {                                                                                       \
        dcn_image image_;                                                                      \
        assert_refused(decode(&image_, NULL), status, part);                                   \
        assert_null(image_.pixels);                                                            \
    } while (0)

/* ---- what is read -------------------------------------------------------------------------- */

static void check_pixels(const dcn_image *image, int h, int w, int c, const uint8_t *pixels)
{
    assert_int_equal(image->h, h);
    assert_int_equal(image->w, w);
    assert_int_equal(image->c, c);
    assert_memory_equal(image->pixels, pixels, (size_t)h * (size_t)w * (size_t)c);
}

static void reads(int h, int w, int c, const uint8_t *pixels)
{
    dcn_image image;

    chunk("IEND", NULL, 0);
    assert_ok(decode(&image, NULL));
    check_pixels(&image, h, w, c, pixels);
    dcn_image_clear(&image);
}

static void kinds_of_pixels(void **state)
{
    (void)state;
    begin();                                                   /* 8-bit RGB */
    ihdr(2, 1, 8, 2, 0);
    idat("\0\1\2\3\4\5\6", 7);
    reads(1, 2, 3, (const uint8_t *)"\1\2\3\4\5\6");
    begin();                                                   /* grey of one bit */
    ihdr(3, 1, 1, 0, 0);
    idat("\0\xa0", 2);
    reads(1, 3, 1, (const uint8_t *)"\xff\x00\xff");
    begin();                                                   /* 16 bits round to 8 */
    ihdr(3, 1, 16, 0, 0);
    idat("\0\x12\x34\xff\xff\1\xff", 7);
    reads(1, 3, 1, (const uint8_t *)"\x12\xff\2");
    begin();                                                   /* a palette */
    ihdr(2, 1, 8, 3, 0);
    chunk("PLTE", "\1\2\3\4\5\6", 6);
    idat("\0\1\0", 3);
    reads(1, 2, 3, (const uint8_t *)"\4\5\6\1\2\3");
    begin();                                                   /* two rows, interlaced */
    ihdr(1, 2, 8, 0, 1);
    idat("\0\7\0\x9", 4);
    reads(2, 1, 1, (const uint8_t *)"\7\x9");
}

static void alpha_lies_over_white(void **state)
{
    (void)state;
    begin();
    ihdr(3, 1, 8, 4, 0);                                       /* grey and alpha */
    idat("\0\x66\0\x66\xff\x66\x7f", 7);
    reads(1, 3, 1, (const uint8_t *)"\xff\x66\xb3");           /* (102*127 + 255*128)/255 = 178.8 */
    begin();
    ihdr(1, 1, 8, 6, 0);
    idat("\0\x0a\x14\x1e\x80", 5);
    reads(1, 1, 3, (const uint8_t *)"\x84\x89\x8e");
    begin();
    ihdr(2, 1, 8, 3, 0);                                       /* a transparent palette entry */
    chunk("PLTE", "\1\2\3\4\5\6", 6);
    chunk("tRNS", "\0", 1);
    idat("\0\0\1", 3);
    reads(1, 2, 3, (const uint8_t *)"\xff\xff\xff\4\5\6");
}

static void colour_spaces_and_texts_do_not_matter(void **state)
{
    (void)state;
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("gAMA", "\0\1\x86\xa0", 4);                          /* gamma 1: would brighten */
    chunk("tEXt", "anything", 8);
    idat("\0\x40", 2);
    reads(1, 1, 1, (const uint8_t *)"\x40");
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void broken_chunks(void **state)
{
    dcn_image image;

    (void)state;
    begin();
    refused(DCN_INPUT, "file.png@0x8: the file ends without the IEND chunk");
    ihdr(1, 1, 8, 0, 0);
    file[used - 1] ^= 1;
    refused(DCN_INPUT, "file.png@0x1d: the checksum of the IHDR chunk is wrong");
    file[used - 1] ^= 1;
    idat("\0\7", 2);
    chunk("IEND", NULL, 0);
    for (size_t whole = used; used-- > 8;) {
        if (used == whole - 1)
            continue;
        assert_refused(decode(&image, NULL), DCN_INPUT, "the file ends");
    }
    file[0] = 'x';
    used = 60;
    refused(DCN_INPUT, "file.png@0x0: this is not a PNG signature");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("ID\1T", "", 0);
    refused(DCN_INPUT, "file.png@0x25: a chunk's type is not four letters");
}

static void wrong_headers(void **state)
{
    (void)state;
    begin();
    chunk("IDAT", "", 0);
    refused(DCN_INPUT, "@0x8: the first chunk is not an IHDR of 13 bytes");
    begin();
    ihdr(0, 1, 8, 0, 0);
    refused(DCN_INPUT, "@0x10: image is 0x1, it has no pixels");
    begin();
    ihdr(1, 1, 4, 2, 0);
    refused(DCN_INPUT, "@0x18: colour type 2 with 4 bits is not a kind of PNG");
    begin();
    ihdr(1, 1, 8, 7, 0);
    refused(DCN_INPUT, "@0x18: colour type 7");
    begin();
    ihdr(1, 1, 8, 0, 2);
    refused(DCN_INPUT, "@0x1a: the compression, filter or interlace method is unknown");
}

static void wrong_orders(void **state)
{
    (void)state;
    begin();
    ihdr(1, 1, 8, 3, 0);
    idat("\0\0", 2);
    refused(DCN_INPUT, "@0x21: there is no PLTE chunk before the pixels");
    begin();
    ihdr(1, 1, 8, 3, 0);
    chunk("PLTE", "\1\2\3\4", 4);
    refused(DCN_INPUT, "@0x21: the PLTE chunk has a wrong size or place");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("tRNS", "\1", 1);
    refused(DCN_INPUT, "@0x21: the tRNS chunk has a wrong size or place");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("IDAT", "", 0);
    chunk("tEXt", "", 0);
    chunk("IDAT", "", 0);
    refused(DCN_INPUT, "@0x39: the IDAT chunks do not follow each other");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("IEND", "", 0);
    refused(DCN_INPUT, "there is no IDAT chunk");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("NEWS", "", 0);
    refused(DCN_INPUT, "@0x21: the NEWS chunk is required and unknown");
    begin();
    ihdr(1, 1, 8, 0, 0);
    for (int i = 0; i < 1001; i++)
        chunk("tEXt", "", 0);
    refused(DCN_INPUT, "there are more than 1000 optional chunks");
}

static void damaged_pixels(void **state)
{
    (void)state;
    begin();
    ihdr(2, 2, 8, 0, 0);
    idat("\0\1\2", 3);                                         /* one row of two */
    chunk("IEND", "", 0);
    refused(DCN_INPUT, "@0x21: the pixels are damaged");
    begin();
    ihdr(1, 1, 8, 0, 0);
    idat("\0\1\0\1\0\1\0\1", 8);                               /* four rows of one */
    chunk("IEND", "", 0);
    refused(DCN_INPUT, "@0x21: the pixels are damaged");
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("IDAT", "not deflate", 11);
    chunk("IEND", "", 0);
    refused(DCN_INPUT, "@0x21: the pixels are damaged");
}

/* ---- limits -------------------------------------------------------------------------------- */

static void limits_at_and_beyond(void **state)
{
    const dcn_limits pixels = { .max_pixels = 6 }, side = { .max_side = 3 };
    dcn_image image;

    (void)state;
    begin();
    ihdr(100000, 100000, 8, 2, 0);
    refused(DCN_INPUT, "file.png@0x10: image is 100000x100000 (10000 Mpixel), the limit is 64; "
                       "pass --max-pixels if you trust it");
    begin();
    ihdr(8193, 8192, 8, 2, 0);
    refused(DCN_INPUT, "@0x10: image is 8193x8192 (67 Mpixel), the limit is 64");
    begin();
    ihdr(8321, 8065, 8, 2, 0);                                 /* one pixel beyond */
    refused(DCN_INPUT, "@0x10: image is 8321x8065 (67 Mpixel), the limit is 64");
    begin();
    ihdr(8192, 8192, 8, 2, 0);
    idat("\0", 1);
    chunk("IEND", "", 0);
    refused(DCN_INPUT, "cannot hold the picture's 201334784");  /* within the limit, but a lie */
    begin();
    ihdr(32769, 1, 8, 0, 0);
    refused(DCN_INPUT, "@0x10: image is 32769x1, the limit of a side is 32768; pass --max-side");
    begin();
    ihdr(0xffffffff, 0xffffffff, 8, 2, 0);
    refused(DCN_INPUT, "@0x10: image is 4294967295x4294967295");

    begin();
    ihdr(3, 2, 8, 0, 0);
    idat("\0\1\2\3\0\4\5\6", 8);
    chunk("IEND", "", 0);
    assert_ok(decode(&image, &pixels));
    dcn_image_clear(&image);
    assert_ok(decode(&image, &side));
    dcn_image_clear(&image);
    begin();
    ihdr(7, 1, 8, 0, 0);
    assert_refused(decode(&image, &pixels), DCN_INPUT, "image is 7x1 (7 pixels), the limit is 6");
    begin();
    ihdr(1, 4, 8, 0, 0);
    assert_refused(decode(&image, &side), DCN_INPUT, "image is 1x4, the limit of a side is 3");
}

/* ---- writing ------------------------------------------------------------------------------- */

static void round_trip(void **state)
{
    const char *const texts[] = { "Software", "deconvnet", "Title", "l\xc3\xa4yer 1", NULL };
    uint8_t pixels[5 * 7 * 3];
    dcn__bytes one, two;
    dcn_image back;

    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37);
    for (int c = 1; c <= 3; c += 2) {
        const dcn_image image = { .h = 5, .w = 7, .c = c, .pixels = pixels };

        assert_ok(dcn__png_encode(&one, &image, texts, &err));
        assert_ok(dcn__png_encode(&two, &image, texts, &err));
        assert_int_equal(one.size, two.size);
        assert_memory_equal(one.data, two.data, one.size);
        assert_non_null(memmem(one.data, one.size, "\0\0\0\x12tEXtSoftware\0deconvnet", 26));
        assert_non_null(memmem(one.data, one.size, "iTXtTitle\0\0\0\0\0l\xc3\xa4yer 1", 22));
        assert_ok(dcn__png_decode(&back, one.data, one.size, "one", NULL, &err));
        check_pixels(&back, 5, 7, c, pixels);
        dcn_image_clear(&back);
        dcn__bytes_clear(&one);
        dcn__bytes_clear(&two);
        assert_ok(dcn_image_save_png(&image, temporary("round.png"), texts, &err));
        assert_ok(dcn_image_load(&back, temporary("round.png"), NULL, &err));
        check_pixels(&back, 5, 7, c, pixels);
        dcn_image_clear(&back);
    }
}

/* libpng itself must find our texts. */
static void texts_are_texts(void **state)
{
    const char *const texts[] = { "Comment", "two\nlines", NULL };
    uint8_t pixel = 9;
    const dcn_image image = { .h = 1, .w = 1, .c = 1, .pixels = &pixel };
    png_textp found;
    png_structp png;
    png_infop info;
    FILE *stream;

    (void)state;
    assert_ok(dcn_image_save_png(&image, temporary("text.png"), texts, &err));
    stream = fopen(temporary("text.png"), "rb");
    assert_non_null(stream);
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png_create_info_struct(png);
    png_init_io(png, stream);
    png_read_info(png, info);
    assert_int_equal(png_get_text(png, info, &found, NULL), 1);
    assert_string_equal(found[0].key, "Comment");
    assert_string_equal(found[0].text, "two\nlines");
    png_destroy_read_struct(&png, &info, NULL);
    fclose(stream);
}

static void what_cannot_be_written(void **state)
{
    const char *const long_key[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", NULL };
    const char *const not_utf8[] = { "Key", "\xff", NULL };
    uint8_t pixels[4] = { 0 };
    dcn_image image = { .h = 1, .w = 2, .c = 2, .pixels = pixels };
    dcn__bytes bytes;

    (void)state;
    assert_refused(dcn__png_encode(&bytes, &image, NULL, &err), DCN_USAGE, "(1,2,2)");
    image.c = 1;
    assert_refused(dcn__png_encode(&bytes, &image, long_key, &err), DCN_USAGE, "1 to 79 ASCII");
    assert_refused(dcn__png_encode(&bytes, &image, not_utf8, &err), DCN_USAGE, "not UTF-8");
    assert_refused(dcn_image_save_png(&image, "/nowhere/x.png", NULL, &err), DCN_FILE,
                   "/nowhere/x.png: cannot create it");
}

static void every_allocation_may_fail(void **state)
{
    const char *const texts[] = { "Title", "\xc3\xa4", NULL };
    uint8_t pixels[12] = { 1, 2, 3 };
    const dcn_image image = { .h = 2, .w = 2, .c = 3, .pixels = pixels };
    dcn__bytes bytes;
    dcn_image back;

    (void)state;
    assert_survives_lack_of_memory(dcn__png_encode(&bytes, &image, texts, &err));
    dcn__bytes_clear(&bytes);
    assert_survives_lack_of_memory(dcn_image_save_png(&image, temporary("oom.png"), texts, &err));
    assert_survives_lack_of_memory(dcn_image_load(&back, temporary("oom.png"), NULL, &err));
    check_pixels(&back, 2, 2, 3, pixels);
    dcn_image_clear(&back);
}

static void other_files_by_name(void **state)
{
    dcn_image image;

    (void)state;
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"", 0, "e", NULL, &err), DCN_INPUT,
                   "e: is empty");
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"GIF89a", 6, "g", NULL, &err),
                   DCN_INPUT, "g: is a GIF picture; convert it to PNG or JPEG");
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"hello", 5, "t", NULL, &err),
                   DCN_INPUT, "t@0x0: begins like neither a PNG nor a JPEG picture");
    assert_refused(dcn_image_load(&image, temporary("no such file"), NULL, &err), DCN_FILE,
                   "cannot open it");
    assert_refused(dcn_image_load(&image, "/", NULL, &err), DCN_FILE, "is a folder");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_of_pixels),       cmocka_unit_test(alpha_lies_over_white),
        cmocka_unit_test(colour_spaces_and_texts_do_not_matter),
        cmocka_unit_test(broken_chunks),         cmocka_unit_test(wrong_headers),
        cmocka_unit_test(wrong_orders),          cmocka_unit_test(damaged_pixels),
        cmocka_unit_test(limits_at_and_beyond),  cmocka_unit_test(round_trip),
        cmocka_unit_test(texts_are_texts),       cmocka_unit_test(what_cannot_be_written),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(other_files_by_name),
    };

    return cmocka_run_group_tests_name("codec_png", tests, NULL, NULL);
}

#else

static void refuses_by_name(void **state)
{
    dcn_error err;
    dcn_image image;

    (void)state;
    assert_refused(dcn__png_decode(&image, NULL, 0, "a.png", NULL, &err), DCN_USAGE,
                   "a.png: this build has no libpng; install libpng-dev and build again");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refuses_by_name) };

    return cmocka_run_group_tests_name("codec_png", tests, NULL, NULL);
}

#endif
