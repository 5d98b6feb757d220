#!/usr/bin/env python3
"""onnx_keras.py LIBRARY [NAME ...]

Keras' networks through tf2onnx: channels last, transposes where the exporter needs them, imported and
compared with Keras' own predict. Weights are random and batch-norms do something (make_onnx_models.py).
|ours - theirs| <= 1e-4 |theirs| + 2e-5 max |theirs|, for a batch of two pictures."""
import logging
import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import dcn
import make_onnx_models

NAMES = ("keras_plain", "keras_separable", "keras_activations", "keras_mobilenetv2", "keras_resnet50")


def main():
    library, names = dcn.Library(sys.argv[1]), sys.argv[2:] or NAMES
    logging.disable(logging.WARNING)     # tf2onnx reports with a traceback what it goes on without
    good, done = True, 0
    with tempfile.TemporaryDirectory() as folder:
        for name, model, path, _ in make_onnx_models.keras_networks(folder, lambda n: n in names):
            done += 1
            with library.load(path) as m:
                shape = m.shape(0)
                assert shape == tuple(model.input_shape[1:]), (shape, model.input_shape)
                x = np.random.default_rng(4).standard_normal((2,) + shape, np.float32)
                want = np.asarray(model.predict(x, verbose=0))
                with m.plan(batch=2) as plan:
                    off = dcn.worst(plan.forward(x).reshape(want.shape), want)
            good = good and off <= 1
            print("%-7s %-20s %.3f of what is allowed" % ("ok" if off <= 1 else "FAILED", name, off),
                  flush=True)
            os.unlink(path)
    return not good or done != len(names)


if __name__ == "__main__":
    sys.exit(main())
