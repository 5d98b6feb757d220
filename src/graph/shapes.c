/* shapes.c - shape rules: what a node's value looks like, and where its windows stand.
 *
 * Every size may come from a hostile file: products are checked, and no window of a pool may lie
 * wholly in padding that does not count. */
#include "graph/graph.h"

#include "base/memory.h"

int64_t dcn__shape_size(dcn_shape s)
{
    return (int64_t)s.h * s.w * s.c;
}

/* Cells that a dilated kernel spans along one axis. */
static int64_t span(const dcn__window *w, int axis)
{
    return (int64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

/* With ceil_mode, as PyTorch and onnxruntime: the last window begins in the picture or in the
 * padding before it, else it is dropped. What it hangs over is never in an average. */
static int64_t ceil_output(dcn__window *w, int axis, int64_t in)
{
    const int64_t whole = in + w->pad[axis] + w->pad[axis + 2];
    const int64_t covered = span(w, axis), stride = w->stride[axis];
    int64_t out, total;

    if (whole - covered <= -stride)
        return 0;
    out = (whole - covered + stride - 1) / stride + 1;
    if ((out - 1) * stride >= in + w->pad[axis])
        out--;
    total = (out - 1) * stride + covered - whole;
    w->over[axis] = total > 0 ? (int)total : 0;
    w->pad[axis + 2] += w->over[axis];
    return out;
}

/* One axis of a window: resolves the padding and returns the output size, or 0 and the reason. */
static int64_t window_output(dcn__window *w, int axis, int64_t in, const char **reason)
{
    int *before = &w->pad[axis], *after = &w->pad[axis + 2];
    const int64_t covered = span(w, axis), stride = w->stride[axis];
    int64_t out, total;

    if (w->pad_kind == DCN_PAD_SAME) {
        /* As TensorFlow: the odd cell of padding goes to the bottom and the right. */
        out = (in + stride - 1) / stride;
        total = (out - 1) * stride + covered - in;
        if (total < 0)
            total = 0;
        if (total / 2 >= INT32_MAX) {
            *reason = "the padding is too large";
            return 0;
        }
        *before = (int)(total / 2);
        *after = (int)(total - total / 2);
        return out;
    }
    if (w->pad_kind == DCN_PAD_VALID)
        *before = *after = 0;
    *reason = "the kernel is larger than its padded input";
    if (w->ceil)
        return ceil_output(w, axis, in);
    if (in + *before + *after < covered)
        return 0;
    return (in + *before + *after - covered) / stride + 1;
}

/* Whether every window has a cell of the picture along an axis: a mean or a winner of none would
 * be no number. A dilated window can have the whole picture in a hole. */
static bool all_windows_meet(const dcn__window *w, int axis, int64_t in, int64_t out)
{
    const int64_t step = w->dilation[axis], stride = w->stride[axis];

    if ((out - 1) * stride - w->pad[axis] >= in)
        return false;
    /* Of the windows that begin before the picture the first has the fewest cells left; where in
     * the picture such a window has its first cell repeats after `step` of them. */
    for (int64_t i = 0; i < out && i < step; i++) {
        const int64_t start = i * stride - w->pad[axis];
        const int64_t outside = start < 0 ? (-start + step - 1) / step : 0;

        if (start >= 0)
            break;
        if (outside >= w->kernel[axis] || start + outside * step >= in)
            return false;
    }
    return true;
}

static dcn_status window_shape(dcn__node *n, dcn_shape in, int channels, dcn_error *err)
{
    const char *reason = NULL;
    int64_t h, w;

    if (n->window.global) {
        n->window.kernel[0] = n->window.stride[0] = in.h;
        n->window.kernel[1] = n->window.stride[1] = in.w;
        n->window.pad_kind = DCN_PAD_VALID;
    }
    h = window_output(&n->window, 0, in.h, &reason);
    w = h ? window_output(&n->window, 1, in.w, &reason) : 0;
    if (h && w && (n->op == DCN__OP_MAX_POOL ||
                   (n->op == DCN__OP_AVG_POOL && !n->window.count_pad)) &&
        (!all_windows_meet(&n->window, 0, in.h, h) || !all_windows_meet(&n->window, 1, in.w, w))) {
        reason = "the padding is too large: windows would hold padding alone";
        h = 0;
    }
    if (h > DCN__MAX_ELEMENTS || w > DCN__MAX_ELEMENTS) {
        reason = "its value would have more than 2147483647 elements";
        h = 0;
    }
    if (!h || !w)
        return dcn__fail(
            err, DCN_USAGE, n->name,
            "%s (kernel %dx%d on %dx%dx%d); change the kernel, the stride or the padding", reason,
            n->window.kernel[0], n->window.kernel[1], in.h, in.w, in.c);
    n->shape = (dcn_shape){ (int)h, (int)w, channels };
    return DCN_OK;
}

static dcn_status same_shapes(const dcn_graph *g, const dcn__node *n, bool any_channels,
                              dcn_error *err)
{
    const dcn_shape first = g->nodes[n->inputs[0]].shape;

    for (int i = 1; i < n->n_inputs; i++) {
        const dcn_shape s = g->nodes[n->inputs[i]].shape;

        if (s.h != first.h || s.w != first.w || (!any_channels && s.c != first.c))
            return dcn__fail(
                err, DCN_USAGE, n->name,
                "inputs %s (%dx%dx%d) and %s (%dx%dx%d) do not fit; give them one size",
                g->nodes[n->inputs[0]].name, first.h, first.w, first.c, g->nodes[n->inputs[i]].name,
                s.h, s.w, s.c);
    }
    return DCN_OK;
}

static dcn_status gate_shape(const dcn_graph *g, const dcn__node *n, dcn_error *err)
{
    const dcn_shape x = g->nodes[n->inputs[0]].shape, gate = g->nodes[n->inputs[1]].shape;

    if (gate.c == x.c && ((gate.h == x.h && gate.w == x.w) || (gate.h == 1 && gate.w == 1)))
        return DCN_OK;
    return dcn__fail(err, DCN_USAGE, n->name,
                     "the gate %s is %dx%dx%d, it must be %dx%dx%d or 1x1x%d; give it that shape",
                     g->nodes[n->inputs[1]].name, gate.h, gate.w, gate.c, x.h, x.w, x.c, x.c);
}

static dcn_status padded_shape(dcn__node *n, dcn_shape in, dcn_error *err)
{
    const int *pad = n->window.pad;
    const int64_t h = (int64_t)in.h + pad[0] + pad[2], w = (int64_t)in.w + pad[1] + pad[3];

    /* At least one cell of the picture must stay. */
    if (h < 1 || w < 1 || -(int64_t)pad[0] >= in.h || -(int64_t)pad[2] >= in.h ||
        -(int64_t)pad[1] >= in.w || -(int64_t)pad[3] >= in.w || h > INT32_MAX || w > INT32_MAX)
        return dcn__fail(err, DCN_USAGE, n->name,
                         "pad %d,%d,%d,%d leaves nothing of %dx%dx%d; correct it", pad[0], pad[1],
                         pad[2], pad[3], in.h, in.w, in.c);
    n->shape = (dcn_shape){ (int)h, (int)w, in.c };
    return DCN_OK;
}

dcn_status dcn__shape_infer(const dcn_graph *g, dcn__node *n, dcn_error *err)
{
    const dcn_shape in = n->n_inputs ? g->nodes[n->inputs[0]].shape : n->shape;
    dcn_status st = DCN_OK;
    int64_t size, channels = 0;

    switch (n->op) {
    case DCN__OP_INPUT:
        break;
    case DCN__OP_CONV:
        st = window_shape(n, in, n->shape.c, err);
        if (!st && (in.c % n->groups || n->shape.c % n->groups))
            st = dcn__fail(err, DCN_USAGE, n->name,
                           "%d groups do not divide %d input channels and %d filters; change "
                           "groups", n->groups, in.c, n->shape.c);
        break;
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        st = window_shape(n, in, in.c, err);
        break;
    case DCN__OP_DENSE:
        n->shape.h = n->shape.w = 1;
        break;
    default:                      /* one number in, one out */
        n->shape = in;
        break;
    case DCN__OP_MUL:
        st = gate_shape(g, n, err);
        n->shape = in;
        break;
    case DCN__OP_PAD:
        st = padded_shape(n, in, err);
        break;
    case DCN__OP_SLICE:
        if ((int64_t)n->first + n->shape.c > in.c)
            st = dcn__fail(err, DCN_USAGE, n->name,
                           "channels %d..%lld are not in 0..%d of its input; correct them",
                           n->first, (long long)n->first + n->shape.c - 1, in.c - 1);
        n->shape = (dcn_shape){ in.h, in.w, n->shape.c };
        break;
    case DCN__OP_SHUFFLE:
        if (in.c % n->groups)
            st = dcn__fail(err, DCN_USAGE, n->name,
                           "%d groups do not divide %d channels; change groups", n->groups, in.c);
        n->shape = in;
        break;
    case DCN__OP_RESHAPE:
        if (!dcn__mul_int64(n->shape.h, n->shape.w, &size) ||
            !dcn__mul_int64(size, n->shape.c, &size) || size != dcn__shape_size(in))
            st = dcn__fail(err, DCN_USAGE, n->name,
                           "%dx%dx%d holds another number of values than its input %dx%dx%d; "
                           "correct the size", n->shape.h, n->shape.w, n->shape.c, in.h, in.w,
                           in.c);
        break;
    case DCN__OP_ADD:
        st = same_shapes(g, n, false, err);
        n->shape = in;
        break;
    case DCN__OP_CONCAT:
        st = same_shapes(g, n, true, err);
        for (int i = 0; i < n->n_inputs; i++)
            channels += g->nodes[n->inputs[i]].shape.c;
        if (!st && channels > DCN__MAX_ELEMENTS)
            st = dcn__fail(err, DCN_USAGE, n->name, "has too many channels; use fewer");
        n->shape = (dcn_shape){ in.h, in.w, (int)channels };
        break;
    case DCN__OP_COUNT:
        break;
    }
    if (st)
        return st;
    if (!dcn__mul_int64(n->shape.h, n->shape.w, &size) ||
        !dcn__mul_int64(size, n->shape.c, &size) || size > DCN__MAX_ELEMENTS)
        return dcn__fail(err, DCN_USAGE, n->name,
                         "its value %dx%dx%d has more than 2147483647 elements; make it smaller",
                         n->shape.h, n->shape.w, n->shape.c);
    return DCN_OK;
}
