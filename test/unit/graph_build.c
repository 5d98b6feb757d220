/* The builders: shapes by TensorFlow's formulas, names, weights, layers, flops. */
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
