/* image.c - pictures by signature, and their limits.
 *
 * It knows no format beyond its first bytes: png.c and jpeg.c decode. */
#include "codec/image.h"

#include "base/file.h"
#include "base/memory.h"
#include "codec/jpeg.h"
#include "codec/png.h"

#include <string.h>

enum { MAX_SIDE = 32768, MEBI = 1024 * 1024, MAX_PIXELS = 64 * MEBI };

static uint64_t pixel_limit(const dcn_limits *limits)
{
    return limits && limits->max_pixels > 0 ? (uint64_t)limits->max_pixels : (uint64_t)MAX_PIXELS;
}

dcn_status dcn__image_check_size(uint64_t w, uint64_t h, const dcn_limits *limits,
                                 const char *where, uint64_t offset, dcn_error *err)
{
    const uint64_t side = limits && limits->max_side > 0 ? (uint64_t)limits->max_side : MAX_SIDE;
    const uint64_t pixels = pixel_limit(limits);

    if (!w || !h)
        return dcn__fail_at(err, DCN_INPUT, where, offset,
                            "image is %llux%llu, it has no pixels; make the picture again",
                            (unsigned long long)w, (unsigned long long)h);
    /* Formats store sides in at most 32 bits, so the product cannot overflow 64. */
    if (w * h > pixels && pixels % MEBI == 0)
        return dcn__fail_at(err, DCN_INPUT, where, offset, "image is %llux%llu (%llu Mpixel), "
                            "the limit is %llu; pass --max-pixels if you trust it",
                            (unsigned long long)w, (unsigned long long)h,
                            (unsigned long long)(w * h / 1000000),
                            (unsigned long long)(pixels / MEBI));
    if (w * h > pixels)
        return dcn__fail_at(err, DCN_INPUT, where, offset, "image is %llux%llu (%llu pixels), "
                            "the limit is %llu; pass --max-pixels if you trust it",
                            (unsigned long long)w, (unsigned long long)h,
                            (unsigned long long)(w * h), (unsigned long long)pixels);
    if (w > side || h > side || w > INT32_MAX || h > INT32_MAX)
        return dcn__fail_at(err, DCN_INPUT, where, offset, "image is %llux%llu, the limit of a "
                            "side is %llu; pass --max-side if you trust it",
                            (unsigned long long)w, (unsigned long long)h, (unsigned long long)side);
    return DCN_OK;
}

dcn_status dcn__image_alloc(dcn_image *image, int h, int w, int c, dcn_error *err)
{
    const size_t bytes = (size_t)h * (size_t)w * (size_t)c;

    *image = (dcn_image){ .h = h, .w = w, .c = c, .pixels = dcn__alloc(bytes) };
    if (image->pixels)
        return DCN_OK;
    dcn_image_clear(image);
    return dcn__fail_memory(err, "a picture", bytes);
}

bool dcn__image_is_picture(const uint8_t *head, size_t size)
{
    return dcn__png_is(head, size) || dcn__jpeg_is(head, size);
}

/* A box "ftyp" at 4 begins HEIF, AVIF and films alike; the brand at 8 tells them apart. */
static const char *boxed_format(const uint8_t *brand)
{
    static const char heif[][5] = { "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2",
                                    "msf1" };

    if (memcmp(brand, "avif", 4) == 0 || memcmp(brand, "avis", 4) == 0)
        return "an AVIF picture";
    for (size_t i = 0; i < sizeof heif / sizeof *heif; i++)
        if (memcmp(brand, heif[i], 4) == 0)
            return "a HEIF picture (HEIC)";
    return "a film";
}

/* Names what else it may be: the answer to "why not?" is in the first bytes. */
static const char *other_format(const uint8_t *p, size_t size)
{
    static const struct { const char *bytes; size_t at, size; const char *text; } known[] = {
        { "GIF8", 0, 4, "a GIF picture" },
        { "WEBP", 8, 4, "a WebP picture" },
        { "BM", 0, 2, "a BMP picture" },
        { "II*\0", 0, 4, "a TIFF picture" },
        { "MM\0*", 0, 4, "a TIFF picture" },
        { "II+\0", 0, 4, "a BigTIFF picture" },
        { "MM\0+", 0, 4, "a BigTIFF picture" },
        { "<svg", 0, 4, "an SVG drawing" },
        { "<?xml", 0, 5, "XML (perhaps an SVG drawing)" },
        { "\xff\x0a", 0, 2, "a JPEG XL picture" },
        { "\0\0\0\x0cJXL ", 0, 8, "a JPEG XL picture" },
        { "\0\0\0\x0cjP  ", 0, 8, "a JPEG 2000 picture" },
        { "\xff\x4f\xff\x51", 0, 4, "a JPEG 2000 picture" },
        { "\0\0\1\0", 0, 4, "a Windows icon" },
        { "8BPS", 0, 4, "a Photoshop picture" },
        { "%PDF", 0, 4, "a PDF document" },
        { "qoif", 0, 4, "a QOI picture" },
        { "v/1\1", 0, 4, "an OpenEXR picture" },
        { "P5", 0, 2, "a PGM picture" },
        { "P6", 0, 2, "a PPM picture" },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (size >= known[i].at + known[i].size &&
            memcmp(p + known[i].at, known[i].bytes, known[i].size) == 0)
            return known[i].text;
    return size >= 12 && memcmp(p + 4, "ftyp", 4) == 0 ? boxed_format(p + 8) : NULL;
}

dcn_status dcn__image_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                             const dcn_limits *limits, dcn_error *err)
{
    const char *other;

    memset(image, 0, sizeof *image);
    if (dcn__png_is(bytes, size))
        return dcn__png_decode(image, bytes, size, where, limits, err);
    if (dcn__jpeg_is(bytes, size))
        return dcn__jpeg_decode(image, bytes, size, where, limits, err);
    if (!size)
        return dcn__fail(err, DCN_INPUT, where, "is empty; copy the picture again");
    other = other_format(bytes, size);
    if (other)
        return dcn__fail(err, DCN_INPUT, where, "is %s; convert it to PNG or JPEG", other);
    return dcn__fail_at(err, DCN_INPUT, where, 0,
                        "begins like neither a PNG nor a JPEG picture; convert it to one of them");
}

dcn_status dcn_image_load(dcn_image *image, const char *path, const dcn_limits *limits,
                          dcn_error *err)
{
    /* No sane encoder needs more than 16 bits of 4 channels for a pixel. */
    const uint64_t most = pixel_limit(limits);
    const uint64_t limit = most > UINT64_MAX / 16 ? UINT64_MAX : most * 8 + 16 * MEBI;
    dcn__bytes bytes;
    dcn_status st;

    memset(image, 0, sizeof *image);
    if ((st = dcn__file_read(&bytes, path, limit, err)))
        return st;
    st = dcn__image_decode(image, bytes.data, bytes.size, path, limits, err);
    dcn__bytes_clear(&bytes);
    return st;
}

dcn_status dcn_image_save_png(const dcn_image *image, const char *path, const char *const *texts,
                              dcn_error *err)
{
    dcn__bytes bytes;
    dcn_status st;

    if ((st = dcn__png_encode(&bytes, image, texts, err)))
        return st;
    st = dcn__file_write(path, bytes.data, bytes.size, err);
    dcn__bytes_clear(&bytes);
    return st;
}

void dcn_image_clear(dcn_image *image)
{
    if (!image)
        return;
    dcn__free(image->pixels);
    memset(image, 0, sizeof *image);
}
