/* network.h - --net, and the table of a network's nodes that train and info print. */
#ifndef DCN_CLI_NETWORK_H
#define DCN_CLI_NETWORK_H

#include "options.h"

#include <stdio.h>

/* Does it begin with an input node, "input 24x24x3" or "x = input ..."? Else it names a file. */
bool cli_is_network_text(const char *spec);
/* spec: NULL or "tutorial", a network's text, else a file; "-" is standard input. The tutorial's
 * network is made for `channels` and `classes`. */
dcn_status cli_load_network(dcn_graph **graph, const char *spec, int channels, int classes,
                            const dcn_limits *limits, dcn_error *err);
/* A whole text file; limit in bytes. "-" is standard input. Allocated, ended by NUL. */
dcn_status cli_read_text(char **text, size_t *size, const char *path, size_t limit, dcn_error *err);
/* The canonical text, allocated. */
char *cli_network_text(const dcn_graph *graph);
/* Every node's name and shape, as the tutorial's print_op_shape: batch 0 leaves the batch out. */
void cli_print_shapes(FILE *file, const dcn_graph *graph, int batch);

/* What the ways down of n routes do beyond the papers, of the one that meets the most: usually from
 * the deepest layer. Allocated, "" if nothing. */
char *cli_extensions(const dcn_plan *plan, int n);
/* The layers in order (is_layer); returns how many, writes at most max. */
int cli_layers(const dcn_graph *graph, dcn_node *layers, int max);
/* Those whose picture the tutorial draws: they end in a max pool. All layers if none does. */
int cli_pooled_layers(const dcn_graph *graph, dcn_node *layers, int max);
/* A layer's place among all layers, from 1; 0 if the node is none. */
int cli_layer_number(const dcn_graph *graph, dcn_node node);
dcn_shape cli_shape_of(const dcn_graph *graph, dcn_node node);
const char *cli_name_of(const dcn_graph *graph, dcn_node node);
dcn_node cli_input_of(const dcn_graph *graph);
int64_t cli_weight_total(const dcn_graph *graph);
size_t cli_volume(dcn_shape shape);

#endif
