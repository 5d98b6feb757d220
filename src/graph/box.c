/* box.c - the exact receptive field of one unit: which rows and columns of the picture it depends
 * on, found back through the graph, the union over all ways.
 *
 * Rows and columns go separately, as one mark a row and a column of each node on the way: a window
 * with holes (dilation, a stride beyond the kernel) leaves some out. */
#include "graph/graph.h"

#include "base/memory.h"

#include <string.h>

typedef struct trace {
    const dcn_graph *g;
    uint8_t **marks[2];           /* per axis and node: a byte a row or column, NULL if none */
    int *counts;                  /* work: as long as the longest axis of a node on the way */
    int clipped;
    dcn_error *err;
} trace;

static int size_of(const dcn_graph *g, dcn_node node, int axis)
{
    return axis == 0 ? g->nodes[node].shape.h : g->nodes[node].shape.w;
}

/* The marks of a node, made if there are none; NULL without memory. */
static uint8_t *marks_of(trace *t, dcn_node node, int axis)
{
    uint8_t **marks = &t->marks[axis][node];

    if (!*marks && !(*marks = dcn__alloc((size_t)size_of(t->g, node, axis))))
        dcn__fail_memory(t->err, t->g->nodes[node].name, (size_t)size_of(t->g, node, axis));
    return *marks;
}

/* Marks what the windows at `marks` cover of an input of `in` cells. A window adds 1 where its
 * row of cells, `step` apart, begins and takes it off behind the end; running sums over every
 * step-th cell then tell how many windows cover a cell. */
static void through_window(trace *t, const dcn__window *w, int axis, const uint8_t *marks,
                           int64_t units, uint8_t *to, int64_t in)
{
    const int64_t step = w->dilation[axis];

    memset(t->counts, 0, (size_t)in * sizeof *t->counts);
    for (int64_t i = 0; i < units; i++) {
        int64_t first = i * w->stride[axis] - w->pad[axis];
        const int64_t end = first + w->kernel[axis] * step;

        if (!marks[i])
            continue;
        t->clipped |= first < 0 || end - step >= in;
        if (first < 0)
            first += (-first + step - 1) / step * step;
        if (first < in && first < end) {
            t->counts[first]++;
            if (end < in)
                t->counts[end]--;
        }
    }
    for (int64_t i = 0; i < in; i++) {
        t->counts[i] += i >= step ? t->counts[i - step] : 0;
        to[i] |= t->counts[i] > 0;
    }
}

/* One axis, from a node to its input k. */
static void through(trace *t, const dcn__node *n, int k, int axis, const uint8_t *marks,
                    uint8_t *to)
{
    const dcn_node input = n->inputs[k];
    const dcn_shape from = t->g->nodes[input].shape;
    const int units = axis == 0 ? n->shape.h : n->shape.w, in = size_of(t->g, input, axis);
    const bool same = n->shape.h == from.h && n->shape.w == from.w;
    int shift = 0;

    switch (n->op) {
    case DCN__OP_CONV:
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        through_window(t, &n->window, axis, marks, units, to, in);
        return;
    case DCN__OP_DENSE:
        memset(to, 1, (size_t)in);
        return;
    case DCN__OP_RESHAPE:
    case DCN__OP_MUL:             /* a gate of one cell */
        if (!same) {
            memset(to, 1, (size_t)in);
            return;
        }
        break;
    case DCN__OP_PAD:
        shift = n->window.pad[axis];
        break;
    default:
        break;
    }
    for (int i = 0; i < units; i++) {
        if (!marks[i])
            continue;
        if (i >= shift && i - shift < in)
            to[i - shift] = 1;
        else
            t->clipped = 1;
    }
}

static bool any(const uint8_t *marks, int n)
{
    return memchr(marks, 1, (size_t)n) != NULL;
}

/* Marks what a node's marked rows and columns need of its inputs, and lets go of its own. */
static dcn_status step_back(trace *t, dcn_node node)
{
    const dcn__node *n = &t->g->nodes[node];
    uint8_t *rows = t->marks[0][node], *columns = t->marks[1][node];

    /* Whoever sees no row sees no column either: padding alone. */
    for (int k = 0; k < n->n_inputs && any(rows, n->shape.h) && any(columns, n->shape.w); k++)
        for (int axis = 0; axis < 2; axis++) {
            uint8_t *to = marks_of(t, n->inputs[k], axis);

            if (!to)
                return DCN_MEMORY;
            through(t, n, k, axis, axis == 0 ? rows : columns, to);
        }
    dcn__free(rows);
    dcn__free(columns);
    t->marks[0][node] = t->marks[1][node] = NULL;
    return DCN_OK;
}

/* The first mark and the one behind the last; both 0 if there is none. */
static void extent(const uint8_t *marks, int n, int *from, int *to)
{
    *from = *to = 0;
    for (int i = 0; marks && i < n; i++)
        if (marks[i]) {
            *from = *to ? *from : i;
            *to = i + 1;
        }
}

static void trace_clear(trace *t)
{
    for (int axis = 0; axis < 2; axis++) {
        for (int i = 0; t->marks[axis] && i < t->g->n_nodes; i++)
            dcn__free(t->marks[axis][i]);
        dcn__free(t->marks[axis]);
    }
    dcn__free(t->counts);
}

static dcn_status trace_begin(trace *t, dcn_node node, int y, int x)
{
    size_t longest = 1;

    for (dcn_node i = 0; i <= node; i++)
        for (int axis = 0; axis < 2; axis++)
            if ((size_t)size_of(t->g, i, axis) > longest)
                longest = (size_t)size_of(t->g, i, axis);
    t->counts = dcn__alloc_array(longest, sizeof *t->counts);
    for (int axis = 0; axis < 2; axis++)
        t->marks[axis] = dcn__alloc_array((size_t)t->g->n_nodes, sizeof *t->marks[axis]);
    if (!t->counts || !t->marks[0] || !t->marks[1])
        return dcn__fail_memory(t->err, "a receptive field", longest * sizeof *t->counts);
    for (int axis = 0; axis < 2; axis++) {
        uint8_t *marks = marks_of(t, node, axis);

        if (!marks)
            return DCN_MEMORY;
        marks[axis == 0 ? y : x] = 1;
    }
    return DCN_OK;
}

dcn_status dcn_graph_box(const dcn_graph *g, dcn_node node, int y, int x, dcn_box *box,
                         dcn_error *err)
{
    trace t = { .g = g, .err = err };
    dcn_status st;

    memset(box, 0, sizeof *box);
    if (node < 0 || node >= g->n_nodes)
        return dcn__fail(err, DCN_USAGE, "network", "has no node %d; it has %d", (int)node,
                         g->n_nodes);
    if (y < 0 || y >= g->nodes[node].shape.h || x < 0 || x >= g->nodes[node].shape.w)
        return dcn__fail(err, DCN_USAGE, g->nodes[node].name,
                         "has no unit in row %d, column %d; it has %d rows and %d columns", y, x,
                         g->nodes[node].shape.h, g->nodes[node].shape.w);
    st = trace_begin(&t, node, y, x);
    for (dcn_node i = node; !st && i > 0; i--)
        if (t.marks[0][i])
            st = step_back(&t, i);
    if (!st) {
        extent(t.marks[0][0], g->nodes[0].shape.h, &box->top, &box->bottom);
        extent(t.marks[1][0], g->nodes[0].shape.w, &box->left, &box->right);
        if (box->top == box->bottom || box->left == box->right)   /* padding alone */
            memset(box, 0, sizeof *box);
        box->clipped = t.clipped;
    }
    trace_clear(&t);
    return st;
}
