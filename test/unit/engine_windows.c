/* Winners of odd windows: nothing but NaN, nothing but -infinity, all equal, and mixtures with zeros of
 * both signs, infinities and denormal numbers. The first cell in row-major order wins, and NaN never
 * against a number (docs/ops/max_pool.md), on every engine and every way that a pool is computed:
 * alone, behind a ReLU, at the end of a convolution of any kind, on every instruction set. */
#include "faults.h"
#include "narrower.h"
#include "random_graph.h"

#include "graph/graph.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };

enum { ALL_NAN, ALL_MINUS, ALL_EQUAL, ALL_ZEROS, WITH_NAN, WITH_INFINITY, DENORMAL, USUAL, KINDS };
static const char *const kinds[KINDS] = { "all NaN", "all -Inf", "all equal", "zeros of both signs", "NaN and numbers",
                                          "Inf and numbers", "denormals", "others" };

typedef struct tally { long windows[KINDS]; } tally;

static const uint32_t nans[] = { 0x7fc00000u, 0xffc00000u, 0x7fc12345u };

static float special(dcn__random *r, int kind)
{
    static const float numbers[] = { -2, -1, -1, 0, 1, 1, 2 };
    const uint32_t bits = nans[pick(r, 0, 2)], low = (uint32_t)pick(r, 0, 3) | (pick(r, 0, 1) ? 0x80000000u : 0);
    float nan, denormal;

    memcpy(&nan, &bits, sizeof nan);
    memcpy(&denormal, &low, sizeof denormal);
    switch (kind) {
    case ALL_NAN: return nan;
    case ALL_MINUS: return -INFINITY;
    case ALL_ZEROS: return pick(r, 0, 1) ? 0.0f : -0.0f;
    case WITH_NAN: return pick(r, 0, 1) ? nan : numbers[pick(r, 0, 6)];
    case WITH_INFINITY: return pick(r, 0, 2) ? numbers[pick(r, 0, 6)] : pick(r, 0, 1) ? INFINITY : -INFINITY;
    case DENORMAL: return denormal;
    default: return numbers[pick(r, 0, 6)];
    }
}

/* Patches of one kind each, so that whole windows are of a kind, and others lie across. */
static void fill(dcn__random *r, float *x, dcn_shape s)
{
    for (int i = 0; i < s.h * s.w * s.c; i++)
        x[i] = special(r, USUAL);
    for (int patches = 0; patches < 4 + 4 * s.c; patches++) {
        const int kind = pick(r, 0, KINDS - 1), top = pick(r, 0, s.h - 1), left = pick(r, 0, s.w - 1);
        const int bottom = pick(r, top, s.h - 1), right = pick(r, left, s.w - 1), c = pick(r, 0, s.c - 1);
        const float same = special(r, pick(r, 0, 3) ? USUAL : WITH_INFINITY);

        for (int y = top; y <= bottom; y++)
            for (int k = left; k <= right; k++)
                x[(y * s.w + k) * s.c + c] = kind == ALL_EQUAL ? same : special(r, kind);
    }
}

typedef struct window { int kernel[2], stride[2], pad[2], dilation[2]; } window;

/* The winner by the words of the page, and the window's kind. */
static int64_t winner(const float *x, dcn_shape s, const window *w, int i, int j, int c, int *kind)
{
    int64_t best = -1;
    int n = 0, n_nan = 0, n_minus = 0, n_equal = 0, n_zero = 0, n_infinite = 0, n_denormal = 0;
    float first = 0;

    for (int a = 0; a < w->kernel[0]; a++)
        for (int b = 0; b < w->kernel[1]; b++) {
            const int y = i * w->stride[0] - w->pad[0] + a * w->dilation[0];
            const int k = j * w->stride[1] - w->pad[1] + b * w->dilation[1];
            const int64_t at = ((int64_t)y * s.w + k) * s.c + c;

            if (y < 0 || y >= s.h || k < 0 || k >= s.w)
                continue;
            first = n ? first : x[at];
            n++;
            n_nan += isnan(x[at]);
            n_minus += x[at] == -INFINITY;
            n_equal += x[at] == first;
            n_zero += x[at] == 0;
            n_infinite += isinf(x[at]) != 0;
            n_denormal += fpclassify(x[at]) == FP_SUBNORMAL;
            if (best < 0 || x[at] > x[best] || (isnan(x[best]) && !isnan(x[at])))
                best = at;
        }
    *kind = n_nan == n ? ALL_NAN : n_minus == n ? ALL_MINUS : n_zero == n && n > 1 ? ALL_ZEROS
            : n_equal == n && n > 1 ? ALL_EQUAL : n_nan ? WITH_NAN : n_infinite ? WITH_INFINITY
            : n_denormal ? DENORMAL : USUAL;
    return best;
}

static float rectified(float x)
{
    return x < 0 ? 0 : x;
}

static void check(const char *engine, const dcn_graph *g, dcn_node pool, const window *w, const float *x, int batch,
                  bool relu, const char *text, tally *t)
{
    const dcn_shape in = shape_of(g, 0), out = shape_of(g, pool);
    const size_t n_in = size_of(g, 0), n_out = size_of(g, pool);
    const dcn_route route = { .layer = pool, .rule = DCN_RULE_LINEAR };
    float *y = new_output((size_t)batch * n_out), *seen = new_floats(n_in);
    int64_t *got = malloc((size_t)batch * n_out * sizeof *got);
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = batch, .routes = &route, .n_routes = 1,
                                              .threads = 2 });
    size_t at = 0;

    assert_non_null(got);
    dcn_plan_forward(p, x, batch);
    must(dcn_plan_value(p, pool, y, &err));
    must(dcn_plan_switches(p, pool, got, &err));
    for (int n = 0; n < batch; n++) {
        for (size_t i = 0; i < n_in; i++)
            seen[i] = relu ? rectified(x[(size_t)n * n_in + i]) : x[(size_t)n * n_in + i];
        for (int i = 0; i < out.h; i++)
            for (int j = 0; j < out.w; j++)
                for (int c = 0; c < out.c; c++, at++) {
                    int kind;
                    const int64_t want = winner(seen, in, w, i, j, c, &kind);

                    if (got[at] != want)
                        fail_msg("%s, \"%s\", picture %d, cell %d,%d,%d (%s): winner %lld, not %lld", engine, text, n, i, j,
                                 c, kinds[kind], (long long)got[at], (long long)want);
                    if (isnan(y[at]) != isnan(seen[want]) || (!isnan(y[at]) && y[at] != seen[want]))
                        fail_msg("%s, \"%s\", picture %d, cell %d,%d,%d (%s): value %g, not %g", engine, text, n, i, j, c,
                                 kinds[kind], (double)y[at], (double)seen[want]);
                    t->windows[kind]++;
                }
    }
    dcn_plan_destroy(p);
    free_output(y, (size_t)batch * n_out);
    free(seen);
    free(got);
}

static void pools_of_any_shape(void **state)
{
    dcn__random r = dcn__random_stream(20260, 0, 0);
    const int graphs = test_full() ? 4000 : 600;
    tally t[COUNT(engines)] = { { { 0 } } };
    int made = 0;

    (void)state;
    for (int k = 0; k < graphs; k++) {
        window w;
        const int batch = pick(&r, 1, 12);
        dcn_pool_desc d = { .pad_kind = DCN_PAD_EXPLICIT, .ceil = pick(&r, 0, 1) };
        const dcn_shape s = { pick(&r, 1, 13), pick(&r, 1, 13), pick(&r, 0, 2) ? pick(&r, 1, 9) : pick(&r, 60, 70) };
        const bool relu = pick(&r, 0, 2) == 0;
        char text[200];
        dcn_graph *g;
        dcn_node x;
        float *pictures;

        for (int a = 0; a < 2; a++) {
            w.kernel[a] = d.window[a] = pick(&r, 1, k % 20 == 0 ? 18 : 4);
            w.stride[a] = d.stride[a] = pick(&r, 1, 3);
            w.dilation[a] = d.dilation[a] = pick(&r, 0, 3) ? 1 : 2;
            w.pad[a] = d.pad[a] = pick(&r, 0, w.kernel[a] - 1);
            d.pad[a + 2] = pick(&r, 0, w.kernel[a] - 1);
        }
        must(dcn_graph_create(&g, &err));
        x = dcn_graph_input(g, NULL, s);
        if (relu)
            x = dcn_graph_relu(g, x, NULL);
        x = dcn_graph_max_pool(g, x, &d);
        if (x < 0) {                 /* a window larger than its padded input, or one without a cell */
            dcn_graph_destroy(g);
            continue;
        }
        made++;
        snprintf(text, sizeof text, "%dx%dx%d window %dx%d stride %dx%d pad %d,%d,%d,%d dilation %dx%d%s%s", s.h, s.w, s.c,
                 w.kernel[0], w.kernel[1], w.stride[0], w.stride[1], d.pad[0], d.pad[1], d.pad[2], d.pad[3], w.dilation[0],
                 w.dilation[1], d.ceil ? " ceil" : "", relu ? " relu" : "");
        pictures = new_floats((size_t)batch * size_of(g, 0));
        for (int n = 0; n < batch; n++)
            fill(&r, pictures + (size_t)n * size_of(g, 0), s);
        for (size_t e = 0; e < COUNT(engines); e++)
            if (has_engine(engines[e]))
                check(engines[e], g, x, &w, pictures, batch, relu, text, &t[e]);
        free(pictures);
        dcn_graph_destroy(g);
    }
    assert_true(made > graphs / 2);
    for (int kind = 0; kind < KINDS; kind++)
        if (t[0].windows[kind] < (test_full() ? 100000 : 10000))
            fail_msg("only %ld windows of the kind: %s", t[0].windows[kind], kinds[kind]);
    figure("unpooling rule 5: %d random pools (seed 20260) on ref, ref64 and cpu%s%s: windows of each engine: %ld all NaN, "
           "%ld all -Inf, %ld all equal, %ld zeros of both signs, %ld NaN and numbers, %ld Inf and numbers, %ld denormals, "
           "%ld others; every winner the documented one", made, getenv(LIMIT) ? " as " : "", getenv(LIMIT) ? getenv(LIMIT) : "",
           t[0].windows[0], t[0].windows[1], t[0].windows[2], t[0].windows[3], t[0].windows[4], t[0].windows[5],
           t[0].windows[6], t[0].windows[7]);
}

/* ---- at the end of a convolution ------------------------------------------------------------- */

static const char *const networks[] = {
    "input 24x24x3; conv filters=64 kernel=5; relu; max_pool 2",            /* first layers by Winograd */
    "input 12x12x64; conv filters=64 kernel=5; relu; max_pool 2",
    "input 13x15x32; conv filters=40 kernel=3; relu; max_pool 2",
    "input 13x15x32; conv filters=40 kernel=3; max_pool 2",
    "input 11x14x16; conv filters=96 kernel=3 pad=valid; relu; max_pool 3",
    "input 14x14x24; conv filters=33 kernel=3; relu; max_pool 3 stride=2",  /* overlap */
    "input 9x9x5; conv filters=17 kernel=1x3; relu; max_pool 2",
    "input 9x8x40; conv filters=24 kernel=1; relu; max_pool 2",
    "input 16x16x8; conv filters=16 kernel=5 stride=2; relu; max_pool 2",
    "input 10x10x6; conv filters=8 kernel=3 dilation=2; relu; max_pool 2",
    "input 12x12x16; conv filters=16 kernel=3 groups=2; relu; max_pool 2",
    "input 7x5x3; conv filters=4 kernel=3; relu; max_pool global",
};

enum { BATCH = 5 };

/* By number of channel: a bias that is NaN, -Inf, Inf; no weights, so that all are equal, with a bias
 * above, at and below 0; all else as it was. */
static int trick_of(size_t channel)
{
    return (int)(channel % 9);
}

static void trick(dcn_graph *g)
{
    static const float biases[] = { NAN, -INFINITY, INFINITY, 0.5f, 0, -0.5f };
    const dcn__weight *w = &g->weights[0];
    const size_t filters = (size_t)g->weights[1].count, each = (size_t)w->count / filters;
    float *weights = new_floats((size_t)w->count), *bias = new_floats(filters);

    memcpy(weights, w->data, (size_t)w->count * sizeof *weights);
    fill_reals(bias, filters, 3);
    for (size_t f = 0; f < filters; f++) {
        if (trick_of(f) < 6)
            bias[f] = biases[trick_of(f)];
        for (size_t i = 0; i < each && trick_of(f) >= 3 && trick_of(f) < 6; i++)
            weights[i * filters + f] = 0;
    }
    must(dcn_graph_set_weight(g, 0, weights, w->count, &err));
    must(dcn_graph_set_weight(g, 1, bias, (int64_t)filters, &err));
    free(weights);
    free(bias);
}

typedef struct answer { int64_t *switches; float *values, *down; } answer;

static answer ask(const dcn_graph *g, const char *engine, int exact, const dcn_route *route, const float *x)
{
    const size_t n = BATCH * size_of(g, route->layer), in = BATCH * size_of(g, 0);
    answer a = { malloc(n * sizeof *a.switches), new_floats(n), new_floats(in) };
    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = BATCH, .routes = route, .n_routes = 1,
                                              .threads = 2, .exact = exact });

    assert_non_null(a.switches);
    dcn_plan_forward(p, x, BATCH);
    must(dcn_plan_switches(p, route->layer, a.switches, &err));
    must(dcn_plan_value(p, route->layer, a.values, &err));
    must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, a.down, &err));
    dcn_plan_destroy(p);
    return a;
}

static void clear(answer *a)
{
    free(a->switches);
    free(a->values);
    free(a->down);
}

/* Of channels with a trick the winner is the first cell of each window, here inside the picture. */
static long compare(const char *net, const char *way, const dcn_graph *g, dcn_node pool, const answer *a, const answer *ref)
{
    const size_t n = size_of(g, pool), C = (size_t)shape_of(g, pool).c;
    long windows = 0;

    for (size_t i = 0; i < BATCH * n; i++) {
        if (trick_of(i % C) >= 6)
            continue;
        windows++;
        if (a->switches[i] != ref->switches[i])
            fail_msg("\"%s\", %s, value %zu, channel %zu: winner %lld, not %lld", net, way, i, i % C,
                     (long long)a->switches[i], (long long)ref->switches[i]);
        if (isnan(a->values[i]) != isnan(ref->values[i]) || (!isnan(a->values[i]) && a->values[i] != ref->values[i]))
            fail_msg("\"%s\", %s, value %zu, channel %zu: %g, not %g", net, way, i, i % C, (double)a->values[i],
                     (double)ref->values[i]);
    }
    return windows;
}

static void ends_of_convolutions(void **state)
{
    long windows = 0;

    (void)state;
    for (size_t k = 0; has_engine("cpu") && k < COUNT(networks); k++)
        for (int seed = 0; seed < (test_full() ? 10 : 1); seed++) {
            dcn_graph *g = graph_of(networks[k]);
            const dcn_route route = { .layer = dcn_graph_output(g), .rule = DCN_RULE_GRADIENT };
            float *x = new_floats(BATCH * size_of(g, 0));
            answer ref, fast, exact;

            must(dcn_graph_init_weights(g, 5 + (uint64_t)seed, &err));
            trick(g);
            fill_reals(x, BATCH * size_of(g, 0), 17 + (uint64_t)seed);
            ref = ask(g, "ref", 0, &route, x);
            fast = ask(g, "cpu", 0, &route, x);
            exact = ask(g, "cpu", 1, &route, x);
            windows += compare(networks[k], "cpu", g, route.layer, &fast, &ref);
            windows += compare(networks[k], "cpu, exact", g, route.layer, &exact, &ref);
            clear(&ref), clear(&fast), clear(&exact);
            free(x);
            dcn_graph_destroy(g);
        }
    figure("unpooling rule 5 behind convolutions (Winograd, direct, pointwise, dilated, grouped; fast and exact)%s%s: %ld "
           "windows that are all NaN, all -Inf, all Inf or all equal have ref's winners", getenv(LIMIT) ? " as " : "",
           getenv(LIMIT) ? getenv(LIMIT) : "", windows);
}

/* Pixels that are NaN, infinite or huge: whatever the sums become, each switch names a cell of its own
 * window, and the other pictures of the chunk keep their bits. */
static void pixels_that_are_no_numbers(void **state)
{
    static const float pixels[] = { NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-45f };
    long switches = 0;

    (void)state;
    for (size_t k = 0; has_engine("cpu") && k < COUNT(networks); k++)
        for (size_t i = 0; i < COUNT(pixels); i++)
            for (int exact = 0; exact < 2; exact++) {
                dcn_graph *g = graph_of(networks[k]);
                const dcn_route route = { .layer = dcn_graph_output(g), .rule = DCN_RULE_GRADIENT };
                const size_t in = size_of(g, 0), n = size_of(g, route.layer);
                float *x = new_floats(BATCH * in);
                answer good, odd;
                dcn_plan *taker;

                must(dcn_graph_init_weights(g, 5, &err));
                fill_reals(x, BATCH * in, 17);
                good = ask(g, "cpu", exact, &route, x);
                for (size_t at = 1; at < in; at += 1 + in / 3)
                    x[2 * in + at] = pixels[i];
                odd = ask(g, "cpu", exact, &route, x);
                assert_memory_equal(good.values, odd.values, 2 * n * sizeof *odd.values);
                assert_memory_equal(good.down, odd.down, 2 * in * sizeof *odd.down);
                assert_memory_equal(good.values + 3 * n, odd.values + 3 * n, (BATCH - 3) * n * sizeof *odd.values);
                assert_memory_equal(good.down + 3 * in, odd.down + 3 * in, (BATCH - 3) * in * sizeof *odd.down);
                taker = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = BATCH, .routes = &route, .n_routes = 1 });
                dcn_plan_forward(taker, x, BATCH);
                must(dcn_plan_set_switches(taker, route.layer, odd.switches, (int64_t)(BATCH * n), &err));
                switches += (long)n;
                dcn_plan_destroy(taker);
                clear(&good), clear(&odd);
                free(x);
                dcn_graph_destroy(g);
            }
    figure("pictures with NaN, Inf and huge pixels through %zu convolutions%s%s: %ld switches, each inside its window; the "
           "pictures beside them keep their bits", COUNT(networks), getenv(LIMIT) ? " as " : "",
           getenv(LIMIT) ? getenv(LIMIT) : "", switches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_of_any_shape),
        cmocka_unit_test(ends_of_convolutions),
        cmocka_unit_test(pixels_that_are_no_numbers),
        cmocka_unit_test(narrower_machines_are_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
