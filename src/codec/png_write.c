/* png_write.c - writes PNG: libpng makes the file in memory, the texts are put in behind IHDR.
 *
 * They are checked and made here: a text chunk is a length, a type, the bytes and a sum. No time
 * stamp is written: equal pictures give equal files. */
#include "codec/png.h"

#ifdef DCN_HAVE_PNG

#include "base/memory.h"
#include "base/text.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>

enum { BEFORE_TEXTS = 33 };          /* the signature and the IHDR chunk */

static void append_be32(dcn__string *s, uint32_t x)
{
    const uint8_t bytes[4] = { (uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8),
                               (uint8_t)x };

    dcn__string_append(s, (const char *)bytes, 4);
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text > 0x7e || ((unsigned char)*text < 0x20 && *text != '\n'))
            return false;
    return true;
}

/* tEXt is Latin-1 and every program reads it; iTXt is UTF-8. */
static dcn_status append_text(dcn__string *s, const char *keyword, const char *value,
                              dcn_error *err)
{
    const size_t n = strlen(keyword), bytes = strlen(value);
    const bool ascii = is_ascii(value);
    size_t start;

    if (!n || n > 79 || !is_ascii(keyword) || strchr(keyword, '\n') || keyword[0] == ' ' ||
        keyword[n - 1] == ' ')
        return dcn__fail(err, DCN_USAGE, "PNG text", "keyword \"%s\" is not 1 to 79 ASCII "
                         "characters without spaces at its ends; correct it", keyword);
    if (bytes > INT32_MAX - 256 || !dcn__text_is_utf8(value, bytes))
        return dcn__fail(err, DCN_USAGE, "PNG text",
                         "the value of \"%s\" is not UTF-8 text; correct it", keyword);
    append_be32(s, (uint32_t)(n + 1 + bytes + (ascii ? 0 : 4)));
    start = s->length;
    dcn__string_append(s, ascii ? "tEXt" : "iTXt", 4);
    dcn__string_append(s, keyword, n + 1);
    if (!ascii)                      /* not compressed, no language, no translated keyword */
        dcn__string_append(s, "\0\0\0", 4);
    dcn__string_append(s, value, bytes);
    if (!s->failed)
        append_be32(s, (uint32_t)crc32_z(0, (const uint8_t *)s->text + start, s->length - start));
    return DCN_OK;
}

static dcn_status append_texts(dcn__string *s, const char *const *texts, dcn_error *err)
{
    dcn_status st = DCN_OK;

    for (size_t i = 0; !st && texts && texts[i] && texts[i + 1]; i += 2)
        st = append_text(s, texts[i], texts[i + 1], err);
    return !st && s->failed ? dcn__fail_memory(err, "a PNG file's texts", 0) : st;
}

/* ---- pixels --------------------------------------------------------------------------------- */

static void on_error(png_structp png, png_const_charp text)
{
    (void)text;
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void write_bytes(png_structp png, png_bytep data, size_t n)
{
    dcn__string *s = png_get_io_ptr(png);

    dcn__string_append(s, (const char *)data, n);
    if (s->failed)
        png_error(png, "no memory");
}

/* libpng's and its zlib's memory comes through our door. */
static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    (void)png;
    return dcn__alloc(bytes);
}

static void give(png_structp png, png_voidp memory)
{
    (void)png;
    dcn__free(memory);
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

/* Of a large picture differences to the row above and runs of equal bytes: on sheets of photos a third
 * of the time, and some percent larger. A small one costs no time, and repeats itself. */
static void choose_effort(png_structp png, const dcn_image *image)
{
    const bool large = (int64_t)image->w * image->h > 1 << 20;

    png_set_filter(png, PNG_FILTER_TYPE_BASE, large ? PNG_FILTER_UP : PNG_FILTER_NONE);
    png_set_compression_level(png, large ? 1 : 6);
    if (large)
        png_set_compression_strategy(png, Z_RLE);
}

/* Control comes back to the caller's setjmp if memory ends. */
static void write_rows(png_structp png, png_infop info, const dcn_image *image)
{
    const size_t row = (size_t)image->w * (size_t)image->c;

    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(png, info, (png_uint_32)image->w, (png_uint_32)image->h, 8,
                 image->c == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    choose_effort(png, image);
    png_write_info(png, info);
    for (int y = 0; y < image->h; y++)
        png_write_row(png, image->pixels + (size_t)y * row);
    png_write_end(png, info);
}

static dcn_status encode_pixels(dcn__string *s, const dcn_image *image, dcn_error *err)
{
    png_structp png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning,
                                                NULL, take, give);
    png_infop info = png ? png_create_info_struct(png) : NULL;

    if (!info || setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_write_struct(&png, &info);
        return dcn__fail_memory(err, "a PNG file", 0);
    }
    png_set_write_fn(png, s, write_bytes, flush_nothing);
    write_rows(png, info, image);
    png_destroy_write_struct(&png, &info);
    return DCN_OK;
}

dcn_status dcn__png_encode(dcn__bytes *bytes, const dcn_image *image, const char *const *texts,
                           dcn_error *err)
{
    dcn__string texts_of = { 0 }, file = { 0 };
    dcn_status st;

    memset(bytes, 0, sizeof *bytes);
    if (image->w < 1 || image->h < 1 || (image->c != 1 && image->c != 3) || !image->pixels)
        return dcn__fail(err, DCN_USAGE, "PNG", "a picture of (%d,%d,%d) cannot be written; give "
                         "it pixels and 1 or 3 channels", image->h, image->w, image->c);
    if ((uint64_t)image->w * (uint64_t)image->h * (uint64_t)image->c > INT32_MAX / 2)
        return dcn__fail(err, DCN_USAGE, "PNG", "a picture of %dx%d is too large to be written; "
                         "draw a smaller one", image->w, image->h);
    if (!(st = append_texts(&texts_of, texts, err)) && !(st = encode_pixels(&file, image, err)) &&
        texts_of.length) {
        const size_t before = file.length;

        dcn__string_append(&file, texts_of.text, texts_of.length);      /* makes the room */
        if (file.failed)
            st = dcn__fail_memory(err, "a PNG file's texts", 0);
        else {
            memmove(file.text + BEFORE_TEXTS + texts_of.length, file.text + BEFORE_TEXTS,
                    before - BEFORE_TEXTS);
            memcpy(file.text + BEFORE_TEXTS, texts_of.text, texts_of.length);
        }
    }
    dcn__string_clear(&texts_of);
    if (st)
        dcn__string_clear(&file);
    else
        *bytes = (dcn__bytes){ .data = (uint8_t *)file.text, .size = file.length };
    return st;
}

#endif
