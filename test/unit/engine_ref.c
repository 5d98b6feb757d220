/* The operators of other people's networks by their laws: true derivatives against differences,
 * linear maps against their adjoints, activations at the ends of the number line. */
#include "support.h"

#include "engine/plan.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };

/* ---- derivatives ------------------------------------------------------------------------------ */

static const char *const curved_nets[] = {
    "input 3x4x2; clip max=0.7",
    "input 3x4x2; hard_tanh min=-0.5 max=0.7",
    "input 3x4x2; sigmoid",
    "input 3x4x2; hard_sigmoid alpha=0.6 beta=0.4",
    "input 3x4x2; tanh",
    "input 3x4x2; silu",
    "input 3x4x2; scale; hard_swish",
    "input 3x4x2; gelu",
    "input 3x4x2; gelu tanh=yes",
    "input 3x4x2; mish",
    "input 3x4x2; elu alpha=0.7",
    "input 3x4x2; selu",
    "input 3x4x2; softplus",
    "input 3x4x2; leaky_relu slope=0.2",
    "input 3x4x2; prelu",
    "input 3x4x2; batch_norm; relu; scale",
    "input 2x3x7; lrn size=5 alpha=0.8 beta=0.75 k=1",
    "input 2x3x6; lrn size=4 alpha=1.5 beta=0.6 k=0.5",
    "input 2x2x3; lrn size=9 alpha=2 beta=2 k=1",
    "input 2x2x3; lrn size=1 alpha=1 beta=0.5 k=1",
    "input 2x3x4; softmax",
    "input 2x3x4; log_softmax",
    "x = input 3x4x2; s = sigmoid; mul x s",
    "x = input 3x4x2; mul x x",
    "x = input 3x4x3; g = avg_pool global; s = sigmoid; mul x s",
    "x = input 1x1x3; s = tanh; mul x s",
    "x = input 3x4x2; c = conv filters=4 kernel=3; a = silu; g = avg_pool global; d = conv filters=4 "
    "kernel=1; h = hard_sigmoid alpha=0.2 beta=0.5; m = mul a h; lrn size=3 alpha=1 beta=0.75 k=1; "
    "dense units=3; log_softmax",
};

static double half_square(const dcn_plan *p, dcn_node node, size_t n)
{
    const double *y = dcn__plan_kept(p, DCN__SLOT_VALUE, node, 0);
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += y[i] * y[i] / 2;
    return sum;
}

/* From a whole layer the walk begins with its values y and so ends with d (sum y^2 / 2) / dx. */
static void a_derivative_is_what_differences_show(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(curved_nets); k++) {
        dcn_graph *g = graph_of(curved_nets[k]);
        const dcn_route route = { .layer = dcn_graph_output(g), .rule = DCN_RULE_GRADIENT };
        const size_t n = size_of(g, 0), n_out = size_of(g, route.layer);
        float *x = new_floats(n), *way = new_output(n);
        double largest = 0;
        dcn_plan *p;

        set_weights(g, 40 + k, 0, 2.0f);
        fill_reals(x, n, 50 + k);
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref64", .routes = &route, .n_routes = 1,
                                        .threads = 1 });
        dcn_plan_forward(p, x, 1);
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, way, &err));
        for (size_t i = 0; i < n; i++) {
            const float before = x[i], h = 0x1p-14f;
            double up, down, wanted;

            x[i] = before + h;
            dcn_plan_forward(p, x, 1);
            up = half_square(p, route.layer, n_out);
            x[i] = before - h;
            dcn_plan_forward(p, x, 1);
            down = half_square(p, route.layer, n_out);
            wanted = (up - down) / ((double)(before + h) - (double)(before - h));
            x[i] = before;
            largest = fmax(largest, fabs(wanted));
            /* The third derivative times h^2, and what a float keeps of the answer. */
            if (fabs((double)way[i] - wanted) > 1e-6 * fmax(0.1, fabs(wanted)))
                fail_msg("\"%s\", number %zu: %.9g, not %.9g", curved_nets[k], i, (double)way[i],
                         wanted);
        }
        assert_true(largest > 0.01);
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
        free(x);
        free_output(way, n);
    }
}

/* ---- adjoints --------------------------------------------------------------------------------- */

static const char *const linear_nets[] = {
    "input 4x3x2; scale",
    "input 4x3x2; batch_norm",
    "input 4x3x2; dense units=5 bias=no",
    "input 8x6x2; avg_pool 2 pad=1 count_pad=yes",
    "input 5x7x2; avg_pool 2 pad=valid ceil=yes count_pad=yes",
    "input 6x7x3; pad 2,1,0,3",
    "input 6x7x3; pad -1,-2,3,0",
    "input 6x7x3; pad -2,-1,-3,-4",
    "input 3x4x6; slice first=1 count=4",
    "input 3x4x6; shuffle groups=2",
    "input 3x4x6; shuffle groups=6",
    "input 3x4x6; reshape 4x6x3 order=chw",
    "input 3x4x6; reshape 1x1x72 order=hwc",
    "input 3x4x6; reshape 2x18x2 order=hwc",
    "x = input 3x4x2; add x x x x",
    "x = input 4x4x4; c = conv filters=4 kernel=3 bias=no; s = slice c first=0 count=2; concat s x; "
    "shuffle groups=3; pad 1,0,-1,2; scale; reshape 1x4x36 order=chw",
};

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void no_constants(dcn_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].bias >= 0) {
            dcn__weight *b = &g->weights[g->nodes[i].bias];

            memset(b->data, 0, (size_t)b->count * sizeof *b->data);
        }
}

/* <A'(A x), z> = <A x, A z>: exact, since all numbers are whole (or quarters) and small. */
static void adjoint_of(const char *engine, const char *net, uint64_t seed)
{
    dcn_graph *g = graph_of(net);
    const dcn_node out = dcn_graph_output(g);
    const size_t n = size_of(g, 0), m = size_of(g, out);
    dcn_route routes[5];
    float *x = new_floats(n), *z = new_floats(n);
    float *ax = new_output(m), *az = new_output(m), *back = new_output(n), *first = new_floats(n);
    dcn_plan *p;

    for (int r = 0; r < 5; r++)
        routes[r] = (dcn_route){ .layer = out, .rule = (dcn_rule)r };
    set_weights(g, seed, 3, 0);
    no_constants(g);
    p = plan_of(g, (dcn_plan_desc){ .engine = engine, .routes = routes, .n_routes = 5,
                                    .threads = 1 });
    fill_integers(x, n, 70 + seed, 4);
    fill_integers(z, n, 90 + seed, 4);
    dcn_plan_forward(p, z, 1);
    must(dcn_plan_value(p, out, az, &err));
    dcn_plan_forward(p, x, 1);
    must(dcn_plan_value(p, out, ax, &err));
    for (int r = 0; r < 5; r++) {
        must(dcn_plan_project(p, r, DCN_FROM_LAYER, 0, back, &err));
        if (dot(back, z, n) != dot(ax, az, m))
            fail_msg("%s, \"%s\", %s: <A'Ax,z> = %.17g, <Ax,Az> = %.17g", engine, net,
                     dcn_rule_name((dcn_rule)r), dot(back, z, n), dot(ax, az, m));
        if (r == 0)
            memcpy(first, back, n * sizeof *first);
        assert_same_bits(back, first, n, "one rule's picture and another's");
    }
    assert_true(dot(ax, ax, m) > 0);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
    free(x);
    free(z);
    free(first);
    free_output(ax, m);
    free_output(az, m);
    free_output(back, n);
}

static void every_rule_takes_the_adjoint_of_what_is_linear(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(linear_nets); k++)
        for (int e = 0; e < 2 + has_engine("cpu"); e++)
            adjoint_of(engines[e], linear_nets[k], k);
}

/* ---- the ends of the number line -------------------------------------------------------------- */

typedef struct ends {
    const char *word;
    double low, high;             /* of f(-1e30) and f(1e30) */
    double low_slope, high_slope;
} ends;

static const ends activations[] = {
    { "clip max=6", 0, 6, 0, 0 },
    { "hard_tanh min=-1 max=2", -1, 2, 0, 0 },
    { "sigmoid", 0, 1, 0, 0 },
    { "hard_sigmoid alpha=0.25 beta=0.5", 0, 1, 0, 0 },
    { "tanh", -1, 1, 0, 0 },
    { "silu", 0, 1e30, 0, 1 },
    { "hard_swish", 0, 1e30, 0, 1 },
    { "gelu", 0, 1e30, 0, 1 },
    { "gelu tanh=yes", 0, 1e30, 0, 1 },
    { "mish", 0, 1e30, 0, 1 },
    { "elu alpha=0.5", -0.5, 1e30, 0, 1 },
    { "selu", -1.7580993408473766, 1.0507009873554805e30, 0, 1.0507009873554805 },
    { "softplus", 0, 1e30, 0, 1 },
    { "leaky_relu slope=0.5", -5e29, 1e30, 0.5, 1 },
};

static void near_to(const char *word, double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-6 * fmax(1e-6, fabs(wanted))))
        fail_msg("%s: %.9g, not %.9g", word, got, wanted);
}

static void activations_end_where_they_should(void **state)
{
    const float x[6] = { -1e30f, 1e30f, NAN, -100.0f, 100.0f, -0.0f };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t k = 0; has_engine(engines[e]) && k < COUNT(activations); k++) {
            const ends *a = &activations[k];
            char net[100];
            float y[6], s[6];
            dcn_route route = { .layer = 2, .rule = DCN_RULE_GRADIENT };
            dcn_start start = { .from = DCN_FROM_LAYER, .ones = 1 };
            dcn_graph *g;
            dcn_plan *p;

            snprintf(net, sizeof net, "input 1x6x1; scale; %s", a->word);
            g = graph_of(net);
            must(dcn_graph_set_weight(g, 0, (const float[]){ 1 }, 1, &err));
            must(dcn_graph_set_weight(g, 1, (const float[]){ 0 }, 1, &err));
            p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .routes = &route, .n_routes = 1,
                                            .starts = 1, .threads = 1 });
            dcn_plan_forward(p, x, 1);
            must(dcn_plan_value(p, 2, y, &err));
            must(dcn_plan_project_starts(p, 0, &start, 1, s, &err));
            near_to(a->word, (double)y[0], a->low);
            near_to(a->word, (double)y[1], a->high);
            near_to(a->word, (double)s[0], a->low_slope);
            near_to(a->word, (double)s[1], a->high_slope);
            if (!isnan(y[2]))
                fail_msg("%s of NaN is %g", a->word, (double)y[2]);
            for (int i = 3; i < 6; i++)
                if (!isfinite(y[i]) || !isfinite(s[i]))
                    fail_msg("%s at %g: %g, slope %g", a->word, (double)x[i], (double)y[i],
                             (double)s[i]);
            dcn_plan_destroy(p);
            dcn_graph_destroy(g);
        }
}

/* ---- without switches ------------------------------------------------------------------------- */

/* Windows of 2 on 5 cells, stride 2, a cell of padding before and ceil behind: cells (-1,0), (1,2),
 * (3,4). The middle rounds down, and where it is padding its neighbour in the window stands in. */
static void the_middle_of_a_window_is_inside(void **state)
{
    const float x[5] = { 5, 1, 2, 3, 4 }, wanted[5] = { 5, 2, 0, 4, 0 };
    dcn_graph *g = graph_of("input 1x5x1; max_pool 1x2 stride=1x2 pad=0,1,0,0 ceil=yes");
    const dcn_route route = { .layer = 1, .rule = DCN_RULE_DECONVNET, .no_switches = 1 };
    float out[5];

    (void)state;
    for (int e = 0; e < 2 + has_engine("cpu"); e++) {
        dcn_plan *p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .routes = &route,
                                                  .n_routes = 1 });

        dcn_plan_forward(p, x, 1);
        must(dcn_plan_project(p, 0, DCN_FROM_LAYER, 0, out, &err));
        assert_same_bits(out, wanted, 5, "the signal");
        dcn_plan_destroy(p);
    }
    dcn_graph_destroy(g);
}

/* A dilated window that holds the whole picture in a hole has no winner. */
static void a_window_without_a_cell_is_refused(void **state)
{
    dcn_graph *g = NULL;
    const char *net = "input 1x1x1; max_pool 2 stride=1 dilation=4 pad=2";

    (void)state;
    if (dcn_graph_parse(&g, net, strlen(net), "test", NULL, &err) != DCN_USAGE ||
        !strstr(err.text, "padding alone"))
        fail_msg("it was taken: %s", err.text);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_derivative_is_what_differences_show),
        cmocka_unit_test(every_rule_takes_the_adjoint_of_what_is_linear),
        cmocka_unit_test(activations_end_where_they_should),
        cmocka_unit_test(the_middle_of_a_window_is_inside),
        cmocka_unit_test(a_window_without_a_cell_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
