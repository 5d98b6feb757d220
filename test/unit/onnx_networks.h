/* onnx_networks.h - networks that hold every operator and whatever ONNX says otherwise than we do:
 * written and read again by model_onnx_write.c, given to onnxruntime by test/peers/onnx_export.py. */
#ifndef ONNX_NETWORKS_H
#define ONNX_NETWORKS_H

/* A network, and the text as which it comes back; NULL: as it was; "": never mind. */
static const struct { const char *before, *after; } networks[] = {
    { "input 9x7x3; conv filters=4 kernel=3x2 stride=2x1 pad=1,0,2,1 dilation=1x2", NULL },
    { "input 9x7x4; conv filters=6 kernel=3 groups=2 bias=no pad=1", NULL },
    { "input 9x8x2; conv filters=3 kernel=4 stride=2",
      "input 9x8x2; conv filters=3 kernel=4 stride=2 pad=1,1,2,1" },
    { "input 4x4x4; conv filters=4 kernel=1 groups=4 pad=3,3,3,3",
      "input 4x4x4; conv1.pad = pad 3; conv1 = conv filters=4 kernel=1 pad=valid groups=4" },
    { "input 5x6x3; dense units=7; relu; dense units=4 bias=no; softmax", NULL },
    { "input 5x6x3; avg_pool global; dense units=4; log_softmax", NULL },
    { "input 5x6x3; a.b = conv filters=4 kernel=3; batch_norm; relu",
      "input 5x6x3; a.b = conv filters=4 kernel=3 pad=1,1,1,1; batch_norm; relu" },
    { "input 5x6x3; scale; prelu", NULL },
    { "input 1x1x6; dense units=5; scale; batch_norm; prelu; dense units=2", NULL },
    { "input 7x8x3; max_pool 3x2 stride=2x1 pad=1,0,1,1", NULL },
    { "input 9x9x2; max_pool 2 stride=1 pad=0 dilation=3x2", NULL },
    { "input 7x7x2; max_pool global", NULL },
    { "input 8x8x2; max_pool 3 stride=2 pad=0 ceil=yes",
      "input 8x8x2; max_pool 3 stride=2 pad=0,0,1,1" },
    { "input 7x9x2; max_pool 2 stride=2 pad=3 dilation=4",
      "input 7x9x2; max_pool1.pad = pad 3 value=-1e30; max_pool1 = max_pool 2 stride=2 pad=0 "
      "dilation=4" },
    { "input 8x7x2; avg_pool 3 stride=2 pad=1 ceil=yes",
      "input 8x7x2; avg_pool 3 stride=2 pad=1,1,2,1" },
    { "input 7x7x2; avg_pool 3 stride=2 pad=1,0,1,1 count_pad=yes", NULL },
    { "input 8x7x2; avg_pool 3 stride=2 pad=1,0,1,1 ceil=yes count_pad=yes",
      "input 8x7x2; avg_pool1.pad = pad 1,0,1,1; avg_pool1 = avg_pool 3 stride=2 pad=0,0,1,1" },
    { "input 7x7x2; avg_pool 2 stride=2 pad=2,3,2,3 count_pad=yes",
      "input 7x7x2; avg_pool1.pad = pad 2,3,2,3; avg_pool1 = avg_pool 2 pad=0" },
    { "input 6x6x9; lrn size=5 alpha=0.01 beta=0.75 k=2", NULL },
    { "input 6x6x4; a = relu; b = tanh input1; c = sigmoid input1; add a b; add c b a add1", NULL },
    { "input 6x6x4; a = relu; b = tanh input1; concat a input1 b", NULL },
    { "input 6x6x4; a = relu; concat a; tanh", "input 6x6x4; a = relu; tanh" },
    { "input 6x6x4; a = conv filters=4 kernel=1 pad=0; avg_pool global; sigmoid; mul a sigmoid1",
      NULL },
    { "input 6x6x4; a = conv filters=4 kernel=1 pad=0; b = tanh input1; mul a b", NULL },
    { "input 6x7x2; pad 1,-2,-3,2 value=0.25", NULL },
    { "input 3x4x8; slice first=2 count=5", NULL },
    { "input 1x1x8; dense units=6; slice first=2 count=3", NULL },
    { "input 3x4x12; shuffle groups=3; relu", "" },
    { "input 3x4x12; relu; shuffle groups=4; conv filters=2 kernel=1 pad=0",
      "input 3x4x12; relu; conv1.shuffle = shuffle groups=4; conv1 = conv filters=2 kernel=1 pad=0" },
    { "input 3x4x6; reshape 4x9x2; reshape 1x1x72; dense units=3",
      "input 3x4x6; reshape 1x1x72; dense units=3" },
    { "input 3x4x6; reshape 4x9x2 order=hwc; reshape 1x1x72 order=hwc; relu", "" },
    { "input 4x4x3; clip; conv filters=2 kernel=1 pad=0; clip max=2.5; hard_tanh min=0.5 max=1.25",
      "input 4x4x3; clip; conv filters=2 kernel=1 pad=0; hard_tanh min=0.5 max=1.25" },
    { "input 4x4x3; hard_tanh min=-1e30 max=0.5; conv filters=2 kernel=1 pad=0; "
      "leaky_relu slope=0.2", NULL },
    { "input 4x4x3; hard_sigmoid; conv filters=2 kernel=1 pad=0; hard_sigmoid alpha=0.5 beta=0.25",
      NULL },
    { "input 4x4x3; silu; hard_swish; gelu; gelu tanh=yes; mish", NULL },
    { "input 1x1x3; dense units=5; silu; hard_swish; gelu; gelu tanh=yes; mish", NULL },
    { "input 4x4x3; elu alpha=0.5; selu; softplus; sigmoid; tanh; selu alpha=1 gamma=2", NULL },
    { "input 4x3x5; conv filters=2 kernel=1 pad=0; softmax; conv filters=2 kernel=1 pad=0; "
      "log_softmax", NULL },
    { "input 4x3x5; relu; softmax; dense units=2; relu; conv filters=3 kernel=1 pad=0; dense units=2",
      NULL },
    { "input 4x4x3; conv1.weight = relu; conv1 = conv filters=2 kernel=1 pad=0; conv1.bias = tanh", NULL },
    { "input 3x3x2; relu", NULL }, { "input 1x1x2; relu", NULL },
};

#endif
