/* layers.h - which layers the user means by --layer of show and --layers of atlas. */
#ifndef DCN_CLI_LAYERS_H
#define DCN_CLI_LAYERS_H

#include "deconvnet.h"

#include <stdbool.h>

/* names: names, ends of names, numbers, logits, and all (every layer), between commas; with `conv`
 * that word too, for every layer that a convolution makes: else it may be the end of a name.
 * *nodes in that order, one may stand there twice; allocated, also after a failure. option: what
 * the error begins with. */
dcn_status cli_name_layers(dcn_node **nodes, int *n, const dcn_graph *graph, const char *names,
                           bool conv, const char *option, dcn_error *err);

#endif
