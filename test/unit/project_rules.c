/* The names of rules and starts, and what a projection refuses. */
#include "support.h"

static void names_and_back(void **state)
{
    static const char *const rules[] = { "reconstruct", "deconvnet", "guided", "gradient", "linear" };
    static const char *const froms[] = { "layer", "channel", "peak", "zero", "unit" };

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(dcn_rule_name((dcn_rule)i), rules[i]);
        assert_int_equal(dcn_rule_find(rules[i]), i);
        assert_string_equal(dcn_from_name((dcn_from)i), froms[i]);
        assert_int_equal(dcn_from_find(froms[i]), i);
    }
    assert_string_equal(dcn_rule_name((dcn_rule)5), "unknown");
    assert_string_equal(dcn_from_name((dcn_from)-1), "unknown");
    assert_int_equal(dcn_rule_find("Gradient"), -1);
    assert_int_equal(dcn_rule_find(""), -1);
    assert_int_equal(dcn_from_find("layers"), -1);
}

static void refusals(void **state)
{
    dcn_graph *g = graph_of("x = input 4x4x1; a = conv filters=3 kernel=3; b = conv filters=2 kernel=3; c = conv a filters=2 "
                            "kernel=1");
    const dcn_route routes[] = { { .layer = 2, .rule = DCN_RULE_GRADIENT }, { .layer = 1, .rule = DCN_RULE_DECONVNET } };
    float x[16] = { 0 }, out[64];
    dcn_plan *p, *bare;

    (void)state;
    set_weights(g, 1, 2, 0);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = routes, .n_routes = 2, .keep_all = 1 });
    bare = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = routes, .n_routes = 1 });
    must_say(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, out, &err), DCN_USAGE,
             "b: has no value yet; call dcn_plan_forward first");
    must_say(dcn_plan_signal(p, 1, out, &err), DCN_USAGE, "a: no signal yet; call dcn_plan_project first");
    dcn_plan_forward(p, x, 1);
    dcn_plan_forward(bare, x, 1);
    must_say(dcn_plan_project(p, -1, DCN_FROM_LAYER, 0, out, &err), DCN_USAGE,
             "route: -1 is outside 0..1; name a route of the plan");
    must_say(dcn_plan_project(p, 2, DCN_FROM_LAYER, 0, out, &err), DCN_USAGE,
             "route: 2 is outside 0..1; name a route of the plan");
    must_say(dcn_plan_project(p, 0, DCN_FROM_CHANNEL, 2, out, &err), DCN_USAGE,
             "b: channel 2 is outside 0..1; choose another");
    must_say(dcn_plan_project(p, 0, DCN_FROM_PEAK, -1, out, &err), DCN_USAGE,
             "b: channel -1 is outside 0..1; choose another");
    must_say(dcn_plan_project(p, 0, (dcn_from)5, 0, out, &err), DCN_USAGE, "b: there is no start number 5; use a dcn_from");
    must_say(dcn_plan_project(p, 0, DCN_FROM_UNIT, 0, out, &err), DCN_USAGE,
             "b: a start at one unit needs its place; use dcn_plan_project_starts");
    must(dcn_plan_project(p, 0, DCN_FROM_LAYER, -5, out, &err));   /* the channel does not matter here */
    must(dcn_plan_signal(p, 2, out, &err));
    must_say(dcn_plan_signal(p, 3, out, &err), DCN_USAGE,
             "c: the last walk did not pass this node; name one between the input and the layer");
    must_say(dcn_plan_signal(p, 4, out, &err), DCN_USAGE, "node: 4 is outside 0..3; ask dcn_graph_find");
    must(dcn_plan_project(p, 1, DCN_FROM_LAYER, 0, out, &err));
    must_say(dcn_plan_signal(p, 2, out, &err), DCN_USAGE,
             "b: the last walk did not pass this node; name one between the input and the layer");
    must(dcn_plan_project(bare, 0, DCN_FROM_LAYER, 0, out, &err));
    must(dcn_plan_signal(bare, 0, out, &err));
    must_say(dcn_plan_signal(bare, 1, out, &err), DCN_USAGE,
             "a: its signal is not kept; create the plan with keep_all");
    dcn_plan_forward(p, x, 1);   /* signals belong to the pictures of their walk */
    must_say(dcn_plan_signal(p, 1, out, &err), DCN_USAGE, "a: no signal yet; call dcn_plan_project first");
    dcn_plan_destroy(p);
    dcn_plan_destroy(bare);
    dcn_graph_destroy(g);
}

/* One ReLU between two 1x1 convolutions, x -> 2x - 3 -> ReLU -> kernel y + bias: by hand. */
static void every_rule_by_hand(void **state)
{
    static const float x[4] = { 1, 2, 3, -4 };      /* through the ReLU: 0, 1, 3, 0 */
    static const struct { float kernel, bias, wanted[4][4]; } hand[] = {
        /* v = 1, 0, -2, 1; s = -v at the ReLU; reconstruct: -(v - 1) = 0, 1, 3, 0; less -3; times 2 */
        { -1, 1, { [DCN_RULE_GRADIENT] = { 0, 0, 4, 0 }, [DCN_RULE_DECONVNET] = { 0, 0, 4, 0 },
                   [DCN_RULE_GUIDED] = { 0, 0, 4, 0 }, [DCN_RULE_RECONSTRUCT] = { 6, 8, 12, 6 } } },
        /* v = s = 1, 2, 4, 1: also where the ReLU was shut */
        { 1, 1, { [DCN_RULE_GRADIENT] = { 0, 4, 8, 0 }, [DCN_RULE_DECONVNET] = { 2, 4, 8, 2 },
                  [DCN_RULE_GUIDED] = { 0, 4, 8, 0 }, [DCN_RULE_RECONSTRUCT] = { 6, 8, 12, 6 } } },
        /* v = s = -2, -1, 1, -2: negative where it was open */
        { 1, -2, { [DCN_RULE_GRADIENT] = { 0, -2, 2, 0 }, [DCN_RULE_DECONVNET] = { 0, 0, 2, 0 },
                   [DCN_RULE_GUIDED] = { 0, 0, 2, 0 }, [DCN_RULE_RECONSTRUCT] = { 6, 8, 12, 6 } } },
    };
    static const char *const engines[] = { "ref", "ref64", "cpu" };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t h = 0; has_engine(engines[e]) && h < COUNT(hand); h++) {
            dcn_graph *g = graph_of("input 2x2x1; conv filters=1 kernel=1; relu; conv filters=1 kernel=1");
            const float weights[4] = { 2, -3, hand[h].kernel, hand[h].bias };
            float out[4];

            for (int i = 0; i < 4; i++)
                must(dcn_graph_set_weight(g, i, &weights[i], 1, &err));
            for (int r = 0; r < 4; r++) {
                const dcn_route route = { .layer = 3, .rule = (dcn_rule)r };
                dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .routes = &route, .n_routes = 1 });

                dcn_plan_forward(p, x, 1);
                must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, out, &err));
                assert_close(out, hand[h].wanted[r], 4, 0, 0, dcn_rule_name(route.rule));
                dcn_plan_destroy(p);
            }
            dcn_graph_destroy(g);
        }
}

/* A NaN is no peak as long as the channel holds a number, wherever it stands; else the first is. */
static void a_nan_is_no_peak(void **state)
{
    static const struct { float x[4]; int peak; } cases[] = {
        { { NAN, 1, 3, 2 }, 2 }, { { 1, NAN, NAN, -1 }, 0 }, { { -1, 2, NAN, 2 }, 1 },
        { { NAN, NAN, NAN, -5 }, 3 }, { { NAN, -INFINITY, -INFINITY, NAN }, 1 },
        { { NAN, NAN, NAN, NAN }, 0 },
    };
    static const char *const engines[] = { "ref", "ref64", "cpu" };
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t c = 0; has_engine(engines[e]) && c < COUNT(cases); c++) {
            dcn_graph *g = graph_of("x = input 2x2x1; avg_pool 1");   /* a copy: nothing spreads a NaN */
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .routes = &route, .n_routes = 1 });
            float out[4];

            dcn_plan_forward(p, cases[c].x, 1);
            must(dcn_plan_project(p, 0, DCN_FROM_PEAK, 0, out, &err));
            for (int i = 0; i < 4; i++) {
                const float wanted = i == cases[c].peak ? cases[c].x[i] : 0;

                if (isnan(wanted) ? !isnan(out[i]) : !(out[i] == wanted))
                    fail_msg("%s, case %zu, cell %d: %g", engines[e], c, i, (double)out[i]);
            }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
        }
}

/* What is drawn beyond the papers is said, route by route. */
static void extensions_are_told(void **state)
{
    dcn_graph *g = graph_of("x = input 6x6x2; a = conv filters=2 kernel=3; s = sigmoid a; m = mul a s; t = silu; "
                            "conv filters=2 kernel=3");
    const dcn_route routes[] = { { .layer = 5, .rule = DCN_RULE_GUIDED, .extend = 1 },
                                 { .layer = 5, .rule = DCN_RULE_GRADIENT },
                                 { .layer = 1, .rule = DCN_RULE_GUIDED, .extend = 1 } };
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 2, 0);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = routes, .n_routes = 3, .starts = 2 });
    assert_string_equal(dcn_plan_extensions(p, 0), "gate held constant at m, silu guided at t");
    assert_null(dcn_plan_extensions(p, 1));
    assert_null(dcn_plan_extensions(p, 2));
    assert_null(dcn_plan_extensions(p, 3));
    assert_null(dcn_plan_extensions(p, -1));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_back),
        cmocka_unit_test(refusals),
        cmocka_unit_test(every_rule_by_hand),
        cmocka_unit_test(a_nan_is_no_peak),
        cmocka_unit_test(extensions_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
