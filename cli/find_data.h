/* find_data.h - which pictures a command uses if it is not told. */
#ifndef DCN_CLI_FIND_DATA_H
#define DCN_CLI_FIND_DATA_H

#include "options.h"

/* --data, else DECONVNET_DATA, the cache, ./cifar10_data, Debian's Fashion-MNIST; says which of the
 * last it took. Allocated. */
dcn_status cli_find_data(char **path, const cli_shared *shared, dcn_error *err);
/* The same, opened. */
dcn_status cli_open_data(dcn_data **data, const cli_shared *shared, dcn_error *err);
/* $XDG_CACHE_HOME/deconvnet or ~/.cache/deconvnet, allocated; NULL: neither is known. */
char *cli_cache_folder(void);

/* Test picture i as the network takes it, and as it was before normalisation, 0 to 1, for the eye.
 * Both (h,w,c) of p->shape. */
dcn_status cli_read_test(const dcn_data *data, int64_t i, const dcn_preprocess *p, float *image,
                         float *photo, int32_t *label, dcn_error *err);

#endif
