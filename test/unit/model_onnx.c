/* model_onnx.c - ONNX networks imported: each operator in the forms that exporters write, as the
 * network's text; where its numbers come from; names, sizes, metadata. Refusals:
 * model_onnx_refused.c. Whether the numbers are right: test/peers. */
#include "model_onnx_net.h"

#include "base/memory.h"

#include <math.h>

/* A network's lines (model_onnx_net.h), and what becomes of it. */
static const struct { const char *what, *net, *text; } cases[] = {
    { "convolution: pads as top, left, bottom, right; strides; groups; no bias",
      "17\n"
      "x 1,4,9,7\n"
      "w : 6,2,3,5\n"
      "b : 6\n"
      "Conv x w b -> y strides=2,1 pads=1,2,0,1 dilations=1,1 group=2 kernel_shape=3,5\n",
      "x = input 9x7x4\n"
      "y = conv filters=6 kernel=3x5 stride=2x1 pad=1,2,0,1 groups=2\n" },
    { "auto_pad in all its forms",
      "17\n"
      "x 1,3,8,8\n"
      "w : 3,3,3,3\n"
      "v : 3,3,2,2\n"
      "Conv x w -> a auto_pad=SAME_UPPER strides=2,2\n"
      "Conv a v -> b auto_pad=SAME_LOWER\n"
      "Conv b v -> c auto_pad=VALID\n"
      "Conv c v -> d auto_pad=NOTSET pads=0,1,0,1\n",
      "x = input 8x8x3\n"
      "a = conv filters=3 kernel=3 stride=2 bias=no\n"
      "b = conv filters=3 kernel=2 pad=1,1,0,0 bias=no\n"
      "c = conv filters=3 kernel=2 pad=valid bias=no\n"
      "d = conv filters=3 kernel=2 pad=0,1,0,1 bias=no\n" },
    { "more padding than the kernel sees",
      "17\n"
      "x 1,3,4,4\n"
      "w : 2,3,1,1\n"
      "Conv x w -> y pads=1,1,1,1\n",
      "x = input 4x4x3\n"
      "y.pad = pad 1,1,1,1\n"
      "y = conv filters=2 kernel=1 pad=valid bias=no\n" },
    { "pools",
      "17\n"
      "x 1,3,9,9\n"
      "MaxPool x -> a kernel_shape=3,3 strides=2,2 ceil_mode=1 pads=1,1,0,0\n"
      "AveragePool a -> b kernel_shape=2,2\n"
      "AveragePool b -> c kernel_shape=2,2 strides=2,2 count_include_pad=1 pads=1,1,1,1\n"
      "MaxPool c -> d kernel_shape=2,1 dilations=2,1 auto_pad=VALID\n"
      "GlobalMaxPool d -> e\n",
      "x = input 9x9x3\n"
      "a = max_pool 3x3 stride=2 pad=1,1,0,0 ceil=yes\n"
      "b = avg_pool 2x2 stride=1 pad=0,0,0,0\n"
      "c = avg_pool 2x2 pad=1,1,1,1 count_pad=yes\n"
      "d = max_pool 2x1 stride=1 pad=valid dilation=2x1\n"
      "e = max_pool global\n" },
    { "pools with auto_pad",
      "13\n"
      "x 1,3,9,9\n"
      "MaxPool x -> a kernel_shape=3,3 strides=2,2 auto_pad=SAME_LOWER\n"
      "AveragePool a -> b kernel_shape=2,2 auto_pad=SAME_UPPER ceil_mode=1\n",
      "x = input 9x9x3\n"
      "a = max_pool 3x3 stride=2 pad=1,1,1,1\n"
      "b = avg_pool 2x2 stride=1\n" },
    { "means over rows and columns, of every label",
      "13\n"
      "x 1,3,4,5\n"
      "ReduceMean x -> a axes=2,3 keepdims=0\n",
      "x = input 4x5x3\n"
      "a = avg_pool global\n" },
    { "one of two",
      "18\n"
      "x 1,3,4,5\n"
      "ax # -1,\n"
      "ReduceMax x ax -> a keepdims=1\n",
      "x = input 4x5x3\n"
      "a = max_pool 1x5 pad=valid\n" },
    { "of a transposed value",
      "13\n"
      "x 1,3,4,5\n"
      "Relu x -> r\n"
      "Transpose r -> t perm=0,2,3,1\n"
      "ReduceMean t -> a axes=1,2\n"
      "Flatten a -> f\n",
      "x = input 4x5x3\n"
      "r = relu\n"
      "a = avg_pool global\n" },
    { "dense layers",
      "13\n"
      "x 1,6\n"
      "w : 6,4\n"
      "v : 5,4\n"
      "b : 4\n"
      "c = 1,2,3,4,5\n"
      "MatMul x w -> a\n"
      "Add a b -> d\n"
      "Relu d -> e\n"
      "Gemm e v c -> f transB=1 alpha=2.0 beta=0.5\n",
      "x = input 1x1x6\n"
      "a = dense units=4\n"
      "e = relu\n"
      "f = dense units=5\n" },
    { "a matrix at every place is a convolution",
      "13\n"
      "x 1,4,5,3\n"
      "w : 4,2\n"
      "Relu x -> r\n"
      "Transpose r -> t perm=0,2,3,1\n"
      "MatMul t w -> y\n",
      "x = input 5x3x4\n"
      "r = relu\n"
      "y = conv filters=2 kernel=1 bias=no\n" },
    { "channels last, as Keras writes it",
      "13\n"
      "x -1,6,5,3\n"
      "w : 4,3,3,3\n"
      "b : 4\n"
      "k : 48,2\n"
      "Transpose x -> t perm=0,3,1,2\n"
      "Conv t w -> c\n"
      "Transpose c -> u perm=0,2,3,1\n"
      "Add u b -> a\n"
      "Relu a -> r\n"
      "s # -1,48\n"
      "Reshape r s -> f\n"
      "MatMul f k -> y\n",
      "x = input 6x5x3\n"
      "c = conv filters=4 kernel=3 pad=0,0,0,0\n"
      "r = relu\n"
      "y = dense units=2 bias=no\n" },
    { "numbers a channel: one scale for all of them",
      "13\n"
      "x 1,3,4,4\n"
      "m : 3,1,1\n"
      "a : 1,3,1,1\n"
      "Mul x m -> p\n"
      "Add p a -> q\n"
      "Sub q m -> r\n"
      "k = 2\n"
      "Div r k -> s\n"
      "Sub k s -> t\n"
      "Neg t -> u\n",
      "x = input 4x4x3\n"
      "u = scale\n" },
    { "seen by another: two scales",
      "13\n"
      "x 1,3,4,4\n"
      "m : 3,1,1\n"
      "Mul x m -> p\n"
      "Add p m -> q\n"
      "Add p q -> r\n",
      "x = input 4x4x3\n"
      "p = scale\n"
      "q = scale\n"
      "r = add p q\n" },
    { "batch norms",
      "9\n"
      "x 1,3,4,4\n"
      "g = 1,2,3\n"
      "v = 4,5,6\n"
      "Relu x -> r\n"
      "BatchNormalization r g g g v -> y epsilon=0.01 momentum=0.9\n",
      "x = input 4x4x3\n"
      "r = relu\n"
      "y = batch_norm\n" },
    { "limits",
      "10\n"
      "x 1,3,4,4\n"
      "Clip x -> a min=0.0 max=6.0\n"
      "Conv a w -> b\n"
      "w : 3,3,1,1\n"
      "Clip b -> c min=-1.0 max=1.0\n"
      "Conv c w -> d\n"
      "Clip d -> e max=2.5\n"
      "Conv e w -> f\n"
      "Clip f -> g min=0.0\n",
      "x = input 4x4x3\n"
      "a = clip\n"
      "b = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "c = hard_tanh\n"
      "d = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "e = hard_tanh min=-1e+30 max=2.5\n"
      "f = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "g = relu\n" },
    { "limits as inputs, and one after another",
      "13\n"
      "x 1,3,4,4\n"
      "zero = 0\n"
      "six = 6\n"
      "w : 3,3,1,1\n"
      "Clip x zero six -> a\n"
      "Conv a w -> b\n"
      "Clip b _ six -> c\n"
      "Conv c w -> d\n"
      "Relu d -> e\n"
      "Min e six -> f\n"
      "Conv f w -> g\n"
      "Max six g -> h\n"
      "Conv h w -> i\n"
      "Clip i -> j\n",
      "x = input 4x4x3\n"
      "a = clip\n"
      "b = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "c = hard_tanh min=-1e+30 max=6\n"
      "d = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "f = clip\n"
      "g = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "h = hard_tanh min=6 max=1e+30\n"
      "i = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n" },
    { "activations",
      "20\n"
      "x 1,3,4,4\n"
      "Sigmoid x -> a\n"
      "Tanh a -> b\n"
      "HardSigmoid b -> c\n"
      "HardSigmoid c -> d alpha=0.25 beta=0.75\n"
      "HardSwish d -> e\n"
      "Elu e -> f\n"
      "Selu f -> g\n"
      "LeakyRelu g -> h\n"
      "LeakyRelu h -> i alpha=0.3\n"
      "Softplus i -> j\n"
      "Mish j -> k\n"
      "Gelu k -> l\n"
      "Gelu l -> m approximate=tanh\n",
      "x = input 4x4x3\n"
      "a = sigmoid\n"
      "b = tanh\n"
      "c = hard_sigmoid\n"
      "d = hard_sigmoid alpha=0.25 beta=0.75\n"
      "e = hard_swish\n"
      "f = elu\n"
      "g = selu\n"
      "h = leaky_relu\n"
      "i = leaky_relu slope=0.3\n"
      "j = softplus\n"
      "k = mish\n"
      "l = gelu\n"
      "m = gelu tanh=yes\n" },
    { "prelu: a slope a channel, and one",
      "13\n"
      "x 1,3,4,4\n"
      "s : 3,1,1\n"
      "o = 0.5\n"
      "PRelu x s -> a\n"
      "PRelu a o -> b\n",
      "x = input 4x4x3\n"
      "a = prelu\n"
      "b = leaky_relu slope=0.5\n" },
    { "activations written out",
      "13\n"
      "x 1,3,4,4\n"
      "w : 3,3,1,1\n"
      "three = 3\n"
      "six = 6\n"
      "Sigmoid x -> a\n"
      "Mul a x -> silu\n"
      "Conv silu w -> c1\n"
      "Add c1 three -> d\n"
      "Clip d zero six -> e\n"
      "zero = 0\n"
      "Mul c1 e -> f\n"
      "Div f six -> hswish\n"
      "Conv hswish w -> c2\n"
      "HardSigmoid c2 -> g alpha=0.16666667 beta=0.5\n"
      "Mul c2 g -> hswish2\n"
      "Conv hswish2 w -> c3\n"
      "Softplus c3 -> h\n"
      "Tanh h -> i\n"
      "Mul c3 i -> mish\n"
      "Conv mish w -> c4\n"
      "Add c4 three -> j\n"
      "Clip j zero six -> k\n"
      "Mul k sixth -> hsigmoid\n"
      "sixth = 0.16666667\n",
      "x = input 4x4x3\n"
      "silu = silu\n"
      "c1 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "f = hard_swish\n"
      "c2 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "hswish2 = hard_swish\n"
      "c3 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "mish = mish\n"
      "c4 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "hsigmoid = hard_sigmoid alpha=0.16666667\n" },
    { "gelu written out",
      "13\n"
      "x 1,3,4,4\n"
      "w : 3,3,1,1\n"
      "root = 1.41421356\n"
      "one = 1\n"
      "half = 0.5\n"
      "Div x root -> a\n"
      "Erf a -> b\n"
      "Add b one -> c\n"
      "Mul x c -> d\n"
      "Mul d half -> e\n"
      "Conv e w -> y\n"
      "p = 0.044715\n"
      "q = 0.797884561\n"
      "three = 3\n"
      "Pow y three -> f\n"
      "Mul f p -> g\n"
      "Add y g -> h\n"
      "Mul h q -> i\n"
      "Tanh i -> j\n"
      "Add j one -> k\n"
      "Mul y half -> l\n"
      "Mul l k -> z\n",
      "x = input 4x4x3\n"
      "d = gelu\n"
      "y = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "z = gelu tanh=yes\n" },
    { "softplus with a threshold",
      "13\n"
      "x 1,3,4,4\n"
      "t = 20\n"
      "Softplus x -> a\n"
      "Greater x t -> b\n"
      "Where b x a -> c\n",
      "x = input 4x4x3\n"
      "a = softplus\n" },
    { "prelu as Keras writes it",
      "13\n"
      "x 1,3,4,4\n"
      "s : 3,1,1\n"
      "Relu x -> a\n"
      "Neg x -> b\n"
      "Relu b -> c\n"
      "Mul c s -> d\n"
      "Add a d -> e\n",
      "x = input 4x4x3\n"
      "e = prelu\n" },
    { "gates",
      "13\n"
      "x 1,4,5,5\n"
      "w : 4,4,1,1\n"
      "GlobalAveragePool x -> a\n"
      "Sigmoid a -> g\n"
      "Mul g x -> b\n"
      "Conv b w -> c\n"
      "Mul b c -> d\n"
      "Tanh c -> e\n"
      "Mul e d -> f\n",
      "x = input 5x5x4\n"
      "a = avg_pool global\n"
      "g = sigmoid\n"
      "b = mul x g\n"
      "c = conv filters=4 kernel=1 pad=0,0,0,0 bias=no\n"
      "d = mul b c\n"
      "e = tanh c\n"
      "f = mul e d\n" },
    { "shuffles and parts",
      "13\n"
      "x 1,12,4,4\n"
      "s # 0,3,4,4,4\n"
      "t # 0,12,4,4\n"
      "Reshape x s -> a\n"
      "Transpose a -> b perm=0,2,1,3,4\n"
      "Reshape b t -> c\n"
      "two # 4,8\n"
      "Split c two -> d e axis=1\n"
      "Concat e d -> f axis=1\n",
      "x = input 4x4x12\n"
      "d.shuffle = shuffle groups=3\n"
      "d.slice = slice first=0 count=4\n"
      "d.slice_1 = slice d.shuffle first=4 count=8\n"
      "f = concat d.slice_1 d.slice\n" },
    { "slices: channels, rows, backwards",
      "13\n"
      "x 1,6,5,5\n"
      "s # 1,1\n"
      "e # 4,9223372036854775807\n"
      "ax # 1,2\n"
      "Slice x s e ax -> a\n"
      "i # 2,1,0\n"
      "Gather a i -> b axis=1\n"
      "c # 1\n"
      "Gather b c -> d axis=-3\n"
      "ax1 # 1,\n"
      "Unsqueeze d ax1 -> f\n"
      "Relu f -> g\n",
      "x = input 5x5x6\n"
      "a.slice = slice first=1 count=3\n"
      "a = pad -1,0,0,0\n"
      "b.slice = slice first=2 count=1\n"
      "b.slice_1 = slice a first=1 count=1\n"
      "b.slice_2 = slice a first=0 count=1\n"
      "b = concat b.slice b.slice_1 b.slice_2\n"
      "d = slice first=1 count=1\n"
      "g = relu\n" },
    { "joins of lists",
      "13\n"
      "x 1,4,3,3\n"
      "GlobalAveragePool x -> a\n"
      "Flatten a -> b\n"
      "GlobalMaxPool x -> c\n"
      "Flatten c -> d\n"
      "Concat b d -> e axis=1\n"
      "w : 8,2\n"
      "MatMul e w -> y\n",
      "x = input 3x3x4\n"
      "a = avg_pool global\n"
      "c = max_pool x global\n"
      "e = concat a c\n"
      "y = dense units=2 bias=no\n" },
    { "lists of cells are joined in the file's order",
      "13\n"
      "x 1,4,3,5\n"
      "Relu x -> r\n"
      "Flatten r -> b\n"
      "Sigmoid x -> c\n"
      "Flatten c -> d\n"
      "Concat b d -> e axis=1\n",
      "x = input 3x5x4\n"
      "r = relu\n"
      "c = sigmoid x\n"
      "e.reshape = reshape r 1x1x60\n"
      "e.reshape_1 = reshape c 1x1x60\n"
      "e = concat e.reshape e.reshape_1\n" },
    { "a list becomes a map",
      "13\n"
      "x 1,8\n"
      "w : 8,12\n"
      "MatMul x w -> a\n"
      "s # -1,3,2,2\n"
      "Reshape a s -> b\n"
      "k : 2,3,2,2\n"
      "Conv b k -> c\n",
      "x = input 1x1x8\n"
      "a = dense units=12 bias=no\n"
      "c.reshape = reshape 2x2x3\n"
      "c = conv filters=2 kernel=2 pad=0,0,0,0 bias=no\n" },
    { "padding",
      "13\n"
      "x 1,3,4,4\n"
      "p # 0,0,1,2,0,0,3,4\n"
      "v = 1.5\n"
      "Pad x p v -> y\n",
      "x = input 4x4x3\n"
      "y = pad 1,2,3,4 value=1.5\n" },
    { "padding, the old and the new way",
      "10\n"
      "x 1,3,4,4\n"
      "Pad x -> y pads=0,0,1,0,0,0,1,0 mode=constant value=2.0\n",
      "x = input 4x4x3\n"
      "y = pad 1,0,1,0 value=2\n" },
    { "padding of named axes",
      "18\n"
      "x 1,3,4,4\n"
      "p # 1,-1\n"
      "v = 0\n"
      "ax # 3,\n"
      "Pad x p v ax -> y\n",
      "x = input 4x4x3\n"
      "y = pad 0,1,0,-1\n" },
    { "local response norm",
      "13\n"
      "x 1,8,4,4\n"
      "LRN x -> y size=5 alpha=0.001 beta=0.75 bias=2.0\n",
      "x = input 4x4x8\n"
      "y = lrn size=5 alpha=0.001 k=2\n" },
    { "softmax over one axis, and over all that follow",
      "13\n"
      "x 1,3,4,4\n"
      "Softmax x -> y axis=1\n",
      "x = input 4x4x3\n"
      "y = softmax\n" },
    { "softmax before opset 13",
      "11\n"
      "x 1,3,4,4\n"
      "GlobalAveragePool x -> g\n"
      "Softmax g -> y\n",
      "x = input 4x4x3\n"
      "g = avg_pool global\n"
      "y = softmax\n" },
    { "softmax over a list of cells",
      "13\n"
      "x 1,2,2,2\n"
      "Relu x -> r\n"
      "Flatten r -> f\n"
      "LogSoftmax f -> y\n",
      "x = input 2x2x2\n"
      "r = relu\n"
      "y.reshape = reshape 1x1x8\n"
      "y = log_softmax\n" },
    { "sums",
      "13\n"
      "x 1,3,4,4\n"
      "Relu x -> a\n"
      "Tanh x -> b\n"
      "Sum x a b -> c\n"
      "Sub c a -> d\n",
      "x = input 4x4x3\n"
      "a = relu\n"
      "b = tanh x\n"
      "c = add x a b\n"
      "d.scale = scale a\n"
      "d = add c d.scale\n" },
    { "constants folded: the shape's own arithmetic",
      "13\n"
      "x -1,4,6,6\n"
      "Shape x -> s\n"
      "zero # 0\n"
      "Gather s zero -> n\n"
      "ax # 0,\n"
      "Unsqueeze n ax -> n1\n"
      "minus # -1,\n"
      "Concat n1 minus -> t axis=0\n"
      "Reshape x t -> f\n"
      "w : 144,2\n"
      "Gemm f w -> y\n",
      "x = input 6x6x4\n"
      "y = dense units=2 bias=no\n" },
    { "dropout and identities, in all forms",
      "13\n"
      "x 1,3,4,4\n"
      "r = 0.5\n"
      "f # 0\n"
      "Dropout x r -> a\n"
      "Identity a -> b\n"
      "Cast b -> c to=1\n"
      "Relu c -> d\n",
      "x = input 4x4x3\n"
      "d = relu\n" },
    { "dead ends are dropped, even of unknown operators",
      "13\n"
      "x 1,3,4,4\n"
      "Mystery x -> a\n"
      "Relu x -> b\n",
      "x = input 4x4x3\n"
      "b = relu\n" },
    { "a batch of three in the file",
      "13\n"
      "x 3,2,4,4\n"
      "s # 3,32\n"
      "Reshape x s -> a\n"
      "w : 32,2\n"
      "MatMul a w -> y\n",
      "x = input 4x4x2\n"
      "y = dense units=2 bias=no\n" },
    { "grey pictures without a channel",
      "13\n"
      "x -1,6,5\n"
      "Flatten x -> a\n"
      "w : 30,4\n"
      "MatMul a w -> y\n",
      "x = input 6x5x1\n"
      "y = dense units=4 bias=no\n" },
    { "names: the module's path, what is taken already",
      "13\n"
      "x 1,3,4,4\n"
      "layer1.0.conv1.weight : 3,3,1,1\n"
      "w : 3,3,1,1\n"
      "Conv x layer1.0.conv1.weight -> a name=/whatever/Conv\n"
      "Conv a w -> b name=/layer1/layer1.0/conv2/Conv\n"
      "Relu b -> c name=/layer1/layer1.0/relu/Relu\n"
      "Tanh c -> d2 name=/layer1/layer1.0/relu_1/Relu\n"
      "Add d2 b -> d name=/layer1/layer1.0/Add\n"
      "Conv d layer1.0.conv1.weight -> e name=/again/Conv\n"
      "Sigmoid e -> f name=/layer1/layer1.0/conv2/Sigmoid\n",
      "x = input 4x4x3\n"
      "layer1.0.conv1 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "layer1.0.conv2 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "layer1.0.relu = relu\n"
      "layer1.0.relu_1 = tanh\n"
      "layer1.0.add = add layer1.0.relu_1 layer1.0.conv2\n"
      "layer1.0.conv1_1 = conv filters=3 kernel=1 pad=0,0,0,0 bias=no\n"
      "layer1.0.conv2.sigmoid = sigmoid\n" },
};

static void texts(void **state)
{
    char text[4096];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dcn_model m = load_net(cases[i].net);

        dcn_graph_text(m.graph, text, sizeof text);
        if (strcmp(text, cases[i].text) != 0)
            fail_msg("%s:\n%s\nwanted\n%s\ngot\n%s", cases[i].what, cases[i].net, cases[i].text,
                     text);
        dcn_model_clear(&m);
    }
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void weights_are(const char *net, const char *name, int n, const double *wanted)
{
    dcn_model m = load_net(net);
    dcn_weight_info w = { 0 };
    int i = 0;

    for (; i < dcn_graph_weight_count(m.graph); i++) {
        dcn_graph_weight_info(m.graph, i, &w);
        if (strcmp(w.name, name) == 0)
            break;
    }
    if (i == dcn_graph_weight_count(m.graph) || w.count != n)
        fail_msg("%s is not there or has %lld numbers\n%s", name, (long long)w.count, net);
    for (int k = 0; k < n; k++)
        if (fabs((double)w.data[k] - wanted[k]) > 1e-6 * (1 + fabs(wanted[k])))
            fail_msg("%s[%d] is %g, not %g\n%s", name, k, (double)w.data[k], wanted[k], net);
    dcn_model_clear(&m);
}
#define WEIGHTS(net, name, ...) \
    weights_are(net, name, (int)(sizeof((double[]){ __VA_ARGS__ }) / sizeof(double)), \
                (double[]){ __VA_ARGS__ })

/* Element i of the tensors that the lines make. */
static double element(int i)
{
    return ((i * 7 + 3) % 11 - 5) / 8.0;
}

static void convolution_weights(void **state)
{
    double hwio[2 * 3 * 2 * 4];

    (void)state;
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            for (int p = 0; p < 6; p++)
                hwio[(p * 2 + i) * 4 + o] = element((o * 2 + i) * 6 + p);
    weights_are("17\nx 1,2,5,5\nw : 4,2,2,3\nConv x w -> y", "y.weight", 48, hwio);
    /* Twice as large: numbers of the file's own nodes. */
    for (int i = 0; i < 48; i++)
        hwio[i] *= 2;
    weights_are("17\nx 1,2,5,5\nw : 4,2,2,3\nk = 2\nMul w k -> v\nConv x v -> y", "y.weight", 48, hwio);
    /* Turned by a node: outputs stand between the rows, or behind them. */
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            for (int p = 0; p < 6; p++)
                hwio[(p * 2 + i) * 4 + o] = element((i * 4 + o) * 6 + p);
    weights_are("17\nx 1,2,5,5\nw : 2,4,2,3\nTranspose w -> t perm=1,0,2,3\nConv x t -> y", "y.weight", 48, hwio);
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            for (int p = 0; p < 6; p++)
                hwio[(p * 2 + i) * 4 + o] = element((i * 6 + p) * 4 + o);
    weights_are("17\nx 1,2,5,5\nw : 2,2,3,4\nTranspose w -> t perm=3,0,1,2\nConv x t -> y", "y.weight", 48, hwio);
}

static void dense_weights(void **state)
{
    double matrix[12 * 2];

    (void)state;
    /* (C,H,W) of the file against (H,W,C) here; C = 3, H = W = 2. */
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 4; p++)
            for (int u = 0; u < 2; u++)
                matrix[(p * 3 + c) * 2 + u] = element((c * 4 + p) * 2 + u);
    weights_are("17\nx 1,3,2,2\nRelu x -> r\nFlatten r -> f\nw : 12,2\nMatMul f w -> y", "y.weight",
                24, matrix);
    for (int c = 0; c < 3; c++)
        for (int p = 0; p < 4; p++)
            for (int u = 0; u < 2; u++)
                matrix[(p * 3 + c) * 2 + u] = 2 * element(u * 12 + c * 4 + p);
    weights_are("17\nx 1,3,2,2\nRelu x -> r\nFlatten r -> f\nw : 2,12\nb = 1,2\n"
                "Gemm f w b -> y transB=1 alpha=2.0 beta=3.0", "y.weight", 24, matrix);
    WEIGHTS("17\nx 1,3,2,2\nRelu x -> r\nFlatten r -> f\nw : 2,12\nb = 1,2\n"
            "Gemm f w b -> y transB=1 alpha=2.0 beta=3.0", "y.bias", 3, 6);
    WEIGHTS("17\nx 1,2\nw = 1,2\ns # 2,1\nReshape w s -> v\nb = 0.5\nGemm x v b -> y", "y.weight",
            1, 2);
    WEIGHTS("17\nx 1,2\nw = 1,2\ns # 2,1\nReshape w s -> v\nb = 0.5\nGemm x v b -> y", "y.bias",
            0.5);
    /* A matrix that stands in the file the other way round and is turned by a node. */
    for (int k = 0; k < 3; k++)
        for (int u = 0; u < 2; u++)
            matrix[k * 2 + u] = element(u * 3 + k);
    weights_are("17\nx 1,3\nw : 2,3\nTranspose w -> t\nMatMul x t -> y", "y.weight", 6, matrix);
}

static void scale_weights(void **state)
{
    (void)state;
    /* ((x * m + a) - m) / 2, then 2 - that, then its negative */
#define CHAIN "13\nx 1,2,5,4\nm2 = 1,3\ns # 2,1,1\nReshape m2 s -> m\na2 = 10,20\n" \
              "Reshape a2 s -> a\nk = 2\nMul x m -> p\nAdd p a -> q\nSub q m -> r\n" \
              "Div r k -> t\nSub k t -> u\nNeg u -> v"
    WEIGHTS(CHAIN, "v.weight", 0.5, 1.5);
    WEIGHTS(CHAIN, "v.bias", 2.5, 6.5);
    WEIGHTS("9\nx 1,2,5,4\ng = 2,4\nb = 1,-1\nm = 3,5\nv = 4,0.25\n"
            "BatchNormalization x g b m v -> y epsilon=0.0", "y.weight", 1, 8);
    WEIGHTS("9\nx 1,2,5,4\ng = 2,4\nb = 1,-1\nm = 3,5\nv = 4,0.25\n"
            "BatchNormalization x g b m v -> y epsilon=0.0", "y.bias", -2, -41);
    WEIGHTS("13\nx 1,2,5,4\ns2 = 0.25,-2\ns # 2,1,1\nReshape s2 s -> s3\nPRelu x s3 -> y",
            "y.weight", 0.25, -2);
    WEIGHTS("13\nx 1,2,5,4\ns2 = 0.25,-2\ns # 2,1,1\nReshape s2 s -> s3\nRelu x -> a\nNeg x -> b\n"
            "Relu b -> c\nMul c s3 -> d\nAdd a d -> e", "e.weight", -0.25, 2);
    /* a bias that is taken away */
    WEIGHTS("13\nx 1,3\nw : 3,2\nb = 1,2\nMatMul x w -> a\nSub a b -> y", "a.bias", -1, -2);
}

/* ---- types ----------------------------------------------------------------------------------- */

/* A dense layer with weights 1, -2.5 in another type. */
static void other_types(void **state)
{
    static const uint16_t half[] = { 0x3c00, 0xc100 }, brain[] = { 0x3f80, 0xc020 };
    static const double wide[] = { 1, -2.5 };
    static const struct { int type; const void *data; size_t bytes; } types[] = {
        { DCN__ONNX_FLOAT16, half, sizeof half }, { DCN__ONNX_BFLOAT16, brain, sizeof brain },
        { DCN__ONNX_DOUBLE, wide, sizeof wide },
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        bytes graph = { 0 }, t = make_tensor("w", types[i].type, 2, (int64_t[]){ 2, 1 });
        dcn_weight_info w;
        dcn_model m;

        put_bytes(&t, 9, types[i].data, types[i].bytes);
        put_message(&graph, 5, t);
        put_message(&graph, 1, make_node("MatMul", "x w ", "y "));
        put_message(&graph, 11, make_info("x", 2, (int64_t[]){ -2, 2 }));
        put_message(&graph, 12, make_info("y", 2, (int64_t[]){ -2, 1 }));
        assert_ok(dcn_onnx_load(&m, save("net.onnx", make_model(graph)), NULL, &err));
        dcn_graph_weight_info(m.graph, 0, &w);
        assert_true(w.data[0] == 1 && w.data[1] == -2.5f);
        dcn_model_clear(&m);
    }
}

/* ---- the model about the graph --------------------------------------------------------------- */

static void sizes(void **state)
{
    const char *net = "17\nx -1,3,-1,-1\nRelu x -> y";
    const dcn_onnx_desc desc = { .height = 40, .width = 56 };
    dcn_node_info info;
    dcn_model m = load_net(net);

    (void)state;
    dcn_graph_node_info(m.graph, 0, &info);
    assert_true(info.shape.h == 224 && info.shape.w == 224);
    assert_non_null(strstr(m.guess, "the size 224x224 is a guess"));
    assert_int_equal(m.preprocess.shape.h, 224);
    dcn_model_clear(&m);
    assert_ok(dcn_onnx_load(&m, save("net.onnx", onnx_of(net)), &desc, &err));
    dcn_graph_node_info(m.graph, 0, &info);
    assert_true(info.shape.h == 40 && info.shape.w == 56);
    assert_null(strstr(m.guess, "size"));
    dcn_model_clear(&m);
}

static void guesses(void **state)
{
    static const struct { const char *input, *guess; } inputs[] = {
        { "1,3,224,224", "preprocessing is guessed: imagenet" },
        { "1,3,64,80", "preprocessing is guessed: imagenet" },
        { "1,3,32,32", "preprocessing is guessed: cifar10" },
        { "1,1,28,28", "preprocessing is guessed: none" },
        { "1,5,8,8", "its input has 5 channels: it takes no pictures" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        char net[200];
        dcn_model m;

        snprintf(net, sizeof net, "17\nx %s\nRelu x -> y\nGlobalAveragePool y -> z",
                 inputs[i].input);
        m = load_net(net);
        assert_string_equal(m.guess, inputs[i].guess);
        assert_int_equal(strlen(m.hash), 16);
        dcn_model_clear(&m);
    }
}

/* 0..255 for a network that divides by itself. */
static void bytes_inside(void **state)
{
    dcn_model m = load_net("17\nx 1,3,64,64\nk = 127.5\none = 1\nDiv x k -> a\nSub a one -> b\n"
                           "GlobalAveragePool b -> y");

    (void)state;
    assert_non_null(strstr(m.guess, "0..255"));
    assert_true(m.preprocess.std[1] == 1.0f / 255 && m.preprocess.mean[1] == 0);
    dcn_model_clear(&m);
}

/* The model with metadata, several outputs and a name for its class. */
static bytes described(const char *key, const char *value)
{
    bytes model = onnx_of("17\nx 1,3,64,64\nGlobalAveragePool x -> y");

    put_pair(&model, 14, key, value);
    return model;
}

static void metadata(void **state)
{
    dcn_model m;

    (void)state;
    assert_ok(dcn_onnx_load(&m, save("net.onnx", described("mean", "[0.1, 0.2,0.3]")), NULL, &err));
    assert_true(m.preprocess.mean[0] != 0.1f);      /* half of it is not enough */
    assert_int_equal(m.classes, 3);
    dcn_model_clear(&m);
#ifdef DCN_HAVE_RHASH
    assert_ok(dcn_onnx_load(&m, save("net.onnx", described("names", "[\"a\", \"b\", \"c\"]")), NULL,
                            &err));
    assert_string_equal(m.class_names[2], "c");
    dcn_model_clear(&m);
    assert_ok(dcn_onnx_load(&m, save("net.onnx", described("names", "[\"a\", \"b\"]")), NULL,
                            &err));
    assert_null(m.class_names);
    assert_non_null(strstr(m.guess, "their number is another"));
    dcn_model_clear(&m);
#endif
}

static void both_means(void **state)
{
    bytes model = described("mean", "[0.1, 0.2,0.3]");
    dcn_model m;

    (void)state;
    put_pair(&model, 14, "std", "0.5, 0.25, 1");
    assert_ok(dcn_onnx_load(&m, save("net.onnx", model), NULL, &err));
    assert_true(m.preprocess.mean[2] == 0.3f && m.preprocess.std[1] == 0.25f);
    assert_non_null(strstr(m.guess, "are the file's"));
    dcn_model_clear(&m);
}

/* By content, whatever the file is called; a changed byte changes the hash. */
static void by_content(void **state)
{
    bytes model = onnx_of("17\nx 1,3,4,4\nRelu x -> y name=node1");
    char hash[17];
    dcn_model m;
    dcn_kind kind;

    (void)state;
    assert_ok(dcn_model_load(&m, save("net.safetensors", model), NULL, &err));
    memcpy(hash, m.hash, sizeof hash);
    dcn_model_clear(&m);
    assert_ok(dcn_identify(temporary("net.safetensors"), NULL, &kind, &err));
    assert_int_equal(kind, DCN_KIND_ONNX);
    assert_string_equal(dcn_kind_text(kind), "ONNX network");
    m = load_net("17\nx 1,3,4,4\nRelu x -> y name=node2");
    assert_string_not_equal(m.hash, hash);
    dcn_model_clear(&m);
}

static void origins(void **state)
{
    dcn_model m = load_net("17\nx 1,3,4,4\nRelu x -> y name=/features/features.0/Relu");
    dcn_node_info info;

    (void)state;
    dcn_graph_node_info(m.graph, 1, &info);
    assert_string_equal(info.name, "features.0");
    assert_string_equal(info.origin, "/features/features.0/Relu");
    dcn_graph_node_info(m.graph, 0, &info);
    assert_string_equal(info.origin, "x");
    dcn_model_clear(&m);
}

/* A scope of a new PyTorch export, and a name that could drive a terminal. */
static void scopes(void **state)
{
    bytes graph = { 0 }, node = make_node("Relu", "x ", "a ");
    dcn_node_info info;
    dcn_model m;

    (void)state;
    put_pair(&node, 9, "namespace", "long");
    put_pair(&node, 9, "pkg.torch.onnx.name_scopes", "['', 'layer1', 'layer1.0', 'relu_4']");
    put_message(&graph, 1, node);
    node = make_node("Tanh", "a ", "b ");
    put_pair(&node, 9, "pkg.torch.onnx.name_scopes",
             "['', 'layer1', 'layer1.0', 'layer1.0.t', 't']");
    put_message(&graph, 1, node);
    node = make_node("Sigmoid", "b ", "c\x1b[2J\"; ");
    put_message(&graph, 1, node);
    put_message(&graph, 11, make_info("x", 4, (int64_t[]){ 1, 3, 4, 4 }));
    put_message(&graph, 12, make_info("c\x1b[2J\";", 4, (int64_t[]){ 1, 3, 4, 4 }));
    assert_ok(dcn_onnx_load(&m, save("net.onnx", make_model(graph)), NULL, &err));
    dcn_graph_node_info(m.graph, 1, &info);
    assert_string_equal(info.name, "layer1.0.relu");
    dcn_graph_node_info(m.graph, 2, &info);
    assert_string_equal(info.name, "layer1.0.t");
    dcn_graph_node_info(m.graph, 3, &info);
    assert_string_equal(info.name, "c_x1b[2J__");
    dcn_model_clear(&m);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int allocations, failing;

static bool fail_one(void *user, size_t size)
{
    (void)user;
    (void)size;
    return ++allocations != failing;
}

static void no_memory(void **state)
{
    const char *path = save("net.onnx", onnx_of("17\nx -1,12,4,4\ns # 0,3,4,4,4\nt # 0,12,4,4\n"
        "Reshape x s -> a\nTranspose a -> b perm=0,2,1,3,4\nReshape b t -> c\nw : 4,12,3,3\n"
        "v = 1,2,3,4\nConv c w v -> d\nBatchNormalization d v v v v -> e\nSigmoid e -> f\n"
        "Mul e f -> g\nFlatten g -> h\nu : 16,2\nMatMul h u -> y"));

    (void)state;
    for (failing = 1;; failing++) {
        dcn_model m;
        dcn_status st;

        allocations = 0;
        dcn__set_alloc_hook(fail_one, NULL);
        st = dcn_onnx_load(&m, path, NULL, &err);
        dcn__set_alloc_hook(NULL, NULL);
        if (st == DCN_OK && allocations < failing) {
            dcn_model_clear(&m);
            break;
        }
        if (st == DCN_OK)                  /* a failed allocation that nobody missed */
            dcn_model_clear(&m);
        else
            assert_int_equal(st, DCN_MEMORY);
        assert_true(failing < 10000);
    }
    assert_true(failing > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts), cmocka_unit_test(convolution_weights),
        cmocka_unit_test(dense_weights), cmocka_unit_test(scale_weights),
        cmocka_unit_test(other_types), cmocka_unit_test(sizes), cmocka_unit_test(guesses),
        cmocka_unit_test(bytes_inside),
        cmocka_unit_test(metadata), cmocka_unit_test(both_means), cmocka_unit_test(by_content),
        cmocka_unit_test(origins), cmocka_unit_test(scopes), cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
