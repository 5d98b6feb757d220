/* filters.c - lays the kernels of the first convolution out in a square. */
#include "filters.h"

#include "message.h"
#include "network.h"

#include <stdlib.h>

enum { FILTERS_MAX = 256, COLUMNS = 16 };

/* data: (H,W,in,out); one kernel: (H,W,in). */
static void copy_kernel(float *out, const dcn_weight_info *w, int64_t filter)
{
    const int64_t n = w->dims[0] * w->dims[1] * w->dims[2];

    for (int64_t i = 0; i < n; i++)
        out[i] = w->data[i * w->dims[3] + filter];
}

dcn_status cli_draw_filters(dcn_image *image, const dcn_graph *graph, dcn_error *err)
{
    dcn_weight_info w = { 0 };
    dcn_sheet_desc desc = { .columns = COLUMNS, .zoom = 8 };
    dcn_panel *panels;
    dcn_shape shape;
    dcn_status st;
    float *kernels;
    size_t volume;
    int n;

    *image = (dcn_image){ 0 };
    for (int i = 0; i < dcn_graph_weight_count(graph) && w.rank != 4; i++)
        dcn_graph_weight_info(graph, i, &w);
    if (w.rank != 4 || !w.data || (w.dims[2] != 1 && w.dims[2] != 3) || w.dims[0] > 64 ||
        w.dims[1] > 64)
        return DCN_OK;
    n = w.dims[3] > FILTERS_MAX ? FILTERS_MAX : (int)w.dims[3];
    shape = (dcn_shape){ (int)w.dims[0], (int)w.dims[1], (int)w.dims[2] };
    volume = cli_volume(shape);
    desc.columns = n < COLUMNS ? n : COLUMNS;
    desc.rows = (n + desc.columns - 1) / desc.columns;
    kernels = cli_alloc((size_t)n * volume, sizeof *kernels);
    panels = cli_alloc((size_t)desc.rows * (size_t)desc.columns, sizeof *panels);
    for (int i = 0; i < n; i++) {
        copy_kernel(kernels + (size_t)i * volume, &w, i);
        /* As a photo each kernel uses the whole range and carries no number of its own below. */
        panels[i] = (dcn_panel){ .values = kernels + (size_t)i * volume, .shape = shape,
                                 .kind = DCN_PANEL_PHOTO };
    }
    desc.panels = panels;
    st = dcn_sheet_draw(image, &desc, err);
    free(panels);
    free(kernels);
    return st;
}
