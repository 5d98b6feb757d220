/* model_onnx_refused.c - what the import of ONNX networks refuses, and how it says so: operators,
 * attributes, shapes, circles, hostile sizes. Nothing of it may cost much. */
#include "model_onnx_net.h"

#include "base/memory.h"

/* A network of a picture 8x8x3, and a part of the sentence that refuses it. */
static const struct { int opset; const char *net, *sentence; } cases[] = {
    { 17, "Frobnicate x -> y",
      "node y (Frobnicate): operator Frobnicate is not supported at opset 17; supported are" },
    { 17, "Relu x -> a\nLayerNormalization a -> b\nFoo b -> c",
      "node b (LayerNormalization): operator LayerNormalization is not" },
    { 17, "Gelu x -> y",
      "operator Gelu is not supported at opset 17" },
    { 6, "Relu x -> y",
      "opset 6 is outside 7..28" },
    { 99, "Relu x -> y",
      "opset 99 is outside 7..28" },
    { 17, "Relu x -> y domain=com.example",
      "operator Relu of domain com.example is not supported" },
    { 17, "If x -> y",
      "operator If is not supported" },
    { 17, "QuantizeLinear x -> y",
      "operator QuantizeLinear is not supported" },
    { 17, "Relu x -> y alpha=1.0",
      "attribute alpha is not known of Relu; known are: none" },
    { 17, "LeakyRelu x -> y alpha=1",
      "attribute alpha is of kind INT, not FLOAT" },
    { 17, "Conv x w -> y stride=2,2\nw : 2,3,1,1",
      "attribute stride is not known of Conv" },
    { 17, "Conv x w -> y strides=2\nw : 2,3,1,1",
      "attribute strides is of kind INT, not INTS" },
    { 17, "Conv x w -> y strides=0,1\nw : 2,3,1,1",
      "strides 0 is outside 1.." },
    { 17, "Conv x w -> y strides=1,1,1\nw : 2,3,1,1",
      "strides has 3 numbers, at most 2 are taken" },
    { 17, "Conv x w -> y strides=1,\nw : 2,3,1,1",
      "strides has 1 numbers, supported are 2 (rows, columns)" },
    { 17, "Conv x w -> y pads=-1,0,0,0\nw : 2,3,1,1",
      "pads -1 is outside 0.." },
    { 17, "Conv x w -> y pads=1,1\nw : 2,3,1,1",
      "pads has 2 numbers, supported are 4" },
    { 17, "Conv x w -> y pads=99999999,0,0,0\nw : 2,3,1,1",
      "pads 99999999 is outside" },
    { 17, "Conv x w -> y kernel_shape=3,3\nw : 2,3,1,1",
      "kernel_shape is 3x3, its weights are 1x1" },
    { 17, "Conv x w -> y group=2\nw : 2,3,1,1",
      "its weights take 3 channels in 2 groups and make 2, its input has 3" },
    { 17, "Conv x w -> y auto_pad=SAME\nw : 2,3,1,1",
      "auto_pad is \"SAME\", it is NOTSET, VALID, SAME_UPPER or SAME_LOWER" },
    { 17, "Conv x w -> y\nw : 2,3,9,9",
      "node y (Conv): the kernel is larger than its padded input (kernel 9x9 on 8x8x3)" },
    { 17, "Conv x w -> y\nw : 2,3,1",
      "its weights have 3 dimensions, supported are 4" },
    { 17, "Conv x w b -> y\nw : 2,3,1,1\nb : 3",
      "its bias has 3 numbers, it needs 2" },
    { 17, "Conv x x -> y",
      "input 2 is a value of the picture, supported is a constant" },
    { 17, "Conv w x -> y\nw : 2,3,1,1",
      "input 1 is a constant, supported is a value of the picture" },
    { 17, "Conv x -> y",
      "input 2 is missing" },
    { 17, "Conv x w -> y\nw # 1,2",
      "its weights is of type INT64" },
    { 17, "Flatten x -> f\nUnsqueeze f a -> g\na # 1,\nConv g w -> y\nw : 2,3,1",
      "its input has 3 dimensions, it takes 4 (N,C,H,W)" },
    { 17, "MaxPool x -> y",
      "kernel_shape is missing" },
    { 17, "MaxPool x -> y i kernel_shape=2,2\nAdd y i -> z",
      "input 2 is i, an output that is not supported" },
    { 17, "AveragePool x -> y kernel_shape=2,2 dilations=2,2",
      "it has dilations" },
    { 17, "MaxPool x -> y kernel_shape=2,2 pads=2,2,2,2",
      "windows would hold padding alone" },
    { 17, "BatchNormalization x v v v v -> y training_mode=1\nv = 1,2,3",
      "training_mode is 1, taken are 0..0" },
    { 17, "BatchNormalization x v v v v -> y\nv = 1,2",
      "its scale has 2 numbers, it needs 3" },
    { 17, "Dropout x r t -> y\nr = 0.5\nt # 1",
      "training_mode is set" },
    { 17, "Clip x a b -> y\na = 3\nb = 1",
      "its limits are 3 and 1" },
    { 17, "Clip x -> y min=0.0",
      "its limits are attributes, they are inputs since opset 11" },
    { 17, "Reshape x s -> y\ns # 0,7",
      "its shape does not hold the 192 values of its input" },
    { 17, "Reshape x s -> y\ns # -1,-1",
      "it asks for a dimension of -1" },
    { 17, "Reshape x s -> y\ns # 1,-5",
      "it asks for a dimension of -5" },
    { 17, "Reshape x s -> y\ns # 4611686018427387904,4611686018427387904",
      "it asks for a dimension of" },
    { 17, "Transpose x -> y perm=0,1,2",
      "perm is no order of 4 dimensions" },
    { 17, "Transpose x -> y perm=0,1,2,2",
      "perm is no order of 4 dimensions" },
    { 17, "Transpose x -> t perm=0,1,3,2\nConv t w -> y\nw : 2,3,1,1",
      "its input has rows, columns and channels in an order" },
    { 17, "Transpose x -> t perm=0,1,3,2\nAdd t x -> y",
      "its input has rows, columns and channels in an order" },
    { 17, "Concat x x -> y axis=2",
      "input 1 cannot be joined to the first along axis 2, supported are channels" },
    { 17, "Concat x x -> y axis=7",
      "axis 7 is not in a value of 4 dimensions" },
    { 17, "Softmax x -> y axis=2",
      "it runs over axis 2, supported are the channels" },
    { 17, "ReduceMean x -> y axes=1,",
      "it runs over channels or pictures" },
    { 17, "Pad x p -> y mode=reflect\np # 0,0,1,1,0,0,1,1",
      "its mode is reflect, supported is constant" },
    { 17, "Pad x p -> y\np # 0,1,0,0,0,0,0,0",
      "it pads channels or pictures" },
    { 17, "Pad x p -> y\np # 1,1",
      "pads has 2 numbers, they do not fit 4 dimensions" },
    { 17, "Pad x p -> y\np # 0,0,-9,0,0,0,0,0",
      "leaves nothing of" },
    { 17, "Split x s -> y z axis=1\ns # 1,1",
      "its parts do not add up to the 3 of its input" },
    { 17, "Slice x s e a -> y\ns # 5,\ne # 5,\na # 1,",
      "nothing is left of its input" },
    { 17, "Slice x s e a t -> y\ns # 0,\ne # 3,\na # 1,\nt # 0,",
      "a step is 0" },
    { 17, "Gather x i -> y axis=1\ni # 3",
      "place 3 is not in a dimension of 3" },
    { 17, "Squeeze x a -> y\na # 1,",
      "dimension 1 is 3, only 1 can be squeezed out" },
    { 17, "Add x k -> y\nk : 8,8",
      "its constant has numbers for rows or columns" },
    { 17, "Add x k -> y\nk : 5,1,1",
      "its constant does not fit its input's shape" },
    { 17, "Mul x k -> y\nk = nan",
      "its constant is nan" },
    { 17, "Div x k -> y\nk = 0",
      "its constant is 0" },
    { 17, "Div k x -> y\nk = 1",
      "it divides by a value of the picture" },
    { 17, "Relu x -> r\nDiv x r -> y",
      "it divides by a value of the picture" },
    { 17, "Relu x -> r\nMatMul x r -> y",
      "it multiplies two values of the picture" },
    { 17, "Relu x -> r\nMax x r -> y",
      "input 2 is a value of the picture, supported is a constant" },
    { 17, "Erf x -> y",
      "it is supported only as part of GELU" },
    { 17, "Exp x -> y",
      "it is supported for constants alone" },
    { 17, "Flatten x -> f\nGemm f w -> y transA=1\nw : 192,2",
      "transA is 1, taken are 0..0" },
    { 17, "Flatten x -> f\nGemm f w -> y\nw : 191,2",
      "its weights are 191x2, its input's last dimension is 192" },
    { 17, "GlobalAveragePool x -> y\nConv y w -> z\nw : 2,3,2,2",
      "the kernel is larger than its padded input" },
    { 17, "k = 1\nAdd k k -> y",
      "its output does not depend on an input" },
    { 17, "Shape x -> y",
      "its output y does not depend on a picture" },
    { 17, "s # 4000000000\nConstantOfShape s -> c\nAdd x c -> y",
      "it makes a constant of more than 65536 numbers" },
    { 17, "a # 0\nb # 9000000000\nc # 1\nRange a b c -> r\nAdd x r -> y",
      "it makes a constant of more than 65536 numbers" },
    { 17, "a # 1\nb # 0\nDiv a b -> c\nAdd x c -> y",
      "it divides by zero" },
    { 17, "PRelu x s -> y\ns : 8,8",
      "its constant has numbers for rows or columns" },
    { 17, "Cast -> c to=1\nAdd x c -> y",
      "node c (Cast): input 1 is missing" },
    { 17, "Relu -> c\nAdd x c -> y",
      "node c (Relu): input 1 is missing" },
    { 17, "LRN x -> y alpha=0.1",
      "size is missing" },
    { 17, "HardSigmoid x -> y alpha=x",
      "attribute alpha is of kind STRING, not FLOAT" },
};

static size_t most;

static bool watch(void *user, size_t size)
{
    (void)user;
    most = size > most ? size : most;
    return true;
}

static void refusals(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char net[600];
        dcn_model m;
        dcn_status st;
        const char *path;

        snprintf(net, sizeof net, "%d\nx 1,3,8,8\n%s", cases[i].opset, cases[i].net);
        path = save("refused.onnx", onnx_of(net));
        most = 0;
        dcn__set_alloc_hook(watch, NULL);
        st = dcn_onnx_load(&m, path, NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        if (st != DCN_INPUT || err.status != st || !strstr(err.text, cases[i].sentence) ||
            !strchr(err.text, ';') || m.graph || most > (size_t)1 << 21) {
            print_error("%s\n   status %d, %zu bytes at once\n   %s\n   wanted %s\n", net, (int)st,
                        most, st ? err.text : "", cases[i].sentence);
            failed++;
        }
        if (!st)
            dcn_model_clear(&m);
    }
    assert_int_equal(failed, 0);
}

static void refused(bytes model, const char *part)
{
    dcn_model m;

    assert_refused(dcn_onnx_load(&m, save("refused.onnx", model), NULL, &err), DCN_INPUT, part);
    assert_null(m.graph);
}

static bytes with_info(int field, bytes info, const char *op)
{
    bytes graph = { 0 };

    put_message(&graph, 1, make_node(op, "x ", "y "));
    put_message(&graph, (uint32_t)field, info);
    put_message(&graph, field == 11 ? 12 : 11, make_info(field == 11 ? "y" : "x", 4,
                                                        (int64_t[]){ 1, 3, 4, 4 }));
    return make_model(graph);
}

static void inputs(void **state)
{
    (void)state;
    refused(with_info(11, make_info("x", 4, (int64_t[]){ 1, -1, 4, 4 }), "Relu"),
            "its input x leaves the number of channels open");
    refused(with_info(11, make_info("x", 5, (int64_t[]){ 1, 3, 4, 4, 4 }), "Relu"),
            "its input x has 5 dimensions");
    refused(with_info(11, make_info("x", 4, (int64_t[]){ 1, 3, 0, 4 }), "Relu"),
            "its input x has a dimension of 0, the limits are 1 and 65536");
    refused(with_info(11, make_info("x", 4, (int64_t[]){ 1, 3, (int64_t)1 << 40, 4 }), "Relu"),
            "its input x has a dimension of 1099511627776");
    refused(with_info(11, make_info("x", 4, (int64_t[]){ 1, 30000, 65536, 65536 }), "Relu"),
            "the network's input: its value 65536x65536x30000 has more than 2147483647 elements");
    refused(onnx_of("17\nx 1,3,4,4\nz 1,3,4,4\nAdd x z -> y"), "it has several inputs (x, z)");
}

/* A value used before it is made is a circle, or a file in the wrong order. */
static void order(void **state)
{
    (void)state;
    refused(onnx_of("17\nx 1,3,4,4\nAdd x b -> a\nRelu a -> b"), "node");
    refused(onnx_of("17\nx 1,3,4,4\nRelu nothing -> y"), "nothing");
    refused(onnx_of("17\nx 1,3,4,4\nRelu x -> y\nTanh x -> y"), "y");
}

/* One small tensor as the weights of very many layers. */
static void sharing(void **state)
{
    enum { LAYERS = 3000 };
    bytes graph = { 0 }, model;
    char in[32], out[32];

    (void)state;
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ 1, 64, 1, 1 }));
    add_tensor(&graph, "w", ':', "64,64,3,3");
    for (int i = 0; i < LAYERS; i++) {
        bytes node;

        snprintf(in, sizeof in, i ? "v%d w " : "x w ", i);
        snprintf(out, sizeof out, "v%d ", i + 1);
        node = make_node("Conv", in, out);
        add_attribute(&node, "pads", "1,1,1,1");
        put_message(&graph, 1, node);
    }
    snprintf(out, sizeof out, "v%d", LAYERS);
    put_message(&graph, 12, make_info(out, 4, (int64_t[]){ 1, 64, 1, 1 }));
    model = make_model(graph);
    refused(model, "it uses the same weights so often that they would fill 421 MiB");
}

/* Weights that are no numbers would draw black pictures. */
static void not_finite(void **state)
{
    dcn_model m;
    dcn_status st;

    (void)state;
    st = dcn_onnx_load(&m, save("refused.onnx", onnx_of("17\nx 1,2\nw = 1,inf\ns # 2,1\n"
                                                    "Reshape w s -> v\nMatMul x v -> y")),
                       NULL, &err);
    assert_int_equal(st, DCN_NUMBERS);
    assert_non_null(strstr(err.text, "y.weight has a weight that is not finite"));
}

/* Names of 64 KiB, and bytes that would drive a terminal, stay one short line. */
static void long_names(void **state)
{
    bytes graph = { 0 }, node = make_node("Frobnicate\x1b[31m", "x ", "y ");
    char *name = malloc(65000);
    dcn_model m;

    (void)state;
    assert_non_null(name);
    memset(name, '\n', 64999);
    name[64999] = '\0';
    put_text(&node, 3, name);
    free(name);
    put_message(&graph, 1, node);
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ 1, 3, 4, 4 }));
    put_message(&graph, 12, make_info("y", 4, (int64_t[]){ 1, 3, 4, 4 }));
    assert_int_equal(dcn_onnx_load(&m, save("refused.onnx", make_model(graph)), NULL, &err), DCN_INPUT);
    assert_true(strlen(err.text) < 400 && !strchr(err.text, '\n') && !strchr(err.text, 27));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals), cmocka_unit_test(inputs), cmocka_unit_test(order),
        cmocka_unit_test(sharing), cmocka_unit_test(not_finite), cmocka_unit_test(long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
