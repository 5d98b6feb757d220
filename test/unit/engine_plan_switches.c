/* Switches of max pools: TensorFlow's form by brute force, ties, NaN, and every refusal of foreign ones. */
#include "random_graph.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };

/* Winner of a window by the header's words: the first in row-major order; NaN never wins against a
 * number. Index (y*W + x)*C + c. */
static int64_t winner(const float *in, dcn_shape s, const int window[2], int top, int left, int c, float *value)
{
    int64_t best = -1;

    for (int y = top; y < top + window[0]; y++)
        for (int x = left; x < left + window[1]; x++) {
            const int64_t i = ((int64_t)y * s.w + x) * s.c + c;

            if (y < 0 || y >= s.h || x < 0 || x >= s.w)
                continue;
            if (best < 0 || in[i] > in[best] || (isnan(in[best]) && !isnan(in[i])))
                best = i;
        }
    *value = in[best];
    return best;
}

typedef struct pool_case { const char *net; int window[2], stride[2], pad[2]; } pool_case;

static const pool_case cases[] = {
    { "input 8x8x3; max_pool 2", { 2, 2 }, { 2, 2 }, { 0, 0 } },
    { "input 7x5x2; max_pool 2", { 2, 2 }, { 2, 2 }, { 0, 0 } },
    { "input 7x5x2; max_pool 3", { 3, 3 }, { 3, 3 }, { 1, 0 } },
    { "input 9x9x2; max_pool 3 stride=2", { 3, 3 }, { 2, 2 }, { 1, 1 } },
    { "input 8x8x2; max_pool 3 stride=1", { 3, 3 }, { 1, 1 }, { 1, 1 } },
    { "input 8x9x1; max_pool 3x2 stride=2x1 pad=valid", { 3, 2 }, { 2, 1 }, { 0, 0 } },
    { "input 6x6x2; max_pool 4 stride=2 pad=3,2,1,0", { 4, 4 }, { 2, 2 }, { 3, 2 } },
    { "input 5x4x3; max_pool global", { 5, 4 }, { 5, 4 }, { 0, 0 } },
    { "input 20x20x1; max_pool 17x17 stride=1", { 17, 17 }, { 1, 1 }, { 8, 8 } },   /* switches of 4 bytes */
    { "input 1x1x1; max_pool 3 stride=1", { 3, 3 }, { 1, 1 }, { 1, 1 } },
    { "input 5x5x2; max_pool 1 stride=2", { 1, 1 }, { 2, 2 }, { 0, 0 } },
};

static dcn_plan *keeping_plan(const dcn_graph *g, const char *engine, int batch, const dcn_route *route)
{
    return plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = batch, .keep_all = 1, .routes = route,
                                       .n_routes = route ? 1 : 0, .threads = 2 });
}

/* kinds: 0 whole numbers with many ties, 1 reals, 2 constant, 3 with NaN and infinities, 4 all NaN,
 * 5 all -infinity, 6 zeros of both signs */
static void fill_kind(float *x, size_t n, int kind, uint64_t seed)
{
    fill_integers(x, n, seed, 1);
    if (kind == 1)
        fill_reals(x, n, seed);
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = dcn__hash64(seed + i * 77);

        x[i] = kind == 2 ? -3 : kind == 4 ? NAN : kind == 5 ? -INFINITY : kind == 6 ? (r & 1 ? 0.0f : -0.0f) : x[i];
        if (kind == 3 && r % 3 == 0)
            x[i] = r % 4 == 0 ? NAN : r % 4 == 1 ? INFINITY : -INFINITY;
    }
}

static void switches_by_brute_force(void **state)
{
    enum { BATCH = 3 };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t k = 0; has_engine(engines[e]) && k < COUNT(cases); k++) {
            const pool_case *pc = &cases[k];
            dcn_graph *g = graph_of(pc->net);
            const dcn_shape in = shape_of(g, 0), out = shape_of(g, 1);
            const size_t n_in = size_of(g, 0), n_out = size_of(g, 1);
            const dcn_route route = { .layer = 1, .rule = DCN_RULE_RECONSTRUCT };
            float *x = malloc(BATCH * n_in * sizeof *x), *y = new_output(BATCH * n_out), *down = new_output(BATCH * n_in);
            float *want_y = malloc(BATCH * n_out * sizeof *y), *want_down = malloc(BATCH * n_in * sizeof *x);
            int64_t *got = malloc(BATCH * n_out * sizeof *got), *want = malloc(BATCH * n_out * sizeof *want);
            dcn_plan *p = keeping_plan(g, engines[e], BATCH, &route);

            for (int kind = 0; kind < 7; kind++) {
                size_t at = 0;

                fill_kind(x, BATCH * n_in, kind, k * 10 + (uint64_t)kind);
                memset(want_down, 0, BATCH * n_in * sizeof *want_down);
                for (size_t n = 0; n < BATCH; n++)
                    for (int i = 0; i < out.h; i++)
                        for (int j = 0; j < out.w; j++)
                            for (int c = 0; c < out.c; c++, at++) {
                                want[at] = winner(x + n * n_in, in, pc->window, i * pc->stride[0] - pc->pad[0],
                                                  j * pc->stride[1] - pc->pad[1], c, &want_y[at]);
                                want_down[n * n_in + (size_t)want[at]] += want_y[at];
                            }
                dcn_plan_forward(p, x, BATCH);
                must(dcn_plan_value(p, 1, y, &err));
                must(dcn_plan_switches(p, 1, got, &err));
                assert_close(y, want_y, BATCH * n_out, 0, 0, pc->net);
                for (size_t i = 0; i < BATCH * n_out; i++)
                    if (got[i] != want[i])
                        fail_msg("%s, \"%s\", kind %d: switch %zu is %lld, not %lld", engines[e], pc->net, kind, i,
                                 (long long)got[i], (long long)want[i]);
                must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, down, &err));
                for (size_t i = 0; kind == 1 && i < BATCH * n_in; i++)   /* sums of mixed signs cancel */
                    want_down[i] += 1, down[i] += 1;
                assert_close(down, want_down, BATCH * n_in, 0, kind == 1 ? 2e-5 : 0, pc->net);
            }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
            free(x), free(want_y), free(want_down), free(got), free(want);
            free_output(y, BATCH * n_out);
            free_output(down, BATCH * n_in);
        }
}

/* Windows that overlap and agree on a winner: its values are added. */
static void overlapping_windows_add(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_graph *g;
        const dcn_route route = { .layer = 1, .rule = DCN_RULE_RECONSTRUCT };
        float x[25] = { 0 }, down[25];
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of("input 5x5x1; max_pool 3 stride=1 pad=valid");
        x[12] = 2;   /* the middle wins all nine windows */
        p = keeping_plan(g, engines[e], 1, &route);
        dcn_plan_forward(p, x, 1);
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, down, &err));
        for (int i = 0; i < 25; i++)
            assert_true(down[i] == (i == 12 ? 18 : 0));
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
}

/* ---- switches from outside ------------------------------------------------------------------- */

static void foreign_switches_are_checked_one_by_one(void **state)
{
    /* 5x5x2 input, 3x3 windows with stride 2 and a row and column of padding: 3x3x2 outputs. */
    static const struct { int cell; int64_t index; const char *why; } bad[] = {
        { 0, -1, "picture 1, cell 0,0,0: index -1 is outside the pool's input" },
        { 0, 50, "picture 1, cell 0,0,0: index 50 is outside the pool's input" },
        { 17, INT64_MAX, "picture 1, cell 2,2,1: index 9223372036854775807 is outside the pool's input" },
        { 17, INT64_MIN, "picture 1, cell 2,2,1: index -9223372036854775808 is outside the pool's input" },
        { 3, ((int64_t)1 << 32) + 7, "picture 1, cell 0,1,1: index 4294967303 is outside the pool's input" },
        { 3, -((int64_t)1 << 32) + 7, "picture 1, cell 0,1,1: index -4294967289 is outside the pool's input" },
        { 0, 1, "picture 1, cell 0,0,0: index 1 belongs to another channel" },
        { 1, 0, "picture 1, cell 0,0,1: index 0 belongs to another channel" },
        { 0, 4, "picture 1, cell 0,0,0: index 4 lies outside its window" },      /* column 2 */
        { 0, 20, "picture 1, cell 0,0,0: index 20 lies outside its window" },    /* row 2 */
        { 16, 0, "picture 1, cell 2,2,0: index 0 lies outside its window" },
        { 8, 48, "picture 1, cell 1,1,0: index 48 lies outside its window" },
    };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        float x[100], before[100], after[100];
        int64_t own[36], foreign[36], now[36];
        dcn_graph *g;
        const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of("input 5x5x2; p = max_pool 3 stride=2; relu");
        p = keeping_plan(g, engines[e], 2, &route);
        fill_reals(x, 100, 3);
        dcn_plan_forward(p, x, 2);
        must(dcn_plan_switches(p, 1, own, &err));
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, before, &err));
        for (size_t i = 0; i < COUNT(bad); i++) {
            char sentence[300];

            memcpy(foreign, own, sizeof own);
            for (int k = 0; k < 18; k++)   /* the first picture's are good, and other than its own */
                foreign[k] = ((k / 6 * 2) * 5 + k / 2 % 3 * 2) * 2 + k % 2;
            foreign[18 + bad[i].cell] = bad[i].index;
            snprintf(sentence, sizeof sentence, "p: %s; use the switches of this pool", bad[i].why);
            must_say(dcn_plan_set_switches(p, 1, foreign, 36, &err), DCN_INPUT, sentence);
            must(dcn_plan_switches(p, 1, now, &err));
            assert_memory_equal(now, own, sizeof own);   /* nothing was changed */
        }
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, after, &err));
        assert_same_bits(after, before, 100, "the projection");
        /* Good ones are taken, and the projection follows them. */
        for (int k = 0; k < 36; k++)
            foreign[k] = ((k % 18 / 6 * 2) * 5 + k % 18 / 2 % 3 * 2) * 2 + k % 2;
        must(dcn_plan_set_switches(p, 1, foreign, 36, &err));
        must(dcn_plan_switches(p, 1, now, &err));
        assert_memory_equal(now, foreign, sizeof foreign);
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, after, &err));
        {
            float y[36];

            must(dcn_plan_value(p, 1, y, &err));
            for (int i = 0; i < 100; i++)
                before[i] = 0;
            for (int k = 0; k < 36; k++)
                before[(k / 18) * 50 + foreign[k]] += y[k];
            assert_same_bits(after, before, 100, "the projection by foreign switches");
        }
        dcn_plan_forward(p, x, 2);   /* the next pictures bring their own */
        must(dcn_plan_switches(p, 1, now, &err));
        assert_memory_equal(now, own, sizeof own);
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
}

static void refuses_what_has_no_switches(void **state)
{
    dcn_graph *g = graph_of("input 4x4x1; m = max_pool 2; r = relu; n = max_pool 2");
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_GRADIENT };
    int64_t switches[16] = { 0 };
    float x[16] = { 0 }, out[16];
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = &route, .n_routes = 1 });

    (void)state;
    must_say(dcn_plan_switches(p, 1, switches, &err), DCN_USAGE, "m: has no value yet; call dcn_plan_forward first");
    must_say(dcn_plan_set_switches(p, 1, switches, 4, &err), DCN_USAGE, "m: has no value yet; call dcn_plan_forward first");
    must_say(dcn_plan_value(p, 1, out, &err), DCN_USAGE, "m: has no value yet; call dcn_plan_forward first");
    dcn_plan_forward(p, x, 1);
    must_say(dcn_plan_switches(p, 2, switches, &err), DCN_USAGE, "r: is no max pool, it has no switches; name a max pool");
    must_say(dcn_plan_switches(p, 3, switches, &err), DCN_USAGE,
             "n: its switches are not kept by this plan; create it with keep_all or a route through it");
    must_say(dcn_plan_set_switches(p, 2, switches, 4, &err), DCN_USAGE,
             "r: is no max pool, it has no switches; name a max pool");
    must_say(dcn_plan_set_switches(p, 3, switches, 1, &err), DCN_USAGE,
             "n: its switches are not kept by this plan; create it with keep_all or a route through it");
    must_say(dcn_plan_switches(p, 4, switches, &err), DCN_USAGE, "node: 4 is outside 0..3; ask dcn_graph_find");
    must_say(dcn_plan_switches(p, -1, switches, &err), DCN_USAGE, "node: -1 is outside 0..3; ask dcn_graph_find");
    must_say(dcn_plan_value(p, 2, out, &err), DCN_USAGE,
             "r: is not kept by this plan; create it with keep_all or with a route from this layer");
    must(dcn_plan_value(p, 0, out, &err));
    must(dcn_plan_value(p, 1, out, &err));
    must(dcn_plan_value(p, 3, out, &err));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switches_by_brute_force),
        cmocka_unit_test(overlapping_windows_add),
        cmocka_unit_test(foreign_switches_are_checked_one_by_one),
        cmocka_unit_test(refuses_what_has_no_switches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
