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

static uint8_t file[9 << 20];
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
    static uint8_t packed[1 << 18];
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

/* Every depth: v of 2^n levels becomes round(v * 255 / (2^n - 1)). */
static void every_grey_level(void **state)
{
    static const uint8_t two[] = "\0\x1b", four[] = "\0\x01\x23\x45\x67\x89\xab\xcd\xef";
    uint8_t rows[256 * 513], want[65536];

    (void)state;
    begin();
    ihdr(4, 1, 2, 0, 0);
    idat(two, 2);
    reads(1, 4, 1, (const uint8_t *)"\0\x55\xaa\xff");
    begin();
    ihdr(16, 1, 4, 0, 0);
    idat(four, 9);
    for (int i = 0; i < 16; i++)
        want[i] = (uint8_t)(i * 17);
    reads(1, 16, 1, want);
    for (int i = 0; i < 65536; i++) {
        rows[i / 256 * 513] = 0;
        rows[i / 256 * 513 + 1 + i % 256 * 2] = (uint8_t)(i >> 8);
        rows[i / 256 * 513 + 2 + i % 256 * 2] = (uint8_t)i;
        want[i] = (uint8_t)((i * 255 + 32767) / 65535);
    }
    begin();
    ihdr(256, 256, 16, 0, 0);
    idat(rows, sizeof rows);
    reads(256, 256, 1, want);
    begin();                                                   /* the same as red of RGB */
    ihdr(2, 1, 16, 2, 0);
    idat("\0\x12\x34\0\x80\0\x81\xff\x7e\xff\x7f\0\0", 13);
    reads(1, 2, 3, (const uint8_t *)"\x12\0\1\xfe\xff\0");
}

static void palettes_of_few_bits(void **state)
{
    (void)state;
    for (int depth = 1; depth <= 4; depth *= 2) {
        begin();
        ihdr(3, 1, depth, 3, 0);
        chunk("PLTE", "\1\2\3\4\5\6", 6);
        idat(depth == 1 ? "\0\x40\0" : depth == 2 ? "\0\x10\0" : "\0\x01\0", depth == 4 ? 3 : 2);
        reads(1, 3, 3, (const uint8_t *)"\1\2\3\4\5\6\1\2\3");
    }
    begin();                                                   /* one that is not there is black */
    ihdr(1, 1, 8, 3, 0);
    chunk("PLTE", "\1\2\3", 3);
    idat("\0\1", 2);
    reads(1, 1, 3, (const uint8_t *)"\0\0\0");
}

/* Adam7 of 9x10 pixels of each kind is the same picture as row by row. */
static void interlaced(void **state)
{
    static const int kinds[][2] = { { 0, 1 }, { 0, 8 }, { 0, 16 }, { 2, 8 }, { 2, 16 }, { 3, 4 },
                                    { 4, 8 }, { 6, 8 }, { 6, 16 } };
    static const int start[7][2] = { { 0, 0 }, { 0, 4 }, { 4, 0 }, { 0, 2 }, { 2, 0 }, { 0, 1 },
                                     { 1, 0 } };
    static const int step[7][2] = { { 8, 8 }, { 8, 8 }, { 8, 4 }, { 4, 4 }, { 4, 2 }, { 2, 2 },
                                    { 2, 1 } };
    enum { ROWS = 10, COLUMNS = 9 };
    static const int channels[7] = { 1, 0, 3, 1, 2, 0, 4 };

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const int bits = channels[kinds[k][0]] * kinds[k][1];
        dcn_image pictures[2];

        for (int pass = 0; pass < 2; pass++) {
            uint8_t rows[2048] = { 0 };
            size_t at = 0;

            for (int p = 0; p < 7; p++) {
                const int dy = pass ? step[p][0] : 1, dx = pass ? step[p][1] : 1;

                for (int y = pass ? start[p][0] : 0; y < ROWS && (pass || !p); y += dy) {
                    int bit = 8;                               /* after the filter byte, 0 */

                    for (int x = pass ? start[p][1] : 0; x < COLUMNS; x += dx)
                        for (int b = 0; b < bits; b++, bit++)
                            rows[at + (size_t)bit / 8] |= (uint8_t)(
                                (unsigned)(y * 131 + x * 77 + b * 29) * 2654435761u >> 13 & 1)
                                << (7 - bit % 8);
                    at += (size_t)(bit + 7) / 8;
                }
            }
            begin();
            ihdr(COLUMNS, ROWS, kinds[k][1], kinds[k][0], pass);
            if (kinds[k][0] == 3)
                chunk("PLTE", "012345678901234567890123456789012345678901234567", 48);
            idat(rows, at);
            chunk("IEND", NULL, 0);
            assert_ok(decode(&pictures[pass], NULL));
        }
        check_pixels(&pictures[1], ROWS, COLUMNS, pictures[0].c, pictures[0].pixels);
        dcn_image_clear(&pictures[0]);
        dcn_image_clear(&pictures[1]);
    }
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
    begin();                                                   /* 16 bits: both are rounded first */
    ihdr(2, 1, 16, 4, 0);
    idat("\0\x66\x66\x7f\x7f\x12\x34\xff\xff", 9);
    reads(1, 2, 1, (const uint8_t *)"\xb3\x12");
    begin();
    ihdr(1, 1, 16, 6, 0);
    idat("\0\x0a\x0a\x14\x14\x1e\x1e\x80\x80", 9);
    reads(1, 1, 3, (const uint8_t *)"\x84\x89\x8e");
}

/* One grey or colour stands for "nothing"; of 16 bits, all of them must agree. */
static void a_transparent_colour(void **state)
{
    (void)state;
    begin();
    ihdr(2, 1, 8, 0, 0);
    chunk("tRNS", "\0\7", 2);
    idat("\0\7\x9", 3);
    reads(1, 2, 1, (const uint8_t *)"\xff\x9");
    begin();
    ihdr(2, 1, 8, 2, 0);
    chunk("tRNS", "\0\1\0\2\0\3", 6);
    idat("\0\1\2\3\1\2\4", 7);
    reads(1, 2, 3, (const uint8_t *)"\xff\xff\xff\1\2\4");
    begin();
    ihdr(2, 1, 16, 0, 0);
    chunk("tRNS", "\x12\x34", 2);
    idat("\0\x12\x34\x12\x35", 5);
    reads(1, 2, 1, (const uint8_t *)"\xff\x12");
    begin();
    ihdr(8, 1, 1, 0, 0);
    chunk("tRNS", "\0\0", 2);
    idat("\0\x0f", 2);
    reads(1, 8, 1, (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff");
}

/* Where the stored picture "12/34/56" comes to lie (EXIF 2.3, tag 0x0112). */
static void turned_as_exif_says(void **state)
{
    static const char *const upright[9] = { "123456", "123456", "214365", "654321", "563412",
                                            "135246", "531642", "642531", "246135" };
    uint8_t exif[] = "MM\0*\0\0\0\10\0\1\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0";

    (void)state;
    for (int o = 0; o <= 9; o++) {
        exif[19] = (uint8_t)o;
        begin();
        ihdr(2, 3, 8, 0, 0);
        chunk("eXIf", exif, sizeof exif - 1);
        idat("\0" "12\0" "34\0" "56", 9);
        chunk("eXIf", "nothing", 7);
#ifdef DCN_HAVE_JPEG
        reads(o >= 5 && o < 9 ? 2 : 3, o >= 5 && o < 9 ? 3 : 2, 1,
              (const uint8_t *)upright[o == 9 ? 1 : o]);
#else
        reads(3, 2, 1, (const uint8_t *)upright[1]);
#endif
    }
    begin();
    ihdr(1, 1, 8, 0, 0);
    chunk("eXIf", NULL, 0);
    idat("\0\7", 2);
    reads(1, 1, 1, (const uint8_t *)"\7");
}

static void turning_may_lack_memory(void **state)
{
    static const char exif[] = "II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0";
    dcn_image image;

    (void)state;
    begin();
    ihdr(2, 1, 8, 0, 0);
    chunk("eXIf", exif, sizeof exif - 1);
    idat("\0\7\x9", 3);
    chunk("IEND", NULL, 0);
    assert_survives_lack_of_memory(decode(&image, NULL));
    dcn_image_clear(&image);
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

static void large_chunks(void **state)
{
    uint8_t *zeros = dcn__alloc(8000001);

    (void)state;
    assert_non_null(zeros);
    memset(zeros, 0, 8000001);
    begin();
    ihdr(1, 1, 8, 3, 0);
    chunk("PLTE", zeros, 771);
    refused(DCN_INPUT, "@0x21: the PLTE chunk has a wrong size or place");
    for (size_t n = 65536; n <= 8000001; n = n < 70000 ? n + 1000 : n < 8000000 ? 8000000 : n + 1) {
        begin();
        ihdr(1, 1, 8, 0, 0);
        chunk("eXIf", zeros, n);         /* of more than 64 KiB it is not looked into */
        idat("\0\7", 2);
        if (n <= 8000000)
            reads(1, 1, 1, (const uint8_t *)"\7");
        else
            refused(DCN_INPUT, "@0x21: an optional chunk is larger than 8 MB");
    }
    dcn__free(zeros);
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

static void other_files_by_name(void **state)
{
    static const struct { const char bytes[17], *say; } others[] = {
        { "GIF89a..........", "a GIF picture" },
        { "RIFF....WEBPVP8 ", "a WebP picture" },
        { "BM..............", "a BMP picture" },
        { "II*\0............", "a TIFF picture" },
        { "MM\0*............", "a TIFF picture" },
        { "....ftypheic....", "a HEIF picture (HEIC)" },
        { "....ftypmif1....", "a HEIF picture (HEIC)" },
        { "....ftypavif....", "an AVIF picture" },
        { "....ftypisom....", "a film" },
        { "\xff\n..............", "a JPEG XL picture" },
        { "\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture" },
        { "%PDF-1.7........", "a PDF document" },
        { "<svg xmlns=.....", "an SVG drawing" },
    };
    dcn_image image;

    (void)state;
    assert_refused(dcn__image_decode(&image, (const uint8_t *)"", 0, "e", NULL, &err), DCN_INPUT,
                   "e: is empty");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char say[96];

        snprintf(say, sizeof say, "g: is %s; convert it to PNG or JPEG", others[i].say);
        assert_refused(dcn__image_decode(&image, (const uint8_t *)others[i].bytes, 16, "g", NULL,
                                         &err), DCN_INPUT, say);
        for (size_t n = 1; n < 16; n++)                        /* never beyond the end */
            assert_int_equal(dcn__image_decode(&image, (const uint8_t *)others[i].bytes, n, "g",
                                               NULL, &err), DCN_INPUT);
    }
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
        cmocka_unit_test(every_grey_level),      cmocka_unit_test(palettes_of_few_bits),
        cmocka_unit_test(interlaced),            cmocka_unit_test(a_transparent_colour),
        cmocka_unit_test(turned_as_exif_says),   cmocka_unit_test(turning_may_lack_memory),
        cmocka_unit_test(colour_spaces_and_texts_do_not_matter),
        cmocka_unit_test(broken_chunks),         cmocka_unit_test(wrong_headers),
        cmocka_unit_test(wrong_orders), cmocka_unit_test(large_chunks),          cmocka_unit_test(damaged_pixels),
        cmocka_unit_test(limits_at_and_beyond),  cmocka_unit_test(round_trip),
        cmocka_unit_test(texts_are_texts),       cmocka_unit_test(what_cannot_be_written),
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
