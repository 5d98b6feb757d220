/* onnx_shape.h - what relabels values, of constants and of pictures alike. */
#ifndef DCN_MODEL_ONNX_SHAPE_H
#define DCN_MODEL_ONNX_SHAPE_H

#include "model/onnx_import.h"

/* Slice's parameters against a value's shape: `count` places from `first` on, `step` apart. */
typedef struct dcn__slices {
    int n;
    int axis[DCN__ONNX_MAX_RANK];
    int64_t first[DCN__ONNX_MAX_RANK], count[DCN__ONNX_MAX_RANK], step[DCN__ONNX_MAX_RANK];
} dcn__slices;
dcn_status dcn__read_slices(dcn__import *im, int rank, const int64_t *dims, dcn__slices *s);

/* Sets output 0 to the same numbers in another shape. */
dcn_status dcn__constant_reshape(dcn__import *im, const dcn__constant *c, int rank,
                                 const int64_t *dims);

#endif
