/* fuzz_picture.h - what every decoder of pictures promises: what it decoded has the size that it
 * says, and after a refusal there are no pixels. */
#ifndef FUZZ_PICTURE_H
#define FUZZ_PICTURE_H

#include "fuzz.h"

static inline void check_picture(dcn_status st, dcn_image *image)
{
    volatile uint8_t last;

    if (!st && (image->h < 1 || image->w < 1 || (image->c != 1 && image->c != 3)))
        abort();
    if (!st)
        last = image->pixels[(size_t)image->h * (size_t)image->w * (size_t)image->c - 1];
    if (st && image->pixels)
        abort();
    dcn_image_clear(image);
    (void)last;
}

#endif
