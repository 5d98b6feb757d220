/* layers.h - which layers the user means by --layer of show and --layers of atlas. */
#ifndef DCN_CLI_LAYERS_H
#define DCN_CLI_LAYERS_H

#include "deconvnet.h"

/* names: names, ends of names, numbers and logits, all (every layer) or conv (every layer that a
 * convolution makes), between commas. *nodes in that order, one may stand there twice; allocated,
 * also after a failure. option: what the error begins with. */
dcn_status cli_name_layers(dcn_node **nodes, int *n, const dcn_graph *graph, const char *names,
                           const char *option, dcn_error *err);

#endif
