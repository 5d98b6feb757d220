/* onnx_fold.c - computes nodes of which everything is known without a picture: shapes, axes, the
 * arithmetic round them. Small constants only; weights are never folded. */
#include "model/onnx_import.h"
#include "model/onnx_shape.h"

#include <math.h>
#include <string.h>

static dcn_status need(dcn__import *im, int i, const dcn__constant **c, const double **values)
{
    dcn_status st = dcn__need_constant(im, i, c);

    return st ? st : dcn__constant_values(im, *c, values);
}

/* ---- element by element ---------------------------------------------------------------------- */

/* Where element i of the result lies in an operand that is broadcast. */
static int64_t broadcast_at(const dcn__constant *out, const dcn__constant *in, int64_t i)
{
    int64_t at = 0, step = 1;

    for (int d = out->rank - 1, k = in->rank - 1; k >= 0; d--, k--) {
        at += in->dims[k] == 1 ? 0 : i % out->dims[d] * step;
        i /= out->dims[d];
        step *= in->dims[k];
    }
    return at;
}

static dcn_status broadcast_dims(dcn__import *im, const dcn__constant *const *in, int n, int *rank,
                                 int64_t *dims)
{
    *rank = 0;
    for (int i = 0; i < n; i++)
        if (in[i]->rank > *rank)
            *rank = in[i]->rank;
    for (int d = 0; d < *rank; d++) {
        dims[d] = 1;
        for (int i = 0; i < n; i++) {
            const int k = d - (*rank - in[i]->rank);

            if (k < 0 || in[i]->dims[k] == 1)
                continue;
            if (dims[d] != 1 && dims[d] != in[i]->dims[k])
                return dcn__import_fail(im, "its constants' shapes do not fit; correct the file");
            dims[d] = in[i]->dims[k];
        }
    }
    return DCN_OK;
}

static double binary(const char *op, bool whole, double a, double b)
{
    switch (op[0] << 8 | op[1]) {
    case 'A' << 8 | 'd': return a + b;
    case 'S' << 8 | 'u': return a - b;
    case 'M' << 8 | 'u': return a * b;
    case 'D' << 8 | 'i': return whole ? trunc(a / b) : a / b;
    case 'P' << 8 | 'o': return pow(a, b);
    case 'M' << 8 | 'i': return a < b ? a : b;
    case 'M' << 8 | 'a': return a > b ? a : b;
    case 'E' << 8 | 'q': return a == b;
    case 'G' << 8 | 'r': return a > b;
    case 'L' << 8 | 'e': return a < b;
    case 'A' << 8 | 'n': return a != 0 && b != 0;
    default: return a != 0 || b != 0;      /* Or */
    }
}

static dcn_status fold_binary(dcn__import *im)
{
    const char *op = dcn__import_node(im)->op;
    const bool yes_no = strstr(" Equal Greater Less And Or ", op) != NULL;
    const dcn__constant *in[2];
    const double *v[2];
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__constant *out;
    double *values;
    dcn_status st;
    int rank;

    if (dcn__import_node(im)->n_inputs != 2)
        return dcn__import_fail(im, "it has %d constants, supported are two; correct the file",
                                dcn__import_node(im)->n_inputs);
    if ((st = need(im, 0, &in[0], &v[0])) || (st = need(im, 1, &in[1], &v[1])) ||
        (st = broadcast_dims(im, in, 2, &rank, dims)) ||
        (st = dcn__constant_make(im, yes_no ? DCN__ONNX_BOOL : in[0]->type, rank, dims, &out,
                                 &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++) {
        const double b = v[1][broadcast_at(out, in[1], i)];

        if (op[0] == 'D' && b == 0 && dcn__type_is_whole(in[0]->type))
            return dcn__import_fail(im, "it divides by zero; correct the file");
        values[i] = binary(op, dcn__type_is_whole(in[0]->type),
                           v[0][broadcast_at(out, in[0], i)], b);
    }
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

static dcn_status fold_where(dcn__import *im)
{
    const dcn__constant *in[3];
    const double *v[3];
    int64_t dims[DCN__ONNX_MAX_RANK];
    dcn__constant *out;
    double *values;
    dcn_status st = DCN_OK;
    int rank;

    for (int i = 0; i < 3; i++)
        if ((st = need(im, i, &in[i], &v[i])))
            return st;
    if ((st = broadcast_dims(im, in, 3, &rank, dims)) ||
        (st = dcn__constant_make(im, in[1]->type, rank, dims, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++) {
        const int from = v[0][broadcast_at(out, in[0], i)] != 0 ? 1 : 2;

        values[i] = v[from][broadcast_at(out, in[from], i)];
    }
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

static double unary(const char *op, double x)
{
    switch (op[0]) {
    case 'A': return fabs(x);
    case 'C': return ceil(x);
    case 'E': return exp(x);
    case 'F': return floor(x);
    case 'S': return sqrt(x);
    case 'R': return 1 / x;
    default: return op[1] == 'e' ? -x : x == 0;     /* Neg, Not */
    }
}

static dcn_status fold_unary(dcn__import *im)
{
    const dcn__constant *in;
    const double *v;
    dcn__constant *out;
    double *values;
    dcn_status st;

    if ((st = need(im, 0, &in, &v)) ||
        (st = dcn__constant_make(im, in->type, in->rank, in->dims, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++)
        values[i] = unary(dcn__import_node(im)->op, v[i]);
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

static dcn_status fold_cast(dcn__import *im)
{
    const dcn__constant *in;
    int64_t to = 0;
    const double *v;
    dcn__constant *out;
    double *values;
    dcn_status st;

    if ((st = dcn__need_constant(im, 0, &in)) ||
        (st = dcn__get_int(im, "to", 1, INT32_MAX, &to)))
        return st;
    if (!dcn__type_is_float((int)to) && !dcn__type_is_whole((int)to))
        return dcn__import_fail(im, "it makes numbers of type %s, which are not supported; export "
                                "the network in float32", dcn__onnx_type_name((int)to));
    /* Weights may be stored in halves and made floats here: every reader does that by itself. */
    if (dcn__type_is_float(in->type) && dcn__type_is_float((int)to)) {
        dcn__set_constant(im, 0, in);
        return DCN_OK;
    }
    if ((st = need(im, 0, &in, &v)) ||
        (st = dcn__constant_make(im, (int)to, in->rank, in->dims, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++)
        values[i] = to == DCN__ONNX_BOOL ? v[i] != 0 : dcn__type_is_whole((int)to) ? trunc(v[i])
                                                                                   : v[i];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* ---- made of nothing ------------------------------------------------------------------------- */

static dcn_status fold_constant(dcn__import *im)
{
    const dcn__onnx_node *n = dcn__import_node(im);
    const dcn__onnx_attribute *a = n->n_attributes == 1 ? &n->attributes[0] : NULL;
    dcn__constant *out;
    double *values;
    int64_t count;
    dcn_status st;
    bool whole;

    if (!a)
        return dcn__import_fail(im, "it has %d attributes, it needs one; correct the file",
                                n->n_attributes);
    if (a->kind == DCN__ONNX_A_TENSOR) {
        if (!(out = dcn__constant_of_tensor(im, a->value.tensor)))
            return DCN_MEMORY;
        dcn__set_constant(im, 0, out);
        return DCN_OK;
    }
    whole = a->kind == DCN__ONNX_A_INT || a->kind == DCN__ONNX_A_INTS;
    if (!whole && a->kind != DCN__ONNX_A_FLOAT && a->kind != DCN__ONNX_A_FLOATS)
        return dcn__import_fail(im, "attribute %s is of kind %s, numbers are needed; correct the "
                                "file", a->name, dcn__onnx_kind_name(a->kind));
    count = a->n;
    if ((st = dcn__constant_make(im, whole ? DCN__ONNX_INT64 : DCN__ONNX_FLOAT,
                                 a->kind >= DCN__ONNX_A_FLOATS, &count, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++)
        values[i] = a->kind == DCN__ONNX_A_INT ? (double)a->value.i
            : a->kind == DCN__ONNX_A_FLOAT ? (double)a->value.f
            : whole ? (double)a->value.ints[i] : (double)a->value.floats[i];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

static dcn_status fold_constant_of_shape(dcn__import *im)
{
    const dcn__onnx_attribute *a = dcn__onnx_attribute_find(dcn__import_node(im), "value");
    int64_t dims[DCN__ONNX_MAX_RANK];
    const double *number = NULL;
    const dcn__constant *shape;
    dcn__constant *out, *value = NULL;
    double *values;
    dcn_status st;
    int n;

    if ((st = dcn__need_constant(im, 0, &shape)) ||
        (st = dcn__constant_list(im, shape, DCN__ONNX_MAX_RANK, dims, &n)))
        return st;
    if (a && a->kind == DCN__ONNX_A_TENSOR) {
        if (!(value = dcn__constant_of_tensor(im, a->value.tensor)))
            return DCN_MEMORY;
        if (value->count != 1)
            return dcn__import_fail(im, "its value has %lld numbers, it needs one; correct the "
                                    "file", (long long)value->count);
        if ((st = dcn__constant_values(im, value, &number)))
            return st;
    }
    if ((st = dcn__constant_make(im, value ? value->type : DCN__ONNX_FLOAT, n, dims, &out,
                                 &values)))
        return st;
    for (int64_t i = 0; number && i < out->count; i++)
        values[i] = number[0];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

static dcn_status fold_range(dcn__import *im)
{
    const dcn__constant *c[3];
    double v[3], *values;
    dcn__constant *out;
    int64_t count;
    dcn_status st = DCN_OK;

    for (int i = 0; i < 3; i++)
        if ((st = dcn__need_constant(im, i, &c[i])) ||
            (st = dcn__constant_number(im, c[i], &v[i])))
            return st;
    if (v[2] == 0 || !isfinite(v[0]) || !isfinite(v[1]) || !isfinite(v[2]))
        return dcn__import_fail(im, "its step is zero, or a limit is no number; correct the file");
    const double steps = ceil((v[1] - v[0]) / v[2]);
    count = steps < 0 ? 0 : steps > DCN__MAX_FOLDED ? DCN__MAX_FOLDED + 1 : (int64_t)steps;
    if ((st = dcn__constant_make(im, c[0]->type, 1, &count, &out, &values)))
        return st;
    for (int64_t i = 0; i < count; i++)
        values[i] = v[0] + (double)i * v[2];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* ---- parts put together ---------------------------------------------------------------------- */

static dcn_status fold_concat(dcn__import *im)
{
    const dcn__onnx_node *n = dcn__import_node(im);
    const dcn__constant *first, *c;
    int64_t dims[DCN__ONNX_MAX_RANK], axis_value = 0, inner = 1, outer = 1, done = 0;
    dcn__constant *out;
    double *values;
    const double *v;
    dcn_status st;
    int axis;

    if ((st = need(im, 0, &first, &v)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &axis_value)) ||
        (st = dcn__check_axis(im, axis_value, first->rank, &axis)))
        return st;
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = 0;
    for (int i = 0; i < n->n_inputs; i++) {
        if ((st = need(im, i, &c, &v)))
            return st;
        for (int d = 0; d < first->rank; d++)
            if (c->rank != first->rank || (d != axis && c->dims[d] != first->dims[d]))
                return dcn__import_fail(im, "its constants' shapes do not fit; correct the file");
        dims[axis] += c->dims[axis];
        if (dims[axis] > DCN__MAX_FOLDED)
            break;                          /* refused below */
    }
    if ((st = dcn__constant_make(im, first->type, first->rank, dims, &out, &values)))
        return st;
    for (int d = 0; d < first->rank; d++) {
        outer *= d < axis ? dims[d] : 1;
        inner *= d > axis ? dims[d] : 1;
    }
    for (int i = 0; i < n->n_inputs; i++) {
        if ((st = need(im, i, &c, &v)))
            return st;
        for (int64_t o = 0, part = c->dims[axis] * inner; o < outer && part; o++)
            memcpy(values + o * dims[axis] * inner + done, v + o * part,
                   (size_t)part * sizeof *v);
        done += c->dims[axis] * inner;
    }
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* Places of one dimension, in the order of a list. */
static dcn_status choose(dcn__import *im, const dcn__constant *in, int axis, const int64_t *places,
                         int64_t n, dcn__constant **result)
{
    int64_t dims[DCN__ONNX_MAX_RANK], inner = 1, outer = 1;
    double *values;
    const double *v;
    dcn_status st;

    memcpy(dims, in->dims, sizeof dims);
    dims[axis] = n;
    if ((st = dcn__constant_values(im, in, &v)) ||
        (st = dcn__constant_make(im, in->type, in->rank, dims, result, &values)))
        return st;
    for (int d = 0; d < in->rank; d++) {
        outer *= d < axis ? dims[d] : 1;
        inner *= d > axis ? dims[d] : 1;
    }
    for (int64_t o = 0; o < outer && (*result)->count; o++)
        for (int64_t i = 0; i < n; i++)
            memcpy(values + (o * n + i) * inner, v + (o * in->dims[axis] + places[i]) * inner,
                   (size_t)inner * sizeof *v);
    return DCN_OK;
}

static dcn_status fold_gather(dcn__import *im)
{
    const dcn__constant *in, *indices;
    int64_t axis_value = 0, *places, dims[DCN__ONNX_MAX_RANK];
    dcn__constant *out;
    const double *v;
    dcn_status st;
    int axis, rank = 0;

    if ((st = dcn__need_constant(im, 0, &in)) || (st = need(im, 1, &indices, &v)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &axis_value)) ||
        (st = dcn__check_axis(im, axis_value, in->rank, &axis)))
        return st;
    if (!(places = dcn__import_alloc(im, (size_t)indices->count + 1, sizeof *places)))
        return DCN_MEMORY;
    for (int64_t i = 0; i < indices->count; i++) {
        const double at = v[i] < 0 ? v[i] + (double)in->dims[axis] : v[i];

        if (!(at >= 0 && at < (double)in->dims[axis]))
            return dcn__import_fail(im, "place %g is not in a dimension of %lld; correct the file",
                                    v[i], (long long)in->dims[axis]);
        places[i] = (int64_t)at;
    }
    if ((st = choose(im, in, axis, places, indices->count, &out)))
        return st;
    if (in->rank - 1 + indices->rank > DCN__ONNX_MAX_RANK)
        return dcn__import_fail(im, "its result has more than %d dimensions; correct the file",
                                DCN__ONNX_MAX_RANK);
    for (int d = 0; d < in->rank; d++) {
        if (d != axis)
            dims[rank++] = in->dims[d];
        for (int k = 0; d == axis && k < indices->rank; k++)
            dims[rank++] = indices->dims[k];
    }
    return dcn__constant_reshape(im, out, rank, dims);
}

static dcn_status fold_slice(dcn__import *im)
{
    const dcn__constant *in;
    dcn__slices s;
    dcn_status st;

    if ((st = dcn__need_constant(im, 0, &in)) ||
        (st = dcn__read_slices(im, in->rank, in->dims, &s)))
        return st;
    for (int i = 0; i < s.n; i++) {
        int64_t *places = dcn__import_alloc(im, (size_t)(s.count[i] < DCN__MAX_FOLDED ? s.count[i]
                                            : DCN__MAX_FOLDED) + 1, sizeof *places);
        dcn__constant *out;

        if (!places)
            return DCN_MEMORY;
        for (int64_t k = 0; k < s.count[i] && k < DCN__MAX_FOLDED; k++)
            places[k] = s.first[i] + k * s.step[i];
        if ((st = choose(im, in, s.axis[i], places, s.count[i], &out)))
            return st;
        in = out;
    }
    dcn__set_constant(im, 0, in);
    return DCN_OK;
}

static dcn_status fold_expand(dcn__import *im)
{
    const dcn__constant *in, *shape;
    dcn__constant target = { .rank = 0 }, *out;
    int64_t dims[DCN__ONNX_MAX_RANK];
    const double *v;
    double *values;
    dcn_status st;
    int rank;

    if ((st = need(im, 0, &in, &v)) || (st = dcn__need_constant(im, 1, &shape)) ||
        (st = dcn__constant_list(im, shape, DCN__ONNX_MAX_RANK, target.dims, &target.rank)) ||
        (st = broadcast_dims(im, (const dcn__constant *[]){ in, &target }, 2, &rank, dims)) ||
        (st = dcn__constant_make(im, in->type, rank, dims, &out, &values)))
        return st;
    for (int64_t i = 0; i < out->count; i++)
        values[i] = v[broadcast_at(out, in, i)];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* Over everything, which is what shapes need. */
static dcn_status fold_product(dcn__import *im)
{
    bool reduced[DCN__ONNX_MAX_RANK], keep, none;
    int64_t ones[DCN__ONNX_MAX_RANK];
    const dcn__constant *in;
    dcn__constant *out;
    const double *v;
    double *values;
    dcn_status st;

    if ((st = need(im, 0, &in, &v)) ||
        (st = dcn__get_reduced(im, in->rank, reduced, &keep, &none)))
        return st;
    if (none) {
        dcn__set_constant(im, 0, in);
        return DCN_OK;
    }
    for (int d = 0; d < in->rank; d++) {
        if (!reduced[d])
            return dcn__import_fail(im, "supported is the product of all numbers; fold the "
                                    "constants when the network is exported");
        ones[d] = 1;
    }
    if ((st = dcn__constant_make(im, in->type, keep ? in->rank : 0, ones, &out, &values)))
        return st;
    values[0] = 1;
    for (int64_t i = 0; i < in->count; i++)
        values[0] *= v[i];
    dcn__set_constant(im, 0, out);
    return DCN_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

dcn_status dcn__fold(dcn__import *im)
{
    static const struct { const char *names; dcn__handler fold; } table[] = {
        { " Add And Div Equal Greater Less Max Min Mul Or Pow Sub ", fold_binary },
        { " Abs Ceil Exp Floor Neg Not Reciprocal Sqrt ", fold_unary },
        { " Cast ", fold_cast },
        { " Concat ", fold_concat },
        { " Constant ", fold_constant },
        { " ConstantOfShape ", fold_constant_of_shape },
        { " Expand ", fold_expand },
        { " Gather ", fold_gather },
        { " Range ", fold_range },
        { " ReduceProd ", fold_product },
        { " Slice ", fold_slice },
        { " Where ", fold_where },
    };
    const char *op = dcn__import_node(im)->op;
    const size_t n = strlen(op);

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (const char *p = table[i].names; (p = strstr(p, op)); p++)
            if (p[-1] == ' ' && p[n] == ' ')
                return table[i].fold(im);
    return dcn__onnx_op_find(op)->build(im);    /* those that only look at a constant otherwise */
}
