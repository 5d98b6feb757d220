/* The way down through a max pool into a convolution of engine cpu, against ref64 on the same
 * switches: pictures with few and with many units alive in one chunk, which go different ways
 * (winners_dense.c), few and many channels, whole words of channels and not.
 *
 * The bound: an output is a sum over what its window sees of the signal, of 2-norm at most |s|, times
 * weights of 2-norm |w|, whose rounding stays below 16 u |s||w|, u = 2^-24, also by Winograd's method
 * (winograd.h); the signal itself has been rounded on the way up, by as much of its own largest sum. */

#include "support.h"

#include <math.h>

#ifdef DCN_HAVE_DNNL

#include "graph/graph.h"
#include "narrower.h"

enum { N = 7 };

typedef struct problem { const char *text; dcn_rule rule; } problem;

static const problem problems[] = {
    { "input 13x15x64; conv filters=64 kernel=5; relu; max_pool 2 pad=valid", DCN_RULE_RECONSTRUCT },
    { "input 12x12x64; conv filters=64 kernel=5; relu; max_pool 2", DCN_RULE_RECONSTRUCT },
    { "input 12x12x64; conv filters=64 kernel=5; relu; max_pool 2", DCN_RULE_GUIDED },
    { "input 16x20x32; conv filters=96 kernel=3; relu; max_pool 2", DCN_RULE_GRADIENT },
    { "input 13x15x16; conv filters=40 kernel=5 pad=valid; relu; max_pool 3", DCN_RULE_LINEAR },
    { "input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2", DCN_RULE_RECONSTRUCT },
    { "input 11x14x5; conv filters=70 kernel=3; relu; max_pool 2", DCN_RULE_DECONVNET },
    { "input 9x9x2; conv filters=17 kernel=1x3; relu; max_pool 2", DCN_RULE_GRADIENT },
    /* so wide that a block of rows is a few */
    { "input 12x140x16; conv filters=16 kernel=3; relu; max_pool 2", DCN_RULE_GUIDED },
    /* not theirs: taps, channels and windows beyond their tables */
    { "input 10x12x16; conv filters=16 kernel=1x7; relu; max_pool 2", DCN_RULE_GRADIENT },
    { "input 10x12x16; conv filters=16 kernel=7x1; relu; max_pool 2", DCN_RULE_GRADIENT },
    { "input 12x12x16; conv filters=16 kernel=3; relu; max_pool 3 dilation=2 stride=6", DCN_RULE_GRADIENT },
    { "input 12x15x16; conv filters=16 kernel=3; relu; max_pool 3x6", DCN_RULE_GRADIENT },
    { "input 12x12x16; conv filters=16 kernel=3; relu; max_pool 3x2 stride=2", DCN_RULE_DECONVNET },
    { "input 12x12x16; conv filters=16 kernel=3; relu; max_pool 2x3 stride=2", DCN_RULE_DECONVNET },
};

/* From nearly nothing alive to nearly everything, in no order: biases of -1 against sums that grow. */
static const float scales[N] = { 8, 0.2f, 1, 64, 0.4f, 16, 1.5f };

typedef struct world {
    dcn_graph *g;
    dcn_route route;
    size_t in, pool;
    float *pictures;
} world;

static world world_of(const problem *p)
{
    world t = { .g = graph_of(p->text) };
    float *bias;

    must(dcn_graph_init_weights(t.g, 5, &err));
    t.route = (dcn_route){ .layer = dcn_graph_output(t.g), .rule = p->rule };
    t.in = size_of(t.g, 0);
    t.pool = size_of(t.g, t.route.layer);
    for (int i = 0; i < dcn_graph_weight_count(t.g); i++) {
        const int64_t n = t.g->weights[i].count;

        bias = new_floats((size_t)n);
        fill_reals(bias, (size_t)n, 9);
        for (int64_t k = 0; i && k < n; k++)
            bias[k] = -1 - 0.1f * bias[k];
        for (int64_t k = 0; !i && k < n; k++)
            bias[k] /= sqrtf((float)n / (float)shape_of(t.g, 1).c);
        must(dcn_graph_set_weight(t.g, i, bias, n, &err));
        free(bias);
    }
    t.pictures = new_floats(N * t.in);
    fill_reals(t.pictures, N * t.in, 17);
    for (size_t i = 0; i < N * t.in; i++)
        t.pictures[i] *= scales[i / t.in];
    return t;
}

static dcn_plan *forward(const world *t, const char *engine, const float *pictures)
{
    dcn_plan *p = plan_of(t->g, (dcn_plan_desc){ .engine = engine, .batch = N, .chunk = N,
                                                 .threads = 1, .routes = &t->route, .n_routes = 1 });

    dcn_plan_forward(p, pictures, N);
    return p;
}

static double norm(const float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* The largest 2-norm of an input channel's weights. */
static double weight_norm(const dcn_graph *g)
{
    const dcn__weight *w = &g->weights[0];
    const size_t K = (size_t)shape_of(g, 1).c, C = (size_t)shape_of(g, 0).c;
    double largest = 0;

    for (size_t c = 0; c < C; c++) {
        double sum = 0;

        for (size_t i = c; i < (size_t)w->count / K; i += C)
            sum += pow(norm((const float *)w->data + i * K, K), 2);
        largest = fmax(largest, sqrt(sum));
    }
    return largest;
}

static void check(const problem *p)
{
    const world t = world_of(p);
    float *value = new_floats(N * t.pool), *got = new_floats(N * t.in), *want = new_floats(N * t.in);
    int64_t *switches = calloc(N * t.pool, sizeof *switches);
    dcn_plan *fast = forward(&t, "cpu", t.pictures), *ref = forward(&t, "ref64", t.pictures);
    const double w = weight_norm(t.g), u = 1.0 / 16777216;
    size_t fewest = t.pool, most = 0;

    must(dcn_plan_switches(fast, t.route.layer, switches, &err));
    must(dcn_plan_set_switches(ref, t.route.layer, switches, (int64_t)(N * t.pool), &err));
    must(dcn_plan_value(fast, t.route.layer, value, &err));
    must(dcn_plan_project(fast, 0, DCN_FROM_LAYER, 0, got, &err));
    must(dcn_plan_project(ref, 0, DCN_FROM_LAYER, 0, want, &err));
    for (size_t n = 0; n < N; n++) {
        const double s = norm(value + n * t.pool, t.pool) + norm(t.g->weights[1].data,
                                                               (size_t)t.g->weights[1].count);
        size_t alive = 0;

        for (size_t i = 0; i < t.pool; i++)
            alive += value[n * t.pool + i] != 0;
        fewest = alive < fewest ? alive : fewest;
        most = alive > most ? alive : most;
        close_at(got + n * t.in, want + n * t.in, t.in, 2 * 16 * u * s * w, 0, p->text, __FILE__,
                 __LINE__);
    }
    assert_true(fewest < t.pool / 3 && most > t.pool * 3 / 4);
    dcn_plan_destroy(fast);
    dcn_plan_destroy(ref);
    free(value), free(got), free(want), free(switches);
    dcn_graph_destroy(t.g);
    free(t.pictures);
}

static void dense_and_sparse_signals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        check(&problems[i]);
}

/* Dense pictures are done so many at a time; one more begins anew. Two ways that share weights. */
static void many_dense_pictures(void **state)
{
    enum { MANY = 21 };
    const world t = world_of(&problems[1]);
    const dcn_route routes[2] = { t.route, { .layer = t.route.layer, .rule = DCN_RULE_RECONSTRUCT } };
    float *pictures = new_floats(MANY * t.in), *got = new_floats(MANY * t.in), *alone = new_floats(t.in);
    dcn_plan *p = plan_of(t.g, (dcn_plan_desc){ .engine = "cpu", .batch = MANY, .chunk = MANY, .threads = 1,
                                                .routes = routes, .n_routes = 2 });
    dcn_plan *one = plan_of(t.g, (dcn_plan_desc){ .engine = "cpu", .batch = 1, .chunk = 1, .threads = 1,
                                                  .routes = routes, .n_routes = 2 });

    (void)state;
    fill_reals(pictures, MANY * t.in, 23);
    for (size_t i = 0; i < MANY * t.in; i++)
        pictures[i] *= 64;
    dcn_plan_forward(p, pictures, MANY);
    for (int r = 0; r < 2; r++) {
        must(dcn_plan_project(p, r, DCN_FROM_LAYER, 0, got, &err));
        for (size_t n = 0; n < MANY; n++) {
            dcn_plan_forward(one, pictures + n * t.in, 1);
            must(dcn_plan_project(one, r, DCN_FROM_LAYER, 0, alone, &err));
            assert_same_bits(got + n * t.in, alone, t.in, "a picture among many");
        }
    }
    dcn_plan_destroy(p);
    dcn_plan_destroy(one);
    free(pictures), free(got), free(alone);
    dcn_graph_destroy(t.g);
    free(t.pictures);
}

/* Whoever goes down beside it, and by which way, changes no bit of a picture. */
static void each_picture_for_itself(void **state)
{
    const world t = world_of(&problems[0]);
    float *got = new_floats(N * t.in), *turned = new_floats(N * t.in);
    float *pictures = new_floats(N * t.in);
    dcn_plan *p = forward(&t, "cpu", t.pictures), *q;

    (void)state;
    for (size_t n = 0; n < N; n++)
        memcpy(pictures + (n + 3) % N * t.in, t.pictures + n * t.in, t.in * sizeof *pictures);
    q = forward(&t, "cpu", pictures);
    must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, got, &err));
    must(dcn_plan_project(q, 0, DCN_FROM_LAYER, 0, turned, &err));
    for (size_t n = 0; n < N; n++)
        assert_memory_equal(got + n * t.in, turned + (n + 3) % N * t.in, t.in * sizeof *got);
    dcn_plan_destroy(p);
    dcn_plan_destroy(q);
    free(got), free(turned), free(pictures);
    dcn_graph_destroy(t.g);
    free(t.pictures);
}

/* One unit draws where its own window lies, and nothing but zeros elsewhere. */
static void beyond_a_unit_are_zeros(void **state)
{
    const problem gradient = { problems[0].text, DCN_RULE_GRADIENT };
    const world t = world_of(&gradient);
    const size_t C = (size_t)shape_of(t.g, 0).c;
    float *got = new_floats(N * t.in);
    dcn_plan *p = forward(&t, "cpu", t.pictures);

    (void)state;
    must(dcn_plan_project(p, 0, DCN_FROM_PEAK, 11, got, &err));
    for (size_t n = 0; n < N; n++) {
        size_t drawn = 0;

        for (size_t i = 0; i < t.in; i++)
            drawn += got[n * t.in + i] != 0;
        assert_true(drawn <= 25 * C);
        assert_true(scales[n] < 8 || drawn >= 9 * C / 2);
    }
    dcn_plan_destroy(p);
    free(got);
    dcn_graph_destroy(t.g);
    free(t.pictures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_and_sparse_signals),
        cmocka_unit_test(many_dense_pictures),
        cmocka_unit_test(each_picture_for_itself),
        cmocka_unit_test(beyond_a_unit_are_zeros),
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
