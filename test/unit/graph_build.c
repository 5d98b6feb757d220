/* The builders: shapes by TensorFlow's formulas, refusals that stay, names, weights, layers, flops. */
#include "random_graph.h"

#include "graph/graph.h"

/* ---- shapes -------------------------------------------------------------------------------- */

/* tf.nn.convolution: SAME gives ceil(in / stride), the odd cell of padding goes behind; VALID gives
 * ceil((in - span + 1) / stride). */
static void same_and_valid_are_tensorflows(void **state)
{
    (void)state;
    for (int in = 1; in <= 20; in++)
        for (int kernel = 1; kernel <= 5; kernel++)
            for (int stride = 1; stride <= 4; stride++)
                for (int dilation = 1; dilation <= 3; dilation++)
                    for (int pad = 0; pad < 2; pad++) {
                        const int span = (kernel - 1) * dilation + 1;
                        const dcn_conv_desc d = { .filters = 2, .kernel = { kernel, 1 }, .stride = { stride, 1 },
                                                  .dilation = { dilation, 1 }, .pad_kind = (dcn_pad)pad };
                        int wanted, total;
                        dcn_graph *g;
                        dcn_node c;

                        must(dcn_graph_create(&g, &err));
                        c = dcn_graph_conv(g, dcn_graph_input(g, NULL, (dcn_shape){ in, 3, 1 }), &d);
                        if (pad == DCN_PAD_VALID && span > in) {
                            assert_int_equal(c, -1);
                            dcn_graph_destroy(g);
                            continue;
                        }
                        wanted = pad == DCN_PAD_SAME ? (int)ceil((double)in / stride)
                                                     : (int)ceil((double)(in - span + 1) / stride);
                        assert_int_equal(shape_of(g, c).h, wanted);
                        assert_int_equal(shape_of(g, c).w, 3);
                        assert_int_equal(shape_of(g, c).c, 2);
                        total = pad == DCN_PAD_SAME && (wanted - 1) * stride + span > in
                                    ? (wanted - 1) * stride + span - in : 0;
                        assert_int_equal(g->nodes[c].window.pad[0], total / 2);
                        assert_int_equal(g->nodes[c].window.pad[2], total - total / 2);
                        dcn_graph_destroy(g);
                    }
}

/* Explicit padding counts by brute force: how often does the window fit? */
static void explicit_padding_counts_positions(void **state)
{
    (void)state;
    for (int in = 1; in <= 12; in++)
        for (int kernel = 1; kernel <= 4; kernel++)
            for (int before = 0; before < kernel; before++)
                for (int after = 0; after < kernel; after++)
                    for (int stride = 1; stride <= 3; stride++) {
                        const dcn_pool_desc d = { .window = { 1, kernel }, .stride = { 1, stride },
                                                  .pad_kind = DCN_PAD_EXPLICIT, .pad = { 0, before, 0, after } };
                        int positions = 0;
                        dcn_graph *g;
                        dcn_node p;

                        for (int at = -before; at + kernel <= in + after; at += stride)
                            positions++;
                        must(dcn_graph_create(&g, &err));
                        p = dcn_graph_max_pool(g, dcn_graph_input(g, NULL, (dcn_shape){ 2, in, 3 }), &d);
                        assert_int_equal(p < 0, positions == 0);
                        if (p >= 0) {
                            assert_int_equal(shape_of(g, p).w, positions);
                            assert_int_equal(shape_of(g, p).h, 2);
                            assert_int_equal(shape_of(g, p).c, 3);
                        }
                        dcn_graph_destroy(g);
                    }
}

/* Window by window, as PyTorch tells it: with ceil a last one may hang over, if it begins in the picture or
 * in the padding before it. */
static void ceil_counts_positions(void **state)
{
    (void)state;
    for (int in = 1; in <= 9; in++)
        for (int kernel = 1; kernel <= 4; kernel++)
            for (int before = 0; before < kernel; before++)
                for (int after = 0; after < kernel; after++)
                    for (int stride = 1; stride <= 4; stride++) {
                        const dcn_pool_desc d = { .window = { kernel, 1 }, .stride = { stride, 1 }, .ceil = 1,
                                                  .pad_kind = DCN_PAD_EXPLICIT, .pad = { before, 0, after, 0 } };
                        int positions = 0, end = -before;
                        dcn_graph *g;
                        dcn_node p;

                        /* As long as the one before left cells, be it of the padding, uncovered. */
                        for (int at = -before; at < in && (at + kernel <= in + after || end < in + after) &&
                                               at + kernel - stride < in + after; at += stride) {
                            end = at + kernel;
                            positions++;
                        }
                        must(dcn_graph_create(&g, &err));
                        p = dcn_graph_avg_pool(g, dcn_graph_input(g, NULL, (dcn_shape){ in, 2, 3 }), &d);
                        if ((p < 0) != (positions == 0) || (p >= 0 && shape_of(g, p).h != positions))
                            fail_msg("in %d kernel %d pad %d,%d stride %d: %d positions, not %d", in, kernel, before,
                                     after, stride, p < 0 ? 0 : shape_of(g, p).h, positions);
                        if (p >= 0) {
                            const int over = -before + (positions - 1) * stride + kernel - in - after;

                            assert_int_equal(g->nodes[p].window.over[0], over > 0 ? over : 0);
                            assert_int_equal(g->nodes[p].window.over[1], 0);
                            assert_int_equal(g->nodes[p].window.pad[2], after + (over > 0 ? over : 0));
                        }
                        dcn_graph_destroy(g);
                    }
}

/* A window of padding alone has a sum, but no winner and no mean of its own. */
static void windows_of_padding_alone(void **state)
{
    static const struct { const char *text; int good; } nets[] = {
        { "input 4x4x1; conv filters=1 kernel=1 pad=1", 1 },
        { "input 4x4x1; conv filters=1 kernel=3 pad=7,0,5,0", 1 },
        { "input 4x4x1; max_pool 1 stride=1 pad=1", 0 },
        { "input 4x4x1; avg_pool 1 stride=1 pad=1", 0 },
        { "input 4x4x1; avg_pool 1 stride=1 pad=1 count_pad=yes", 1 },
        { "input 4x4x1; max_pool 2 stride=1 pad=0,2,0,0", 0 },
        { "input 4x4x1; max_pool 2 stride=1 pad=0,0,0,2", 0 },
        { "input 4x4x1; max_pool 2 stride=3 pad=0,0,0,2", 1 },   /* its last window stands at 3 */
        { "input 4x4x1; max_pool 2 stride=1 pad=1", 1 },
        { "input 1x1x1; max_pool 2 stride=1 dilation=2 pad=1", 0 },   /* rows -1 and 1 */
        { "input 2x2x1; max_pool 2 stride=1 dilation=2 pad=1", 1 },
        { "input 2x2x1; max_pool 2 stride=1 dilation=3 pad=2", 0 },   /* rows -1 and 2 */
        { "input 3x3x1; max_pool 2 stride=1 dilation=3 pad=3", 1 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(nets); i++) {
        dcn_graph *g = NULL;

        if ((dcn_graph_parse(&g, nets[i].text, strlen(nets[i].text), NULL, NULL, &err) == DCN_OK) != nets[i].good)
            fail_msg("%s: %s", nets[i].text, nets[i].good ? err.text : "built");
        dcn_graph_destroy(g);
    }
}

static void shapes_of_other_frameworks_operators(void **state)
{
    dcn_graph *g = graph_of("x = input 7x5x4; p = pad 1,2,-3,0; s = slice x first=1 count=2; h = shuffle x groups=2;"
                            "r = reshape x 5x14x2; g = avg_pool x global; m = mul x g; b = batch_norm; l = lrn size=3;"
                            "a = add x m b; q = log_softmax");
    const dcn_shape wanted[] = { { 7, 5, 4 }, { 5, 7, 4 }, { 7, 5, 2 }, { 7, 5, 4 }, { 5, 14, 2 }, { 1, 1, 4 },
                                 { 7, 5, 4 }, { 7, 5, 4 }, { 7, 5, 4 }, { 7, 5, 4 }, { 7, 5, 4 } };

    (void)state;
    for (int i = 0; i < (int)COUNT(wanted); i++) {
        const dcn_shape s = shape_of(g, i);

        assert_memory_equal(&s, &wanted[i], sizeof s);
    }
    assert_int_equal(dcn_graph_logits(g), node_of(g, "a"));
    assert_int_equal(dcn__channel_of(&g->nodes[2], 1), 2);
    /* channel (a, b) of (2, 2) becomes (b, a) */
    assert_int_equal(dcn__channel_of(&g->nodes[3], 1), 2);
    assert_int_equal(dcn__channel_of(&g->nodes[3], 2), 1);
    dcn_graph_destroy(g);
}

static void shapes_of_the_other_operators(void **state)
{
    dcn_graph *g = graph_of("x = input 7x5x4; r = relu; d = dense units=9; c = concat x r x; a = add x r; s = softmax a;"
                            "p = avg_pool global c; m = max_pool global");
    const dcn_shape wanted[] = { { 7, 5, 4 }, { 7, 5, 4 }, { 1, 1, 9 }, { 7, 5, 12 }, { 7, 5, 4 }, { 7, 5, 4 },
                                 { 1, 1, 12 }, { 1, 1, 12 } };

    (void)state;
    for (int i = 0; i < (int)COUNT(wanted); i++) {
        const dcn_shape s = shape_of(g, i);

        assert_memory_equal(&s, &wanted[i], sizeof s);
    }
    dcn_graph_destroy(g);
}

/* ---- refusals ------------------------------------------------------------------------------ */

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

/* ---- what a graph says about itself ----------------------------------------------------------- */

static void the_tutorials_network(void **state)
{
    static const struct { const char *name, *op; dcn_shape shape; int64_t weights; int layer; } wanted[] = {
        { "x_image", "input", { 24, 24, 3 }, 0, 0 },
        { "conv1", "conv", { 24, 24, 64 }, 4864, 0 },
        { "h_conv1", "relu", { 24, 24, 64 }, 0, 0 },
        { "h_pool1", "max_pool", { 12, 12, 64 }, 0, 1 },
        { "conv2", "conv", { 12, 12, 64 }, 102464, 0 },
        { "h_conv2", "relu", { 12, 12, 64 }, 0, 0 },
        { "h_pool2", "max_pool", { 6, 6, 64 }, 0, 1 },
        { "conv3", "conv", { 6, 6, 10 }, 16010, 0 },
        { "h_conv3", "relu", { 6, 6, 10 }, 0, 1 },
        { "nt_hpool3", "avg_pool", { 1, 1, 10 }, 0, 0 },
        { "y_conv", "softmax", { 1, 1, 10 }, 0, 0 },
    };
    static const char *const weights[] = { "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                           "conv3.weight", "conv3.bias" };
    static const int64_t dims[6][4] = { { 5, 5, 3, 64 }, { 64 }, { 5, 5, 64, 64 }, { 64 }, { 5, 5, 64, 10 }, { 10 } };
    int64_t parameters = 0;
    dcn_node_info info;
    dcn_graph *g;

    (void)state;
    must(dcn_graph_tutorial(&g, 3, 10, &err));
    assert_int_equal(dcn_graph_node_count(g), COUNT(wanted));
    assert_int_equal(dcn_graph_output(g), COUNT(wanted) - 1);
    for (int i = 0; i < (int)COUNT(wanted); i++) {
        dcn_graph_node_info(g, i, &info);
        assert_string_equal(info.name, wanted[i].name);
        assert_string_equal(info.op, wanted[i].op);
        assert_memory_equal(&info.shape, &wanted[i].shape, sizeof info.shape);
        assert_int_equal(info.n_weights, wanted[i].weights);
        assert_int_equal(info.is_layer, wanted[i].layer);
        assert_int_equal(info.n_inputs, i > 0);
        assert_int_equal(dcn_graph_find(g, wanted[i].name), i);
        parameters += info.n_weights;
    }
    assert_int_equal(parameters, 123338);
    assert_int_equal(dcn_graph_find(g, "conv"), -1);
    assert_int_equal(dcn_graph_weight_count(g), 6);
    for (int i = 0; i < 6; i++) {
        dcn_weight_info w;
        int64_t count = 1;

        dcn_graph_weight_info(g, i, &w);
        assert_string_equal(w.name, weights[i]);
        assert_int_equal(w.rank, i % 2 ? 1 : 4);
        assert_memory_equal(w.dims, dims[i], sizeof dims[i]);
        for (int k = 0; k < w.rank; k++)
            count *= w.dims[k];
        assert_int_equal(w.count, count);
        assert_null(w.data);
    }
    /* 2 * (24*24*5*5*3*64 + 12*12*5*5*64*64 + 6*6*5*5*64*10) */
    assert_true(dcn_graph_flops(g) == 2.0 * (2764800 + 14745600 + 576000));
    dcn_graph_destroy(g);
    must(dcn_graph_tutorial(&g, 1, 7, &err));
    assert_int_equal(shape_of(g, 0).c, 1);
    assert_int_equal(shape_of(g, dcn_graph_output(g)).c, 7);
    dcn_graph_destroy(g);
    must_say(dcn_graph_tutorial(&g, 0, 10, &err), DCN_USAGE, "tutorial: 0 channels and 10 classes; both must be at "
                                                             "least 1");
    assert_null(g);
    assert_int_equal(dcn_graph_tutorial(&g, 3, INT32_MAX, NULL), DCN_USAGE);
}

/* The layers of a network are these, in this order. */
static void has_layers(const char *text, const char *const *layers)
{
    dcn_graph *g = graph_of(text);
    int next = 0;

    for (dcn_node i = 0; i < dcn_graph_node_count(g); i++) {
        dcn_node_info info;

        dcn_graph_node_info(g, i, &info);
        if (!info.is_layer)
            continue;
        if (!layers[next] || strcmp(layers[next], info.name) != 0)
            fail_msg("%s is a layer, wanted %s\n%s", info.name, layers[next] ? layers[next] : "none", text);
        next++;
    }
    if (layers[next])
        fail_msg("%s is no layer\n%s", layers[next], text);
    dcn_graph_destroy(g);
}

static void layers_of_other_peoples_networks(void **state)
{
    (void)state;
    /* What belongs to a convolution alone; a softmax and a mean do not. */
    has_layers("input 8x8x4; c = conv filters=4 kernel=3; b = batch_norm; s = silu; l = lrn size=3; m = max_pool 2;"
               "d = dense units=3; e = scale; p = prelu; o = concat p; z = softmax",
               (const char *const[]){ "m", "o", NULL });
    has_layers("input 8x8x4; c = conv filters=4 kernel=3; a = avg_pool 2; r = relu; d = dense units=3; s = log_softmax",
               (const char *const[]){ "c", "d", NULL });
    /* Residual blocks: the second convolution goes on to the ReLU behind the sum. */
    has_layers("x = input 8x8x4; c1 = conv filters=4 kernel=3; b1 = batch_norm; r1 = relu; c2 = conv filters=4 kernel=3;"
               "b2 = batch_norm; a2 = add b2 x; r2 = relu; c3 = conv filters=8 kernel=3 stride=2; r3 = relu;"
               "c4 = conv filters=8 kernel=3; d = conv r2 filters=8 kernel=1 stride=2; a4 = add c4 d; r4 = relu; avg_pool global;"
               "f = dense units=3", (const char *const[]){ "r1", "r2", "r3", "d", "r4", "f", NULL });
    /* Squeeze-excitation: the gated convolution is one layer, its gate's are no pictures. */
    has_layers("input 8x8x4; c = conv filters=4 kernel=3; s = silu; g = avg_pool global; e1 = conv filters=2 kernel=1;"
               "e2 = silu; e3 = conv filters=4 kernel=1; e4 = sigmoid; m = mul s e4; p = conv filters=4 kernel=1; b = batch_norm;"
               "avg_pool global; f = dense units=3", (const char *const[]){ "m", "b", "f", NULL });
    /* x * sigmoid(x), spelt out. */
    has_layers("input 8x8x4; c = conv filters=4 kernel=3; g = sigmoid; m = mul c g; p = conv filters=4 kernel=1",
               (const char *const[]){ "m", "p", NULL });
    /* A gate that is a picture is a layer. */
    has_layers("x = input 8x8x4; c = conv filters=4 kernel=3; r = relu; g = conv filters=4 kernel=3; h = sigmoid; m = mul r h;"
               "d = dense units=2", (const char *const[]){ "h", "m", "d", NULL });
    /* Branches that meet */
    has_layers("x = input 8x8x4; a = conv filters=4 kernel=3; ar = relu; b = conv x filters=4 kernel=3; br = relu;"
               "c = concat ar br; p = max_pool 2; d = dense units=3",
               (const char *const[]){ "ar", "br", "d", NULL });
}

static void layers_are_convolutions_with_what_belongs_to_them(void **state)
{
    /* name, is it a layer? */
    static const struct { const char *name; int layer; } wanted[] = {
        { "x", 0 }, { "r0", 0 }, { "c1", 0 }, { "r1", 1 }, { "c2", 1 }, { "r2", 1 }, { "a", 0 }, { "r3", 0 },
        { "c3", 0 }, { "m3", 1 }, { "d", 0 }, { "r4", 1 }, { "c4", 1 }, { "s", 0 },
    };
    dcn_graph *g = graph_of("x = input 8x8x2; r0 = relu; c1 = conv filters=2 kernel=3; r1 = relu; "
                            "c2 = conv filters=2 kernel=3; r2 = relu; a = add c2 r2; r3 = relu; "
                            "c3 = conv filters=2 kernel=3; m3 = max_pool 2; d = dense units=3; r4 = relu; "
                            "c4 = conv filters=2 kernel=1; s = softmax");

    (void)state;
    assert_int_equal(dcn_graph_node_count(g), COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++) {
        dcn_node_info info;

        dcn_graph_node_info(g, node_of(g, wanted[i].name), &info);
        if (info.is_layer != wanted[i].layer)
            fail_msg("%s: is_layer is %d", wanted[i].name, info.is_layer);
    }
    dcn_graph_destroy(g);
}

static void weights_and_flops_of_groups_and_dense(void **state)
{
    dcn_graph *g = graph_of("input 6x6x4; g = conv filters=8 kernel=3x2 groups=2 pad=valid bias=no; dense units=5");
    dcn_weight_info w;

    (void)state;
    assert_int_equal(dcn_graph_weight_count(g), 3);
    dcn_graph_weight_info(g, 0, &w);
    assert_string_equal(w.name, "g.weight");
    assert_int_equal(w.dims[0], 3);
    assert_int_equal(w.dims[1], 2);
    assert_int_equal(w.dims[2], 2);
    assert_int_equal(w.dims[3], 8);
    dcn_graph_weight_info(g, 1, &w);
    assert_string_equal(w.name, "dense1.weight");
    assert_int_equal(w.rank, 2);
    assert_int_equal(w.dims[0], 4 * 5 * 8);
    assert_int_equal(w.dims[1], 5);
    dcn_graph_weight_info(g, 2, &w);
    assert_string_equal(w.name, "dense1.bias");
    assert_true(dcn_graph_flops(g) == 2.0 * (3 * 2 * 2 * 8 * 4 * 5 + 160 * 5));
    dcn_graph_destroy(g);
}

/* ---- first weights --------------------------------------------------------------------------- */

static uint64_t hash_weights(const dcn_graph *g)
{
    uint64_t hash = 0;

    for (int i = 0; i < dcn_graph_weight_count(g); i++) {
        dcn_weight_info w;

        dcn_graph_weight_info(g, i, &w);
        for (int64_t k = 0; k < w.count; k++) {
            uint32_t bits;

            memcpy(&bits, &w.data[k], sizeof bits);
            hash = dcn__hash64(hash ^ bits) + 1;
        }
    }
    return hash;
}

/* The same seed gives the same weights: training runs can be repeated. */
static void a_seed_means_the_same_weights_for_ever(void **state)
{
    dcn_graph *g, *copy;
    uint64_t first;

    (void)state;
    must(dcn_graph_tutorial(&g, 3, 10, &err));
    must(dcn_graph_init_weights(g, 1, &err));
    first = hash_weights(g);
    assert_int_equal(first, 0x411a2ddb12c210ceu);
    must(dcn_graph_init_weights(g, 2, &err));
    assert_int_not_equal(hash_weights(g), first);
    must(dcn_graph_init_weights(g, 1, &err));
    assert_int_equal(hash_weights(g), first);
    must(dcn_graph_copy(&copy, g, &err));
    assert_int_equal(hash_weights(copy), first);
    dcn_graph_destroy(copy);
    dcn_graph_destroy(g);
}

static void first_weights_have_their_deviation(void **state)
{
    dcn_graph *g = graph_of("input 9x9x16; a = conv filters=64 kernel=5 init=0.01 bias=0.01; b = conv filters=64 kernel=3 "
                            "groups=4; c = dense units=20");
    const double deviations[] = { 0.01, sqrt(2.0 / (9 * 16)), sqrt(2.0 / (9 * 9 * 64)) };
    const float biases[] = { 0.01f, 0, 0 };

    (void)state;
    must(dcn_graph_init_weights(g, 3, &err));
    for (int i = 0; i < 3; i++) {
        double sum = 0, square = 0, top = 0;
        dcn_weight_info w;

        dcn_graph_weight_info(g, 2 * i, &w);
        for (int64_t k = 0; k < w.count; k++) {
            sum += (double)w.data[k] / (double)w.count;
            square += (double)w.data[k] * (double)w.data[k] / (double)w.count;
            top = fmax(top, fabs((double)w.data[k]));
        }
        /* A normal number cut at 2 deviations has 0.7737 of the variance. */
        assert_true(top <= 2.000001 * deviations[i] && top > 1.98 * deviations[i]);
        assert_true(fabs(sum) < 0.05 * deviations[i]);
        assert_true(fabs(sqrt(square / 0.773741) / deviations[i] - 1) < 0.03);
        dcn_graph_weight_info(g, 2 * i + 1, &w);
        for (int64_t k = 0; k < w.count; k++)
            assert_true(w.data[k] == biases[i]);
    }
    dcn_graph_destroy(g);
}

static void weights_can_be_set(void **state)
{
    dcn_graph *g = graph_of("input 2x2x1; c = conv filters=2 kernel=1");
    const float values[2] = { 3, 4 };
    dcn_weight_info w;

    (void)state;
    must(dcn_graph_set_weight(g, 0, values, 2, &err));
    dcn_graph_weight_info(g, 0, &w);
    assert_same_bits(w.data, values, 2, "weights");
    assert_true(w.data != values);
    must_say(dcn_graph_set_weight(g, 0, values, 1, &err), DCN_STATE,
             "c.weight: holds 2 values, 1 were given; use weights of the same network");
    must_say(dcn_graph_set_weight(g, 2, values, 2, &err), DCN_USAGE, "network: has no weight number 2; it has 2");
    must_say(dcn_graph_set_weight(g, -1, values, 2, &err), DCN_USAGE, "network: has no weight number -1; it has 2");
    dcn_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_and_valid_are_tensorflows),
        cmocka_unit_test(explicit_padding_counts_positions),
        cmocka_unit_test(ceil_counts_positions),
        cmocka_unit_test(windows_of_padding_alone),
        cmocka_unit_test(shapes_of_the_other_operators),
        cmocka_unit_test(shapes_of_other_frameworks_operators),
        cmocka_unit_test(refusals_are_kept), cmocka_unit_test(more_channels_than_there_are_numbers),
        cmocka_unit_test(begins_with_one_input),
        cmocka_unit_test(the_tutorials_network),
        cmocka_unit_test(layers_are_convolutions_with_what_belongs_to_them),
        cmocka_unit_test(layers_of_other_peoples_networks),
        cmocka_unit_test(weights_and_flops_of_groups_and_dense),
        cmocka_unit_test(a_seed_means_the_same_weights_for_ever),
        cmocka_unit_test(first_weights_have_their_deviation),
        cmocka_unit_test(weights_can_be_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
