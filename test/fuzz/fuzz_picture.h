/* fuzz_picture.h - what every decoder of pictures promises: what it decoded has the size that it
 * says, and after a refusal there are no pixels. */
#ifndef FUZZ_PICTURE_H
#define FUZZ_PICTURE_H

#include "fuzz.h"

/* A small file can be a picture of some Mpixel, which takes a hundred times as long and teaches
 * nothing. One in 256 has the usual limits, so that what small inputs cost is measured. */
static inline const dcn_limits *picture_limits(const uint8_t *data, size_t size)
{
    static const dcn_limits limits = { .max_pixels = 1 << 14 };
    uint8_t sum = 0;

    for (size_t i = 0; i < size && i < SMALL; i++)
        sum = (uint8_t)(sum + data[i]);
    return size <= SMALL && !sum ? NULL : &limits;
}

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
