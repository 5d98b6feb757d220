/* Peaks that a forward finds: brute force over the values says the same, on every engine; what is
 * not asked for is not computed. */
#include "random_graph.h"

#include "engine/plan.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };
enum { N = 5 };

typedef struct peaks { float *values; int32_t *cells; size_t n; } peaks;

static peaks peaks_of(const dcn_plan *p, const dcn_graph *g, dcn_node node, int n)
{
    peaks k = { .n = (size_t)(n * shape_of(g, node).c) };

    k.values = new_output(k.n);
    k.cells = malloc((k.n + 1) * sizeof *k.cells);
    assert_non_null(k.cells);
    k.cells[k.n] = 0x5a5a5a5a;
    must(dcn_plan_peaks(p, node, k.values, k.cells, &err));
    assert_int_equal(k.cells[k.n], 0x5a5a5a5a);
    return k;
}

static void peaks_free(peaks *k)
{
    free_output(k->values, k->n);
    free(k->cells);
}

/* The definition, word by word. */
static int first_largest(const float *y, int cells, int C)
{
    int best = 0;

    for (int i = 0; i < cells; i++)
        if (isnan(y[i * C]))
            return i;
    for (int i = 1; i < cells; i++)
        if (y[i * C] > y[best * C])
            best = i;
    return best;
}

/* rounded: values that an engine knows more exactly than it gives them out, so ties are not ties. */
static void check_values(const float *y, dcn_shape s, const peaks *k, int n, bool rounded)
{
    for (int i = 0; i < n; i++)
        for (int c = 0; c < s.c; c++) {
            const float *channel = y + (size_t)i * (size_t)(s.h * s.w * s.c) + c;
            const int32_t at = k->cells[i * s.c + c];
            const int want = first_largest(channel, s.h * s.w, s.c);

            assert_in_range(at, 0, s.h * s.w - 1);
            assert_memory_equal(&k->values[i * s.c + c], &channel[at * s.c], sizeof *y);
            if (at != want && !(rounded && channel[at * s.c] == channel[want * s.c]))
                fail_msg("%dx%dx%d, picture %d, channel %d: cell %d instead of %d", s.h, s.w, s.c, i, c, (int)at, want);
        }
}

/* ---- random networks -------------------------------------------------------------------------- */

static void brute_force_agrees(void **state)
{
    int nodes = 0, single = 0;

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (uint64_t seed = 0; has_engine(engines[e]) && seed < 60; seed++) {
            dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 12), .side = 9,
                                                                   .every_op = 1, .softmax_inside = 1 });
            const int count = dcn_graph_node_count(g);
            float *images = new_floats(N * size_of(g, 0));
            dcn_node *all = malloc((size_t)count * sizeof *all);
            dcn_plan_desc d = { .engine = engines[e], .batch = N, .threads = 1 + (int)(seed % 2), .keep_all = 1,
                                .peaks = all, .n_peaks = count, .chunk = 1 + (int)(seed % 3) };
            dcn_plan *kept, *lean;

            for (dcn_node i = 0; i < count; i++)
                all[i] = count - 1 - i;   /* in any order */
            set_weights(g, seed, 0, 0.7f);
            fill_reals(images, N * size_of(g, 0), seed);
            kept = plan_of(g, d);
            d.keep_all = 0;
            d.n_peaks = count / 2;
            d.only_asked = (int)(seed % 2);
            lean = plan_of(g, d);
            dcn_plan_forward(kept, images, N - 1);
            dcn_plan_forward(lean, images, N - 1);
            for (dcn_node i = 0; i < count; i++) {
                peaks k = peaks_of(kept, g, i, N - 1);
                float *y = new_output((size_t)(N - 1) * size_of(g, i));

                must(dcn_plan_value(kept, i, y, &err));
                check_values(y, shape_of(g, i), &k, N - 1, e == 1);
                if (i >= count - count / 2) {
                    peaks l = peaks_of(lean, g, i, N - 1);

                    if (e == 2) {   /* a normalisation is folded into weights, unless the value before it is asked */
                        assert_close(l.values, k.values, k.n, 1e-4, 1e-4, "without keep_all, the peak");
                    } else {
                        assert_same_bits(l.values, k.values, k.n, "without keep_all, the peak");
                        assert_memory_equal(l.cells, k.cells, k.n * sizeof *k.cells);
                    }
                    peaks_free(&l);
                }
                nodes++;
                single += shape_of(g, i).h * shape_of(g, i).w == 1;
                free_output(y, (size_t)(N - 1) * size_of(g, i));
                peaks_free(&k);
            }
            dcn_plan_destroy(kept);
            dcn_plan_destroy(lean);
            dcn_graph_destroy(g);
            free(images);
            free(all);
        }
    assert_true(nodes > 500 && single > 50);
}

/* Whole numbers: no order of a sum makes a difference, and there are many ties. */
static void engines_agree_on_whole_numbers(void **state)
{
    static const char net[] = "input 13x11x3; conv filters=24 kernel=3; r = relu; max_pool 2; conv filters=17 kernel=3; "
                              "b = relu; c = conv filters=17 kernel=1; s = add b c; relu; dense units=40";
    dcn_graph *g = graph_of(net);
    const int count = dcn_graph_node_count(g);
    dcn_plan *p[COUNT(engines)] = { NULL };
    float images[9 * 13 * 11 * 3];
    dcn_node all[16];

    (void)state;
    for (dcn_node i = 0; i < count; i++)
        all[i] = i;
    set_weights(g, 3, 2, 0);
    fill_integers(images, COUNT(images), 4, 2);
    for (size_t e = 0; e < COUNT(engines); e++) {
        if (!has_engine(engines[e]))
            continue;
        p[e] = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 9, .peaks = all, .n_peaks = count, .threads = 2,
                                           .only_asked = 1 });
        dcn_plan_forward(p[e], images, 9);
        for (dcn_node i = 0; e && i < count; i++) {
            peaks a = peaks_of(p[0], g, i, 9), b = peaks_of(p[e], g, i, 9);

            for (size_t j = 0; j < a.n; j++)      /* 0 may have another sign */
                if (a.values[j] != b.values[j] || a.cells[j] != b.cells[j])
                    fail_msg("%s, node %d, at %zu: %g at %d, ref %g at %d", engines[e], (int)i, j, (double)b.values[j],
                             (int)b.cells[j], (double)a.values[j], (int)a.cells[j]);
            peaks_free(&a);
            peaks_free(&b);
        }
    }
    for (size_t e = 0; e < COUNT(engines); e++)
        dcn_plan_destroy(p[e]);
    dcn_graph_destroy(g);
}

/* ---- single values ---------------------------------------------------------------------------- */

/* What stands in a picture: few numbers, so ties are the rule; NaNs of two kinds; one number only;
 * numbers below zero, down to infinity. */
static void fill_kind(float *x, size_t n, int kind, uint64_t seed)
{
    static const float few[] = { 0, -0.0f, 1, -1, 2, -INFINITY, 3, INFINITY };
    const uint32_t nan_bits[2] = { 0x7fc00001, 0xffc00002 };

    for (size_t i = 0; i < n; i++) {
        const uint64_t h = dcn__hash64(seed * 977 + i);

        x[i] = kind == 0 ? few[h % 7] : kind == 1 ? -7.5f : kind == 2 ? few[h % 8]
               : kind == 3 ? -(float)(h % 5) - 1 : kind == 4 ? few[h % 2] : kind == 5 ? -INFINITY : few[h % 8];
        if (kind == 6 && (h >> 32) % 8 == 0)
            memcpy(&x[i], &nan_bits[h >> 40 & 1], sizeof *x);
        if (kind == 7)
            memcpy(&x[i], &nan_bits[h >> 40 & 1], sizeof *x);
    }
}

static void ties_and_what_is_no_number(void **state)
{
    static const int channels[] = { 1, 3, 15, 16, 17, 48, 63, 64, 65, 100, 257 };
    static const int sides[][2] = { { 1, 1 }, { 1, 7 }, { 9, 5 }, { 2, 1 }, { 40, 41 } };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t c = 0; has_engine(engines[e]) && c < COUNT(channels); c++)
            for (size_t side = 0; side < COUNT(sides); side++) {
                const dcn_shape s = { sides[side][0], sides[side][1], channels[c] };
                const size_t size = (size_t)(s.h * s.w * s.c);
                const dcn_node asked[2] = { 0, 0 };
                float *x = new_floats(3 * size);
                dcn_graph *g;

                must(dcn_graph_create(&g, &err));
                dcn_graph_input(g, NULL, s);
                dcn_graph_relu(g, 0, NULL);
                for (int threads = 1; threads < 4; threads++) {
                    /* Two or three for one picture: they share its channels. */
                    const int n = threads == 1 ? 3 : 1;
                    dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = n, .chunk = n == 3 ? 3 : 0,
                                                              .threads = threads, .peaks = asked, .n_peaks = 2,
                                                              .only_asked = 1 });

                    for (int kind = 0; kind < 8; kind++) {
                        peaks k;

                        fill_kind(x, 3 * size, kind, c * 8 + side);
                        dcn_plan_forward(p, x, n);
                        k = peaks_of(p, g, 0, n);
                        if (kind == 7 && e == 1)   /* a NaN's bits are the machine's affair on the way to double */
                            for (size_t i = 0; i < k.n; i++)
                                assert_true(isnan(k.values[i]) && k.cells[i] == 0);
                        else
                            check_values(x, s, &k, n, false);
                        peaks_free(&k);
                    }
                    dcn_plan_destroy(p);
                }
                dcn_graph_destroy(g);
                free(x);
            }
}

/* ---- what is asked and what is not -------------------------------------------------------------- */

static const char chain[] = "input 8x8x3; a = conv filters=4 kernel=3; r = relu; p = max_pool 2; b = conv filters=5 kernel=3; "
                            "dense units=3; softmax";

static void only_what_is_asked_is_computed(void **state)
{
    dcn_graph *g = graph_of(chain);
    const dcn_node asked = node_of(g, "r");
    const dcn_route route = { .layer = node_of(g, "p"), .rule = DCN_RULE_DECONVNET };
    dcn_plan_desc d = { .batch = 4, .peaks = &asked, .n_peaks = 1, .routes = &route, .n_routes = 1, .only_asked = 1 };
    float x[4 * 192], out[4 * 192], value[4 * 256];
    size_t bytes;
    peaks k;

    (void)state;
    set_weights(g, 1, 0, 0.3f);
    fill_reals(x, COUNT(x), 1);
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        d.engine = engines[e];
        p = plan_of(g, d);
        assert_int_equal(dcn__walk_find(&p->forward.walk, DCN__SLOT_VALUE, node_of(g, "b")), -1);
        must_say(dcn_plan_peaks(p, asked, out, (int32_t[16]){ 0 }, &err), DCN_USAGE,
                 "r: has no value yet; call dcn_plan_forward first");
        dcn_plan_forward(p, x, 3);
        must_say(dcn_plan_value(p, dcn_graph_output(g), value, &err), DCN_USAGE,
                 "softmax1: is not kept by this plan; create it with keep_all or with a route from this layer");
        must_say(dcn_plan_peaks(p, route.layer, out, (int32_t[16]){ 0 }, &err), DCN_USAGE,
                 "p: its largest values are not looked for by this plan; create it with this node among its peaks");
        must_say(dcn_plan_peaks(p, 99, out, (int32_t[16]){ 0 }, &err), DCN_USAGE,
                 "node: 99 is outside 0..6; ask dcn_graph_find");
        assert_int_equal(dcn_plan_value(p, asked, value, &err), DCN_USAGE);   /* its memory is used again */
        must(dcn_plan_value(p, route.layer, value, &err));
        must(dcn_plan_project(p, 0, DCN_FROM_PEAK, 1, out, &err));
        k = peaks_of(p, g, asked, 3);
        peaks_free(&k);
        bytes = dcn_plan_bytes(p);
        dcn_plan_destroy(p);
        /* Nothing asked: there is nothing to do, and it is done. */
        p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = 4, .only_asked = 1 });
        dcn_plan_forward(p, x, 4);
        must(dcn_plan_value(p, 0, out, &err));
        assert_same_bits(out, x, 4 * 192, "the input");
        assert_true(dcn_plan_bytes(p) < bytes);
        dcn_plan_destroy(p);
    }
    dcn_graph_destroy(g);
}

/* In a plan for training the peaks are those of the forward, and are gone after a gradient. */
static void training_leaves_peaks_alone(void **state)
{
    dcn_graph *g = graph_of(chain);
    const dcn_node asked = node_of(g, "p");
    const int32_t labels[2] = { 0, 2 };
    float x[2 * 192], value[8];
    int32_t cells[8];
    dcn_loss loss;
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 0, 0.3f);
    fill_reals(x, COUNT(x), 1);
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 2, .training = 1, .peaks = &asked, .n_peaks = 1 });
    dcn_plan_forward(p, x, 2);
    must(dcn_plan_peaks(p, asked, value, cells, &err));
    must(dcn_plan_gradient(p, x, labels, 2, &loss, &err));
    assert_int_equal(dcn_plan_peaks(p, asked, value, cells, &err), DCN_USAGE);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

static void refusals(void **state)
{
    const dcn_node outside[2] = { 1, 7 }, below = -1;
    const struct { dcn_plan_desc desc; const char *sentence; } bad[] = {
        { { .n_peaks = -1 }, "peaks: -1 is not a number of nodes; correct it" },
        { { .peaks = outside, .n_peaks = 2 }, "peaks: 7 is outside 0..6; ask dcn_graph_find" },
        { { .peaks = &below, .n_peaks = 1 }, "peaks: -1 is outside 0..6; ask dcn_graph_find" },
        { { .chunk = -1 }, "chunk: -1 is outside 1..64; correct it" },
        { { .chunk = 65 }, "chunk: 65 is outside 1..64; correct it" },
    };
    dcn_graph *g = graph_of(chain);
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 0, 0.3f);
    for (size_t i = 0; i < COUNT(bad); i++) {
        must_say(dcn_plan_create(&p, g, &bad[i].desc, &err), DCN_USAGE, bad[i].sentence);
        assert_null(p);
    }
    p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .batch = 130, .chunk = 64, .threads = 2 });
    assert_non_null(strstr(dcn_plan_text(p), "3 chunks of 64 pictures on 2 threads"));
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(brute_force_agrees),
        cmocka_unit_test(engines_agree_on_whole_numbers),
        cmocka_unit_test(ties_and_what_is_no_number),
        cmocka_unit_test(only_what_is_asked_is_computed),
        cmocka_unit_test(training_leaves_peaks_alone),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
