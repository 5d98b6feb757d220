/* field.c - receptive fields: where in the input a unit looks, by interval arithmetic.
 *
 * Along an axis, unit i of a node sees [start + i*stride, start + i*stride + size), before clipping
 * at the picture's border. */
#include "graph/graph.h"

/* A network that was made to overflow gets a huge field, not undefined behaviour. */
static int clamp(int64_t v)
{
    const int64_t limit = 1 << 28;

    return (int)(v > limit ? limit : v < -limit ? -limit : v);
}

static void axis_field(const dcn_graph *g, const dcn__node *n, int axis, dcn_field *f)
{
    const int64_t extent = axis == 0 ? g->nodes[0].shape.h : g->nodes[0].shape.w;
    const int64_t units = axis == 0 ? n->shape.h : n->shape.w;
    int64_t start = 0, end = 1, stride = 1;

    for (int k = 0; k < n->n_inputs; k++)
        if (g->nodes[n->inputs[k]].field.stride[axis] > stride)   /* of branches the largest */
            stride = g->nodes[n->inputs[k]].field.stride[axis];
    for (int k = 0; k < n->n_inputs; k++) {
        const dcn_field *in = &g->nodes[n->inputs[k]].field;
        int64_t s = in->start[axis], e = s + in->size[axis], u = in->stride[axis];

        if (n->op == DCN__OP_ADD || n->op == DCN__OP_CONCAT) {
            /* Branches of different strides drift apart: the last unit of the slower one lies
             * farthest to the left of where the stride of the faster one says. */
            s -= (stride - u) * (units - 1);
            u = stride;
        } else if (n->op == DCN__OP_CONV || n->op == DCN__OP_MAX_POOL ||
                   n->op == DCN__OP_AVG_POOL) {
            const dcn__window *w = &n->window;
            const int64_t reach = (int64_t)(w->kernel[axis] - 1) * w->dilation[axis];

            s -= w->pad[axis] * u;
            e = s + in->size[axis] + reach * u;
            u *= w->stride[axis];
        } else if (n->op == DCN__OP_DENSE) {
            s = 0;
            e = u = extent;
        }
        start = k == 0 || s < start ? s : start;
        end = k == 0 || e > end ? e : end;
        stride = u;
    }
    f->start[axis] = clamp(start);
    f->size[axis] = clamp(end - start);
    f->stride[axis] = clamp(stride);
}

void dcn__field_infer(const dcn_graph *g, dcn__node *n)
{
    axis_field(g, n, 0, &n->field);
    axis_field(g, n, 1, &n->field);
}
