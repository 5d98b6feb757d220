/* Calls that build no graph: each is refused by one sentence, which the graph keeps. */
#include "random_graph.h"

#include "graph/graph.h"

typedef dcn_node builder(dcn_graph *g);

/* A good description with one bad thing in it. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define CONV(...) dcn_graph_conv(g, 0, &(dcn_conv_desc){ .name = "n", .filters = 1, .kernel = { 1, 1 }, __VA_ARGS__ })
#define POOL(...) dcn_graph_max_pool(g, 0, &(dcn_pool_desc){ .name = "n", .window = { 1, 1 }, __VA_ARGS__ })
#define AVG(...) dcn_graph_avg_pool(g, 0, &(dcn_pool_desc){ .name = "n", __VA_ARGS__ })

static dcn_node b0(dcn_graph *g) { return CONV(.filters = 0); }
static dcn_node b1(dcn_graph *g) { return CONV(.filters = 65537); }
static dcn_node b2(dcn_graph *g) { return CONV(.kernel = { 0, 1 }); }
static dcn_node b3(dcn_graph *g) { return CONV(.kernel = { 1, 1025 }); }
static dcn_node b4(dcn_graph *g) { return CONV(.stride = { -1, 1 }); }
static dcn_node b5(dcn_graph *g) { return CONV(.stride = { 1, 1025 }); }
static dcn_node b6(dcn_graph *g) { return CONV(.dilation = { 1025, 1 }); }
static dcn_node b7(dcn_graph *g) { return CONV(.groups = -1); }
static dcn_node b8(dcn_graph *g) { return CONV(.groups = 2); }
static dcn_node b9(dcn_graph *g) { return CONV(.pad_kind = DCN_PAD_EXPLICIT, .pad = { -1, 0, 0, 0 }); }
static dcn_node b10(dcn_graph *g) { return CONV(.pad_kind = DCN_PAD_EXPLICIT, .pad = { 0, 0, 0, INT32_MAX }); }
static dcn_node b11(dcn_graph *g) { return POOL(.pad_kind = DCN_PAD_EXPLICIT, .pad = { 0, 0, 0, 1 }); }
static dcn_node b12(dcn_graph *g) { return CONV(.pad_kind = (dcn_pad)3); }
static dcn_node b13(dcn_graph *g) { return CONV(.init_stddev = -1); }
static dcn_node b14(dcn_graph *g) { return CONV(.init_stddev = NAN); }
static dcn_node b15(dcn_graph *g) { return CONV(.init_bias = INFINITY); }
static dcn_node b16(dcn_graph *g) { return POOL(.window = { 0, 2 }); }
static dcn_node b17(dcn_graph *g) { return POOL(.window = { -2, 2 }); }
static dcn_node b18(dcn_graph *g) { return POOL(.window = { 9, 1 }, .pad_kind = DCN_PAD_VALID); }
static dcn_node b19(dcn_graph *g) { return AVG(.stride = { 0, 2 }); }
static dcn_node b20(dcn_graph *g) { return AVG(.pad_kind = DCN_PAD_EXPLICIT, .pad = { 0, 0, 1, 0 }); }
static dcn_node b21(dcn_graph *g) { return dcn_graph_dense(g, 0, &(dcn_dense_desc){ .name = "n", .units = 0 }); }
static dcn_node b22(dcn_graph *g) { return dcn_graph_dense(g, 0, &(dcn_dense_desc){ .name = "n", .units = 65537 }); }
static dcn_node b23(dcn_graph *g) { return dcn_graph_relu(g, 1, "n"); }
static dcn_node b24(dcn_graph *g) { return dcn_graph_relu(g, -1, "n"); }
static dcn_node b25(dcn_graph *g) { return dcn_graph_add(g, (const dcn_node[]){ 0, INT32_MAX }, 2, "n"); }
static dcn_node b26(dcn_graph *g) { return dcn_graph_concat(g, NULL, 0, "n"); }
static dcn_node b27(dcn_graph *g) { return dcn_graph_concat(g, &(dcn_node){ 7 }, 1, "n"); }
static dcn_node b28(dcn_graph *g) { return dcn_graph_input(g, "n", (dcn_shape){ 1, 1, 1 }); }
static dcn_node b29(dcn_graph *g) { return dcn_graph_relu(g, 0, ""); }
static dcn_node b30(dcn_graph *g) { return dcn_graph_relu(g, 0, "a\"b"); }
static dcn_node b31(dcn_graph *g) { return dcn_graph_relu(g, 0, "a\nb"); }
static dcn_node b32(dcn_graph *g) { return dcn_graph_relu(g, 0, "x"); }
static dcn_node b33(dcn_graph *g) { return dcn_graph_softmax(g, 5, NULL); }
static dcn_node b34(dcn_graph *g) { return dcn_graph_activation(g, 0, "sine", 0, 0, "n"); }
static dcn_node b35(dcn_graph *g) { return dcn_graph_activation(g, 0, "gelu", 2, 0, "n"); }
static dcn_node b36(dcn_graph *g) { return dcn_graph_activation(g, 0, "clip", -1, 0, "n"); }
static dcn_node b37(dcn_graph *g) { return dcn_graph_activation(g, 0, "elu", NAN, 0, "n"); }
static dcn_node b38(dcn_graph *g) { return dcn_graph_activation(g, 0, "hard_tanh", 1, 0, "n"); }

static dcn_node c0(dcn_graph *g)
{
    return dcn_graph_activation(g, 0, "sine", 0, 0, NULL);
}

static dcn_node c1(dcn_graph *g)
{
    return dcn_graph_activation(g, 0, "elu", INFINITY, 0, NULL);
}

static dcn_node c2(dcn_graph *g)
{
    return dcn_graph_activation(g, 0, "gelu", 2, 0, NULL);
}

static dcn_node c3(dcn_graph *g)
{
    return dcn_graph_conv(g, 0, &(dcn_conv_desc){ .filters = 1, .kernel = { 1, 1 }, .init_stddev = 1e7f });
}

static dcn_node c4(dcn_graph *g)
{
    return dcn_graph_conv(g, 0, &(dcn_conv_desc){ .filters = 1, .kernel = { 1, 1 }, .init_bias = -INFINITY });
}

static dcn_node c5(dcn_graph *g)
{
    return dcn_graph_max_pool(g, 0, &(dcn_pool_desc){ .window = { 2, 2 }, .ceil = 2 });
}

static dcn_node c6(dcn_graph *g)
{
    return dcn_graph_max_pool(g, 0, &(dcn_pool_desc){ .window = { 2, 2 }, .count_pad = 1 });
}

static dcn_node c7(dcn_graph *g)
{
    return dcn_graph_avg_pool(g, 0, &(dcn_pool_desc){ .window = { 2, 2 }, .dilation = { 2, 1 } });
}

static dcn_node c8(dcn_graph *g)
{
    return dcn_graph_avg_pool(g, 0, &(dcn_pool_desc){ .window = { 2, 2 }, .dilation = { 1, 2 } });
}

static dcn_node c9(dcn_graph *g)
{
    return dcn_graph_avg_pool(g, 0, &(dcn_pool_desc){ .window = { 0, 0 }, .count_pad = 2 });
}

static dcn_node c10(dcn_graph *g)
{
    return dcn_graph_max_pool(g, 0, &(dcn_pool_desc){ .window = { 0, 0 }, .dilation = { 1, 2 } });
}

static dcn_node c11(dcn_graph *g)
{
    return dcn_graph_lrn(g, 0, &(dcn_lrn_desc){ .size = 1, .alpha = -1, .k = 1 });
}

static dcn_node c12(dcn_graph *g)
{
    return dcn_graph_lrn(g, 0, &(dcn_lrn_desc){ .size = 1, .beta = 101, .k = 1 });
}

static dcn_node c13(dcn_graph *g)
{
    return dcn_graph_lrn(g, 0, &(dcn_lrn_desc){ .size = 1, .k = -1 });
}

static dcn_node c14(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ 1 }, NAN, NULL);
}

static dcn_node c15(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ 0, 0, -4, 1 }, 0, "n");
}

static dcn_node c16(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ -4, 0, 1, 0 }, 0, "n");
}

static dcn_node c17(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ 1, 0, -4, 0 }, 0, "n");
}

static dcn_node c18(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ 0, -4, 0, 1 }, 0, "n");
}

static dcn_node c19(dcn_graph *g)
{
    return dcn_graph_pad(g, 0, (const int[4]){ 0, 1, 0, -4 }, 0, "n");
}

static dcn_node c20(dcn_graph *g)
{
    return dcn_graph_slice(g, 0, 0, 0, NULL);
}

static dcn_node c21(dcn_graph *g)
{
    return dcn_graph_reshape(g, 0, (dcn_shape){ 1, 0, 1 }, DCN_ORDER_CHW, NULL);
}

static dcn_node c22(dcn_graph *g)
{
    return dcn_graph_reshape(g, 0, (dcn_shape){ 1, 1, 0 }, DCN_ORDER_CHW, NULL);
}

static dcn_node c23(dcn_graph *g)
{
    return dcn_graph_reshape(g, 0, (dcn_shape){ 4, 4, 3 }, (dcn_order)2, NULL);
}

static dcn_node c24(dcn_graph *g)
{
    return dcn_graph_reshape(g, 0, (dcn_shape){ INT32_MAX, INT32_MAX, 9 }, DCN_ORDER_CHW, "n");
}

static dcn_node c25(dcn_graph *g)
{
    return dcn_graph_add(g, (const dcn_node[2]){ 0, INT32_MAX }, 2, "n");
}

static const struct { builder *build; const char *sentence; } refusals[] = {
    { b0, "n: filters 0 is outside 1..65536; correct it" },
    { b1, "n: filters 65537 is outside 1..65536; correct it" },
    { b2, "n: kernel 0 is outside 1..1024; correct it" },
    { b3, "n: kernel 1025 is outside 1..1024; correct it" },
    { b4, "n: stride -1 is outside 1..1024; correct it" },
    { b5, "n: stride 1025 is outside 1..1024; correct it" },
    { b6, "n: dilation 1025 is outside 1..1024; correct it" },
    { b7, "n: groups -1 is outside 1..65536; correct it" },
    { b8, "n: 2 groups do not divide 3 input channels and 1 filters; change groups" },
    { b9, "n: pad -1 is outside 0..1048576; correct it" },
    { b10, "n: pad 2147483647 is outside 0..1048576; correct it" },
    { b11, "n: the padding is too large: windows would hold padding alone (kernel 1x1 on 4x4x3); change "
           "the kernel, the stride or the padding" },
    { b12, "n: kind of padding 3 is outside 0..2; correct it" },
    { b13, "n: first weights of deviation -1 and bias 0 are outside 1e-12..1e6 and -1e6..1e6; correct them" },
    { b14, "n: first weights of deviation nan and bias 0 are outside 1e-12..1e6 and -1e6..1e6; correct them" },
    { b15, "n: first weights of deviation 0 and bias inf are outside 1e-12..1e6 and -1e6..1e6; correct them" },
    { b16, "n: kernel 0 is outside 1..1024; correct it" },
    { b17, "n: kernel -2 is outside 1..1024; correct it" },
    { b18, "n: the kernel is larger than its padded input (kernel 9x1 on 4x4x3); change the kernel, the stride or the "
           "padding" },
    { b19, "n: stride of a global pool 2 is outside 0..0; correct it" },
    { b20, "n: pad of a global pool 1 is outside 0..0; correct it" },
    { b21, "n: units 0 is outside 1..65536; correct it" },
    { b22, "n: units 65537 is outside 1..65536; correct it" },
    { b23, "n: input 1 is not a node of this graph; name an earlier node" },
    { b24, "n: input 1 is not a node of this graph; name an earlier node" },
    { b25, "n: input 2 is not a node of this graph; name an earlier node" },
    { b26, "n: number of inputs 0 is outside 1..200; correct it" },
    { b27, "n: input 1 is not a node of this graph; name an earlier node" },
    { b28, "n: is a second input; a network has one" },
    { b29, "network: the name \"\" is empty, longer than 128 bytes or has control bytes or quotes; use another" },
    { b30, "network: the name \"a\"b\" is empty, longer than 128 bytes or has control bytes or quotes; use another" },
    { b31, "network: the name \"a\\x0ab\" is empty, longer than 128 bytes or has control bytes or quotes; use another" },
    { b32, "x: stands twice in the network; give each node its own name" },
    { b33, "softmax1: input 1 is not a node of this graph; name an earlier node" },
    { b34, "n: sine is no activation; docs/ops/activations.md lists them" },
    { b35, "n: alpha 2 is neither 0 nor 1 (gelu by tanh); correct it" },
    { b36, "n: alpha -1 is outside 0..1e+30; correct it" },
    { b37, "n: alpha nan is outside -1e+30..1e+30; correct it" },
    { b38, "n: beta 0 is outside 1..1e+30; correct it" },
    { c0, "network: sine is no activation; docs/ops/activations.md lists them" },
    { c1, "network: alpha inf is outside -1e+30..1e+30; correct it" },
    { c2, "network: alpha 2 is neither 0 nor 1 (gelu by tanh); correct it" },
    { c3, "network: first weights of deviation 1e+07 and bias 0 are outside 1e-12..1e6 and -1e6..1e6; "
           "correct them" },
    { c4, "network: first weights of deviation 0 and bias -inf are outside 1e-12..1e6 and -1e6..1e6; "
           "correct them" },
    { c5, "network: ceil 2 is outside 0..1; correct it" },
    { c6, "network: count_pad 1 is outside 0..0; correct it" },
    { c7, "network: dilation of avg_pool 2 is outside 1..1; correct it" },
    { c8, "network: dilation of avg_pool 2 is outside 1..1; correct it" },
    { c9, "network: count_pad 2 is outside 0..1; correct it" },
    { c10, "network: dilation of a global pool 2 is outside 1..1; correct it" },
    { c11, "network: alpha -1 is outside 0..1e+30; correct it" },
    { c12, "network: beta 101 is outside 0..100; correct it" },
    { c13, "network: k -1 is outside 0..1e+30; correct it" },
    { c14, "network: value nan is outside -1e+30..1e+30; correct it" },
    { c15, "n: pad 0,0,-4,1 leaves nothing of 4x4x3; correct it" },
    { c16, "n: pad -4,0,1,0 leaves nothing of 4x4x3; correct it" },
    { c17, "n: pad 1,0,-4,0 leaves nothing of 4x4x3; correct it" },
    { c18, "n: pad 0,-4,0,1 leaves nothing of 4x4x3; correct it" },
    { c19, "n: pad 0,1,0,-4 leaves nothing of 4x4x3; correct it" },
    { c20, "network: count 0 is outside 1..2147483647; correct it" },
    { c21, "network: width 0 is outside 1..2147483647; correct it" },
    { c22, "network: channels 0 is outside 1..2147483647; correct it" },
    { c23, "network: order 2 is outside 0..1; correct it" },
    { c24, "n: 2147483647x2147483647x9 holds another number of values than its input 4x4x3; correct the size" },
    { c25, "n: input 2 is not a node of this graph; name an earlier node" },
};

static void refusals_are_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        dcn_graph *g, *copy;
        dcn_plan *plan;

        must(dcn_graph_create(&g, &err));
        dcn_graph_input(g, "x", (dcn_shape){ 4, 4, 3 });
        assert_int_equal(refusals[i].build(g), -1);
        must_say(dcn_graph_check(g, &err), DCN_USAGE, refusals[i].sentence);
        /* The first error stays, whatever follows, and nothing more is built. */
        assert_int_equal(dcn_graph_relu(g, 0, "fine"), -1);
        assert_int_equal(CONV(.filters = 0, .name = "other"), -1);
        must_say(dcn_graph_check(g, &err), DCN_USAGE, refusals[i].sentence);
        must_say(dcn_graph_copy(&copy, g, &err), DCN_USAGE, refusals[i].sentence);
        assert_null(copy);
        must_say(dcn_plan_create(&plan, g, &(dcn_plan_desc){ .engine = "ref" }, &err), DCN_USAGE,
                 refusals[i].sentence);
        assert_null(plan);
        assert_int_equal(dcn_graph_node_count(g), 1);
        dcn_graph_destroy(g);
    }
}

static void more_channels_than_there_are_numbers(void **state)
{
    dcn_node all[200];
    dcn_graph *g;

    (void)state;
    must(dcn_graph_create(&g, &err));
    dcn_graph_input(g, "x", (dcn_shape){ 1, 1, 1 });
    for (int i = 0; i < 200; i++)
        all[i] = dcn_graph_dense(g, 0, &(dcn_dense_desc){ .units = 65536 });
    all[0] = dcn_graph_concat(g, all, 200, "wide");
    assert_int_equal(shape_of(g, all[0]).c, 200 * 65536);
    for (int i = 1; i < 200; i++)
        all[i] = all[0];
    assert_int_equal(dcn_graph_concat(g, all, 200, "wider"), -1);
    must_say(dcn_graph_check(g, &err), DCN_USAGE, "wider: has too many channels; use fewer");
    dcn_graph_destroy(g);
}

static void begins_with_one_input(void **state)
{
    static const struct { dcn_shape shape; const char *sentence; } bad[] = {
        { { 0, 1, 1 }, "x: height 0 is outside 1..65536; correct it" },
        { { 1, 65537, 1 }, "x: width 65537 is outside 1..65536; correct it" },
        { { 1, 1, -3 }, "x: channels -3 is outside 1..65536; correct it" },
        { { 65536, 65536, 1 }, "x: its value 65536x65536x1 has more than 2147483647 elements; make it smaller" },
    };
    dcn_graph *g;

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        must(dcn_graph_create(&g, &err));
        assert_int_equal(dcn_graph_input(g, "x", bad[i].shape), -1);
        must_say(dcn_graph_check(g, &err), DCN_USAGE, bad[i].sentence);
        dcn_graph_destroy(g);
    }
    must(dcn_graph_create(&g, &err));
    must_say(dcn_graph_check(g, &err), DCN_USAGE, "network: has 0 nodes; give it an input and at least one more");
    assert_int_equal(dcn_graph_relu(g, 0, NULL), -1);
    dcn_graph_destroy(g);
    dcn_graph_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_kept),
        cmocka_unit_test(more_channels_than_there_are_numbers),
        cmocka_unit_test(begins_with_one_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
