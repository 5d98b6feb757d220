#!/usr/bin/env python3
"""Trains the tutorial's network in TensorFlow as a whole process: bench/recipe.py, graphs (tf.function), NHWC.
--compiled: by XLA. Writes the weights to --out (npz) and prints a line of JSON last."""
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np
import tensorflow as tf

import recipe
from tutorial_tf import Tutorial


def main():
    args = recipe.arguments(__doc__.split(":", maxsplit=1)[0])
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.random.set_seed(1)
    net = Tutorial()
    net.begin()
    run = tf.function(net.step, jit_compile=args.compiled)
    logits = tf.function(net.logits, jit_compile=args.compiled)

    def tensor(x):
        return tf.constant(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))

    def save(path):
        with open(path, "wb") as file:
            np.savez(file, *[w.numpy() for w in net.weights])
    recipe.train(args, f"TensorFlow {tf.__version__}",
                 lambda x, y: run(tensor(x), tf.constant(y)).numpy(),
                 lambda x: logits(tensor(x)).numpy().argmax(1), save)


main()
