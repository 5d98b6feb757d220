#!/usr/bin/env python3
"""Makes compat.safetensors with Captum and zennit themselves: what they compute as deconvolution,
guided backpropagation and saliency, on networks whose ReLUs are modules, as those programs want it.

    python3 test/golden/make_compat.py          (torch 2.15, captum 0.9, zennit 0.5.1)

operators.py walks the same way down by itself; both must agree before anything is written, and the
rounding bound is its.
"""
import os
import warnings
from importlib.metadata import version

import numpy as np
import torch
from captum.attr import (Deconvolution, GuidedBackprop, NeuronDeconvolution, NeuronGradient,
                         NeuronGuidedBackprop, Saliency)
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import DeconvNet
from zennit.composites import GuidedBackprop as ZennitGuided

import operators as ops
import tensors
from cases import REAL, WHOLE
from make_operators import Case, seed
from network import sequence

HERE = os.path.dirname(os.path.abspath(__file__))


class Apply(nn.Module):
    """A function as a module: what Captum and zennit have no rule for."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, *xs):
        return self.f(*xs)


def module(node, shape, weights):
    name, op, inputs, o = node
    weight, bias = weights.get(name + ".weight"), weights.get(name + ".bias")
    if op == "conv":
        pad = o["pad"]
        m = nn.Conv2d(shape[1], o["filters"], o["kernel"], o.get("stride", (1, 1)), pad[:2],
                      o.get("dilation", (1, 1)), o.get("groups", 1), bias is not None)
        weight = weight.permute(3, 2, 0, 1)
    elif op == "dense":
        m = nn.Linear(shape[1], o["units"], bias is not None)       # of one cell
        weight = weight.t()
    elif op == "batch_norm":
        m = nn.BatchNorm2d(shape[1], eps=0.0)                       # mean 0, variance 1
    else:
        return {"relu": nn.ReLU, "silu": nn.SiLU, "sigmoid": nn.Sigmoid,
                "clip": nn.ReLU6, "leaky_relu": lambda: nn.LeakyReLU(o["slope"]),
                "max_pool": lambda: nn.MaxPool2d(o["window"], o["stride"], o["pad"][:2]),
                "avg_pool": lambda: nn.AdaptiveAvgPool2d(1),
                "add": lambda: Apply(lambda a, b: a + b), "mul": lambda: Apply(lambda a, b: a * b),
                "concat": lambda: Apply(lambda *xs: torch.cat(xs, 1)),
                "lrn": lambda: nn.LocalResponseNorm(o["size"], o["alpha"], o["beta"], o["k"])
                }[op]().double()
    m = m.double()
    with torch.no_grad():
        m.weight.copy_(weight)
        if bias is not None:
            m.bias.copy_(bias)
    return m


class Net(nn.Module):
    def __init__(self, case, shapes):
        super().__init__()
        self.nodes = case.nodes
        self.steps = nn.ModuleDict({n[0]: module(n, shapes[n[2][0]], case.weights)
                                    for n in case.nodes[1:]})

    def forward(self, x):
        values = {self.nodes[0][0]: x}
        for name, op, inputs, _ in self.nodes[1:]:
            xs = [values[i] for i in inputs]
            if op == "dense":
                values[name] = self.steps[name](xs[0].flatten(1))[:, :, None, None]
            else:
                values[name] = self.steps[name](*xs)
        return values[self.nodes[-1][0]].flatten(1)


PLAIN = sequence(
    (7, 9, 3), ("c1", "conv", dict(filters=4, kernel=(3, 3), pad=(1, 1, 1, 1))), ("r1", "relu", {}),
    ("p", "max_pool", dict(window=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1))),
    ("c2", "conv", dict(filters=4, kernel=(3, 3), pad=(1, 1, 1, 1))), ("r2", "relu", {}),
    ("c3", "conv", dict(filters=4, kernel=(3, 1), pad=(1, 0, 1, 0), groups=2)),
    ("s", "add", {}, ["c3", "p"]), ("r3", "relu", {}),
    ("k", "concat", {}, ["r3", "r2"]), ("c4", "conv", dict(filters=3, kernel=(4, 5), stride=(2, 2),
                                                         pad=(0, 0, 0, 0))), ("r4", "relu", {}),
    ("d", "dense", dict(units=4)))

# All that is no ReLU: both programs leave its derivative as it is.
MIXED = sequence(
    (6, 5, 3), ("c1", "conv", dict(filters=4, kernel=(3, 3), pad=(1, 1, 1, 1))),
    ("b1", "batch_norm", {}), ("a1", "clip", dict(max=6)),
    ("n", "lrn", dict(size=3, alpha=0.5, beta=0.75, k=1.0)),
    ("c2", "conv", dict(filters=4, kernel=(3, 3), pad=(1, 1, 1, 1))), ("a2", "silu", {}),
    ("g", "avg_pool", {}), ("e", "conv", dict(filters=4, kernel=(1, 1), pad=(0, 0, 0, 0))),
    ("r", "relu", {}), ("f", "conv", dict(filters=4, kernel=(1, 1), pad=(0, 0, 0, 0))),
    ("h", "sigmoid", {}), ("m", "mul", {}, ["a2", "h"]), ("l", "leaky_relu", dict(slope=0.25)),
    ("c3", "conv", dict(filters=3, kernel=(3, 3), stride=(2, 2), pad=(1, 1, 1, 1))),
    ("r3", "relu", {}), ("o", "avg_pool", {}), ("d", "dense", dict(units=3)))


def captum_pictures(net, x, layers, classes):
    """Yields (layer, rule, start, picture)."""
    last = net.nodes[-1][0]
    for k in classes:
        where = f"unit+ones/{k},0,0"
        yield last, "deconvnet+relu", where, Deconvolution(net).attribute(x, target=k)
        yield last, "guided+relu", where, GuidedBackprop(net).attribute(x, target=k)
        yield last, "gradient+relu+abs", where, Saliency(net).attribute(x, target=k)
        yield last, "gradient+relu", where, Saliency(net).attribute(x, target=k, abs=False)
    for layer, unit in layers:
        where = "unit+ones/%d,%d,%d" % unit
        step = net.steps[layer]
        yield layer, "deconvnet+relu", where, NeuronDeconvolution(net, step).attribute(x, unit)
        yield layer, "guided+relu", where, NeuronGuidedBackprop(net, step).attribute(x, unit)
        yield layer, "gradient+relu", where, NeuronGradient(net, step).attribute(x, unit)


def zennit_pictures(net, x):
    """zennit starts from the output itself unless it is told otherwise."""
    last = net.nodes[-1][0]
    for rule, composite in (("deconvnet", DeconvNet), ("guided", ZennitGuided), ("gradient", None)):
        for start, output in (("layer", None), ("layer+ones", torch.ones_like)):
            hooks = composite() if composite else None
            with Gradient(model=net, composite=hooks, attr_output=output) as attributor:
                yield last, rule + "+relu", start, attributor(x)[1]


def run(program, name, nodes, layers, classes, **more):
    case = Case(f"{program}_{name}", nodes, 2, layers=[], starts=(), **more)
    masks, margins, values = {}, [], {nodes[0][0]: ops.Pair(case.x)}
    ops.exact = case.exact
    for node in nodes[1:]:
        values[node[0]] = ops.up(node, [values[i] for i in node[2]], case.weights, masks, margins)
        if case.exact:
            ops.limit(values[node[0]])
    if not case.exact:
        assert all(distance > 2 * rounding for distance, rounding in margins), margins
    net = Net(case, {n: p.v.shape for n, p in values.items()}).eval()
    out = values[nodes[-1][0]]
    case.agree("value", net(case.x).detach()[:, :, None, None], out)
    case.put(f"value/{nodes[-1][0]}", out.v, out.e)
    made = captum_pictures(net, case.x, layers, classes) if program == "captum" else \
        zennit_pictures(net, case.x)
    for layer, words, start, picture in made:
        value = values[layer]
        s, chosen, ones = seed(value.v, start)
        e = torch.zeros_like(s) if ones else torch.where(chosen, value.e, 0.0)
        pair = ops.walk_down(nodes, layer, ops.Pair(s, e), values, words.split("+")[0], True,
                             case.weights, masks, only=("relu",))[nodes[0][0]]
        key = f"signal/{layer}/{words}/{start}@{nodes[0][0]}"
        case.agree(key, picture.detach(), ops.Pair(pair.v.abs() if "+abs" in words else pair.v))
        assert picture.abs().max() > 0, key
        case.put(key, picture, pair.e)
    return case


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    ops.UNIT = 1.0               # nothing is divided here
    out, metadata = {}, {"maker": "test/golden/make_compat.py", "torch": torch.__version__,
                         "captum": version("captum"), "zennit": version("zennit"),
                         "numpy": np.__version__}
    plain = dict(image="whole 21 3", fills=WHOLE, exact=True)
    mixed = dict(image="real 21 0", fills={**REAL, "batch_norm": ("real 1", "real 1")})
    for program in ("captum", "zennit"):
        for case in (run(program, "plain", PLAIN, [("r3", (1, 2, 1)), ("s", (0, 0, 4))], (0, 2),
                         **plain),
                     run(program, "mixed", MIXED, [("l", (0, 3, 2)), ("r3", (1, 0, 1))], (0, 1),
                         **mixed)):
            out.update(case.tensors)
            metadata.update(case.metadata)
    path = os.path.join(HERE, "compat.safetensors")
    tensors.save(path, out, metadata)
    tensors.record_digest(path)
    print(f"compat.safetensors: {len(out)} tensors, {os.path.getsize(path)} bytes")


main()
