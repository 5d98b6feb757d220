"""The networks of operators.safetensors. Whole numbers where a rounding can be avoided."""
from network import sequence

STARTS = ("layer", "channel/1", "peak/1", "unit/1,0,0", "layer+ones", "channel+ones/0",
          "peak+ones/1", "unit+ones/1,0,0")
FEW = ("layer", "channel+ones/1", "peak/0", "unit/0,0,0")
WHOLE = {"conv": ("whole 1", "whole 2"), "scale": ("whole 3", "whole 2"),
         "batch_norm": ("whole 1", "whole 1"), "prelu": ("whole 2",)}
REAL = {"conv": ("real 0", "real 0"), "prelu": ("real -1",)}


def whole(name, nodes, layers, image="whole 11 3", batch=3, starts=STARTS, fills=WHOLE, **more):
    return dict(name=name, nodes=nodes, batch=batch, image=image, fills=fills, layers=layers,
                starts=starts, exact=True, **more)


def real(name, nodes, layers, image="real 5 1", batch=2, starts=FEW, fills=REAL, **more):
    return dict(name=name, nodes=nodes, batch=batch, image=image, fills=fills, layers=layers,
                starts=starts, **more)


def activation(name, op, options, extend=True):
    """The activation on whole numbers, its kinks among them, and behind a convolution."""
    nodes = sequence((3, 4, 3), (op + "1", op, options),
                     ("c", "conv", dict(filters=2, kernel=(2, 2), pad="valid")),
                     (op + "2", op, options), ("d", "dense", dict(units=3)))
    return real(name, nodes, [op + "2", "d"], image="whole 3 4", batch=3, extend=extend)


WINDOWS = sequence(
    (11, 9, 4),
    ("a", "conv", dict(filters=6, kernel=(3, 2), stride=(2, 1), pad=(1, 0, 2, 1), groups=2)),
    ("ra", "relu", {}),
    ("p", "max_pool", dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1), ceil="yes")),
    ("b", "conv", dict(filters=6, kernel=(3, 3), dilation=(2, 1), groups=6, pad=(2, 1, 2, 1),
                       bias="no")),
    ("rb", "clip", dict(max=6)),
    ("q", "max_pool", dict(window=(2, 2), stride=(1, 1), dilation=(2, 2), pad=(1, 1, 1, 1))),
    ("r", "avg_pool", dict(window=(2, 2), stride=(2, 2), pad=(1, 1, 1, 1), ceil="yes",
                           count_pad="yes")),
    ("d", "dense", dict(units=5, bias="no")), ("rd", "relu", {}))

SPARSE = sequence(                # windows further apart than they are wide; ties of zeros
    (8, 7, 3), ("r0", "relu", {}),
    ("p", "max_pool", dict(window=(2, 2), stride=(3, 3), pad=(0, 1, 1, 0))),
    ("c", "conv", dict(filters=4, kernel=(1, 2), stride=(2, 3), pad=(0, 0, 0, 1))),
    ("l", "leaky_relu", dict(slope=0.5)),
    ("q", "max_pool", dict(window=(2, 1), stride=(2, 1), pad="valid", ceil="yes")))

TIES = sequence(
    (9, 7, 2), ("r0", "relu", {}),
    ("p", "max_pool", dict(window=(3, 3), stride=(2, 2), pad="valid", ceil="yes")),
    ("q", "max_pool", dict(window=(3, 2), stride=(1, 1), pad="same")),
    ("s", "max_pool", dict(window=(2, 3), stride=(1, 2), dilation=(2, 1), pad=(0, 2, 1, 0))),
    ("g", "max_pool", {}))

BRANCHES = sequence(
    (6, 5, 4), ("c", "conv", dict(filters=6, kernel=(3, 3))),
    ("h", "hard_tanh", dict(min=-4, max=9)),
    ("sh", "shuffle", dict(groups=3)), ("s1", "slice", dict(first=1, count=2)),
    ("s2", "slice", dict(first=2, count=4), ["sh"]),
    ("cat", "concat", {}, ["s1", "s2"]),
    ("sum", "add", {}, ["cat", "h", "sh"]),
    ("pr", "prelu", {}),
    ("gate", "avg_pool", dict(window=(2, 1), stride=(1, 1)), ["c"]),
    ("m", "mul", {}, ["pr", "gate"]),
    ("low", "pad", dict(amounts=(1, -2, -1, 1), value=-1.5)),
    ("bn", "batch_norm", {}), ("rb", "relu", {}))

GATES = sequence(
    (4, 4, 4), ("c", "conv", dict(filters=4, kernel=(2, 2))), ("rc", "relu", {}),
    ("g", "avg_pool", {}), ("e", "dense", dict(units=3)), ("re", "relu", {}),
    ("f", "dense", dict(units=4, bias="no")), ("hs", "hard_tanh", dict(min=-4, max=3)),
    ("m", "mul", {}, ["rc", "hs"]), ("t", "scale", {}),
    ("v", "reshape", dict(shape=(2, 8, 4), order="chw")),
    ("w", "reshape", dict(shape=(1, 4, 16), order="hwc")),
    ("r", "relu", {}), ("z", "reshape", dict(shape=(1, 1, 64), order="chw")),
    ("d", "dense", dict(units=3)))

EXCITE = sequence(                # squeeze and excitation, as MobileNet v3 and EfficientNet have it
    (5, 4, 3), ("c", "conv", dict(filters=4, kernel=(3, 3), bias="no")), ("bn", "batch_norm", {}),
    ("act", "silu", {}), ("g", "avg_pool", {}), ("e", "conv", dict(filters=2, kernel=(1, 1))),
    ("re", "relu", {}), ("f", "conv", dict(filters=4, kernel=(1, 1))),
    ("sg", "sigmoid", {}), ("m", "mul", {}, ["act", "sg"]),
    ("o", "conv", dict(filters=4, kernel=(1, 1))), ("s", "add", {}, ["o", "c"]))

NORMS = sequence(
    (5, 4, 7), ("n1", "lrn", dict(size=5, alpha=0.5, beta=0.75, k=1.0)),
    ("c", "conv", dict(filters=6, kernel=(2, 3), pad=(0, 1, 1, 1))), ("r", "relu", {}),
    ("n2", "lrn", dict(size=4, alpha=1.0, beta=0.5, k=2.0)),
    ("a", "avg_pool", dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1))))

MEANS = sequence(                 # what a mean is divided by: 9 and 6 and 4, or what ceil leaves
    (7, 6, 2), ("a", "avg_pool", dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1),
                                      ceil="yes")),
    ("b", "avg_pool", dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1), ceil="yes",
                           count_pad="yes")),
    ("s", "scale", {}), ("pr", "prelu", {}), ("g", "avg_pool", {}))

CASES = [
    whole("windows", WINDOWS, ["p", "q", "rd"], batch=2, starts=FEW),
    whole("sparse", SPARSE, ["q"]),
    whole("ties", TIES, ["p", "g"], image="sparse 7 5", starts=FEW),
    whole("branches", BRANCHES, ["sum", "rb"], extend=True, batch=2,
          starts=FEW[:3] + ("unit/2,1,2",)),
    whole("gates", GATES, ["m", "d"], extend=True, image="whole 7 2", batch=2, starts=FEW),
    real("excite", EXCITE, ["s"], extend=True),
    real("norms", NORMS, ["n1", "a"]),
    real("means", MEANS, ["b", "g"]),
    real("softmax", sequence((2, 3, 4), ("c", "conv", dict(filters=5, kernel=(2, 2))),
                             ("y", "softmax", {})), ["y"], rules=("gradient",)),
    real("log_softmax", sequence((2, 3, 4), ("c", "conv", dict(filters=5, kernel=(2, 2))),
                                 ("y", "log_softmax", {})), ["y"], rules=("gradient",)),
    activation("clip", "clip", dict(max=3), extend=False),
    activation("relu6", "clip", dict(max=6), extend=False),
    activation("leaky_relu", "leaky_relu", dict(slope=0.01), extend=False),
    activation("prelu", "prelu", {}, extend=False),
    activation("hard_tanh", "hard_tanh", dict(min=-1, max=2)),
    activation("sigmoid", "sigmoid", {}),
    activation("hard_sigmoid", "hard_sigmoid", dict(alpha=0.25, beta=0.5)),
    activation("tanh", "tanh", {}),
    activation("silu", "silu", {}),
    activation("hard_swish", "hard_swish", {}),
    activation("gelu", "gelu", {}),
    activation("gelu_tanh", "gelu", dict(tanh="yes")),
    activation("mish", "mish", {}),
    activation("elu", "elu", dict(alpha=0.5)),
    activation("selu", "selu", {}),
    activation("softplus", "softplus", {}),
]
