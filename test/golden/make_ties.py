#!/usr/bin/env python3
"""Makes ties.safetensors with TensorFlow: equal maxima, windows of zeros, odd sizes, overlapping
windows, even kernels, explicit padding, one channel, one pixel. Whole numbers: nothing is rounded.

    script/peers; ~/.cache/deconvnet/python/bin/python test/golden/make_ties.py
"""
from graph1 import exact_case, save

import network

RELU = ("relu", {})


def conv(name, filters, kernel, **o):
    return (name, "conv", dict(filters=filters, kernel=kernel, **o))


def pool(name, window, stride, **o):
    return (name, "max_pool", dict(window=window, stride=stride, **o))


ODD = network.chain(
    (9, 7, 1), conv("conv1", 3, (5, 5)), ("h1", *RELU), pool("p1", (2, 2), (2, 2)),
    conv("conv2", 4, (3, 3), stride=(2, 2)), ("h2", *RELU), pool("p2", (2, 2), (2, 2)))
CONSTANT = network.chain(
    (6, 5, 1), conv("conv1", 2, (1, 1)), ("h1", *RELU), pool("p1", (2, 2), (2, 2)))
OVERLAP = network.chain(
    (11, 10, 2), conv("conv1", 3, (3, 3)), ("h1", *RELU), pool("p1", (3, 3), (2, 2)),
    conv("conv2", 2, (3, 3)), ("h2", *RELU), pool("p2", (3, 2), (1, 2)))
VALID = network.chain(
    (10, 9, 3), conv("conv1", 4, (3, 2), pad="valid"), ("h1", *RELU),
    pool("p1", (2, 3), (2, 3), pad="valid"))
EVEN = network.chain(
    (9, 11, 2), conv("conv1", 3, (4, 4), stride=(2, 3)), ("h1", *RELU), pool("p1", (2, 2), (3, 3)))
ONE = network.chain(
    (1, 1, 1), conv("conv1", 1, (3, 3)), ("h1", *RELU), pool("p1", (2, 2), (2, 2)))
RAW = network.chain((7, 7, 2), pool("p1", (3, 3), (2, 2)))
EXPLICIT = network.chain(
    (8, 7, 2), conv("conv1", 3, (3, 3), stride=(2, 2), pad=(1, 0, 2, 1)), ("h1", *RELU),
    pool("p1", (2, 2), (2, 2)))

# Name, network, pictures, fill of the input, of each kernel, of the biases, layers.
CASES = [
    ("odd", ODD, 2, "whole 1 2", ["whole 1 1", "whole 2 1"], "whole 3 2", ["p1", "p2"]),
    ("constant", CONSTANT, 1, "whole 1 0", ["whole 1 1"], "whole 1 2", ["p1"]),
    ("overlap", OVERLAP, 2, "whole 4 1", ["whole 1 1", "whole 2 1"], "whole 3 1", ["p1", "p2"]),
    ("valid", VALID, 3, "whole 5 2", ["whole 1 1"], "whole 3 2", ["h1", "p1"]),
    ("even", EVEN, 2, "whole 6 2", ["whole 1 1"], "whole 3 2", ["p1"]),
    ("one", ONE, 2, "whole 7 3", ["whole 2 2"], "whole 3 1", ["p1"]),
    ("raw", RAW, 2, "whole 8 1", [], "whole 3 1", ["p1"]),
    ("explicit", EXPLICIT, 2, "whole 9 2", ["whole 1 1"], "whole 3 2", ["h1", "p1"]),
]
save("ties.safetensors", "make_ties.py", [exact_case(*case, True) for case in CASES])
