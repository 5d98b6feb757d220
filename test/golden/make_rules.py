#!/usr/bin/env python3
"""Makes rules.safetensors with PyTorch: the ways down under all four rules, on small networks with
branches, overlapping windows, strides, padding, dilation and groups.

    /usr/bin/python3 test/golden/make_rules.py      (Debian: python3-torch)

The rules are autograd functions, so that the walk itself is PyTorch's. All numbers are multiples of
1/16 and every sum of magnitudes is checked to stay below 2**24 such units: nothing is rounded, and
the test compares for equality.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

import fill
import network
import tensors

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = ("reconstruct", "deconvnet", "guided", "gradient")
largest = 0.0


def within(magnitudes):
    """No partial sum, in whatever order, is larger than the sum of magnitudes."""
    global largest
    largest = max(largest, magnitudes.max().item())
    assert largest * 16 < 2 ** 24
    return magnitudes


# ---- what differs between the rules -------------------------------------------------------------

class Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, rule):
        ctx.save_for_backward(x)
        ctx.rule = rule
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, s):
        (x,) = ctx.saved_tensors
        return {"gradient": s * (x > 0), "deconvnet": s.clamp(min=0),
                "guided": s.clamp(min=0) * (x > 0), "reconstruct": s}[ctx.rule], None


class Conv(torch.autograd.Function):
    """On input that is already padded."""
    @staticmethod
    def forward(ctx, x, w, b, rule, options):
        ctx.save_for_backward(x, w, b)
        ctx.rule, ctx.options = rule, options
        within(F.conv2d(x.abs(), w.abs(), b.abs(), **options))
        return F.conv2d(x, w, b, **options)

    @staticmethod
    def backward(ctx, s):
        x, w, b = ctx.saved_tensors
        if ctx.rule == "reconstruct":
            s = s - b[:, None, None]
        within(torch.nn.grad.conv2d_input(x.shape, w.abs(), s.abs(), **ctx.options))
        return torch.nn.grad.conv2d_input(x.shape, w, s, **ctx.options), None, None, None, None


class Dense(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, rule):
        ctx.save_for_backward(w, b)
        ctx.rule = rule
        within(F.linear(x.abs(), w.abs(), b.abs()))
        return F.linear(x, w, b)

    @staticmethod
    def backward(ctx, s):
        w, b = ctx.saved_tensors
        if ctx.rule == "reconstruct":
            s = s - b
        within(s.abs() @ w.abs())
        return s @ w, None, None, None


# ---- forward ------------------------------------------------------------------------------------

def pads(o, window, stride, dilation, size, default):
    """top, left, bottom, right."""
    pad = o.get("pad", default)
    if isinstance(pad, tuple):
        return pad
    if pad == "valid":
        return 0, 0, 0, 0
    total = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
             for n, k, s, d in zip(size, window, stride, dilation)]
    before = [t // 2 for t in total]
    return before[0], before[1], total[0] - before[0], total[1] - before[1]


def padded(x, p, value):
    return F.pad(x, (p[1], p[3], p[0], p[2]), value=value)


def forward(nodes, x, weights, rule):
    """x: (N,C,H,W). Values by node, masks by pool in TensorFlow's form."""
    values, masks = {nodes[0][0]: x}, {}
    for name, op, inputs, o in nodes[1:]:
        a = values[inputs[0]]
        n, c, h, w = a.shape
        window = o.get("kernel") or o.get("window") or (h, w)
        stride = o.get("stride", (1, 1) if op == "conv" else window)
        p = pads(o, window, stride, o.get("dilation", (1, 1)), (h, w), "same")
        if op == "conv":
            kernel = weights[name + ".weight"].permute(3, 2, 0, 1)
            bias = weights.get(name + ".bias", torch.zeros(o["filters"]))
            options = dict(stride=stride, dilation=o.get("dilation", (1, 1)),
                           groups=o.get("groups", 1))
            y = Conv.apply(padded(a, p, 0.0), kernel, bias, rule, options)
        elif op == "relu":
            y = Relu.apply(a, rule)
        elif op == "max_pool":
            y, index = F.max_pool2d(padded(a, p, -np.inf), window, stride, return_indices=True)
            row, column = index // (w + p[1] + p[3]) - p[0], index % (w + p[1] + p[3]) - p[1]
            channel = torch.arange(c)[None, :, None, None]
            masks[name] = ((row * w + column) * c + channel).permute(0, 2, 3, 1).numpy()
        elif op == "avg_pool":
            def total(t):
                return F.avg_pool2d(padded(t, p, 0.0), window, stride, divisor_override=1)
            y = total(a) / total(torch.ones_like(a))
        elif op == "dense":
            flat = a.permute(0, 2, 3, 1).reshape(n, -1)
            y = Dense.apply(flat, weights[name + ".weight"].t(), weights[name + ".bias"], rule)
            y = y[:, :, None, None]
        elif op == "add":
            y = a + values[inputs[1]]
        elif op == "concat":
            y = torch.cat([values[i] for i in inputs], 1)
        values[name] = y
    return values, masks


def seed(value, start, channel):
    """The activations that a walk starts from."""
    s = torch.zeros_like(value)
    if start == "layer":
        s = value.clone()
    elif start == "channel":
        s[:, channel] = value[:, channel]
    elif start == "peak":
        flat = value[:, channel].reshape(len(value), -1).numpy()
        best = flat.argmax(1)              # NumPy's argmax is the first
        for i, b in enumerate(best):
            s[i, channel, b // value.shape[3], b % value.shape[3]] = float(flat[i, b])
    return s


def nhwc(t):
    return t.detach().permute(0, 2, 3, 1).contiguous().numpy().astype(np.float32)


# ---- cases ---------------------------------------------------------------------------------------

def case(name, nodes, batch, layers, channels):
    out, metadata = {}, {f"{name}/network": network.text(nodes), f"{name}/batch": str(batch)}
    fills, depth, sizes, number = {}, {}, {}, 0

    def make(key, text, shape):
        metadata[f"{name}/{key}"] = text
        return torch.tensor(fill.make(text, shape), dtype=torch.float32)
    h, w, c = nodes[0][3]["shape"]
    x = make("input", "whole 11 2", (batch, h, w, c)).permute(0, 3, 1, 2).contiguous()
    depth[nodes[0][0]] = c
    for node, op, inputs, o in nodes[1:]:
        depth[node] = depth[inputs[0]]
        number += 100
        if op == "conv":
            shape = (*o["kernel"], depth[inputs[0]] // o.get("groups", 1), o["filters"])
            fills[node + ".weight"] = make(f"weight/{node}.weight", f"whole {number} 1", shape)
            depth[node] = o["filters"]
        elif op == "dense":
            before = nodes[:nodes.index((node, op, inputs, o))]
            size = forward(before, x, fills, "gradient")[0][inputs[0]][0].numel()
            fills[node + ".weight"] = make(f"weight/{node}.weight", f"whole {number} 1",
                                           (size, o["units"]))
            depth[node] = o["units"]
        elif op == "concat":
            depth[node] = sum(depth[i] for i in inputs)
        if op in ("conv", "dense") and o.get("bias") != "no":
            fills[node + ".bias"] = make(f"weight/{node}.bias", f"whole {number + 1} 2",
                                         (depth[node],))

    for rule in RULES:
        leaf = x.clone().requires_grad_()
        values, masks = forward(nodes, leaf, fills, rule)
        for node, value in values.items():
            out[f"{name}/value/{node}"] = nhwc(value)
        for pool, mask in masks.items():
            of = next(n for n in nodes if n[0] == pool)
            network.check_first_wins(nhwc(values[of[2][0]]), mask, of[3])
            out[f"{name}/mask/{pool}"] = mask
        names = [n[0] for n in nodes]
        for layer in layers:
            starts = [("layer", None)] + [(f, k) for f in ("channel", "peak") for k in channels]
            for start, k in starts + ([("zero", None)] if rule == "reconstruct" else []):
                below = names[:names.index(layer)]
                signals = torch.autograd.grad(values[layer], [values[n] for n in below],
                                              seed(values[layer].detach(), start, k),
                                              retain_graph=True, allow_unused=True)
                key = f"{name}/signal/{layer}/{rule}/{start}" + ("" if k is None else f"/{k}")
                # Every signal from the whole last layer; from the others the picture is enough.
                every = start == "layer" and layer == layers[-1]
                for node, s in zip(below, signals):
                    if s is not None and (every or node == names[0]):
                        out[f"{key}@{node}"] = nhwc(s)
    return out, metadata


def main():
    branches = [
        ("x", "input", [], dict(shape=(13, 11, 4))),
        ("a", "conv", ["x"], dict(filters=6, kernel=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1))),
        ("ra", "relu", ["a"], {}),
        ("b", "conv", ["ra"], dict(filters=6, kernel=(3, 3), dilation=(2, 2), groups=3,
                              pad=(2, 2, 2, 2))),
        ("rb", "relu", ["b"], {}),
        ("sum", "add", ["ra", "rb"], {}),
        ("p", "max_pool", ["sum"], dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1))),
        ("c", "conv", ["p"], dict(filters=4, kernel=(1, 1))),
        ("rc", "relu", ["c"], {}),
        ("q", "avg_pool", ["p"], dict(window=(2, 2), stride=(1, 1), pad=(1, 1, 0, 0))),
        ("both", "concat", ["rc", "q"], {}),
        ("d", "conv", ["both"], dict(filters=5, kernel=(2, 3), stride=(1, 2), pad=(0, 1, 1, 0))),
        ("rd", "relu", ["d"], {}),
        ("e", "dense", ["rd"], dict(units=7)),
        ("re", "relu", ["e"], {})]
    deep = network.chain(
        (10, 9, 3), ("c1", "conv", dict(filters=6, kernel=(3, 3), groups=3, bias="no")),
        ("p1", "max_pool", dict(window=(3, 3), stride=(2, 2))), ("r1", "relu", {}),
        ("c2", "conv", dict(filters=4, kernel=(3, 3), pad="valid")), ("r2", "relu", {}),
        ("p2", "max_pool", dict(window=(2, 2), stride=(1, 1), pad="valid")),
        ("g", "avg_pool", {}), ("e", "dense", dict(units=5)))
    out, metadata = {}, {"maker": "test/golden/make_rules.py", "torch": torch.__version__,
                         "numpy": np.__version__}
    for made in (case("branches", branches, 2, ["p", "both", "rd", "re"], (0, 3)),
                 case("deep", deep, 2, ["p1", "p2", "e"], (1, 2))):
        out.update(made[0])
        metadata.update(made[1])
    path = os.path.join(HERE, "rules.safetensors")
    tensors.save(path, out, metadata)
    tensors.record_digest(path)
    print(f"rules.safetensors: {len(out)} tensors, {os.path.getsize(path)} bytes, "
          f"sums up to {largest:g}")


torch.set_num_threads(1)
main()
