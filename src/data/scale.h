/* scale.h - cuts a window out of a scaled picture, without making the scaled picture: to the byte as
 * Pillow's BILINEAR does (a triangle, widened when shrinking), so that whoever compares a network
 * with PyTorch starts from the same input. */
#ifndef DCN_DATA_SCALE_H
#define DCN_DATA_SCALE_H

#include "base/error.h"

#include <stddef.h>

/* The picture (h,w,c) scaled to (scaled_h,scaled_w); of that the rows y..y+out_h-1 and columns
 * x..x+out_w-1 go to out (out_h,out_w,c). The window lies inside the scaled picture. */
dcn_status dcn__scale_window(uint8_t *out, int out_h, int out_w, const dcn_image *image,
                             int scaled_h, int scaled_w, int y, int x, dcn_error *err);
/* The same in the caller's memory of dcn__scale_room bytes, aligned for double. */
size_t dcn__scale_room(int out_h, int out_w, const dcn_image *image, int scaled_h, int scaled_w);
void dcn__scale_window_in(void *room, uint8_t *out, int out_h, int out_w, const dcn_image *image,
                          int scaled_h, int scaled_w, int y, int x);

#endif
