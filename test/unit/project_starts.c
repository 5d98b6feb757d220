/* Many starts at once: each is what a walk of its own would be, whoever stands beside it. */
#include "random_graph.h"

#include "base/memory.h"
#include "engine/plan.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };

static const char net[] = "x = input 14x13x2; conv filters=4 kernel=3; relu; max_pool 3 stride=2; a = conv filters=4 "
                          "kernel=3; r = relu; b = conv filters=4 kernel=3; s = add b r; relu; avg_pool 2 stride=1; "
                          "t = conv filters=3 kernel=3; relu; max_pool 2";

enum { PICTURES = 5, STARTS = 40, SIZE = 14 * 13 * 2 };

static const dcn_rule rules[] = { DCN_RULE_RECONSTRUCT, DCN_RULE_DECONVNET, DCN_RULE_GUIDED, DCN_RULE_GRADIENT,
                                  DCN_RULE_LINEAR };

static dcn_plan *plan_with(const dcn_graph *g, const char *engine, int threads, int starts)
{
    dcn_route routes[COUNT(rules)];

    for (size_t r = 0; r < COUNT(rules); r++)
        routes[r] = (dcn_route){ .layer = dcn_graph_output(g), .rule = rules[r] };
    return plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = PICTURES, .threads = threads, .routes = routes,
                                       .n_routes = COUNT(rules), .starts = starts });
}

static dcn_start some_start(uint64_t i, dcn_shape s)
{
    dcn__random r = dcn__random_stream(i, 0x73, 0);

    return (dcn_start){ .picture = pick(&r, 0, PICTURES - 1), .from = (dcn_from)pick(&r, 0, 4),
                        .channel = pick(&r, 0, s.c - 1), .y = pick(&r, 0, s.h - 1), .x = pick(&r, 0, s.w - 1),
                        .ones = pick(&r, 0, 1) };
}

/* dcn_plan_project knows no units and no ones: there the start is the whole walk's. */
static void starts_are_projections(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        static const int how_many[] = { 1, 3, 16, STARTS };
        static const dcn_from froms[] = { DCN_FROM_LAYER, DCN_FROM_CHANNEL, DCN_FROM_PEAK, DCN_FROM_ZERO };
        const double relative = strcmp(engines[e], "cpu") ? 1e-6 : 1e-5;
        dcn_graph *g;
        float x[PICTURES * SIZE], want[PICTURES * SIZE];

        if (!has_engine(engines[e]))
            continue;
        g = graph_of(net);
        set_weights(g, 2, 2, 0);
        fill_integers(x, COUNT(x), 9, 4);
        for (size_t h = 0; h < COUNT(how_many); h++) {
            dcn_plan *p = plan_with(g, engines[e], 2, how_many[h]);

            dcn_plan_forward(p, x, PICTURES);
            for (int r = 0; r < (int)COUNT(rules); r++)
                for (size_t f = 0; f < COUNT(froms); f++) {
                    const int channel = (int)(f + h) % 3, n = how_many[h] < PICTURES ? how_many[h] : PICTURES;
                    dcn_start starts[PICTURES];
                    float *got = new_output((size_t)n * SIZE), largest = 0;

                    for (int i = 0; i < n; i++)   /* the pictures from the last to the first */
                        starts[i] = (dcn_start){ .picture = PICTURES - 1 - i, .from = froms[f], .channel = channel };
                    must(dcn_plan_project(p, r, froms[f], channel, want, &err));
                    must(dcn_plan_project_starts(p, r, starts, n, got, &err));
                    for (size_t i = 0; i < COUNT(want); i++)
                        largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
                    for (int i = 0; i < n; i++)
                        assert_close(got + i * SIZE, want + starts[i].picture * SIZE, SIZE, relative * (double)largest, 0,
                                     dcn_rule_name(rules[r]));
                    free_output(got, (size_t)n * SIZE);
                }
            dcn_plan_destroy(p);
        }
        dcn_graph_destroy(g);
    }
}

/* Bits depend on the start alone: not on n, the order, the threads, or on what was asked before. */
static void starts_do_not_depend_on_each_other(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        float x[PICTURES * SIZE], *want, *got;
        dcn_start starts[STARTS], turned[STARTS];
        dcn_graph *g;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of(net);
        set_weights(g, 2, 0, 0.5f);
        fill_reals(x, COUNT(x), 9);
        want = new_output((size_t)STARTS * SIZE);
        got = new_output((size_t)STARTS * SIZE);
        for (int i = 0; i < STARTS; i++)
            turned[STARTS - 1 - i] = starts[i] = some_start((uint64_t)i, shape_of(g, dcn_graph_output(g)));
        for (int threads = 1; threads < 5; threads++) {
            dcn_plan *p = plan_with(g, engines[e], threads, STARTS);

            dcn_plan_forward(p, x, PICTURES);
            for (int r = 0; r < (int)COUNT(rules); r++) {
                dcn_plan *one = plan_with(g, engines[e], 1, STARTS);

                dcn_plan_forward(one, x, PICTURES);
                must(dcn_plan_project_starts(one, r, starts, STARTS, want, &err));
                must(dcn_plan_project_starts(p, r, turned, STARTS, got, &err));
                for (int i = 0; i < STARTS; i++)
                    assert_same_bits(got + (STARTS - 1 - i) * SIZE, want + i * SIZE, SIZE, "turned round");
                for (int i = 0; i < STARTS; i += 7) {
                    must(dcn_plan_project_starts(p, r, starts + i, 1, got, &err));
                    assert_same_bits(got, want + i * SIZE, SIZE, "alone");
                }
                dcn_plan_destroy(one);
            }
            dcn_plan_destroy(p);
        }
        free_output(want, (size_t)STARTS * SIZE);
        free_output(got, (size_t)STARTS * SIZE);
        dcn_graph_destroy(g);
    }
}

/* What is measured beside the cones is the whole way. */
static void without_cones_it_is_the_whole_way(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        const dcn_start start = { .picture = 1, .from = DCN_FROM_PEAK, .channel = 1 };
        float x[PICTURES * SIZE], *whole, *cone, *all;
        dcn_route route = { .rule = DCN_RULE_GUIDED };
        dcn_plan *p[2];
        dcn_graph *g;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of("input 14x13x2; conv filters=4 kernel=3; relu; conv filters=3 kernel=3; relu");
        set_weights(g, 2, 0, 0.5f);
        fill_reals(x, COUNT(x), 9);
        route.layer = dcn_graph_output(g);
        for (int i = 0; i < 2; i++) {
            p[i] = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = PICTURES, .chunk = 1, .routes = &route,
                                               .n_routes = 1, .starts = 3, .no_cones = i });
            dcn_plan_forward(p[i], x, PICTURES);
        }
        assert_true(p[0]->cones[0].program.n_groups > 0 && p[1]->cones[0].program.n_groups == 0);
        cone = new_output(SIZE);
        whole = new_output(SIZE);
        all = new_output((size_t)PICTURES * SIZE);
        must(dcn_plan_project_starts(p[0], 0, &start, 1, cone, &err));
        must(dcn_plan_project_starts(p[1], 0, &start, 1, whole, &err));
        must(dcn_plan_project(p[1], 0, DCN_FROM_PEAK, 1, all, &err));
        assert_same_bits(whole, all + SIZE, SIZE, "the whole way");
        assert_close(cone, whole, SIZE, 1e-5, 1e-5, "the cone");
        free_output(cone, SIZE);
        free_output(whole, SIZE);
        free_output(all, (size_t)PICTURES * SIZE);
        dcn_plan_destroy(p[0]);
        dcn_plan_destroy(p[1]);
        dcn_graph_destroy(g);
    }
}

static void a_peak_is_where_it_is_said_to_be(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        float x[PICTURES * SIZE], peak[SIZE], unit[SIZE];
        dcn_graph *g;
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of(net);
        set_weights(g, 2, 2, 0);
        fill_integers(x, COUNT(x), 9, 4);
        p = plan_with(g, engines[e], 2, 8);
        dcn_plan_forward(p, x, PICTURES);
        for (int i = 0; i < PICTURES * 3; i++) {
            dcn_start start = { .picture = i / 3, .from = DCN_FROM_PEAK, .channel = i % 3 };
            const dcn_shape s = shape_of(g, dcn_graph_output(g));
            float *y = malloc((size_t)PICTURES * (size_t)(s.h * s.w * s.c) * sizeof *y), value;

            must(dcn_plan_value(p, dcn_graph_output(g), y, &err));
            must(dcn_plan_project_starts(p, 3, &start, 1, peak, &err));
            must(dcn_plan_peak(p, dcn_graph_output(g), start.picture, start.channel, &start.y, &start.x, &value, &err));
            start.from = DCN_FROM_UNIT;
            must(dcn_plan_project_starts(p, 3, &start, 1, unit, &err));
            assert_same_bits(unit, peak, SIZE, "the peak's unit");
            for (int k = 0; k < s.h * s.w; k++) {
                const float v = y[(start.picture * s.h * s.w + k) * s.c + start.channel];
                const int at = start.y * s.w + start.x;

                assert_true(v <= value && (v < value || k >= at));
                assert_true(k != at || v == value);
            }
            free(y);
        }
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
}

static void refusals(void **state)
{
    dcn_graph *g = graph_of("x = input 4x4x1; a = conv filters=3 kernel=3; b = conv filters=2 kernel=3");
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    const struct { dcn_start start; const char *sentence; } bad[] = {
        { { .from = (dcn_from)5 }, "a: there is no start number 5; use a dcn_from" },
        { { .from = DCN_FROM_UNIT, .channel = 3 }, "a: channel 3 is outside 0..2; choose another" },
        { { .from = DCN_FROM_PEAK, .channel = -1 }, "a: channel -1 is outside 0..2; choose another" },
        { { .from = DCN_FROM_UNIT, .y = 4 }, "a: unit 4,0 is outside its 4 rows and 4 columns; choose another" },
        { { .from = DCN_FROM_UNIT, .x = -1 }, "a: unit 0,-1 is outside its 4 rows and 4 columns; choose another" },
        { { .picture = 2 }, "a: picture 2 is outside 0..1 of the last forward; choose another" },
        { { .picture = -1 }, "a: picture -1 is outside 0..1 of the last forward; choose another" },
    };
    float x[48] = { 0 }, out[64], value;
    dcn_start starts[4] = { { 0 } };
    int row, column;
    dcn_plan *p, *bare;

    (void)state;
    set_weights(g, 1, 2, 0);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 3, .routes = &route, .n_routes = 1, .starts = 3 });
    bare = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 3, .routes = &route, .n_routes = 1 });
    must_say(dcn_plan_project_starts(p, 0, starts, 1, out, &err), DCN_USAGE,
             "a: has no value yet; call dcn_plan_forward first");
    must_say(dcn_plan_peak(p, 1, 0, 0, &row, &column, &value, &err), DCN_USAGE,
             "a: has no value yet; call dcn_plan_forward first");
    dcn_plan_forward(p, x, 2);
    dcn_plan_forward(bare, x, 2);
    for (size_t i = 0; i < COUNT(bad); i++) {
        starts[2] = bad[i].start;
        for (int k = 0; k < 64; k++)
            out[k] = 7;
        must_say(dcn_plan_project_starts(p, 0, starts, 3, out, &err), DCN_USAGE, bad[i].sentence);
        for (int k = 0; k < 64; k++)
            assert_true(out[k] == 7);   /* nothing was drawn */
    }
    must_say(dcn_plan_project_starts(p, 1, starts, 1, out, &err), DCN_USAGE,
             "route: 1 is outside 0..0; name a route of the plan");
    must_say(dcn_plan_project_starts(p, 0, starts, 4, out, &err), DCN_USAGE,
             "starts: 4 are not 0..3; create the plan for more");
    must_say(dcn_plan_project_starts(bare, 0, starts, 1, out, &err), DCN_USAGE,
             "starts: 1 are not 0..0; create the plan for more");
    must(dcn_plan_project_starts(p, 0, NULL, 0, NULL, &err));
    must_say(dcn_plan_peak(p, 3, 0, 0, &row, &column, &value, &err), DCN_USAGE,
             "node: 3 is outside 0..2; ask dcn_graph_find");
    must_say(dcn_plan_peak(p, 1, 2, 0, &row, &column, &value, &err), DCN_USAGE,
             "a: picture 2 is outside 0..1 of the last forward; choose another");
    must_say(dcn_plan_peak(p, 1, 0, 3, &row, &column, &value, &err), DCN_USAGE,
             "a: channel 3 is outside 0..2; choose another");
    assert_true(dcn_plan_bytes(p) > dcn_plan_bytes(bare));
    assert_non_null(strstr(dcn_plan_text(p), "; 3 starts in chunks of "));
    assert_null(strstr(dcn_plan_text(bare), "starts"));
    dcn_plan_destroy(p);
    dcn_plan_destroy(bare);
    dcn_graph_destroy(g);
}

/* Between the route's layer and the output nothing stays. */
static void a_value_that_is_not_kept(void **state)
{
    dcn_graph *g = graph_of("x = input 4x4x1; a = conv filters=3 kernel=3; b = conv filters=2 kernel=3; c = conv filters=2 "
                            "kernel=3; d = conv filters=2 kernel=3");
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    float x[32] = { 0 }, value = 7;
    int row = 7, column = 7;
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 2, 0);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 2, .routes = &route, .n_routes = 1 });
    dcn_plan_forward(p, x, 2);
    must_say(dcn_plan_peak(p, 2, 0, 0, &row, &column, &value, &err), DCN_USAGE,
             "b: is not kept by this plan; create it with keep_all or with a route from this layer");
    assert_true(row == 7 && column == 7 && value == 7);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

/* A NaN is drawn as a NaN, also through a cone, and a channel of NaN has its first unit as peak. */
static void a_nan_is_no_peak(void **state)
{
    static const float cases[][4] = { { NAN, 1, 3, 2 }, { 1, NAN, NAN, -1 }, { NAN, NAN, NAN, -5 },
                                      { NAN, -INFINITY, -INFINITY, NAN }, { NAN, NAN, NAN, NAN }, { -1, 2, NAN, 2 } };
    static const int peaks[] = { 2, 0, 3, 1, 0, 1 };
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    const dcn_start start = { .from = DCN_FROM_PEAK };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t c = 0; has_engine(engines[e]) && c < COUNT(cases); c++) {
            dcn_graph *g = graph_of("x = input 2x2x1; avg_pool 1");
            dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .routes = &route, .n_routes = 1, .starts = 1 });
            float out[4], value;
            int y, x;

            assert_true(p->cones[0].program.n_groups > 0);
            dcn_plan_forward(p, cases[c], 1);
            must(dcn_plan_peak(p, 1, 0, 0, &y, &x, &value, &err));
            assert_int_equal(2 * y + x, peaks[c]);
            must(dcn_plan_project_starts(p, 0, &start, 1, out, &err));
            for (int i = 0; i < 4; i++) {
                const float want = i == peaks[c] ? cases[c][i] : 0;

                if (isnan(want) ? !isnan(out[i]) : !(out[i] == want))
                    fail_msg("%s, case %zu, cell %d: %g", engines[e], c, i, (double)out[i]);
            }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_are_projections),
        cmocka_unit_test(starts_do_not_depend_on_each_other),
        cmocka_unit_test(without_cones_it_is_the_whole_way),
        cmocka_unit_test(a_peak_is_where_it_is_said_to_be),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_value_that_is_not_kept),
        cmocka_unit_test(a_nan_is_no_peak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
