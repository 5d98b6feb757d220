/* The engine cpu in whole plans: bits that do not depend on threads, weights that are packed once
 * or not at all, its exponential, the machine's peak. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "graph/graph.h"

#ifdef DCN_HAVE_DNNL

#include "engine/cpu/activation.h"

/* The tutorial's network, a batch whose last chunk is not full, more threads than cores. */
static void threads_change_no_bit(void **state)
{
    enum { N = 29, PICTURE = 24 * 24 * 3, MOST = 5 * 5 * 64 * 64 };
    static const int threads[] = { 1, 2, 7 };
    static float pictures[N * PICTURE], first[8][MOST], again[MOST], drawn[2][N * PICTURE];
    const dcn_route route = { .layer = 6, .rule = DCN_RULE_RECONSTRUCT };
    dcn__random r = dcn__random_stream(7, 7, 7);
    dcn_loss loss, first_loss = { 0 };
    int32_t labels[N];
    dcn_graph *g;
    dcn_error err;

    (void)state;
    assert_int_equal(dcn_graph_tutorial(&g, 3, 10, &err), DCN_OK);
    assert_int_equal(dcn_graph_init_weights(g, 3, &err), DCN_OK);
    for (int i = 0; i < N * PICTURE; i++)
        pictures[i] = (float)dcn__random_normal(&r);
    for (int i = 0; i < N; i++)
        labels[i] = i % 10;
    for (int t = 0; t < 3; t++) {
        const dcn_plan_desc desc = { .engine = "cpu",
                                     .batch = 40,
                                     .threads = threads[t],
                                     .training = 1,
                                     .routes = &route,
                                     .n_routes = 1 };
        dcn_plan *plan;

        assert_int_equal(dcn_plan_create(&plan, g, &desc, &err), DCN_OK);
        dcn_plan_forward(plan, pictures, N);
        assert_int_equal(dcn_plan_project(plan, 0, DCN_FROM_LAYER, 0, drawn[t > 0], &err), DCN_OK);
        assert_int_equal(dcn_plan_gradient(plan, pictures, labels, N, &loss, &err), DCN_OK);
        assert_memory_equal(drawn[0], drawn[t > 0], sizeof drawn[0]);
        for (int i = 0; i < dcn_graph_weight_count(g); i++) {
            const size_t bytes = (size_t)g->weights[i].count * sizeof(float);

            assert_int_equal(dcn_plan_weight_gradient(plan, i, t ? again : first[i], &err), DCN_OK);
            if (t)
                assert_memory_equal(again, first[i], bytes);
        }
        if (!t)
            first_loss = loss;
        assert_true(loss.loss == first_loss.loss && loss.correct == first_loss.correct);
        dcn_plan_destroy(plan);
    }
    dcn_graph_destroy(g);
}

/* A single picture is one chunk, and the threads work inside the layers: also in a dense layer,
 * where oneDNN would cut the sum itself among them. */
static void threads_inside_a_layer_change_no_bit(void **state)
{
    enum { PICTURE = 7 * 7 * 512, OUT = 100 };
    static const char text[] = "input 7x7x512; conv filters=512 kernel=3; relu; dense units=100";
    static float picture[PICTURE], value[2][OUT], drawn[2][PICTURE];
    const dcn_route route = { .layer = 3, .rule = DCN_RULE_GRADIENT };
    dcn__random r = dcn__random_stream(11, 7, 7);
    dcn_graph *g;
    dcn_error err;

    (void)state;
    assert_int_equal(dcn_graph_parse(&g, text, sizeof text - 1, "net", NULL, &err), DCN_OK);
    assert_int_equal(dcn_graph_init_weights(g, 3, &err), DCN_OK);
    for (int i = 0; i < PICTURE; i++)
        picture[i] = (float)dcn__random_normal(&r);
    for (int t = 0; t < 2; t++) {
        const dcn_plan_desc desc = { .engine = "cpu", .batch = 1, .threads = 1 + 2 * t,
                                     .routes = &route, .n_routes = 1 };
        dcn_plan *plan;

        assert_int_equal(dcn_plan_create(&plan, g, &desc, &err), DCN_OK);
        dcn_plan_forward(plan, picture, 1);
        assert_int_equal(dcn_plan_value(plan, 3, value[t], &err), DCN_OK);
        assert_int_equal(dcn_plan_project(plan, 0, DCN_FROM_LAYER, 0, drawn[t], &err), DCN_OK);
        dcn_plan_destroy(plan);
    }
    assert_memory_equal(value[0], value[1], sizeof value[0]);
    assert_memory_equal(drawn[0], drawn[1], sizeof drawn[0]);
    dcn_graph_destroy(g);
}

/* In units of the last place of the right answer, over every 499th float. */
static void the_exponential_is_near(void **state)
{
    double worst = 0;

    (void)state;
    for (uint32_t bits = 0; bits < 0xff800000u - 499; bits += 499) {
        float x;

        memcpy(&x, &bits, sizeof x);
        if (x >= -87.3f && x <= 88.3f) {
            const double right = exp((double)x), ulp = ldexp(1, ilogb(right) - 23);

            worst = fmax(worst, fabs((double)dcn__cpu_exp(x) - right) / ulp);
        }
    }
    if (!(worst <= 2))
        fail_msg("off by %g units in the last place", worst);
    assert_true(dcn__cpu_exp(-200) == 0 && isinf(dcn__cpu_exp(89)) && isnan(dcn__cpu_exp(NAN)));
    assert_true(dcn__cpu_exp(-INFINITY) == 0 && isinf(dcn__cpu_exp(INFINITY)));
}

/* Weights that are too many to be packed, and a batch cut into chunks of several pictures. */
static void large_dense_layers_are_equal(void **state)
{
    enum { I = 8192, O = 1024, N = 16 };
    static const char text[] = "input 1x1x8192; dense units=1024";
    static float pictures[N * I], value[2][N * O], drawn[2][N * I];
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    float *weights = dcn__alloc_array((size_t)I * O, sizeof *weights), bias[O];
    dcn_graph *g;
    dcn_error err;

    (void)state;
    assert_non_null(weights);
    for (size_t i = 0; i < (size_t)I * O; i++)
        weights[i] = (float)(int)(i * 2654435761u >> 8 & 3) - 1;
    for (int i = 0; i < O; i++)
        bias[i] = (float)i;
    for (int i = 0; i < N * I; i++)
        pictures[i] = i / 3 % 4 ? 0 : (float)(i % 5 - 2);
    assert_int_equal(dcn_graph_parse(&g, text, sizeof text - 1, "net", NULL, &err), DCN_OK);
    assert_int_equal(dcn_graph_set_weight(g, 0, weights, (int64_t)I * O, &err), DCN_OK);
    assert_int_equal(dcn_graph_set_weight(g, 1, bias, O, &err), DCN_OK);
    for (int e = 0; e < 2; e++) {
        const dcn_plan_desc desc = { .engine = e ? "ref" : "cpu", .batch = N, .threads = 2,
                                     .routes = &route, .n_routes = 1 };
        dcn_plan *plan;

        assert_int_equal(dcn_plan_create(&plan, g, &desc, &err), DCN_OK);
        dcn_plan_forward(plan, pictures, N);
        assert_int_equal(dcn_plan_value(plan, 1, value[e], &err), DCN_OK);
        assert_int_equal(dcn_plan_project(plan, 0, DCN_FROM_CHANNEL, 9, drawn[e], &err), DCN_OK);
        dcn_plan_destroy(plan);
    }
    assert_memory_equal(value[0], value[1], sizeof value[0]);
    for (int i = 0; i < N * I; i++)
        assert_true(drawn[0][i] == drawn[1][i]);
    dcn__free(weights);
    dcn_graph_destroy(g);
}

/* Many ways through one layer: its weights are packed once. */
static void routes_share_weights(void **state)
{
    static const char text[] = "input 6x6x256; conv filters=256 kernel=3; relu";
    const size_t packed = (size_t)256 * 256 * 9 * sizeof(float);
    dcn_route routes[4];
    size_t bytes[2];
    dcn_graph *g;
    dcn_error err;

    (void)state;
    assert_int_equal(dcn_graph_parse(&g, text, sizeof text - 1, "net", NULL, &err), DCN_OK);
    assert_int_equal(dcn_graph_init_weights(g, 3, &err), DCN_OK);
    for (int i = 0; i < 4; i++)
        routes[i] = (dcn_route){ .layer = 2, .rule = (dcn_rule)i };
    for (int i = 0; i < 2; i++) {
        const dcn_plan_desc desc = { .engine = "cpu", .batch = 1, .threads = 1, .routes = routes,
                                     .n_routes = i ? 4 : 1 };
        dcn_plan *plan;

        assert_int_equal(dcn_plan_create(&plan, g, &desc, &err), DCN_OK);
        bytes[i] = dcn_plan_bytes(plan);
        dcn_plan_destroy(plan);
    }
    assert_true(bytes[0] > packed && bytes[1] < bytes[0] + packed);
    dcn_graph_destroy(g);
}

static void the_peak_is_a_speed(void **state)
{
    const double peak = dcn_machine_peak(1);

    (void)state;
    assert_true(peak > 0.1 && peak < 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(threads_inside_a_layer_change_no_bit),
        cmocka_unit_test(large_dense_layers_are_equal),
        cmocka_unit_test(routes_share_weights),
        cmocka_unit_test(the_exponential_is_near),
        cmocka_unit_test(the_peak_is_a_speed),
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
