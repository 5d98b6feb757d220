"""Small networks as lists of nodes, and their text in the project's own form
(docs/formats/network.md). A node is (name, op, inputs, options)."""
import numpy as np


def tutorial(channels, first, second, classes):
    def conv(name, x, filters):
        return (name, "conv", [x], dict(filters=filters, kernel=(5, 5)))

    def pool(name, x):
        return (name, "max_pool", [x], dict(window=(2, 2), stride=(2, 2)))
    return [("x_image", "input", [], dict(shape=(24, 24, channels))),
            conv("conv1", "x_image", first), ("h_conv1", "relu", ["conv1"], {}),
            pool("h_pool1", "h_conv1"),
            conv("conv2", "h_pool1", second), ("h_conv2", "relu", ["conv2"], {}),
            pool("h_pool2", "h_conv2"),
            conv("conv3", "h_pool2", classes), ("h_conv3", "relu", ["conv3"], {}),
            ("nt_hpool3", "avg_pool", ["h_conv3"], {}),
            ("y_conv", "softmax", ["nt_hpool3"], {})]


def chain(shape, *nodes):
    """Nodes (name, op, options), each fed by the one before it."""
    out, last = [("x", "input", [], dict(shape=shape))], "x"
    for name, op, options in nodes:
        out.append((name, op, [last], options))
        last = name
    return out


def text(nodes):
    def by(pair):
        return "x".join(str(n) for n in pair)
    lines = []
    for name, op, inputs, o in nodes:
        words = [name, "=", op] + inputs
        if op in ("input", "reshape"):
            words.append(by(o["shape"]))
        elif op == "pad":
            words.append(",".join(map(str, o["amounts"])))
        elif op in ("max_pool", "avg_pool"):
            words.append(by(o["window"]) if "window" in o else "global")
        for key in ("filters", "units", "kernel", "stride", "dilation", "groups", "pad", "bias",
                    "ceil", "count_pad", "value", "first", "count", "order", "max", "min", "slope",
                    "alpha", "beta", "tanh", "size", "k"):
            if key in o:
                value = o[key]
                if isinstance(value, tuple):
                    value = by(value) if len(value) == 2 else ",".join(map(str, value))
                words.append(f"{key}={value}")
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def sequence(shape, *nodes):
    """Nodes (name, op, options) fed by the one before, or (name, op, options, inputs)."""
    out, last = [("x", "input", [], dict(shape=shape))], "x"
    for name, op, options, *inputs in nodes:
        out.append((name, op, inputs[0] if inputs else [last], options))
        last = name
    return out


def check_first_wins(x, mask, o):
    """Plain loops: what MANIFEST.md claims about ties, and about SAME padding of odd sizes.
    mask: (y*W + x)*C + c in the pool's input."""
    n, h, w, c = x.shape
    (kh, kw), (sh, sw) = o["window"], o.get("stride", o["window"])
    pad = o.get("pad", "same")
    top, left = pad[:2] if isinstance(pad, tuple) else (0, 0)
    if pad == "same":
        top = max((mask.shape[1] - 1) * sh + kh - h, 0) // 2
        left = max((mask.shape[2] - 1) * sw + kw - w, 0) // 2
    for i, y, xx, k in np.ndindex(mask.shape):
        best, where = -np.inf, None
        for a in range(max(y * sh - top, 0), min(y * sh - top + kh, h)):
            for b in range(max(xx * sw - left, 0), min(xx * sw - left + kw, w)):
                if x[i, a, b, k] > best:
                    best, where = x[i, a, b, k], (a * w + b) * c + k
        assert mask[i, y, xx, k] == where, "the tie rule is not: first in row-major order"
