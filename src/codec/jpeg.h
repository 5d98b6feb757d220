/* jpeg.h - JPEG bytes <-> pictures, through TurboJPEG and libexif. */
#ifndef DCN_CODEC_JPEG_H
#define DCN_CODEC_JPEG_H

#include "base/error.h"
#include "base/file.h"

#include <stdbool.h>

bool dcn__jpeg_is(const uint8_t *head, size_t size);
/* Grey stays 1 channel; YCbCr, RGB, CMYK and YCCK become RGB. Turned as EXIF says. A warning of
 * the decoder is a refusal: a picture that is partly guessed is not shown. */
dcn_status dcn__jpeg_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                            const dcn_limits *limits, dcn_error *err);
/* Baseline, colours at full resolution (4:4:4), no time stamp: the same picture gives the same bytes.
 * quality: 1..100. */
dcn_status dcn__jpeg_encode(dcn__bytes *bytes, const dcn_image *image, int quality,
                            dcn_error *err);
bool dcn__jpeg_can_encode(void);               /* does this build have TurboJPEG? */

/* The orientation (1..8) in an EXIF block "Exif\0\0..."; 1 if it has none. Fails for lack of memory
 * alone. */
dcn_status dcn__exif_orientation(int *orientation, const uint8_t *block, size_t size,
                                 dcn_error *err);
/* Turns and mirrors the picture upright. */
dcn_status dcn__image_orient(dcn_image *image, int orientation, dcn_error *err);

#endif
