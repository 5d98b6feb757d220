/* Adam against an independent implementation in double; what it refuses; that threads change no bit. */
#include "random_graph.h"

#include "engine/plan.h"

static const char net[] = "input 8x8x3; conv filters=6 kernel=5 init=0.1 bias=0.01; relu; max_pool 2; conv filters=5 "
                          "kernel=3 init=0.1; relu; avg_pool global; softmax";

typedef struct set { dcn_graph *g; float *images; int32_t *labels; size_t each; int n; } set;

static set new_set(const char *text, int n, uint64_t seed)
{
    set s = { .g = graph_of(text), .n = n };
    const int classes = shape_of(s.g, dcn_graph_output(s.g)).c;

    s.each = size_of(s.g, 0);
    s.images = malloc((size_t)n * s.each * sizeof *s.images);
    s.labels = malloc((size_t)n * sizeof *s.labels);
    fill_reals(s.images, (size_t)n * s.each, seed);
    for (int i = 0; i < n; i++)
        s.labels[i] = (int32_t)(dcn__hash64((uint64_t)i) % (uint64_t)classes);
    must(dcn_graph_init_weights(s.g, seed, &err));
    return s;
}

static void free_set(set *s)
{
    dcn_graph_destroy(s->g);
    free(s->images);
    free(s->labels);
}

static size_t all_weights(const dcn_graph *g)
{
    size_t n = 0;

    for (int i = 0; i < g->n_weights; i++)
        n += (size_t)g->weights[i].count;
    return n;
}

static void read_gradients(const dcn_plan *p, const dcn_graph *g, float *out)
{
    for (int i = 0; i < g->n_weights; i++) {
        must(dcn_plan_weight_gradient(p, i, out, &err));
        out += g->weights[i].count;
    }
}

static void read_weights(const dcn_plan *p, dcn_graph *scratch, float *out)
{
    must(dcn_plan_store_weights(p, scratch, &err));
    for (int i = 0; i < scratch->n_weights; i++) {
        memcpy(out, scratch->weights[i].data, (size_t)scratch->weights[i].count * sizeof *out);
        out += scratch->weights[i].count;
    }
}

/* Kingma & Ba 2015, algorithm 1, with epsilon where TensorFlow has it. */
static void follows_the_paper(void **state)
{
    static const struct { const char *engine; double tolerance; } ways[] = {
        { "ref64", 2e-7 }, { "ref", 3e-5 }, { "cpu", 3e-5 } };
    static const float rates[] = { 1e-4f, 1e-2f };

    (void)state;
    for (size_t way = 0; way < COUNT(ways); way++)
        for (size_t r = 0; has_engine(ways[way].engine) && r < COUNT(rates); r++) {
            set s = new_set(net, 12, 1);
            const size_t n = all_weights(s.g);
            double *w = calloc(n, sizeof *w), *m = calloc(n, sizeof *m), *v = calloc(n, sizeof *v);
            float *g = new_output(n), *now = new_output(n);
            dcn_plan *p = plan_of(s.g, (dcn_plan_desc){ .engine = ways[way].engine, .batch = 12, .training = 1 });
            dcn_loss loss, first = { 0 };
            dcn_graph *scratch;

            must(dcn_graph_copy(&scratch, s.g, &err));
            read_weights(p, scratch, now);
            for (size_t i = 0; i < n; i++)
                w[i] = (double)now[i];
            for (int t = 1; t <= 50; t++) {
                const double alpha = (double)rates[r] * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));

                must(dcn_plan_gradient(p, s.images, s.labels, s.n, &loss, &err));
                if (t == 1)
                    first = loss;
                read_gradients(p, s.g, g);
                must(dcn_plan_adam(p, rates[r], &err));
                for (size_t i = 0; i < n; i++) {
                    m[i] = 0.9 * m[i] + 0.1 * (double)g[i];
                    v[i] = 0.999 * v[i] + 0.001 * (double)g[i] * (double)g[i];
                    w[i] -= alpha * m[i] / (sqrt(v[i]) + 1e-8);
                }
                read_weights(p, scratch, now);
                for (size_t i = 0; i < n; i++)
                    if (!(fabs((double)now[i] - w[i]) <= ways[way].tolerance * fmax(1, (double)rates[r] * t * 100)))
                        fail_msg("%s, step %d, weight %zu: %.9g, not %.9g", ways[way].engine, t, i, (double)now[i], w[i]);
            }
            assert_true(loss.loss < first.loss);
            dcn_plan_destroy(p);
            dcn_graph_destroy(scratch);
            free_set(&s);
            free(w), free(m), free(v);
            free_output(g, n);
            free_output(now, n);
        }
}

/* Twenty steps: losses and weights are the same bits on 1, 2 and 3 threads, and in a second run. */
static void threads_change_no_bit(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    static const int threads[] = { 1, 2, 3, 1 };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (int batch = 1; has_engine(engines[e]) && batch <= 64; batch = batch * 4 + 1) {
            float *first = NULL;
            double losses[20];

            for (size_t way = 0; way < COUNT(threads); way++) {
                set s = new_set(net, batch, 3);
                const size_t n = all_weights(s.g);
                float *now = new_output(n);
                dcn_plan *p = plan_of(s.g, (dcn_plan_desc){ .engine = engines[e], .batch = batch, .training = 1,
                                                            .threads = threads[way] });

                for (int t = 0; t < 20; t++) {
                    dcn_loss loss;

                    must(dcn_plan_gradient(p, s.images, s.labels, t % 3 == 2 && batch > 1 ? batch - 1 : batch, &loss, &err));
                    must(dcn_plan_adam(p, 1e-3f, &err));
                    if (way && memcmp(&losses[t], &loss.loss, sizeof loss.loss) != 0)
                        fail_msg("%s, batch %d, %d threads, step %d: loss %.17g, not %.17g", engines[e], batch,
                                 threads[way], t, loss.loss, losses[t]);
                    losses[t] = loss.loss;
                }
                read_weights(p, s.g, now);
                if (first) {
                    assert_same_bits(now, first, n, engines[e]);
                    free_output(now, n);
                    if (way + 1 == COUNT(threads))
                        free_output(first, n);
                } else {
                    first = now;
                }
                dcn_plan_destroy(p);
                free_set(&s);
            }
        }
}

/* A gradient that is not finite is refused before anything changes: weights, moments and step. */
static void refuses_gradients_that_are_not_finite(void **state)
{
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    static const float poisons[] = { NAN, INFINITY, -INFINITY };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t k = 0; has_engine(engines[e]) && k < COUNT(poisons); k++) {
            set s = new_set(net, 4, 5), untouched = new_set(net, 4, 5);
            const size_t n = all_weights(s.g);
            float *before = new_output(n), *after = new_output(n), *twin = new_output(n);
            const dcn_plan_desc d = { .engine = engines[e], .batch = 4, .training = 1 };
            dcn_plan *p = plan_of(s.g, d), *q = plan_of(untouched.g, d);
            const float good = s.images[2 * s.each + 5];
            dcn_loss loss;
            dcn_status st;

            for (int i = 0; i < 2; i++) {
                must(dcn_plan_gradient(i ? q : p, s.images, s.labels, 4, &loss, &err));
                must(dcn_plan_adam(i ? q : p, 1e-3f, &err));
            }
            read_weights(p, s.g, before);
            s.images[2 * s.each + 5] = poisons[k];
            must(dcn_plan_gradient(p, s.images, s.labels, 4, &loss, &err));
            st = dcn_plan_adam(p, 1e-3f, &err);
            assert_int_equal(st, DCN_NUMBERS);
            assert_non_null(strstr(err.text, ": its gradient is not finite at step 2, the step was not applied; lower the "
                                             "learning rate"));
            read_weights(p, s.g, after);
            assert_same_bits(after, before, n, "the weights");
            /* It goes on as if nothing had happened. */
            s.images[2 * s.each + 5] = good;
            for (int i = 0; i < 2; i++) {
                must(dcn_plan_gradient(i ? q : p, s.images, s.labels, 4, &loss, &err));
                must(dcn_plan_adam(i ? q : p, 1e-3f, &err));
            }
            read_weights(p, s.g, after);
            read_weights(q, untouched.g, twin);
            assert_same_bits(after, twin, n, "the next step");
            dcn_plan_destroy(p);
            dcn_plan_destroy(q);
            free_set(&s);
            free_set(&untouched);
            free_output(before, n);
            free_output(after, n);
            free_output(twin, n);
        }
}

static void refuses_rates_that_are_no_rates(void **state)
{
    static const float rates[] = { NAN, INFINITY, -1e-3f };
    set s = new_set(net, 4, 5);
    const size_t n = all_weights(s.g);
    float *before = new_output(n), *after = new_output(n);
    dcn_plan *p = plan_of(s.g, (dcn_plan_desc){ .engine = "ref", .batch = 4, .training = 1 });
    dcn_loss loss;

    (void)state;
    must(dcn_plan_gradient(p, s.images, s.labels, 4, &loss, &err));
    read_weights(p, s.g, before);
    for (size_t i = 0; i < COUNT(rates); i++) {
        assert_int_equal(dcn_plan_adam(p, rates[i], &err), DCN_USAGE);
        assert_non_null(strstr(err.text, "learning rate: "));
    }
    read_weights(p, s.g, after);
    assert_same_bits(after, before, n, "the weights");
    dcn_plan_destroy(p);
    free_set(&s);
    free_output(before, n);
    free_output(after, n);
}

/* The plan has its own copy: the graph's weights stay until they are stored. */
static void the_graph_keeps_its_weights_until_they_are_stored(void **state)
{
    set s = new_set(net, 4, 5);
    const size_t n = (size_t)s.g->weights[0].count;
    float *before = malloc(n * sizeof *before);
    dcn_plan *p = plan_of(s.g, (dcn_plan_desc){ .engine = "ref", .batch = 4, .training = 1 });
    dcn_graph *copy, *other = graph_of("input 8x8x3; conv filters=6 kernel=5; relu; avg_pool global; softmax");
    dcn_loss loss;

    (void)state;
    memcpy(before, s.g->weights[0].data, n * sizeof *before);
    must(dcn_graph_copy(&copy, s.g, &err));
    must(dcn_plan_gradient(p, s.images, s.labels, 4, &loss, &err));
    must(dcn_plan_adam(p, 1e-2f, &err));
    assert_same_bits(s.g->weights[0].data, before, n, "the graph's weights");
    must(dcn_plan_store_weights(p, copy, &err));
    assert_true(memcmp(copy->weights[0].data, before, n * sizeof *before) != 0);
    assert_same_bits(s.g->weights[0].data, before, n, "the graph's weights");
    must_say(dcn_plan_store_weights(p, other, &err), DCN_STATE, "network: has 2 weights, the plan 4; use the same network");
    dcn_plan_destroy(p);
    dcn_graph_destroy(copy);
    dcn_graph_destroy(other);
    free_set(&s);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_paper),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(refuses_gradients_that_are_not_finite),
        cmocka_unit_test(refuses_rates_that_are_no_rates),
        cmocka_unit_test(the_graph_keeps_its_weights_until_they_are_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
