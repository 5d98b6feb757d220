#!/usr/bin/env python3
"""One test picture and what both layers of the tutorial's network keep of it, as one PNG, in TensorFlow as a whole
process: weights of --weights (safetensors), forward, both ways down, --out."""
import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "golden"))
import recipe
import tensors
from tutorial_tf import Tutorial, un_max_pool_by_gradient


def main():
    args = recipe.arguments(__doc__.split(":", maxsplit=1)[0])
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    net = Tutorial(tensors.load(args.weights)[0])
    x = recipe.Pictures(args.data, recipe.TEST).batch(0, 1)[0]
    values = net.up(tf.constant(x.transpose(0, 2, 3, 1)))
    drawn = [t[0].numpy().transpose(2, 0, 1) for t in net.down(*values, unpool=un_max_pool_by_gradient)]
    picture = recipe.strip(x[0], *drawn)
    with open(args.out, "wb") as file:
        file.write(tf.io.encode_png(picture.transpose(1, 2, 0)).numpy())


main()
