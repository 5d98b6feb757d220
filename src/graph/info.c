/* info.c - what a node is, for those outside: its shape, its weights, whether it ends a layer.
 *
 * A layer is a convolution or dense layer with what belongs to it alone behind it: normalisation,
 * activation, max pool, the mul that gates it, the add whose longest branch it ends. Its last node
 * is what a user means by "layer". */
#include "graph/graph.h"

#include <string.h>

static int seen(const dcn__node *n)
{
    return n->field.size[0] > n->field.size[1] ? n->field.size[0] : n->field.size[1];
}

/* The input of an add that sees most, of equals the last: a block's convolutions, not what shortens
 * their way. -1 if the add joins a layer to itself. */
static dcn_node main_branch(const dcn_graph *g, const dcn__node *add)
{
    dcn_node most = add->inputs[0];

    for (int i = 1; i < add->n_inputs; i++) {
        const dcn_node x = add->inputs[i];
        const int more = seen(&g->nodes[x]) - seen(&g->nodes[most]);

        most = more > 0 || (more == 0 && x > most) ? x : most;
    }
    for (int i = 0; i < add->n_inputs; i++)
        if (add->inputs[i] != most && g->nodes[add->inputs[i]].head == g->nodes[most].head)
            return -1;
    return most;
}

/* The input whose layer a node would go on, or -1. */
static dcn_node continued(const dcn_graph *g, const dcn__node *n)
{
    switch (n->op) {
    case DCN__OP_BATCH_NORM:
    case DCN__OP_SCALE:
    case DCN__OP_RELU:
    case DCN__OP_LEAKY_RELU:
    case DCN__OP_PRELU:
    case DCN__OP_LRN:
    case DCN__OP_MAX_POOL:
    case DCN__OP_MUL:             /* input 1 is the gate */
        return n->inputs[0];
    case DCN__OP_CONCAT:          /* of one it changes nothing */
        return n->n_inputs == 1 ? n->inputs[0] : -1;
    case DCN__OP_ADD:
        return main_branch(g, n);
    default:
        return dcn__op_is_map(n->op) ? n->inputs[0] : -1;
    }
}

/* Marks the single file of nodes that makes a mul's gate. If it begins at what it gates
 * (squeeze-excitation), that use does not count as one outside the layer. */
static void mark_gate(dcn_graph *g, const dcn__node *mul)
{
    dcn_node i = mul->inputs[1];

    while (g->nodes[i].n_users == 1 && g->nodes[i].n_inputs == 1 && !g->nodes[i].in_gate) {
        g->nodes[i].in_gate = true;
        i = g->nodes[i].inputs[0];
    }
    if (i != mul->inputs[0] || i == mul->inputs[1])
        return;
    g->nodes[i].n_gates++;
    for (dcn_node k = mul->inputs[1]; k != i; k = g->nodes[k].inputs[0])
        if (g->nodes[k].head == g->nodes[i].head)   /* x * sigmoid(x) */
            g->nodes[k].head = -1;
}

void dcn__layer_infer(dcn_graph *g, dcn_node node)
{
    dcn__node *n = &g->nodes[node];
    dcn_node before;

    for (int i = 0; i < n->n_inputs; i++) {
        g->nodes[n->inputs[i]].n_users++;
        g->nodes[n->inputs[i]].user = node;
    }
    if (n->op == DCN__OP_MUL)
        mark_gate(g, n);
    before = n->n_inputs ? continued(g, n) : -1;
    n->head = n->op == DCN__OP_CONV || n->op == DCN__OP_DENSE ? node
              : before >= 0                                   ? g->nodes[before].head
                                                              : -1;
}

static bool ends_layer(const dcn_graph *g, dcn_node node)
{
    const dcn__node *n = &g->nodes[node];

    if (n->head < 0)
        return false;
    if (n->in_gate && n->n_users == 1 && n->shape.h == 1 && n->shape.w == 1)
        return false;             /* a gate of one cell is no picture */
    return n->n_users - n->n_gates != 1 || continued(g, &g->nodes[n->user]) != node;
}

void dcn_graph_node_info(const dcn_graph *g, dcn_node node, dcn_node_info *info)
{
    const dcn__node *n = &g->nodes[node];

    memset(info, 0, sizeof *info);
    info->name = n->name;
    info->origin = n->origin;
    info->op = dcn__op_row_of(n->op)->word;
    info->shape = n->shape;
    info->n_inputs = n->n_inputs;
    info->inputs = n->inputs;
    if (n->weight >= 0)
        info->n_weights += g->weights[n->weight].count;
    if (n->bias >= 0)
        info->n_weights += g->weights[n->bias].count;
    info->field = n->field;
    info->is_layer = ends_layer(g, node);
    info->head = info->is_layer ? n->head : -1;
}
