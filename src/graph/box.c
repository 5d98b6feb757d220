/* box.c - the exact receptive field of one unit: which rows and columns of the picture it depends
 * on, found back through the graph, the union over all ways.
 *
 * Rows and columns go separately, as one mark a row and a column of each node on the way: a window
 * with holes (dilation, a stride beyond the kernel) leaves some out. */
#include "graph/graph.h"

#include "base/memory.h"

#include <string.h>

/* Marks, of which none stands outside from..to. What is done with them takes as long as that is, not
 * as long as the side: a picture may have 65,536 rows and a network 100,000 nodes. */
typedef struct span { uint8_t *at; int from, to; } span;

typedef struct trace {
    const dcn_graph *g;
    span *marks[2];               /* per axis and node: a byte a row or column, NULL if none */
    size_t longest;               /* axis of a node on the way */
    int *counts;                  /* work: (longest) */
    uint8_t **spare;              /* (n_spare) of (longest) zeros, that served as marks */
    int n_spare;
    int clipped;
    dcn_error *err;
} trace;

static int size_of(const dcn_graph *g, dcn_node node, int axis)
{
    return axis == 0 ? g->nodes[node].shape.h : g->nodes[node].shape.w;
}

/* The marks of a node, made if there are none; NULL without memory. */
static span *marks_of(trace *t, dcn_node node, int axis)
{
    span *s = &t->marks[axis][node];

    if (s->at)
        return s;
    *s = (span){ t->n_spare ? t->spare[--t->n_spare] : dcn__alloc(t->longest), 0, 0 };
    if (s->at)
        return s;
    dcn__fail_memory(t->err, t->g->nodes[node].name, t->longest);
    return NULL;
}

static void let_go(trace *t, span *s)
{
    memset(s->at + s->from, 0, (size_t)(s->to - s->from));
    t->spare[t->n_spare++] = s->at;
    *s = (span){ NULL, 0, 0 };
}

static void widen(span *s, int64_t from, int64_t to)
{
    if (from >= to)
        return;
    if (s->from == s->to)
        s->from = (int)from, s->to = (int)to;
    s->from = from < s->from ? (int)from : s->from;
    s->to = to > s->to ? (int)to : s->to;
}

static void mark_all(span *s, int n)
{
    memset(s->at, 1, (size_t)n);
    widen(s, 0, n);
}

/* Marks what the windows at `marks` cover of an input of `in` cells. A window adds 1 where its
 * row of cells, `step` apart, begins and takes it off behind the end; running sums over every
 * step-th cell then tell how many windows cover a cell. */
static void through_window(trace *t, const dcn__window *w, int axis, const span *marks, span *to,
                           int64_t in)
{
    const int64_t step = w->dilation[axis], stride = w->stride[axis], pad = w->pad[axis];
    const int64_t length = w->kernel[axis] * step;
    int64_t low = marks->from * stride - pad, high = (marks->to - 1) * stride - pad + length;

    low = low < 0 ? 0 : low;
    high = high > in ? in : high;
    if (low < high)
        memset(t->counts + low, 0, (size_t)(high - low) * sizeof *t->counts);
    for (int64_t i = marks->from; i < marks->to; i++) {
        int64_t first = i * stride - pad;
        const int64_t end = first + length;

        if (!marks->at[i])
            continue;
        t->clipped |= first < 0 || end - step >= in;
        if (first < 0)
            first += (-first + step - 1) / step * step;
        if (first < in && first < end) {
            t->counts[first]++;
            if (end < high)
                t->counts[end]--;
        }
    }
    for (int64_t i = low; i < high; i++) {
        t->counts[i] += i - step >= low ? t->counts[i - step] : 0;
        to->at[i] |= t->counts[i] > 0;
    }
    widen(to, low, high);
}

/* One axis, from a node to its input k. */
static void through(trace *t, const dcn__node *n, int k, int axis, const span *marks, span *to)
{
    const dcn_node input = n->inputs[k];
    const dcn_shape from = t->g->nodes[input].shape;
    const int in = size_of(t->g, input, axis);
    const bool same = n->shape.h == from.h && n->shape.w == from.w;
    int shift = 0;

    switch (n->op) {
    case DCN__OP_CONV:
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        through_window(t, &n->window, axis, marks, to, in);
        return;
    case DCN__OP_DENSE:
        mark_all(to, in);
        return;
    case DCN__OP_RESHAPE:
    case DCN__OP_MUL:             /* a gate of one cell */
        if (!same) {
            mark_all(to, in);
            return;
        }
        break;
    case DCN__OP_PAD:
        shift = n->window.pad[axis];
        break;
    default:
        break;
    }
    for (int i = marks->from; i < marks->to; i++) {
        if (!marks->at[i])
            continue;
        if (i >= shift && i - shift < in) {
            to->at[i - shift] = 1;
            widen(to, i - shift, i - shift + 1);
        } else {
            t->clipped = 1;
        }
    }
}

static bool any(const span *s)
{
    return memchr(s->at + s->from, 1, (size_t)(s->to - s->from)) != NULL;
}

/* Marks what a node's marked rows and columns need of its inputs, and lets go of its own. */
static dcn_status step_back(trace *t, dcn_node node)
{
    const dcn__node *n = &t->g->nodes[node];
    span *rows = &t->marks[0][node], *columns = &t->marks[1][node];
    /* Whoever sees no row sees no column either: padding alone. */
    const bool seen = any(rows) && any(columns);

    for (int k = 0; seen && k < n->n_inputs; k++)
        for (int axis = 0; axis < 2; axis++) {
            span *to = marks_of(t, n->inputs[k], axis);

            if (!to)
                return DCN_MEMORY;
            through(t, n, k, axis, axis == 0 ? rows : columns, to);
        }
    let_go(t, rows);
    let_go(t, columns);
    return DCN_OK;
}

/* The first mark and the one behind the last; both 0 if there is none. */
static void extent(const span *s, int *from, int *to)
{
    *from = *to = 0;
    for (int i = s->from; s->at && i < s->to; i++)
        if (s->at[i]) {
            *from = *to ? *from : i;
            *to = i + 1;
        }
}

static void trace_clear(trace *t)
{
    for (int axis = 0; axis < 2; axis++) {
        for (int i = 0; t->marks[axis] && i < t->g->n_nodes; i++)
            dcn__free(t->marks[axis][i].at);
        dcn__free(t->marks[axis]);
    }
    while (t->n_spare)
        dcn__free(t->spare[--t->n_spare]);
    dcn__free(t->spare);
    dcn__free(t->counts);
}

static dcn_status trace_begin(trace *t, dcn_node node, int y, int x)
{
    const size_t nodes = (size_t)t->g->n_nodes;

    t->longest = 1;
    for (dcn_node i = 0; i <= node; i++)
        for (int axis = 0; axis < 2; axis++)
            if ((size_t)size_of(t->g, i, axis) > t->longest)
                t->longest = (size_t)size_of(t->g, i, axis);
    t->counts = dcn__alloc_array(t->longest, sizeof *t->counts);
    t->spare = dcn__alloc_array(nodes, 2 * sizeof *t->spare);
    for (int axis = 0; axis < 2; axis++)
        t->marks[axis] = dcn__alloc_array(nodes, sizeof *t->marks[axis]);
    if (!t->counts || !t->spare || !t->marks[0] || !t->marks[1])
        return dcn__fail_memory(t->err, "a receptive field", t->longest * sizeof *t->counts);
    for (int axis = 0; axis < 2; axis++) {
        const int at = axis == 0 ? y : x;
        span *marks = marks_of(t, node, axis);

        if (!marks)
            return DCN_MEMORY;
        marks->at[at] = 1;
        widen(marks, at, at + 1);
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
        if (t.marks[0][i].at)
            st = step_back(&t, i);
    if (!st) {
        extent(&t.marks[0][0], &box->top, &box->bottom);
        extent(&t.marks[1][0], &box->left, &box->right);
        if (box->top == box->bottom || box->left == box->right)   /* padding alone */
            memset(box, 0, sizeof *box);
        box->clipped = t.clipped;
    }
    trace_clear(&t);
    return st;
}
