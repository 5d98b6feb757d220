/* memory_engine.c - plans of every engine without memory, and what a plan does once it is there: nothing
 * of it asks for memory, neither at our door nor, but for oneDNN's argument lists, anywhere else. */
#include "memory_points.h"

#define NET "input 9x8x3; a = conv filters=6 kernel=3; batch_norm; r = relu; max_pool 2; " \
    "conv filters=4 kernel=3 groups=2; silu; avg_pool 2; dense units=5; softmax"

enum { BATCH = 3, IN = 9 * 8 * 3 };

#define TRAINED "input 9x8x3; a = conv filters=6 kernel=3; r = relu; max_pool 2; " \
    "conv filters=4 kernel=3; relu; avg_pool 2; dense units=5; softmax"

static dcn_graph *graph, *trained;
static float images[BATCH * IN], out[64 * IN];
static const int32_t labels[BATCH] = { 0, 4, 2 };
static dcn_route routes[2];
static dcn_node peaks[1];

static const dcn_start starts[2] = { { .from = DCN_FROM_UNIT, .channel = 1, .y = 2, .x = 3 },
                                     { .picture = 1, .from = DCN_FROM_PEAK, .channel = 2 } };

static dcn_plan_desc desc_of(const char *engine, bool training)
{
    return (dcn_plan_desc){ .engine = engine, .batch = BATCH, .threads = 2, .training = training,
                            .routes = routes, .n_routes = training ? 0 : 2, .starts = training ? 0 : 2,
                            .peaks = peaks, .n_peaks = training ? 0 : 1 };
}

/* Everything that a plan can be asked between its making and its end; the statuses are those of a plan
 * that lacks nothing. */
static dcn_status use_plan(dcn_plan *p, bool training, uint64_t *sum, dcn_error *e)
{
    const dcn_node pool = dcn_graph_find(graph, "max_pool1");
    static int64_t switches[BATCH * 5 * 4 * 6];
    static int32_t cells[BATCH * 6];
    dcn_loss loss = { 0 };
    float value;
    int y, x;
    dcn_status st;

    if (training) {
        for (int i = 0; i < 2; i++)
            if ((st = dcn_plan_gradient(p, images, labels, BATCH, &loss, e)) ||
                (st = dcn_plan_weight_gradient(p, 0, out, e)) || (st = dcn_plan_adam(p, 1e-3f, e)))
                return st;
        feed(sum, out, 6 * 27 * sizeof *out);
        feed(sum, &loss, sizeof loss);
        return DCN_OK;
    }
    dcn_plan_forward(p, images, BATCH);
    if ((st = dcn_plan_value(p, dcn_graph_output(graph), out, e)))
        return st;
    feed(sum, out, BATCH * 5 * sizeof *out);
    if ((st = dcn_plan_switches(p, pool, switches, e)) ||
        (st = dcn_plan_set_switches(p, pool, switches, (int64_t)COUNT(switches), e)) ||
        (st = dcn_plan_peak(p, peaks[0], 1, 2, &y, &x, &value, e)) ||
        (st = dcn_plan_peaks(p, peaks[0], out, cells, e)) ||
        (st = dcn_plan_project(p, 0, DCN_FROM_CHANNEL, 1, out, e)))
        return st;
    feed(sum, out, BATCH * IN * sizeof *out);
    if ((st = dcn_plan_project_all(p, DCN_FROM_PEAK, 1, out, e)))
        return st;
    feed(sum, out, 2 * BATCH * IN * sizeof *out);
    if ((st = dcn_plan_project_starts(p, 0, starts, 2, out, e)))
        return st;
    feed(sum, out, 2 * IN * sizeof *out);
    feed_text(sum, dcn_plan_extensions(p, 0));
    feed(sum, &(size_t){ dcn_plan_bytes(p) }, sizeof(size_t));
    feed_text(sum, dcn_plan_text(p));
    return DCN_OK;
}

typedef struct kind { const char *engine; bool training; } kind;

static dcn_status make_plan(const void *with, uint64_t *sum, dcn_error *e)
{
    const kind *k = with;
    const dcn_plan_desc desc = desc_of(k->engine, k->training);
    dcn_plan *p;
    dcn_status st = dcn_plan_create(&p, k->training ? trained : graph, &desc, e);

    if (st)
        assert_null(p);
    else
        st = use_plan(p, k->training, sum, e);
    dcn_plan_destroy(p);
    return st;
}

static const kind kinds[6] = { { "ref", false }, { "ref", true }, { "ref64", false },
                               { "ref64", true }, { "cpu", false }, { "cpu", true } };

static void plans(void **state)
{
    static const scenario list[6] = {
        { "ref", make_plan, 0, &kinds[0], NULL },
        { "ref training", make_plan, 0, &kinds[1], NULL },
        { "ref64", make_plan, 0, &kinds[2], NULL },
        { "ref64 training", make_plan, 0, &kinds[3], NULL },
        { "cpu", make_plan, MANY, &kinds[4], NULL },
        { "cpu training", make_plan, MANY, &kinds[5], NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(list); i++)
        if (has_engine(kinds[i].engine))
            all_points(&list[i]);
}

/* Networks whose convolutions have kernels and tables of their own, with the way back or down. */
typedef struct shape { const char *text; bool training; dcn_graph *g; } shape;

static shape shapes[] = {
    { "input 24x24x3; conv filters=32 kernel=5; relu; max_pool 2; dense units=5; softmax", false, NULL },
    { "input 24x24x3; conv filters=32 kernel=5; relu; max_pool 2; dense units=5; softmax", true, NULL },
    { "input 8x8x64; conv filters=10 kernel=5; relu; dense units=5; softmax", false, NULL },
    { "input 8x8x64; conv filters=10 kernel=5; relu; dense units=5; softmax", true, NULL },
    { "input 12x12x32; conv filters=32 kernel=3; relu; max_pool 2; dense units=5; softmax", true, NULL },
    { "input 24x24x3; conv filters=32 kernel=5; relu; dense units=5; softmax", false, NULL },
    { "input 12x12x64; conv filters=64 kernel=5; relu; max_pool 2; relu", false, NULL },
};

static dcn_status make_shape(const void *with, uint64_t *sum, dcn_error *e)
{
    const shape *s = with;
    const dcn_route route = { .layer = 2, .rule = DCN_RULE_RECONSTRUCT };
    const dcn_plan_desc desc = { .engine = "cpu", .batch = 16, .threads = 1, .training = s->training,
                                 .routes = &route, .n_routes = s->training ? 0 : 1 };
    dcn_plan *p;
    dcn_status st = dcn_plan_create(&p, s->g, &desc, e);

    if (st)
        assert_null(p);
    else
        feed(sum, &(size_t){ dcn_plan_bytes(p) }, sizeof(size_t));
    dcn_plan_destroy(p);
    return st;
}

static void convolutions_of_all_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes) && has_engine("cpu"); i++) {
        const scenario s = { shapes[i].text, make_shape, 0, &shapes[i], NULL };

        shapes[i].g = graph_of(shapes[i].text);
        set_weights(shapes[i].g, 4, 0, 0.3f);
        all_points(&s);
        dcn_graph_destroy(shapes[i].g);
    }
}

static dcn_status store_weights(const void *with, uint64_t *sum, dcn_error *e)
{
    const dcn_plan_desc desc = { .engine = "ref", .threads = 1 };
    dcn_graph *copy = NULL;          /* with weights or, "bare", without */
    dcn_weight_info w;
    dcn_plan *p;
    dcn_status st = dcn_plan_create(&p, graph, &desc, e);

    if (!st && !(st = with ? dcn_graph_parse(&copy, NET, strlen(NET), "bare", NULL, e) : dcn_graph_copy(&copy, graph, e)) &&
        !(st = dcn_plan_store_weights(p, copy, e))) {
        dcn_graph_weight_info(copy, 0, &w);
        feed(sum, w.data, (size_t)w.count * sizeof *w.data);
    }
    dcn_graph_destroy(copy);
    dcn_plan_destroy(p);
    return st;
}

static dcn_status measure(const void *with, uint64_t *sum, dcn_error *e)
{
    (void)with, (void)sum;
    return dcn_machine_peak(2) > 0 ? DCN_OK : dcn__fail_memory(e, "a measurement", 0);
}

static void others(void **state)
{
    static const scenario list[] = {
        { "dcn_plan_store_weights", store_weights, 0, NULL, NULL },
        { "dcn_plan_store_weights, bare", store_weights, 0, "bare", NULL },
        { "dcn_machine_peak", measure, 0, NULL, "threads: it measures with fewer" },
    };

    (void)state;
    RUN_SCENARIOS(list);
}

/* What a run of an existing plan asks for: of us nothing; of the process nothing but oneDNN's lists. */
static void a_run_allocates_nothing(void **state)
{
    uint64_t sum = 0, again = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const dcn_plan_desc desc = desc_of(kinds[i].engine, kinds[i].training);
        dcn_plan *p;
        long others;

        if (!has_engine(kinds[i].engine))
            continue;
        p = plan_of(kinds[i].training ? trained : graph, desc);
        must(use_plan(p, kinds[i].training, &sum, &err));
        atomic_store(&ours.asked, 0);
        atomic_store(&process.asked, 0);
        ours.first = 0;
        ours.for_ever = true;
        process.first = -1;
        dcn__set_alloc_hook(our_hook, &ours);
        atomic_store(&all_on, true);
        const dcn_status st = use_plan(p, kinds[i].training, &again, &err);

        atomic_store(&all_on, false);
        dcn__set_alloc_hook(NULL, NULL);
        others = atomic_load(&process.asked);
        if (st || atomic_load(&ours.asked))
            fail_msg("%s: status %d, %ld allocations of ours", kinds[i].engine, (int)st,
                     atomic_load(&ours.asked));
        if (OWN_MALLOC && strcmp(kinds[i].engine, "cpu") != 0 && others)
            fail_msg("%s: %ld allocations of the process", kinds[i].engine, others);
        figure("memory: a run of a plan of %s%s: 0 allocations of ours, %ld of the process's",
               kinds[i].engine, kinds[i].training ? " (two training steps)" : "", others);
        dcn_plan_destroy(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(convolutions_of_all_kinds),
        cmocka_unit_test(others),
        cmocka_unit_test(a_run_allocates_nothing),
    };
    int failed;

    graph = graph_of(NET);
    set_weights(graph, 3, 0, 0.3f);
    trained = graph_of(TRAINED);
    set_weights(trained, 4, 0, 0.3f);
    fill_reals(images, COUNT(images), 5);
    routes[0] = (dcn_route){ .layer = node_of(graph, "r"), .rule = DCN_RULE_GUIDED };
    routes[1] = (dcn_route){ .layer = node_of(graph, "max_pool1"), .rule = DCN_RULE_DECONVNET };
    peaks[0] = node_of(graph, "r");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    dcn_graph_destroy(graph);
    dcn_graph_destroy(trained);
    memory_figure("engine");
    return failed;
}
