/* Walks: every read is preceded by its write, signals meet in a fixed order, rules that are undefined
 * are refused by the node's name. */
#include "random_graph.h"

#include "graph/walk.h"

static const dcn_rule rules[] = { DCN_RULE_RECONSTRUCT, DCN_RULE_DECONVNET, DCN_RULE_GUIDED, DCN_RULE_GRADIENT };

static int written_by(const dcn__walk *w, int slot, int before)
{
    for (int i = 0; i < before; i++)
        if (w->steps[i].write == slot || w->steps[i].write_switch == slot)
            return i;
    return -1;
}

/* `alone`: the walk holds no way up, so values and switches come from outside. */
static void check_order(const dcn__walk *w, const dcn_graph *g, int alone)
{
    char *times = calloc((size_t)w->n_slots + 1, 1);

    for (int i = 0; i < w->n_steps; i++) {
        const dcn__step *s = &w->steps[i];

        assert_in_range(s->node, s->action == DCN__DO_SUM ? 0 : 1, g->n_nodes - 1);
        for (int k = 0; k < s->n_reads; k++) {
            const dcn__slot *slot = &w->slots[s->reads[k]];
            const int external = slot->kind == DCN__SLOT_VALUE && slot->node == 0;

            assert_in_range(s->reads[k], 0, w->n_slots - 1);
            if (external || (alone && (slot->kind == DCN__SLOT_VALUE || slot->kind == DCN__SLOT_SWITCH)))
                continue;
            if (written_by(w, s->reads[k], i) < 0)
                fail_msg("step %d (%s of %s) reads slot %d before it is written", i, dcn__action_word(s->action),
                         g->nodes[s->node].name, s->reads[k]);
        }
        if (s->write >= 0)
            assert_int_equal(times[s->write]++, 0);   /* each slot is written once */
        if (s->write_switch >= 0)
            assert_int_equal(times[s->write_switch]++, 0);
        assert_int_equal(s->write_switch >= 0, s->action == DCN__DO_MAX_POOL);
    }
    for (int i = 0; i < w->n_slots; i++)
        for (int k = 0; k < i; k++)
            if (w->slots[i].kind != DCN__SLOT_PART)
                assert_false(w->slots[i].kind == w->slots[k].kind && w->slots[i].node == w->slots[k].node);
    free(times);
}

/* Users of a node on the way from the input to `start`. */
static int users_on_way(const dcn_graph *g, dcn_node node, dcn_node start, const char *on_way)
{
    int n = 0;

    for (dcn_node i = 0; i <= start; i++)
        for (int k = 0; on_way[i] && k < g->nodes[i].n_inputs; k++)
            n += g->nodes[i].inputs[k] == node;
    return n;
}

/* Every share that goes down to a node arrives in its signal: by itself, or added once. */
static void check_shares(const dcn__walk *w, const dcn_graph *g, dcn_node start)
{
    char *on_way = calloc((size_t)g->n_nodes, 1);

    on_way[start] = 1;
    for (dcn_node i = start; i >= 0; i--)
        for (int k = 0; on_way[i] && k < g->nodes[i].n_inputs; k++)
            on_way[g->nodes[i].inputs[k]] = 1;
    for (dcn_node i = 0; i < start; i++) {
        const int users = users_on_way(g, i, start, on_way);
        const int signal = dcn__walk_find(w, DCN__SLOT_SIGNAL, i);
        int at;

        assert_int_equal(signal >= 0, users > 0);
        if (!users)
            continue;
        at = written_by(w, signal, w->n_steps);
        assert_true(at >= w->first_reverse);
        if (users == 1) {
            assert_int_equal(g->nodes[w->steps[at].node].inputs[w->steps[at].input], i);
            continue;
        }
        assert_int_equal(w->steps[at].action, DCN__DO_SUM);
        assert_int_equal(w->steps[at].n_reads, users);
        for (int k = 0; k < users; k++) {   /* shares in the order in which they were made */
            const int made = written_by(w, w->steps[at].reads[k], at);

            assert_true(made >= 0);
            assert_int_equal(w->slots[w->steps[at].reads[k]].kind, DCN__SLOT_PART);
            assert_int_equal(g->nodes[w->steps[made].node].inputs[w->steps[made].input], i);
            if (k)
                assert_true(written_by(w, w->steps[at].reads[k - 1], at) < made);
        }
    }
    free(on_way);
}

static void walks_of_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 3 + (int)(seed % 25), .side = 9, .head = 1 });
        const dcn_node start = dcn__loss_node(g);
        dcn__walk w = { 0 };

        must(dcn__walk_forward(&w, g, dcn_graph_output(g), &err));
        check_order(&w, g, 0);
        for (dcn_node i = 1, last = -1; i < g->n_nodes; i++) {
            const int slot = dcn__walk_find(&w, DCN__SLOT_VALUE, i);

            if (slot < 0)
                continue;
            assert_true(written_by(&w, slot, w.n_steps) > last);   /* in node order */
            last = written_by(&w, slot, w.n_steps);
        }
        dcn__walk_clear(&w);
        for (size_t r = 0; r < COUNT(rules); r++) {
            must(dcn__walk_down(&w, g, start, rules[r], &err));
            assert_int_equal(w.first_reverse, 0);
            assert_int_equal(w.steps[0].action, DCN__DO_SEED);
            check_order(&w, g, 1);
            check_shares(&w, g, start);
            dcn__walk_clear(&w);
        }
        must(dcn__walk_forward(&w, g, start, &err));
        must(dcn__walk_training(&w, g, &err));
        check_order(&w, g, 0);
        for (int i = 0; i < g->n_weights; i++) {   /* each weight on the way gets its gradient once */
            int times = 0;

            for (int k = w.first_reverse; k < w.n_steps; k++)
                times += w.steps[k].node == g->weights[i].node &&
                         (w.steps[k].action == DCN__DO_CONV_WEIGHTS || w.steps[k].action == DCN__DO_DENSE_WEIGHTS);
            assert_int_equal(times, dcn__walk_find(&w, DCN__SLOT_VALUE, g->weights[i].node) >= 0);
        }
        dcn__walk_clear(&w);
        dcn_graph_destroy(g);
    }
}

/* The science, row by row, as the header and the papers say it. */
static void the_table_is_what_the_papers_say(void **state)
{
    static const dcn__action relu[4] = { DCN__DO_COPY, DCN__DO_RELU_RECTIFY, DCN__DO_RELU_GUIDED, DCN__DO_RELU_MASK };

    (void)state;
    for (size_t r = 0; r < 4; r++) {
        const dcn_rule rule = rules[r];

        assert_int_equal(dcn__op_row_of(DCN__OP_RELU)->reverse[rule], relu[r]);
        assert_int_equal(dcn__op_row_of(DCN__OP_CONV)->reverse[rule],
                         rule == DCN_RULE_RECONSTRUCT ? DCN__DO_LESS_BIAS_CONV_DATA : DCN__DO_CONV_DATA);
        assert_int_equal(dcn__op_row_of(DCN__OP_DENSE)->reverse[rule],
                         rule == DCN_RULE_RECONSTRUCT ? DCN__DO_LESS_BIAS_DENSE_DATA : DCN__DO_DENSE_DATA);
        assert_int_equal(dcn__op_row_of(DCN__OP_MAX_POOL)->reverse[rule], DCN__DO_UNPOOL);
        assert_int_equal(dcn__op_row_of(DCN__OP_AVG_POOL)->reverse[rule], DCN__DO_AVG_POOL_SPREAD);
        assert_int_equal(dcn__op_row_of(DCN__OP_ADD)->reverse[rule], DCN__DO_COPY);
        assert_int_equal(dcn__op_row_of(DCN__OP_CONCAT)->reverse[rule], DCN__DO_SLICE);
        assert_int_equal(dcn__op_row_of(DCN__OP_SOFTMAX)->reverse[rule],
                         rule == DCN_RULE_GRADIENT ? DCN__DO_SOFTMAX_GRADIENT : DCN__DO_REFUSE);
    }
}

static void less_bias_is_a_step_of_its_own(void **state)
{
    dcn_graph *g = graph_of("input 4x4x1; a = conv filters=2 kernel=3; b = conv filters=2 kernel=3 bias=no");
    static const dcn__action wanted[] = { DCN__DO_SEED, DCN__DO_CONV_DATA, DCN__DO_LESS_BIAS, DCN__DO_CONV_DATA };
    dcn__walk w = { 0 };

    (void)state;
    must(dcn__walk_down(&w, g, 2, DCN_RULE_RECONSTRUCT, &err));
    assert_int_equal(w.n_steps, COUNT(wanted));
    for (int i = 0; i < w.n_steps; i++)
        assert_int_equal(w.steps[i].action, wanted[i]);
    dcn__walk_clear(&w);
    dcn_graph_destroy(g);
}

static void undefined_rules_are_refused_by_name(void **state)
{
    static const char *const sentences[] = {
        "s2: the rule reconstruct is undefined for softmax; start from an earlier layer or use the rule gradient",
        "s2: the rule deconvnet is undefined for softmax; start from an earlier layer or use the rule gradient",
        "s2: the rule guided is undefined for softmax; start from an earlier layer or use the rule gradient",
    };
    dcn_graph *g = graph_of("input 4x4x2; s1 = softmax; x = conv filters=2 kernel=3; s2 = softmax; y = relu; "
                            "z = conv filters=2 kernel=1");
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 2, 0);
    for (int r = 0; r < 3; r++) {
        const dcn_route route = { node_of(g, "z"), rules[r] }, under = { node_of(g, "x"), rules[r] };
        dcn_plan_desc d = { .engine = "ref", .routes = &route, .n_routes = 1 };

        must_say(dcn_plan_create(&p, g, &d, &err), DCN_USAGE, sentences[r]);
        assert_null(p);
        d.routes = &under;
        assert_int_equal(dcn_plan_create(&p, g, &d, &err), DCN_USAGE);
        assert_memory_equal(err.text, "s1: the rule ", 13);
    }
    for (dcn_node i = 1; i < g->n_nodes; i++) {
        const dcn_route route = { i, DCN_RULE_GRADIENT };

        p = plan_of(g, (dcn_plan_desc){ .engine = "ref", .routes = &route, .n_routes = 1 });
        dcn_plan_destroy(p);
    }
    dcn_graph_destroy(g);
}

static void a_loss_needs_one_answer_a_picture(void **state)
{
    dcn_graph *g = graph_of("input 4x4x2; c = conv filters=2 kernel=3; softmax");
    dcn_plan *p;

    (void)state;
    set_weights(g, 1, 2, 0);
    must_say(dcn_plan_create(&p, g, &(dcn_plan_desc){ .engine = "ref", .training = 1 }, &err), DCN_USAGE,
             "c: its value is 4x4x2, a loss needs 1x1xCLASSES; end the network with a dense layer or a global pool");
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_of_random_graphs),
        cmocka_unit_test(the_table_is_what_the_papers_say),
        cmocka_unit_test(less_bias_is_a_step_of_its_own),
        cmocka_unit_test(undefined_rules_are_refused_by_name),
        cmocka_unit_test(a_loss_needs_one_answer_a_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
