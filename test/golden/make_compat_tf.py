#!/usr/bin/env python3
"""Makes compat_tf.safetensors: what tf_cnnvis calls its deconvolution, computed by TensorFlow 2.

    ~/.cache/deconvnet/python/bin/python test/golden/make_compat_tf.py

tf_cnnvis is written for TensorFlow 1 and is no longer installable, so the program itself was not run.
By its description (Vikani and Shah 2017; docs/rules/compat.md) it takes the gradient of a channel,
begun with ones, with two derivatives replaced: relu's lets through what is positive where
the relu was on, and lrn's passes the signal by. That is done here with custom gradients.
"""
import os

os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np
import tensorflow as tf

import fill
import network
import tensors

HERE = os.path.dirname(os.path.abspath(__file__))


@tf.custom_gradient
def relu(x):
    return tf.nn.relu(x), lambda s: tf.where((s > 0) & (x > 0), s, 0.0)


def lrn(x, o):
    """TensorFlow's alpha is not divided by the size."""
    @tf.custom_gradient
    def pass_by(t):
        return tf.nn.local_response_normalization(t, o["size"] // 2, o["k"],
                                                  o["alpha"] / o["size"], o["beta"]), lambda s: s
    return pass_by(x)


def climb(nodes, x, weights, margins):
    values = {nodes[0][0]: x}
    for name, op, inputs, o in nodes[1:]:
        a = values[inputs[0]]
        if op == "conv":
            y = tf.nn.conv2d(a, weights[name + ".weight"], o.get("stride", (1, 1)), "SAME")
            y = y + weights[name + ".bias"]
        elif op == "relu":
            margins.append(tf.reduce_min(tf.where(a == 0, 1.0, tf.abs(a))).numpy())
            y = relu(a)
        elif op == "max_pool":
            y = tf.nn.max_pool2d(a, o["window"], o["stride"], "SAME")
        elif op == "avg_pool":
            y = tf.reduce_mean(a, (1, 2), keepdims=True)
        elif op == "lrn":
            y = lrn(a, o)
        values[name] = y
    return values


def case(name, nodes, batch, layers):
    metadata = {f"{name}/network": network.text(nodes), f"{name}/batch": str(batch)}
    weights, channels, number, out, margins = {}, {nodes[0][0]: nodes[0][3]["shape"][2]}, 0, {}, []

    def make(key, text, shape):
        metadata[f"{name}/{key}"] = text
        return tf.constant(fill.make(text, shape), tf.float32)
    x = make("input", "whole 31 3", (batch, *nodes[0][3]["shape"]))
    for node, op, inputs, o in nodes[1:]:
        channels[node], number = channels[inputs[0]], number + 100
        if op == "conv":
            for i, (part, shape) in enumerate((
                    ("weight", (*o["kernel"], channels[inputs[0]], o["filters"])),
                    ("bias", (o["filters"],)))):
                weights[f"{node}.{part}"] = make(f"weight/{node}.{part}",
                                                 f"whole {number + i} {i + 1}", shape)
            channels[node] = o["filters"]
    for layer, chosen in layers:
        for k in chosen:
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = climb(nodes, x, weights, margins)
                channel = values[layer][..., k]
            picture = tape.gradient(channel, x).numpy()       # begun with ones
            # Whole numbers and no normalisation on the way down: nothing is rounded there.
            assert (picture == np.round(picture)).all() and 0 < np.abs(picture).max() < 2 ** 20
            out[f"{name}/signal/{layer}/guided+relu_lrn/channel+ones/{k}@x"] = picture
    # Behind a normalisation no relu may be switched by rounding.
    assert min(margins) > 1e-3, min(margins)
    return out, metadata


def main():
    plain = network.chain(
        (9, 8, 3), ("c1", "conv", dict(filters=4, kernel=(3, 3))), ("r1", "relu", {}),
        ("p1", "max_pool", dict(window=(3, 3), stride=(2, 2))),
        ("c2", "conv", dict(filters=5, kernel=(3, 3))), ("r2", "relu", {}),
        ("p2", "max_pool", dict(window=(2, 2), stride=(2, 2))),
        ("c3", "conv", dict(filters=3, kernel=(3, 3))))
    normal = network.chain(
        (8, 7, 3), ("c1", "conv", dict(filters=5, kernel=(3, 3), stride=(2, 2))),
        ("r1", "relu", {}), ("p1", "max_pool", dict(window=(3, 3), stride=(1, 1))),
        ("n1", "lrn", dict(size=5, alpha=0.5, beta=0.75, k=1.0)),
        ("c2", "conv", dict(filters=4, kernel=(3, 3))), ("r2", "relu", {}))
    out, metadata = {}, {"maker": "test/golden/make_compat_tf.py", "tensorflow": tf.__version__,
                         "numpy": np.__version__}
    for made in (case("tf_plain", plain, 2, (("r2", (0, 3)), ("p2", (1,)), ("c3", (0, 2)))),
                 case("tf_lrn", normal, 2, (("n1", (2,)), ("c2", (0, 1)), ("r2", (0, 3))))):
        out.update(made[0])
        metadata.update(made[1])
    path = os.path.join(HERE, "compat_tf.safetensors")
    tensors.save(path, out, metadata)
    tensors.record_digest(path)
    print(f"compat_tf.safetensors: {len(out)} tensors, {os.path.getsize(path)} bytes")


main()
