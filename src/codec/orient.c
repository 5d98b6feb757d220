/* orient.c - phones store pictures as the sensor saw them and note how the phone was held.
 *
 * libexif reads the note; the turning is here. Anything unreadable means upright: the note is a
 * courtesy, not part of the picture. */
#include "codec/jpeg.h"

#include "base/memory.h"
#include "codec/image.h"

#include <string.h>

#ifdef DCN_HAVE_JPEG
#include <libexif/exif-data.h>

static int orientation_of(ExifData *data)
{
    const ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    int orientation = 1;

    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components == 1 && entry->size >= 2)
        orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/* Entries for which libexif finds no memory it leaves out, and the picture would lie on its side. */
dcn_status dcn__exif_orientation(int *orientation, const uint8_t *block, size_t size,
                                 dcn_error *err)
{
    ExifData *data;

    *orientation = 1;
    if (size < 14 || memcmp(block, "Exif\0\0", 6) != 0)
        return DCN_OK;
    dcn__memory_watch();
    if ((data = exif_data_new())) {
        exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
        exif_data_load_data(data, block, (unsigned)size);
        *orientation = orientation_of(data);
    }
    if (dcn__memory_lacked()) {
        exif_data_unref(data);
        return dcn__fail_memory(err, "a picture's EXIF block", size);
    }
    exif_data_unref(data);
    return DCN_OK;
}

#endif

/* Orientation o (EXIF 2.3, tag 0x0112): where pixel (y,x) of the upright picture stands in the
 * stored one of height h and width w. */
static size_t stored_at(int o, int y, int x, int h, int w)
{
    const int swap = o >= 5;
    int row = swap ? x : y, column = swap ? y : x;

    if (o == 3 || o == 4 || o == 6 || o == 7)
        row = h - 1 - row;
    if (o == 2 || o == 3 || o == 7 || o == 8)
        column = w - 1 - column;
    return (size_t)row * (size_t)w + (size_t)column;
}

dcn_status dcn__image_orient(dcn_image *image, int orientation, dcn_error *err)
{
    const int h = image->h, w = image->w, c = image->c;
    const bool swap = orientation >= 5;
    uint8_t *to;
    dcn_image upright;
    dcn_status st;

    if (orientation <= 1 || orientation > 8)
        return DCN_OK;
    if ((st = dcn__image_alloc(&upright, swap ? w : h, swap ? h : w, c, err)))
        return st;
    to = upright.pixels;
    for (int y = 0; y < upright.h; y++)
        for (int x = 0; x < upright.w; x++, to += c)
            memcpy(to, image->pixels + stored_at(orientation, y, x, h, w) * (size_t)c, (size_t)c);
    dcn_image_clear(image);
    *image = upright;
    return DCN_OK;
}
