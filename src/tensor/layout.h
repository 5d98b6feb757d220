/* layout.h - orders of a tensor's dimensions. Kernels are (H,W,in,out) in memory and (out,in,H,W),
 * PyTorch's order, in files. */
#ifndef DCN_TENSOR_LAYOUT_H
#define DCN_TENSOR_LAYOUT_H

#include <stdint.h>

/* from: (h,w,i,o), to: (o,i,h,w); they must not overlap. */
void dcn__hwio_to_oihw(float *to, const float *from, int64_t h, int64_t w, int64_t i, int64_t o);
/* And back: from: (o,i,h,w), to: (h,w,i,o). */
void dcn__oihw_to_hwio(float *to, const float *from, int64_t h, int64_t w, int64_t i, int64_t o);

#endif
