/* onnx_activation.c - operators that take one number and give one, and softmax. */
#include "model/onnx_import.h"

#include <float.h>
#include <math.h>
#include <string.h>

static dcn_status map(dcn__import *im, dcn__op op, double alpha, double beta)
{
    dcn__view *v, out;
    dcn_status st;

    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    out = *v;
    if ((st = dcn__draft_map(im, op, v->draft, alpha, beta, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

static dcn_status map_alpha(dcn__import *im, dcn__op op, double alpha)
{
    dcn_status st = dcn__get_float(im, "alpha", &alpha);

    return st ? st : map(im, op, alpha, 0);
}

dcn_status dcn__import_sigmoid(dcn__import *im)
{
    return map(im, DCN__OP_SIGMOID, 0, 0);
}

dcn_status dcn__import_tanh(dcn__import *im)
{
    return map(im, DCN__OP_TANH, 0, 0);
}

dcn_status dcn__import_softplus(dcn__import *im)
{
    return map(im, DCN__OP_SOFTPLUS, 0, 0);
}

dcn_status dcn__import_hard_swish(dcn__import *im)
{
    return map(im, DCN__OP_HARD_SWISH, 0, 0);
}

dcn_status dcn__import_mish(dcn__import *im)
{
    return map(im, DCN__OP_MISH, 0, 0);
}

dcn_status dcn__import_elu(dcn__import *im)
{
    return map_alpha(im, DCN__OP_ELU, 1);
}

dcn_status dcn__import_leaky_relu(dcn__import *im)
{
    return map_alpha(im, DCN__OP_LEAKY_RELU, 0.01);
}

dcn_status dcn__import_hard_sigmoid(dcn__import *im)
{
    double alpha = 0.2, beta = 0.5;
    dcn_status st;

    if ((st = dcn__get_float(im, "alpha", &alpha)) || (st = dcn__get_float(im, "beta", &beta)))
        return st;
    return map(im, DCN__OP_HARD_SIGMOID, alpha, beta);
}

dcn_status dcn__import_selu(dcn__import *im)
{
    double alpha = 1.67326319217681884765625, gamma = 1.05070102214813232421875;
    dcn_status st;

    if ((st = dcn__get_float(im, "alpha", &alpha)) || (st = dcn__get_float(im, "gamma", &gamma)))
        return st;
    return map(im, DCN__OP_SELU, alpha, gamma);
}

dcn_status dcn__import_gelu(dcn__import *im)
{
    const char *form = "none";
    dcn_status st = dcn__get_text(im, "approximate", &form);

    if (!st && strcmp(form, "none") != 0 && strcmp(form, "tanh") != 0)
        st = dcn__import_fail(im, "approximate is \"%.40s\", it is none or tanh; correct the file",
                              form);
    return st ? st : map(im, DCN__OP_GELU, form[0] == 't', 0);
}

dcn_status dcn__import_swish(dcn__import *im)
{
    double alpha = 1;
    dcn_status st = dcn__get_float(im, "alpha", &alpha);

    if (!st && alpha != 1)
        st = dcn__import_fail(im, "alpha is %g, supported is 1 (SiLU); export the network another "
                              "way", alpha);
    return st ? st : map(im, DCN__OP_SILU, 0, 0);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* low..high; limits one after another are one, if nobody sees what lies between. */
static dcn_status limit(dcn__import *im, double low, double high)
{
    const dcn__draft *d;
    dcn__draft draft = { .op = DCN__OP_HARD_TANH };
    dcn__view *v, out;
    dcn_status st;
    dcn_node x;

    if ((st = dcn__need_view(im, 0, &v)))
        return st;
    x = v->draft;
    d = &im->drafts[x];
    if (!(low <= high))
        return dcn__import_fail(im, "its limits are %g and %g; correct the file", low, high);
    if (low < -1e30 && high > 1e30)
        return dcn__set_view(im, 0, v, true);
    if (!v->shared && (d->op == DCN__OP_RELU || d->op == DCN__OP_CLIP ||
                       d->op == DCN__OP_HARD_TANH)) {
        const double inner_low = d->low, inner_high = d->high;

        x = d->inputs[0];
        low = fmin(fmax(inner_low, low), high);
        high = fmin(fmax(inner_high, low), high);
    }
    if (low == 0 && high >= 0)
        draft.op = high > 1e30 ? DCN__OP_RELU : DCN__OP_CLIP;
    draft.low = low;
    draft.high = high;
    draft.u.map.alpha = draft.op == DCN__OP_CLIP ? (float)high : (float)fmax(low, -1e30);
    draft.u.map.beta = draft.op == DCN__OP_CLIP ? 0 : (float)fmin(high, 1e30);
    out = *v;
    if ((st = dcn__draft_add(im, &draft, &x, 1, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}

dcn_status dcn__import_relu(dcn__import *im)
{
    return limit(im, 0, INFINITY);
}

static dcn_status number_of_input(dcn__import *im, int i, double *number)
{
    const dcn__constant *c;
    dcn_status st;

    if (!dcn__import_input(im, i))
        return DCN_OK;
    if ((st = dcn__need_constant(im, i, &c)))
        return st;
    return dcn__constant_number(im, c, number);
}

dcn_status dcn__import_clip(dcn__import *im)
{
    double low = -INFINITY, high = INFINITY;
    const bool attributes = im->file->opset < 11;
    dcn_status st;

    if (!attributes && dcn__import_node(im)->n_attributes)
        return dcn__import_fail(im, "its limits are attributes, they are inputs since opset 11; "
                                "export the network again");
    if ((st = attributes ? dcn__get_float(im, "min", &low) : number_of_input(im, 1, &low)) ||
        (st = attributes ? dcn__get_float(im, "max", &high) : number_of_input(im, 2, &high)))
        return st;
    return limit(im, low, high);
}

dcn_status dcn__import_limit(dcn__import *im)
{
    dcn__value *first = dcn__import_input(im, 0);
    const bool largest = strcmp(dcn__import_node(im)->op, "Max") == 0;
    double number = 0;
    dcn_status st;

    if (dcn__import_node(im)->n_inputs != 2 || !dcn__import_input(im, 1) || !first)
        return dcn__import_fail(im, "it has %d inputs, supported are a value of the picture and a "
                                "constant; export the network without it",
                                dcn__import_node(im)->n_inputs);
    if (first->constant) {                 /* the picture's value is the other one */
        dcn__value *second = dcn__import_input(im, 1);
        const dcn__value kept = *first;

        if ((st = dcn__constant_number(im, first->constant, &number)))
            return st;
        *first = *second;
        st = largest ? limit(im, number, INFINITY) : limit(im, -INFINITY, number);
        *first = kept;
        return st;
    }
    if ((st = number_of_input(im, 1, &number)))
        return st;
    return largest ? limit(im, number, INFINITY) : limit(im, -INFINITY, number);
}

/* ---- softmax --------------------------------------------------------------------------------- */

/* Before opset 13 all dimensions from the axis on were one. */
dcn_status dcn__import_softmax(dcn__import *im)
{
    const bool old = im->file->opset < 13;
    const dcn__op op = dcn__import_node(im)->op[0] == 'L' ? DCN__OP_LOG_SOFTMAX : DCN__OP_SOFTMAX;
    int64_t value = old ? 1 : -1;
    dcn__view *v, out;
    dcn_status st;
    int axis, end;

    if ((st = dcn__need_view(im, 0, &v)) ||
        (st = dcn__get_int(im, "axis", INT32_MIN, INT32_MAX, &value)) ||
        (st = dcn__check_axis(im, value, v->rank, &axis)))
        return st;
    end = old ? v->rank : axis + 1;
    for (int tries = 0; tries < 2; tries++) {
        int64_t inside = 1, channels = 1;

        for (int i = v->first[axis]; i < v->first[end]; i++) {
            inside *= v->atoms[i].extent;
            channels *= v->atoms[i].axis == DCN__AXIS_C ? v->atoms[i].extent : 1;
        }
        if (inside == channels && channels == dcn__draft_shape(im, v->draft).c)
            break;
        if (tries || v->rank > 3)
            return dcn__import_fail(im, "it runs over axis %lld, supported are the channels; "
                                    "export the network without it", (long long)value);
        if ((st = dcn__view_make_vector(im, v)))
            return st;
    }
    out = *v;
    if ((st = dcn__draft_plain(im, op, v->draft, &out.draft)))
        return st;
    return dcn__set_view(im, 0, &out, false);
}
