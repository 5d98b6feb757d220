#!/usr/bin/env python3
"""Makes standardize.safetensors with TensorFlow: the evaluation reader's centre crop and
per_image_standardization of made-up pictures of bytes.

    script/peers; ~/.cache/deconvnet/python/bin/python test/golden/make_standardize.py
"""
from graph1 import save, session, tf, tf1
import numpy as np

import bound
import fill


def standardize_tensors():
    """The evaluation reader's centre crop and per_image_standardization of pictures of bytes."""
    def noise(shape, seed):
        return (fill.bits(int(np.prod(shape)), seed) % 256).astype(np.uint8).reshape(shape)
    ramp = np.add.outer(np.arange(32) * 3, np.arange(32) * 5)[..., None] + np.array([0, 40, 90])
    spot = np.zeros((24, 24, 3), np.uint8)
    spot[11, 12] = 255
    cases = {"noise": (noise((32, 32, 3), 5), (24, 24)),
             "ramp": ((ramp % 256).astype(np.uint8), (24, 24)),
             "flat": (np.full((24, 24, 3), 137, np.uint8), (24, 24)), "spot": (spot, (24, 24)),
             "black": (np.zeros((24, 24, 3), np.uint8), (24, 24)),
             "grey": (noise((28, 28, 1), 6), (24, 24)),
             "odd": (noise((31, 33, 3), 7), (24, 24)), "small": (noise((5, 3, 3), 8), (5, 3)),
             "almost": ((noise((24, 24, 3), 9) < 1).astype(np.uint8) + 250, (24, 24))}
    out = {}
    for name, (picture, (h, w)) in cases.items():
        tf1.reset_default_graph()
        x = tf.constant(picture.astype(np.float32))
        x = tf1.image.resize_image_with_crop_or_pad(x, h, w)
        with session() as s:
            crop, value = s.run([x, tf1.image.per_image_standardization(x)])
        # float64, and the bound: the mean is off by gamma(n) * 255 at most, as is the root of the
        # mean square; both are divided by the deviation. Bytes up to 255 sum exactly below 2**24.
        n = crop.size
        deviation = max(crop.std(dtype=np.float64), 1 / np.sqrt(n))
        exact = (crop.astype(np.float64) - crop.mean(dtype=np.float64)) / deviation
        e = 4 * bound.gamma(n) * (np.abs(exact) + 1) + 8 * bound.U * 255 / deviation
        assert (np.abs(value - exact) <= e).all(), name
        print(f"standardize {name}: off by {np.abs(value - exact).max():.2e}, bound {e.max():.2e}")
        out[f"standardize/{name}/picture"], out[f"standardize/{name}/value"] = picture, value
        out[f"standardize/{name}/value.tolerance"] = (2 * e).astype(np.float32)
    return out


save("standardize.safetensors", "make_standardize.py", [], standardize_tensors())
