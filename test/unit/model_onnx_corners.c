/* model_onnx_corners.c - forms of ONNX networks that few exporters write: those that are refused, by a
 * part of the sentence, and those that are taken, by the network's text. */
#include "model_onnx_net.h"

#include "base/memory.h"

static const struct { int opset; const char *net, *sentence; } refused[] = {
    /* shapes */
    { 17, "x 2,3\ns # 3,2\nReshape x s -> y", "it mixes the pictures of a batch, which is not supported" },
    { 17, "x 1,3,8,8\na # 0,1,2,3,4\nUnsqueeze x a -> y", "its result has more than 8 dimensions" },
    { 17, "x 1,3,8,8\na # 0,0\nUnsqueeze x a -> y", "axis 0 stands twice" },
    { 17, "x 1,3,8,8\na # 9,\nUnsqueeze x a -> y", "axis 9 is not in a value of 5 dimensions" },
    { 17, "x 1,3,8,8\na # 9,\nSqueeze x a -> y", "axis 9 is not in a value of 4 dimensions" },
    { 17, "x 1,3,8,8\nFlatten x -> y axis=5", "axis is 5, taken are -4..4" },
    { 17, "x 1,3,8,8\nCast x -> y to=7", "it makes the picture's values INT64, supported are floats" },
    { 17, "x 1,200,2,2\ns # 0,\ne # 200,\na # 1,\nt # 2,\nSlice x s e a t -> y",
      "it takes 100 values in steps of 2, at most 64 are supported" },
    { 17, "x 1,3,8,8\ns # 3,\ne # 3,\na # 1,\nt # -1,\nSlice x s e a t -> y", "nothing is left of its input" },
    { 17, "x 1,3,8,8\ns # 0,0\ne # 9,\nSlice x s e -> y", "its lists of starts, ends, axes and steps do not fit" },
    { 18, "x 1,4,8,8\nSplit x -> y z axis=1 num_outputs=3", "its parts do not add up to the 4 of its input" },
    { 17, "x 1,4,8,8\ns # 1,1,2\nSplit x s -> y z axis=1", "its parts do not add up to the 4 of its input" },
    { 17, "x 1,4,8,8\ns # -1,5\nSplit x s -> y z axis=1", "its parts do not add up to the 4 of its input" },
    { 17, "x 1,4,8,8\nSplit x -> y z axis=4", "axis 4 is not in a value of 4 dimensions" },
    { 17, "x 1,4,8,8\nj # 0,1,2,3\ns # 2,2\nReshape j s -> i\nGather x i -> y axis=1",
      "it picks 4 places, supported are 1..64 in one list" },
    { 17, "x 1,4,8,8\ni # -5\nGather x i -> y axis=1", "place -5 is not in a dimension of 4" },
    { 17, "x 1,4,8,8\ni # 0,2\nGather x i -> y axis=2", "in an order that only a copy could undo" },
    { 17, "x 1,4,8,8\ns # -1,\nReshape x s -> f\nConcat x f -> y axis=1", "input 2 has 1 dimensions, axis 1 is not among them" },
    { 17, "x 1,4,8,8\nMaxPool x -> p kernel_shape=2,2\nConcat x p -> y axis=1",
      "input 2 cannot be joined to the first along axis 1" },
    { 17, "x 1,4,8,8\nGlobalAveragePool x -> g\ns # 1,4,8,8\nExpand g s -> e\nRelu e -> y",
      "input 1 is repeated by Expand, which is supported for gates of Mul" },
    { 17, "x 1,4,8,8\nGlobalAveragePool x -> g\ns # 1,4,4,4\nExpand g s -> e\nMul x e -> y",
      "an input is repeated by Expand to another shape than the other one's" },
    { 17, "x 1,4,8,8\nGlobalAveragePool x -> g\ns # 1,4,8,8\nExpand g s -> e\nMul e e -> y",
      "an input is repeated by Expand to another shape than the other one's" },
    { 17, "x 1,4,8,8\nGlobalAveragePool x -> g\ns # 1,4,8,8\nExpand g s -> e\nk = 2\nMul e k -> y",
      "an input is repeated by Expand to another shape than the other one's" },
    { 17, "x 1,4,8,8\nGlobalAveragePool x -> g\ns # 1,4,8,8\nExpand g s -> y",
      "its output y does not depend on a picture" },
    { 17, "x 1,4,8,8\ns # 1,5,8,8\nExpand x s -> y", "its shape has other dimensions than its input" },
    { 17, "x 1,4,8,8\ns # 1,1,4,8,8\nExpand x s -> y", "its shape has other dimensions than its input" },
    { 17, "x 1,4,8,8\ns # 1,4,8,0\nExpand x s -> y", "its shape has other dimensions than its input" },
    { 17, "x 1,4,8,8\ns = 1,2\nExpand x s -> y", "a list of at most 8 whole numbers is needed" },
    /* layers */
    { 17, "x 1,3,8,8\nw : 0,3,1,1\nConv x w -> y", "its weights are empty" },
    { 17, "x 1,3,8,8\nw : 2,3,0,1\nConv x w -> y", "its weights are empty" },
    { 17, "x 1,4,8,8\nw : 3,2,1,1\nConv x w -> y group=2", "its weights take 2 channels in 2 groups and make 3" },
    { 17, "x 1,1,8,8\nw : 1,1,1048577,1\nConv x w -> y", "its kernel has 1048577 rows or columns" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nConv x w -> y kernel_shape=1,2", "kernel_shape is 1x2, its weights are 1x1" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nConv x w -> y kernel_shape=1,1048577", "kernel_shape 1048577 is outside" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nConv x w -> y dilations=0,1", "dilations 0 is outside 1..1048576" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nConv x w -> y pads=1,1,1,1,1", "pads has 5 numbers, at most 4 are taken" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nb # 1,2\nConv x w b -> y", "its bias is of type INT64" },
    { 17, "x 1,3,8,8\nw : 2,3,1,1\nb : 1,2\nConv x w b -> y", "its bias has 2 numbers, it needs 2" },
    { 17, "x 1,3,8,8\nw : 8,2\nMatMul x w -> y", "it multiplies rows or columns by a matrix" },
    { 17, "x 1,4\nw : 4,2,1\nMatMul x w -> y", "its matrix has 3 dimensions, supported are 2" },
    { 17, "x 1,4\nw # 4,2\nMatMul x w -> y", "its matrix is of type INT64" },
    { 17, "x 1,4\nw : 5,2\nMatMul x w -> y", "its weights are 5x2, its input's last dimension is 4" },
    { 17, "x 1,4\nw : 4,0\nMatMul x w -> y", "its weights are 4x0, its input's last dimension is 4" },
    { 17, "x 1,4\nw : 4,2\nMatMul w x -> y", "it multiplies two values of the picture, or a constant by one" },
    { 17, "x 1,4\nw : 4,2\nMatMul x -> y", "it multiplies two values of the picture, or a constant by one" },
    { 17, "x 1,4\nw : 4,2\nb : 3\nGemm x w b -> y", "its bias has 3 numbers, it needs 1 or 2" },
    { 17, "x 1,4\nw : 4,2\nb : 2,1\nGemm x w b -> y", "its bias has 2 numbers, it needs 1 or 2" },
    { 17, "x 1,4\nw : 4,2\nb # 1,2\nGemm x w b -> y", "its bias is of type INT64" },
    { 17, "x 1,3,8,8\nw : 4,2\nGemm x w -> y", "its inputs have 4 and 2 dimensions, it takes 2" },
    { 17, "x 1,4\nw : 4,2,1\nGemm x w -> y", "its inputs have 2 and 3 dimensions, it takes 2" },
    { 17, "x 1,4\nw : 4,2\nGemm x w -> y alpha=0.0", "alpha is 0; correct the file" },
    { 17, "x 1,4\nw : 4,2\nGemm x w -> y transB=2", "transB is 2, taken are 0..1" },
    { 17, "x 1,4\nw : 4,2\nGemm x w -> y transA=-1", "transA is -1, taken are 0..0" },
    { 17, "x 1,4\nw : 4,2\nGemm x w -> y alpha=1", "attribute alpha is of kind INT, not FLOAT" },
    { 17, "x 1,4\nw : 4,2\nGemm x w -> y beta=1", "attribute beta is of kind INT, not FLOAT" },
    { 17, "x 1,4\ns # -1,\nReshape x s -> r\nv : 4\nBatchNormalization r v v v v -> y",
      "its input has 1 dimensions, it needs 2 or more" },
    { 17, "x 1,3,8,8\ns # 1,8,24\nReshape x s -> r\nLRN r -> y size=3", "its input's channels are not in dimension 1" },
    { 17, "x 1,3,8,8\nLRN x -> y size=0", "size is 0, taken are 1..65536" },
    { 17, "x 1,3,8,8\nLRN x -> y size=3 bias=1", "attribute bias is of kind INT, not FLOAT" },
    { 17, "x 1,3,8,8\nLRN x -> y size=3 beta=1", "attribute beta is of kind INT, not FLOAT" },
    { 17, "x 1,3,8,8\ns # 1,2,3\nPRelu x s -> y", "its slope is of type INT64" },
    /* pools and padding */
    { 17, "x 1,3,8,8\nMaxPool x -> y kernel_shape=2,2 strides=2,", "strides has 1 numbers, supported are 2" },
    { 17, "x 1,3,8,8\nMaxPool x -> y kernel_shape=2,2 ceil_mode=2", "ceil_mode is 2, taken are 0..1" },
    { 17, "x 1,3,8,8\nMaxPool x -> y kernel_shape=2,2 auto_pad=1", "attribute auto_pad is of kind INT, not STRING" },
    { 17, "x 1,3,8,8\nAveragePool x -> y kernel_shape=2,2 count_include_pad=2",
      "count_include_pad is 2, taken are 0..1" },
    { 17, "x 1,3,8,8\na # 0,\nUnsqueeze x a -> u\nMaxPool u -> y kernel_shape=2,2",
      "its input has 5 dimensions, it takes 4 (N,C,H,W)" },
    { 17, "x 1,3,8,8\na # 1,\nUnsqueeze x a -> u\nAveragePool u -> y kernel_shape=3,1,1",
      "it has three dimensions, supported are two" },
    { 17, "x 1,3,8,8\nMul x x -> q\na # 1,\nUnsqueeze q a -> u\np # 0,0,1,0,0,0,0,1,0,0\nPad u p -> w\n"
          "AveragePool w -> y kernel_shape=5,1,1", "it has three dimensions, supported are two" },
    { 17, "x 1,3,8,8\nMul x x -> q\na # 1,\nUnsqueeze q a -> u\np # 0,0,1,0,0,0,0,2,0,0\nPad u p -> w\n"
          "AveragePool w -> y kernel_shape=3,1,1", "it has three dimensions, supported are two" },
    { 17, "x 1,3,8,8\nMul x x -> q\na # 1,\nUnsqueeze q a -> u\np # 0,0,1,0,0,0,0,1,0,0\nPad u p -> w\n"
          "AveragePool w -> y kernel_shape=3,1,1 strides=2,1,1", "it has three dimensions, supported are two" },
    { 17, "x 1,3,8,8\na # 1,\nUnsqueeze x a -> u\np # 0,0,1,1,0,0,0,1,0,0\nPad u p -> y",
      "it pads channels, supported are rows and columns" },
    { 17, "x 1,3,8,8\na # 1,\nUnsqueeze x a -> u\np # 0,0,1,0,0,0,0,-1,0,0\nPad u p -> y",
      "it pads channels, supported are rows and columns" },
    { 17, "x 1,3,8,8\na # 1,\nUnsqueeze x a -> u\np # 0,0,1,0,0,0,0,1,0,0\nv = 1\nPad u p v -> y",
      "it pads channels, supported are rows and columns" },
    { 17, "x 1,3,8,8\np # 0,0,2000000,0,0,0,0,0\nPad x p -> y", "pads 2000000 is outside -1048576..1048576" },
    { 17, "x 1,3,8,8\np # 0,0,-2000000,0,0,0,0,0\nPad x p -> y", "pads -2000000 is outside -1048576..1048576" },
    { 17, "x 1,3,8,8\np # 0,0,1,0,0,0,0,0\nv = 1,2\nPad x p v -> y", "a constant of 2 numbers stands where one" },
    { 18, "x 1,3,8,8\np # 1,1\na # 9,\nPad x p _ a -> y", "axis 9 is not in a value of 4 dimensions" },
    { 18, "x 1,3,8,8\na # 9,\nReduceMean x a -> y", "axis 9 is not in a value of 4 dimensions" },
    { 17, "x 1,3,8,8\nReduceMax x -> y", "it runs over channels or pictures" },
    { 17, "x 1,3,8,8\nReduceMax x -> y axes=2, keepdims=2", "keepdims is 2, taken are 0..1" },
    { 17, "x 1,3,8,8\nReduceMax x -> y noop_with_empty_axes=2", "noop_with_empty_axes is 2, taken are 0..1" },
    /* functions of one value */
    { 20, "x 1,3,8,8\nGelu x -> y approximate=most", "approximate is \"most\", it is none or tanh" },
    { 20, "x 1,3,8,8\nGelu x -> y approximate=1", "attribute approximate is of kind INT, not STRING" },
    { 24, "x 1,3,8,8\nSwish x -> y alpha=2.0", "alpha is 2, supported is 1 (SiLU)" },
    { 17, "x 1,3,8,8\nHardSigmoid x -> y beta=1", "attribute beta is of kind INT, not FLOAT" },
    { 17, "x 1,3,8,8\nSelu x -> y gamma=1", "attribute gamma is of kind INT, not FLOAT" },
    { 17, "x 1,3,8,8\nSelu x -> y alpha=1", "attribute alpha is of kind INT, not FLOAT" },
    { 17, "x 1,3,8,8\nk = 1\nMax x k k -> y", "it has 3 inputs, supported are a value of the picture and a constant" },
    { 17, "x 1,3,8,8\nMax x _ -> y", "it has 2 inputs, supported are a value of the picture and a constant" },
    { 17, "x 1,3,8,8\nk = 1,2\nMax k x -> y", "a constant of 2 numbers stands where one is needed" },
    { 17, "x 1,3,8,8\nk = 1,2\nMin x k -> y", "a constant of 2 numbers stands where one is needed" },
    { 17, "x 1,3,8,8\nk = 1,2\nClip x _ k -> y", "a constant of 2 numbers stands where one is needed" },
    { 17, "x 1,3,8,8\nk = nan\nClip x k -> y", "its limits are nan and inf" },
    { 17, "x 1,3,8,8\nk = 1,1\nDropout x _ k -> y", "a constant of 2 numbers stands where one is needed" },
    { 17, "x 1,3,8,8\nSoftmax x -> y axis=4", "axis 4 is not in a value of 4 dimensions" },
    { 11, "x 1,3,8,8\nSoftmax x -> y axis=1", "it runs over axis 1, supported are the channels" },
    /* arithmetic */
    { 17, "x 1,3,8,8\nk = 1\nAdd x k k -> y", "it has 3 inputs, it needs 2" },
    { 17, "x 1,3,8,8\nMaxPool x -> p kernel_shape=2,2\nAdd x p -> y", "its inputs have different shapes" },
    { 17, "x 1,3,8,8\nFlatten x -> p\nAdd x p -> y", "its inputs have different shapes" },
    { 17, "x 1,3,8,8\nMaxPool x -> p kernel_shape=2,2\nMul x p -> y", "its inputs have different shapes" },
    { 17, "x 1,3,8,8\nMaxPool x -> p kernel_shape=2,2\nSum x p -> y", "its inputs have different shapes" },
    { 17, "x 1,3,8,8\nk = 1\nSum x k -> y", "input 2 is a constant, supported is a value of the picture" },
    { 17, "x 1,3,8,8\nk = 0.5\nPow x k -> p\nDiv x p -> y", "it divides by a value of the picture" },
    { 17, "x 1,3,8,8\nk = 20\nGreater x k -> c\nRelu x -> r\nWhere c x r -> y",
      "it chooses between values of the picture" },
    { 17, "x 1,3,8,8\nk = 1\nGreater x k -> c\nSoftplus x -> r\nWhere c x r -> y",
      "it chooses between values of the picture" },
    { 17, "x 1,3,8,8\nk = 20\nGreater x k -> c\nTanh x -> t\nSoftplus t -> r\nWhere c x r -> y",
      "it chooses between values of the picture" },
    { 17, "x 1,3,8,8\nk = 20\nGreater x k -> c\nTanh x -> t\nSoftplus t -> r\nWhere c t r -> y",
      "it chooses between values of the picture" },
    { 17, "x 1,3,8,8\nk = 1,2\nGreater x k -> c\nSoftplus x -> r\nWhere c x r -> y",
      "a constant of 2 numbers stands where one is needed" },
    { 17, "x 1,3,8,8\nk = 0.5\nPow x k -> y", "it is supported only as part of" },
    { 17, "x 1,3,8,8\nk : 1,1,3,1,1\nAdd x k -> y", "its constant does not fit its input's shape" },
    { 17, "x 1,4\nk : 1,1,1,4\nAdd x k -> y", "its constant does not fit its input's shape" },
    /* the whole network */
    { 17, "x 1,3,8,8\nIdentity x -> y", "nothing is computed from its input" },
    { 18, "x 1,3,8,8\nReduceMean x -> y noop_with_empty_axes=1", "nothing is computed from its input" },
    { 17, "x 1,3,8,8\nk = 1,2,3\nSigmoid k -> s\nAdd x s -> y", "all its inputs are constants" },
    { 17, "x 1,1,60000,30000\nRelu x -> y", "its input of 60000x30000 pixels is larger than any picture that is read" },
    { 17, "x 1,\nRelu x -> y", "its input x has 1 dimensions" },
};

static void refusals(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char net[700];
        dcn_model m;
        dcn_status st;

        snprintf(net, sizeof net, "%d\n%s", refused[i].opset, refused[i].net);
        st = dcn_onnx_load(&m, save("corner.onnx", onnx_of(net)), NULL, &err);
        if (st != DCN_INPUT || err.status != st || !strstr(err.text, refused[i].sentence) || m.graph) {
            print_error("%s\n   status %d: %s\n   wanted %s\n", net, (int)st, st ? err.text : "", refused[i].sentence);
            failed++;
        }
        if (!st)
            dcn_model_clear(&m);
    }
    assert_int_equal(failed, 0);
}

static const struct { const char *what, *net, *text; } taken[] = {
    { "every axis but the batch", "17\nx 1,3,8,8\nGlobalMaxPool x -> g\nSqueeze g -> y",
      "x = input 8x8x3\ng = max_pool global\n" },
    { "backwards", "17\nx 1,3,2,2\ns # -1,\ne # -9,\na # 1,\nt # -1,\nSlice x s e a t -> y",
      "x = input 2x2x3\ny.slice = slice first=2 count=1\n"
      "y.slice_1 = slice x first=1 count=1\ny.slice_2 = slice x first=0 count=1\n"
      "y = concat y.slice y.slice_1 y.slice_2\n" },
    { "SiLU by its later name", "24\nx 1,3,2,2\nSwish x -> y alpha=1.0", "x = input 2x2x3\ny = silu\n" },
    { "a gate repeated by Expand", "17\nx 1,4,8,8\nGlobalAveragePool x -> g\nSigmoid g -> h\ns # 1,1,8,8\n"
      "Expand h s -> e\nMul x e -> y", "x = input 8x8x4\ng = avg_pool global\nh = sigmoid\ny = mul x h\n" },
    { "Expand that repeats nothing", "17\nx 1,4,8,8\nRelu x -> r\ns # 1,\nExpand r s -> e\nTanh e -> y",
      "x = input 8x8x4\nr = relu\ny = tanh\n" },
    { "padding as attributes", "10\nx 1,1,4,4\nPad x -> y pads=0,0,1,1,0,0,2,2 value=0.5",
      "x = input 4x4x1\ny = pad 1,1,2,2 value=0.5\n" },
    { "padding of named axes", "18\nx 1,1,4,4\np # 1,2\na # -1,\nv = 0.5\nPad x p v a -> y",
      "x = input 4x4x1\ny = pad 0,1,0,2 value=0.5\n" },
    { "two limits that are none", "17\nx 1,1,4,4\nClip x -> c\nRelu c -> y", "x = input 4x4x1\ny = relu\n" },
    { "a sum of one", "17\nx 1,1,4,4\nSum x -> c\nRelu c -> y", "x = input 4x4x1\ny = relu\n" },
    { "the larger of a constant and a value", "17\nx 1,1,4,4\nk = 0\nMax k x -> c\nm = 6\nMin m c -> y",
      "x = input 4x4x1\ny = clip\n" },
    { "softmax before opset 13", "11\nx 1,4\nSoftmax x -> y", "x = input 1x1x4\ny = softmax\n" },
    { "clip with attributes", "9\nx 1,1,4,4\nClip x -> y min=0.0 max=6.0", "x = input 4x4x1\ny = clip\n" },
    { "PyTorch's LRN",
      "17\nx 1,3,8,8\nMul x x -> q\na # 1,\nUnsqueeze q a -> u\np # 0,0,1,0,0,0,0,1,0,0\nPad u p -> w\n"
      "AveragePool w -> v kernel_shape=3,1,1 strides=1,1,1\nSqueeze v a -> s\nal = 0.5\nMul s al -> m\nk = 2\n"
      "Add m k -> n\nb = 0.75\nPow n b -> d\nDiv x d -> y",
      "x = input 8x8x3\ny = lrn size=3 alpha=0.5 k=2\n" },
    { "relu6(x + 3) / 6",
      "17\nx 1,1,4,4\nt = 3\nl = 0\nh = 6\nAdd x t -> a\nClip a l h -> c\nDiv c h -> y",
      "x = input 4x4x1\ny = hard_sigmoid alpha=0.16666667\n" },
    { "relu6(x + 3) * (1/6)",
      "17\nx 1,1,4,4\nt = 3\nl = 0\nh = 6\nk = 0.16666667\nAdd x t -> a\nClip a l h -> c\nMul c k -> y",
      "x = input 4x4x1\ny = hard_sigmoid alpha=0.16666667\n" },
    { "clips that are no hard sigmoid",
      "17\nx 1,1,4,4\nt = 3\nl = 0\nh = 6\ng = 5\nAdd x t -> a\nClip a l h -> c\nDiv c g -> d\nClip d l g -> e\n"
      "Div e h -> f\nClip f l h -> i\nDiv i h -> j\nAdd j h -> y",
      "x = input 4x4x1\na = scale\nc = clip\nd = scale\ne = clip max=5\nf = scale\ni = clip\ny = scale\n" },
    { "x * relu6(x + 3) / 6",
      "17\nx 1,1,4,4\nt = 3\nl = 0\nh = 6\nAdd x t -> a\nClip a l h -> c\nMul x c -> d\nDiv d h -> y",
      "x = input 4x4x1\nd = hard_swish\n" },
    { "sums that are no PReLU",
      "17\nx 1,3,4,4\nv = 0.25,0.5,-1\ns # 3,1,1\nReshape v s -> w\nRelu x -> p\nTanh x -> t\nMul t w -> m\n"
      "Add p m -> y",
      "x = input 4x4x3\np = relu\nt = tanh x\nm = scale\ny = add p m\n" },
    { "sums that are no PReLU: another x",
      "17\nx 1,3,4,4\nv = 0.25,0.5,-1\ns # 3,1,1\nReshape v s -> w\nRelu x -> p\nTanh x -> n\nRelu n -> r\n"
      "Mul r w -> m\nAdd p m -> y",
      "x = input 4x4x3\np = relu\nn = tanh x\nr = relu\nm = scale\ny = add p m\n" },
    { "GELU by erfc",
      "17\nx 1,1,4,4\nk = -0.70710678\nh = 0.5\nMul x k -> a\nErfc a -> b\nMul x b -> c\nMul c h -> y",
      "x = input 4x4x1\nc = gelu\n" },
    { "a gate of a batch",
      "17\nx 2,3,4,4\nGlobalAveragePool x -> g\nSigmoid g -> h\nMul x h -> y",
      "x = input 4x4x3\ng = avg_pool global\nh = sigmoid\ny = mul x h\n" },
    { "two gates",
      "17\nx 1,3,4,4\nGlobalAveragePool x -> g\nHardSigmoid g -> h\nMul h x -> a\nSoftmax g -> i axis=1\n"
      "Mul a i -> y",
      "x = input 4x4x3\ng = avg_pool global\nh = hard_sigmoid\na = mul x h\ni = softmax g\ny = mul a i\n" },
    { "names of torch.export",
      "17\nx 1,1,4,4\nRelu x -> y name=node_relu_1",
      "x = input 4x4x1\nrelu_1 = relu\n" },
    { "names with a port",
      "17\nx 1,1,4,4\nRelu x -> y name=relu:0",
      "x = input 4x4x1\nrelu = relu\n" },
    { "scopes",
      "17\nx 1,1,4,4\nRelu x -> a name=net/block/Relu_3\nTanh a -> b name=net/Tanh\n"
      "Sigmoid b -> c name=net/Sigmoid_12\nElu c -> d name=net/Elu_x\nRelu d -> e name=net/act__7",
      "x = input 4x4x1\nblock = relu\ntanh = tanh\nsigmoid_12 = sigmoid\nelu = elu\nrelu_7 = relu\n" },
    { "one name for all",
      "17\nx 1,1,4,4\nRelu x -> a name=n\nTanh a -> b name=n\nTanh b -> c name=n\nTanh c -> d name=n\n"
      "Tanh d -> e name=n\nTanh e -> f name=n\nTanh f -> g name=n\nTanh g -> h name=n\nTanh h -> i name=n",
      "x = input 4x4x1\nn = relu\nn.tanh = tanh\nn.tanh_1 = tanh\nn.tanh_2 = tanh\nn.tanh_3 = tanh\n"
      "n.tanh_4 = tanh\nn.tanh_5 = tanh\nn.tanh_6 = tanh\nn.tanh_7 = tanh\n" },
    { "names of weights",
      "17\nx 1,1,4,4\nfeat_weight : 1,1,1,1\nConv x feat_weight -> y",
      "x = input 4x4x1\nfeat = conv filters=1 kernel=1 pad=0,0,0,0 bias=no\n" },
    { "names without a module",
      "17\nx 1,1,4,4\nRelu x -> y name=/Relu\nTanh y -> z name=/Tanh_1",
      "x = input 4x4x1\nrelu = relu\ntanh_1 = tanh\n" },
    { "pools of rows alone",
      "17\nx 1,3,4,8\nReduceMean x -> y axes=2, keepdims=1",
      "x = input 4x8x3\ny = avg_pool 4x1 pad=valid\n" },
    { "pools of columns alone",
      "17\nx 1,3,4,8\nReduceMax x -> y axes=3, keepdims=0\na # 3,\nUnsqueeze y a -> z\nRelu z -> w",
      "x = input 4x8x3\ny = max_pool 1x8 pad=valid\nw = relu\n" },
    { "padding of pictures with channels last",
      "17\nx 1,8,8,3\nTranspose x -> t perm=0,3,1,2\nTranspose t -> l perm=0,2,3,1\np # 0,1,2,0,0,1,2,0\n"
      "Pad l p -> q\nTranspose q -> y perm=0,3,1,2\nRelu y -> z",
      "x = input 8x8x3\nq = pad 1,2,1,2\nz = relu\n" },
    { "Keras's PReLU",
      "17\nx 1,3,4,4\nv = -0.25,-0.5,1\ns # 3,1,1\nReshape v s -> w\nNeg x -> n\nRelu n -> r\nMul r w -> m\n"
      "Relu x -> p\nAdd p m -> y",
      "x = input 4x4x3\ny = prelu\n" },
    { "Keras's PReLU, the other way round",
      "17\nx 1,3,4,4\nv = -0.25,-0.5,1\ns # 3,1,1\nReshape v s -> w\nNeg x -> n\nRelu n -> r\nMul r w -> m\n"
      "Relu x -> p\nAdd m p -> y",
      "x = input 4x4x3\ny = prelu\n" },
    { "one slope for all channels", "17\nx 1,3,4,4\ns = 0.25,\nPRelu x s -> y",
      "x = input 4x4x3\ny = leaky_relu slope=0.25\n" },
};

static void forms(void **state)
{
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        char text[600] = "";
        dcn_model m;
        const dcn_status st = dcn_onnx_load(&m, save("corner.onnx", onnx_of(taken[i].net)), NULL, &err);

        if (!st)
            dcn_graph_text(m.graph, text, sizeof text);
        if (st || strcmp(text, taken[i].text) != 0) {
            print_error("%s\n%s   status %d: %s\n", taken[i].what, text, (int)st, st ? err.text : "");
            failed++;
        }
        if (!st)
            dcn_model_clear(&m);
    }
    assert_int_equal(failed, 0);
}

static void refuse(bytes model, dcn_status status, const char *part)
{
    dcn_model m;

    assert_refused(dcn_onnx_load(&m, save("corner.onnx", model), NULL, &err), status, part);
    assert_null(m.graph);
}

/* x 1,C and one node. */
static bytes one_node(bytes node, int64_t channels)
{
    bytes graph = { 0 };

    put_message(&graph, 11, make_info("x", 2, (int64_t[]){ 1, channels }));
    put_message(&graph, 1, node);
    put_message(&graph, 12, make_info("y", 2, (int64_t[]){ -1, -1 }));
    return graph;
}

static void many(void **state)
{
    enum { PARTS = 40000 };
    char *list = malloc(2 * PARTS + 1), outputs[65 * 5 + 1] = "";
    bytes node;

    (void)state;
    assert_non_null(list);
    for (int i = 0; i < PARTS; i++)
        memcpy(list + 2 * i, "x ", 3);
    node = make_node("Concat", list, "y ");
    free(list);
    add_attribute(&node, "axis", "1");
    refuse(make_model(one_node(node, 65536)), DCN_INPUT, "it joins too many channels");
    for (int i = 0; i < 65; i++)
        snprintf(outputs + strlen(outputs), sizeof outputs - strlen(outputs), i ? "y%d " : "y ", i);
    node = make_node("Split", "x ", outputs);
    add_attribute(&node, "axis", "1");
    refuse(make_model(one_node(node, 130)), DCN_INPUT, "it has 65 outputs, at most 64 are supported");
}

/* What the lines of model_onnx_net.h cannot say. */
static void by_hand(void **state)
{
    bytes node = make_node("LeakyRelu", "x ", "y "), a = { 0 }, model, function = { 0 };

    (void)state;
    put_text(&a, 1, "alpha");
    put_float(&a, 2, __builtin_nanf(""));
    put_int(&a, 20, DCN__ONNX_A_FLOAT);
    put_message(&node, 5, a);
    refuse(make_model(one_node(node, 4)), DCN_INPUT, "alpha is not a number");
    node = make_node("LeakyRelu", "x ", "y ");
    a = (bytes){ 0 };
    put_text(&a, 1, "alpha");
    put_int(&a, 20, DCN__ONNX_A_FLOAT);
    put_text(&a, 21, "slope");
    put_message(&node, 5, a);
    refuse(make_model(one_node(node, 4)), DCN_INPUT, "attribute alpha refers to slope of a function");
    model = make_model(one_node(make_node("Relu", "x ", "y "), 4));
    put_text(&function, 1, "Relu");
    put_message(&model, 25, function);
    refuse(model, DCN_INPUT, "a function of the file itself is not supported");
}

/* Texts where numbers belong. */
static void constants_of_texts(void **state)
{
    static const char *const nodes[] = { "Reshape", "Add", "Abs" };
    static const char *const say[] = { "node y (Reshape): a list of at most 8 whole numbers is needed; correct the file",
                                      "node y (Add): its constant is of type STRING, numbers are needed; correct",
                                      "node k (Abs): its constant is of type STRING, numbers are needed; correct" };

    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        bytes graph = one_node(make_node(nodes[i], i < 2 ? "x t " : "t ", i < 2 ? "y " : "k "), 4), t = { 0 };

        t = make_tensor("t", 8, 1, (int64_t[]){ 1 });
        put_text(&t, 6, "text");
        put_message(&graph, 5, t);
        if (i == 2)
            put_message(&graph, 1, make_node("Add", "x k ", "y "));
        refuse(make_model(graph), DCN_INPUT, say[i]);
    }
}

/* A picture of whole numbers. */
static void type_of_the_input(void **state)
{
    bytes graph = { 0 }, info = { 0 }, shape = { 0 }, tensor = { 0 }, type = { 0 };

    (void)state;
    for (int i = 0; i < 2; i++) {
        bytes dim = { 0 };

        put_int(&dim, 1, i ? 4 : 1);
        put_message(&shape, 1, dim);
    }
    put_int(&tensor, 1, DCN__ONNX_INT64);
    put_message(&tensor, 2, shape);
    put_message(&type, 1, tensor);
    put_text(&info, 1, "x");
    put_message(&info, 2, type);
    put_message(&graph, 11, info);
    put_message(&graph, 1, make_node("Relu", "x ", "y "));
    put_message(&graph, 12, make_info("y", 2, (int64_t[]){ 1, 4 }));
    refuse(make_model(graph), DCN_INPUT, "its input x is of type INT64, supported are floats");
}

/* The same weights in so many layers that no machine holds them. */
static void more_than_the_memory(void **state)
{
    const size_t bytes_a_layer = (size_t)512 * 512 * 9 * 4;
    const size_t layers = dcn__physical_memory() / bytes_a_layer + 2;
    bytes graph = { 0 };
    char in[32], out[32];

    (void)state;
    if (layers > 90000)
        return;                      /* 100,000 nodes are the limit */
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ 1, 512, 1, 1 }));
    add_tensor(&graph, "w", ':', "512,512,3,3");
    for (size_t i = 0; i < layers; i++) {
        bytes node;

        snprintf(in, sizeof in, i ? "v%zu w " : "x w ", i);
        snprintf(out, sizeof out, "v%zu ", i + 1);
        node = make_node("Conv", in, out);
        add_attribute(&node, "pads", "1,1,1,1");
        put_message(&graph, 1, node);
    }
    snprintf(out, sizeof out, "v%zu", layers);
    put_message(&graph, 12, make_info(out, 4, (int64_t[]){ 1, 512, 1, 1 }));
    refuse(make_model(graph), DCN_MEMORY, "use a machine with more memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals), cmocka_unit_test(forms), cmocka_unit_test(many), cmocka_unit_test(by_hand),
        cmocka_unit_test(constants_of_texts),
        cmocka_unit_test(type_of_the_input), cmocka_unit_test(more_than_the_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
