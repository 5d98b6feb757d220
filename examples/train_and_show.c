/* train_and_show.c - trains the tutorial's network for a moment and draws what its two layers
 * respond to.
 *
 *     train_and_show [DATA [STEPS [PNG]]]       usual values: synthetic 100 strip.png
 */
#include "deconvnet.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 24 };

/* Draws  picture | layer 1 | layer 2  of the first test picture. */
static dcn_status show(const dcn_model *model, const dcn_data *data, const char *png, dcn_error *err)
{
    const dcn_shape shape = model->preprocess.shape;
    const dcn_route routes[2] = {
        { .layer = dcn_graph_find(model->graph, "h_pool1"), .rule = DCN_RULE_RECONSTRUCT },
        { .layer = dcn_graph_find(model->graph, "h_pool2"), .rule = DCN_RULE_RECONSTRUCT },
    };
    const dcn_plan_desc desc = { .batch = 1, .routes = routes, .n_routes = 2 };
    float values[3][SIDE * SIDE * 3];
    const dcn_panel panels[3] = {
        { .values = values[0], .shape = shape, .title = "picture" },
        { .values = values[1], .shape = shape, .title = "layer 1" },
        { .values = values[2], .shape = shape, .title = "layer 2" },
    };
    const dcn_sheet_desc sheet = { .panels = panels, .rows = 1, .columns = 3 };
    dcn_plan *plan = NULL;
    dcn_image image = { 0 };
    dcn_status st;
    int32_t label;

    if ((st = dcn_plan_create(&plan, model->graph, &desc, err)))
        return st;
    st = dcn_data_sample(data, DCN_SPLIT_TEST, 0, &model->preprocess, DCN_AUGMENT_NONE, 0, 0,
                         values[0], &label, err);
    if (!st) {
        dcn_plan_forward(plan, values[0], 1);
        st = dcn_plan_project(plan, 0, DCN_FROM_LAYER, 0, values[1], err);
    }
    if (!st && !(st = dcn_plan_project(plan, 1, DCN_FROM_LAYER, 0, values[2], err)) &&
        !(st = dcn_sheet_draw(&image, &sheet, err)))
        st = dcn_image_save_png(&image, png, NULL, err);
    dcn_image_clear(&image);
    dcn_plan_destroy(plan);
    return st;
}

int main(int argc, char **argv)
{
    const char *png = argc > 3 ? argv[3] : "strip.png";
    const long steps = argc > 2 ? strtol(argv[2], NULL, 10) : 100;
    dcn_graph *graph = NULL;
    dcn_data *data = NULL;
    dcn_trainer *trainer = NULL;
    const dcn_model *model;
    dcn_train_report report = { 0 };
    dcn_data_info info;
    dcn_error err;
    dcn_status st = dcn_data_open(&data, argc > 1 ? argv[1] : "synthetic", NULL, &err);

    if (!st) {
        dcn_data_info_get(data, &info);
        st = dcn_graph_tutorial(&graph, info.shape.c, info.classes, &err);
    }
    if (!st && !(st = dcn_graph_init_weights(graph, 1, &err)))
        st = dcn_trainer_create(&trainer, graph, data, &(dcn_train_desc){ .batch = 32 }, &err);
    for (long i = 0; i < steps && !st; i++)
        st = dcn_trainer_step(trainer, &report, &err);
    if (!st && !(st = dcn_trainer_model(trainer, &model, &err)) && !(st = show(model, data, png, &err)))
        printf("%s: %ld steps, loss %.3f; %s\n", info.name, steps, report.loss, png);
    if (st)
        fprintf(stderr, "train_and_show: error: %s\n", err.text);
    dcn_trainer_destroy(trainer);
    dcn_graph_destroy(graph);
    dcn_data_close(data);
    return st;
}
