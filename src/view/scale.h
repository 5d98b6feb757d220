/* scale.h - from float values to the bytes of a picture. */
#ifndef DCN_VIEW_SCALE_H
#define DCN_VIEW_SCALE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TensorFlow 1's affine map: byte = (uint8_t)(v * scale + offset). */
typedef struct dcn__tf1_map { float scale, offset; } dcn__tf1_map;

/* Smallest and largest value of the finite pixels. Start with dcn__range_empty; a strip of
 * several panels is measured by calling dcn__range_add for each. */
typedef struct dcn__range { float min, max; } dcn__range;
dcn__range dcn__range_empty(void);
void dcn__range_add(dcn__range *range, const float *values, size_t pixels, int channels);
dcn__tf1_map dcn__tf1_map_of(dcn__range range);
void dcn__tf1_apply(dcn__tf1_map map, const float *values, size_t pixels, int channels,
                    uint8_t *out);

/* The magnitude that a signed panel shows at full contrast: the 99.5th percentile of its
 * non-zero finite magnitudes; 0: there is none. */
dcn_status dcn__signed_scale(float *scale, const float *values, size_t count, dcn_error *err);
/* Grey 128 is zero; +-scale and beyond are 255 and 1. */
void dcn__signed_apply(float scale, const float *values, size_t pixels, int channels, uint8_t *out);

/* Smallest value black, largest white, one map for all channels. */
void dcn__photo_apply(dcn__range range, const float *values, size_t pixels, int channels,
                      uint8_t *out);

#endif
