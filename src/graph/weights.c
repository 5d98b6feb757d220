/* weights.c - a graph's weights: made, set, asked, copied with the graph. */
#include "graph/graph.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

dcn_status dcn__weight_make(dcn__weight *w, dcn_error *err)
{
    const size_t bytes = (size_t)w->count * sizeof *w->data;

    if (!w->data && !(w->data = dcn__alloc_aligned(bytes)))
        return dcn__fail_memory(err, w->name, bytes);
    return DCN_OK;
}

/* A line of text can ask for any number of weights: what cannot be is refused before the first. The
 * share is a plan's (dcn_plan_desc). */
static dcn_status check_memory(const dcn_graph *g, dcn_error *err)
{
    const size_t limit = dcn__physical_memory() / 10 * 8;
    size_t bytes = 0;

    /* At most 2 * 100,000 weights of 2^31 elements: no overflow. */
    for (int i = 0; i < g->n_weights; i++)
        bytes += (size_t)g->weights[i].count * sizeof(float);
    if (bytes > limit)
        return dcn__fail(err, DCN_MEMORY, "network",
                         "its weights need %zu MiB, the limit is %zu MiB; "
                         "use fewer filters or units",
                         bytes >> 20, limit >> 20);
    return DCN_OK;
}

dcn_status dcn_graph_init_weights(dcn_graph *g, uint64_t seed, dcn_error *err)
{
    dcn_status st = check_memory(g, err);

    if (st)
        return st;
    for (int i = 0; i < g->n_weights; i++) {
        dcn__weight *w = &g->weights[i];
        const dcn__node *n = &g->nodes[w->node];
        dcn__random r = dcn__random_stream(seed, 0x77656967u, (uint64_t)i);
        const bool flat = w->rank == 1 && i == n->weight;      /* scale, batch_norm, prelu */
        const double fan_in = (double)w->count / (double)w->dims[w->rank - 1];
        const double stddev = n->init_stddev > 0 ? n->init_stddev : sqrt(2.0 / fan_in);

        if ((st = dcn__weight_make(w, err)))
            return st;
        for (int64_t k = 0; k < w->count; k++)
            w->data[k] = i == n->bias ? n->init_bias
                         : flat       ? (n->op == DCN__OP_PRELU ? 0.25f : 1)
                                      : (float)(stddev * dcn__random_truncated_normal(&r));
    }
    return DCN_OK;
}

dcn_status dcn_graph_set_weight(dcn_graph *g, int i, const float *data, int64_t count,
                                dcn_error *err)
{
    dcn_status st;

    if (i < 0 || i >= g->n_weights)
        return dcn__fail(err, DCN_USAGE, "network", "has no weight number %d; it has %d", i,
                         g->n_weights);
    if (count != g->weights[i].count)
        return dcn__fail(err, DCN_STATE, g->weights[i].name,
                         "holds %lld values, %lld were given; "
                         "use weights of the same network",
                         (long long)g->weights[i].count, (long long)count);
    if ((st = dcn__weight_make(&g->weights[i], err)))
        return st;
    memcpy(g->weights[i].data, data, (size_t)count * sizeof *data);
    return DCN_OK;
}

int dcn_graph_weight_count(const dcn_graph *g)
{
    return g->n_weights;
}

void dcn_graph_weight_info(const dcn_graph *g, int i, dcn_weight_info *info)
{
    const dcn__weight *w = &g->weights[i];

    memset(info, 0, sizeof *info);
    info->name = w->name;
    info->node = w->node;
    info->rank = w->rank;
    memcpy(info->dims, w->dims, sizeof info->dims);
    info->count = w->count;
    info->data = w->data;
}

/* ---- copying -------------------------------------------------------------------------------- */

static dcn_status copy_node(dcn__node *to, const dcn__node *from, dcn_error *err)
{
    const size_t inputs = (size_t)(from->n_inputs ? from->n_inputs : 1);

    *to = *from;
    to->name = dcn__strdup(from->name);
    to->origin = from->origin ? dcn__strdup(from->origin) : NULL;
    to->inputs = dcn__alloc_array(inputs, sizeof *to->inputs);
    if (!to->name || !to->inputs || (from->origin && !to->origin))
        return dcn__fail_memory(err, "a graph's copy", sizeof *to);
    memcpy(to->inputs, from->inputs, (size_t)from->n_inputs * sizeof *to->inputs);
    return DCN_OK;
}

static dcn_status copy_weight(dcn__weight *to, const dcn__weight *from, dcn_error *err)
{
    *to = *from;
    to->data = NULL;
    if (!(to->name = dcn__strdup(from->name)))
        return dcn__fail_memory(err, "a graph's copy", sizeof *to);
    if (!from->data)
        return DCN_OK;
    if (dcn__weight_make(to, err))
        return DCN_MEMORY;
    memcpy(to->data, from->data, (size_t)from->count * sizeof *to->data);
    return DCN_OK;
}

dcn_status dcn_graph_copy(dcn_graph **copy, const dcn_graph *g, dcn_error *err)
{
    dcn_graph *c = NULL;
    dcn_status st = dcn_graph_check(g, err);

    *copy = NULL;
    if (st || (st = dcn_graph_create(&c, err)))
        return st;
    memcpy(c->op_counts, g->op_counts, sizeof c->op_counts);
    c->nodes = dcn__alloc_array((size_t)g->n_nodes, sizeof *c->nodes);
    c->weights = dcn__alloc_array((size_t)g->n_weights + 1, sizeof *c->weights);
    c->names = dcn__alloc_array((size_t)g->name_capacity, sizeof *c->names);
    if (!c->nodes || !c->weights || !c->names)
        st = dcn__fail_memory(err, "a graph's copy", (size_t)g->n_nodes * sizeof *c->nodes);
    /* The counts grow before each copy, so that destroy frees what a failed one left. */
    for (int i = 0; !st && i < g->n_nodes; i++)
        st = copy_node(&c->nodes[c->n_nodes++], &g->nodes[i], err);
    for (int i = 0; !st && i < g->n_weights; i++)
        st = copy_weight(&c->weights[c->n_weights++], &g->weights[i], err);
    if (st) {
        dcn_graph_destroy(c);
        return st;
    }
    c->node_capacity = c->n_nodes;
    c->weight_capacity = c->n_weights + 1;
    memcpy(c->names, g->names, (size_t)g->name_capacity * sizeof *c->names);
    c->name_capacity = g->name_capacity;
    *copy = c;
    return DCN_OK;
}
