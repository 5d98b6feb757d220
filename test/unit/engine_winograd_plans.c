/* Plans of the engine cpu that convolve by Winograd: values, switches and gradients beside engine ref in
 * double, bits that depend on neither threads nor chunks, weights packed again after they changed, and
 * any allocation that fails. The loops alone are engine_winograd.c's. */
#include "random_graph.h"

#include "base/memory.h"
#include "engine/plan.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/winograd_kernel.h"
#include "narrower.h"

enum { H = 28, W = 24, C = 16, PICTURE = H * W * C, N = 9, LAYERS = 4 };

/* Each kind of kernel: with a ReLU and a pool, with a pool alone, and, when training, alone and with an
 * activation behind it. */
static const char net[] = "input 28x24x16; conv filters=32 kernel=5; relu; max_pool 2; "
                          "conv filters=32 kernel=3; relu; conv filters=48 kernel=3; max_pool 2; "
                          "conv filters=32 kernel=5; leaky_relu; dense units=10";

static dcn_graph *make_graph(void)
{
    dcn_graph *g = graph_of(net);

    assert_int_equal(dcn_graph_init_weights(g, 5, &err), DCN_OK);
    return g;
}

static float *make_pictures(int n)
{
    float *x = dcn__alloc_array((size_t)n * PICTURE, sizeof *x);
    dcn__random r = dcn__random_stream(1, 2, 3);

    assert_non_null(x);
    for (int i = 0; i < n * PICTURE; i++)
        x[i] = (float)dcn__random_normal(&r);
    return x;
}

/* All pictures' values of a node. */
static float *value_of(const dcn_plan *p, dcn_node node, int n)
{
    float *y = dcn__alloc_array((size_t)n * size_of(p->graph, node), sizeof *y);

    assert_non_null(y);
    if (dcn_plan_value(p, node, y, &err))
        fail_msg("%s", err.text);
    return y;
}

/* The 2-norm of a - b over that of b. */
static double distance(const float *a, const float *b, size_t n)
{
    double apart = 0, size = 0;

    for (size_t i = 0; i < n; i++) {
        apart += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(apart / size);
}

/* Of so many layers: each adds its own and hands on what it got. */
static double allowed(int layers)
{
    return (double)DCN__WINOGRAD_ERROR * layers;
}

static void the_network_is_done_by_winograd(void **state)
{
    static const char *const convs[] = { "conv1", "conv3" }, *const pools[] = { "max_pool1", "max_pool2" };
    dcn_graph *g = make_graph();

    (void)state;
    for (int i = 0; i < 2; i++) {
        const dcn__node *conv = &g->nodes[node_of(g, convs[i])], *pool = &g->nodes[node_of(g, pools[i])];

        assert_true(dcn__winograd_pool_fits(g, DCN__SUMS_FAITHFUL, conv, pool));
        assert_true(dcn__winograd_pool_fits(g, DCN__SUMS_FAST, conv, pool));
        assert_false(dcn__winograd_pool_fits(g, DCN__SUMS_DIRECT, conv, pool));
    }
    dcn_graph_destroy(g);
}

/* Where the definition's winner leads by more than the allowed error, it has won. */
static void check_switches(const dcn_plan *mine, const dcn_plan *ref, const char *name, int layers)
{
    const dcn_node node = node_of(mine->graph, name);
    const dcn__node *pool = &mine->graph->nodes[node];
    const dcn_shape in = mine->graph->nodes[pool->inputs[0]].shape;
    const size_t size = size_of(mine->graph, node);
    float *x = value_of(ref, pool->inputs[0], N);
    double most = 0;
    int certain = 0;

    for (size_t i = 0; i < N * (size_t)dcn__shape_size(in); i++)
        most = fabs((double)x[i]) > most ? fabs((double)x[i]) : most;
    for (int n = 0; n < N; n++) {
        const uint8_t *a = dcn__plan_kept_picture(mine, DCN__SLOT_SWITCH, node, n);
        const uint8_t *b = dcn__plan_kept_picture(ref, DCN__SLOT_SWITCH, node, n);

        for (size_t i = 0; i < size; i++) {
            const size_t c = i % (size_t)in.c, j = i / (size_t)in.c % (size_t)pool->shape.w;
            const size_t row = i / (size_t)in.c / (size_t)pool->shape.w;
            float v[4], lead = INFINITY;

            for (size_t p = 0; p < 4; p++)
                v[p] = x[(((size_t)n * (size_t)in.h + 2 * row + p / 2) * (size_t)in.w + 2 * j + p % 2) *
                             (size_t)in.c + c];
            for (int p = 0; p < 4; p++)
                if (p != b[i] && v[b[i]] - v[p] < lead)
                    lead = v[b[i]] - v[p];
            if ((double)lead <= 2 * allowed(layers) * most)
                continue;
            certain++;
            if (a[i] != b[i])
                fail_msg("%s: switch %zu of picture %d is %d, wanted %d", name, i, n, a[i], b[i]);
        }
    }
    assert_true((size_t)certain > N * size / 4);
    dcn__free(x);
}

static void pictures_agree_with_the_definition(void **state)
{
    dcn_graph *g = make_graph();
    float *x = make_pictures(N), *drawn[2];
    const dcn_route route = { .layer = node_of(g, "max_pool2"), .rule = DCN_RULE_DECONVNET };
    const dcn_plan_desc desc = { .engine = "cpu", .batch = N, .threads = 2, .routes = &route,
                                 .n_routes = 1 };
    dcn_plan_desc other = desc;
    dcn_plan *mine, *ref, *exact;
    const dcn_node last = node_of(g, "dense1");
    float *got, *want, *direct;

    (void)state;
    other.engine = "ref64", other.keep_all = 1;
    mine = plan_of(g, desc), ref = plan_of(g, other);
    other = desc, other.exact = 1;
    exact = plan_of(g, other);
    dcn_plan_forward(mine, x, N);
    dcn_plan_forward(ref, x, N);
    dcn_plan_forward(exact, x, N);
    got = value_of(mine, last, N), want = value_of(ref, last, N), direct = value_of(exact, last, N);
    assert_true(distance(got, want, N * size_of(g, last)) <= allowed(LAYERS));
    assert_true(memcmp(got, direct, N * size_of(g, last) * sizeof *got) != 0);
    check_switches(mine, ref, "max_pool1", 1);
    check_switches(mine, ref, "max_pool2", 3);
    for (int i = 0; i < 2; i++) {
        drawn[i] = make_pictures(N);
        assert_int_equal(dcn_plan_project(i ? ref : mine, 0, DCN_FROM_LAYER, 0, drawn[i], &err), DCN_OK);
    }
    assert_true(distance(drawn[0], drawn[1], (size_t)N * PICTURE) <= allowed(2 * LAYERS));
    dcn__free(drawn[0]);
    dcn__free(drawn[1]);
    dcn__free(got);
    dcn__free(want);
    dcn__free(direct);
    dcn__free(x);
    dcn_plan_destroy(mine);
    dcn_plan_destroy(ref);
    dcn_plan_destroy(exact);
    dcn_graph_destroy(g);
}

/* Every weight's gradient: the whole way up and down by any method. */
static void gradients_agree_with_the_definition(void **state)
{
    static const char *const engines_[] = { "cpu", "ref64", "cpu" };
    dcn_graph *g = make_graph();
    float *x = make_pictures(N);
    int32_t labels[N];
    dcn_plan *p[3];
    dcn_loss loss[3];
    bool differ = false;

    (void)state;
    for (int i = 0; i < N; i++)
        labels[i] = i;
    for (int i = 0; i < 3; i++) {
        p[i] = plan_of(g, (dcn_plan_desc){ .engine = engines_[i], .batch = N, .training = 1,
                                           .threads = 2, .exact = i == 2 });
        assert_int_equal(dcn_plan_gradient(p[i], x, labels, N, &loss[i], &err), DCN_OK);
    }
    assert_true(fabs(loss[0].loss - loss[1].loss) <= allowed(2 * LAYERS) * loss[1].loss);
    for (int w = 0; w < g->n_weights; w++) {
        const size_t n = (size_t)g->weights[w].count;
        float *d[3];

        for (int i = 0; i < 3; i++) {
            d[i] = dcn__alloc_array(n, sizeof *d[i]);
            assert_int_equal(dcn_plan_weight_gradient(p[i], w, d[i], &err), DCN_OK);
        }
        if (!(distance(d[0], d[1], n) <= allowed(4 * LAYERS)))
            fail_msg("%s: the gradient is %.3g off", g->weights[w].name, distance(d[0], d[1], n));
        differ = differ || memcmp(d[0], d[2], n * sizeof *d[0]) != 0;
        for (int i = 0; i < 3; i++)
            dcn__free(d[i]);
    }
    assert_true(differ);
    for (int i = 0; i < 3; i++)
        dcn_plan_destroy(p[i]);
    dcn__free(x);
    dcn_graph_destroy(g);
}

/* Every convolution here has a pool behind it, so all of the value is our own kernels'. */
static void threads_and_chunks_change_no_bit(void **state)
{
    static const char text[] = "input 28x24x16; conv filters=32 kernel=5; relu; max_pool 2; "
                               "conv filters=48 kernel=3; max_pool 2";
    static const int threads[] = { 1, 2, 3, 7 };
    dcn_graph *g = graph_of(text);
    const dcn_node last = node_of(g, "max_pool2");
    const size_t size = size_of(g, last);
    float *x = make_pictures(N), *first = NULL;

    (void)state;
    assert_int_equal(dcn_graph_init_weights(g, 5, &err), DCN_OK);
    for (int chunk = 1; chunk <= N; chunk++)
        for (int t = 0; t < 4; t++) {
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "cpu", .batch = N, .chunk = chunk,
                                                      .threads = threads[t] });
            float *y;

            dcn_plan_forward(p, x, N);
            y = value_of(p, last, N);
            if (first)
                assert_memory_equal(first, y, N * size * sizeof *y);
            if (first)
                dcn__free(y);
            else
                first = y;
            dcn_plan_destroy(p);
        }
    for (int t = 0; t < 4; t++) {
        dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "cpu", .batch = 1, .threads = threads[t] });
        float *y;

        dcn_plan_forward(p, x, 1);
        y = value_of(p, last, 1);
        assert_memory_equal(first, y, size * sizeof *y);
        dcn__free(y);
        dcn_plan_destroy(p);
    }
    dcn__free(first);
    dcn__free(x);
    dcn_graph_destroy(g);
}

/* After a step of Adam, forward and gradient are those of a plan made of the new weights. */
static void changed_weights_are_packed_again(void **state)
{
    dcn_graph *g = make_graph(), *now;
    const dcn_plan_desc desc = { .engine = "cpu", .batch = N, .training = 1, .threads = 2 };
    const dcn_node last = node_of(g, "dense1");
    float *x = make_pictures(N), *y[2];
    int32_t labels[N] = { 0, 1, 2 };
    dcn_plan *p = plan_of(g, desc), *fresh;
    dcn_loss loss[2];

    (void)state;
    assert_int_equal(dcn_plan_gradient(p, x, labels, N, &loss[0], &err), DCN_OK);
    assert_int_equal(dcn_plan_adam(p, 1e-3f, &err), DCN_OK);
    assert_int_equal(dcn_graph_copy(&now, g, &err), DCN_OK);
    assert_int_equal(dcn_plan_store_weights(p, now, &err), DCN_OK);
    fresh = plan_of(now, desc);
    dcn_plan_forward(p, x, N);
    dcn_plan_forward(fresh, x, N);
    y[0] = value_of(p, last, N), y[1] = value_of(fresh, last, N);
    assert_memory_equal(y[0], y[1], N * size_of(g, last) * sizeof *y[0]);
    assert_int_equal(dcn_plan_gradient(p, x, labels, N, &loss[0], &err), DCN_OK);
    assert_int_equal(dcn_plan_gradient(fresh, x, labels, N, &loss[1], &err), DCN_OK);
    assert_true(loss[0].loss == loss[1].loss);
    dcn__free(y[0]);
    dcn__free(y[1]);
    dcn__free(x);
    dcn_plan_destroy(p);
    dcn_plan_destroy(fresh);
    dcn_graph_destroy(now);
    dcn_graph_destroy(g);
}

/* ---- memory ----------------------------------------------------------------------------------- */

typedef struct meter { long count, fail; } meter;

static bool weigh(void *user, size_t bytes)
{
    meter *m = user;

    (void)bytes;
    return m->count++ != m->fail;
}

static void any_allocation_may_fail(void **state)
{
    dcn_graph *g = make_graph();
    const dcn_route route = { .layer = node_of(g, "max_pool2"), .rule = DCN_RULE_DECONVNET };
    const dcn_plan_desc desc = { .engine = "cpu", .batch = N, .training = 1, .threads = 1,
                                 .routes = &route, .n_routes = 1 };
    meter m = { .fail = 0 };
    dcn_status st = DCN_MEMORY;

    (void)state;
    for (; st == DCN_MEMORY && m.fail < 3000; m.fail++) {
        dcn_plan *p = NULL;

        m.count = 0;
        dcn__set_alloc_hook(weigh, &m);
        st = dcn_plan_create(&p, g, &desc, &err);
        dcn__set_alloc_hook(NULL, NULL);
        dcn_plan_destroy(p);
    }
    assert_int_equal(st, DCN_OK);
    assert_true(m.fail > 50);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_network_is_done_by_winograd),
        cmocka_unit_test(pictures_agree_with_the_definition),
        cmocka_unit_test(gradients_agree_with_the_definition),
        cmocka_unit_test(threads_and_chunks_change_no_bit),
        cmocka_unit_test(changed_weights_are_packed_again),
        cmocka_unit_test(any_allocation_may_fail),
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
