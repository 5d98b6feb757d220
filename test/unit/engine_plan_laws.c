/* Laws that hold whatever the numbers are: adjoints, linearity, batches, threads, seeds. */
#include "random_graph.h"

#include "graph/walk.h"

static const char *const refs[] = { "ref", "ref64" };
static const char *const all_engines[] = { "ref", "ref64", "cpu" };

static void zero_biases(dcn_graph *g)
{
    for (int i = 0; i < g->n_weights; i++)
        if (g->weights[i].rank == 1)
            memset(g->weights[i].data, 0, (size_t)g->weights[i].count * sizeof(float));
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

/* ---- the adjoint ----------------------------------------------------------------------------- */

static const char *const linear_nets[] = {
    "input 7x6x3; conv filters=4 kernel=3 bias=no",
    "input 7x6x3; conv filters=2 kernel=4x1 bias=no",
    "input 8x9x2; conv filters=3 kernel=3 stride=2 bias=no",
    "input 8x9x2; conv filters=3 kernel=2x5 stride=3x1 bias=no pad=valid",
    "input 9x9x2; conv filters=3 kernel=3 dilation=2x3 bias=no",
    "input 9x8x4; conv filters=6 kernel=3 groups=2 stride=1x2 bias=no",
    "input 9x8x4; conv filters=4 kernel=2 groups=4 pad=1,0,0,1 bias=no",
    "input 5x5x1; conv filters=1 kernel=5 pad=4 bias=no",
    "input 1x1x3; conv filters=2 kernel=5 bias=no",
    "input 1x1x1; conv filters=1 kernel=1 bias=no",
    "input 4x3x2; dense units=5",
    "input 8x8x3; avg_pool 2",
    "input 8x6x2; avg_pool 4x2 stride=2x1 pad=valid",
    "input 8x4x2; avg_pool global",
    "x = input 4x4x2; c = conv filters=2 kernel=3 bias=no; add x c",
    "x = input 4x4x2; c = conv filters=3 kernel=3 bias=no; concat x c x; conv filters=2 kernel=1 bias=no",
    "x = input 4x4x2; add x x; add x add1",
};

/* <A'(A x), z> = <A x, A z> for every z: exact, since all numbers are whole and small. */
static void the_way_down_is_the_adjoint(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(all_engines); e++)
        for (size_t i = 0; has_engine(all_engines[e]) && i < COUNT(linear_nets); i++) {
            dcn_graph *g = graph_of(linear_nets[i]);
            const dcn_node out = dcn_graph_output(g);
            const size_t n_in = size_of(g, 0), n_out = size_of(g, out);
            const dcn_route routes[2] = { { .layer = out, .rule = DCN_RULE_GRADIENT }, { .layer = out, .rule = DCN_RULE_RECONSTRUCT } };
            float *x = malloc(n_in * sizeof *x), *z = malloc(n_in * sizeof *z);
            float *ax = new_output(n_out), *az = new_output(n_out), *back = new_output(n_in);
            dcn_plan *p;

            set_weights(g, i, 3, 0);
            zero_biases(g);
            p = plan_of(g, (dcn_plan_desc){ .engine = all_engines[e], .routes = routes, .n_routes = 2, .threads = 1 });
            fill_integers(x, n_in, 77 + i, 4);
            dcn_plan_forward(p, x, 1);
            must(dcn_plan_value(p, out, ax, &err));
            must(dcn_plan_project(p, (int)(i % 2), DCN_FROM_LAYER, 0, back, &err));
            for (uint64_t k = 0; k < 8; k++) {
                double left, right;

                fill_integers(z, n_in, 1000 + k, 4);
                dcn_plan_forward(p, z, 1);
                must(dcn_plan_value(p, out, az, &err));
                left = dot(back, z, n_in);
                right = dot(ax, az, n_out);
                if (left != right)
                    fail_msg("%s, \"%s\": <A'Ax,z> = %.17g, <Ax,Az> = %.17g", all_engines[e], linear_nets[i], left, right);
            }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
            free(x);
            free(z);
            free_output(ax, n_out);
            free_output(az, n_out);
            free_output(back, n_in);
        }
}

/* Without biases a network of ReLUs and max pools is linear around each picture: <Ax,Ax> = <x,A'Ax>. */
static void the_adjoint_of_whole_networks(void **state)
{
    int alive = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 12), .side = 9 });
        const dcn_node out = dcn_graph_output(g);
        const size_t n_in = size_of(g, 0), n_out = size_of(g, out);
        const dcn_route route = { .layer = out, .rule = DCN_RULE_GRADIENT };
        float *x = malloc(n_in * sizeof *x), *ax = new_output(n_out), *back = new_output(n_in);
        double left, right;
        dcn_plan *p;

        set_weights(g, seed, 0, 0.8f);
        zero_biases(g);
        fill_reals(x, n_in, seed);
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .routes = &route, .n_routes = 1, .threads = 1 });
        dcn_plan_forward(p, x, 1);
        must(dcn_plan_value(p, out, ax, &err));
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, back, &err));
        left = dot(ax, ax, n_out);
        right = dot(back, x, n_in);
        if (!(fabs(left - right) <= 1e-5 * left + 1e-12))   /* outputs are rounded to float */
            fail_msg("seed %d: %.9g and %.9g", (int)seed, left, right);
        alive += left > 1e-6;
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
        free(x);
        free_output(ax, n_out);
        free_output(back, n_in);
    }
    assert_true(alive > 150);
}

static void linear_networks_are_linear(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(all_engines); e++)
        for (size_t i = 0; has_engine(all_engines[e]) && i < COUNT(linear_nets); i++) {
            dcn_graph *g = graph_of(linear_nets[i]);
            const dcn_node out = dcn_graph_output(g);
            const size_t n_in = size_of(g, 0), n_out = size_of(g, out);
            float *x = malloc(3 * n_in * sizeof *x), *y = new_output(3 * n_out), *sum = malloc(n_out * sizeof *sum);
            dcn_plan *p;

            set_weights(g, i, 3, 0);
            zero_biases(g);
            fill_integers(x, 2 * n_in, i, 4);
            for (size_t k = 0; k < n_in; k++)
                x[2 * n_in + k] = 3 * x[k] - 2 * x[n_in + k];
            p = plan_of(g, (dcn_plan_desc){ .engine = all_engines[e], .batch = 3, .threads = 1 });
            dcn_plan_forward(p, x, 3);
            must(dcn_plan_value(p, out, y, &err));
            for (size_t k = 0; k < n_out; k++)
                sum[k] = 3 * y[k] - 2 * y[n_out + k];
            assert_close(y + 2 * n_out, sum, n_out, 0, 0, linear_nets[i]);
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
            free(x);
            free(sum);
            free_output(y, 3 * n_out);
        }
}

/* ---- all that a plan can say about some pictures ---------------------------------------------- */

enum { RULES = 4, FROMS = 4 };

typedef struct answers { float *all; size_t count; } answers;

static dcn_route routes_of(dcn_node layer, int rule)
{
    return (dcn_route){ .layer = layer, .rule = (dcn_rule)rule };
}

/* Output and every projection of pictures first..first+n-1, each picture's in one piece. */
static void ask(dcn_plan *p, const dcn_graph *g, dcn_node layer, const float *images, int first, int n, answers *a)
{
    const dcn_node out = dcn_graph_output(g);
    const size_t n_in = size_of(g, 0), n_out = size_of(g, out), n_layer = size_of(g, layer);
    const size_t each = n_out + n_layer + RULES * FROMS * n_in;
    float *got = new_output((size_t)n * (n_in > n_out + n_layer ? n_in : n_out + n_layer));
    const size_t room = (size_t)n * (n_in > n_out + n_layer ? n_in : n_out + n_layer);
    size_t at = 0;

    dcn_plan_forward(p, images + (size_t)first * n_in, n);
#define PUT(size)                                                                                  \
    do {                                                                                           \
        for (int i_ = 0; i_ < n; i_++)                                                             \
            memcpy(a->all + (size_t)(first + i_) * each + at, got + (size_t)i_ * (size), (size) * sizeof *got); \
        at += (size);                                                                              \
    } while (0)
    must(dcn_plan_value(p, out, got, &err));
    PUT(n_out);
    must(dcn_plan_value(p, layer, got, &err));
    PUT(n_layer);
    for (int r = 0; r < RULES; r++)
        for (int f = 0; f < FROMS; f++) {
            must(dcn_plan_project(p, r, (dcn_from)f, (int)(size_t)shape_of(g, layer).c - 1, got, &err));
            PUT(n_in);
        }
#undef PUT
    assert_int_equal(at, each);
    free_output(got, room);
}

typedef struct how { const char *engine; int batch, threads, keep_all, step; } how;

static answers ask_all(const dcn_graph *g, dcn_node layer, const float *images, int n, how h)
{
    const size_t each = size_of(g, dcn_graph_output(g)) + size_of(g, layer) + RULES * FROMS * size_of(g, 0);
    answers a = { malloc((size_t)n * each * sizeof(float)), (size_t)n * each };
    dcn_route routes[RULES];
    dcn_plan *p;

    for (int r = 0; r < RULES; r++)
        routes[r] = routes_of(layer, r);
    p = plan_of(g, (dcn_plan_desc){ .engine = h.engine, .batch = h.batch, .threads = h.threads, .keep_all = h.keep_all,
                                    .routes = routes, .n_routes = RULES });
    for (int first = 0; first < n; first += h.step)
        ask(p, g, layer, images, first, first + h.step <= n ? h.step : n - first, &a);
    dcn_plan_destroy(p);
    return a;
}

static void compare(const dcn_graph *g, dcn_node layer, const float *images, int n, how a, how b, const char *law)
{
    answers x = ask_all(g, layer, images, n, a), y = ask_all(g, layer, images, n, b);

    for (size_t i = 0; i < x.count; i++)
        assert_false(isnan(x.all[i]));
    assert_same_bits(x.all, y.all, x.count, law);
    free(x.all);
    free(y.all);
}

static void how_the_work_is_cut_changes_no_bit(void **state)
{
    enum { N = 11 };

    (void)state;
    for (size_t e = 0; e < COUNT(all_engines); e++)
        for (uint64_t seed = 0; has_engine(all_engines[e]) && seed < 40; seed++) {
            dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 12), .side = 9, .head = 1 });
            const dcn_node layer = 1 + (int)(seed * 5 % (uint64_t)dcn__loss_node(g));
            float *images = malloc(N * size_of(g, 0) * sizeof *images);
            const char *engine = all_engines[e];

            set_weights(g, seed, 0, 0.7f);
            fill_reals(images, N * size_of(g, 0), seed);
            compare(g, layer, images, N, (how){ engine, 16, 1, 0, N }, (how){ engine, 16, 1, 0, N }, "a second plan");
            compare(g, layer, images, N, (how){ engine, 16, 1, 0, N }, (how){ engine, 16, 2, 0, N }, "2 threads");
            compare(g, layer, images, N, (how){ engine, 16, 1, 0, N }, (how){ engine, 16, 3, 0, N }, "3 threads");
            compare(g, layer, images, N, (how){ engine, 16, 1, 0, N }, (how){ engine, 16, 2, 1, N }, "keep_all");
            compare(g, layer, images, N, (how){ engine, 16, 1, 0, N }, (how){ engine, 16, 1, 0, 3 }, "partial batches");
            if (e < 2)   /* the definition: a picture does not know its neighbours */
                compare(g, layer, images, N, (how){ engine, 40, 2, 0, N }, (how){ engine, 1, 1, 0, 1 }, "batches of one");
            dcn_graph_destroy(g);
            free(images);
        }
}

/* ---- rules and seeds -------------------------------------------------------------------------- */

static void all_rules_agree_where_all_is_positive(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(refs); e++)
        for (uint64_t seed = 0; seed < 60; seed++) {
            dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 10), .side = 8 });
            const dcn_node layer = dcn_graph_output(g);
            const size_t n = size_of(g, 0);
            float *image = malloc(n * sizeof *image), *first = new_output(n), *other = new_output(n);
            dcn_route routes[RULES];
            dcn_plan *p;

            set_weights(g, seed, 0, 0.5f);
            for (int i = 0; i < g->n_weights; i++)
                for (int64_t k = 0; k < g->weights[i].count; k++)
                    g->weights[i].data[k] = g->weights[i].rank == 1 ? 0 : g->weights[i].data[k] + 0.51f;
            fill_reals(image, n, seed);
            for (size_t i = 0; i < n; i++)
                image[i] += 1.25f;
            for (int r = 0; r < RULES; r++)
                routes[r] = routes_of(layer, r);
            p = plan_of(g, (dcn_plan_desc){ .engine = refs[e], .routes = routes, .n_routes = RULES, .threads = 1 });
            dcn_plan_forward(p, image, 1);
            must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, first, &err));
            for (int r = 1; r < RULES; r++) {
                must(dcn_plan_project(p, r, DCN_FROM_LAYER, 0, other, &err));
                assert_same_bits(other, first, n, dcn_rule_name((dcn_rule)r));
            }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
            free(image);
            free_output(first, n);
            free_output(other, n);
        }
}

/* `reconstruct` is affine: what the channels draw, each without the biases' part, adds up to what the
 * layer draws without it. For the other rules the biases draw nothing at all. */
static void channels_add_up_to_the_layer(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 80; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 10), .side = 8 });
        const dcn_node layer = dcn_graph_output(g);
        const size_t n = size_of(g, 0);
        float *image = malloc(n * sizeof *image), *zero = new_output(n), *got = new_output(n), *want = malloc(n * sizeof *want);
        double *sum = calloc(n, sizeof *sum), scale = 1e-6;
        const dcn_route routes[] = { { .layer = layer, .rule = DCN_RULE_RECONSTRUCT }, { .layer = layer, .rule = DCN_RULE_DECONVNET } };
        dcn_plan *p;

        set_weights(g, seed, 0, 0.6f);
        fill_reals(image, n, seed);
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .routes = routes, .n_routes = 2, .threads = 1 });
        dcn_plan_forward(p, image, 1);
        must(dcn_plan_project(p, 1, DCN_FROM_ZERO, 0, zero, &err));
        for (size_t i = 0; i < n; i++)
            assert_true(zero[i] == 0);
        must(dcn_plan_project(p, 0, DCN_FROM_ZERO, 0, zero, &err));
        for (int c = 0; c < shape_of(g, layer).c; c++) {
            must(dcn_plan_project(p, 0, DCN_FROM_CHANNEL, c, got, &err));
            for (size_t i = 0; i < n; i++) {
                sum[i] += (double)got[i] - (double)zero[i];
                scale = fmax(scale, fabs((double)got[i]));
            }
        }
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, got, &err));
        for (size_t i = 0; i < n; i++)
            want[i] = (float)(sum[i] + (double)zero[i]);
        assert_close(got, want, n, 1e-5 * scale, 1e-5, "the sum over channels");
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
        free(image);
        free(want);
        free(sum);
        free_output(zero, n);
        free_output(got, n);
    }
}

/* The signal at the layer is what dcn_from says, from the layer's value by brute force. */
static void seeds_are_what_they_say(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(all_engines); e++)
        for (uint64_t seed = 0; has_engine(all_engines[e]) && seed < 30; seed++) {
            dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 6), .side = 7 });
            const dcn_node layer = dcn_graph_output(g);
            const int c_all = shape_of(g, layer).c;
            const size_t n = size_of(g, layer), n_in = size_of(g, 0);
            float *image = new_floats(2 * n_in), *value = new_output(2 * n), *want = new_floats(2 * n);
            float *signal = new_output(2 * n), *out = new_output(2 * n_in);
            const dcn_route route = { .layer = layer, .rule = DCN_RULE_GRADIENT };
            dcn_plan *p;

            set_weights(g, seed, 1, 0);   /* whole numbers: many ties */
            fill_integers(image, 2 * n_in, seed, 1);
            p = plan_of(g, (dcn_plan_desc){ .engine = all_engines[e], .batch = 2, .routes = &route, .n_routes = 1,
                                            .keep_all = 1, .threads = 1 });
            dcn_plan_forward(p, image, 2);
            must(dcn_plan_value(p, layer, value, &err));
            for (int from = 0; from < FROMS; from++)
                for (int c = 0; c < c_all; c++) {
                    for (size_t k = 0; k < 2; k++) {
                        size_t peak = (size_t)c;

                        for (size_t i = (size_t)c; i < n; i += (size_t)c_all)
                            if (value[k * n + i] > value[k * n + peak])
                                peak = i;
                        for (size_t i = 0; i < n; i++)
                            want[k * n + i] = from == DCN_FROM_LAYER ||
                                              (from == DCN_FROM_CHANNEL && i % (size_t)c_all == (size_t)c) ||
                                              (from == DCN_FROM_PEAK && i == peak) ? value[k * n + i] : 0;
                    }
                    must(dcn_plan_project(p, 0, (dcn_from)from, c, out, &err));
                    must(dcn_plan_signal(p, layer, signal, &err));
                    assert_close(signal, want, 2 * n, 0, 0, dcn_from_name((dcn_from)from));
                }
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
            free(image);
            free(want);
            free_output(value, 2 * n);
            free_output(signal, 2 * n);
            free_output(out, 2 * n_in);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_down_is_the_adjoint),
        cmocka_unit_test(the_adjoint_of_whole_networks),
        cmocka_unit_test(linear_networks_are_linear),
        cmocka_unit_test(how_the_work_is_cut_changes_no_bit),
        cmocka_unit_test(all_rules_agree_where_all_is_positive),
        cmocka_unit_test(channels_add_up_to_the_layer),
        cmocka_unit_test(seeds_are_what_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
