/* png_write.c - writes PNG: libpng makes the file in memory, the texts are put in behind IHDR.
 *
 * libpng's simplified interface, which needs no setjmp, has no texts; a text chunk is a length, a
 * type, the bytes and a sum. No time stamp is written: equal pictures give equal files. */
#include "codec/png.h"

#ifdef DCN_HAVE_PNG

#include "base/memory.h"
#include "base/text.h"

#include <png.h>
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
    return !st && s->failed ? dcn__fail_memory(err, "a PNG file's texts", s->length) : st;
}

static dcn_status encode_pixels(dcn__bytes *bytes, const dcn_image *image, size_t texts,
                                dcn_error *err)
{
    png_image png = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)image->w,
                      .height = (png_uint_32)image->h, .flags = PNG_IMAGE_FLAG_FAST,
                      .format = image->c == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY };
    png_alloc_size_t room;
    dcn_status st = DCN_OK;
    uint8_t *data;

    /* The macro's sums are 32 bits wide. */
    if ((uint64_t)image->w * (uint64_t)image->h * (uint64_t)image->c > INT32_MAX / 2)
        return dcn__fail(err, DCN_USAGE, "PNG", "a picture of %dx%d is too large to be written; "
                         "draw a smaller one", image->w, image->h);
    room = PNG_IMAGE_PNG_SIZE_MAX(png);
    if (!(data = dcn__alloc(room + texts)))
        return dcn__fail_memory(err, "a PNG file", room + texts);
    if (!png_image_write_to_memory(&png, data, &room, 0, image->pixels, 0, NULL))
        st = dcn__fail(err, DCN_MEMORY, "PNG", "cannot be encoded (%s); free memory", png.message);
    png_image_free(&png);
    *bytes = (dcn__bytes){ .data = data, .size = room };
    if (st)
        dcn__bytes_clear(bytes);
    return st;
}

dcn_status dcn__png_encode(dcn__bytes *bytes, const dcn_image *image, const char *const *texts,
                           dcn_error *err)
{
    dcn__string s = { 0 };
    dcn_status st;

    memset(bytes, 0, sizeof *bytes);
    if (image->w < 1 || image->h < 1 || (image->c != 1 && image->c != 3) || !image->pixels)
        return dcn__fail(err, DCN_USAGE, "PNG", "a picture of (%d,%d,%d) cannot be written; give "
                         "it pixels and 1 or 3 channels", image->h, image->w, image->c);
    st = append_texts(&s, texts, err);
    if (!st)
        st = encode_pixels(bytes, image, s.length, err);
    if (!st && s.length) {
        memmove(bytes->data + BEFORE_TEXTS + s.length, bytes->data + BEFORE_TEXTS,
                bytes->size - BEFORE_TEXTS);
        memcpy(bytes->data + BEFORE_TEXTS, s.text, s.length);
        bytes->size += s.length;
    }
    dcn__string_clear(&s);
    return st;
}

#endif
