#!/usr/bin/env python3
"""Writes view_tf1.bin and view_tf1.txt: what TensorFlow 1's image summary makes of float arrays.

Every case runs through tf.compat.v1.summary.image; the PNG in the summary is decoded again. A case
in the file is int32 h, w, c, then h*w*c float32, then h*w*c bytes, all little-endian; int32 0 ends
the list. Needs tensorflow; the test that reads the file needs nothing.
"""
import hashlib
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
tf1.disable_eager_execution()


def cases():
    rng = np.random.default_rng(20)
    normal = rng.standard_normal
    strip = normal((6, 18, 3)) * np.repeat([1, 0.2, 3], 6)[None, :, None]
    yield "mixed signs, a strip of three", strip
    yield "all positive", np.abs(normal((5, 7, 3))) * 40
    yield "all negative", -np.abs(normal((5, 7, 3))) * 1e-3
    yield "all zero", np.zeros((3, 4, 3))
    yield "tiny, signed: below the threshold", normal((4, 4, 3)) * 1e-8
    yield "tiny, positive: below the threshold", np.abs(normal((4, 4, 3))) * 1e-8
    yield "just below the threshold", np.full((1, 2, 1), 9.9e-7)
    yield "just above the threshold", np.array([1.1e-6, -1.1e-6]).reshape(1, 2, 1)
    yield "huge", normal((4, 5, 3)) * 1e30
    yield "grey, mixed signs", normal((6, 5, 1))
    yield "grey, whole bytes", rng.integers(0, 256, (6, 5, 1))
    yield "one pixel, negative", np.array([-2.5]).reshape(1, 1, 1)
    x = normal((4, 4, 3))
    x[1, 2, 0], x[2, 2, 1], x[3, 0, 2] = np.nan, np.inf, -np.inf
    yield "NaN and infinities in colour", x
    x = normal((4, 4, 1))
    x[0, 0, 0], x[3, 3, 0] = np.nan, np.inf
    yield "NaN and infinity in grey", x
    yield "nothing but NaN", np.full((2, 2, 3), np.nan)
    x = np.abs(normal((3, 3, 3)))
    x[0, 0] = [np.nan, -5, 100]
    yield "a bad pixel does not set the scale", x


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    data, names = b"", []
    with tf1.Session() as session:
        for name, x in cases():
            x = np.ascontiguousarray(x, np.float32)
            summary = tf1.Summary.FromString(session.run(tf1.summary.image("x", x[None])))
            out = session.run(tf.io.decode_png(summary.value[0].image.encoded_image_string))
            assert out.shape == x.shape and out.dtype == np.uint8
            data += np.array(x.shape, "<i4").tobytes() + x.astype("<f4").tobytes() + out.tobytes()
            names.append(name)
    data += np.array([0], "<i4").tobytes()
    with open(os.path.join(folder, "view_tf1.bin"), "wb") as f:
        f.write(data)
    with open(os.path.join(folder, "view_tf1.txt"), "w") as f:
        f.write(f"made by make_view_tf1.py with TensorFlow {tf.__version__}, "
                f"NumPy {np.__version__}\n")
        f.write(f"view_tf1.bin sha256 {hashlib.sha256(data).hexdigest()}\n")
        f.writelines(f"{i:2} {name}\n" for i, name in enumerate(names))


main()
