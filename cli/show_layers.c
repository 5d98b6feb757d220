/* show_layers.c - which layers a show call draws. */
#include "show.h"

#include "layers.h"
#include "message.h"
#include "network.h"

#include <stdlib.h>

static int number_of(dcn_node node, const dcn_node *layers, int n)
{
    for (int i = 0; i < n; i++)
        if (layers[i] == node)
            return i + 1;
    return 0;
}

/* Without --layer: the tutorial's pictures are those of the layers that end in a max pool; networks
 * from elsewhere have one or none of them, and all layers are shown. */
dcn_status show_choose_layers(show_run *run, dcn_error *err)
{
    const dcn_graph *graph = run->model.graph;
    const char *names = run->options.layer;
    const int most = dcn_graph_node_count(graph);
    dcn_node *layers = cli_alloc((size_t)most, sizeof *layers), *nodes = NULL;
    const int n_layers = cli_layers(graph, layers, most);
    dcn_status st = DCN_OK;
    int n = 0;

    if (!names && !run->imported) {
        nodes = cli_alloc((size_t)most, sizeof *nodes);
        n = cli_pooled_layers(graph, nodes, most);
    }
    if (n == 0) {
        free(nodes);
        st = cli_name_layers(&nodes, &n, graph, names ? names : "all", false,
                             "--layer", err);
    }
    run->layers = cli_alloc((size_t)n, sizeof *run->layers);
    for (int i = 0; i < n && !st; i++)
        run->layers[run->n_layers++] = (show_layer){
            .node = nodes[i], .name = cli_name_of(graph, nodes[i]),
            .shape = cli_shape_of(graph, nodes[i]),
            .number = number_of(nodes[i], layers, n_layers) };
    free(layers);
    free(nodes);
    return st;
}
