/* Memory of plans: a step allocates nothing; any allocation may fail; the limit holds. */
#include "random_graph.h"

#include "base/memory.h"
#include "engine/plan.h"

static const char net[] = "x = input 8x8x3; conv filters=4 kernel=3; relu; max_pool 2; a = conv filters=4 kernel=3 groups=2; "
                          "r = relu; add a r; concat add1 a max_pool1; avg_pool global; dense units=3; softmax";
static const char *const engines[] = { "ref", "ref64", "cpu" };

/* ---- counting and refusing ---------------------------------------------------------------------- */

typedef struct meter { long count, fail_from, fail_to; size_t bytes; } meter;

static bool weigh(void *user, size_t bytes)
{
    meter *m = user;
    const long i = m->count++;

    m->bytes += bytes;
    return i < m->fail_from || i >= m->fail_to;
}

static const meter all_allowed = { .fail_from = 0, .fail_to = 0 };

static void a_step_allocates_nothing(void **state)
{
    enum { BATCH = 16 };

    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_graph *g;
        dcn_route routes[5];
        dcn_start starts[9];
        dcn_node asked[2];
        float images[BATCH * 192], out[BATCH * 192];
        int32_t labels[BATCH] = { 0, 1, 2 };
        meter m = all_allowed;
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        g = graph_of(net);
        for (int r = 0; r < 4; r++)
            routes[r] = (dcn_route){ .layer = node_of(g, "dense1"), .rule = (dcn_rule)r };
        routes[4] = (dcn_route){ .layer = node_of(g, "a"), .rule = DCN_RULE_GUIDED };   /* its units have cones */
        asked[0] = node_of(g, "r");
        asked[1] = node_of(g, "max_pool1");
        set_weights(g, 1, 0, 0.3f);
        fill_reals(images, COUNT(images), 1);
        p = plan_of(g, (dcn_plan_desc){ .engine = engines[e], .batch = BATCH, .training = 1, .keep_all = 1,
                                        .routes = routes, .n_routes = 5, .threads = 2, .starts = 9,
                                        .peaks = asked, .n_peaks = 2, .chunk = 3 });
        assert_true(p->cones[4].program.n_groups > 0);
        for (int step = 1; step <= 20; step++) {
            int64_t switches[BATCH * 64];
            int32_t cells[BATCH * 4];
            dcn_loss loss;

            if (step == 2)
                dcn__set_alloc_hook(weigh, &m);
            must(dcn_plan_gradient(p, images, labels, step % 2 ? BATCH : 5, &loss, &err));
            must(dcn_plan_adam(p, 1e-3f, &err));
            dcn_plan_forward(p, images, step % 3 ? BATCH : 3);
            must(dcn_plan_value(p, dcn_graph_output(g), out, &err));
            must(dcn_plan_peaks(p, asked[step % 2], out, cells, &err));
            must(dcn_plan_switches(p, node_of(g, "max_pool1"), switches, &err));
            must(dcn_plan_set_switches(p, node_of(g, "max_pool1"), switches,
                                       (int64_t)size_of(g, node_of(g, "max_pool1")) * (step % 3 ? BATCH : 3), &err));
            for (int r = 0; r < 4; r++) {
                must(dcn_plan_project(p, r, DCN_FROM_CHANNEL, 1, out, &err));
                must(dcn_plan_signal(p, node_of(g, "a"), out, &err));
            }
            for (int i = 0; i < 9; i++)
                starts[i] = (dcn_start){ .from = (dcn_from)(i % 5), .picture = i % 3, .y = i % 4, .x = i % 4 };
            must(dcn_plan_project_starts(p, 4, starts, step % 9 + 1, out, &err));
        }
        dcn__set_alloc_hook(NULL, NULL);
        if (m.count)
            fail_msg("%s: %ld allocations between step 2 and step 20", engines[e], m.count);
        dcn_plan_destroy(p);
        dcn_graph_destroy(g);
    }
}

typedef dcn_status attempt(void *user);

/* Fails allocation k, once or for ever, for k = 0, 1, ... until none is met. Returns how many there are. */
static long fail_each(attempt *try_it, void *user, bool for_ever)
{
    for (long k = 0; k < 100000; k++) {
        meter m = { .fail_from = k, .fail_to = for_ever ? 1 << 30 : k + 1 };
        dcn_status st;

        memset(&err, 0, sizeof err);
        dcn__set_alloc_hook(weigh, &m);
        st = try_it(user);
        dcn__set_alloc_hook(NULL, NULL);
        if (m.count <= k) {
            assert_int_equal(st, DCN_OK);
            return k;
        }
        if (st == DCN_OK && for_ever)
            fail_msg("allocation %ld failed for ever and nobody saw it", k);
        if (st != DCN_OK && (st != DCN_MEMORY || err.status != DCN_MEMORY || !strstr(err.text, "; ")))
            fail_msg("allocation %ld: status %d, \"%s\"", k, (int)st, err.text);
    }
    fail_msg("there is no end to the allocations");
    return 0;
}

static dcn_status try_parse(void *user)
{
    dcn_graph *g = (dcn_graph *)user;
    const dcn_status st = dcn_graph_parse(&g, net, sizeof net - 1, "net", NULL, &err);

    assert_int_equal(st == DCN_OK, g != NULL);
    dcn_graph_destroy(g);
    return st;
}

static dcn_status try_copy(void *user)
{
    dcn_graph *g = (dcn_graph *)user;
    const dcn_status st = dcn_graph_copy(&g, user, &err);

    assert_int_equal(st == DCN_OK, g != NULL);
    dcn_graph_destroy(g);
    return st;
}

static dcn_status try_tutorial(void *user)
{
    dcn_graph *g = NULL;
    const dcn_status st = dcn_graph_tutorial(&g, 3, 10, &err);

    (void)user;
    assert_int_equal(st == DCN_OK, g != NULL);
    dcn_graph_destroy(g);
    return st;
}

typedef struct plan_attempt { const dcn_graph *g; dcn_plan_desc desc; } plan_attempt;

static dcn_status try_plan(void *user)
{
    const plan_attempt *a = user;
    dcn_plan *p = (dcn_plan *)user;
    const dcn_status st = dcn_plan_create(&p, a->g, &a->desc, &err);

    assert_int_equal(st == DCN_OK, p != NULL);
    dcn_plan_destroy(p);
    return st;
}

static void any_allocation_may_fail(void **state)
{
    long points = 0, parse = 0, plans = 0;

    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dcn_graph *g = graph_of(net);
        dcn_route routes[5];

        for (int r = 0; r < 4; r++)
            routes[r] = (dcn_route){ .layer = node_of(g, "dense1"), .rule = (dcn_rule)r };
        routes[4] = (dcn_route){ .layer = node_of(g, "a"), .rule = DCN_RULE_GUIDED };
        set_weights(g, 1, 0, 0.3f);
        parse += fail_each(try_parse, NULL, for_ever);
        points += fail_each(try_copy, g, for_ever);
        points += fail_each(try_tutorial, NULL, for_ever);
        for (size_t e = 0; e < COUNT(engines); e++)
            if (has_engine(engines[e])) {
                const dcn_node asked[3] = { node_of(g, "r"), node_of(g, "add1"), 0 };
                plan_attempt a = { g, { .engine = engines[e], .batch = 9, .training = 1, .keep_all = for_ever,
                                        .routes = routes, .n_routes = 5, .threads = 2, .starts = 5,
                                        .peaks = asked, .n_peaks = 3 } };

                plans += fail_each(try_plan, &a, for_ever);
                a.desc.training = a.desc.keep_all = 0;
                a.desc.only_asked = a.desc.no_cones = 1;
                a.desc.chunk = 2;
                plans += fail_each(try_plan, &a, for_ever);
            }
        dcn_graph_destroy(g);
    }
    assert_true(parse > 60 && points > 60 && plans > 300);   /* the hook was asked */
    print_message("[ POINTS   ] %ld allocations failed in turn\n", parse + points + plans);
}

/* Weights are made inside a graph that exists: only its own allocations fail. */
static void first_weights_may_fail(void **state)
{
    dcn_graph *g = graph_of(net);

    (void)state;
    for (long k = 0;; k++) {
        meter m = { .fail_from = k, .fail_to = k + 1 };
        dcn_status st;

        dcn_graph_destroy(g);
        g = graph_of(net);
        dcn__set_alloc_hook(weigh, &m);
        st = dcn_graph_init_weights(g, 1, &err);
        dcn__set_alloc_hook(NULL, NULL);
        if (m.count <= k)
            break;
        assert_int_equal(st, DCN_MEMORY);
        assert_int_equal(err.status, DCN_MEMORY);
    }
    dcn_graph_destroy(g);
}

/* ---- limits ---------------------------------------------------------------------------------------- */

static void the_limit_is_kept(void **state)
{
    (void)state;
    for (size_t e = 0; e < COUNT(engines); e++) {
        dcn_graph *g;
        dcn_plan_desc d = { .engine = engines[e], .batch = 64, .training = 1, .threads = 2 };
        meter m = all_allowed;
        size_t bytes;
        dcn_plan *p;

        if (!has_engine(engines[e]))
            continue;
        must(dcn_graph_tutorial(&g, 3, 10, &err));
        must(dcn_graph_init_weights(g, 1, &err));
        dcn__set_alloc_hook(weigh, &m);
        p = plan_of(g, d);
        dcn__set_alloc_hook(NULL, NULL);
        bytes = dcn_plan_bytes(p);
        dcn_plan_destroy(p);
        /* Of 138 channels in 64 pictures: a float and a cell each, in arrays of whole cache lines. */
        {
            const dcn_node asked[3] = { node_of(g, "h_pool1"), node_of(g, "h_pool2"), node_of(g, "conv3") };
            const size_t element = strcmp(engines[e], "ref64") == 0 ? 12 : 8, net_bytes = 64 * 138 * element;
            dcn_plan_desc with = d;

            with.peaks = asked;
            with.n_peaks = 3;
            p = plan_of(g, with);
            assert_in_range(dcn_plan_bytes(p), bytes + net_bytes, bytes + net_bytes + 64 * 1024);
            dcn_plan_destroy(p);
        }
        /* It holds what it says, but for small change. */
        if (bytes < m.bytes / 100 * 95 || bytes > m.bytes / 100 * 130)
            fail_msg("%s: says %zu bytes, asked for %zu", engines[e], bytes, m.bytes);
        d.max_bytes = bytes;
        p = plan_of(g, d);
        dcn_plan_destroy(p);
        d.max_bytes = bytes - 1;
        assert_int_equal(dcn_plan_create(&p, g, &d, &err), DCN_MEMORY);
        assert_null(p);
        assert_memory_equal(err.text, "plan: needs ", 12);
        assert_non_null(strstr(err.text, "; use a smaller batch or raise the limit"));
        dcn_graph_destroy(g);
    }
}

static bool see_large(void *user, size_t bytes)
{
    if (bytes > 1 << 24)
        *(size_t *)user = bytes;
    return true;
}

/* Sizes of which the products do not fit in 64 bits. The first case is made so that the sum of 600
 * values and 600 signals, in 2^17 chunks of 8 pictures of doubles, wraps to 60 GiB. */
static void huge_plans_are_refused_before_they_are_made(void **state)
{
    static const struct { int nodes, h, w, batch, keep_all; size_t max_bytes; } huge[] = {
        { 600, 33127, 55318, 1 << 20, 1, (size_t)1 << 40 },
        { 999, 32768, 32768, 1 << 20, 1, 0 }, { 999, 32768, 32768, 1 << 20, 0, 0 },
        { 2, 32768, 32768, 1 << 20, 1, 0 }, { 999, 46340, 46340, 1 << 20, 1, SIZE_MAX - 1 },
        { 999, 46340, 46340, 1, 1, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(huge); i++) {
        const dcn_route route = { .layer = huge[i].nodes - 1, .rule = DCN_RULE_GRADIENT };
        const dcn_plan_desc d = { .engine = "ref64", .batch = huge[i].batch, .keep_all = huge[i].keep_all,
                                  .threads = 1, .routes = &route, .n_routes = 1, .max_bytes = huge[i].max_bytes };
        size_t large = 0;
        dcn_graph *g;
        dcn_plan *p;

        must(dcn_graph_create(&g, &err));
        dcn_graph_input(g, NULL, (dcn_shape){ huge[i].h, huge[i].w, 1 });
        while (dcn_graph_node_count(g) < huge[i].nodes)
            dcn_graph_relu(g, dcn_graph_output(g), NULL);
        must(dcn_graph_check(g, &err));
        dcn__set_alloc_hook(see_large, &large);
        assert_int_equal(dcn_plan_create(&p, g, &d, &err), DCN_MEMORY);
        dcn__set_alloc_hook(NULL, NULL);
        assert_int_equal(large, 0);
        assert_non_null(strstr(err.text, "plan: needs "));
        dcn_graph_destroy(g);
    }
}

static void refuses_bad_descriptions(void **state)
{
    const struct { dcn_plan_desc desc; const char *sentence; } bad[] = {
        { { .batch = -1 }, "batch: -1 is outside 1..1048576; correct it" },
        { { .batch = (1 << 20) + 1 }, "batch: 1048577 is outside 1..1048576; correct it" },
        { { .threads = -1 }, "threads: -1 is outside 1..1024; correct it" },
        { { .threads = 1025 }, "threads: 1025 is outside 1..1024; correct it" },
        { { .n_routes = -1 }, "routes: -1 is not a number of routes; correct it" },
        { { .routes = &(dcn_route){ .layer = 0, .rule = DCN_RULE_GRADIENT }, .n_routes = 1 },
          "route: 0 is not a layer and a rule of this network; choose a node after the input" },
        { { .routes = &(dcn_route){ .layer = 2, .rule = DCN_RULE_GRADIENT }, .n_routes = 1 },
          "route: 0 is not a layer and a rule of this network; choose a node after the input" },
        { { .starts = -1 }, "starts: -1 is outside 0..1048576; correct it" },
        { { .routes = &(dcn_route){ .layer = 1, .only = (dcn_only)3 }, .n_routes = 1 },
          "route: 0 is not a layer and a rule of this network; choose a node after the input" },
        { { .routes = &(dcn_route){ .layer = 1, .rule = (dcn_rule)5 }, .n_routes = 1 },
          "route: 0 is not a layer and a rule of this network; choose a node after the input" },
    };
    dcn_graph *g = graph_of("input 4x4x1; conv filters=1 kernel=1"), *none = graph_of("input 4x4x1; c = conv filters=1 kernel=1");
    dcn_plan *p;

    (void)state;
    must(dcn_graph_init_weights(g, 1, &err));
    for (size_t i = 0; i < COUNT(bad); i++) {
        dcn_plan_desc d = bad[i].desc;

        d.engine = "ref";
        must_say(dcn_plan_create(&p, g, &d, &err), DCN_USAGE, bad[i].sentence);
        assert_null(p);
    }
    assert_int_equal(dcn_plan_create(&p, g, &(dcn_plan_desc){ .engine = "gpu" }, &err), DCN_USAGE);
    assert_memory_equal(err.text, "engine: there is no engine \"gpu\" in this build; use ", 52);
    must_say(dcn_plan_create(&p, none, &(dcn_plan_desc){ .engine = "ref" }, &err), DCN_USAGE,
             "c.weight: has no values; load or make the weights first");
    dcn_plan_destroy(NULL);
    dcn_graph_destroy(g);
    dcn_graph_destroy(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(first_weights_may_fail),
        cmocka_unit_test(the_limit_is_kept),
        cmocka_unit_test(huge_plans_are_refused_before_they_are_made),
        cmocka_unit_test(refuses_bad_descriptions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
