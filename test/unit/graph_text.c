/* The text form: what is accepted and how it is printed; what is refused, where and in which words. */
#include "random_graph.h"

#include "base/memory.h"
#include "graph/graph.h"

static char *text_of(const dcn_graph *g)
{
    const size_t size = dcn_graph_text(g, NULL, 0);
    char *text = malloc(size + 1);

    assert_int_equal(dcn_graph_text(g, text, size + 1), size);
    assert_int_equal(strlen(text), size);
    return text;
}

static void prints(const char *text, const char *canonical)
{
    dcn_graph *g = graph_of(text);
    char *printed = text_of(g);

    assert_string_equal(printed, canonical);
    free(printed);
    dcn_graph_destroy(g);
}

static void canonical_forms(void **state)
{
    (void)state;
    prints("input 4x5x3;relu", "input1 = input 4x5x3\nrelu1 = relu\n");
}

static void spaces_comments_and_semicolons(void **state)
{
    (void)state;
    prints("\n # a comment ; with = \"signs\n\t x = input 4x5x3 # more\r\n\r\n;;y =\t\trelu\t;  # end",
           "x = input 4x5x3\ny = relu\n");
    prints("input 4x5x3#\nrelu", "input1 = input 4x5x3\nrelu1 = relu\n");
    prints("x= input 4x5x3; y =relu; z= relu x", "x = input 4x5x3\ny = relu\nz = relu x\n");
}

static void convolutions(void **state)
{
    (void)state;
    prints("input 9x9x4; conv filters=6 kernel=3",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=3\n");
    prints("input 9x9x4; conv kernel=3x3 bias=0 filters=6 groups=1 stride=1x1 dilation=1 pad=same init=he",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=3\n");
    prints("input 9x9x4; conv filters=6 kernel=3x1 stride=2 pad=valid dilation=1x2 groups=2 init=0.01 bias=-0.5",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=3x1 stride=2 pad=valid dilation=1x2 groups=2 "
           "init=0.01 bias=-0.5\n");
    prints("input 9x9x4; conv filters=6 kernel=5 pad=2 bias=no",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=5 pad=2,2,2,2 bias=no\n");
    prints("input 9x9x4; conv filters=6 kernel=5 pad=0,1,2,3 stride=1x2",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=5 stride=1x2 pad=0,1,2,3\n");
    prints("input 9x9x4; conv filters=6 kernel=3 init=0.1 bias=1e-7",
           "input1 = input 9x9x4\nconv1 = conv filters=6 kernel=3 init=0.1 bias=1e-07\n");
}

static void pools(void **state)
{
    (void)state;
    prints("input 9x9x4; max_pool 2; avg_pool 3x2; max_pool kernel=2 stride=1; avg_pool global",
           "input1 = input 9x9x4\nmax_pool1 = max_pool 2x2\navg_pool1 = avg_pool 3x2\n"
           "max_pool2 = max_pool 2x2 stride=1\navg_pool2 = avg_pool global\n");
    prints("input 9x9x4; max_pool 2 stride=2 pad=valid", "input1 = input 9x9x4\nmax_pool1 = max_pool 2x2 pad=valid\n");
    prints("input 9x9x4; max_pool 3x2 stride=3x2 pad=1", "input1 = input 9x9x4\nmax_pool1 = max_pool 3x2 pad=1,1,1,1\n");
    prints("input 9x9x4; avg_pool kernel=global", "input1 = input 9x9x4\navg_pool1 = avg_pool global\n");
}

static void pools_of_other_frameworks(void **state)
{
    (void)state;
    prints("input 9x9x4; max_pool 3 stride=2 dilation=2x1 ceil=yes pad=1",
           "input1 = input 9x9x4\nmax_pool1 = max_pool 3x3 stride=2 pad=1,1,1,1 dilation=2x1 ceil=yes\n");
    prints("input 9x9x4; max_pool 2 ceil=no dilation=1; avg_pool 2 count_pad=no",
           "input1 = input 9x9x4\nmax_pool1 = max_pool 2x2\navg_pool1 = avg_pool 2x2\n");
    prints("input 9x9x4; avg_pool 3 stride=2 pad=1 ceil=yes count_pad=yes",
           "input1 = input 9x9x4\navg_pool1 = avg_pool 3x3 stride=2 pad=1,1,1,1 ceil=yes count_pad=yes\n");
    /* What a last window hangs over is not padding that was asked for. */
    prints("input 5x5x4; avg_pool 2 pad=0 ceil=yes", "input1 = input 5x5x4\navg_pool1 = avg_pool 2x2 pad=0,0,0,0 ceil=yes\n");
    prints("input 5x5x4; avg_pool 2 pad=valid ceil=yes", "input1 = input 5x5x4\navg_pool1 = avg_pool 2x2 pad=valid ceil=yes\n");
}

static void activations(void **state)
{
    static const char *const plain[] = { "relu", "sigmoid", "tanh", "silu", "hard_swish", "mish", "softplus", "prelu",
                                         "clip", "leaky_relu", "elu", "hard_tanh", "hard_sigmoid", "selu", "gelu",
                                         "batch_norm", "scale", "softmax", "log_softmax" };
    char text[200], canonical[200];

    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        snprintf(text, sizeof text, "input 4x4x2; %s", plain[i]);
        snprintf(canonical, sizeof canonical, "input1 = input 4x4x2\n%s1 = %s\n", plain[i], plain[i]);
        prints(text, canonical);
    }
    prints("input 4x4x2; clip max=6; clip max=1; leaky_relu slope=0.01; leaky_relu slope=0.2; elu alpha=1; elu alpha=0.5",
           "input1 = input 4x4x2\nclip1 = clip\nclip2 = clip max=1\nleaky_relu1 = leaky_relu\n"
           "leaky_relu2 = leaky_relu slope=0.2\nelu1 = elu\nelu2 = elu alpha=0.5\n");
    prints("input 4x4x2; hard_tanh min=-1 max=1; hard_tanh max=2 min=-0.5; hard_sigmoid alpha=0.2 beta=0.5; "
           "hard_sigmoid alpha=0.16666667",
           "input1 = input 4x4x2\nhard_tanh1 = hard_tanh\nhard_tanh2 = hard_tanh min=-0.5 max=2\n"
           "hard_sigmoid1 = hard_sigmoid\nhard_sigmoid2 = hard_sigmoid alpha=0.16666667\n");
    prints("input 4x4x2; selu alpha=1.6732632 gamma=1.050701; selu alpha=1 gamma=2; gelu tanh=no; gelu tanh=yes",
           "input1 = input 4x4x2\nselu1 = selu\nselu2 = selu alpha=1 gamma=2\ngelu1 = gelu\ngelu2 = gelu tanh=yes\n");
    prints("input 4x4x2; lrn size=3; lrn k=2 beta=0.5 alpha=1e-3 size=5",
           "input1 = input 4x4x2\nlrn1 = lrn size=3\nlrn2 = lrn size=5 alpha=0.001 beta=0.5 k=2\n");
}

static void cells_and_channels_moved_about(void **state)
{
    (void)state;
    prints("x = input 4x6x8; pad 1; pad x 0,-1,2,3 value=-0.5; \"1\" = relu; pad \"1\" -1",
           "x = input 4x6x8\npad1 = pad 1,1,1,1\npad2 = pad x 0,-1,2,3 value=-0.5\n\"1\" = relu\n"
           "pad3 = pad -1,-1,-1,-1\n");
    prints("x = input 4x6x8; slice count=3 first=0; slice x first=5 count=3; shuffle x groups=4",
           "x = input 4x6x8\nslice1 = slice first=0 count=3\nslice2 = slice x first=5 count=3\n"
           "shuffle1 = shuffle x groups=4\n");
    prints("x = input 4x6x8; reshape 1x1x192; reshape x 6x4x8 order=hwc; reshape x 8x6x4 order=chw",
           "x = input 4x6x8\nreshape1 = reshape 1x1x192\nreshape2 = reshape x 6x4x8 order=hwc\n"
           "reshape3 = reshape x 8x6x4\n");
    prints("x = input 4x6x8; g = avg_pool global; mul x g; mul x x; add x x mul1; dense units=4 bias=no; dense units=3 bias=yes",
           "x = input 4x6x8\ng = avg_pool global\nmul1 = mul x g\nmul2 = mul x x\nadd1 = add x x mul1\n"
           "dense1 = dense units=4 bias=no\ndense2 = dense units=3\n");
}

static void branches(void **state)
{
    (void)state;
    prints("x = input 8x8x4; a = relu; b = relu x; add a b; concat x a b add1; dense units=3; softmax",
           "x = input 8x8x4\na = relu\nb = relu x\nadd1 = add a b\nconcat1 = concat x a b add1\n"
           "dense1 = dense units=3\nsoftmax1 = softmax\n");
    prints("x = input 8x8x4; add x x; concat x", "x = input 8x8x4\nadd1 = add x x\nconcat1 = concat x\n");
    /* A name that a made one would take is passed over. */
    prints("relu1 = input 8x8x4; relu; relu", "relu1 = input 8x8x4\nrelu2 = relu\nrelu3 = relu\n");
}

static void names(void **state)
{
    (void)state;
    prints("\"a b\" = input 8x8x4; \"2x2\" = relu; \"k=v\" = relu; \"global\" = relu \"2x2\"; max_pool 2 \"2x2\"",
           "\"a b\" = input 8x8x4\n\"2x2\" = relu\n\"k=v\" = relu\n\"global\" = relu \"2x2\"\n"
           "max_pool1 = max_pool \"2x2\" 2x2\n");
    prints("\"a;b\" = input 8x8x4; \"c#d\" = relu # \"\ne = relu \"a;b\"",
           "\"a;b\" = input 8x8x4\n\"c#d\" = relu\ne = relu \"a;b\"\n");
    prints("relu = input 8x8x4; input = relu; conv = relu relu",
           "relu = input 8x8x4\ninput = relu\nconv = relu relu\n");
    prints("\xc3\xa4 = input 8x8x4; layer/1:0.x-y_Z = relu", "\"\xc3\xa4\" = input 8x8x4\nlayer/1:0.x-y_Z = relu\n");
    prints("\"=\" = input 8x8x4; \" \" = relu; \"-\" = relu \"=\"",
           "\"=\" = input 8x8x4\n\" \" = relu\n\"-\" = relu \"=\"\n");
}

static void printing_needs_no_room(void **state)
{
    static const char whole[] = "input1 = input 4x5x3\nrelu1 = relu\n";
    dcn_graph *g = graph_of("input 4x5x3; relu");
    char text[sizeof whole + 4];

    (void)state;
    for (size_t size = 0; size <= sizeof whole; size++) {
        memset(text, 'Q', sizeof text);
        assert_int_equal(dcn_graph_text(g, text, size), sizeof whole - 1);
        for (size_t i = size; i < sizeof text; i++)
            assert_int_equal(text[i], 'Q');
        if (size) {
            assert_memory_equal(text, whole, size - 1);
            assert_int_equal(text[size - 1], '\0');
        }
    }
    dcn_graph_destroy(g);
}

static void same_graphs(const dcn_graph *a, const dcn_graph *b)
{
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_weights, b->n_weights);
    for (int i = 0; i < a->n_nodes; i++) {
        const dcn__node *m = &a->nodes[i], *n = &b->nodes[i];

        assert_int_equal(m->op, n->op);
        assert_string_equal(m->name, n->name);
        assert_int_equal(m->n_inputs, n->n_inputs);
        assert_memory_equal(m->inputs, n->inputs, (size_t)m->n_inputs * sizeof *m->inputs);
        assert_memory_equal(&m->shape, &n->shape, sizeof m->shape);
        assert_memory_equal(&m->field, &n->field, sizeof m->field);
        assert_memory_equal(&m->window, &n->window, offsetof(dcn__window, global));
        assert_int_equal(m->window.global, n->window.global);
        assert_int_equal(m->window.ceil, n->window.ceil);
        assert_memory_equal(m->window.over, n->window.over, sizeof m->window.over);
        assert_int_equal(m->window.count_pad, n->window.count_pad);
        assert_int_equal(m->groups, n->groups);
        assert_memory_equal(&m->alpha, &n->alpha, sizeof m->alpha);
        assert_memory_equal(&m->beta, &n->beta, sizeof m->beta);
        assert_memory_equal(&m->bias_k, &n->bias_k, sizeof m->bias_k);
        assert_int_equal(m->size, n->size);
        assert_int_equal(m->first, n->first);
        assert_int_equal(m->order, n->order);
        assert_int_equal(m->head, n->head);
        assert_int_equal(m->n_users, n->n_users);
        assert_int_equal(m->weight, n->weight);
        assert_int_equal(m->bias, n->bias);
        assert_memory_equal(&m->init_stddev, &n->init_stddev, sizeof m->init_stddev);
        assert_memory_equal(&m->init_bias, &n->init_bias, sizeof m->init_bias);
    }
    for (int i = 0; i < a->n_weights; i++) {
        assert_string_equal(a->weights[i].name, b->weights[i].name);
        assert_int_equal(a->weights[i].count, b->weights[i].count);
    }
}

/* parse(print(g)) is g, and print of that the same text, for networks made by the builders. */
static void round_trips(void **state)
{
    int seen[DCN__OP_COUNT] = { 0 };

    (void)state;
    for (uint64_t seed = 0; seed < 800; seed++) {
        dcn_graph *g = random_graph(seed, (random_graph_desc){ .nodes = 2 + (int)(seed % 30), .side = 12,
                                                               .softmax_inside = seed % 4 != 3,
                                                               .every_op = seed % 2 != 0 });
        char *text = text_of(g), *again;
        dcn_graph *back = graph_of(text), *copy;

        same_graphs(g, back);
        for (int i = 0; i < g->n_nodes; i++)
            seen[g->nodes[i].op]++;
        again = text_of(back);
        assert_string_equal(again, text);
        must(dcn_graph_copy(&copy, g, &err));
        same_graphs(g, copy);
        dcn_graph_destroy(copy);
        dcn_graph_destroy(back);
        dcn_graph_destroy(g);
        free(again);
        free(text);
    }
    for (int op = 0; op < DCN__OP_COUNT; op++)   /* the property was asked of every operator */
        if (seen[op] < 5)
            fail_msg("%s: only %d times", dcn__op_row_of((dcn__op)op)->word, seen[op]);
}

/* Parameters that an activation does not have are not kept: the text could not say them. */
static void parameters_that_mean_nothing(void **state)
{
    static const char *const words[] = { "sigmoid", "tanh", "silu", "hard_swish", "mish", "softplus", "gelu", "clip",
                                         "leaky_relu", "elu" };

    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        dcn_graph *g, *back;
        char *text;

        must(dcn_graph_create(&g, &err));
        dcn_graph_activation(g, dcn_graph_input(g, "x", (dcn_shape){ 2, 2, 1 }), words[i], 1, 2, NULL);
        must(dcn_graph_check(g, &err));
        text = text_of(g);
        back = graph_of(text);
        same_graphs(g, back);
        free(text);
        dcn_graph_destroy(back);
        dcn_graph_destroy(g);
    }
}

/* Every float that a network may hold survives its text. */
static void floats_survive(void **state)
{
    dcn__random r = dcn__random_stream(3, 1, 4);

    (void)state;
    for (int i = 0; i < 3000; i++) {
        const float stddev = (float)pow(10, dcn__random_unit(&r) * 17.9 - 11.9);
        const float bias = (float)((dcn__random_unit(&r) - 0.5) * pow(10, dcn__random_unit(&r) * 40 - 34));
        dcn_graph *g, *back;
        char *text;

        must(dcn_graph_create(&g, &err));
        dcn_graph_conv(g, dcn_graph_input(g, "x", (dcn_shape){ 2, 2, 1 }),
                       &(dcn_conv_desc){ .filters = 1, .kernel = { 1, 1 }, .init_stddev = stddev, .init_bias = bias });
        must(dcn_graph_check(g, &err));
        text = text_of(g);
        back = graph_of(text);
        assert_memory_equal(&back->nodes[1].init_stddev, &stddev, sizeof stddev);
        assert_memory_equal(&back->nodes[1].init_bias, &bias, sizeof bias);
        free(text);
        dcn_graph_destroy(back);
        dcn_graph_destroy(g);
    }
}

/* A copy of built names with every printable character. */
static void any_name_survives(void **state)
{
    (void)state;
    for (int c = 0x20; c < 0x7f; c++) {
        const char name[] = { (char)c, 'x', (char)c, '\0' };
        dcn_graph *g, *copy;
        dcn_node x;

        if (c == '"')
            continue;
        must(dcn_graph_create(&g, &err));
        x = dcn_graph_input(g, name, (dcn_shape){ 2, 2, 1 });
        dcn_graph_relu(g, x, "a");
        dcn_graph_add(g, (const dcn_node[]){ x, dcn_graph_output(g) }, 2, "b");
        must(dcn_graph_check(g, &err));
        must(dcn_graph_copy(&copy, g, &err));
        same_graphs(g, copy);
        dcn_graph_destroy(copy);
        dcn_graph_destroy(g);
    }
}

/* ---- memory -------------------------------------------------------------------------------- */

static bool fail_one(void *user, size_t bytes)
{
    (void)bytes;
    return (*(int *)user)-- != 0;
}

/* Any allocation of reading, copying and printing may fail. */
static void texts_without_memory(void **state)
{
    dcn_graph *g = random_graph(11, (random_graph_desc){ .nodes = 40, .side = 9, .every_op = 1 });
    char *text = text_of(g);
    dcn_status st = DCN_MEMORY;
    size_t printed = 0;

    (void)state;
    for (int k = 0; st == DCN_MEMORY || !printed; k++) {
        dcn_graph *back = NULL, *copy = NULL;
        int left = k;

        memset(&err, 0, sizeof err);
        dcn__set_alloc_hook(fail_one, &left);
        if (!(st = dcn_graph_parse(&back, text, strlen(text), NULL, NULL, &err)))
            st = dcn_graph_copy(&copy, back, &err);
        printed = st ? 0 : dcn_graph_text(copy, NULL, 0);
        dcn__set_alloc_hook(NULL, NULL);
        assert_int_equal(err.status, st);
        assert_true(st == DCN_OK || st == DCN_MEMORY);
        assert_int_equal(st == DCN_OK, copy != NULL);
        assert_true(!printed || (k > 200 && printed == strlen(text)));
        dcn_graph_destroy(back);
        dcn_graph_destroy(copy);
    }
    free(text);
    dcn_graph_destroy(g);
}

/* ---- refusals ------------------------------------------------------------------------------ */

static const struct { const char *text, *sentence; } refusals[] = {
    /* structure */
    { "", "net.txt:1:1: the network has 0 nodes; give it an input and at least one more" },
    { "# nothing\n", "net.txt:2:1: the network has 0 nodes; give it an input and at least one more" },
    { "input 4x4x1", "net.txt:1:1: the network has 1 nodes; give it an input and at least one more" },
    { "relu", "net.txt:1:1: the network begins with \"relu\"; begin with input HEIGHTxWIDTHxCHANNELS" },
    { "\n\n  input 4x4x1; x = input 4x4x1", "net.txt:3:16: x: is a second input; a network has one" },
    /* words */
    { "inptu 4x4x1", "net.txt:1:1: unknown operator \"inptu\"; did you mean input?" },
    { "input 4x4x1\n  covn filters=1 kernel=1", "net.txt:2:3: unknown operator \"covn\"; did you mean conv?" },
    { "input 4x4x1; x = maxpool 2", "net.txt:1:18: unknown operator \"maxpool\"; did you mean max_pool?" },
    { "input 4x4x1; x = zzzzzzzzzzzzzz", "net.txt:1:18: unknown operator \"zzzzzzzzzzzzzz\"; deconvnet help lists the "
                                         "operators" },
    { "x = ", "net.txt:1:1: no operator after \"x\"; write NAME = OP" },
    { "input 4x4x1; \"relu\"", "net.txt:1:14: unknown operator \"relu\"; did you mean relu?" },
    { "\"a\"\"b\" = relu", "net.txt:1:1: unknown operator \"a\"; deconvnet help lists the operators" },
    { "input 4x4x1; \"x = relu", "net.txt:1:14: a quote is not closed: \"\"x = relu\"; add the closing quote" },
    { "\x1b[2J", "net.txt:1:1: unknown operator \"\\x1b[2J\"; deconvnet help lists the operators" },
    /* names */
    { "input 4x4x1; \"\" = relu", "net.txt:1:14: not a name: \"\"; use letters, digits and _" },
    { "input 4x4x1; a\x07" "b = relu", "net.txt:1:14: not a name: \"a\\x07b\"; use letters, digits and _" },
    { "input 4x4x1; \"\xc2\x9b\" = relu", "net.txt:1:14: not a name: \"\\xc2\\x9b\"; use letters, digits and _" },
    { "input 4x4x1; \xff = relu", "net.txt:1:14: not a name: \"\\xff\"; use letters, digits and _" },
    { "x = input 4x4x1; x = relu", "net.txt:1:18: x: stands twice in the network; give each node its own name" },
    { "x = input 4x4x1; relu y", "net.txt:1:23: no earlier node is called \"y\"; name an earlier node, or write "
                                 "key=value without spaces" },
    { "x = input 4x4x1; y = relu y", "net.txt:1:27: no earlier node is called \"y\"; name an earlier node, or write "
                                     "key=value without spaces" },
    { "input 4x4x1; conv filters = 3", "net.txt:1:19: no earlier node is called \"filters\"; name an earlier node, or "
                                       "write key=value without spaces" },
    /* inputs */
    { "input 4x4x1; relu input1 input1", "net.txt:1:14: too many inputs for \"relu\"; name one" },
    { "input 4x4x1; mul input1 input1 input1", "net.txt:1:14: too many inputs for \"mul\"; name at most 2" },
    { "input 4x4x1; mul", "net.txt:1:14: two inputs are missing from \"mul\"; write mul VALUE GATE" },
    { "input 4x4x1; add", "net.txt:1:14: two inputs are missing from \"add\"; write add FIRST SECOND" },
    { "input 4x4x1; input 4x4x1", "net.txt:1:14: input2: is a second input; a network has one" },
    /* sizes */
    { "input", "net.txt:1:1: the size is missing from \"input\"; write input HEIGHTxWIDTHxCHANNELS" },
    { "input 4x4", "net.txt:1:7: cannot read input size \"4x4\"; write HEIGHTxWIDTHxCHANNELS, as 24x24x3" },
    { "input 4x4x1x1", "net.txt:1:7: cannot read input size \"4x4x1x1\"; write HEIGHTxWIDTHxCHANNELS, as 24x24x3" },
    { "input 4x4x1 5x5x1", "net.txt:1:13: an input takes a size only, not \"5x5x1\"; write input "
                           "HEIGHTxWIDTHxCHANNELS" },
    { "input 0x4x1", "net.txt:1:7: input size 0 is outside 1..65536; correct the line" },
    { "input 4x65537x1", "net.txt:1:7: input size 65537 is outside 1..65536; correct the line" },
    { "input -4x4x1", "net.txt:1:7: input size -4 is outside 1..65536; correct the line" },
    { "input global", "net.txt:1:7: cannot read input size \"global\"; write HEIGHTxWIDTHxCHANNELS, as 24x24x3" },
    { "input 4x4x99999999999999999999", "net.txt:1:7: cannot read input size \"4x4x99999999999999999999\"; write "
                                        "HEIGHTxWIDTHxCHANNELS, as 24x24x3" },
    /* keys */
    { "input 4x4x1; conv", "net.txt:1:14: filters=N is missing from \"conv\"; write, say, conv filters=64 kernel=5" },
    { "input 4x4x1; conv filters=2", "net.txt:1:14: kernel=N is missing from \"conv\"; write, say, conv filters=64 "
                                     "kernel=5" },
    { "input 4x4x1; conv filters=2 kernal=3", "net.txt:1:29: unknown key \"kernal\"; did you mean kernel?" },
    { "input 4x4x1; conv filters=2 kernel=3 kernel=3", "net.txt:1:38: a key stands twice: \"kernel=3\"; keep one" },
    { "input 4x4x1; max_pool 2 xyzxyzxyz=3", "net.txt:1:25: unknown key \"xyzxyzxyz\"; max_pool knows kernel, stride, "
                                             "pad, dilation, ceil" },
    { "input 4x4x1; max_pool 2 count_pad=yes", "net.txt:1:25: unknown key \"count_pad\"; max_pool knows kernel, stride, "
                                               "pad, dilation, ceil" },
    { "input 4x4x1; avg_pool 2 count_pad=maybe", "net.txt:1:35: cannot read count_pad \"maybe\"; write yes or no" },
    { "input 4x4x1; avg_pool 2 dilation=2", "net.txt:1:25: unknown key \"dilation\"; avg_pool knows kernel, stride, "
                                            "pad, ceil, count_pad" },
    { "input 4x4x1; pad", "net.txt:1:14: the sides are missing from \"pad\"; write, say, pad 1 or pad 0,1,0,1" },
    { "input 4x4x1; pad 1,2", "net.txt:1:18: cannot read sides \"1,2\"; write 2 or TOP,LEFT,BOTTOM,RIGHT" },
    { "input 4x4x1; pad 65537", "net.txt:1:18: sides 65537 is outside -65536..65536; correct the line" },
    { "input 4x4x1; pad -2", "net.txt:1:14: pad1: pad -2,-2,-2,-2 leaves nothing of 4x4x1; correct it" },
    { "input 4x4x1; pad 1 =", "net.txt:1:20: unknown key \"\"; pad knows value" },
    { "input 4x4x1; reshape", "net.txt:1:14: the size is missing from \"reshape\"; write, say, reshape 1x1x256" },
    { "input 4x4x1; reshape 4x5x1", "net.txt:1:14: reshape1: 4x5x1 holds another number of values than its input 4x4x1; "
                                    "correct the size" },
    { "input 4x4x1; reshape 4x4", "net.txt:1:22: cannot read size \"4x4\"; write HEIGHTxWIDTHxCHANNELS, as 24x24x3" },
    { "input 4x4x1; reshape 2x8x1 order=nhwc", "net.txt:1:34: cannot read order \"nhwc\"; write hwc or chw" },
    { "input 4x4x6; shuffle groups=4", "net.txt:1:14: shuffle1: 4 groups do not divide 6 channels; change groups" },
    { "input 4x4x6; shuffle", "net.txt:1:14: groups=N is missing from \"shuffle\"; write, say, shuffle groups=4" },
    { "input 4x4x6; slice first=4 count=3", "net.txt:1:14: slice1: channels 4..6 are not in 0..5 of its input; correct "
                                            "them" },
    { "input 4x4x6; slice first=1", "net.txt:1:14: count=N is missing from \"slice\"; write, say, slice first=0 count=32" },
    { "input 4x4x6; clip min=1", "net.txt:1:19: unknown key \"min\"; did you mean max?" },
    { "input 4x4x6; clip max=-1", "net.txt:1:23: max -1 is outside 0..1e+30; correct the line" },
    { "input 4x4x6; leaky_relu slope=1e31", "net.txt:1:31: slope 1e+31 is outside -1e+30..1e+30; correct the line" },
    { "input 4x4x6; hard_tanh min=2", "net.txt:1:14: network: beta 1 is outside 2..1e+30; correct it" },
    { "input 4x4x6; lrn", "net.txt:1:14: size=N is missing from \"lrn\"; write, say, lrn size=5" },
    { "input 4x4x6; gelu tanh=1", "net.txt:1:24: cannot read tanh \"1\"; write yes or no" },
    { "input 4x4x6; sigmoid alpha=1", "net.txt:1:22: unknown key \"alpha\"; sigmoid takes no keys" },
    { "x = input 4x4x6; g = avg_pool 2; mul x g", "net.txt:1:34: mul1: the gate g is 2x2x6, it must be 4x4x6 or 1x1x6; "
                                                  "give it that shape" },
    { "input 4x4x1; relu slope=3", "net.txt:1:19: unknown key \"slope\"; relu takes no keys" },
    { "input 4x4x1; conv filters=2 kernel=3 =", "net.txt:1:38: unknown key \"\"; conv knows filters, kernel, stride, pad, dilation, "
                                              "groups, init, bias" },
    { "input 4x4x1; conv filters= kernel=3", "net.txt:1:19: no earlier node is called \"filters\"; name an earlier "
                                             "node, or write key=value without spaces" },
    { "input 4x4x1; dense filters=3", "net.txt:1:20: unknown key \"filters\"; dense knows units, bias" },
    { "input 4x4x1; dense", "net.txt:1:14: units=N is missing from \"dense\"; write, say, dense units=10" },
    /* values */
    { "x = input 4x4x1\n\n\n\n\n\n\n\n\n\n\nconv filters=-64 kernel=5",
      "net.txt:12:14: filters -64 is outside 1..65536; correct the line" },
    { "input 4x4x1; conv filters=65537 kernel=3", "net.txt:1:27: filters 65537 is outside 1..65536; correct the line" },
    { "input 4x4x1; conv filters=2.5 kernel=3", "net.txt:1:27: cannot read filters \"2.5\"; write a whole number, as 64" },
    { "input 4x4x1; conv filters=0x10 kernel=3", "net.txt:1:27: cannot read filters \"0x10\"; write a whole number, as 64" },
    { "input 4x4x1; conv filters=2 kernel=1025", "net.txt:1:36: kernel 1025 is outside 1..1024; correct the line" },
    { "input 4x4x1; conv filters=2 kernel=3x", "net.txt:1:36: cannot read kernel \"3x\"; write 5 or ROWSxCOLUMNS, as 5x5" },
    { "input 4x4x1; conv filters=2 kernel=3x3x3", "net.txt:1:36: cannot read kernel \"3x3x3\"; write 5 or ROWSxCOLUMNS, "
                                                  "as 5x5" },
    { "input 4x4x1; conv filters=2 kernel=3 stride=0", "net.txt:1:45: stride 0 is outside 1..1024; correct the line" },
    { "input 4x4x1; conv filters=2 kernel=3 pad=1,2", "net.txt:1:42: cannot read pad \"1,2\"; write same, valid, 2 or "
                                                      "TOP,LEFT,BOTTOM,RIGHT" },
    { "input 4x4x1; conv filters=2 kernel=3 pad=-1", "net.txt:1:42: pad -1 is outside 0..1048576; correct the line" },
    { "input 4x4x1; conv filters=2 kernel=3 init=1,5", "net.txt:1:43: cannot read \"1,5\"; write a number, as 0.01" },
    { "input 4x4x1; conv filters=2 kernel=3 init=nan", "net.txt:1:43: cannot read \"nan\"; write a number, as 0.01" },
    { "input 4x4x1; conv filters=2 kernel=3 bias=yes", "net.txt:1:43: cannot read \"yes\"; write a number, as 0.01" },
    { "input 4x4x1; max_pool", "net.txt:1:14: the window's size is missing from \"max_pool\"; write, say, max_pool 2 or "
                               "max_pool 3x3 stride=2" },
    { "input 4x4x1; max_pool 2 kernel=2", "net.txt:1:32: the window's size stands twice: \"2\"; keep one" },
    { "input 4x4x1; max_pool 2 2", "net.txt:1:25: no earlier node is called \"2\"; name an earlier node, or write "
                                   "key=value without spaces" },
    { "input 4x4x1; p = max_pool global stride=2", "net.txt:1:14: p: stride of a global pool 2 is outside 0..0; correct "
                                                   "it" },
    /* what the builders find */
    { "input 4x4x1; c = conv filters=2 kernel=5 pad=valid", "net.txt:1:14: c: the kernel is larger than its padded "
      "input (kernel 5x5 on 4x4x1); change the kernel, the stride or the padding" },
    { "input 4x4x1; c = max_pool 3 pad=3", "net.txt:1:14: c: the padding is too large: windows would hold padding alone "
      "(kernel 3x3 on 4x4x1); change the kernel, the stride or the padding" },
    { "input 4x4x3; c = conv filters=4 kernel=3 groups=2", "net.txt:1:14: c: 2 groups do not divide 3 input channels and "
      "4 filters; change groups" },
    { "x = input 4x4x3; y = max_pool 2; z = add x y", "net.txt:1:34: z: inputs x (4x4x3) and y (2x2x3) do not fit; give "
      "them one size" },
    { "input 65536x65536x1; relu", "net.txt:1:1: input1: its value 65536x65536x1 has more than 2147483647 elements; make "
      "it smaller" },
    { "input 1024x1024x1; c = conv filters=65536 kernel=1", "net.txt:1:20: c: its value 1024x1024x65536 has more than "
      "2147483647 elements; make it smaller" },
    { "input 1x1x65536; c = conv filters=65536 kernel=1", "net.txt:1:18: c: its weight has more than 2147483647 elements; "
      "use fewer filters or groups" },
    { "input 65536x32767x1; d = dense units=65536", "net.txt:1:22: d: its weight has more than 2147483647 elements; use "
      "fewer filters or groups" },
};

static void refusals_name_line_and_column(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        dcn_graph *g = (dcn_graph *)&g;

        must_say(dcn_graph_parse(&g, refusals[i].text, strlen(refusals[i].text), "net.txt", NULL, &err),
                 DCN_USAGE, refusals[i].sentence);
        assert_null(g);
    }
}

static void refuses_without_an_error_too(void **state)
{
    dcn_graph *g = (dcn_graph *)&g;

    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++)
        assert_int_equal(dcn_graph_parse(&g, refusals[i].text, strlen(refusals[i].text), NULL, NULL, NULL),
                         DCN_USAGE);
    must_say(dcn_graph_parse(&g, "relu", 4, NULL, NULL, &err), DCN_USAGE,
             "network:1:1: the network begins with \"relu\"; begin with input HEIGHTxWIDTHxCHANNELS");
    must_say(dcn_graph_parse(&g, "input\0 4x4x1", 12, "net.txt", NULL, &err), DCN_USAGE,
             "net.txt: holds a zero byte, it is not text; name a network file");
}

/* The text is not a string: nothing behind its last byte is read (asan watches). */
static void reads_no_further_than_told(void **state)
{
    static const char text[] = "x = input 8x8x3; c = conv filters=4 kernel=3x3 pad=1,1,1,1 init=0.5; \"q\" = relu # c";

    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = malloc(n ? n : 1);
        dcn_graph *g;

        memcpy(exact, text, n);
        dcn_graph_parse(&g, exact, n, NULL, NULL, NULL);
        dcn_graph_destroy(g);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(spaces_comments_and_semicolons),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(pools),
        cmocka_unit_test(pools_of_other_frameworks),
        cmocka_unit_test(activations),
        cmocka_unit_test(cells_and_channels_moved_about),
        cmocka_unit_test(branches),
        cmocka_unit_test(names),
        cmocka_unit_test(printing_needs_no_room),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(parameters_that_mean_nothing),
        cmocka_unit_test(floats_survive),
        cmocka_unit_test(any_name_survives),
        cmocka_unit_test(texts_without_memory),
        cmocka_unit_test(refusals_name_line_and_column),
        cmocka_unit_test(refuses_without_an_error_too),
        cmocka_unit_test(reads_no_further_than_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
