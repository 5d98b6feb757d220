/* resize.h - cuts a window out of a scaled picture, without making the scaled picture.
 *
 * Triangle filter, widened when shrinking (Pillow's BILINEAR), borders repeated, on the bytes as
 * they are (no gamma). */
#ifndef DCN_DATA_RESIZE_H
#define DCN_DATA_RESIZE_H

#include "base/error.h"

/* The picture (h,w,c) scaled to (scaled_h,scaled_w); of that the rows y..y+out_h-1 and columns
 * x..x+out_w-1 go to out (out_h,out_w,c). The window lies inside the scaled picture. DCN_USAGE in a
 * build without stb. */
dcn_status dcn__resize_window(uint8_t *out, int out_h, int out_w, const dcn_image *image,
                              int scaled_h, int scaled_w, int y, int x, dcn_error *err);

#endif
