#!/usr/bin/env python3
"""Times the tutorial's network in TensorFlow and prints one line of JSON, medians in milliseconds:
train_step_ms (forward, gradients, Adam), forward_ms, reconstruct_ms (both layers, after a forward
pass that is not counted). Compiled graphs (tf.function), NHWC, oneDNN as TensorFlow has it on."""
import json
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import tensorflow as tf

from timing import arguments, median_ms


def un_max_pool(net, mask, shape):
    """The tutorial's."""
    n, h, w, c = shape
    one = tf.ones_like(mask)
    b = one * tf.reshape(tf.range(n, dtype=tf.int64), [n, 1, 1, 1])
    f = one * tf.range(c, dtype=tf.int64)
    index = tf.stack([b, mask // (w * c), mask % (w * c) // c, f], axis=-1)
    return tf.scatter_nd(tf.reshape(index, [-1, 4]), tf.reshape(net, [-1]), shape)


def main():
    args = arguments(__doc__.split(":")[0])
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.random.set_seed(1)
    n = args.batch
    sizes = [(3, 64), (64, 64), (64, 10)]
    kernels = [tf.Variable(tf.random.truncated_normal([5, 5, *s], stddev=0.01)) for s in sizes]
    biases = [tf.Variable(tf.fill([k], 0.01)) for _, k in sizes]
    weights = kernels + biases
    moments = [[tf.Variable(tf.zeros_like(w)) for w in weights] for _ in range(2)]
    step = tf.Variable(0.0)
    x = tf.random.normal([n, 24, 24, 3])
    y = tf.random.uniform([n], maxval=10, dtype=tf.int32)

    def layer(v, i):
        return tf.nn.relu(tf.nn.conv2d(v, kernels[i], 1, "SAME") + biases[i])

    @tf.function
    def forward():
        p1 = tf.nn.max_pool2d(layer(x, 0), 2, 2, "SAME")
        p2 = tf.nn.max_pool2d(layer(p1, 1), 2, 2, "SAME")
        return tf.reduce_mean(layer(p2, 2), [1, 2])

    @tf.function
    def train():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=forward()))
        step.assign_add(1.0)
        rate = 1e-4 * tf.sqrt(1 - 0.999 ** step) / (1 - 0.9 ** step)
        for w, g, m, v in zip(weights, tape.gradient(loss, weights), *moments):
            m.assign_add((g - m) * 0.1)
            v.assign_add((g * g - v) * 0.001)
            w.assign_sub(rate * m / (tf.sqrt(v) + 1e-8))
        return loss

    @tf.function
    def up():
        p1, s1 = tf.nn.max_pool_with_argmax(layer(x, 0), 2, 2, "SAME")
        p2, s2 = tf.nn.max_pool_with_argmax(layer(p1, 1), 2, 2, "SAME")
        return p1, s1, p2, s2

    @tf.function
    def down(p1, s1, p2, s2):
        big, middle = (n, 24, 24, 64), (n, 12, 12, 64)

        def deconv(z, i, shape):
            return tf.nn.conv2d_transpose(z - biases[i], kernels[i], shape, 1, "SAME")
        t1 = deconv(un_max_pool(p1, s1, big), 0, x.shape)
        t2 = deconv(un_max_pool(p2, s2, middle), 1, middle)
        return t1, deconv(un_max_pool(t2, s1, big), 0, x.shape)
    train_ms = median_ms(lambda: train().numpy(), args.repeats)
    forward_ms = median_ms(lambda: forward().numpy(), args.repeats)
    values = up()
    down_ms = median_ms(lambda: [t.numpy() for t in down(*values)], args.repeats)
    print(json.dumps(dict(peer=f"TensorFlow {tf.__version__}", batch=n, threads=args.threads,
                          repeats=args.repeats, train_step_ms=train_ms, forward_ms=forward_ms,
                          reconstruct_ms=down_ms)))


main()
