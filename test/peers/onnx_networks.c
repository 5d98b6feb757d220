/* onnx_networks.c - FOLDER COUNT: writes the networks of test/unit/onnx_networks.h and COUNT random
 * ones as I.onnx, and, and as I.bin what the ref engine makes of two pictures.
 *
 * Prints a line for each: I, the input's H W C, the output's H W C, what it is. I.bin holds the
 * pictures (2,H,W,C) and the output, float32. */
#include "unit/support.h"

#include "unit/onnx_networks.h"
#include "unit/random_graph.h"

enum { PICTURES = 2 };

static void write_network(const dcn_graph *g, const char *folder, int number, const char *what)
{
    const dcn_model model = { .graph = (dcn_graph *)(uintptr_t)g };
    const dcn_node last = dcn_graph_output(g);
    const size_t in = PICTURES * size_of(g, 0), out = PICTURES * size_of(g, last);
    const dcn_shape s = shape_of(g, 0), t = shape_of(g, last);
    dcn_plan *plan = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = PICTURES });
    float *x = new_floats(in), *y = new_floats(out);
    char path[600];
    FILE *f;

    fill_reals(x, in, (uint64_t)number + 1);
    for (size_t i = 0; i < in; i++)
        x[i] *= 3;
    dcn_plan_forward(plan, x, PICTURES);
    must(dcn_plan_value(plan, last, y, &err));
    snprintf(path, sizeof path, "%s/%d.onnx", folder, number);
    must(dcn_onnx_save(&model, path, &err));
    snprintf(path, sizeof path, "%s/%d.bin", folder, number);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(x, sizeof *x, in, f), in);
    assert_int_equal(fwrite(y, sizeof *y, out, f), out);
    assert_int_equal(fclose(f), 0);
    printf("%d %d %d %d %d %d %d %s\n", number, s.h, s.w, s.c, t.h, t.w, t.c, what);
    dcn_plan_destroy(plan);
    free(x);
    free(y);
}

int main(int argc, char **argv)
{
    const int fixed = (int)COUNT(networks);
    char what[40];

    if (argc != 3)
        return 2;
    for (int i = 0; i < fixed + (int)strtol(argv[2], NULL, 10); i++) {
        const uint64_t seed = (uint64_t)(i - fixed + 1);
        dcn_graph *g = i < fixed ? graph_of(networks[i].before)
            : random_graph(seed, (random_graph_desc){
                  .nodes = 5 + (int)(seed % 12), .side = 9, .softmax_inside = seed % 3 == 0,
                  .every_op = 1, .head = seed % 2 == 0 });

        snprintf(what, sizeof what, "random network %d", i - fixed + 1);
        set_weights(g, (uint64_t)i + 1, 0, 0.7f);
        write_network(g, argv[1], i, i < fixed ? networks[i].before : what);
        dcn_graph_destroy(g);
    }
    return 0;
}
