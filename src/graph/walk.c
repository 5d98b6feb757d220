/* walk.c - the one idea: forward, training, deconvnet and its relatives are walks over one
 * table. */
#include "graph/walk.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

/* ---- slots and steps ------------------------------------------------------------------------ */

enum { KINDS = DCN__SLOT_KINDS, MISSING = -1 };

int dcn__walk_find(const dcn__walk *w, dcn__slot_kind kind, dcn_node node)
{
    const int at = w->index && kind != DCN__SLOT_PART ? w->index[node * KINDS + (int)kind] : 0;

    return at > 0 ? at - 1 : -1;
}

static dcn_status begin(dcn__walk *w, const dcn_graph *g, dcn_error *err)
{
    if (!w->index && !(w->index = dcn__alloc_array((size_t)g->n_nodes, KINDS * sizeof *w->index)))
        return dcn__fail_memory(err, "a walk", (size_t)g->n_nodes * KINDS * sizeof *w->index);
    return DCN_OK;
}

/* PART slots are always new; of the others there is one per node. */
static int need_slot(dcn__walk *w, const dcn_graph *g, dcn__slot_kind kind, dcn_node node,
                     dcn_error *err)
{
    const int found = dcn__walk_find(w, kind, node);

    if (found >= 0)
        return found;
    if (w->n_slots == w->slot_capacity) {
        const int capacity = w->slot_capacity ? w->slot_capacity * 2 : 32;
        dcn__slot *grown = dcn__realloc(w->slots, (size_t)capacity * sizeof *grown);

        if (!grown) {
            dcn__fail_memory(err, "a walk's slots", (size_t)capacity * sizeof *grown);
            return -1;
        }
        w->slots = grown;
        w->slot_capacity = capacity;
    }
    w->slots[w->n_slots] = (dcn__slot){ .kind = kind, .node = node,
                                        .shape = g->nodes[node].shape };
    if (kind == DCN__SLOT_PEAK)
        w->slots[w->n_slots].shape.h = w->slots[w->n_slots].shape.w = 1;
    if (kind != DCN__SLOT_PART)
        w->index[node * KINDS + (int)kind] = w->n_slots + 1;
    return w->n_slots++;
}

/* -1 in `slots` means that making one failed. */
static dcn_status add_step(dcn__walk *w, dcn__step step, const int *reads, int n_reads,
                           dcn_error *err)
{
    for (int i = 0; i < n_reads; i++)
        if (reads[i] < 0)
            return DCN_MEMORY;
    if (w->n_steps == w->step_capacity) {
        const int capacity = w->step_capacity ? w->step_capacity * 2 : 32;
        dcn__step *grown = dcn__realloc(w->steps, (size_t)capacity * sizeof *grown);

        if (!grown)
            return dcn__fail_memory(err, "a walk's steps", (size_t)capacity * sizeof *grown);
        w->steps = grown;
        w->step_capacity = capacity;
    }
    step.n_reads = n_reads;
    step.reads = dcn__alloc_array((size_t)(n_reads ? n_reads : 1), sizeof *reads);
    if (!step.reads)
        return dcn__fail_memory(err, "a step", (size_t)n_reads * sizeof *reads);
    if (n_reads)
        memcpy(step.reads, reads, (size_t)n_reads * sizeof *reads);
    w->steps[w->n_steps++] = step;
    return DCN_OK;
}

void dcn__walk_clear(dcn__walk *w)
{
    for (int i = 0; i < w->n_steps; i++)
        dcn__free(w->steps[i].reads);
    dcn__free(w->steps);
    dcn__free(w->slots);
    dcn__free(w->index);
    dcn__free(w->extensions);
    memset(w, 0, sizeof *w);
}

/* ---- up ------------------------------------------------------------------------------------- */

int dcn__switch_bytes(const dcn__window *w)
{
    return (int64_t)w->kernel[0] * w->kernel[1] <= 256 ? 1 : 4;
}

static dcn_status forward_step(dcn__walk *w, const dcn_graph *g, dcn_node id, dcn_error *err)
{
    const dcn__node *n = &g->nodes[id];
    dcn__step step = { .action = dcn__op_row_of(n->op)->forward, .node = id, .write_switch = -1 };
    int *reads;
    dcn_status st;

    if ((step.write = need_slot(w, g, DCN__SLOT_VALUE, id, err)) < 0)
        return DCN_MEMORY;
    if (n->op == DCN__OP_INPUT)
        return DCN_OK;
    if (n->op == DCN__OP_MAX_POOL &&
        (step.write_switch = need_slot(w, g, DCN__SLOT_SWITCH, id, err)) < 0)
        return DCN_MEMORY;
    if (!(reads = dcn__alloc_array((size_t)n->n_inputs, sizeof *reads)))
        return dcn__fail_memory(err, "a step", sizeof *reads);
    for (int k = 0; k < n->n_inputs; k++)
        reads[k] = need_slot(w, g, DCN__SLOT_VALUE, n->inputs[k], err);
    st = add_step(w, step, reads, n->n_inputs, err);
    dcn__free(reads);
    return st;
}

/* Marks what `target` needs and has no value yet; returns the first of them. */
static dcn_node mark_missing(dcn__walk *w, const dcn_graph *g, dcn_node target)
{
    dcn_node first = target;

    for (dcn_node i = target; i >= first; i--) {
        if (i != target && w->index[i * KINDS] != MISSING)
            continue;
        for (int k = 0; k < g->nodes[i].n_inputs; k++) {
            const dcn_node input = g->nodes[i].inputs[k];

            if (w->index[input * KINDS] > 0)
                continue;
            w->index[input * KINDS] = MISSING;
            first = input < first ? input : first;
        }
    }
    return first;
}

dcn_status dcn__walk_forward(dcn__walk *w, const dcn_graph *g, dcn_node target, dcn_error *err)
{
    dcn_status st = begin(w, g, err);

    if (!st && dcn__walk_find(w, DCN__SLOT_VALUE, target) < 0)
        for (dcn_node i = mark_missing(w, g, target); !st && i <= target; i++)
            if (i == target || w->index[i * KINDS] == MISSING)
                st = forward_step(w, g, i, err);
    w->first_reverse = w->n_steps;
    return st;
}

dcn_status dcn__walk_peak(dcn__walk *w, const dcn_graph *g, dcn_node target, dcn_error *err)
{
    dcn__step step = { .action = DCN__DO_PEAK, .node = target, .write_switch = -1 };
    dcn_status st = dcn__walk_forward(w, g, target, err);
    int value;

    if (st || dcn__walk_find(w, DCN__SLOT_PEAK, target) >= 0)
        return st;
    value = dcn__walk_find(w, DCN__SLOT_VALUE, target);
    if ((step.write = need_slot(w, g, DCN__SLOT_PEAK, target, err)) < 0)
        return DCN_MEMORY;
    st = add_step(w, step, &value, 1, err);
    w->first_reverse = w->n_steps;
    return st;
}

/* ---- down ----------------------------------------------------------------------------------- */

/* While walking down: what has arrived at each node so far. A node is on the way if a signal
 * comes to it, so a gate that is held constant, and what is behind it alone, is not. */
typedef struct descent {
    dcn__walk *w;
    const dcn_graph *g;
    const dcn_route *route;
    bool training;            /* gradients of weights too; none of the input */
    bool *on_way;
    int *users;               /* per node: users that send a signal */
    int *parts;               /* slots of the users' shares, a node's from first_part on */
    int *first_part, *n_parts;
    dcn_error *err;
} descent;

/* What the route does at a node; *extended if the papers say nothing there. */
static dcn__action action_at(const dcn_route *route, const dcn__node *n, bool *extended)
{
    const bool kept = route->only == DCN_ONLY_ALL || n->op == DCN__OP_RELU ||
                      (route->only == DCN_ONLY_RELU_LRN && n->op == DCN__OP_LRN);
    const dcn_rule rule = !kept                            ? DCN_RULE_GRADIENT
                          : route->rule == DCN_RULE_LINEAR ? DCN_RULE_RECONSTRUCT
                                                           : route->rule;
    const dcn__op_row *row = dcn__op_row_of(n->op);
    dcn__action action = row->reverse[rule];

    *extended = action == DCN__DO_HOLD_GATE;
    if (action == DCN__DO_REFUSE && route->extend) {
        action = row->extended[rule];
        *extended = action != DCN__DO_REFUSE;
    }
    if (action == DCN__DO_UNPOOL && route->no_switches)
        action = DCN__DO_UNPOOL_CENTRE;
    return action;
}

/* Whether a signal goes to input k. To input 0 one always does, so every way ends at the input. */
static bool carries(const descent *d, const dcn__node *n, int k)
{
    bool extended;

    return k != 1 || action_at(d->route, n, &extended) != DCN__DO_HOLD_GATE;
}

/* A slot for what one user sends down to `node`: the signal itself if there is only one user. */
static int share_slot(descent *d, dcn_node node)
{
    const int slot = need_slot(d->w, d->g, d->users[node] == 1 ? DCN__SLOT_SIGNAL : DCN__SLOT_PART,
                               node, d->err);

    if (slot >= 0)
        d->parts[d->first_part[node] + d->n_parts[node]++] = slot;
    return slot;
}

/* Users' shares are added in the order in which the walk met them: later nodes first. */
static dcn_status join_shares(descent *d, dcn_node id)
{
    dcn__step step = { .action = DCN__DO_SUM, .node = id, .write_switch = -1 };

    if (d->users[id] < 2)
        return DCN_OK;
    if ((step.write = need_slot(d->w, d->g, DCN__SLOT_SIGNAL, id, d->err)) < 0)
        return DCN_MEMORY;
    return add_step(d->w, step, d->parts + d->first_part[id], d->n_parts[id], d->err);
}

static dcn_status weights_step(descent *d, dcn_node id, int signal)
{
    const dcn__node *n = &d->g->nodes[id];
    const dcn__step step = { .action = n->op == DCN__OP_CONV ? DCN__DO_CONV_WEIGHTS
                                                             : DCN__DO_DENSE_WEIGHTS,
                             .node = id,
                             .write = -1,
                             .write_switch = -1 };
    int reads[2] = { -1, signal };

    if (n->op != DCN__OP_CONV && n->op != DCN__OP_DENSE)
        return dcn__fail(d->err, DCN_USAGE, n->name,
                         "%s cannot be trained yet; train a network whose weights are those of "
                         "conv and dense", dcn__op_row_of(n->op)->word);
    reads[0] = need_slot(d->w, d->g, DCN__SLOT_VALUE, n->inputs[0], d->err);
    return add_step(d->w, step, reads, 2, d->err);
}

/* A rule that takes the bias away first is two steps; the second is the plain adjoint, and the
 * only one of the rule linear or where there is no bias. */
static dcn_status less_bias(descent *d, dcn_node id, dcn__action *action, int *signal)
{
    dcn__step step = { .action = DCN__DO_LESS_BIAS, .node = id, .write_switch = -1 };
    const int reads[1] = { *signal };

    if (*action == DCN__DO_LESS_BIAS_CONV_DATA)
        *action = DCN__DO_CONV_DATA;
    else if (*action == DCN__DO_LESS_BIAS_DENSE_DATA)
        *action = DCN__DO_DENSE_DATA;
    else if (*action == DCN__DO_LESS_BIAS_SCALE_DATA)
        *action = DCN__DO_SCALE_DATA;
    else
        return DCN_OK;
    if (d->g->nodes[id].bias < 0 || d->route->rule == DCN_RULE_LINEAR)
        return DCN_OK;
    if ((step.write = need_slot(d->w, d->g, DCN__SLOT_PART, id, d->err)) < 0)
        return DCN_MEMORY;
    *signal = step.write;
    return add_step(d->w, step, reads, 1, d->err);
}

/* The second thing that some actions read, for the signal to input k: what the way up left
 * behind. */
static int extra_read(descent *d, dcn_node id, dcn__action action, int k)
{
    const dcn__node *n = &d->g->nodes[id];

    switch (action) {
    case DCN__DO_RELU_MASK:
    case DCN__DO_RELU_GUIDED:
    case DCN__DO_SOFTMAX_GRADIENT:
    case DCN__DO_LOG_SOFTMAX_GRADIENT:
        /* The ReLU's output tells x > 0 as well as its input does. */
        return need_slot(d->w, d->g, DCN__SLOT_VALUE, id, d->err);
    case DCN__DO_MAP_GRADIENT:
    case DCN__DO_MAP_GUIDED:
    case DCN__DO_LEAKY_GRADIENT:
    case DCN__DO_LEAKY_GUIDED:
    case DCN__DO_LRN_GRADIENT:
        return need_slot(d->w, d->g, DCN__SLOT_VALUE, n->inputs[0], d->err);
    case DCN__DO_MUL_DATA:
        return need_slot(d->w, d->g, DCN__SLOT_VALUE, n->inputs[1 - k], d->err);
    case DCN__DO_UNPOOL:
        return need_slot(d->w, d->g, DCN__SLOT_SWITCH, id, d->err);
    default:
        return -2;
    }
}

static dcn_status refuse(const descent *d, const dcn__node *n)
{
    const char *rule = dcn_rule_name(d->route->rule), *word = dcn__op_row_of(n->op)->word;
    const dcn_route extended = { .rule = d->route->rule, .only = d->route->only, .extend = 1 };
    bool any;

    if (action_at(&extended, n, &any) == DCN__DO_REFUSE)      /* softmax, log_softmax */
        return dcn__fail(d->err, DCN_USAGE, n->name,
                         "the rule %s is undefined for %s; start from its input %s (the logits)",
                         rule, word, d->g->nodes[n->inputs[0]].name);
    return dcn__fail(d->err, DCN_USAGE, n->name,
                     "the rule %s is undefined for %s; pass --extend to draw it as an extension, "
                     "or use the rule gradient", rule, word);
}

static dcn_status down_through(descent *d, dcn_node id)
{
    const dcn__node *n = &d->g->nodes[id];
    bool extended;
    dcn__action action = action_at(d->route, n, &extended);
    int signal = dcn__walk_find(d->w, DCN__SLOT_SIGNAL, id);
    dcn_status st = DCN_OK;

    if (n->op == DCN__OP_INPUT)
        return DCN_OK;
    if (action == DCN__DO_REFUSE)
        return refuse(d, n);
    if (d->training && n->weight >= 0)
        st = weights_step(d, id, signal);
    if (st || (d->training && n->n_inputs == 1 && n->inputs[0] == 0))
        return st;
    if ((st = less_bias(d, id, &action, &signal)))
        return st;
    for (int k = 0; !st && k < n->n_inputs; k++) {
        dcn__step step = { .action = action == DCN__DO_HOLD_GATE ? DCN__DO_MUL_DATA : action,
                           .node = id, .input = k, .write_switch = -1 };
        int reads[2] = { signal, -1 };

        if (!carries(d, n, k))
            continue;
        reads[1] = extra_read(d, id, step.action, k);
        step.write = share_slot(d, n->inputs[k]);
        if (step.write < 0 || reads[1] == -1)
            return DCN_MEMORY;
        st = add_step(d->w, step, reads, reads[1] >= 0 ? 2 : 1, d->err);
    }
    return st;
}

static void descent_clear(descent *d)
{
    dcn__free(d->parts);
    dcn__free(d->first_part);
    dcn__free(d->n_parts);
    dcn__free(d->users);
    dcn__free(d->on_way);
}

static dcn_status descent_begin(descent *d, dcn_node start)
{
    const size_t n = (size_t)d->g->n_nodes;
    int edges = 0;

    d->on_way = dcn__alloc_array(n, sizeof *d->on_way);
    d->users = dcn__alloc_array(n, sizeof *d->users);
    d->first_part = dcn__alloc_array(n, sizeof *d->first_part);
    d->n_parts = dcn__alloc_array(n, sizeof *d->n_parts);
    if (!d->on_way || !d->users || !d->first_part || !d->n_parts)
        return dcn__fail_memory(d->err, "a walk", n * sizeof *d->users);
    d->on_way[start] = true;
    for (dcn_node i = start; i >= 0; i--)
        for (int k = 0; d->on_way[i] && k < d->g->nodes[i].n_inputs; k++)
            if (carries(d, &d->g->nodes[i], k)) {
                d->on_way[d->g->nodes[i].inputs[k]] = true;
                d->users[d->g->nodes[i].inputs[k]]++;
            }
    for (dcn_node i = 0; i <= start; i++) {   /* 100,000 nodes of 200 inputs: no overflow */
        d->first_part[i] = edges;
        edges += d->users[i];
    }
    if (!(d->parts = dcn__alloc_array((size_t)edges + 1, sizeof *d->parts)))
        return dcn__fail_memory(d->err, "a walk", (size_t)edges * sizeof *d->parts);
    return DCN_OK;
}

/* ---- what a way draws beyond the papers ------------------------------------------------------ */

static const char *verb(dcn__action action)
{
    return action == DCN__DO_HOLD_GATE      ? "held constant"
           : action == DCN__DO_RELU_RECTIFY ? "rectified"
           : action == DCN__DO_COPY         ? "passed by"
                                            : "guided";
}

/* One example of each operator, at most three, and the number of all others. */
static dcn_status tell_extensions(descent *d, dcn_node start)
{
    bool told[DCN__OP_COUNT] = { false };
    dcn__string s = { 0 };
    int shown = 0, more = 0;

    dcn__free(d->w->extensions);
    d->w->extensions = NULL;
    for (dcn_node i = 1; i <= start; i++) {
        const dcn__node *n = &d->g->nodes[i];
        bool extended;
        const dcn__action action = action_at(d->route, n, &extended);

        if (!d->on_way[i] || !extended)
            continue;
        if (told[n->op] || shown == 3) {
            more++;
            continue;
        }
        told[n->op] = true;
        dcn__string_printf(&s, "%s%s %s at %s", shown++ ? ", " : "",
                           action == DCN__DO_HOLD_GATE ? "gate" : dcn__op_row_of(n->op)->word,
                           verb(action), n->name);
    }
    if (more)
        dcn__string_printf(&s, " and %d more", more);
    if (s.failed) {
        dcn__string_clear(&s);
        return dcn__fail_memory(d->err, "a walk", 1);
    }
    d->w->extensions = s.text;
    return DCN_OK;
}

/* ---- a whole way down ------------------------------------------------------------------------ */

static dcn_status descend(dcn__walk *w, const dcn_graph *g, const dcn_route *route, bool training,
                          dcn_error *err)
{
    const dcn_node start = route->layer;
    descent d = { .w = w, .g = g, .route = route, .training = training, .err = err };
    dcn__step first = { .action = training ? DCN__DO_LOSS : DCN__DO_SEED,
                        .node = start,
                        .write_switch = -1 };
    dcn_status st = begin(w, g, err);

    w->first_reverse = w->n_steps;
    if (!st && !(st = descent_begin(&d, start))) {
        const int value = need_slot(w, g, DCN__SLOT_VALUE, start, err);

        first.write = need_slot(w, g, DCN__SLOT_SIGNAL, start, err);
        st = first.write < 0 ? DCN_MEMORY : add_step(w, first, &value, 1, err);
    }
    for (dcn_node i = start; !st && i >= 0; i--)
        if (d.on_way[i] && !(training && i == 0) &&
            !(st = i == start ? DCN_OK : join_shares(&d, i)))
            st = down_through(&d, i);
    if (!st)
        st = tell_extensions(&d, start);
    descent_clear(&d);
    return st;
}

dcn_status dcn__walk_down(dcn__walk *w, const dcn_graph *g, const dcn_route *route, dcn_error *err)
{
    return descend(w, g, route, false, err);
}

dcn_node dcn__loss_node(const dcn_graph *g)
{
    return dcn_graph_logits(g);
}

dcn_status dcn__walk_training(dcn__walk *w, const dcn_graph *g, dcn_error *err)
{
    const dcn_route route = { .layer = dcn__loss_node(g), .rule = DCN_RULE_GRADIENT };
    const dcn_shape s = g->nodes[route.layer].shape;

    if (s.h != 1 || s.w != 1)
        return dcn__fail(err, DCN_USAGE, g->nodes[route.layer].name,
                         "its value is %dx%dx%d, a loss needs 1x1xCLASSES; "
                         "end the network with a dense layer or a global pool",
                         s.h, s.w, s.c);
    return descend(w, g, &route, true, err);
}
