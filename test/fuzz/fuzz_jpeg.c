/* fuzz_jpeg.c - JPEG pictures. */
#include "fuzz_picture.h"

#include "codec/jpeg.h"

static dcn_status read_picture(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_image image;
    dcn_status st = dcn__jpeg_decode(&image, data, size, "fuzz", picture_limits(data, size),
                                   err);

    check_picture(st, &image);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_picture, data, size);
    return 0;
}
