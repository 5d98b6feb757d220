/* resize.c - the one file that compiles stb_image_resize. Its decoder is not used anywhere. */
#include "data/resize.h"

#include "base/memory.h"

#if defined(__has_include)
#if __has_include(<stb_image_resize.h>)
#define HAVE_STB 1
#endif
#endif

#ifdef HAVE_STB
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#define STBIR_MALLOC(size, context) ((void)(context), dcn__alloc(size))
#define STBIR_FREE(memory, context) ((void)(context), dcn__free(memory))
/* Its assertions guard programming mistakes and rounding; a picture must never end the program. */
#define STBIR_ASSERT(x) ((void)0)
#include <stb_image_resize.h>
#pragma GCC diagnostic pop

dcn_status dcn__resize_window(uint8_t *out, int out_h, int out_w, const dcn_image *image,
                              int scaled_h, int scaled_w, int y, int x, dcn_error *err)
{
    const float scale_y = (float)((double)scaled_h / image->h);
    const float scale_x = (float)((double)scaled_w / image->w);

    /* The only way for it to fail is memory; it asks for a few rows of the picture. */
    if (!stbir_resize_subpixel(image->pixels, image->w, image->h, 0, out, out_w, out_h, 0,
                               STBIR_TYPE_UINT8, image->c, -1, 0, STBIR_EDGE_CLAMP,
                               STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_FILTER_TRIANGLE,
                               STBIR_COLORSPACE_LINEAR, NULL, scale_x, scale_y, (float)x, (float)y))
        return dcn__fail_memory(err, "resizing a picture", (size_t)image->w * 16);
    return DCN_OK;
}
#else
dcn_status dcn__resize_window(uint8_t *out, int out_h, int out_w, const dcn_image *image,
                              int scaled_h, int scaled_w, int y, int x, dcn_error *err)
{
    (void)out, (void)scaled_h, (void)scaled_w, (void)y, (void)x;
    return dcn__fail(err, DCN_USAGE, "resize",
                     "this build cannot scale a %dx%d picture for a %dx%d input; build with stb or "
                     "use larger pictures", image->h, image->w, out_h, out_w);
}
#endif
