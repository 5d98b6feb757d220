/* strips.c - runs test pictures up and down, and lays the results side by side. */
#include "strips.h"

#include "find_data.h"
#include "message.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

static dcn_status read_samples(cli_strips *s, const dcn_model *model, const dcn_data *data,
                               dcn_error *err)
{
    const size_t volume = cli_volume(s->shape);
    dcn_status st = DCN_OK;

    for (int i = 0; i < s->n && !st; i++)
        st = cli_read_test(data, i, &model->preprocess, s->images + (size_t)i * volume,
                           s->photos + (size_t)i * volume, s->labels + i, err);
    return st;
}

static dcn_status walk(cli_strips *s, const dcn_model *model, const cli_shared *shared,
                       dcn_error *err)
{
    dcn_route routes[STRIPS_MAX_LAYERS];
    dcn_plan_desc desc = { .engine = shared->engine, .threads = shared->threads, .batch = s->n,
                           .routes = routes, .n_routes = s->n_layers, .exact = shared->exact,
                           .max_bytes = shared->max_memory };
    dcn_plan *plan;
    dcn_status st;

    for (int i = 0; i < s->n_layers; i++)
        routes[i] = (dcn_route){ .layer = s->layers[i], .rule = DCN_RULE_RECONSTRUCT,
                                 .extend = 1 };
    if ((st = dcn_plan_create(&plan, model->graph, &desc, err)))
        return st;
    s->extensions = cli_extensions(plan, s->n_layers);
    dcn_plan_forward(plan, s->images, s->n);
    for (int i = 0; i < s->n_layers && !st; i++)
        st = dcn_plan_value(plan, s->layers[i], s->values[i], err);
    if (s->n_drawn < s->n)
        dcn_plan_forward(plan, s->images, s->n_drawn);
    for (int i = 0; i < s->n_layers && !st; i++)
        st = dcn_plan_project(plan, i, DCN_FROM_LAYER, 0, s->drawn[i], err);
    dcn_plan_destroy(plan);
    return st;
}

dcn_status cli_strips_make(cli_strips *s, const dcn_model *model, const dcn_data *data, int n,
                           int drawn, const cli_shared *shared, dcn_error *err)
{
    dcn_data_info info;
    dcn_status st;
    size_t volume;

    memset(s, 0, sizeof *s);
    dcn_data_info_get(data, &info);
    s->n = info.count[DCN_SPLIT_TEST] < n ? (int)info.count[DCN_SPLIT_TEST] : n;
    if (s->n < 1)
        return cli_fail(err, DCN_INPUT, info.path, "has no test pictures; add some");
    s->n_drawn = drawn < s->n ? drawn : s->n;
    s->shape = model->preprocess.shape;
    s->n_layers = cli_pooled_layers(model->graph, s->layers, STRIPS_MAX_LAYERS);
    if (s->n_layers > STRIPS_MAX_LAYERS)
        s->n_layers = STRIPS_MAX_LAYERS;
    volume = cli_volume(s->shape);
    s->images = cli_alloc((size_t)s->n * volume, sizeof(float));
    s->photos = cli_alloc((size_t)s->n * volume, sizeof(float));
    s->labels = cli_alloc((size_t)s->n, sizeof *s->labels);
    for (int i = 0; i < s->n_layers; i++) {
        s->numbers[i] = cli_layer_number(model->graph, s->layers[i]);
        s->drawn[i] = cli_alloc((size_t)s->n_drawn * volume, sizeof(float));
        s->values[i] = cli_alloc(
            (size_t)s->n * cli_volume(cli_shape_of(model->graph, s->layers[i])), sizeof(float));
    }
    if ((st = read_samples(s, model, data, err)) || (st = walk(s, model, shared, err)))
        cli_strips_clear(s);
    return st;
}

void cli_strips_clear(cli_strips *s)
{
    free(s->images);
    free(s->photos);
    free(s->labels);
    free(s->extensions);
    for (int i = 0; i < STRIPS_MAX_LAYERS; i++) {
        free(s->drawn[i]);
        free(s->values[i]);
    }
    memset(s, 0, sizeof *s);
}

static char *row_title(const cli_strips *s, int i, const dcn_data_info *info)
{
    const int label = s->labels[i];

    if (info->class_names && label >= 0 && label < info->classes)
        return cli_text("%s", info->class_names[label]);
    return cli_text("%d", label);
}

dcn_status cli_strips_sheet(dcn_image *image, const cli_strips *s, int rows,
                            const dcn_data_info *info, const char *caption, dcn_error *err)
{
    const int columns = 1 + s->n_layers, n = rows < s->n_drawn ? rows : s->n_drawn;
    const size_t volume = cli_volume(s->shape);
    dcn_panel *panels = cli_alloc((size_t)n * (size_t)columns, sizeof *panels);
    char **titles = cli_alloc((size_t)n, sizeof *titles), headings[STRIPS_MAX_LAYERS][24];
    dcn_sheet_desc desc = { .panels = panels, .rows = n, .columns = columns, .caption = caption,
                            .row_titles = (const char *const *)titles };
    dcn_status st;

    for (int i = 0; i < n; i++) {
        dcn_panel *row = panels + (size_t)i * (size_t)columns;

        titles[i] = row_title(s, i, info);
        row[0] = (dcn_panel){ .values = s->photos + (size_t)i * volume, .shape = s->shape,
                              .title = i ? NULL : "original", .kind = DCN_PANEL_UNIT };
        for (int k = 0; k < s->n_layers; k++) {
            snprintf(headings[k], sizeof headings[k], "layer %d", s->numbers[k]);
            row[k + 1] = (dcn_panel){ .values = s->drawn[k] + (size_t)i * volume,
                                      .shape = s->shape, .title = i ? NULL : headings[k] };
        }
    }
    st = dcn_sheet_draw(image, &desc, err);
    for (int i = 0; i < n; i++)
        free(titles[i]);
    free(titles);
    free(panels);
    return st;
}

dcn_status cli_strips_bare(dcn_image *image, const cli_strips *s, int i, dcn_scale scale,
                           dcn_error *err)
{
    dcn_panel panels[1 + STRIPS_MAX_LAYERS];
    const size_t at = (size_t)i * cli_volume(s->shape);
    const dcn_sheet_desc desc = { .panels = panels, .rows = 1, .columns = 1 + s->n_layers,
                                  .scale = scale, .bare = 1 };

    /* TensorFlow's strip is made of what the network sees. */
    panels[0] = (dcn_panel){ .values = (scale == DCN_SCALE_TF1 ? s->images : s->photos) + at,
                             .shape = s->shape, .kind = DCN_PANEL_UNIT };
    for (int k = 0; k < s->n_layers; k++)
        panels[k + 1] = (dcn_panel){ .values = s->drawn[k] + at, .shape = s->shape };
    return dcn_sheet_draw(image, &desc, err);
}
