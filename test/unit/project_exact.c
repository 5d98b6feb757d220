/* A plan with `exact` and one without: the same winners in every max pool and, down to the pixels,
 * the same pictures but for rounding. Flat grounds, where whole windows tie, are among the pictures:
 * there sums that are rounded otherwise at other places would choose winners by noise. Some have an
 * edge that even windows of the second layer do not see, but a tile of its sums does. */
#include "support.h"

enum { STEPS = 25, BATCH = 32, DRAWN = 16, FLAT = 4, SIDE = 24, EDGE = 18, VOLUME = SIDE * SIDE * 3 };

/* How far two winners may lie apart of the largest value, to be equal but for rounding. */
#define NEAR 4e-6f

typedef struct toy { dcn_data *data; dcn_graph *g; float *images; } toy;

static const char *const pools[] = { "h_pool1", "h_pool2" };
static const char *const grounds[] = { "h_conv1", "h_conv2" };

/* Pixel (row, col) of flat picture i: one colour, two with an edge, two with a corner. */
static float flat(int i, int row, int col)
{
    return 0.3f * (float)i - 0.4f + (i > 1 && row >= EDGE && (i == 2 || col >= EDGE) ? 0.77f : 0);
}

/* The tutorial's network after a few steps; pictures of its data, and flat ones. */
static void make_toy(toy *t)
{
    const dcn_model *model;
    dcn_train_report report;
    dcn_trainer *trainer;
    dcn_graph *g;

    must(dcn_data_open(&t->data, "synthetic", NULL, &err));
    must(dcn_graph_tutorial(&g, 3, 10, &err));
    must(dcn_graph_init_weights(g, 1, &err));
    must(dcn_trainer_create(&trainer, g, t->data,
                            &(dcn_train_desc){ .batch = BATCH, .rate = 1e-3f, .seed = 1 }, &err));
    for (int i = 0; i < STEPS; i++)
        must(dcn_trainer_step(trainer, &report, &err));
    must(dcn_trainer_model(trainer, &model, &err));
    must(dcn_graph_copy(&t->g, model->graph, &err));
    t->images = new_floats((size_t)(DRAWN + FLAT) * VOLUME);
    for (int i = 0; i < DRAWN; i++)
        must(dcn_data_sample(t->data, DCN_SPLIT_TEST, i, &model->preprocess, DCN_AUGMENT_NONE, 0, 0,
                             t->images + i * VOLUME, NULL, &err));
    for (int i = 0; i < FLAT * VOLUME; i++)
        t->images[DRAWN * VOLUME + i] = flat(i / VOLUME, i % VOLUME / (SIDE * 3), i / 3 % SIDE);
    dcn_trainer_destroy(trainer);
    dcn_graph_destroy(g);
}

static void clear_toy(toy *t)
{
    dcn_graph_destroy(t->g);
    dcn_data_close(t->data);
    free(t->images);
}

static dcn_plan *plan_for(const toy *t, const char *engine, int exact, dcn_rule rule, int keep_all)
{
    const dcn_route routes[] = { { .layer = node_of(t->g, pools[0]), .rule = rule },
                                 { .layer = node_of(t->g, pools[1]), .rule = rule } };
    dcn_plan *p = plan_of(t->g, (dcn_plan_desc){ .engine = engine, .batch = DRAWN + FLAT, .exact = exact,
                                                 .routes = routes, .n_routes = 2, .threads = 2,
                                                 .keep_all = keep_all });

    dcn_plan_forward(p, t->images, DRAWN + FLAT);
    return p;
}

static int64_t *switches_of(const dcn_plan *p, const toy *t, int pool, size_t *n)
{
    const dcn_node node = node_of(t->g, pools[pool]);
    int64_t *all;

    *n = (DRAWN + FLAT) * size_of(t->g, node);
    all = malloc(*n * sizeof *all);
    must(dcn_plan_switches(p, node, all, &err));
    return all;
}

/* Another winner is admitted only where the two values differ, and by no more than rounding. */
static void same_winners(const toy *t, const dcn_plan *usual, const dcn_plan *exact,
                         const dcn_plan *kept, int pool)
{
    const dcn_node ground = node_of(t->g, grounds[pool]);
    const size_t each = size_of(t->g, ground);
    float *values = new_floats((DRAWN + FLAT) * each), most = 0;
    size_t n, near = 0;
    int64_t *a = switches_of(usual, t, pool, &n), *b = switches_of(exact, t, pool, &n);

    must(dcn_plan_value(kept, ground, values, &err));
    for (size_t i = 0; i < (DRAWN + FLAT) * each; i++)
        most = values[i] > most ? values[i] : most;
    assert_true(most > 0);
    for (size_t i = 0; i < n; i++) {
        const float *of = values + i / (n / (DRAWN + FLAT)) * each;
        const float off = of[b[i]] - of[a[i]];

        if (a[i] == b[i])
            continue;
        if (off == 0 || fabsf(off) > NEAR * most)
            fail_msg("%s, switch %zu of %zu: %lld (%.9g) instead of %lld (%.9g)", pools[pool], i, n,
                     (long long)a[i], (double)of[a[i]], (long long)b[i], (double)of[b[i]]);
        near++;
    }
    if (near > n / 10000)
        fail_msg("%s: %zu winners of %zu are others", pools[pool], near, n);
    free(a);
    free(b);
    free(values);
}

/* Levels as a picture has them: 127 on either side of zero. */
static void same_pictures(dcn_plan *usual, dcn_plan *exact, int route)
{
    const size_t n = (size_t)(DRAWN + FLAT) * VOLUME;
    float *a = new_output(n), *b = new_output(n);

    must(dcn_plan_project(usual, route, DCN_FROM_LAYER, 0, a, &err));
    must(dcn_plan_project(exact, route, DCN_FROM_LAYER, 0, b, &err));
    for (size_t i = 0; i < n; i += VOLUME) {
        float most = 0;

        for (size_t k = i; k < i + VOLUME; k++)
            most = fabsf(b[k]) > most ? fabsf(b[k]) : most;
        assert_close(a + i, b + i, VOLUME, (double)most / 127, 0, "a picture");
    }
    free_output(a, n);
    free_output(b, n);
}

static void nothing_but_rounding_changes(void **state)
{
    static const dcn_rule rules[] = { DCN_RULE_RECONSTRUCT, DCN_RULE_DECONVNET, DCN_RULE_GUIDED };
    toy t = { 0 };

    (void)state;
    make_toy(&t);
    for (size_t r = 0; r < COUNT(rules); r++) {
        dcn_plan *usual = plan_for(&t, NULL, 0, rules[r], 0), *exact = plan_for(&t, NULL, 1, rules[r], 0);
        dcn_plan *kept = plan_for(&t, NULL, 1, rules[r], 1);

        for (int pool = 0; pool < 2; pool++) {
            same_winners(&t, usual, exact, kept, pool);
            same_pictures(usual, exact, pool);
        }
        dcn_plan_destroy(usual);
        dcn_plan_destroy(exact);
        dcn_plan_destroy(kept);
    }
    clear_toy(&t);
}

/* The definition itself knows no other sums: nothing changes, and nothing is said. */
static void ref_does_not_change(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    dcn_graph *g = graph_of("input 12x12x3; conv filters=8 kernel=5; relu; max_pool 2; conv filters=5 kernel=5");
    const size_t in = size_of(g, 0), out = size_of(g, dcn_graph_output(g));
    float *image = new_floats(in), *a = new_output(out), *b = new_output(out);

    (void)state;
    set_weights(g, 3, 0, 0.3f);
    fill_reals(image, in, 4);
    for (size_t e = 0; e < COUNT(engines); e++) {
        const bool many = strcmp(engines[e], "cpu") == 0;
        dcn_plan *usual, *exact;

        if (!has_engine(engines[e]))
            continue;
        usual = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .threads = 1 });
        exact = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .threads = 1, .exact = 1 });
        assert_null(strstr(dcn_plan_text(usual), "exact"));
        assert_int_equal(strstr(dcn_plan_text(exact), "), exact") != NULL, many);
        dcn_plan_forward(usual, image, 1);
        dcn_plan_forward(exact, image, 1);
        must(dcn_plan_value(usual, dcn_graph_output(g), a, &err));
        must(dcn_plan_value(exact, dcn_graph_output(g), b, &err));
        if (many)
            assert_close(a, b, out, 1e-4, 0, "cpu");
        else
            assert_same_bits(a, b, out, engines[e]);
        dcn_plan_destroy(usual);
        dcn_plan_destroy(exact);
    }
    free(image);
    free_output(a, out);
    free_output(b, out);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_rounding_changes),
        cmocka_unit_test(ref_does_not_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
