"""Every operator once more, in float64 and with a rounding bound beside every number, and the walk
down under every rule: what make_operators.py checks PyTorch's walk against.

A pair (v, e) says that a float32 evaluation, in whatever order it adds, gives v +- e; bound.py
tells how sums are bounded. Here errors that come in with the operands are not taken as independent
but add up as they are: the networks are small. With a piecewise operator no decision may hang on
rounding (`margins`); the makers refuse such a case. No number in here is tuned.
"""
import torch
import torch.nn.functional as F

import bound
from bound import U

RULES = ("reconstruct", "deconvnet", "guided", "gradient", "linear")
MAPS = ("clip", "hard_tanh", "sigmoid", "hard_sigmoid", "tanh", "silu", "hard_swish", "gelu",
        "mish", "elu", "selu", "softplus")
SMOOTH = ("sigmoid", "tanh", "silu", "gelu", "mish", "softplus")
ROUNDINGS = 32                   # of one evaluation of an activation or its derivative, and more


exact = False                    # then e is not an error but u * (sum of magnitudes) of one step


def gamma(n):
    return U if exact else bound.gamma(n)


class Pair:
    def __init__(self, v, e=None):
        self.v, self.e = v, torch.zeros_like(v) if e is None else e

    def top(self):
        return self.v.abs() + self.e


def single(x):
    """As an engine knows a number of the text: rounded to float32."""
    return torch.tensor(x, dtype=torch.float32).double().item()


# ---- activations --------------------------------------------------------------------------------

def activation(op, o):
    """PyTorch's own function."""
    return {
        "relu": F.relu,
        "clip": lambda x: F.hardtanh(x, 0.0, single(o["max"])) if o["max"] != 6 else F.relu6(x),
        "hard_tanh": lambda x: F.hardtanh(x, single(o["min"]), single(o["max"])),
        "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu, "mish": F.mish,
        "hard_sigmoid": lambda x: F.hardtanh(single(o["alpha"]) * x + single(o["beta"]), 0.0, 1.0),
        "hard_swish": F.hardswish,
        "gelu": lambda x: F.gelu(x, approximate="tanh" if o.get("tanh") == "yes" else "none"),
        "elu": lambda x: F.elu(x, single(o["alpha"])), "selu": F.selu,
        # PyTorch's has a threshold, above which it drops a term of 2e-9.
        "softplus": lambda x: F.softplus(x, threshold=700)}[op]


def derivative(f, x):
    with torch.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        return torch.autograd.grad(f(leaf).sum(), leaf)[0]


def steepness(f):
    """The largest |f'| and |f''| off the kinks, on a fine grid."""
    grid = (torch.arange(-12, 12, 1 / 256, dtype=torch.float64) + 1 / 700).requires_grad_()
    first = torch.autograd.grad(f(grid).sum(), grid, create_graph=True)[0]
    if not first.requires_grad:
        return first.abs().max().item(), 0.0
    second = torch.autograd.grad(first.sum(), grid)[0]
    return 1.01 * first.abs().max().item(), 1.01 * second.abs().max().item()


def kinks(op, o):
    if op in ("relu", "leaky_relu", "prelu", "elu", "selu"):
        return [0.0]
    return {"clip": lambda: [0.0, o["max"]], "hard_tanh": lambda: [o["min"], o["max"]],
            "hard_swish": lambda: [-3.0, 3.0],
            "hard_sigmoid": lambda: [-o["beta"] / o["alpha"], (1 - o["beta"]) / o["alpha"]]
            }.get(op, list)()


# ---- windows ------------------------------------------------------------------------------------

def pads(o, window, stride, dilation, size):
    """top, left, bottom, right."""
    pad = o.get("pad", "same")
    if isinstance(pad, tuple):
        return pad
    if pad == "valid":
        return 0, 0, 0, 0
    total = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
             for n, k, s, d in zip(size, window, stride, dilation)]
    before = [t // 2 for t in total]
    return before[0], before[1], total[0] - before[0], total[1] - before[1]


class Window:
    """Where a pool's or a convolution's windows stand on a picture of this size."""

    def __init__(self, op, o, size):
        self.kernel = o.get("kernel") or o.get("window") or tuple(size)
        self.stride = o.get("stride", (1, 1) if op == "conv" else self.kernel)
        self.dilation = o.get("dilation", (1, 1))
        whole = "window" not in o and "kernel" not in o
        p = (0, 0, 0, 0) if whole else pads(o, self.kernel, self.stride, self.dilation, size)
        self.size, self.pad, self.ceil = tuple(size), p, o.get("ceil") == "yes"
        self.count_pad, self.over = o.get("count_pad") == "yes", [0, 0]
        for a in range(2):
            covered = (self.kernel[a] - 1) * self.dilation[a] + 1
            padded = size[a] + p[a] + p[a + 2]
            if self.ceil:
                n = -(-(padded - covered) // self.stride[a]) + 1
                n -= (n - 1) * self.stride[a] >= size[a] + p[a]
                self.over[a] = max((n - 1) * self.stride[a] + covered - padded, 0)

    def native(self):
        """PyTorch's pools know symmetric padding up to half a window."""
        p, k = self.pad, self.kernel
        return p[:2] == p[2:] and 2 * p[0] <= k[0] and 2 * p[1] <= k[1]

    def padded(self, x, value):
        p, over = self.pad, self.over
        return F.pad(x, (p[1], p[3] + over[1], p[0], p[2] + over[0]), value=value)

    def winners(self, x):
        """Flat index h*W + w of each window's winner."""
        w = x.shape[3]
        if self.native():
            return F.max_pool2d(x, self.kernel, self.stride, self.pad[:2], self.dilation,
                                self.ceil, return_indices=True)[1]
        wide = self.padded(x, -torch.inf)
        index = F.max_pool2d(wide, self.kernel, self.stride, 0, self.dilation,
                             return_indices=True)[1]
        row, column = index // wide.shape[3], index % wide.shape[3]
        return (row - self.pad[0]) * w + column - self.pad[1]

    def centres(self, shape):
        """The middle cell, rounded down; out there the nearest of the window's that is inside."""
        def axis(a, count):
            cells = []
            for i in range(count):
                start = i * self.stride[a] - self.pad[a]
                inside = [(abs(t - (self.kernel[a] - 1) // 2), start + t * self.dilation[a])
                          for t in range(self.kernel[a])
                          if 0 <= start + t * self.dilation[a] < self.size[a]]
                cells.append(min(inside)[1])
            return torch.tensor(cells)
        index = axis(0, shape[2])[:, None] * self.size[1] + axis(1, shape[3])
        return index.expand(shape).contiguous()

    def margin(self, x):
        """Best less second best, at least."""
        n, c, h, w = x.shape
        wide = self.padded(x, -torch.inf).reshape(n * c, 1, -1, w + self.pad[1] + self.pad[3] +
                                                  self.over[1])
        cells = F.unfold(wide, self.kernel, self.dilation, 0, self.stride)
        if cells.shape[1] < 2:
            return float("inf")
        best = cells.topk(2, 1).values
        return (best[:, 0] - best[:, 1]).min().item()

    def average(self, x):
        if self.native():
            return F.avg_pool2d(x, self.kernel, self.stride, self.pad[:2], self.ceil,
                                self.count_pad)

        def total(t):
            return F.avg_pool2d(t, self.kernel, self.stride, divisor_override=1)
        ones = torch.ones_like(x)
        if self.count_pad:
            p, over = self.pad, self.over
            counted = F.pad(F.pad(ones, (p[1], p[3], p[0], p[2]), value=1.0),
                            (0, over[1], 0, over[0]))
        else:
            counted = self.padded(ones, 0.0)
        return total(self.padded(x, 0.0)) / total(counted)


# ---- what does not change numbers, or only by weights -------------------------------------------

def linear(node, shapes, weights, index=None):
    """Of a node that is linear in its inputs up to a constant: (function of inputs and of whether
    the weights are to be magnitudes, the constant, terms of its sums up and down); else None."""
    name, op, inputs, o = node
    n, c, h, w = shapes[0]

    def weight(absolute, part="weight"):
        t = weights[f"{name}.{part}"]
        return t.abs() if absolute else t

    def column(t):
        return t[:, None, None]
    bias = weights.get(f"{name}.bias")
    if op == "conv":
        win, groups = Window(op, o, (h, w)), o.get("groups", 1)

        def conv(xs, absolute):
            kernel = weight(absolute).permute(3, 2, 0, 1)
            return F.conv2d(win.padded(xs[0], 0.0), kernel, None, win.stride, 0, win.dilation,
                            groups)
        taps = o["kernel"][0] * o["kernel"][1]
        return (conv, None if bias is None else column(bias), taps * c // groups + 1,
                taps * o["filters"] // groups)
    if op == "dense":
        def dense(xs, absolute):
            return (xs[0].permute(0, 2, 3, 1).reshape(n, -1) @ weight(absolute))[:, :, None, None]
        return dense, None if bias is None else column(bias), c * h * w + 1, o["units"]
    if op in ("scale", "batch_norm"):
        return lambda xs, a: xs[0] * column(weight(a)), column(bias), 2, 1
    if op == "avg_pool":
        win = Window(op, o, (h, w))
        cells = win.kernel[0] * win.kernel[1]
        return lambda xs, a: win.average(xs[0]), None, cells + 1, cells + 1
    if op == "max_pool":
        taps = o["window"][0] * o["window"][1] if "window" in o else 1

        def gather(xs, absolute):
            return xs[0].reshape(n, c, -1).gather(2, index.reshape(n, c, -1)).reshape(index.shape)
        return gather, None, 0, taps
    if op == "add":
        return lambda xs, a: sum(xs[1:], xs[0]), None, len(inputs), 0
    if op == "concat":
        return lambda xs, a: torch.cat(xs, 1), None, 0, 0
    if op == "slice":
        return lambda xs, a: xs[0][:, o["first"]:o["first"] + o["count"]], None, 0, 0
    if op == "shuffle":
        return lambda xs, a: F.channel_shuffle(xs[0], o["groups"]), None, 0, 0
    if op == "pad":
        top, left, bottom, right = o["amounts"]
        around = (left, right, top, bottom)
        value = F.pad(torch.zeros(shapes[0][1:], dtype=torch.float64), around,
                      value=single(o.get("value", 0.0)))
        return lambda xs, a: F.pad(xs[0], around), value, 0, 0
    if op == "reshape":
        y, x, k = o["shape"]
        if o["order"] == "chw":
            return lambda xs, a: xs[0].reshape(n, k, y, x), None, 0, 0
        return (lambda xs, a: xs[0].permute(0, 2, 3, 1).reshape(n, y, x, k).permute(0, 3, 1, 2),
                None, 0, 0)
    return None


# ---- up -----------------------------------------------------------------------------------------

def near_by(t, size, mirrored=False):
    """Sum over channels c - floor((size-1)/2) .. c + ceil((size-1)/2); mirrored: its adjoint."""
    before, after = (size - 1) // 2, size // 2
    if mirrored:
        before, after = after, before
    wide = F.pad(t, (0, 0, 0, 0, before, after))
    return sum(wide[:, i:i + t.shape[1]] for i in range(size))


def lrn_parts(x, o):
    a, k = single(o["alpha"]) / o["size"], single(o["k"])
    d = k + a * near_by(x.v.square(), o["size"])
    e = a * near_by(2 * x.v.abs() * x.e + x.e.square(), o["size"]) + (o["size"] + 4) * U * d
    return d, e


def power(d, e, exponent):
    """d ** -exponent and how far it may be off."""
    p = d ** -exponent
    return p, (d - e) ** -exponent - p + 8 * U * p


def up(node, xs, weights, masks, margins):
    """The node's value as a pair. margins: (distance from a decision, rounding) pairs."""
    name, op, inputs, o = node
    x = xs[0]
    if op == "max_pool":
        win = Window(op, o, x.v.shape[2:])
        masks[name] = win.winners(x.v)
        if x.e.max() > 0:
            margins.append((win.margin(x.v), 2 * x.e.max().item()))
        y = linear(node, [x.v.shape], weights, masks[name])[0]([x.v], False)
        return Pair(y, torch.zeros_like(y) + x.e.max())
    made = linear(node, [a.v.shape for a in xs], weights)
    if made:
        f, bias, n, _ = made
        b = 0 if bias is None else bias
        y = f([a.v for a in xs], False) + b
        e = f([a.e for a in xs], True)
        if n:
            e = e + gamma(n) * (f([a.top() for a in xs], True) + abs(b))
        return Pair(y, e)
    if op == "mul":
        a, b = xs
        y = a.v * b.v
        return Pair(y, a.v.abs() * b.e + a.e * b.top() + U * y.abs())
    if op == "lrn":
        d, e = lrn_parts(x, o)
        p, pe = power(d, e, single(o["beta"]))
        return Pair(x.v * p, x.top() * pe + x.e * p + 2 * U * (x.v * p).abs())
    if op == "softmax":
        p = x.v.softmax(1)
        return Pair(p, p * (torch.expm1(2 * x.e.max(1, keepdim=True).values) + 12 * U))
    if op == "log_softmax":
        y = x.v.log_softmax(1)
        return Pair(y, 2 * x.e.max(1, keepdim=True).values + 16 * U * (1 + y.abs()))
    if x.e.max() > 0 and op not in SMOOTH:
        margins.extend(((x.v - single(k)).abs().min().item(), x.e.max().item())
                       for k in kinks(op, o))
    if op in ("leaky_relu", "prelu"):
        a = slope(node, weights)
        y = torch.where(x.v > 0, x.v, a * x.v)
        return Pair(y, x.e * a_most(a) + U * y.abs())
    f = activation(op, o)
    y = f(x.v)
    if op in ("relu", "clip", "hard_tanh"):
        return Pair(y, x.e)
    return Pair(y, steepness(f)[0] * x.e + ROUNDINGS * U * (1 + x.v.abs()))


def slope(node, weights):
    if node[1] == "leaky_relu":
        return torch.tensor(single(node[3]["slope"]), dtype=torch.float64)
    return weights[node[0] + ".weight"][:, None, None]


def a_most(a):
    return max(1.0, a.abs().max().item())


UNIT = 2.0 ** -8                 # numbers of exact cases are multiples of it, and below 2**24 of it


def limit(pair):
    """No sum of magnitudes passes 2**24 units, so no partial sum is rounded, in whatever order."""
    units = pair.v / UNIT
    assert (units == units.round()).all()
    assert max(pair.e.max().item() / U, pair.v.abs().max().item()) < 2 ** 24 * UNIT
    pair.e.zero_()


# ---- down ---------------------------------------------------------------------------------------

def vjp(f, xs, s):
    """The adjoint of a linear f at s, for each of its inputs."""
    with torch.enable_grad():
        leaves = [torch.zeros_like(x).requires_grad_() for x in xs]
        return torch.autograd.grad(f(leaves), leaves, s)


def down_activation(node, s, x, rule, weights):
    op, o = node[1], node[3]
    if rule in ("reconstruct", "linear"):
        return s
    if op in ("leaky_relu", "prelu"):
        a = slope(node, weights)
        v, most = s.v, a_most(a)
        if rule != "gradient":
            v = torch.where(v > 0, v, a * v)
        if rule != "deconvnet":
            v = torch.where(x.v > 0, v, a * v)
        return Pair(v, most * most * s.e + 2 * U * v.abs())
    v = s.v if rule == "gradient" else s.v.clamp(min=0)
    if rule == "deconvnet":
        return Pair(v, s.e)
    f = activation(op, o)
    d = derivative(f, x.v)
    exact = op in ("relu", "clip", "hard_tanh")
    de = 0 * d if exact else steepness(f)[1] * x.e + ROUNDINGS * U * (1 + x.v.abs())
    if op == "hard_sigmoid":
        de = 0 * d
    t = v * d
    return Pair(t, v.abs() * de + (d.abs() + de) * s.e + (0 if exact else U * t.abs()))


def down_lrn(o, s, x):
    beta, factor = single(o["beta"]), 2 * single(o["alpha"]) / o["size"] * single(o["beta"])
    d, e = lrn_parts(x, o)
    (p, pe), (q, qe) = power(d, e, beta), power(d, e, beta + 1)
    inner = s.v * x.v * q
    inner_e = (s.e * x.top() + s.v.abs() * x.e) * (q + qe) + (s.v * x.v).abs() * qe
    total = near_by(inner, o["size"], True)
    rounds = (o["size"] + 8) * U
    total_e = near_by(inner_e + rounds * inner.abs(), o["size"], True)
    t = s.v * p - factor * x.v * total
    return Pair(t, s.e * (p + pe) + s.v.abs() * pe +
                factor * (x.e * total.abs() + x.top() * total_e) +
                8 * U * ((s.v * p).abs() + factor * (x.v * total).abs()))


def down_softmax(op, s, y):
    if op == "softmax":
        dot = (s.v * y.v).sum(1, keepdim=True)
        dot_e = (s.e * y.top() + s.v.abs() * y.e).sum(1, keepdim=True)
        t = y.v * (s.v - dot)
        return Pair(t, y.e * (s.v - dot).abs() + y.top() * (s.e + dot_e) + 4 * U * t.abs())
    p = y.v.exp()
    pe = p * (torch.expm1(y.e) + 4 * U)
    total = s.v.sum(1, keepdim=True)
    t = s.v - p * total
    return Pair(t, s.e + pe * total.abs() + (p + pe) * s.e.sum(1, keepdim=True) +
                4 * U * (s.v.abs() + (p * total).abs()))


def down(node, s, values, rule, switches, weights, masks):
    """What leaves at each input: a list of pairs, None where nothing goes."""
    name, op, inputs, o = node
    xs = [values[i] for i in inputs]
    x = xs[0]
    index = None
    if op == "max_pool":
        index = masks[name]
        if not switches:
            index = Window(op, o, x.v.shape[2:]).centres(index.shape)
    made = linear(node, [a.v.shape for a in xs], weights, index)
    if made:
        f, bias, _, m = made
        if rule == "reconstruct" and bias is not None and op != "pad":
            v = s.v - bias
            s = Pair(v, s.e + U * v.abs())
        zeros = [a.v for a in xs]
        ts = vjp(lambda a: f(a, False), zeros, s.v)
        es = vjp(lambda a: f(a, True), zeros, s.e)
        tops = vjp(lambda a: f(a, True), zeros, s.top())
        return [Pair(t, e + (gamma(m) * top if m else 0)) for t, e, top in zip(ts, es, tops)]
    if op == "mul":
        a, b = xs
        t = s.v * b.v
        to_x = Pair(t, s.e * b.top() + s.v.abs() * b.e + U * t.abs())
        if rule != "gradient":
            return [to_x, None]
        t = s.v * a.v
        e = s.e * a.top() + s.v.abs() * a.e + U * t.abs()
        if b.v.shape != a.v.shape:
            n = a.v.shape[2] * a.v.shape[3]
            e = (e + gamma(n) * t.abs()).sum((2, 3), keepdim=True)
            t = t.sum((2, 3), keepdim=True)
        return [to_x, Pair(t, e)]
    if op == "lrn":
        return [s if rule != "gradient" else down_lrn(o, s, x)]
    if op in ("softmax", "log_softmax"):
        return [down_softmax(op, s, values[name])]
    return [down_activation(node, s, x, rule, weights)]


def walk_down(nodes, layer, s, values, rule, switches, weights, masks, only=None):
    """Signals as pairs, by node, of all that the walk passes below `layer`. only: the operators at
    which the rule holds; the others take their true derivative. None: all."""
    shares, signals = {layer: [s]}, {}
    names = [n[0] for n in nodes]
    for node in reversed(nodes[:names.index(layer) + 1]):
        arrived = shares.get(node[0])
        if not arrived:
            continue
        v = sum((a.v for a in arrived[1:]), arrived[0].v)
        e = sum(a.e for a in arrived)
        if len(arrived) > 1:
            e = e + gamma(len(arrived)) * sum(a.top() for a in arrived)
        signals[node[0]] = Pair(v, e)
        if exact:
            limit(signals[node[0]])
        if node[1] == "input":
            continue
        here = rule if only is None or node[1] in only else "gradient"
        for i, t in zip(node[2], down(node, signals[node[0]], values, here, switches, weights,
                                      masks)):
            if t is not None:
                shares.setdefault(i, []).append(t)
    return signals
