/* strips.h - the tutorial's strips: original | layer 1 | layer 2 ... of the first test pictures. */
#ifndef DCN_CLI_STRIPS_H
#define DCN_CLI_STRIPS_H

#include "options.h"

enum { STRIPS_MAX_LAYERS = 16 };

typedef struct cli_strips {
    int n, n_drawn;            /* pictures; the first of them, walked down */
    dcn_shape shape;           /* of one */
    int n_layers;
    dcn_node layers[STRIPS_MAX_LAYERS];
    int numbers[STRIPS_MAX_LAYERS];      /* from 1, as the user counts layers */
    float *images;             /* (n,h,w,c), as the network sees them */
    float *photos;             /* (n,h,w,c), 0 to 1: the same before normalisation */
    float *drawn[STRIPS_MAX_LAYERS];     /* (n_drawn,h,w,c) each */
    float *values[STRIPS_MAX_LAYERS];    /* (n, the layer's shape): activations */
    int32_t *labels;
    char *extensions;          /* what of the way down goes beyond the papers; "": nothing */
} cli_strips;

/* The first n test pictures through the model, the first `drawn` of them back. _clear accepts a
 * half-made one. */
dcn_status cli_strips_make(cli_strips *s, const dcn_model *model, const dcn_data *data, int n,
                           int drawn, const cli_shared *shared, dcn_error *err);
void cli_strips_clear(cli_strips *s);
/* The sheet of the first `rows` pictures with headings. dcn_image_clear(image). */
dcn_status cli_strips_sheet(dcn_image *image, const cli_strips *s, int rows,
                            const dcn_data_info *info, const char *caption, dcn_error *err);
/* Strip i alone, one pixel a value. dcn_image_clear(image). */
dcn_status cli_strips_bare(dcn_image *image, const cli_strips *s, int i, dcn_scale scale,
                           dcn_error *err);

#endif
