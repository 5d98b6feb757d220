/* fuzz_png.c - PNG pictures. */
#include "fuzz_picture.h"

#include "codec/png.h"

#ifdef DCN_HAVE_PNG
#include <zlib.h>

void fuzz_repair(uint8_t *data, size_t size)
{
    for (size_t at = 8; at < size && size - at >= 12;) {
        const size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
            (size_t)data[at + 2] << 8 | data[at + 3];
        uLong sum;

        if (length > size - at - 12)
            break;
        sum = crc32_z(0, data + at + 4, length + 4);
        for (size_t i = 0; i < 4; i++)
            data[at + 8 + length + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += length + 12;
    }
}

FUZZ_REPAIRING_MUTATOR
#endif

static dcn_status read_picture(const uint8_t *data, size_t size, dcn_error *err)
{
    dcn_image image;
    dcn_status st = dcn__png_decode(&image, data, size, "fuzz", NULL, err);

    check_picture(st, &image);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_one(read_picture, data, size);
    return 0;
}
