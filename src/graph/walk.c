/* walk.c - the one idea: forward, training, deconvnet and its relatives are walks over one
 * table. */
#include "graph/walk.h"

#include "base/memory.h"

#include <string.h>

/* ---- slots and steps ------------------------------------------------------------------------ */

int dcn__walk_find(const dcn__walk *w, dcn__slot_kind kind, dcn_node node)
{
    for (int i = 0; i < w->n_slots; i++)
        if (w->slots[i].kind == kind && w->slots[i].node == node)
            return i;
    return -1;
}

static int new_slot(dcn__walk *w, dcn__slot_kind kind, dcn_node node, dcn_shape shape,
                    dcn_error *err)
{
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
    w->slots[w->n_slots] = (dcn__slot){ .kind = kind, .node = node, .shape = shape };
    return w->n_slots++;
}

/* PART slots are always new; of the others there is one per node. */
static int need_slot(dcn__walk *w, const dcn_graph *g, dcn__slot_kind kind, dcn_node node,
                     dcn_error *err)
{
    const int found = kind == DCN__SLOT_PART ? -1 : dcn__walk_find(w, kind, node);

    return found >= 0 ? found : new_slot(w, kind, node, g->nodes[node].shape, err);
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
    memset(w, 0, sizeof *w);
}

/* on_way[i]: node i is `target` or one that it depends on. */
static bool *ancestors(const dcn_graph *g, dcn_node target, dcn_error *err)
{
    bool *on_way = dcn__alloc_array((size_t)g->n_nodes, sizeof *on_way);

    if (!on_way) {
        dcn__fail_memory(err, "a walk", (size_t)g->n_nodes);
        return NULL;
    }
    on_way[target] = true;
    for (dcn_node i = target; i >= 0; i--)
        for (int k = 0; on_way[i] && k < g->nodes[i].n_inputs; k++)
            on_way[g->nodes[i].inputs[k]] = true;
    return on_way;
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

    if (dcn__walk_find(w, DCN__SLOT_VALUE, id) >= 0)   /* on the way to an earlier target */
        return DCN_OK;
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

dcn_status dcn__walk_forward(dcn__walk *w, const dcn_graph *g, dcn_node target, dcn_error *err)
{
    bool *on_way = ancestors(g, target, err);
    dcn_status st = on_way ? DCN_OK : DCN_MEMORY;

    for (dcn_node i = 0; !st && i <= target; i++)
        if (on_way[i])
            st = forward_step(w, g, i, err);
    w->first_reverse = w->n_steps;
    dcn__free(on_way);
    return st;
}

/* ---- down ----------------------------------------------------------------------------------- */

/* While walking down: what has arrived at each node so far. */
typedef struct descent {
    dcn__walk *w;
    const dcn_graph *g;
    dcn_rule rule;
    bool training;            /* gradients of weights too; none of the input */
    bool *on_way;
    int *users;               /* per node: users on the way */
    int **parts;              /* per node: slots of the users' shares */
    int *n_parts;
    dcn_error *err;
} descent;

/* A slot for what one user sends down to `node`: the signal itself if there is only one user. */
static int share_slot(descent *d, dcn_node node)
{
    const int slot = need_slot(d->w, d->g, d->users[node] == 1 ? DCN__SLOT_SIGNAL : DCN__SLOT_PART,
                               node, d->err);

    if (slot >= 0)
        d->parts[node][d->n_parts[node]++] = slot;
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
    return add_step(d->w, step, d->parts[id], d->n_parts[id], d->err);
}

static dcn_status weights_step(descent *d, dcn_node id, int signal)
{
    const dcn__node *n = &d->g->nodes[id];
    const dcn__step step = { .action = n->op == DCN__OP_CONV ? DCN__DO_CONV_WEIGHTS
                                                             : DCN__DO_DENSE_WEIGHTS,
                             .node = id,
                             .write = -1,
                             .write_switch = -1 };
    const int reads[2] = { need_slot(d->w, d->g, DCN__SLOT_VALUE, n->inputs[0], d->err), signal };

    return add_step(d->w, step, reads, 2, d->err);
}

/* A rule that takes the bias away first is two steps; the second is the plain adjoint. */
static dcn_status less_bias(descent *d, dcn_node id, dcn__action *action, int *signal)
{
    dcn__step step = { .action = DCN__DO_LESS_BIAS, .node = id, .write_switch = -1 };
    const int reads[1] = { *signal };

    if (*action == DCN__DO_LESS_BIAS_CONV_DATA)
        *action = DCN__DO_CONV_DATA;
    else if (*action == DCN__DO_LESS_BIAS_DENSE_DATA)
        *action = DCN__DO_DENSE_DATA;
    else
        return DCN_OK;
    if (d->g->nodes[id].bias < 0)
        return DCN_OK;
    if ((step.write = need_slot(d->w, d->g, DCN__SLOT_PART, id, d->err)) < 0)
        return DCN_MEMORY;
    *signal = step.write;
    return add_step(d->w, step, reads, 1, d->err);
}

/* The second thing that some actions read: what the way up left behind. */
static int extra_read(descent *d, dcn_node id, dcn__action action)
{
    switch (action) {
    case DCN__DO_RELU_MASK:
    case DCN__DO_RELU_GUIDED:
    case DCN__DO_SOFTMAX_GRADIENT:
        /* The ReLU's output tells x > 0 as well as its input does. */
        return need_slot(d->w, d->g, DCN__SLOT_VALUE, id, d->err);
    case DCN__DO_UNPOOL:
        return need_slot(d->w, d->g, DCN__SLOT_SWITCH, id, d->err);
    default:
        return -2;
    }
}

static dcn_status down_through(descent *d, dcn_node id)
{
    const dcn__node *n = &d->g->nodes[id];
    dcn__action action = dcn__op_row_of(n->op)->reverse[d->rule];
    int signal = dcn__walk_find(d->w, DCN__SLOT_SIGNAL, id);
    dcn_status st = DCN_OK;

    if (n->op == DCN__OP_INPUT)
        return DCN_OK;
    if (action == DCN__DO_REFUSE)
        return dcn__fail(d->err, DCN_USAGE, n->name,
                         "the rule %s is undefined for %s; start from an earlier "
                         "layer or use the rule gradient",
                         dcn_rule_name(d->rule), dcn__op_row_of(n->op)->word);
    if (d->training && n->weight >= 0)
        st = weights_step(d, id, signal);
    if (st || (d->training && n->n_inputs == 1 && n->inputs[0] == 0))
        return st;
    if ((st = less_bias(d, id, &action, &signal)))
        return st;
    for (int k = 0; !st && k < n->n_inputs; k++) {
        dcn__step step = { .action = action, .node = id, .input = k, .write_switch = -1 };
        int reads[2] = { signal, extra_read(d, id, action) };

        step.write = share_slot(d, n->inputs[k]);
        if (step.write < 0 || reads[1] == -1)
            return DCN_MEMORY;
        st = add_step(d->w, step, reads, reads[1] >= 0 ? 2 : 1, d->err);
    }
    return st;
}

static void descent_clear(descent *d)
{
    for (int i = 0; d->parts && i < d->g->n_nodes; i++)
        dcn__free(d->parts[i]);
    dcn__free(d->parts);
    dcn__free(d->n_parts);
    dcn__free(d->users);
    dcn__free(d->on_way);
}

static dcn_status descent_begin(descent *d, dcn_node start)
{
    const size_t n = (size_t)d->g->n_nodes;

    d->on_way = ancestors(d->g, start, d->err);
    d->users = dcn__alloc_array(n, sizeof *d->users);
    d->parts = dcn__alloc_array(n, sizeof *d->parts);
    d->n_parts = dcn__alloc_array(n, sizeof *d->n_parts);
    if (!d->on_way || !d->users || !d->parts || !d->n_parts)
        return dcn__fail_memory(d->err, "a walk", n * sizeof *d->parts);
    for (dcn_node i = 0; i <= start; i++)
        for (int k = 0; d->on_way[i] && k < d->g->nodes[i].n_inputs; k++)
            d->users[d->g->nodes[i].inputs[k]]++;
    for (dcn_node i = 0; i <= start; i++)
        if (!(d->parts[i] = dcn__alloc_array((size_t)d->users[i] + 1, sizeof **d->parts)))
            return dcn__fail_memory(d->err, "a walk", (size_t)d->users[i] * sizeof **d->parts);
    return DCN_OK;
}

static dcn_status descend(dcn__walk *w, const dcn_graph *g, dcn_node start, dcn_rule rule,
                          bool training, dcn_error *err)
{
    descent d = { .w = w, .g = g, .rule = rule, .training = training, .err = err };
    dcn__step first = { .action = training ? DCN__DO_LOSS : DCN__DO_SEED,
                        .node = start,
                        .write_switch = -1 };
    dcn_status st = descent_begin(&d, start);

    w->first_reverse = w->n_steps;
    if (!st) {
        const int value = need_slot(w, g, DCN__SLOT_VALUE, start, err);

        first.write = need_slot(w, g, DCN__SLOT_SIGNAL, start, err);
        st = first.write < 0 ? DCN_MEMORY : add_step(w, first, &value, 1, err);
    }
    for (dcn_node i = start; !st && i >= 0; i--)
        if (d.on_way[i] && !(training && i == 0) &&
            !(st = i == start ? DCN_OK : join_shares(&d, i)))
            st = down_through(&d, i);
    descent_clear(&d);
    return st;
}

dcn_status dcn__walk_down(dcn__walk *w, const dcn_graph *g, dcn_node start, dcn_rule rule,
                          dcn_error *err)
{
    return descend(w, g, start, rule, false, err);
}

dcn_node dcn__loss_node(const dcn_graph *g)
{
    const dcn_node out = g->n_nodes - 1;

    return g->nodes[out].op == DCN__OP_SOFTMAX ? g->nodes[out].inputs[0] : out;
}

dcn_status dcn__walk_training(dcn__walk *w, const dcn_graph *g, dcn_error *err)
{
    const dcn_node start = dcn__loss_node(g);
    const dcn_shape s = g->nodes[start].shape;

    if (s.h != 1 || s.w != 1)
        return dcn__fail(err, DCN_USAGE, g->nodes[start].name,
                         "its value is %dx%dx%d, a loss needs 1x1xCLASSES; "
                         "end the network with a dense layer or a global pool",
                         s.h, s.w, s.c);
    return descend(w, g, start, DCN_RULE_GRADIENT, true, err);
}
