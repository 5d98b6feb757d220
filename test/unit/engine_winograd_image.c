/* The first layer by Winograd (engine/cpu/winograd_image.h) against the definition: values within
 * the rounding bound, switches and what is no number the same, and no bit that follows the threads.
 * On every instruction set: the program runs itself again under oneDNN's limits. */
#include "random_graph.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/winograd_image.h"
#include "narrower.h"

enum { PICTURES = 3, POOL = 3 };  /* node numbers: input, conv, relu, pool */

/* What the layer sees and is: whole numbers, so that all direct sums are exact and many are equal;
 * the same times a power of two; the same with biases that outweigh the sums; reals. */
typedef enum kind { WHOLE, SMALL, LARGE, BIASED, REAL } kind;

static const float scales[] = { 1, 0x1p-76f, 0x1p60f, 0x1p20f, 1 };      /* BIASED: of the biases */

static const char *const layers[] = {
    "input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2",
    "input 28x28x1; conv filters=32 kernel=5; relu; max_pool 2",
    "input 32x32x3; conv filters=48 kernel=3; relu; max_pool 2",
    "input 23x31x3; conv filters=16 kernel=5 pad=valid; relu; max_pool 2 pad=valid",
    "input 37x22x4; conv filters=16 kernel=3 pad=valid bias=no; relu; max_pool 2 pad=valid",
    "input 61x90x2; conv filters=16 kernel=5 pad=0,3,4,1; relu; max_pool 2 pad=valid",
    "input 30x17x4; conv filters=32 kernel=5 bias=no; relu; max_pool 2 pad=valid",
    "input 19x40x3; conv filters=16 kernel=3 pad=2,0,1,2; relu; max_pool 2 pad=valid",
};

static bool fits(const dcn_graph *g, dcn__sums sums)
{
    return dcn__winograd_image_fits(g, sums, &g->nodes[1], &g->nodes[POOL]);
}

typedef struct result { float *y; int64_t *switches; size_t n; } result;

static result forward(const dcn_graph *g, const char *engine, int exact, int chunk, int threads,
                      const float *x, int n)
{
    const dcn_route route = { .layer = POOL, .rule = DCN_RULE_RECONSTRUCT };
    result r = { .n = (size_t)n * size_of(g, POOL) };
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = n, .threads = threads,
                                              .chunk = chunk, .exact = exact, .routes = &route,
                                              .n_routes = 1 });

    r.y = new_output(r.n);
    r.switches = malloc(r.n * sizeof *r.switches);
    assert_non_null(r.switches);
    dcn_plan_forward(p, x, n);
    must(dcn_plan_value(p, POOL, r.y, &err));
    must(dcn_plan_switches(p, POOL, r.switches, &err));
    dcn_plan_destroy(p);
    return r;
}

static void clear(result *r)
{
    free_output(r->y, r->n);
    free(r->switches);
}

static void same_switches(const char *what, const result *got, const result *want)
{
    size_t wrong = 0, first = 0;

    for (size_t i = 0; i < got->n; i++)
        if (got->switches[i] != want->switches[i] && !wrong++)
            first = i;
    if (wrong)
        fail_msg("%s: %zu of %zu switches differ, first %zu: %g from %lld, not %g from %lld", what,
                 wrong, got->n, first, (double)got->y[first],
                 (long long)got->switches[first], (double)want->y[first],
                 (long long)want->switches[first]);
}

/* Half of the pictures even ground. */
static float *pictures_of(const dcn_graph *g, kind k, uint64_t seed)
{
    const size_t size = size_of(g, 0), n = PICTURES * size;
    const size_t c = (size_t)shape_of(g, 0).c;
    float *x = new_floats(n);

    if (k == REAL)
        fill_reals(x, n, seed);
    else
        fill_integers(x, n, seed, 2);
    for (size_t i = 0; i < n; i++) {
        if (i % size > size / 2)
            x[i] = x[i - i % size + i % c];
        x[i] *= k == BIASED ? 1 : scales[k];
    }
    return x;
}

static dcn_graph *layer_of(const char *text, kind k)
{
    dcn_graph *g = graph_of(text);

    set_weights(g, 7, k == REAL ? 0 : 2, 0.2f);
    for (int i = 1; k != REAL && i < dcn_graph_weight_count(g); i++) {
        float b[64];

        for (int j = 0; j < 64; j++)
            b[j] = (float)(j % 5 - 2) * scales[k];
        must(dcn_graph_set_weight(g, i, b, shape_of(g, 1).c, &err));
    }
    return g;
}

static double largest(const float *y, size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        if (isfinite(y[i]))
            most = fmax(most, fabs((double)y[i]));
    return most;
}

static void sums_are_those_of_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(layers); i++)
        for (kind k = WHOLE; k <= REAL; k++) {
            dcn_graph *g = layer_of(layers[i], k);
            float *x = pictures_of(g, k, 11 + i);
            result want = forward(g, k == REAL ? "ref64" : "ref", 0, 0, 1, x, PICTURES);
            result got = forward(g, "cpu", 0, 0, 1, x, PICTURES);
            result exact = forward(g, "cpu", 1, 0, 1, x, PICTURES);
            const double bound = 2e-5 * largest(want.y, want.n);

            assert_close(got.y, want.y, got.n, bound, 0, layers[i]);
            if (k != REAL)
                same_switches(layers[i], &got, &want);
            else if (dcn__dnn_isa() == DCN__ISA_AVX512)
                same_switches(layers[i], &got, &exact);
            if (fits(g, DCN__SUMS_FAITHFUL) && k == REAL)      /* it was not the exact way */
                assert_memory_not_equal(got.y, exact.y, got.n * sizeof *got.y);
            clear(&want);
            clear(&got);
            clear(&exact);
            free(x);
            dcn_graph_destroy(g);
        }
}

/* One cell each of what is no number, far apart, and weights and biases of the kind. */
static void what_is_no_number_stays_in_its_window(void **state)
{
    static const float strange[] = { NAN, INFINITY, -INFINITY, 3e38f };

    (void)state;
    for (size_t i = 0; i < COUNT(layers); i++)
        for (int in_weights = 0; in_weights < 3; in_weights++) {
            dcn_graph *g = layer_of(layers[i], WHOLE);
            float *x = pictures_of(g, WHOLE, 5);
            const size_t size = size_of(g, 0);
            dcn_weight_info w;
            result got, want;

            for (size_t s = 0; s < COUNT(strange) && !in_weights; s++)
                x[s % PICTURES * size + size * (s + 1) / 6] = strange[s];
            if (in_weights && in_weights - 1 < dcn_graph_weight_count(g)) {
                float *data;

                dcn_graph_weight_info(g, in_weights - 1, &w);
                data = new_floats((size_t)w.count);
                fill_integers(data, (size_t)w.count, 3, 2);
                for (size_t s = 0; s < 3; s++)
                    data[(size_t)w.count / 4 * s + s] = strange[s];
                must(dcn_graph_set_weight(g, in_weights - 1, data, w.count, &err));
                free(data);
            }
            want = forward(g, "ref", 0, 0, 1, x, PICTURES);
            got = forward(g, "cpu", 0, 0, 1, x, PICTURES);
            assert_close(got.y, want.y, got.n, 1e-3, 1e-5, layers[i]);
            same_switches(layers[i], &got, &want);
            clear(&got);
            clear(&want);
            free(x);
            dcn_graph_destroy(g);
        }
}

static void threads_and_chunks_change_no_bit(void **state)
{
    static const struct { int chunk, threads, n; } ways[] = {
        { 1, 1, PICTURES }, { 2, 2, PICTURES }, { 3, 3, PICTURES }, { 0, 2, 1 }, { 0, 5, 1 }
    };

    (void)state;
    for (size_t i = 0; i < COUNT(layers); i++) {
        dcn_graph *g = layer_of(layers[i], REAL);
        float *x = pictures_of(g, REAL, 2);
        result want = forward(g, "cpu", 0, 0, 1, x, PICTURES);

        for (size_t k = 0; k < COUNT(ways); k++) {
            result got = forward(g, "cpu", 0, ways[k].chunk, ways[k].threads, x, ways[k].n);

            assert_same_bits(got.y, want.y, got.n, layers[i]);
            same_switches(layers[i], &got, &want);
            clear(&got);
        }
        clear(&want);
        free(x);
        dcn_graph_destroy(g);
    }
}

static float *gradient_of(const dcn_graph *g, int exact, const float *x, size_t *n)
{
    const int32_t labels[PICTURES] = { 0, 2, 1 };
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .batch = PICTURES, .threads = 1, .training = 1,
                                              .exact = exact });
    dcn_weight_info w;
    dcn_loss loss;
    float *out;

    dcn_graph_weight_info(g, 0, &w);
    *n = (size_t)w.count;
    out = new_output(*n);
    must(dcn_plan_gradient(p, x, labels, PICTURES, &loss, &err));
    must(dcn_plan_weight_gradient(p, 0, out, &err));
    dcn_plan_destroy(p);
    return out;
}

/* Programs that train do not ask for the winners of exact sums; without ties they are the same. */
static void training_is_served(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(layers); i++) {
        char text[300];
        size_t n;
        dcn_graph *g;
        float *x, *got, *want;

        snprintf(text, sizeof text, "%s; dense units=3; softmax", layers[i]);
        g = layer_of(text, REAL);
        n = PICTURES * size_of(g, 0);
        x = new_floats(n);
        fill_reals(x, n, 9);
        got = gradient_of(g, 0, x, &n);
        want = gradient_of(g, 1, x, &n);
        assert_close(got, want, n, 2e-5 * largest(want, n), 0, text);
        free_output(got, n);
        free_output(want, n);
        free(x);
        dcn_graph_destroy(g);
    }
}

/* What is like a first layer and is not for these kernels, and the tutorial's, which is. */
static void only_what_fits_comes_here(void **state)
{
    static const char *const others[] = {
        "input 24x24x5; conv filters=64 kernel=5; relu; max_pool 2",
        "input 24x24x3; conv filters=66 kernel=5; relu; max_pool 2",
        "input 24x24x3; conv filters=64 kernel=7; relu; max_pool 2",
        "input 24x24x3; conv filters=64 kernel=5x3; relu; max_pool 2",
        "input 48x48x3; conv filters=64 kernel=5 stride=2; relu; max_pool 2",
        "input 24x24x3; conv filters=64 kernel=3 dilation=2; relu; max_pool 2",
        "input 24x24x4; conv filters=64 kernel=5 groups=2; relu; max_pool 2",
        "input 24x24x3; conv filters=64 kernel=5; relu; max_pool 3",
        "input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2 stride=1",
        "input 25x25x3; conv filters=64 kernel=5; relu; max_pool 2 pad=1,1,0,0",
        "input 2x2x3; conv filters=64 kernel=5; relu; max_pool 2",
    };
    dcn_graph *g = graph_of(layers[0]);

    (void)state;
    assert_true(fits(g, DCN__SUMS_FAITHFUL));
    assert_true(fits(g, DCN__SUMS_FAST));
    assert_false(fits(g, DCN__SUMS_DIRECT));
    dcn_graph_destroy(g);
    for (size_t i = 0; i < COUNT(others); i++) {
        g = graph_of(others[i]);
        if (fits(g, DCN__SUMS_FAST))
            fail_msg("%s is not for these kernels", others[i]);
        dcn_graph_destroy(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_definition),
        cmocka_unit_test(what_is_no_number_stays_in_its_window),
        cmocka_unit_test(threads_and_chunks_change_no_bit),
        cmocka_unit_test(training_is_served),
        cmocka_unit_test(only_what_fits_comes_here),
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
