/* Walks: every read is preceded by its write, signals meet in a fixed order, rules that are undefined
 * are refused by the node's name. */
#include "random_graph.h"

#include "graph/walk.h"

#include "base/memory.h"

static const dcn_rule rules[] = { DCN_RULE_RECONSTRUCT, DCN_RULE_DECONVNET, DCN_RULE_GUIDED, DCN_RULE_GRADIENT,
                                  DCN_RULE_LINEAR };

static dcn_status down(dcn__walk *w, const dcn_graph *g, const char *layer, dcn_rule rule, int extend)
{
    const dcn_route route = { .layer = node_of(g, layer), .rule = rule, .extend = extend };

    return dcn__walk_down(w, g, &route, &err);
}

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

/* Whether a rule sends a signal to input k: only gates that are held get none. */
static int carries(const dcn__node *n, int k, dcn_rule rule)
{
    return n->op != DCN__OP_MUL || k == 0 || rule == DCN_RULE_GRADIENT;
}

/* Users that send a signal to a node on the way from the input to `start`. */
static int users_on_way(const dcn_graph *g, dcn_node node, dcn_node start, const char *on_way, dcn_rule rule)
{
    int n = 0;

    for (dcn_node i = 0; i <= start; i++)
        for (int k = 0; on_way[i] && k < g->nodes[i].n_inputs; k++)
            n += g->nodes[i].inputs[k] == node && carries(&g->nodes[i], k, rule);
    return n;
}

/* Every share that goes down to a node arrives in its signal: by itself, or added once. */
static void check_shares(const dcn__walk *w, const dcn_graph *g, dcn_node start, dcn_rule rule)
{
    char *on_way = calloc((size_t)g->n_nodes, 1);

    on_way[start] = 1;
    for (dcn_node i = start; i >= 0; i--)
        for (int k = 0; on_way[i] && k < g->nodes[i].n_inputs; k++)
            if (carries(&g->nodes[i], k, rule))
                on_way[g->nodes[i].inputs[k]] = 1;
    assert_true(on_way[0]);
    for (dcn_node i = 0; i < start; i++) {
        const int users = users_on_way(g, i, start, on_way, rule);
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

/* What the steps of a way down read, as engine.h says. */
static void check_reads(const dcn__walk *w, const dcn_graph *g)
{
    for (int i = w->first_reverse; i < w->n_steps; i++) {
        const dcn__step *s = &w->steps[i];
        const dcn__node *n = &g->nodes[s->node];
        dcn__slot_kind kind = DCN__SLOT_VALUE;
        dcn_node wanted = -1;

        switch (s->action) {
        case DCN__DO_RELU_MASK: case DCN__DO_RELU_GUIDED: case DCN__DO_SOFTMAX_GRADIENT:
        case DCN__DO_LOG_SOFTMAX_GRADIENT:
            wanted = s->node;
            break;
        case DCN__DO_MAP_GRADIENT: case DCN__DO_MAP_GUIDED: case DCN__DO_LEAKY_GRADIENT: case DCN__DO_LEAKY_GUIDED:
        case DCN__DO_LRN_GRADIENT:
            wanted = n->inputs[0];
            break;
        case DCN__DO_MUL_DATA:
            wanted = n->inputs[!s->input];
            break;
        case DCN__DO_UNPOOL:
            wanted = s->node;
            kind = DCN__SLOT_SWITCH;
            break;
        case DCN__DO_SUM: case DCN__DO_SEED: case DCN__DO_LOSS: case DCN__DO_CONV_WEIGHTS: case DCN__DO_DENSE_WEIGHTS:
            continue;
        default:
            assert_int_not_equal(s->action, DCN__DO_HOLD_GATE);
            break;
        }
        assert_int_equal(s->n_reads, wanted >= 0 ? 2 : 1);
        assert_true(w->slots[s->reads[0]].kind == DCN__SLOT_SIGNAL || w->slots[s->reads[0]].kind == DCN__SLOT_PART);
        assert_int_equal(w->slots[s->reads[0]].node, s->node);
        if (wanted < 0)
            continue;
        assert_int_equal(w->slots[s->reads[1]].kind, kind);
        assert_int_equal(w->slots[s->reads[1]].node, wanted);
    }
}

static void walks_of_random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 3 + (int)(seed % 25), .side = 9, .head = 1,
                                                               .every_op = seed % 3 == 0 });
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
        for (dcn_node i = 0; i < g->n_nodes; i++) {   /* one target after another, in a strange order */
            must(dcn__walk_forward(&w, g, (i * 7 + 3) % g->n_nodes, &err));
            must(dcn__walk_forward(&w, g, i, &err));
        }
        check_order(&w, g, 0);
        assert_int_equal(w.n_steps, g->n_nodes - 1);
        dcn__walk_clear(&w);
        for (size_t r = 0; r < COUNT(rules); r++) {
            const dcn_route route = { .layer = start, .rule = rules[r], .extend = 1 };

            must(dcn__walk_down(&w, g, &route, &err));
            assert_int_equal(w.first_reverse, 0);
            assert_int_equal(w.steps[0].action, DCN__DO_SEED);
            check_order(&w, g, 1);
            check_shares(&w, g, start, rules[r]);
            check_reads(&w, g);
            dcn__walk_clear(&w);
        }
        if (seed % 3 == 0) {   /* not all of these can be trained */
            dcn_graph_destroy(g);
            continue;
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
    for (size_t r = 0; r < 4; r++) {   /* linear is reconstruct without its biases */
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

typedef struct way { dcn_rule rule; int extend, no_switches; const char *steps; dcn_only only; } way;

/* The way down as words: "seed c, conv_data c>x". */
static void goes(const char *text, const char *layer, way wanted)
{
    dcn_graph *g = graph_of(text);
    const dcn_route route = { .layer = node_of(g, layer), .rule = wanted.rule, .no_switches = wanted.no_switches,
                              .extend = wanted.extend, .only = wanted.only };
    dcn__walk w = { 0 };
    char words[2000];
    size_t n = 0;

    must(dcn__walk_down(&w, g, &route, &err));
    for (int i = 0; i < w.n_steps; i++) {
        const dcn__step *s = &w.steps[i];
        const dcn__slot_kind kind = w.slots[s->write].kind;

        n += (size_t)snprintf(words + n, sizeof words - n, "%s%s %s", i ? ", " : "", dcn__action_word(s->action),
                              g->nodes[s->node].name);
        if (w.slots[s->write].node != s->node)
            n += (size_t)snprintf(words + n, sizeof words - n, ">%s%s", g->nodes[w.slots[s->write].node].name,
                                  kind == DCN__SLOT_PART ? "+" : "");
    }
    if (strcmp(words, wanted.steps) != 0)
        fail_msg("%s from %s under %s\n   goes %s\n wanted %s", text, layer, dcn_rule_name(wanted.rule), words,
                 wanted.steps);
    check_order(&w, g, 1);
    check_reads(&w, g);
    dcn__walk_clear(&w);
    dcn_graph_destroy(g);
}

static void less_bias_is_a_step_of_its_own(void **state)
{
    static const char net[] = "x = input 4x4x1; a = conv filters=2 kernel=3; b = conv filters=2 kernel=3 bias=no;"
                              "s = scale; n = batch_norm; d = dense units=2; e = dense units=2 bias=no";

    (void)state;
    goes(net, "e", (way){ .rule = DCN_RULE_RECONSTRUCT, .steps =
         "seed e, dense_data e>d, less_bias d, dense_data d>n, less_bias n, scale_data n>s, less_bias s, scale_data s>b, "
         "conv_data b>a, less_bias a, conv_data a>x" });
    goes(net, "e", (way){ .rule = DCN_RULE_LINEAR, .steps =
         "seed e, dense_data e>d, dense_data d>n, scale_data n>s, scale_data s>b, conv_data b>a, conv_data a>x" });
    goes(net, "e", (way){ .rule = DCN_RULE_DECONVNET, .steps =
         "seed e, dense_data e>d, dense_data d>n, scale_data n>s, scale_data s>b, conv_data b>a, conv_data a>x" });
}

static void every_rule_of_rectifiers_and_pools(void **state)
{
    static const char net[] = "x = input 8x8x2; r = relu; c = clip; l = leaky_relu; p = prelu; m = max_pool 2;"
                              "n = lrn size=3; a = avg_pool 2";

    (void)state;
    goes(net, "a", (way){ .rule = DCN_RULE_GRADIENT, .steps =
         "seed a, avg_pool_spread a>n, lrn_gradient n>m, unpool m>p, "
         "leaky_gradient p>l, leaky_gradient l>c, map_gradient c>r, relu_mask r>x" });
    goes(net, "a", (way){ .rule = DCN_RULE_DECONVNET, .steps =
         "seed a, avg_pool_spread a>n, copy n>m, unpool m>p, "
         "leaky_rectify p>l, leaky_rectify l>c, relu_rectify c>r, relu_rectify r>x" });
    goes(net, "a", (way){ .rule = DCN_RULE_GUIDED, .extend = 1, .steps =
         "seed a, avg_pool_spread a>n, copy n>m, unpool m>p, "
         "leaky_guided p>l, leaky_guided l>c, map_guided c>r, relu_guided r>x" });
    goes(net, "a", (way){ .rule = DCN_RULE_LINEAR, .no_switches = 1, .steps =
         "seed a, avg_pool_spread a>n, copy n>m, unpool_centre m>p, "
         "copy p>l, copy l>c, copy c>r, copy r>x" });
    goes(net, "m", (way){ .rule = DCN_RULE_GRADIENT, .no_switches = 1, .steps =
         "seed m, unpool_centre m>p, "
         "leaky_gradient p>l, leaky_gradient l>c, map_gradient c>r, relu_mask r>x" });
}

/* Other programs keep the rule to their ReLUs: all else takes its true derivative. */
static void rules_of_relu_alone(void **state)
{
    static const char net[] = "x = input 8x8x2; r = relu; n = lrn size=3; c = clip; s = silu; m = mul s r; d = dense units=2";

    (void)state;
    goes(net, "d", (way){ .rule = DCN_RULE_GUIDED, .only = DCN_ONLY_RELU, .steps = "seed d, dense_data d>m, mul_data m>s, "
         "mul_data m>r+, map_gradient s>c, map_gradient c>n, lrn_gradient n>r+, sum r, relu_guided r>x" });
    goes(net, "d", (way){ .rule = DCN_RULE_RECONSTRUCT, .only = DCN_ONLY_RELU_LRN, .steps = "seed d, dense_data d>m, "
         "mul_data m>s, mul_data m>r+, map_gradient s>c, map_gradient c>n, copy n>r+, sum r, copy r>x" });
}

static void gates_are_held(void **state)
{
    static const char net[] = "x = input 8x8x2; c = conv filters=2 kernel=3 bias=no; g = avg_pool global;"
                              "e = conv filters=2 kernel=1; s = sigmoid; m = mul c s";

    (void)state;
    goes(net, "m", (way){ .rule = DCN_RULE_DECONVNET, .steps =
         "seed m, mul_data m>c, conv_data c>x" });
    goes(net, "m", (way){ .rule = DCN_RULE_GRADIENT, .steps =
         "seed m, mul_data m>c+, mul_data m>s, map_gradient s>e, conv_data e>g, "
         "avg_pool_spread g>c+, sum c, conv_data c>x" });
    /* both inputs of one product */
    goes("x = input 2x2x1; r = relu; m = mul r r", "m",
         (way){ .rule = DCN_RULE_GRADIENT, .steps =
         "seed m, mul_data m>r+, mul_data m>r+, sum r, relu_mask r>x" });
    goes("x = input 2x2x1; r = relu; m = mul r r", "m",
         (way){ .rule = DCN_RULE_GUIDED, .steps =
         "seed m, mul_data m>r, relu_guided r>x" });
    /* shares of three that carry, and of a gate that does not */
    goes("x = input 2x2x1; a = add x x x; m = mul a x", "m",
         (way){ .rule = DCN_RULE_LINEAR, .steps =
         "seed m, mul_data m>a, copy a>x+, copy a>x+, copy a>x+, sum x" });
}

static void other_activations_are_extensions(void **state)
{
    static const char net[] = "x = input 2x2x1; a = silu; b = hard_tanh; c = gelu";

    (void)state;
    goes(net, "c", (way){ .rule = DCN_RULE_GRADIENT, .steps =
         "seed c, map_gradient c>b, map_gradient b>a, map_gradient a>x" });
    goes(net, "c", (way){ .rule = DCN_RULE_DECONVNET, .extend = 1, .steps =
         "seed c, relu_rectify c>b, relu_rectify b>a, relu_rectify a>x" });
    goes(net, "c", (way){ .rule = DCN_RULE_GUIDED, .extend = 1, .steps =
         "seed c, map_guided c>b, map_guided b>a, map_guided a>x" });
    goes(net, "c", (way){ .rule = DCN_RULE_RECONSTRUCT, .extend = 1, .steps =
         "seed c, copy c>b, copy b>a, copy a>x" });
    goes(net, "c", (way){ .rule = DCN_RULE_LINEAR, .extend = 1, .steps =
         "seed c, copy c>b, copy b>a, copy a>x" });
}

static void extensions_are_told(void **state)
{
    static const struct { const char *text, *layer; dcn_rule rule; int extend; const char *sentence; } cases[] = {
        { "x = input 4x4x2; r = relu; c = conv filters=2 kernel=1", "c", DCN_RULE_DECONVNET, 1, NULL },
        { "x = input 4x4x2; r = silu; c = conv filters=2 kernel=1", "c", DCN_RULE_GRADIENT, 1, NULL },
        { "x = input 4x4x2; r = silu; c = conv filters=2 kernel=1", "c", DCN_RULE_DECONVNET, 1, "silu rectified at r" },
        { "x = input 4x4x2; r = silu; c = conv filters=2 kernel=1", "c", DCN_RULE_GUIDED, 1, "silu guided at r" },
        { "x = input 4x4x2; r = silu; c = conv filters=2 kernel=1", "c", DCN_RULE_LINEAR, 1, "silu passed by at r" },
        { "x = input 4x4x2; s = sigmoid; m = mul x s", "m", DCN_RULE_LINEAR, 0, "gate held constant at m" },
        { "x = input 4x4x2; s = sigmoid; m = mul x s", "m", DCN_RULE_GRADIENT, 0, NULL },
        { "x = input 4x4x2; s = sigmoid; m = mul x s; r = relu", "s", DCN_RULE_GUIDED, 1, "sigmoid guided at s" },
        { "x = input 4x4x2; a = silu; g = sigmoid; m = mul a g; b = silu; c = silu; n = mul c x", "n", DCN_RULE_DECONVNET,
          1, "silu rectified at a, gate held constant at m and 3 more" },
        { "x = input 4x4x2; a = silu; b = gelu; c = mish; d = elu; e = tanh", "e", DCN_RULE_DECONVNET, 1,
          "silu rectified at a, gelu rectified at b, mish rectified at c and 2 more" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        dcn_graph *g = graph_of(cases[i].text);
        dcn__walk w = { 0 };

        must(down(&w, g, cases[i].layer, cases[i].rule, cases[i].extend));
        if (!cases[i].sentence != !w.extensions || (w.extensions && strcmp(w.extensions, cases[i].sentence) != 0))
            fail_msg("%s: %s", cases[i].text, w.extensions ? w.extensions : "nothing");
        dcn__walk_clear(&w);
        assert_null(w.extensions);
        dcn_graph_destroy(g);
    }
}

static void undefined_rules_are_refused_by_name(void **state)
{
    dcn_graph *g = graph_of("x0 = input 4x4x2; s1 = softmax; x = conv filters=2 kernel=3; s2 = softmax; y = relu; "
                            "z = conv filters=2 kernel=1; l = log_softmax; a = silu x0; b = relu; c = mul b l");
    dcn__walk w = { 0 };
    char sentence[200];

    (void)state;
    for (int r = 0; r < 5; r++) {
        const char *rule = dcn_rule_name(rules[r]);

        if (rules[r] == DCN_RULE_GRADIENT)
            continue;
        for (int extend = 0; extend < 2; extend++) {   /* no extension either */
            snprintf(sentence, sizeof sentence, "s2: the rule %s is undefined for softmax; start from its input x (the "
                     "logits)", rule);
            memset(&err, 0, sizeof err);
            assert_int_equal(down(&w, g, "z", rules[r], extend), DCN_USAGE);
            assert_string_equal(err.text, sentence);
            dcn__walk_clear(&w);
            snprintf(sentence, sizeof sentence, "l: the rule %s is undefined for log_softmax; start from its input z (the "
                     "logits)", rule);
            assert_int_equal(down(&w, g, "l", rules[r], extend), DCN_USAGE);
            assert_string_equal(err.text, sentence);
            dcn__walk_clear(&w);
        }
        snprintf(sentence, sizeof sentence, "a: the rule %s is undefined for silu; pass --extend to draw it as an "
                 "extension, or use the rule gradient", rule);
        assert_int_equal(down(&w, g, "c", rules[r], 0), DCN_USAGE);   /* not because of its gate, the log_softmax */
        assert_string_equal(err.text, sentence);
        dcn__walk_clear(&w);
        must(down(&w, g, "c", rules[r], 1));
        dcn__walk_clear(&w);
    }
    for (dcn_node i = 0; i < g->n_nodes; i++) {
        must(down(&w, g, g->nodes[i].name, DCN_RULE_GRADIENT, 0));
        dcn__walk_clear(&w);
    }
    dcn_graph_destroy(g);
}

/* ---- training -------------------------------------------------------------------------------- */

static void some_weights_cannot_be_trained_yet(void **state)
{
    static const char *const words[] = { "batch_norm", "scale", "prelu" };
    char text[200], sentence[200];
    dcn_graph *g;
    dcn__walk w = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        snprintf(text, sizeof text, "input 4x4x2; n = %s; dense units=3; softmax", words[i]);
        snprintf(sentence, sizeof sentence, "n: %s cannot be trained yet; train a network whose weights are those of conv and "
                 "dense", words[i]);
        g = graph_of(text);
        must(dcn__walk_forward(&w, g, dcn__loss_node(g), &err));
        must_say(dcn__walk_training(&w, g, &err), DCN_USAGE, sentence);
        dcn__walk_clear(&w);
        dcn_graph_destroy(g);
    }
    g = graph_of("input 4x4x2; conv filters=2 kernel=3 bias=no; dense units=3 bias=no; log_softmax");
    assert_int_equal(dcn__loss_node(g), 2);
    must(dcn__walk_forward(&w, g, 2, &err));
    must(dcn__walk_training(&w, g, &err));
    assert_int_equal(w.steps[w.n_steps - 1].action, DCN__DO_CONV_WEIGHTS);
    assert_null(w.extensions);
    dcn__walk_clear(&w);
    dcn_graph_destroy(g);
}

/* ---- memory and time --------------------------------------------------------------------------- */

static bool fail_one(void *user, size_t bytes)
{
    (void)bytes;
    return (*(int *)user)-- != 0;
}

/* Every allocation of a walk may fail. */
static void walks_without_memory(void **state)
{
    dcn_graph *g = graph_of("x = input 8x8x2; c = conv filters=2 kernel=3; r = silu; m = max_pool 2; a = conv filters=2 kernel=3;"
                            "b = add a m; g = avg_pool global; s = sigmoid; t = mul b s; d = dense units=2; q = softmax");
    dcn_status st = DCN_MEMORY;

    (void)state;
    for (int training = 0; training < 2; training++, st = DCN_MEMORY)
        for (int k = 0; st == DCN_MEMORY; k++) {
            const dcn_route route = { .layer = node_of(g, "d"), .rule = DCN_RULE_RECONSTRUCT, .extend = 1 };
            dcn__walk w = { 0 };
            int left = k;

            memset(&err, 0, sizeof err);
            dcn__set_alloc_hook(fail_one, &left);
            st = dcn__walk_forward(&w, g, dcn__loss_node(g), &err);
            if (!st)
                st = training ? dcn__walk_training(&w, g, &err) : dcn__walk_down(&w, g, &route, &err);
            dcn__set_alloc_hook(NULL, NULL);
            assert_true(st == DCN_OK || (st == DCN_MEMORY && err.status == DCN_MEMORY));
            assert_true(st == DCN_MEMORY || k > 30);
            dcn__walk_clear(&w);
        }
    dcn_graph_destroy(g);
}

static void a_hundred_thousand_nodes(void **state)
{
    const double start = cpu_ms();
    dcn_graph *g;
    dcn__walk up = { 0 }, back = { 0 };
    dcn_route route = { .rule = DCN_RULE_DECONVNET };
    dcn_node x;
    size_t length;
    int layers = 0;

    (void)state;
    must(dcn_graph_create(&g, &err));
    x = dcn_graph_input(g, NULL, (dcn_shape){ 4, 4, 1 });
    while (dcn_graph_node_count(g) < 100000 - 4) {   /* blocks of four, and a branch that ends */
        const dcn_node c = dcn_graph_conv(g, x, &(dcn_conv_desc){ .filters = 1, .kernel = { 3, 3 } });
        const dcn_node r = dcn_graph_relu(g, c, NULL), m = dcn_graph_mul(g, r, x, NULL);

        dcn_graph_relu(g, c, NULL);
        x = dcn_graph_add(g, (const dcn_node[]){ m, x }, 2, NULL);
    }
    must(dcn_graph_check(g, &err));
    route.layer = x;
    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++) {   /* as a plan with keep_all does */
        dcn_node_info info;

        must(dcn__walk_forward(&up, g, i, &err));
        dcn_graph_node_info(g, i, &info);
        layers += info.is_layer;
    }
    must(dcn__walk_down(&back, g, &route, &err));
    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++)
        assert_true(dcn__walk_find(&up, DCN__SLOT_VALUE, i) >= 0);
    length = dcn_graph_text(g, NULL, 0);
    assert_true(length > 1000000 && layers > 20000);
    if (cpu_ms() - start > 2000)
        fail_msg("took %.0f ms", cpu_ms() - start);
    dcn__walk_clear(&up);
    dcn__walk_clear(&back);
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
        cmocka_unit_test(every_rule_of_rectifiers_and_pools),
        cmocka_unit_test(rules_of_relu_alone),
        cmocka_unit_test(gates_are_held),
        cmocka_unit_test(other_activations_are_extensions),
        cmocka_unit_test(extensions_are_told),
        cmocka_unit_test(undefined_rules_are_refused_by_name),
        cmocka_unit_test(some_weights_cannot_be_trained_yet),
        cmocka_unit_test(walks_without_memory),
        cmocka_unit_test(a_hundred_thousand_nodes),
        cmocka_unit_test(a_loss_needs_one_answer_a_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
