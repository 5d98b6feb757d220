/* onnx_window.h - kernels, strides and padding, which convolutions and pools say alike. */
#ifndef DCN_MODEL_ONNX_WINDOW_H
#define DCN_MODEL_ONNX_WINDOW_H

#include "model/onnx_import.h"

typedef struct dcn__onnx_window {
    int kernel[2], stride[2], dilation[2], pad[4];     /* rows, columns; top, left, bottom, right */
    dcn_pad kind;
} dcn__onnx_window;

/* kernel: as the weights have it; {0, 0}: the attribute is needed. in: the value it slides on. */
dcn_status dcn__read_window(dcn__import *im, const int64_t kernel[2], dcn_shape in,
                            dcn__onnx_window *w);

#endif
