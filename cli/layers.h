/* layers.h - which layers the user means by --layer of show and --layers of atlas. */
#ifndef DCN_CLI_LAYERS_H
#define DCN_CLI_LAYERS_H

#include "deconvnet.h"

#include <stdbool.h>

/* What a name may be, for the help. */
#define CLI_LAYER_NAMES \
    "a node's name, here or in the ONNX file; whole parts of one, which dots, slashes and colons " \
    "divide: the last ones (0.conv1 of layer4.0.conv1) if no other name ends so, or others " \
    "(layer4, layer4.0), for the last node that has them; a layer's number from 1; logits; all"

/* names: such names, between commas; with `conv` that word too, for every layer that a convolution
 * makes: else it may be the last part of a name.
 * *nodes in that order, one may stand there twice; allocated, also after a failure. option: what
 * the error begins with. */
dcn_status cli_name_layers(dcn_node **nodes, int *n, const dcn_graph *graph, const char *names,
                           bool conv, const char *option, dcn_error *err);

#endif
