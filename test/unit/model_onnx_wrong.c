/* model_onnx_wrong.c - every operator that is imported, with each of its inputs and attributes replaced by
 * something that does not belong there: it is taken as a network, or refused by the node's name. */
#include "model_onnx_net.h"

#include "base/memory.h"
#include "faults.h"

/* What all networks begin with: the replacements of inputs. */
static const char prefix[] =
    "x 1,3,8,8\n"
    "f1 = 2\nf3 = 1,2,3\ni1 # 1\ni3 # 1,2,3\ne0 : 0,\nw5 : 1,3,1,1,1\n"
    "MaxPool x -> pooled idx kernel_shape=1,1\n"
    "Transpose x -> tr perm=0,2,3,1\nTranspose x -> sw perm=0,1,3,2\nFlatten x -> fl\n"
    "s1 # -1,\nReshape x s1 -> line\ns3 # 1,3,64\nReshape x s3 -> rows\na5 # 1,\nUnsqueeze x a5 -> five\n"
    "GlobalAveragePool x -> gap\nse # 1,3,8,8\nExpand gap se -> wide\nErf x -> part\n";
static const char *const inputs[] = { "_", "x", "idx", "f1", "f3", "i1", "i3", "e0", "w5", "tr", "sw", "fl", "line",
                                      "rows", "five", "gap", "wide", "part" };
static const char *const attributes[] = { "1", "1.5", "text", "1,", "1,2,3,1,2,3,1,2,3,1", "@1,2", "~1,2", "0", "-1",
                                          "99", "9223372036854775807", "-9,9", "0,1,2,3", "0.0", "2", "1,1" };

static const struct { int opset; const char *net; } nodes[] = {
    { 17, "Add x f1 -> y" },
    { 17, "Add x pooled -> y" },
    { 17, "Add f1 f3 -> k\nAdd k f1 -> j\nMul x f1 -> y" },
    { 17, "And f1 f3 -> k\nAdd x f1 -> y" },
    { 17, "AveragePool x -> y auto_pad=VALID ceil_mode=0 count_include_pad=1 kernel_shape=2,2 strides=2,2" },
    { 19, "AveragePool x -> y dilations=1,1 kernel_shape=2,2 pads=0,0,1,1 strides=2,2" },
    { 17, "BatchNormalization x f3 f3 f3 f3 -> y epsilon=0.001 momentum=0.9 training_mode=0" },
    { 8, "BatchNormalization x f3 f3 f3 f3 -> y spatial=1" },
    { 19, "Cast x -> z to=1 saturate=1\nRelu z -> y" },
    { 17, "lo = 0\nhi = 6\nClip x lo hi -> y" },
    { 9, "Clip x -> y min=0.0 max=6.0" },
    { 17, "Concat x pooled -> y axis=1" },
    { 17, "w : 2,3,3,3\nb = 1,2\nConv x w b -> y auto_pad=SAME_UPPER dilations=1,1 group=1 kernel_shape=3,3 strides=1,1" },
    { 17, "w : 2,3,3,3\nConv x w -> y pads=1,1,1,1" },
    { 17, "w : 3,1,3,3\nConv x w -> y group=3" },
    { 17, "Div x f1 -> y" },
    { 17, "r = 0.5\nt # 0\nDropout x r t -> z seed=1\nRelu z -> y" },
    { 11, "Dropout x -> z ratio=0.5\nRelu z -> y" },
    { 17, "Elu x -> y alpha=1.0" },
    { 17, "k = 1.4142135\no = 1\nh = 0.5\nDiv x k -> a\nErf a -> b\nAdd b o -> c\nMul x c -> d\nMul d h -> y" },
    { 17, "s # 1,3,8,8\nExpand gap s -> g\nMul x g -> y" },
    { 17, "s # 1,3,8,8\nExpand x s -> z\nRelu z -> y" },
    { 17, "Flatten x -> y axis=1" },
    { 17, "j # 0\nGather x j -> y axis=1" },
    { 17, "j # 2,1\nGather x j -> y axis=1" },
    { 20, "Gelu x -> y approximate=tanh" },
    { 17, "w : 192,2\nb = 1,2\nGemm fl w b -> y alpha=1.0 beta=1.0 transA=0 transB=0" },
    { 17, "GlobalAveragePool x -> y" },
    { 17, "GlobalMaxPool x -> y" },
    { 17, "t = 20\nGreater x t -> c\nSoftplus x -> s\nWhere c x s -> y" },
    { 17, "HardSigmoid x -> y alpha=0.2 beta=0.5" },
    { 17, "HardSwish x -> y" },
    { 17, "Identity x -> z\nRelu z -> y" },
    { 17, "LRN x -> y alpha=0.0001 beta=0.75 bias=1.0 size=3" },
    { 17, "LeakyRelu x -> y alpha=0.1" },
    { 17, "LogSoftmax fl -> y axis=1" },
    { 17, "w : 192,2\nMatMul fl w -> y" },
    { 17, "Max x f1 -> y" },
    { 17, "Min f1 x -> y" },
    { 17, "MaxPool x -> y auto_pad=VALID ceil_mode=0 dilations=1,1 kernel_shape=2,2 storage_order=0 strides=2,2" },
    { 17, "MaxPool x -> y kernel_shape=3,3 pads=1,1,1,1" },
    { 18, "Mish x -> y" },
    { 17, "Mul x f1 -> y" },
    { 17, "Mul x gap -> y" },
    { 17, "Neg x -> y" },
    { 17, "s : 3,1,1\nPRelu x s -> y" },
    { 17, "p # 0,0,1,1,0,0,1,1\nv = 0.5\nPad x p v -> y mode=constant" },
    { 18, "p # 1,1,1,1\nv = 0.5\na # 2,3\nPad x p v a -> y" },
    { 10, "Pad x -> y mode=constant pads=0,0,1,1,0,0,1,1 value=0.5" },
    { 17, "e = 2\nPow x e -> y" },
    { 17, "e = 3\nPow x e -> y" },
    { 17, "ReduceMax x -> y axes=2,3 keepdims=0" },
    { 18, "a # 2,3\nReduceMean x a -> y keepdims=1 noop_with_empty_axes=0" },
    { 18, "a # 0,\nReduceProd f3 a -> p keepdims=0 noop_with_empty_axes=0\nMul x p -> y" },
    { 17, "Relu x -> y" },
    { 17, "s # 0,-1\nReshape x s -> y allowzero=0" },
    { 17, "Selu x -> y alpha=1.6 gamma=1.05" },
    { 17, "Shape x -> s start=0 end=1\nConcat s s1 -> n axis=0\nReshape x n -> z\nRelu z -> y" },
    { 17, "Shape x -> s\nReshape fl s -> z\nRelu z -> y" },
    { 17, "Size x -> n\nCast n -> k to=1\nMul x k -> y" },
    { 17, "Sigmoid x -> y" },
    { 17, "s # 0,\ne # 4,\na # 2,\nt # 1,\nSlice x s e a t -> y" },
    { 9, "Slice x -> y axes=2,3 starts=0,0 ends=4,4" },
    { 17, "Softmax fl -> y axis=1" },
    { 11, "Softmax fl -> y axis=1" },
    { 17, "Softplus x -> y" },
    { 17, "s # 1,2\nSplit x s -> y z axis=1" },
    { 18, "Split x -> y z w axis=1 num_outputs=3" },
    { 11, "Split x -> y z axis=1 split=1,2" },
    { 17, "a # 2,3\nSqueeze gap a -> y" },
    { 11, "Squeeze gap -> y axes=2,3" },
    { 17, "Sub x f1 -> y" },
    { 17, "Sub f1 x -> y" },
    { 17, "Sum x pooled -> y" },
    { 24, "Swish x -> y alpha=1.0" },
    { 17, "Tanh x -> y" },
    { 17, "Transpose x -> z perm=0,2,3,1\nRelu z -> y" },
    { 17, "Transpose f3 -> t\nMul tr t -> y" },
    { 17, "a # 1,\nUnsqueeze fl a -> y" },
    { 11, "Unsqueeze fl -> y axes=1," },
    { 17, "c = 1,0,1\nWhere c f3 f1 -> k\ns # 3,1,1\nReshape k s -> m\nMul x m -> y" },
    /* of constants alone */
    { 17, "Abs f3 -> y" }, { 17, "Cast f3 -> y to=7" }, { 17, "Ceil f3 -> y" }, 
    { 17, "Concat f3 f3 -> y axis=0" }, { 17, "Constant -> y value=@1,2" }, { 17, "Constant -> y value_float=1.0" },
    { 17, "Constant -> y value_floats=~1,2" }, { 17, "Constant -> y value_int=1" },
    { 17, "Constant -> y value_ints=1,2" }, { 17, "ConstantOfShape i3 -> y value=@2" }, { 17, "Div f3 f1 -> y" },
    { 17, "Dropout f3 -> y" }, { 17, "Equal f3 f1 -> y" }, { 17, "Exp f3 -> y" }, { 17, "Expand f1 i3 -> y" },
    { 17, "Flatten f3 -> y axis=0" }, { 17, "Floor f3 -> y" }, { 17, "Gather f3 i1 -> y axis=0" },
    { 17, "Greater f3 f1 -> y" }, { 17, "Identity f3 -> y" }, { 17, "Less f3 f1 -> y" }, { 17, "Max f3 f1 -> y" },
    { 17, "Min f3 f1 -> y" }, { 17, "Neg f3 -> y" }, { 17, "Not f3 -> y" }, { 17, "Or f3 f1 -> y" },
    { 17, "Pow f3 f1 -> y" }, { 17, "Range i1 i1 i1 -> y" }, { 17, "Reciprocal f3 -> y" },
    { 17, "ReduceProd f3 -> y axes=0, keepdims=1" }, { 17, "Reshape f3 s1 -> y allowzero=1" },
    { 17, "Shape f3 -> y start=0 end=1" }, { 17, "Size f3 -> y" }, { 17, "Slice f3 i1 i1 -> y" },
    { 17, "Sqrt f3 -> y" }, { 17, "Squeeze w5 -> y" }, { 17, "Sub f3 f1 -> y" }, 
    { 17, "Transpose w5 -> y perm=0,1,2,3,4" }, { 17, "Unsqueeze f3 i1 -> y" }, { 17, "Where f3 f3 f1 -> y" },
};

static struct { long tried, taken, refused; } counts;

/* The last line of a constant's net: what it makes is added to the picture's values. */
static const char *use_of(const char *net)
{
    const bool alone = !strchr(net, '\n') && !strstr(net, " x") && !strstr(net, "fl ") && !strstr(net, "gap ");

    return alone ? "\nCast y -> yf to=1\nReduceProd yf -> p keepdims=0\nAdd p f1 -> q\nAdd x q -> out" : "";
}

/* What was taken is a network whose text is one, too. */
static void check_taken(const dcn_model *m, const char *net)
{
    static char text[16384];
    dcn_graph *again;

    if (dcn_graph_check(m->graph, &err) || dcn_graph_text(m->graph, text, sizeof text) >= sizeof text ||
        dcn_graph_parse(&again, text, strlen(text), "again", NULL, &err))
        fail_msg("%s\n%s", net, err.text);
    assert_int_equal(dcn_graph_node_count(again), dcn_graph_node_count(m->graph));
    dcn_graph_destroy(again);
}

/* `said`: must be refused with these words, if they are given. */
static void load(int opset, const char *net, const char *said)
{
    char text[2000];
    dcn_model m;
    dcn_status st;

    snprintf(text, sizeof text, "%d\n%s%s%s", opset, prefix, net, use_of(net));
    st = dcn_onnx_load(&m, save("wrong.onnx", onnx_of(text)), NULL, &err);
    counts.tried++;
    counts.taken += !st;
    counts.refused += st == DCN_INPUT;
    if (said ? st != DCN_INPUT || !strstr(err.text, said) : st && st != DCN_INPUT)
        fail_msg("%s\n   status %d: %s", net, (int)st, st ? err.text : "");
    if (st) {
        assert_true(!m.graph && err.status == st);
        assert_non_null(strstr(err.text, "; "));
        if (!strstr(err.text, ": node ") && !strstr(err.text, "wrong.onnx: "))
            fail_msg("%s\n   %s", net, err.text);
    } else {
        check_taken(&m, net);
        dcn_model_clear(&m);
    }
}

/* The line `number` of net with its word from `at` of `n` letters replaced. */
static void replace(char *out, size_t size, const char *net, const char *at, size_t n, const char *by)
{
    snprintf(out, size, "%.*s%s%s", (int)(at - net), net, by, at + n);
}

static void inputs_of(int opset, const char *net, const char *line)
{
    const char *word = line + strcspn(line, " ");
    char mutant[600];

    while (*word == ' ' && word[1] != '-') {
        const size_t n = strcspn(++word, " \n");

        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
            replace(mutant, sizeof mutant, net, word, n, inputs[i]);
            load(opset, mutant, NULL);
        }
        word += n;
    }
}

static void attributes_of(int opset, const char *net, const char *line)
{
    const size_t all = strcspn(line, "\n");
    char mutant[600], said[100];

    for (const char *p = strchr(line, '='); p && p < line + all; p = strchr(p + 1, '=')) {
        const size_t n = strcspn(p + 1, " \n");
        const char *name = p;

        while (name[-1] != ' ')
            name--;
        for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
            replace(mutant, sizeof mutant, net, p + 1, n, attributes[i]);
            load(opset, mutant, NULL);
        }
        if (strncmp(line, "Constant", 8) == 0 || memmem(name, (size_t)(p - name), "saturate", 8) ||
            memmem(line, all, "Dropout", 7))
            continue;            /* a value may be a tensor; rounding and random numbers are not looked at */
        snprintf(said, sizeof said, "attribute %.*s is of kind TENSOR, not ", (int)(p - name), name);
        replace(mutant, sizeof mutant, net, p + 1, n, "@1,2");
        load(opset, mutant, said);
    }
}

static void each_is_right(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        char text[2000];
        dcn_model m;

        snprintf(text, sizeof text, "%d\n%s%s%s", nodes[i].opset, prefix, nodes[i].net, use_of(nodes[i].net));
        if (dcn_onnx_load(&m, save("right.onnx", onnx_of(text)), NULL, &err)) {
            print_error("%s\n   %s\n", nodes[i].net, err.text);
            failed++;
        } else {
            dcn_model_clear(&m);
        }
    }
    assert_int_equal(failed, 0);
}

static void each_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
        for (const char *line = nodes[i].net;; line++) {
            const size_t n = strcspn(line, "\n");

            if (memmem(line, n, "->", 2)) {
                inputs_of(nodes[i].opset, nodes[i].net, line);
                attributes_of(nodes[i].opset, nodes[i].net, line);
            }
            line += n;
            if (!*line)
                break;
        }
    figure("onnx: %ld networks with one wrong input or attribute: %ld taken, %ld refused by name, 0 other ends",
           counts.tried, counts.taken, counts.refused);
    assert_int_equal(counts.tried, counts.taken + counts.refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_is_right), cmocka_unit_test(each_is_wrong) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
