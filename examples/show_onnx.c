/* show_onnx.c - the best class of your own picture under your own network, and what one of its
 * layers kept of the picture (Zeiler and Fergus' deconvnet).
 *
 *     show_onnx MODEL.onnx PICTURE LAYER PNG
 */
#include "deconvnet.h"

#include <stdio.h>
#include <stdlib.h>

static dcn_error err = { DCN_USAGE, "arguments: 4 are needed; give MODEL.onnx PICTURE LAYER PNG" };
#define TRY(call) if (call) return fprintf(stderr, "show_onnx: error: %s\n", err.text), err.status

int main(int argc, char **argv)
{
    dcn_model model;
    dcn_image photo, sheet;
    dcn_plan *plan;
    float score, most = -1e30f;
    int best = -1, y, x;

    TRY(argc != 5 || dcn_model_load(&model, argv[1], NULL, &err)
        || dcn_image_load(&photo, argv[2], NULL, &err));
    const dcn_shape in = model.preprocess.shape;
    float *picture = calloc(12, (size_t)in.h * in.w), *kept = calloc(12, (size_t)in.h * in.w);
    const dcn_route way = { .layer = dcn_graph_find(model.graph, argv[3]), .rule = DCN_RULE_DECONVNET };
    const dcn_panel panel = { .values = kept, .shape = in, .title = argv[3] };

    /* A plan is the network for one picture, with the ways down that will be asked of it. */
    TRY(dcn_plan_create(&plan, model.graph, &(dcn_plan_desc){ .routes = &way, .n_routes = 1 }, &err)
        || dcn_preprocess_image(&model.preprocess, &photo, picture, &err));
    dcn_plan_forward(plan, picture, 1);
    for (int k = 0, out = dcn_graph_output(model.graph); k < model.classes; k++)
        if (!dcn_plan_peak(plan, out, 0, k, &y, &x, &score, &err) && score > most)
            best = k, most = score;
    TRY(dcn_plan_project(plan, 0, DCN_FROM_LAYER, 0, kept, &err)
        || dcn_sheet_draw(&sheet, &(dcn_sheet_desc){ &panel, .rows = 1, .columns = 1 }, &err)
        || dcn_image_save_png(&sheet, argv[4], NULL, &err));
    printf("%s: class %d; %s\n", argv[2], best, argv[4]);
}
