/* What one unit sees: the walk through its cone draws what the walk through the whole network does. */
#include "random_graph.h"

#include "engine/plan.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };

/* Each ends in the layer whose units are taken. All of them have cones. */
static const char *const nets[] = {
    "input 19x17x2; conv filters=3 kernel=3; relu; conv filters=2 kernel=3; relu",
    "input 23x16x2; conv filters=3 kernel=3x2 stride=2x1; relu; conv filters=2 kernel=2x3 pad=0,2,1,0; relu",
    "input 18x21x1; conv filters=2 kernel=3 pad=valid; relu; max_pool 2; conv filters=2 kernel=3; relu",
    "input 25x23x2; conv filters=2 kernel=3 dilation=2x1; relu; conv filters=3 kernel=2 dilation=1x3 pad=1,0,0,3",
    "input 22x25x2; conv filters=4 kernel=3 groups=2 stride=2; relu; conv filters=4 kernel=3 groups=4; relu",
    "input 23x25x2; relu; max_pool 3 stride=2; conv filters=2 kernel=3; relu",
    "input 22x20x2; max_pool 3 stride=2 ceil=yes; conv filters=2 kernel=3; relu; max_pool 2 stride=1 pad=1,0,0,1",
    "input 25x24x1; max_pool 2 dilation=2 stride=2 pad=1; conv filters=2 kernel=2; relu",
    "input 24x22x2; conv filters=2 kernel=3; avg_pool 2; relu; conv filters=2 kernel=3",
    "input 21x23x2; conv filters=2 kernel=3; avg_pool 3 stride=2 pad=1; conv filters=2 kernel=2; relu",
    "input 21x23x2; avg_pool 2 stride=2 ceil=yes; conv filters=2 kernel=3; avg_pool 3 stride=1 pad=1 count_pad=yes; relu",
    "input 22x21x1; avg_pool 4 stride=3 pad=2 ceil=yes count_pad=yes; conv filters=2 kernel=3; relu",
    "x = input 20x19x2; a = conv filters=2 kernel=3; r = relu; b = conv filters=2 kernel=3; s = add b x; t = relu; "
    "conv filters=2 kernel=3; add conv1 t",
    "x = input 24x21x2; a = conv filters=3 kernel=1 stride=2; b = conv x filters=3 kernel=3 stride=2; r = relu; "
    "c = conv filters=3 kernel=3; add a c; relu",
    "x = input 20x21x2; a = conv filters=2 kernel=1; b = conv x filters=3 kernel=3; c = conv x filters=1 kernel=5; "
    "d = max_pool x 3 stride=1 pad=same; m = concat a b c d x; conv filters=2 kernel=3; relu",
    "x = input 19x20x4; a = slice first=0 count=2; b = slice x first=1 count=3; c = conv a filters=3 kernel=3; add b c; "
    "concat add1 a; conv filters=2 kernel=3",
    "input 20x18x6; conv filters=6 kernel=3 groups=3; shuffle groups=3; relu; conv filters=6 kernel=3 groups=6; add conv2 relu1",
    "input 17x18x2; pad 2,1,0,3; conv filters=2 kernel=3 pad=valid; pad -1,1,1,-2; relu; conv filters=2 kernel=3",
    "x = input 19x19x2; a = conv filters=2 kernel=3; g = conv x filters=2 kernel=3; mul a g; relu; conv filters=2 kernel=3",
    "x = input 20x19x2; a = conv filters=2 kernel=3; relu; max_pool 2; conv filters=2 kernel=3; scale; clip max=6; add scale1 clip1",
    "x = input 20x20x1; leaky_relu; a = conv filters=2 kernel=3; prelu; conv filters=2 kernel=3; batch_norm; relu",
    "x = input 20x21x2; p = max_pool 2; q = avg_pool x 2; add p q; add x x; c = conv add1 filters=2 kernel=3; add c add1",
};

typedef struct kind { dcn_rule rule; int no_switches; } kind;
static const kind kinds[] = { { DCN_RULE_GRADIENT, 0 }, { DCN_RULE_DECONVNET, 0 }, { DCN_RULE_GUIDED, 0 },
                              { DCN_RULE_LINEAR, 0 },   { DCN_RULE_GUIDED, 1 },    { DCN_RULE_LINEAR, 1 } };

/* The same starts without cones. */
static void project_whole(dcn_plan *p, int route, const dcn_start *starts, int n, float *out)
{
    const int groups = p->cones[route].program.n_groups;

    p->cones[route].program.n_groups = 0;
    must(dcn_plan_project_starts(p, route, starts, n, out, &err));
    p->cones[route].program.n_groups = groups;
}

/* Quotients need not be whole numbers, and then sums depend on their order. */
static int has_average(const dcn_graph *g)
{
    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++) {
        dcn_node_info info;

        dcn_graph_node_info(g, i, &info);
        if (strcmp(info.op, "avg_pool") == 0)
            return 1;
    }
    return 0;
}

/* Every unit of the layer, in all pictures; of engines other than ref every seventh. Returns how many routes had
 * a cone. */
static int compare(dcn_graph *g, dcn_node layer, const char *engine, int pictures, const char *what)
{
    const double relative = strcmp(engine, "cpu") == 0 ? 1e-5 : has_average(g) ? 1e-6 : 0;
    const dcn_shape s = shape_of(g, layer);
    const int step = strcmp(engine, "ref") == 0 ? 1 : 7, units = (s.h * s.w * pictures + step - 1) / step;
    const size_t size = size_of(g, 0);
    float *x = malloc(size * (size_t)pictures * sizeof *x), *want = new_output(size * (size_t)units);
    dcn_start *starts = calloc((size_t)units, sizeof *starts);
    dcn_route routes[COUNT(kinds)];
    int cones = 0;
    dcn_plan *p;

    for (size_t k = 0; k < COUNT(kinds); k++)
        routes[k] = (dcn_route){ .layer = layer, .rule = kinds[k].rule, .no_switches = kinds[k].no_switches };
    p = plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = pictures, .routes = routes, .n_routes = COUNT(kinds),
                                    .starts = units, .threads = 2 });
    fill_integers(x, size * (size_t)pictures, 5, 4);
    dcn_plan_forward(p, x, pictures);
    for (int i = 0; i < units; i++) {
        const int at = i * step;

        starts[i] = (dcn_start){ .picture = at % pictures, .from = DCN_FROM_UNIT, .channel = i % s.c, .ones = i % 3 == 0,
                                 .y = at / pictures / s.w, .x = at / pictures % s.w };
    }
    for (int k = 0; k < (int)COUNT(kinds); k++) {
        float *got, largest = 0;

        if (!p->cones[k].program.n_groups)
            continue;
        cones++;
        got = new_output(size * (size_t)units);
        project_whole(p, k, starts, units, want);
        must(dcn_plan_project_starts(p, k, starts, units, got, &err));
        for (size_t i = 0; i < size * (size_t)units; i++)
            largest = fabsf(want[i]) > largest ? fabsf(want[i]) : largest;
        for (int i = 0; i < units; i++) {
            const char *wrong = difference(got + size * (size_t)i, want + size * (size_t)i, size,
                                           relative * (double)largest, 0);

            if (wrong)
                fail_msg("%s, \"%s\", layer %d, rule %s%s, unit %d,%d of picture %d: %s", engine, what, (int)layer,
                         dcn_rule_name(kinds[k].rule), kinds[k].no_switches ? " without switches" : "", starts[i].y,
                         starts[i].x, starts[i].picture, wrong);
        }
        free_output(got, size * (size_t)units);
    }
    dcn_plan_destroy(p);
    free(x);
    free(starts);
    free_output(want, size * (size_t)units);
    return cones;
}

static void a_cone_draws_what_the_whole_walk_draws(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++)
        for (size_t i = 0; has_engine(engines[e]) && i < COUNT(nets); i++) {
            dcn_graph *g = graph_of(nets[i]);

            set_weights(g, 3 + i, 2, 0);
            if (compare(g, dcn_graph_output(g), engines[e], 2, nets[i]) < 3)
                fail_msg("%s, \"%s\" has no cones", engines[e], nets[i]);
            dcn_graph_destroy(g);
        }
}

static void cones_of_random_networks(void **state)
{
    int cones = 0, graphs = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 90; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 4 + (int)(seed % 12), .side = 17 });
        const dcn_node layer = dcn_graph_output(g);
        const dcn_shape s = shape_of(g, layer);

        if (s.h * s.w > 1) {
            char what[40];

            snprintf(what, sizeof what, "random graph %d", (int)seed);
            set_weights(g, seed, 1, 0);
            cones += compare(g, layer, "ref", 1, what);
            graphs++;
        }
        dcn_graph_destroy(g);
    }
    print_message("[ CONES    ] %d in %d graphs\n", cones, graphs);
    assert_true(cones > 200);
}

static void no_cone_where_there_is_none(void **state)
{
    static const struct { const char *net; dcn_rule rule; } none[] = {
        { "input 20x20x1; conv filters=2 kernel=3; relu", DCN_RULE_RECONSTRUCT },       /* biases everywhere */
        { "input 20x20x1; conv filters=2 kernel=3; avg_pool global", DCN_RULE_GRADIENT },
        { "input 20x20x1; dense units=4; reshape 2x2x1; relu", DCN_RULE_GRADIENT },
        /* a unit sees nearly all */
        { "input 3x3x4; conv filters=4 kernel=3; conv filters=4 kernel=3; conv filters=4 kernel=3", DCN_RULE_GRADIENT },
        { "x = input 24x24x1; a = max_pool 2; b = pad a 0,12,12,0; add x b", DCN_RULE_GRADIENT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(none); i++) {
        dcn_graph *g = graph_of(none[i].net);
        const dcn_route route = { .layer = dcn_graph_output(g), .rule = none[i].rule };
        dcn_plan *p;

        set_weights(g, 1, 2, 0);
        p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = &route, .n_routes = 1, .starts = 4 });
        if (p->cones[0].program.n_groups)
            fail_msg("\"%s\" has a cone", none[i].net);
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
}

/* A held gate is read, and nothing comes down to it: squeeze and excitation under guided. */
static void a_gate_held_constant(void **state)
{
    dcn_graph *g = graph_of("x = input 18x18x2; a = conv filters=4 kernel=3; s = avg_pool a global; t = conv filters=4 "
                            "kernel=1; hard_sigmoid; m = mul a hard_sigmoid1; relu; conv filters=2 kernel=3");

    (void)state;
    set_weights(g, 3, 2, 0);
    assert_true(compare(g, dcn_graph_output(g), "ref", 2, "gate") >= 3);
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cone_draws_what_the_whole_walk_draws),
        cmocka_unit_test(cones_of_random_networks),
        cmocka_unit_test(no_cone_where_there_is_none),
        cmocka_unit_test(a_gate_held_constant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
