/* info.c - what a node is, for those outside: its shape, its weights, whether it ends a layer. */
#include "graph/graph.h"

#include <string.h>

static int users_of(const dcn_graph *g, dcn_node node, dcn_node *user)
{
    int n = 0;

    for (dcn_node i = node + 1; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] == node) {
                *user = i;
                n++;
            }
    return n;
}

/* A layer is a convolution (or dense layer) with the ReLU and the max pool that belong to it alone;
 * its last node is what a user means by "layer". */
static bool ends_layer(const dcn_graph *g, dcn_node node)
{
    dcn_node up = node, user = -1;

    while (g->nodes[up].op == DCN__OP_RELU || g->nodes[up].op == DCN__OP_MAX_POOL)
        up = g->nodes[up].inputs[0];
    if (g->nodes[up].op != DCN__OP_CONV && g->nodes[up].op != DCN__OP_DENSE)
        return false;
    return users_of(g, node, &user) != 1 ||
           (g->nodes[user].op != DCN__OP_RELU && g->nodes[user].op != DCN__OP_MAX_POOL);
}

void dcn_graph_node_info(const dcn_graph *g, dcn_node node, dcn_node_info *info)
{
    const dcn__node *n = &g->nodes[node];

    memset(info, 0, sizeof *info);
    info->name = n->name;
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
}
