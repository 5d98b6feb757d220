/* png.h - PNG bytes <-> pictures, through libpng. */
#ifndef DCN_CODEC_PNG_H
#define DCN_CODEC_PNG_H

#include "base/error.h"
#include "base/file.h"

#include <stdbool.h>

bool dcn__png_is(const uint8_t *head, size_t size);
/* Grey stays 1 channel, everything else becomes 3: 16 bits are rounded to 8, a palette is looked
 * up, alpha is laid over white. Turned as EXIF says. Colour space chunks (gAMA, iCCP, ...) are not
 * applied. */
dcn_status dcn__png_decode(dcn_image *image, const uint8_t *bytes, size_t size, const char *where,
                           const dcn_limits *limits, dcn_error *err);
/* For png.c. Signature and chunks that make pixels -> h rows of row_bytes bytes, one a channel.
 * Writes no error: DCN_INPUT, message says why; or DCN_MEMORY. */
dcn_status dcn__png_pixels(uint8_t *pixels, int h, size_t row_bytes, const uint8_t *bytes,
                           size_t size, char *message, size_t message_size);
/* The same picture and texts give the same bytes. texts: pairs keyword, value, ended by NULL. */
dcn_status dcn__png_encode(dcn__bytes *bytes, const dcn_image *image, const char *const *texts,
                           dcn_error *err);

#endif
