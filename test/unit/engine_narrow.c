/* Convolutions to few channels (engine/cpu/narrow.c) against ref: forward with whole numbers, where
 * every sum is exact, and gradients with reals. */
#include "random_graph.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/narrow.h"
#include "engine/plan.h"
#include "narrower.h"

enum { BATCH = 10, CHUNK = 4, CHANNELS = 64, CLASSES = 10 };

static const struct { const char *text; int narrow; } nets[] = {
    { "input 6x6x64; conv filters=10 kernel=5; relu; avg_pool global; dense units=10; softmax", 1 },
    { "input 6x6x64; conv filters=1 kernel=5; avg_pool global; dense units=10; softmax", 1 },
    { "input 7x5x64; conv filters=2 kernel=5; avg_pool global; dense units=10; softmax", 1 },
    { "input 5x9x64; conv filters=3 kernel=3 pad=valid; avg_pool global; dense units=10; softmax", 1 },
    { "input 6x6x64; conv filters=7 kernel=4; avg_pool global; dense units=10; softmax", 1 },
    { "input 3x2x64; conv filters=11 kernel=5; avg_pool global; dense units=10; softmax", 1 },
    { "input 6x6x64; conv filters=12 kernel=3x5 bias=no; avg_pool global; dense units=10; softmax", 1 },
    { "input 9x9x128; conv filters=6 kernel=3; relu; avg_pool global; dense units=10; softmax", 1 },
    { "input 6x6x64; conv filters=13 kernel=5; avg_pool global; dense units=10; softmax", 0 },
    { "input 6x6x64; conv filters=10 kernel=5 stride=2; avg_pool global; dense units=10; softmax", 0 },
    { "input 6x6x20; conv filters=10 kernel=5; avg_pool global; dense units=10; softmax", 0 },
    { "input 6x6x64; conv filters=10 kernel=1; avg_pool global; dense units=10; softmax", 0 },
};

/* A kernel of this action that needs no oneDNN. */
static bool is_narrow(const dcn__program *p, dcn__action action)
{
    for (int i = 0; i < p->n_groups; i++)
        if (p->walk.steps[p->groups[i].first].action == action)
            return !cpu_of(p->kernels[i])->dnn;
    fail_msg("no such step");
    return false;
}

static void choose_weights(dcn_graph *g, bool whole)
{
    for (int i = 0; i < g->n_weights; i++) {
        dcn__weight *w = &g->weights[i];
        float *data = malloc((size_t)w->count * sizeof *data);

        if (whole)
            fill_integers(data, (size_t)w->count, (uint64_t)i + 7, 3);
        else
            fill_reals(data, (size_t)w->count, (uint64_t)i + 7);
        must(dcn_graph_set_weight(g, i, data, w->count, &err));
        free(data);
    }
}

static dcn_plan *make(const dcn_graph *g, const char *engine)
{
    return plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = BATCH, .chunk = CHUNK, .training = 1, .keep_all = 1,
                                       .threads = 2 });
}

static void values_are_those_of_ref(void **state)
{
    (void)state;
    for (size_t i = 0; has_engine("cpu") && i < COUNT(nets); i++) {
        dcn_graph *g = graph_of(nets[i].text);
        const size_t in = BATCH * size_of(g, 0), out = BATCH * size_of(g, 1);
        float *x = malloc(in * sizeof *x), *got = new_output(out), *want = new_output(out);
        dcn_plan *p[2];

        choose_weights(g, true);
        fill_integers(x, in, 5, 4);
        for (int e = 0; e < 2; e++) {
            p[e] = make(g, e ? "ref" : "cpu");
            dcn_plan_forward(p[e], x, BATCH);
            must(dcn_plan_value(p[e], 1, e ? want : got, &err));
        }
        if (dcn__dnn_isa() != DCN__ISA_PLAIN)
            assert_int_equal(is_narrow(&p[0]->forward, DCN__DO_CONV), nets[i].narrow);
        for (size_t k = 0; k < out; k++)
            if (got[k] != want[k])
                fail_msg("%s: value %zu is %g, not %g", nets[i].text, k, (double)got[k], (double)want[k]);
        for (int e = 0; e < 2; e++)
            dcn_plan_destroy(p[e]);
        free(x);
        free_output(got, out);
        free_output(want, out);
        dcn_graph_destroy(g);
    }
}

/* In units of the largest: a sum of n products is off by a few times n roundings at most. */
static void check_gradient(const dcn_plan *p, const dcn_plan *q, int weight, int64_t n, const char *text)
{
    float *got = new_output((size_t)n), *want = new_output((size_t)n);
    double largest = 0;

    must(dcn_plan_weight_gradient(p, weight, got, &err));
    must(dcn_plan_weight_gradient(q, weight, want, &err));
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)want[i]));
    assert_true(largest > 0);
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= 1e-5 * largest))
            fail_msg("%s: gradient %lld of weight %d is %.9g, not %.9g", text, (long long)i, weight, (double)got[i],
                     (double)want[i]);
    free_output(got, (size_t)n);
    free_output(want, (size_t)n);
}

/* Of full and of half-filled chunks. */
static void gradients_are_those_of_ref(void **state)
{
    int32_t labels[BATCH];

    (void)state;
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    for (size_t i = 0; has_engine("cpu") && i < COUNT(nets); i++) {
        dcn_graph *g = graph_of(nets[i].text);
        const size_t in = BATCH * size_of(g, 0);
        float *x = malloc(in * sizeof *x);
        dcn_plan *p, *q;
        dcn_loss loss;

        choose_weights(g, false);
        fill_reals(x, in, 6);
        for (size_t k = 0; k < in; k++)
            x[k] *= 0.05f;
        p = make(g, "cpu");
        q = make(g, "ref64");
        must(dcn_plan_gradient(p, x, labels, BATCH, &loss, &err));
        must(dcn_plan_gradient(q, x, labels, BATCH, &loss, &err));
        if (dcn__dnn_isa() != DCN__ISA_PLAIN)
            assert_int_equal(is_narrow(&p->train, DCN__DO_CONV_WEIGHTS), nets[i].narrow);
        for (int w = 0; w < g->n_weights; w++)
            check_gradient(p, q, w, g->weights[w].count, nets[i].text);
        dcn_plan_destroy(p);
        dcn_plan_destroy(q);
        dcn_graph_destroy(g);
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_ref),
        cmocka_unit_test(gradients_are_those_of_ref),
        cmocka_unit_test(narrower_machines_are_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    printf("skipped: this build has no engine cpu\n");
    return 77;
}

#endif
