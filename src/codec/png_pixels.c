/* png_pixels.c - lets libpng inflate chunks that png.c has walked, into rows of bytes.
 *
 * Through its row by row interface: the simplified one of libpng 1.6.39 mixes up the bytes of
 * interlaced pictures of 16 bits. */
#include "codec/png.h"

#ifdef DCN_HAVE_PNG
#include "base/memory.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct source {
    const uint8_t *bytes;
    size_t left;
    char *message;
    size_t message_size;
    bool no_memory;                /* an error that libpng reports as one of the picture */
};

/* libpng's and its zlib's memory comes through our door. */
static png_voidp take(png_structp png, png_alloc_size_t bytes)
{
    struct source *s = png_get_mem_ptr(png);
    void *memory = dcn__alloc(bytes);

    s->no_memory = s->no_memory || !memory;
    return memory;
}

static void give(png_structp png, png_voidp memory)
{
    (void)png;
    dcn__free(memory);
}

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
    struct source *s = png_get_io_ptr(png);

    if (n > s->left)
        png_error(png, "the data end too early");
    memcpy(to, s->bytes, n);
    s->bytes += n;
    s->left -= n;
}

/* Also of warnings: they mean that libpng guessed (too few or too many bytes, a wrong sum). */
static void on_message(png_structp png, png_const_charp text)
{
    struct source *s = png_get_error_ptr(png);

    snprintf(s->message, s->message_size, "%s", text);
    png_longjmp(png, 1);
}

/* After on_message control comes back here, to the caller's setjmp. */
static void read_rows(png_structp png, png_infop info, uint8_t *pixels, int h, size_t row_bytes)
{
    int passes;

    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);     /* png.c has checked them */
    png_read_info(png, info);
    png_set_expand(png);           /* palette to RGB, fewer than 8 bits to 8, tRNS to alpha */
    png_set_scale_16(png);         /* round(v * 255 / 65535) */
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes)
        png_error(png, "rows have another length");
    while (passes--)
        for (int y = 0; y < h; y++)
            png_read_row(png, pixels + (size_t)y * row_bytes, NULL);
}

dcn_status dcn__png_pixels(uint8_t *pixels, int h, size_t row_bytes, const uint8_t *bytes,
                           size_t size, char *message, size_t message_size)
{
    struct source s = { bytes, size, message, message_size, false };
    png_structp png;
    png_infop info;

    snprintf(message, message_size, "libpng cannot begin");
    png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &s, on_message, on_message, &s, take,
                                   give);
    info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_read_struct(&png, &info, NULL);
        return s.no_memory ? DCN_MEMORY : DCN_INPUT;
    }
    png_set_read_fn(png, &s, read_bytes);
    read_rows(png, info, pixels, h, row_bytes);
    png_destroy_read_struct(&png, &info, NULL);
    return DCN_OK;
}

#endif
