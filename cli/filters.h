/* filters.h - the first layer's kernels as a picture. */
#ifndef DCN_CLI_FILTERS_H
#define DCN_CLI_FILTERS_H

#include "deconvnet.h"

/* image->pixels stays NULL if the first convolution does not see 1 or 3 channels.
 * dcn_image_clear(image). */
dcn_status cli_draw_filters(dcn_image *image, const dcn_graph *graph, dcn_error *err);

#endif
