#!/usr/bin/env python3
"""Times the tutorial's network in TensorFlow and prints one line of JSON, medians in milliseconds:
train_step_ms (forward, gradients, Adam), forward_ms, reconstruct_ms (both layers, after a forward
pass that is not counted). Graphs (tf.function), NHWC, oneDNN as TensorFlow has it on. Of each figure the
fastest way counts, all are told: as it is and compiled by XLA; unpooling as the tutorial does and by
the gradient's kernel; transposed convolutions and the equal ones with the kernel turned."""
import json
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import tensorflow as tf

from timing import Ways, arguments
from tutorial_tf import Tutorial, un_max_pool, un_max_pool_by_gradient

UNPOOL = {"scatter_nd": un_max_pool, "gradient's kernel": un_max_pool_by_gradient}


def trainer(n, jit):
    net = Tutorial()
    net.begin()
    x, y = tf.random.normal([n, 24, 24, 3]), tf.random.uniform([n], maxval=10, dtype=tf.int32)
    step = tf.function(net.step, jit_compile=jit)
    return lambda: step(x, y).numpy()


def passer(n, jit):
    net, x = Tutorial(), tf.random.normal([n, 24, 24, 3])
    run = tf.function(net.logits, jit_compile=jit)
    return lambda: run(x).numpy()


def walker(n, jit, unpool, turned):
    net = Tutorial()
    values = net.up(tf.random.normal([n, 24, 24, 3]))
    run = tf.function(lambda *v: net.down(*v, unpool=UNPOOL[unpool], turned=turned), jit_compile=jit)
    return lambda: [t.numpy() for t in run(*values)]


def main():
    args = arguments(__doc__.split(":", maxsplit=1)[0])
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.random.set_seed(1)
    ways, n = Ways(args), args.batch
    for name, jit in (("graph", False), ("compiled by XLA", True)):
        ways.time("train_step_ms", name, lambda j=jit: trainer(n, j))
        ways.time("forward_ms", name, lambda j=jit: passer(n, j))
        for unpool in UNPOOL:
            for how, turned in (("conv2d_transpose", False), ("kernel turned", True)):
                ways.time("reconstruct_ms", f"{name}, {unpool}, {how}",
                          lambda a=(jit, unpool, turned): walker(n, *a))
    print(json.dumps({"peer": f"TensorFlow {tf.__version__}", "batch": n, "threads": args.threads,
                      **ways.told()}))


main()
