/* absent.c - what stands in for a library that this build does without: each refuses by name, so
 * that a build with nothing but a C compiler links and says what it lacks. */
#include "base/error.h"

#if !defined(DCN_HAVE_PNG) || !defined(DCN_HAVE_JPEG) || !defined(DCN_HAVE_ZLIB)
#include "codec/jpeg.h"
#include "codec/npz.h"
#include "codec/png.h"

static inline dcn_status absent(dcn_error *err, const char *where, const char *library)
{
    return dcn__fail(err, DCN_USAGE, where, "this build has no %s; install %s-dev and build again",
                     library, library);
}
#endif

#ifndef DCN_HAVE_PNG
dcn_status dcn__png_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                           const dcn_limits *limits, dcn_error *err)
{
    (void)bytes, (void)size, (void)limits;
    *image = (dcn_image){ 0 };
    return absent(err, where, "libpng");
}

dcn_status dcn__png_encode(dcn__bytes *bytes, const dcn_image *image, const char *const *texts,
                           dcn_error *err)
{
    (void)image, (void)texts;
    *bytes = (dcn__bytes){ 0 };
    return absent(err, "PNG", "libpng");
}
#endif

#ifndef DCN_HAVE_JPEG
dcn_status dcn__jpeg_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                            const dcn_limits *limits, dcn_error *err)
{
    (void)bytes, (void)size, (void)limits;
    *image = (dcn_image){ 0 };
    return absent(err, where, "libturbojpeg0");
}

dcn_status dcn__jpeg_encode(dcn__bytes *bytes, const dcn_image *image, int quality, dcn_error *err)
{
    (void)image, (void)quality;
    *bytes = (dcn__bytes){ 0 };
    return absent(err, "JPEG", "libturbojpeg0");
}

bool dcn__jpeg_can_encode(void)
{
    return false;
}
#endif

#ifndef DCN_HAVE_ZLIB
void dcn__npz_begin(dcn__npz *z, dcn__writer *w)
{
    *z = (dcn__npz){ .w = w };
}

dcn_status dcn__npz_array(dcn__npz *z, const dcn_array *shape, dcn_error *err)
{
    (void)shape;
    return absent(err, z->w->path, "zlib1g");
}

dcn_status dcn__npz_write(dcn__npz *z, const void *data, size_t bytes, dcn_error *err)
{
    (void)data, (void)bytes;
    return absent(err, z->w->path, "zlib1g");
}

dcn_status dcn__npz_end(dcn__npz *z, dcn_error *err)
{
    return absent(err, z->w->path, "zlib1g");
}

void dcn__npz_clear(dcn__npz *z)
{
    (void)z;
}
#endif
