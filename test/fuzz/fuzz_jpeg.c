/* fuzz_jpeg.c - pictures; what was decoded must have the size that it says. */
#include "fuzz.h"

#include "codec/jpeg.h"

static dcn_status read_picture(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_image image;
    dcn_status st = dcn__jpeg_decode(&image, data, size, "fuzz", NULL, err);
    volatile uint8_t last;

    if (!st && (image.h < 1 || image.w < 1 || (image.c != 1 && image.c != 3)))
        abort();
    if (!st)
        last = image.pixels[(size_t)image.h * (size_t)image.w * (size_t)image.c - 1];
    if (st && image.pixels)
        abort();
    dcn_image_clear(&image);
    (void)last;
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_picture, data, size);
    return 0;
}
