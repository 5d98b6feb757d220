/* cone.c - finds the region of every node below a unit, and builds the derived graph.
 *
 * Along one axis the region of a node is [start + y*stride, start + y*stride + size) for unit y.
 * Where branches meet, the region is their union; that has a fixed size only if they have the same
 * stride. A dense layer or a reshape sees whole pictures: there is no cone through it. */
#include "engine/cone.h"

#include "base/memory.h"

#include <string.h>

/* Only cones below this share of the whole way are worth their gathering. */
#define WORTH 0.8

enum { MAX_SIZE = 1 << 15, MAX_START = 1 << 30 };   /* of a region's side: no overflow below */
enum { MOVE_COST = 8 };           /* operations for an element moved */

typedef struct extent { int64_t start, stride, size; } extent;

/* What is known of a node of the model. */
typedef struct reach {
    bool reached, gate_reached;   /* by the signal; its input 1 by its own signal, if a mul */
    extent axis[2];
    dcn_node derived;
} reach;

typedef struct builder {
    const dcn_graph *g;
    const dcn__walk *down;
    dcn_node layer;
    reach *nodes;
    dcn__cone *cone;
    int n_inputs;                 /* of all derived nodes so far */
} builder;

static int size_along(dcn_shape s, int axis)
{
    return axis ? s.w : s.h;
}

/* ---- regions -------------------------------------------------------------------------------- */

static bool is_same(const extent *a, const extent *b)
{
    return a->start == b->start && a->stride == b->stride && a->size == b->size;
}

/* What node u needs of its input k along one axis to send its region down. False: not a region of
 * one size. */
static bool need_of(const builder *b, const dcn__node *u, const extent *e, int k, int axis,
                    extent *need)
{
    const dcn__window *w = &u->window;
    const dcn_shape in = b->g->nodes[u->inputs[k]].shape;

    *need = *e;
    switch (u->op) {
    case DCN__OP_CONV:
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL:
        need->start = e->start * w->stride[axis] - w->pad[axis];
        need->stride = e->stride * w->stride[axis];
        need->size = (e->size - 1) * w->stride[axis] +
                     (int64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
        break;
    case DCN__OP_PAD:
        need->start = e->start - w->pad[axis];
        break;
    case DCN__OP_DENSE:
    case DCN__OP_RESHAPE:
        return false;
    default:                      /* cell by cell */
        if (size_along(in, axis) != size_along(u->shape, axis))
            return false;         /* the gate of a mul that is one number a channel */
        break;
    }
    return need->size <= MAX_SIZE && need->stride <= MAX_START && need->start <= MAX_START &&
           need->start >= -MAX_START;
}

static bool unite(extent *a, const extent *need)
{
    const int64_t a_end = a->start + a->size, end = need->start + need->size;

    if (a->stride != need->stride)
        return false;
    a->start = need->start < a->start ? need->start : a->start;
    a->size = (end > a_end ? end : a_end) - a->start;
    return a->size <= MAX_SIZE;
}

/* Unpooling without switches moves a middle that is padding into the picture: not the same in all
 * places. */
static bool has_clamped_middle(const dcn_graph *g, const dcn__node *n)
{
    const dcn_shape in = g->nodes[n->inputs[0]].shape;

    for (int axis = 0; axis < 2; axis++) {
        const dcn__window *w = &n->window;
        const int64_t middle = (int64_t)((w->kernel[axis] - 1) / 2) * w->dilation[axis] -
                               w->pad[axis];

        if (middle < 0 || (int64_t)(size_along(n->shape, axis) - 1) * w->stride[axis] + middle >=
                              size_along(in, axis))
            return true;
    }
    return false;
}

static bool reach_input(builder *b, const dcn__step *step)
{
    const dcn__node *u = &b->g->nodes[step->node];
    reach *from = &b->nodes[step->node], *to = &b->nodes[u->inputs[step->input]];

    for (int axis = 0; axis < 2; axis++) {
        extent need;

        if (!need_of(b, u, &from->axis[axis], step->input, axis, &need))
            return false;
        if (!to->reached)
            to->axis[axis] = need;
        else if (!unite(&to->axis[axis], &need))
            return false;
    }
    to->reached = true;
    if (step->input == 1)
        from->gate_reached = true;
    return to->axis[0].size * to->axis[1].size * b->g->nodes[u->inputs[step->input]].shape.c <=
           DCN__MAX_ELEMENTS;
}

/* The walk's steps come from the layer to the input, so a node's region is whole before the
 * node's own steps. False: no cone. */
static bool find_regions(builder *b)
{
    reach *top = &b->nodes[b->layer];
    const dcn_shape s = b->g->nodes[b->layer].shape;

    if (s.h == 1 && s.w == 1)
        return false;             /* its unit sees all that the layer sees */
    top->reached = true;
    top->axis[0] = top->axis[1] = (extent){ .stride = 1, .size = 1 };
    for (int i = b->down->first_reverse; i < b->down->n_steps; i++) {
        const dcn__step *step = &b->down->steps[i];

        switch (step->action) {
        case DCN__DO_SEED:
        case DCN__DO_SUM:
            break;
        case DCN__DO_LESS_BIAS:
            return false;         /* takes the bias away everywhere, also outside the cone */
        case DCN__DO_UNPOOL_CENTRE:
            if (has_clamped_middle(b->g, &b->g->nodes[step->node]))
                return false;
            /* fall through */
        default:
            if (!reach_input(b, step))
                return false;
            break;
        }
    }
    return true;
}

/* ---- is it worth it? ------------------------------------------------------------------------ */

/* Operations of all steps of the walk, on regions or on the whole values. */
static double operations(const builder *b, bool regions)
{
    double sum = 0;

    for (int i = b->down->first_reverse; i < b->down->n_steps; i++) {
        const dcn__step *step = &b->down->steps[i];
        const dcn__node *n = &b->g->nodes[step->node];
        const dcn__slot *to = &b->down->slots[step->write];
        const reach *r = &b->nodes[to->node], *at = &b->nodes[step->node];
        const double rows = regions ? (double)r->axis[0].size : to->shape.h;
        const double columns = regions ? (double)r->axis[1].size : to->shape.w;

        sum += rows * columns * to->shape.c * MOVE_COST;
        if (step->action == DCN__DO_CONV_DATA)
            sum += 2.0 * (double)b->g->weights[n->weight].count *
                   (regions ? (double)at->axis[0].size * (double)at->axis[1].size
                            : (double)n->shape.h * n->shape.w);
    }
    return sum;
}

/* ---- the derived graph ---------------------------------------------------------------------- */

static dcn_node add_node(builder *b, const dcn__node *model, dcn_node source, const extent axis[2])
{
    dcn_graph *d = &b->cone->graph;
    dcn__node *n = &d->nodes[d->n_nodes];
    dcn__region *r = &b->cone->regions[d->n_nodes];

    *n = *model;
    n->inputs = b->cone->inputs + b->n_inputs;
    n->shape = (dcn_shape){ (int)axis[0].size, (int)axis[1].size, model->shape.c };
    memset(n->window.pad, 0, sizeof n->window.pad);
    memset(n->window.over, 0, sizeof n->window.over);
    n->window.pad_kind = DCN_PAD_VALID;
    n->window.global = n->window.ceil = n->window.count_pad = false;
    r->source = source;
    for (int i = 0; i < 2; i++) {
        r->start[i] = (int)axis[i].start;
        r->stride[i] = (int)axis[i].stride;
    }
    b->n_inputs += n->n_inputs;
    return d->n_nodes++;
}

/* What a user sees of a node where other users see more: a cut, drawn as a negative pad. */
static dcn__window cut_to(const reach *from, const extent need[2])
{
    dcn__window w = { .kernel = { 1, 1 }, .stride = { 1, 1 }, .dilation = { 1, 1 },
                      .pad_kind = DCN_PAD_EXPLICIT };

    for (int i = 0; i < 2; i++) {
        const extent *e = &from->axis[i];

        w.pad[i] = (int)(e->start - need[i].start);
        w.pad[i + 2] = (int)(need[i].start + need[i].size - e->start - e->size);
    }
    return w;
}

static dcn_node add_cut(builder *b, dcn_node source, const extent need[2])
{
    dcn__node cut = b->g->nodes[source];
    dcn_node id;

    cut.op = DCN__OP_PAD;
    cut.n_inputs = 1;
    cut.weight = cut.bias = -1;
    cut.alpha = 0;
    id = add_node(b, &cut, source, need);
    b->cone->graph.nodes[id].window = cut_to(&b->nodes[source], need);
    b->cone->graph.nodes[id].inputs[0] = b->nodes[source].derived;
    return id;
}

/* A value that is only read, as a gate held constant is: no signal goes there. */
static dcn_node add_leaf(builder *b, dcn_node source, const extent user[2])
{
    dcn__node leaf = b->g->nodes[source];
    const dcn_shape s = leaf.shape;
    const extent whole[2] = { { .size = s.h }, { .size = s.w } };

    leaf.op = DCN__OP_INPUT;
    leaf.n_inputs = 0;
    leaf.weight = leaf.bias = -1;
    return add_node(b, &leaf, source, s.h == 1 && s.w == 1 ? whole : user);
}

/* The derived node that the derived u reads as its input k. */
static dcn_node derived_input(builder *b, dcn_node u, int k)
{
    const dcn__node *n = &b->g->nodes[u];
    const reach *r = &b->nodes[u], *in = &b->nodes[n->inputs[k]];
    extent need[2];

    if (n->op == DCN__OP_MUL && k == 1 && !r->gate_reached)
        return add_leaf(b, n->inputs[k], r->axis);
    for (int axis = 0; axis < 2; axis++)
        need_of(b, n, &r->axis[axis], k, axis, &need[axis]);
    if (n->op == DCN__OP_PAD ||
        (is_same(&need[0], &in->axis[0]) && is_same(&need[1], &in->axis[1])))
        return in->derived;
    return add_cut(b, n->inputs[k], need);
}

/* Inputs first, as in every graph. first: room for them, before the node is there. */
static void add_with_inputs(builder *b, dcn_node u, dcn_node *first)
{
    const dcn__node *n = &b->g->nodes[u];
    reach *r = &b->nodes[u];
    extent need[2];

    for (int k = 0; k < n->n_inputs; k++)
        first[k] = derived_input(b, u, k);
    r->derived = add_node(b, n, u, r->axis);
    if (n->n_inputs)
        memcpy(b->cone->graph.nodes[r->derived].inputs, first,
               (size_t)n->n_inputs * sizeof *first);
    if (n->op != DCN__OP_PAD)
        return;
    for (int axis = 0; axis < 2; axis++)
        need_of(b, n, &r->axis[axis], 0, axis, &need[axis]);
    b->cone->graph.nodes[r->derived].window = cut_to(&b->nodes[n->inputs[0]], need);
}

static dcn_status build(builder *b, dcn_error *err)
{
    dcn__cone *c = b->cone;
    size_t nodes = 0, edges = 0, most = 0;
    dcn_node *first;

    for (dcn_node i = 0; i <= b->layer; i++)
        if (b->nodes[i].reached) {
            const size_t n = (size_t)b->g->nodes[i].n_inputs;

            nodes += 1 + n;       /* itself, and a cut or a leaf for each input */
            edges += 2 * n;
            most = n > most ? n : most;
        }
    c->graph.nodes = dcn__alloc_array(nodes, sizeof *c->graph.nodes);
    c->regions = dcn__alloc_array(nodes, sizeof *c->regions);
    c->inputs = dcn__alloc_array(edges + 1, sizeof *c->inputs);
    first = dcn__alloc_array(most + 1, sizeof *first);
    if (!c->graph.nodes || !c->regions || !c->inputs || !first) {
        dcn__free(first);
        return dcn__fail_memory(err, "a cone", nodes * sizeof *c->graph.nodes);
    }
    c->graph.weights = b->g->weights;
    c->graph.n_weights = b->g->n_weights;
    for (dcn_node i = 0; i <= b->layer; i++)
        if (b->nodes[i].reached)
            add_with_inputs(b, i, first);
    dcn__free(first);
    return DCN_OK;
}

dcn_status dcn__cone_make(dcn__cone *c, const dcn_graph *g, const dcn_route *route,
                          const dcn__walk *down, dcn_error *err)
{
    builder b = { .g = g, .down = down, .layer = route->layer, .cone = c };
    dcn_status st = DCN_OK;

    if (!(b.nodes = dcn__alloc_array((size_t)g->n_nodes, sizeof *b.nodes)))
        return dcn__fail_memory(err, "a cone", (size_t)g->n_nodes * sizeof *b.nodes);
    if (find_regions(&b)) {
        c->share = operations(&b, true) / operations(&b, false);
        if (c->share < WORTH)
            st = build(&b, err);
    }
    dcn__free(b.nodes);
    return st;
}

void dcn__cone_clear(dcn__cone *c)
{
    dcn__free(c->graph.nodes);    /* names and weights are the model's */
    dcn__free(c->regions);
    dcn__free(c->inputs);
    memset(c, 0, sizeof *c);
}

bool dcn__cone_hangs(const dcn__cone *c, const dcn_graph *g, dcn_node layer, dcn_node derived)
{
    const dcn__region *r = &c->regions[derived];

    for (int axis = 0; axis < 2; axis++) {
        const int64_t units = size_along(g->nodes[layer].shape, axis);
        const int64_t size = size_along(c->graph.nodes[derived].shape, axis);

        if (r->start[axis] < 0 || r->start[axis] + (units - 1) * r->stride[axis] + size >
                                      size_along(g->nodes[r->source].shape, axis))
            return true;
    }
    return false;
}
