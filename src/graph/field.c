/* field.c - receptive fields: where in the input a unit looks.
 *
 * A node's field is found as the node is built, by interval arithmetic: along an axis, unit i sees
 * [start + i*stride, start + i*stride + size), before clipping at the picture's border, or less.
 * A unit's box is exact: box.c. */
#include "graph/graph.h"

/* A network that was made to overflow gets a huge field, not undefined behaviour. */
static int clamp(int64_t v)
{
    const int64_t limit = 1 << 28;

    return (int)(v > limit ? limit : v < -limit ? -limit : v);
}

static int64_t size_of(dcn_shape s, int axis)
{
    return axis == 0 ? s.h : s.w;
}

typedef struct line { int64_t start, end, stride; } line;

/* What a unit sees through input k of its node. */
static line through(const dcn_graph *g, const dcn__node *n, int k, int axis, int64_t stride)
{
    const dcn__node *in = &g->nodes[n->inputs[k]];
    const int64_t extent = size_of(g->nodes[0].shape, axis), units = size_of(n->shape, axis);
    line l = { .start = in->field.start[axis], .stride = in->field.stride[axis] };
    int64_t reach = 0;

    switch (n->op) {
    case DCN__OP_ADD:
    case DCN__OP_CONCAT:
    case DCN__OP_MUL:
        /* Branches of different strides drift apart: the last unit of the slower one lies
         * farthest to the left of where the stride of the faster one says. A gate of one cell
         * stands still. */
        if (size_of(in->shape, axis) == 1)
            l.stride = 0;
        l.start -= (stride - l.stride) * (units - 1);
        l.end = in->field.start[axis] + in->field.size[axis];
        l.stride = stride;
        return l;
    case DCN__OP_CONV:
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        reach = (int64_t)(n->window.kernel[axis] - 1) * n->window.dilation[axis] * l.stride;
        l.start -= n->window.pad[axis] * l.stride;
        l.end = l.start + in->field.size[axis] + reach;
        l.stride *= n->window.stride[axis];
        return l;
    case DCN__OP_PAD:
        l.start -= n->window.pad[axis] * l.stride;
        break;
    case DCN__OP_DENSE:
        return (line){ 0, extent, extent };
    case DCN__OP_RESHAPE:
        if (n->shape.h != in->shape.h || n->shape.w != in->shape.w)   /* every unit sees all */
            return units == 1 ? (line){ 0, extent, extent } : (line){ 1 - units, extent, 1 };
        break;
    default:
        break;
    }
    l.end = l.start + in->field.size[axis];
    return l;
}

static void axis_field(const dcn_graph *g, const dcn__node *n, int axis, dcn_field *f)
{
    int64_t stride = 1;
    line all = { 0, 1, 1 };

    for (int k = 0; k < n->n_inputs; k++)
        if (g->nodes[n->inputs[k]].field.stride[axis] > stride)   /* of branches the largest */
            stride = g->nodes[n->inputs[k]].field.stride[axis];
    for (int k = 0; k < n->n_inputs; k++) {
        const line l = through(g, n, k, axis, stride);

        all.start = k == 0 || l.start < all.start ? l.start : all.start;
        all.end = k == 0 || l.end > all.end ? l.end : all.end;
        all.stride = l.stride;
    }
    f->start[axis] = clamp(all.start);
    f->size[axis] = clamp(all.end - all.start);
    f->stride[axis] = clamp(all.stride);
}

void dcn__field_infer(const dcn_graph *g, dcn__node *n)
{
    axis_field(g, n, 0, &n->field);
    axis_field(g, n, 1, &n->field);
}
