/* onnx_layer.c - operators with weights: convolutions, dense layers, norms, PReLU.
 *
 * Only shapes are looked at here; the numbers are read when the whole graph has been checked. */
#include "model/onnx_window.h"

#include <string.h>

static dcn_status need_floats(dcn__import *im, int input, const char *what,
                              const dcn__constant **c)
{
    dcn_status st = dcn__need_constant(im, input, c);

    if (!st && !dcn__type_is_float((*c)->type))
        st = dcn__import_fail(im, "its %s is of type %s, supported are floats; export the network "
                              "without quantisation", what, dcn__onnx_type_name((*c)->type));
    return st;
}

/* Numbers of one list, a number each for n channels. */
static dcn_status need_list(dcn__import *im, int input, const char *what, int64_t n,
                            const dcn__constant **c)
{
    dcn_status st = need_floats(im, input, what, c);

    if (!st && ((*c)->rank != 1 || (*c)->count != n))
        st = dcn__import_fail(im, "its %s has %lld numbers, it needs %lld; correct the file", what,
                              (long long)(*c)->count, (long long)n);
    return st;
}

static dcn__map identity(int64_t n)
{
    dcn__map map = { .n = 1 };

    map.at[0].extent = n;
    map.at[0].a = map.at[0].b = 1;
    return map;
}

/* ---- convolutions ---------------------------------------------------------------------------- */

/* More padding than the kernel can see is put on by a node of its own. */
static dcn_status pad_first(dcn__import *im, dcn__onnx_window *w, dcn_node *x)
{
    dcn__draft d = { .op = DCN__OP_PAD };
    const dcn_node from = *x;
    bool wide = false;

    for (int i = 0; i < 4; i++)
        wide = wide || w->pad[i] > (w->kernel[i % 2] - 1) * (int64_t)w->dilation[i % 2];
    if (!wide || w->kind != DCN_PAD_EXPLICIT)
        return DCN_OK;
    memcpy(d.u.pad.pad, w->pad, sizeof w->pad);
    w->kind = DCN_PAD_VALID;
    memset(w->pad, 0, sizeof w->pad);
    return dcn__draft_add(im, &d, &from, 1, x);
}

static dcn_status check_channels(dcn__import *im, const dcn__constant *w, int64_t group, int in)
{
    if (w->rank != 4)
        return dcn__import_fail(im, "its weights have %d dimensions, supported are 4; networks for "
                                "sound or volumes are not", w->rank);
    if (w->dims[0] < 1 || w->dims[1] < 1 || w->dims[2] < 1 || w->dims[3] < 1)
        return dcn__import_fail(im, "its weights are empty; correct the file");
    if (w->dims[1] > INT32_MAX / group || w->dims[1] * group != in || w->dims[0] % group)
        return dcn__import_fail(im, "its weights take %lld channels in %lld groups and make %lld, "
                                "its input has %d; correct the file", (long long)w->dims[1],
                                (long long)group, (long long)w->dims[0], in);
    return DCN_OK;
}

dcn_status dcn__import_conv(dcn__import *im)
{
    dcn__draft d = { .op = DCN__OP_CONV };
    int64_t group = 1;
    dcn__onnx_window w;
    dcn__view *v, out;
    dcn_node x, id;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)) || (st = need_floats(im, 1, "weights", &d.weight)) ||
        (st = dcn__get_int(im, "group", 1, 65536, &group)) ||
        (st = dcn__view_make_nchw(im, v)) ||
        (st = check_channels(im, d.weight, group, dcn__draft_shape(im, v->draft).c)) ||
        (st = dcn__read_window(im, &d.weight->dims[2], dcn__draft_shape(im, v->draft), &w)))
        return st;
    if (dcn__import_input(im, 2)) {
        if ((st = need_list(im, 2, "bias", d.weight->dims[0], &d.bias)))
            return st;
        d.bias_map = identity(d.bias->count);
    }
    x = v->draft;
    if ((st = pad_first(im, &w, &x)))
        return st;
    d.u.conv.filters = (int)d.weight->dims[0];
    d.u.conv.groups = (int)group;
    d.u.conv.pad_kind = w.kind;
    memcpy(d.u.conv.kernel, w.kernel, sizeof w.kernel);
    memcpy(d.u.conv.stride, w.stride, sizeof w.stride);
    memcpy(d.u.conv.dilation, w.dilation, sizeof w.dilation);
    memcpy(d.u.conv.pad, w.pad, sizeof w.pad);
    if ((st = dcn__draft_add(im, &d, &x, 1, &id)))
        return st;
    dcn__view_nchw(im, id, &out);
    return dcn__set_view(im, 0, &out, false);
}

/* ---- dense layers ---------------------------------------------------------------------------- */

/* Where the numbers of a view's last dimension lie in the draft's (H,W,C): place (a) to row (b). */
static dcn__map rows_of(const dcn__import *im, const dcn__view *v)
{
    const dcn_shape s = dcn__draft_shape(im, v->draft);
    const int64_t steps[] = { [DCN__AXIS_H] = (int64_t)s.w * s.c, [DCN__AXIS_W] = s.c,
                              [DCN__AXIS_C] = 1, [DCN__AXIS_N] = 0 };
    dcn__map map = { .n = 0 };
    int64_t place = 1;

    for (int i = v->first[v->rank] - 1; i >= v->first[v->rank - 1]; i--) {
        const dcn__atom *a = &v->atoms[i];

        map.at[map.n].extent = a->extent;
        map.at[map.n].a = place;
        map.at[map.n++].b = a->stride * steps[a->axis];
        place *= a->extent;
    }
    return map;
}

/* The last dimension times a matrix (in,out) that stands in d->weight. */
static dcn_status multiply(dcn__import *im, dcn__view *v, dcn__draft *d, dcn__view *out)
{
    const int last = v->rank - 1;
    const int64_t units = d->weight->dims[1];
    int64_t others = 1;
    dcn_status st;

    if (v->rank < 1 || d->weight->dims[0] != v->dims[last] || units < 1 || units > INT32_MAX)
        return dcn__import_fail(im, "its weights are %lldx%lld, its input's last dimension is "
                                "%lld; correct the file", (long long)d->weight->dims[0],
                                (long long)units, (long long)(v->rank ? v->dims[last] : 1));
    for (int i = 0; i < v->first[last]; i++)
        others *= v->atoms[i].axis == DCN__AXIS_N ? 1 : v->atoms[i].extent;
    if (others == 1) {
        d->op = DCN__OP_DENSE;
        d->rows = rows_of(im, v);
        d->u.dense.units = (int)units;
    } else if (dcn__view_is_axis(im, v, last, DCN__AXIS_C)) {   /* at every place: a convolution */
        dcn__constant *kernel = dcn__import_alloc(im, 1, sizeof *kernel);

        if (!kernel)
            return DCN_MEMORY;
        *kernel = *d->weight;
        kernel->rank = 4;
        kernel->dims[0] = units;
        kernel->dims[1] = d->weight->dims[0];
        kernel->strides[0] = d->weight->strides[1];
        kernel->strides[1] = d->weight->strides[0];
        kernel->dims[2] = kernel->dims[3] = 1;
        kernel->strides[2] = kernel->strides[3] = 0;
        d->op = DCN__OP_CONV;
        d->weight = kernel;
        d->u.conv = (dcn_conv_desc){ .filters = (int)units, .kernel = { 1, 1 } };
    } else {
        return dcn__import_fail(im, "it multiplies rows or columns by a matrix, supported are "
                                "channels; attention is not supported");
    }
    memset(out, 0, sizeof *out);
    if ((st = dcn__draft_add(im, d, &v->draft, 1, &out->draft)))
        return st;
    for (int i = 0; i < v->rank; i++) {
        const dcn__atom all = { DCN__AXIS_C, units, 1 };

        dcn__view_append(out, i == last ? &all : &v->atoms[v->first[i]],
                         i == last ? 1 : v->first[i + 1] - v->first[i]);
    }
    return DCN_OK;
}

dcn_status dcn__import_matmul(dcn__import *im)
{
    dcn__value *x = dcn__import_input(im, 0), *y = dcn__import_input(im, 1);
    dcn__draft d = { .op = DCN__OP_DENSE };
    dcn__view *v, out;
    dcn_status st;

    if (!x || !x->view || !y || !y->constant)
        return dcn__import_fail(im, "it multiplies two values of the picture, or a constant by "
                                "one; supported is a value times a constant");
    if ((st = dcn__need_view(im, 0, &v)) || (st = need_floats(im, 1, "matrix", &d.weight)))
        return st;
    if (d.weight->rank != 2)
        return dcn__import_fail(im, "its matrix has %d dimensions, supported are 2; export the "
                                "network another way", d.weight->rank);
    return (st = multiply(im, v, &d, &out)) ? st : dcn__set_view(im, 0, &out, false);
}

/* Gemm's third input: one number, or one a unit. */
static dcn_status read_gemm_bias(dcn__import *im, dcn__draft *d, int64_t units)
{
    dcn_status st;

    if (!dcn__import_input(im, 2))
        return DCN_OK;
    if ((st = need_floats(im, 2, "bias", &d->bias)))
        return st;
    if (d->bias->count != 1 && (d->bias->count != units || d->bias->rank < 1 ||
                                d->bias->dims[d->bias->rank - 1] != units))
        return dcn__import_fail(im, "its bias has %lld numbers, it needs 1 or %lld; correct the "
                                "file", (long long)d->bias->count, (long long)units);
    d->bias_map = identity(units);
    d->bias_map.at[0].b = d->bias->count != 1;
    return DCN_OK;
}

dcn_status dcn__import_gemm(dcn__import *im)
{
    dcn__draft d = { .op = DCN__OP_DENSE };
    int64_t turn_a = 0, turn_b = 0;
    double alpha = 1, beta = 1;
    dcn__constant *matrix;
    dcn__view *v, out;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)) || (st = need_floats(im, 1, "matrix", &d.weight)) ||
        (st = dcn__get_int(im, "transA", 0, 0, &turn_a)) ||
        (st = dcn__get_int(im, "transB", 0, 1, &turn_b)) ||
        (st = dcn__get_float(im, "alpha", &alpha)) || (st = dcn__get_float(im, "beta", &beta)))
        return st;
    if (v->rank != 2 || d.weight->rank != 2)
        return dcn__import_fail(im, "its inputs have %d and %d dimensions, it takes 2; correct the "
                                "file", v->rank, d.weight->rank);
    if (!(matrix = dcn__import_alloc(im, 1, sizeof *matrix)))
        return DCN_MEMORY;
    *matrix = *d.weight;
    if (turn_b)
        for (int i = 0; i < 2; i++) {
            matrix->dims[i] = d.weight->dims[1 - i];
            matrix->strides[i] = d.weight->strides[1 - i];
        }
    d.weight = matrix;
    d.weight_scale = alpha;
    d.bias_scale = beta;
    if (alpha == 0)
        return dcn__import_fail(im, "alpha is 0; correct the file");
    if ((st = read_gemm_bias(im, &d, matrix->dims[1])) || (st = multiply(im, v, &d, &out)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

/* ---- norms ----------------------------------------------------------------------------------- */

/* Makes dimension 1 the channels of the draft. */
static dcn_status channels_second(dcn__import *im, dcn__view *v)
{
    dcn_status st = DCN_OK;

    if (v->rank < 2)
        return dcn__import_fail(im, "its input has %d dimensions, it needs 2 or more; correct the "
                                "file", v->rank);
    if (!dcn__view_is_axis(im, v, 1, DCN__AXIS_C))
        st = v->rank == 4 ? dcn__view_make_nchw(im, v) : dcn__view_make_vector(im, v);
    if (!st && !dcn__view_is_axis(im, v, 1, DCN__AXIS_C))
        st = dcn__import_fail(im, "its input's channels are not in dimension 1; export the network "
                              "another way");
    return st;
}

dcn_status dcn__import_batch_norm(dcn__import *im)
{
    static const char *const names[] = { "scale", "bias", "mean", "variance" };
    int64_t training = 0, spatial = 1;
    dcn__draft d = { .op = DCN__OP_BATCH_NORM };
    dcn__scaling *step = dcn__import_alloc(im, 1, sizeof *step);
    double momentum = 0;
    dcn__view *v, out;
    dcn_status st;

    if (!step)
        return DCN_MEMORY;
    step->kind = DCN__STEP_NORM;
    step->epsilon = 1e-5;
    if ((st = dcn__need_view(im, 0, &v)) ||
        (st = dcn__get_int(im, "training_mode", 0, 0, &training)) ||
        (st = dcn__get_int(im, "spatial", 1, 1, &spatial)) ||
        (st = dcn__get_float(im, "momentum", &momentum)) ||
        (st = dcn__get_float(im, "epsilon", &step->epsilon)) || (st = channels_second(im, v)))
        return st;
    step->map = identity(dcn__draft_shape(im, v->draft).c);
    for (int i = 0; i < 4; i++)
        if ((st = need_list(im, i + 1, names[i], step->map.at[0].extent, &step->norm[i])))
            return st;
    d.scaling = step;
    out = *v;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_lrn(dcn__import *im)
{
    double alpha = 1e-4, beta = 0.75, bias = 1;
    dcn__draft d = { .op = DCN__OP_LRN };
    int64_t size = 0;
    dcn__view *v, out;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)) || (st = dcn__get_int(im, "size", 1, 65536, &size)) ||
        (st = dcn__get_float(im, "alpha", &alpha)) || (st = dcn__get_float(im, "beta", &beta)) ||
        (st = dcn__get_float(im, "bias", &bias)) || (st = channels_second(im, v)))
        return st;
    if (!size)
        return dcn__import_fail(im, "size is missing; correct the file");
    d.u.lrn = (dcn_lrn_desc){ .size = (int)size, .alpha = (float)alpha, .beta = (float)beta,
                              .k = (float)bias };
    out = *v;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_prelu(dcn__import *im)
{
    dcn__draft d = { .op = DCN__OP_PRELU };
    dcn__view *v, out;
    dcn_status st;
    double slope;

    if ((st = dcn__need_view(im, 0, &v)) || (st = need_floats(im, 1, "slope", &d.weight)))
        return st;
    if (d.weight->count == 1) {
        if ((st = dcn__constant_number(im, d.weight, &slope)))
            return st;
        d = (dcn__draft){ .op = DCN__OP_LEAKY_RELU, .u.map = { (float)slope, 0 } };
    } else if ((st = dcn__view_channels(im, v, d.weight, &d.weight_map))) {
        return st;
    }
    out = *v;
    if ((st = dcn__draft_add(im, &d, &v->draft, 1, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}
