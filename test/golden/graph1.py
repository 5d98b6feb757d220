"""The tutorial's operators in TensorFlow, graph mode of version 1, and what the makers share.

oneDNN's kernels are off, so that a second run on another machine of this kind gives the same bytes.
"""
import io
import os

os.environ.update(TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np
import tensorflow as tf
from PIL import Image

import fill
import network
import tensors

tf1 = tf.compat.v1
tf1.disable_eager_execution()
HERE = os.path.dirname(os.path.abspath(__file__))
EXACT = 2.0 ** 24

# ---- TensorFlow ---------------------------------------------------------------------------------

def session():
    return tf1.Session(config=tf1.ConfigProto(intra_op_parallelism_threads=1,
                                              inter_op_parallelism_threads=1))


def un_max_pool(net, mask, shape):
    """The tutorial's: batch, row and column from the mask, the channel from the place."""
    n, h, w, c = shape
    one = tf.ones_like(mask)
    b = one * tf.reshape(tf.range(n, dtype=tf.int64), [n, 1, 1, 1])
    f = one * tf.range(c, dtype=tf.int64)
    index = tf.stack([b, mask // (w * c), mask % (w * c) // c, f], axis=-1)
    return tf.scatter_nd(tf.reshape(index, [-1, 4]), tf.reshape(net, [-1]), shape)


def padding(o):
    pad = o.get("pad", "same")
    if isinstance(pad, tuple):
        return [[0, 0], [pad[0], pad[2]], [pad[1], pad[3]], [0, 0]]
    return pad.upper()


def strides(o, key="stride"):
    return [1, *o.get(key, (1, 1)), 1]


def forward(nodes, x, weights):
    """values by node name, masks by pool name."""
    values, masks = {nodes[0][0]: x}, {}
    for name, op, inputs, o in nodes[1:]:
        a = values[inputs[0]]
        if op == "conv":
            y = tf1.nn.conv2d(a, weights[name + ".weight"], strides=strides(o), padding=padding(o))
            y = y + weights[name + ".bias"]
        elif op == "relu":
            y = tf.nn.relu(a)
        elif op == "max_pool":
            k, s = [1, *o["window"], 1], [1, *o.get("stride", o["window"]), 1]
            argmax = tf1.nn.max_pool_with_argmax(a, ksize=k, strides=s, padding=padding(o))[1]
            masks[name] = tf.stop_gradient(argmax)
            y = tf1.nn.max_pool(a, ksize=k, strides=s, padding=padding(o))
        elif op == "avg_pool":
            k = [1, *a.shape[1:3], 1]
            y = tf1.nn.avg_pool(a, ksize=k, strides=k, padding="SAME")
        else:
            y = tf.nn.softmax(a)
        values[name] = y
    return values, masks


def reconstruct(nodes, layer, values, masks, weights):
    """The way down from a layer: the signal at each node of the chain below it."""
    below = {name: (op, inputs, o) for name, op, inputs, o in nodes}
    signals, node, s = {}, layer, values[layer]
    while below[node][1]:
        op, inputs, o = below[node]
        shape = values[inputs[0]].shape.as_list()
        if op == "conv":
            s = tf1.nn.conv2d_transpose(s - weights[node + ".bias"], weights[node + ".weight"],
                                        output_shape=shape, strides=strides(o), padding=padding(o))
        elif op == "max_pool":
            s = un_max_pool(s, masks[node], shape)
        node = inputs[0]
        signals[node] = s
    return signals


# ---- cases --------------------------------------------------------------------------------------

class Case:
    """What goes into a file under one prefix, and how the C test makes the rest again."""

    def __init__(self, name, nodes, batch):
        self.name, self.nodes, self.batch = name, nodes, batch
        self.tensors, self.metadata, self.fills = {}, {}, {}
        self.metadata[f"{name}/network"] = network.text(nodes)
        self.metadata[f"{name}/batch"] = str(batch)

    def fill(self, key, text, shape):
        self.metadata[f"{self.name}/{key}"] = text
        self.fills[key] = fill.make(text, shape)

    def weights(self):
        return {k[len("weight/"):]: v for k, v in self.fills.items() if k.startswith("weight/")}

    def fill_all(self, image, rules, bias):
        """rules: of each convolution's weights in turn."""
        shape = self.nodes[0][3]["shape"]
        self.fill("input", image, (self.batch, *shape))
        seed, channels, sizes = 100, {"x": shape[2], "x_image": shape[2]}, iter(rules)
        for name, op, inputs, o in self.nodes:
            if op == "conv":
                c, k = channels[inputs[0]], o["filters"]
                word, offset, argument = next(sizes).split()
                self.fill(f"weight/{name}.weight", f"{word} {seed + int(offset)} {argument}",
                          (*o["kernel"], c, k))
                word, offset, argument = bias.split()
                self.fill(f"weight/{name}.bias", f"{word} {seed + 50 + int(offset)} {argument}",
                          (k,))
                channels[name] = k
                seed += 100
            elif op != "input":
                channels[name] = channels[inputs[0]]

    def put(self, key, value, every=1):
        name = f"{self.name}/{key}"
        if every > 1:
            name += f"[::{every}]"
            value = np.reshape(value, -1)[::every]
        self.tensors[name] = np.asarray(value)
        return name

    def put_bounded(self, key, value, pair, every=1, elementwise=False):
        """Both sides may be off by the bound, so the tolerance is twice that."""
        error = np.abs(value.reshape(pair.v.shape) - pair.v)
        assert (error <= pair.e).all(), f"{self.name}/{key}: TensorFlow is out of bounds"
        name = self.put(key, value, every)
        tolerance = 2 * (pair.e.reshape(value.shape) if elementwise else np.array([pair.e.max()]))
        if elementwise and every > 1:
            tolerance = tolerance.reshape(-1)[::every]
        self.tensors[name + ".tolerance"] = tolerance.astype(np.float32)
        return error.max()

    def put_exact(self, key, value, full):
        """Whole numbers below 2**24: each evaluation order gives the same."""
        value = np.asarray(value)
        assert np.isfinite(value).all() and np.abs(value).max() < EXACT
        self.put(key, value) if full else self.put(key, value, 997)
        if not full:
            self.tensors[f"{self.name}/{key}.checksum"] = fill.checksum(value)


def save(name, maker, cases, extra=None):
    out = dict(extra or {})
    metadata = {"maker": "test/golden/" + maker, "tensorflow": tf.__version__,
                "numpy": np.__version__}
    for case in cases:
        out.update(case.tensors)
        metadata.update(case.metadata)
    path = os.path.join(HERE, name)
    tensors.save(path, out, metadata)
    tensors.record_digest(path)
    print(f"{name}: {len(out)} tensors, {os.path.getsize(path)} bytes")


def summary_bytes(serialized):
    images = tf1.Summary.FromString(serialized).value
    return [np.array(Image.open(io.BytesIO(v.image.encoded_image_string))) for v in images]


# ---- whole numbers -------------------------------------------------------------------------------

def exact_case(name, nodes, batch, image, weights, bias, layers, full):
    """Forward, switches, and the ways down under reconstruct and gradient, with no rounding."""
    case = Case(name, nodes, batch)
    case.fill_all(image, weights, bias)

    def run(transform, down_bias, gradient):
        tf1.reset_default_graph()
        w = {k: tf.constant(transform(v).astype(np.float32)) for k, v in case.weights().items()}
        x = tf.constant(transform(case.fills["input"]).astype(np.float32))
        values, masks = forward(nodes, x, w)
        w_down = {k: down_bias * v if k.endswith(".bias") else v for k, v in w.items()}
        down = {}
        for layer in layers:
            for node, s in reconstruct(nodes, layer, values, masks, w_down).items():
                down[f"{layer}/reconstruct/layer@{node}"] = s
                if gradient:
                    down[f"{layer}/gradient/layer@{node}"] = \
                        tf1.gradients(values[layer], values[node], grad_ys=values[layer])[0]
        with session() as s:
            return s.run([values, masks, down])
    # With magnitudes alone, and biases added where they are subtracted, each sum is as large as any
    # partial sum can be.
    values, _, down = run(np.abs, -1, False)
    for key, value in [*values.items(), *down.items()]:
        assert np.abs(value).max() < EXACT, f"{name}/{key}: sums may pass 2**24"
    values, masks, down = run(lambda v: v, 1, True)
    for key, value in values.items():
        case.put_exact(f"value/{key}", value, full)
    for key, value in masks.items():
        case.put_exact(f"mask/{key}", value.astype(np.int64), full)
        pooled = next(n for n in nodes if n[0] == key)
        network.check_first_wins(values[pooled[2][0]], value, pooled[3])
    for key, value in down.items():
        case.put_exact(f"signal/{key}", value, full)
    return case
