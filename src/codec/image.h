/* image.h - what the picture readers share: the limits, and the choice by signature. */
#ifndef DCN_CODEC_IMAGE_H
#define DCN_CODEC_IMAGE_H

#include "base/error.h"

#include <stdbool.h>

/* Refuses a picture that is too large, before anybody allocates for it. offset: where in `where`
 * the size stands. */
dcn_status dcn__image_check_size(uint64_t w, uint64_t h, const dcn_limits *limits,
                                 const char *where, uint64_t offset, dcn_error *err);
/* h * w * c zeroed bytes. */
dcn_status dcn__image_alloc(dcn_image *image, int h, int w, int c, dcn_error *err);
/* Are these the first bytes of a picture that dcn__image_decode reads? */
bool dcn__image_is_picture(const uint8_t *head, size_t size);
/* PNG or JPEG bytes, by signature. `where` stands in errors. */
dcn_status dcn__image_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                             const dcn_limits *limits, dcn_error *err);

#endif
