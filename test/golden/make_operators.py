#!/usr/bin/env python3
"""Makes operators.safetensors with PyTorch: every operator and border case, up, and down under
every rule, with and without switches, from every kind of start.

    python3 test/golden/make_operators.py       (torch 2.15)

The rules are autograd functions, so that the walk itself is PyTorch's. operators.py walks once
more, by itself and with rounding bounds; both must agree before anything is written. In cases of
whole numbers nothing is rounded (`exact`), and the test compares for equality.
"""
import os

import numpy as np
import torch
import torch.nn.functional as F

import fill
import network
import operators as ops
import tensors
from cases import CASES

HERE = os.path.dirname(os.path.abspath(__file__))


# ---- PyTorch's walk -----------------------------------------------------------------------------

class Activate(torch.autograd.Function):
    """f on the way up; on the way down the rule. rectify: what f does to a signal."""
    @staticmethod
    def forward(ctx, x, f, rectify, rule):
        ctx.save_for_backward(x)
        ctx.f, ctx.rectify, ctx.rule = f, rectify, rule
        return f(x)

    @staticmethod
    def backward(ctx, s):
        (x,) = ctx.saved_tensors
        if ctx.rule in ("deconvnet", "guided"):
            s = ctx.rectify(s)
        if ctx.rule in ("gradient", "guided"):
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                s = torch.autograd.grad(ctx.f(leaf), leaf, s)[0]     # PyTorch's own derivative
        return s, None, None, None


class AddBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, b, rule):
        ctx.b = b if rule == "reconstruct" else torch.zeros_like(b)
        return x + b

    @staticmethod
    def backward(ctx, s):
        return s - ctx.b, None, None


class Pool(torch.autograd.Function):
    """Up: winners; down: to `index`."""
    @staticmethod
    def forward(ctx, x, winners, index):
        ctx.shape, ctx.index = x.shape, index
        flat = x.reshape(*x.shape[:2], -1)
        return flat.gather(2, winners.reshape(*x.shape[:2], -1)).reshape(winners.shape)

    @staticmethod
    def backward(ctx, s):
        n, c, h, w = ctx.shape
        t = s.new_zeros(n, c, h * w)
        t.scatter_add_(2, ctx.index.reshape(n, c, -1), s.reshape(n, c, -1))
        return t.reshape(ctx.shape), None, None


class PassBy(torch.autograd.Function):
    """Forward as f; backward as if it were not there."""
    @staticmethod
    def forward(ctx, x, f):
        return f(x)

    @staticmethod
    def backward(ctx, s):
        return s, None


def normalise(x, o):
    """PyTorch's window of an even size lies one channel further down than ONNX's."""
    size, a, b, k = o["size"], *(ops.single(o[key]) for key in ("alpha", "beta", "k"))
    if size % 2:
        return F.local_response_norm(x, size, a, b, k)
    return x / (k + a / size * ops.near_by(x.square(), size)) ** b


def node_value(node, xs, weights, rule, switches):
    name, op, inputs, o = node
    x = xs[0]
    n, c, h, w = x.shape
    bias = weights.get(name + ".bias")
    weight = weights.get(name + ".weight")
    if op == "conv":
        win = ops.Window(op, o, (h, w))
        y = F.conv2d(win.padded(x, 0.0), weight.permute(3, 2, 0, 1), None, win.stride, 0,
                     win.dilation, o.get("groups", 1))
    elif op == "dense":
        y = F.linear(x.permute(0, 2, 3, 1).reshape(n, -1), weight.t())[:, :, None, None]
    elif op in ("scale", "batch_norm"):
        y = x * weight[:, None, None]
    elif op == "max_pool":
        win = ops.Window(op, o, (h, w))
        winners = win.winners(x.detach())
        if switches and win.native():
            return F.max_pool2d(x, win.kernel, win.stride, win.pad[:2], win.dilation, win.ceil)
        return Pool.apply(x, winners, winners if switches else win.centres(winners.shape))
    elif op == "mul":
        return x * (xs[1] if rule == "gradient" else xs[1].detach())
    elif op == "lrn":
        return normalise(x, o) if rule == "gradient" else PassBy.apply(x, lambda t: normalise(t, o))
    elif op in ("softmax", "log_softmax"):
        return x.softmax(1) if op == "softmax" else x.log_softmax(1)
    elif op in ("leaky_relu", "prelu"):
        a = weight if op == "prelu" else x.new_tensor([ops.single(o["slope"])])

        def f(t):
            return F.prelu(t, a.expand(c))
        return Activate.apply(x, f, f, rule)
    elif op == "relu" or op in ops.MAPS:
        return Activate.apply(x, ops.activation(op, o), lambda s: s.clamp(min=0), rule)
    else:
        made = ops.linear(node, [t.shape for t in xs], weights)
        y = made[0](xs, False)
        return y if made[1] is None else y + made[1]
    return y if bias is None else AddBias.apply(y, bias[:, None, None], rule)


def climb(nodes, leaf, weights, rule, switches):
    values = {nodes[0][0]: leaf}
    for node in nodes[1:]:
        values[node[0]] = node_value(node, [values[i] for i in node[2]], weights, rule, switches)
    return values


# ---- starts -------------------------------------------------------------------------------------

def seed(value, start):
    """start: "layer", "zero", "channel/K", "peak/K", "unit/K,Y,X", perhaps with "+ones" behind the
    first word. Returns the signal and whether it is made of activations."""
    word, _, rest = start.partition("/")
    word, _, ones = word.partition("+")
    chosen = torch.zeros_like(value, dtype=torch.bool)
    at = [int(i) for i in rest.split(",")] if rest else []
    if word == "layer":
        chosen[:] = True
    elif word == "channel":
        chosen[:, at[0]] = True
    elif word == "unit":
        chosen[:, at[0], at[1], at[2]] = True
    elif word == "peak":
        flat = value[:, at[0]].reshape(len(value), -1).numpy()
        for i, best in enumerate(flat.argmax(1)):           # NumPy's argmax is the first
            chosen[i, at[0], best // value.shape[3], best % value.shape[3]] = True
    else:
        assert word == "zero"
    return torch.where(chosen, torch.ones_like(value) if ones else value, 0.0), chosen, bool(ones)


# ---- a case -------------------------------------------------------------------------------------

class Case:
    def __init__(self, name, nodes, batch, image, fills, layers, starts, extend=False,
                 exact=False, rules=ops.RULES, centre_starts=("layer",)):
        self.name, self.nodes, self.batch, self.exact = name, nodes, batch, exact
        self.layers, self.starts, self.rules = layers, starts, rules
        self.extend, self.centre_starts = extend, centre_starts
        self.tensors = {}
        self.metadata = {f"{name}/network": network.text(nodes), f"{name}/batch": str(batch)}
        h, w, c = nodes[0][3]["shape"]
        x = self.fill("input", image, (batch, h, w, c))
        self.x = x.permute(0, 3, 1, 2).contiguous()
        self.weights = {}
        self.make_weights(fills)

    def fill(self, key, text, shape):
        self.metadata[f"{self.name}/{key}"] = text
        return torch.tensor(fill.make(text, shape), dtype=torch.float64)

    def make_weights(self, fills):
        """fills: by operator, how its weights and its biases are made: "whole 1", "real -1"."""
        shapes, number = {self.nodes[0][0]: self.x.shape}, 0
        values = {self.nodes[0][0]: ops.Pair(self.x)}
        for node in self.nodes[1:]:
            name, op, inputs, o = node
            c, number = shapes[inputs[0]][1], number + 100
            size = int(np.prod(shapes[inputs[0]][1:]))
            weight = {"conv": (*o.get("kernel", ()), c // o.get("groups", 1), o.get("filters", 0)),
                      "dense": (size, o.get("units", 0)), "scale": (c,), "batch_norm": (c,),
                      "prelu": (c,)}.get(op)
            if weight:
                parts = [("weight", weight)]
                if op != "prelu" and o.get("bias") != "no":
                    parts.append(("bias", weight[-1:]))
                for i, (part, shape) in enumerate(parts):
                    word, argument = fills.get(op, fills["conv"])[i].split()
                    key = f"{name}.{part}"
                    text = f"{word} {number + i} {argument}"
                    self.weights[key] = self.fill("weight/" + key, text, shape)
            values[name] = ops.up(node, [values[i] for i in inputs], self.weights, {}, [])
            shapes[name] = values[name].v.shape

    def put(self, key, v, e):
        """v: what PyTorch says; e: how far a float32 evaluation may be off."""
        name = f"{self.name}/{key}"
        v = v.detach().permute(0, 2, 3, 1).contiguous()
        self.tensors[name] = v.numpy().astype(np.float32)
        if not self.exact:
            # One rounding more: the file holds float32 numbers.
            tolerance = (e.permute(0, 2, 3, 1) + ops.U * v.abs()).max().item()
            assert np.isfinite(tolerance), name
            self.tensors[name + ".tolerance"] = np.array([tolerance * 1.01], np.float32)

    def agree(self, key, v, pair):
        """Two walks, one in PyTorch's autograd and one in operators.py."""
        scale = pair.v.abs().max().item() + 1e-3
        worst = (v - pair.v).abs().max().item()
        assert worst <= 1e-11 * scale, f"{self.name}/{key}: {worst} of {scale}"

    def run(self):
        masks, margins = {}, []
        values = {self.nodes[0][0]: ops.Pair(self.x)}
        ops.exact = self.exact
        for node in self.nodes[1:]:
            values[node[0]] = ops.up(node, [values[i] for i in node[2]], self.weights, masks,
                                     margins)
            if self.exact:
                ops.limit(values[node[0]])
        if not self.exact:
            for distance, rounding in margins:
                assert distance > 4 * rounding, f"{self.name}: {distance} against {rounding}"
        for node, pair in values.items():
            self.put(f"value/{node}", pair.v, pair.e)
        for pool, index in masks.items():
            of = next(n for n in self.nodes if n[0] == pool)
            n, c, h, w = values[of[2][0]].v.shape
            mask = (index * c + torch.arange(c)[:, None, None]).permute(0, 2, 3, 1)
            self.tensors[f"{self.name}/mask/{pool}"] = mask.contiguous().numpy()
        for rule in self.rules:
            for switches in (True, False) if masks else (True,):
                self.run_rule(values, masks, rule, switches)
        signals = [t for k, t in self.tensors.items()
                   if "/signal/" in k and not k.endswith(".tolerance")]
        dead = sum(not t.any() for t in signals)
        assert dead <= len(signals) / 20, f"{self.name}: {dead} signals are nothing but zeros"
        return self

    def run_rule(self, values, masks, rule, switches):
        leaf = self.x.clone().requires_grad_()
        torch_values = climb(self.nodes, leaf, self.weights, rule, switches)
        for node, pair in values.items():
            self.agree(f"value/{node}", torch_values[node].detach(), pair)
        word = rule + ("" if switches else "+no_switches")
        if self.extend and rule != "gradient":
            word += "+extend"
        names = [n[0] for n in self.nodes]
        for layer in self.layers:
            last = layer == self.layers[-1]
            starts = self.starts if last and switches else \
                self.centre_starts if last else ("layer",)
            for start in starts + (("zero",) if rule == "reconstruct" and last else ()):
                value = values[layer]
                s, chosen, ones = seed(value.v, start)
                e = torch.zeros_like(s) if ones else torch.where(chosen, value.e, 0.0)
                pairs = ops.walk_down(self.nodes, layer, ops.Pair(s, e), values, rule, switches,
                                      self.weights, masks)
                below = [n for n in names[:names.index(layer)] if n in pairs]
                signals = torch.autograd.grad(torch_values[layer], [torch_values[n] for n in below],
                                              s, retain_graph=True)
                every = start == "layer" and last
                for node, signal in zip(below, signals):
                    key = f"signal/{layer}/{word}/{start}@{node}"
                    self.agree(key, signal, pairs[node])
                    if every or node == names[0]:
                        self.put(key, signal, pairs[node].e)


def main():
    torch.set_num_threads(1)
    out, metadata = {}, {"maker": "test/golden/make_operators.py", "torch": torch.__version__,
                         "numpy": np.__version__}
    for options in CASES:
        made = Case(**options).run()
        out.update(made.tensors)
        metadata.update(made.metadata)
        print(made.name, sum(t.nbytes for t in made.tensors.values()), len(made.tensors))
    path = os.path.join(HERE, "operators.safetensors")
    tensors.save(path, out, metadata)
    tensors.record_digest(path)
    print(f"operators.safetensors: {len(out)} tensors, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
