/* preprocess.h - the steps between a picture and a network's input, for preprocess.c and augment.c:
 * fit (how large the scaled picture is), cut (a window of it as floats 0..255 with the wanted
 * channels), normalise. */
#ifndef DCN_DATA_PREPROCESS_H
#define DCN_DATA_PREPROCESS_H

#include "base/error.h"

#include <stdbool.h>

/* Working memory that grows and is kept between pictures. All zeros is an empty one. */
typedef struct dcn__scratch { uint8_t *bytes; size_t capacity; } dcn__scratch;
uint8_t *dcn__scratch_reserve(dcn__scratch *s, size_t bytes);       /* NULL: no memory */
void dcn__scratch_clear(dcn__scratch *s);

/* DCN_USAGE: a shape that no picture can be brought to, or settings that do not fit each other. */
dcn_status dcn__preprocess_check(const dcn_preprocess *p, dcn_error *err);

/* The scaled picture's size; it covers shape.h x shape.w. */
typedef struct dcn__fit { int h, w; } dcn__fit;
dcn_status dcn__fit_picture(dcn__fit *fit, const dcn_preprocess *p, const dcn_image *image,
                            dcn_error *err);
/* Room for every cut of pictures of this size, whose pixels do not matter. */
dcn_status dcn__cut_prepare(const dcn_preprocess *p, const dcn_image *image, dcn__scratch *scratch,
                            dcn_error *err);
/* Rows y.., columns x.. of the scaled picture. out: (H,W,C) of p->shape, 0..255. */
dcn_status dcn__cut(const dcn_preprocess *p, const dcn_image *image, const dcn__fit *fit, int y,
                    int x, dcn__scratch *scratch, float *out, dcn_error *err);
/* In place. values: (H,W,C) of p->shape, 0..255, red first; afterwards blue first with p->bgr.
 * whole: they are whole numbers, which changes no bit, but saves time. */
void dcn__normalize(const dcn_preprocess *p, float *values, bool whole);
/* dcn_preprocess_image with the caller's working memory. */
dcn_status dcn__preprocess_picture(const dcn_preprocess *p, const dcn_image *image,
                                   dcn__scratch *scratch, float *out, dcn_error *err);

#endif
