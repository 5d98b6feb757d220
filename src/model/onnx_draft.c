/* onnx_draft.c - drafts: nodes of the graph to be, of which the output may not need all.
 *
 * Each is built at once into a graph without names, so that shapes and refusals come from the
 * graph's own rules; the drafts that are left are built again into the graph that stays. */
#include "model/onnx_import.h"

#include "base/memory.h"

#include <string.h>

dcn_node dcn__draft_build(dcn_graph *g, const dcn__draft *d, const dcn_node *inputs,
                          const char *name)
{
    const dcn_node x = d->n_inputs ? inputs[0] : -1;

    switch (d->op) {
    case DCN__OP_INPUT:
        return dcn_graph_input(g, name, d->u.reshape.shape);
    case DCN__OP_CONV: {
        dcn_conv_desc c = d->u.conv;

        c.name = name;
        c.no_bias = !d->bias;
        return dcn_graph_conv(g, x, &c);
    }
    case DCN__OP_DENSE: {
        dcn_dense_desc c = { .name = name, .units = d->u.dense.units, .no_bias = !d->bias };

        return dcn_graph_dense(g, x, &c);
    }
    case DCN__OP_MAX_POOL:
    case DCN__OP_AVG_POOL: {
        dcn_pool_desc c = d->u.pool;

        c.name = name;
        return d->op == DCN__OP_MAX_POOL ? dcn_graph_max_pool(g, x, &c)
                                         : dcn_graph_avg_pool(g, x, &c);
    }
    case DCN__OP_BATCH_NORM: return dcn_graph_batch_norm(g, x, name);
    case DCN__OP_SCALE: return dcn_graph_scale(g, x, name);
    case DCN__OP_PRELU: return dcn_graph_prelu(g, x, name);
    case DCN__OP_ADD: return dcn_graph_add(g, inputs, d->n_inputs, name);
    case DCN__OP_CONCAT: return dcn_graph_concat(g, inputs, d->n_inputs, name);
    case DCN__OP_MUL: return dcn_graph_mul(g, x, inputs[1], name);
    case DCN__OP_RELU: return dcn_graph_relu(g, x, name);
    case DCN__OP_SOFTMAX: return dcn_graph_softmax(g, x, name);
    case DCN__OP_LOG_SOFTMAX: return dcn_graph_log_softmax(g, x, name);
    case DCN__OP_LRN: {
        dcn_lrn_desc c = d->u.lrn;

        c.name = name;
        return dcn_graph_lrn(g, x, &c);
    }
    case DCN__OP_PAD: return dcn_graph_pad(g, x, d->u.pad.pad, d->u.pad.value, name);
    case DCN__OP_SLICE: return dcn_graph_slice(g, x, d->u.slice.first, d->u.slice.count, name);
    case DCN__OP_SHUFFLE: return dcn_graph_shuffle(g, x, d->u.groups, name);
    case DCN__OP_RESHAPE:
        return dcn_graph_reshape(g, x, d->u.reshape.shape, d->u.reshape.order, name);
    default:
        return dcn_graph_activation(g, x, dcn__op_row_of(d->op)->word, d->u.map.alpha,
                                    d->u.map.beta, name);
    }
}

/* A builder's sentence begins with the draft's own name, which nobody has seen. */
dcn_status dcn__draft_refuse(dcn__import *im, const dcn_graph *g)
{
    const char *text = g->error.text + strcspn(g->error.text, ":");

    text += strspn(text, ": ");
    if (g->error.status == DCN_MEMORY) {
        *im->err = g->error;
        return DCN_MEMORY;
    }
    if (im->node < 0)
        return dcn__fail(im->err, DCN_INPUT, im->path, "the network's input: %s", text);
    return dcn__import_fail(im, "%s", text);
}

dcn_status dcn__draft_add(dcn__import *im, dcn__draft *draft, const dcn_node *inputs, int n,
                          dcn_node *id)
{
    dcn_node *copy = dcn__import_alloc(im, (size_t)n + 1, sizeof *copy);

    if (!copy)
        return DCN_MEMORY;
    if (n)
        memcpy(copy, inputs, (size_t)n * sizeof *copy);
    draft->inputs = copy;
    draft->n_inputs = n;
    draft->node = im->node;
    if (!draft->weight_scale)
        draft->weight_scale = draft->bias_scale = 1;
    if (im->n_drafts == im->draft_capacity) {
        const int capacity = im->draft_capacity ? im->draft_capacity * 2 : 64;
        void *grown = dcn__realloc(im->drafts, (size_t)capacity * sizeof *im->drafts);

        if (!grown)
            return dcn__import_fail_memory(im, (size_t)capacity * sizeof *im->drafts);
        im->drafts = grown;
        im->draft_capacity = capacity;
    }
    if ((*id = dcn__draft_build(im->graph, draft, inputs, NULL)) < 0)
        return dcn__draft_refuse(im, im->graph);
    im->drafts[*id] = *draft;
    im->n_drafts = *id + 1;
    if (!draft->poly[0] && !draft->poly[1] && !draft->poly[2] && !draft->poly[3]) {
        im->drafts[*id].base = *id;
        im->drafts[*id].poly[1] = 1;
    }
    return DCN_OK;
}

dcn_status dcn__draft_plain(dcn__import *im, dcn__op op, dcn_node x, dcn_node *id)
{
    return dcn__draft_add(im, &(dcn__draft){ .op = op }, &x, 1, id);
}

dcn_status dcn__draft_map(dcn__import *im, dcn__op op, dcn_node x, double alpha, double beta,
                          dcn_node *id)
{
    dcn__draft d = { .op = op, .u.map = { (float)alpha, (float)beta } };

    return dcn__draft_add(im, &d, &x, 1, id);
}
