/* absent.c - what stands in for a library that this build does without: each refuses by name, so
 * that a build with nothing but a C compiler links and says what it lacks. */
#include "base/error.h"

#if !defined(DCN_HAVE_PNG) || !defined(DCN_HAVE_JPEG) || !defined(DCN_HAVE_JANSSON)
#include "codec/jpeg.h"
#include "codec/json.h"
#include "codec/png.h"
#include "codec/safetensors_header.h"

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
#endif

#ifndef DCN_HAVE_JANSSON
dcn_status dcn__tensors_index(dcn__tensors *t, const uint8_t *bytes, size_t size,
                              uint64_t file_size, const char *where, const dcn_limits *limits,
                              dcn_error *err)
{
    (void)bytes, (void)size, (void)file_size, (void)limits;
    *t = (dcn__tensors){ 0 };
    return absent(err, where, "libjansson");
}

dcn_status dcn__json_texts(char ***texts, int *n, const char *json, int limit, const char *where,
                           dcn_error *err)
{
    (void)json, (void)limit;
    *texts = NULL;
    *n = 0;
    return absent(err, where, "libjansson");
}

dcn_status dcn__json_names(char ***names, int *n, const char *json, size_t bytes, int limit,
                           const char *where, dcn_error *err)
{
    (void)json, (void)bytes, (void)limit;
    *names = NULL;
    *n = 0;
    return absent(err, where, "libjansson");
}

void dcn__tensors_free_json(dcn__tensors *t)
{
    (void)t;
}
#endif
