/* The known answer: pictures with one planted motif each. A network that has learnt to tell the motifs
 * must draw, from the peak of its class channel, a picture that lies on the motif. MARGIN is half the
 * first kernel: by so much a unit that sees the motif's edge may draw beyond it. */
#include "support.h"

enum { SIDE = 24, CROP = 4, STEPS = 400, PICTURES = 200, MARGIN = 2 };

static const char net[] = "input 24x24x3; conv filters=12 kernel=5 stride=2; relu; conv filters=16 kernel=5; relu; max_pool 2; "
                          "c = conv filters=10 kernel=3; avg_pool global; softmax";

/* The share of a projection's energy in rows y-m..y+size+m, columns likewise. */
static double share_in_box(const float *picture, int y, int x, int size, int m)
{
    double inside = 0, all = 0;

    for (int row = 0; row < SIDE; row++)
        for (int col = 0; col < SIDE; col++)
            for (int c = 0; c < 3; c++) {
                const double v = (double)picture[(row * SIDE + col) * 3 + c];

                all += v * v;
                if (row >= y - m && row < y + size + m && col >= x - m && col < x + size + m)
                    inside += v * v;
            }
    return all > 0 ? inside / all : 0;
}

static double area_of_box(int y, int x, int size, int m)
{
    const int top = y - m > 0 ? y - m : 0, left = x - m > 0 ? x - m : 0;
    const int bottom = y + size + m < SIDE ? y + size + m : SIDE, right = x + size + m < SIDE ? x + size + m : SIDE;

    return (double)((bottom - top) * (right - left)) / (SIDE * SIDE);
}

static void projections_lie_on_the_motif(void **state)
{
    static const dcn_rule rules[] = { DCN_RULE_GUIDED, DCN_RULE_DECONVNET, DCN_RULE_GRADIENT };
    const char *engine = has_engine("cpu") ? "cpu" : "ref";
    const dcn_preprocess *prepare;
    const dcn_model *model;
    dcn_train_report report = { 0 };
    dcn_route routes[3];
    double share[3] = { 0 }, elsewhere[3] = { 0 }, chance = 0;
    float *picture = malloc(SIDE * SIDE * 3 * sizeof *picture), *drawn = malloc(SIDE * SIDE * 3 * sizeof *drawn);
    float answer[10];
    int correct = 0;
    dcn_trainer *t;
    dcn_graph *g;
    dcn_data *data;
    dcn_plan *p;

    (void)state;
    must(dcn_data_open(&data, "synthetic", NULL, &err));
    g = graph_of(net);
    must(dcn_graph_init_weights(g, 1, &err));
    must(dcn_trainer_create(&t, g, data, &(dcn_train_desc){ .engine = engine, .batch = 32, .rate = 3e-3f, .seed = 1 },
                            &err));
    for (int i = 0; i < STEPS; i++)
        must(dcn_trainer_step(t, &report, &err));
    must(dcn_trainer_model(t, &model, &err));
    prepare = &model->preprocess;
    for (int r = 0; r < 3; r++)
        routes[r] = (dcn_route){ .layer = node_of(model->graph, "c"), .rule = rules[r] };
    p = plan_of(model->graph, (dcn_plan_desc){ .engine = engine, .routes = routes, .n_routes = 3, .threads = 1 });
    for (int i = 0; i < PICTURES; i++) {
        int y, x, size, other_y, other_x, best = 0;
        int32_t label;

        must(dcn_data_sample(data, DCN_SPLIT_TEST, i, prepare, DCN_AUGMENT_NONE, 0, 0, picture, &label, &err));
        must(dcn_data_motif(data, DCN_SPLIT_TEST, i + 1, &other_y, &other_x, &size, &err));
        must(dcn_data_motif(data, DCN_SPLIT_TEST, i, &y, &x, &size, &err));
        dcn_plan_forward(p, picture, 1);
        must(dcn_plan_value(p, dcn_graph_output(model->graph), answer, &err));
        for (int c = 1; c < 10; c++)
            best = answer[c] > answer[best] ? c : best;
        correct += best == label;
        chance += area_of_box(y - CROP, x - CROP, size, MARGIN) / PICTURES;
        for (int r = 0; r < 3; r++) {
            must(dcn_plan_project(p, r, DCN_FROM_PEAK, label, drawn, &err));
            share[r] += share_in_box(drawn, y - CROP, x - CROP, size, MARGIN) / PICTURES;
            elsewhere[r] += share_in_box(drawn, other_y - CROP, other_x - CROP, size, MARGIN) / PICTURES;
        }
    }
    assert_true(report.step == STEPS && report.loss < 0.1);
    assert_true(correct > PICTURES * 95 / 100);
    for (int r = 0; r < 3; r++)
        if (share[r] < 0.75 || share[r] < 2 * chance || elsewhere[r] > 0.5)
            fail_msg("%s: %.3f of the energy on the motif (%.3f of the area), %.3f where another picture has its own",
                     dcn_rule_name(rules[r]), share[r], chance, elsewhere[r]);
    dcn_plan_destroy(p);
    dcn_trainer_destroy(t);
    dcn_data_close(data);
    dcn_graph_destroy(g);
    free(picture);
    free(drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(projections_lie_on_the_motif) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
