/* All routes at once are the routes one by one, whoever walks which. */
#include "support.h"

#include "base/memory.h"

static const char *const engines[] = { "ref", "ref64", "cpu" };
static const char net[] = "x = input 15x14x3; c1 = conv filters=6 kernel=3; relu; max_pool 2; c2 = conv filters=5 "
                          "kernel=3; r2 = relu; c3 = conv filters=5 kernel=3; s = add c3 r2; relu; avg_pool global; "
                          "dense units=7";

enum { PICTURES = 2, SIZE = 15 * 14 * 3, ROUTES = 6 };

static dcn_plan *plan_with(const dcn_graph *g, const char *engine, int threads, int batch, int together)
{
    static const char *const layers[ROUTES] = { "c1", "max_pool1", "r2", "s", "relu2", "dense1" };
    dcn_route routes[ROUTES];

    for (int r = 0; r < ROUTES; r++)
        routes[r] = (dcn_route){ .layer = node_of(g, layers[r]),
                                 .rule = r % 2 ? DCN_RULE_GUIDED : DCN_RULE_DECONVNET };
    return plan_of(g, (dcn_plan_desc){ .engine = engine, .batch = batch, .threads = threads, .routes = routes,
                                       .n_routes = ROUTES, .together = together });
}

/* batch 1 is one chunk (threads take routes), 2 are two (threads take pictures). */
static void all_is_each(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_graph *g;
        float x[PICTURES * SIZE];

        if (!has_engine(engines[e]))
            continue;
        g = graph_of(net);
        set_weights(g, 3, 0, 0.3f);
        fill_reals(x, COUNT(x), 5);
        for (int batch = 1; batch <= PICTURES; batch++)
            for (int threads = 1; threads <= 8; threads += threads == 1 ? 2 : 5) {
                static const dcn_from froms[] = { DCN_FROM_LAYER, DCN_FROM_PEAK, DCN_FROM_ZERO };
                dcn_plan *one = plan_with(g, engines[e], 1, batch, 0);
                dcn_plan *p = plan_with(g, engines[e], threads, batch, 1);

                dcn_plan_forward(one, x, batch);
                dcn_plan_forward(p, x, batch);
                for (size_t f = 0; f < COUNT(froms); f++) {
                    const size_t size = (size_t)batch * SIZE;
                    float *want = new_output(ROUTES * size), *got = new_output(ROUTES * size),
                          *again = new_output(size);

                    for (int r = 0; r < ROUTES; r++)
                        must(dcn_plan_project(one, r, froms[f], 1, want + (size_t)r * size, &err));
                    must(dcn_plan_project_all(p, froms[f], 1, got, &err));
                    assert_same_bits(got, want, ROUTES * size, engines[e]);
                    must(dcn_plan_project(p, 4, froms[f], 1, again, &err));
                    assert_same_bits(again, want + 4 * size, size, "one of them alone");
                    free_output(want, ROUTES * size);
                    free_output(got, ROUTES * size);
                    free_output(again, size);
                }
                dcn_plan_destroy(one);
                dcn_plan_destroy(p);
            }
        dcn_graph_destroy(g);
    }
}

static bool none(void *user, size_t bytes)
{
    (void)bytes;
    ++*(int *)user;
    return false;
}

static void refused_and_allocating_nothing(void **state)
{
    dcn_graph *g = graph_of(net);
    dcn_plan *p;
    float x[SIZE], *out = new_output(ROUTES * SIZE);
    int asked = 0;

    (void)state;
    set_weights(g, 3, 0, 0.3f);
    fill_reals(x, COUNT(x), 5);
    p = plan_with(g, "ref", 3, 1, 1);
    must_say(dcn_plan_project_all(p, DCN_FROM_LAYER, 0, out, &err), DCN_USAGE, "c1: has no value yet; call dcn_plan_forward first");
    dcn_plan_forward(p, x, 1);
    must_say(dcn_plan_project_all(p, DCN_FROM_UNIT, 0, out, &err), DCN_USAGE,
             "routes: a start at one unit needs its place; use dcn_plan_project_starts");
    must_say(dcn_plan_project_all(p, DCN_FROM_CHANNEL, 6, out, &err), DCN_USAGE,
             "c1: channel 6 is outside 0..5; choose another");
    dcn__set_alloc_hook(none, &asked);
    must(dcn_plan_project_all(p, DCN_FROM_CHANNEL, 2, out, &err));
    dcn__set_alloc_hook(NULL, NULL);
    assert_int_equal(asked, 0);
    dcn_plan_destroy(p);
    dcn_graph_destroy(g);
    free_output(out, ROUTES * SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_each),
        cmocka_unit_test(refused_and_allocating_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
