#!/usr/bin/env python3
"""Makes the golden files of the tutorial's arithmetic with TensorFlow: spec.md from the picture to
the weights after 20 steps of Adam, and the bytes of the strip.

    script/peers; ~/.cache/deconvnet/python/bin/python test/golden/make_tutorial.py

Every tensor is checked against bound.py (NumPy, float64) before a file is written. All inputs are
made-up numbers.
"""
import sys

from graph1 import Case, exact_case, forward, reconstruct, save, session, summary_bytes, tf, tf1
import numpy as np

import bound
import fill
import network
from bound import Pair

RATE = 1e-4


def bounded_run(x, w, labels):
    """All of spec.md in float64 with bounds, and how far each decision is from tipping."""
    p = {k: Pair(v) for k, v in w.items()}
    out, margins, masks = {"x_image": Pair(x)}, {}, {}
    last = out["x_image"]
    for i in (1, 2):
        out[f"conv{i}"] = pre = bound.conv(last, p[f"conv{i}.weight"], p[f"conv{i}.bias"])
        out[f"h_conv{i}"] = h = bound.relu(pre)
        pooled, masks[f"h_pool{i}"], gap = bound.max_pool(h)
        out[f"h_pool{i}"] = last = pooled
        margins[f"conv{i}"] = min(np.abs(pre.v).min(), gap[pooled.v > 0].min())
    out["conv3"] = pre = bound.conv(last, p["conv3.weight"], p["conv3.bias"])
    margins["conv3"] = np.abs(pre.v).min()
    out["h_conv3"] = bound.relu(pre)
    out["nt_hpool3"] = z = bound.mean(out["h_conv3"])
    logits = z.reshape(len(x), -1)
    out["y_conv"] = bound.softmax(logits).reshape(*z.v.shape)
    out["loss"], g = bound.cross_entropy(logits, labels)

    shape1, shape2 = out["h_conv1"].v.shape, out["h_conv2"].v.shape
    n3 = out["h_conv3"].v.shape[1] * out["h_conv3"].v.shape[2]
    ones = np.ones(out["h_conv3"].v.shape)
    spread = Pair(ones * g.v[:, None, None] / n3,
                  ones * (g.e + 2 * bound.U * np.abs(g.v))[:, None, None] / n3)
    g3 = bound.masked(spread, pre)
    g2 = bound.unpool(bound.deconv(g3, p["conv3.weight"]), masks["h_pool2"], shape2)
    g2 = bound.masked(g2, out["conv2"])
    g1 = bound.unpool(bound.deconv(g2, p["conv2.weight"]), masks["h_pool1"], shape1)
    g1 = bound.masked(g1, out["conv1"])
    gradients = {}
    for name, below, s in (("conv1", "x_image", g1), ("conv2", "h_pool1", g2),
                           ("conv3", "h_pool2", g3)):
        gradients[name + ".weight"] = bound.weight_gradient(out[below], s, 5, 5)
        gradients[name + ".bias"] = bound.bias_gradient(s)

    down = {}
    for layer in (2, 1):
        s = out[f"h_pool{layer}"]
        for i in range(layer, 0, -1):
            s = bound.unpool(s, masks[f"h_pool{i}"], (shape1, shape2)[i - 1])
            down[f"h_pool{layer}", f"h_conv{i}"] = s
            s = bound.deconv(bound.subtract(s, p[f"conv{i}.bias"]), p[f"conv{i}.weight"])
            down[f"h_pool{layer}", ("x_image", "h_pool1")[i - 1]] = s
    return out, margins, masks, gradients, down


def adam_step_bound(w, g):
    """The first step: w - rate * g / (|g| + c), c = epsilon / sqrt(1 - beta2). The function of g
    rises, so its ends bound it. 4e-5: 1 - beta2 is 1.3e-5 away from 0.001 if beta2 is a float32."""
    c = 1e-8 / np.sqrt(1 - 0.999)

    def move(v):
        return RATE * v / (np.abs(v) + c)
    middle = move(g.v)
    e = np.maximum(move(g.v + g.e) - middle, middle - move(g.v - g.e))
    return Pair(w - middle, e + 4e-5 * np.abs(middle) + 2 * bound.U * np.abs(w))


def tensorflow_run(case, labels, steps):
    tf1.reset_default_graph()
    variables = {k: tf1.Variable(v.astype(np.float32)) for k, v in case.weights().items()}
    x = tf1.placeholder(tf.float32, case.fills["input"].shape)
    y = tf1.placeholder(tf.float32, [case.batch, 10])
    values, masks = forward(case.nodes, x, variables)
    down = {(layer, node): s for layer in ("h_pool2", "h_pool1")
            for node, s in reconstruct(case.nodes, layer, values, masks, variables).items()}
    probabilities = tf.reshape(values["y_conv"], [-1, 10])
    cost = tf.reduce_mean(-tf1.reduce_sum(y * tf1.log(probabilities), axis=1))
    optimizer = tf1.train.AdamOptimizer(RATE)
    gradients = dict(zip(variables, tf1.gradients(cost, list(variables.values()))))
    train = optimizer.minimize(cost)
    strip = tf.concat((x, down["h_pool1", "x_image"], down["h_pool2", "x_image"]), axis=2)
    picture = tf1.summary.image("source/cifar", strip)
    feed = {x: case.fills["input"].astype(np.float32), y: np.eye(10, dtype=np.float32)[labels]}
    out, losses, weights = {}, [], []
    with session() as s:
        s.run(tf1.global_variables_initializer())
        out["values"], out["masks"], out["down"], out["gradients"], out["loss"], out["picture"], \
            out["strip"] = s.run([values, masks, down, gradients, cost, picture, strip], feed)
        for _ in range(steps):
            losses.append(s.run([cost, train], feed)[0])
            weights.append(s.run(variables))
    out["losses"], out["weights"] = np.array(losses, np.float32), weights
    return out


def real_case(name, channels, exponents, batch, every):
    """Looks for a seed with which no ReLU and no maximum is so near to tipping that rounding could
    tip it: 16 times the rounding that TensorFlow shows. `every`: which elements are stored."""
    nodes = network.tutorial(3, *channels, 10)
    for seed in range(1, 200):
        case = Case(name, nodes, batch)
        case.fill_all(f"real {seed} 1", [f"real {seed} {e}" for e in exponents], f"real {seed} -4")
        labels = fill.bits(batch, seed + 9) % 10
        b_values, margins, b_masks, b_gradients, b_down = \
            bounded_run(case.fills["input"], case.weights(), labels)
        if all(m > 4e-6 for m in margins.values()):
            t = tensorflow_run(case, labels, 20)
            rounding = {k: np.abs(t["values"][k] - b_values[k].v).max() for k in margins}
            if all(margins[k] > 16 * rounding[k] for k in margins):
                break
    else:
        sys.exit(f"{name}: no seed is good enough")
    print(f"{name}: seed {seed}, margins {margins}, rounding {rounding}")

    worst = {}
    for key, value in t["values"].items():
        if key != "x_image":
            worst[key] = case.put_bounded(f"value/{key}", value, b_values[key], every(value))
    for key, value in t["masks"].items():
        assert (value == b_masks[key]).all(), key
        case.put(f"mask/{key}", value, every(value))
    for (layer, node), value in t["down"].items():
        if node.startswith("conv"):     # no ReLU on the way down: the same as at h_conv
            continue
        worst[f"{layer}@{node}"] = case.put_bounded(
            f"signal/{layer}/reconstruct/layer@{node}", value, b_down[layer, node], every(value))
    case.put("labels", labels)
    worst["loss"] = case.put_bounded("loss", t["loss"].reshape(1), b_values["loss"].reshape(1))
    for key, pair in b_gradients.items():
        worst["gradient " + key] = case.put_bounded(
            f"gradient/{key}", t["gradients"][key], pair, every(pair.v))
        value = t["weights"][0][key]
        worst["step1 " + key] = case.put_bounded(
            f"step1/{key}", value, adam_step_bound(case.weights()[key], pair), every(value), True)
        case.put(f"step20/{key}", t["weights"][19][key], every(pair.v))
    case.put("losses", t["losses"])
    assert np.abs(t["strip"][:, :, :24] - case.fills["input"]).max() == 0
    for i, b in enumerate(summary_bytes(t["picture"])):
        case.put(f"tf1/{i}", b)
    for key, e in worst.items():
        print(f"  {key}: TensorFlow is off by {e:.2e}")
    return case


def main():
    save("tutorial_small.safetensors", "make_tutorial.py",
         [real_case("small", (8, 8), (-3, -3, -2), 3, lambda value: 1)])
    save("tutorial_true.safetensors", "make_tutorial.py",
         [real_case("true", (64, 64), (-4, -4, -3), 2,
                    lambda value: 37 if value.size > 12000 else 1)])
    save("tutorial_integer.safetensors", "make_tutorial.py",
         [exact_case("integer", network.tutorial(3, 64, 64, 10)[:9], 2, "whole 1 2",
                     ["sparse 1 25", "sparse 2 160", "sparse 3 200"], "whole 4 2",
                     ["h_pool1", "h_pool2", "h_conv3"], False)])


main()
