/* onnx_constant.c - constants: tensors of the file seen through strides, and small folded ones. */
#include "model/onnx_import.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

#define MAX_FOLDED_ALL ((int64_t)4 << 20)

bool dcn__type_is_float(int type)
{
    return type == DCN__ONNX_FLOAT || type == DCN__ONNX_FLOAT16 || type == DCN__ONNX_BFLOAT16 ||
           type == DCN__ONNX_DOUBLE;
}

bool dcn__type_is_whole(int type)
{
    return (type >= DCN__ONNX_UINT8 && type <= DCN__ONNX_INT64) || type == DCN__ONNX_BOOL ||
           type == DCN__ONNX_UINT32 || type == DCN__ONNX_UINT64;
}

static void set_dims(dcn__constant *c, int rank, const int64_t *dims)
{
    c->rank = rank;
    c->count = 1;
    for (int i = rank - 1; i >= 0; i--) {
        c->dims[i] = dims[i];
        c->strides[i] = c->count;
        c->count *= dims[i];
    }
}

dcn__constant *dcn__constant_of_tensor(dcn__import *im, const dcn__onnx_tensor *tensor)
{
    dcn__constant *c = dcn__import_alloc(im, 1, sizeof *c);

    if (c) {
        c->type = tensor->type;
        c->tensor = tensor;
        set_dims(c, tensor->rank, tensor->dims);
    }
    return c;
}

dcn_status dcn__constant_make(dcn__import *im, int type, int rank, const int64_t *dims,
                              dcn__constant **constant, double **values)
{
    int64_t count = 1;

    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || !dcn__mul_int64(count, dims[i], &count) || count > DCN__MAX_FOLDED)
            return dcn__import_fail(im, "it makes a constant of more than %d numbers; fold the "
                                    "constants when the network is exported", DCN__MAX_FOLDED);
    if ((im->folded += count) > MAX_FOLDED_ALL)
        return dcn__import_fail(im, "constants that are computed in the file hold more than %lld "
                                "numbers; fold them when the network is exported",
                                (long long)MAX_FOLDED_ALL);
    *constant = dcn__import_alloc(im, 1, sizeof **constant);
    *values = *constant ? dcn__import_alloc(im, (size_t)count, sizeof **values) : NULL;
    if (!*values)
        return DCN_MEMORY;
    (*constant)->type = type;
    (*constant)->values = *values;
    set_dims(*constant, rank, dims);
    return DCN_OK;
}

static dcn_status read_all(dcn__import *im, const dcn__constant *c, double *out)
{
    enum { SLICE = 512 };
    dcn_status st = DCN_OK;

    for (int64_t i = 0; !st && i < c->count; i += SLICE) {
        const int64_t n = c->count - i < SLICE ? c->count - i : SLICE;
        int64_t whole[SLICE];
        float real[SLICE];

        if (dcn__type_is_float(c->type))
            st = dcn__onnx_read_f32(im->file, c->tensor, i, n, real, im->err);
        else
            st = dcn__onnx_read_i64(im->file, c->tensor, i, n, whole, im->err);
        for (int64_t k = 0; !st && k < n; k++)
            out[i + k] = dcn__type_is_float(c->type) ? (double)real[k] : (double)whole[k];
    }
    return st;
}

/* From the order of the file to row-major. */
static void turn(const dcn__constant *c, const double *from, double *to)
{
    int64_t at[DCN__ONNX_MAX_RANK] = { 0 }, offset = 0;

    for (int64_t i = 0; i < c->count; i++) {
        to[i] = from[offset];
        for (int d = c->rank - 1; d >= 0; d--) {
            offset += c->strides[d];
            if (++at[d] < c->dims[d])
                break;
            offset -= c->strides[d] * c->dims[d];
            at[d] = 0;
        }
    }
}

dcn_status dcn__constant_values(dcn__import *im, const dcn__constant *c, const double **values)
{
    dcn__constant *copy;
    double *raw, *turned;
    dcn_status st;

    if (!c->tensor) {
        *values = c->values;
        return DCN_OK;
    }
    if (!dcn__type_is_float(c->type) && !dcn__type_is_whole(c->type))
        return dcn__import_fail(im, "its constant is of type %s, numbers are needed; correct the "
                                "file", dcn__onnx_type_name(c->type));
    if ((st = dcn__constant_make(im, c->type, c->rank, c->dims, &copy, &turned)) ||
        (st = dcn__constant_make(im, c->type, c->rank, c->dims, &copy, &raw)) ||
        (st = read_all(im, c, raw)))
        return st;
    turn(c, raw, turned);
    *values = turned;
    return DCN_OK;
}

dcn_status dcn__constant_number(dcn__import *im, const dcn__constant *c, double *number)
{
    const double *values;
    dcn_status st;

    if (c->count != 1)
        return dcn__import_fail(im, "a constant of %lld numbers stands where one is needed; "
                                "correct the file", (long long)c->count);
    if ((st = dcn__constant_values(im, c, &values)))
        return st;
    *number = values[0];
    return DCN_OK;
}

dcn_status dcn__constant_list(dcn__import *im, const dcn__constant *c, int limit, int64_t *values,
                              int *n)
{
    const double *v;
    dcn_status st;

    if (c->rank > 1 || c->count > limit || !dcn__type_is_whole(c->type))
        return dcn__import_fail(im, "a list of at most %d whole numbers is needed; correct the "
                                "file", limit);
    if ((st = dcn__constant_values(im, c, &v)))
        return st;
    *n = (int)c->count;
    for (int i = 0; i < *n; i++)        /* what is beyond 2^53 means "to the end" */
        values[i] = v[i] >= 0x1p62 ? INT64_MAX : v[i] <= -0x1p62 ? -INT64_MAX : (int64_t)v[i];
    return DCN_OK;
}
