#!/usr/bin/env python3
"""Times one picture through an ONNX file in onnxruntime and prints one line of JSON, medians in
milliseconds: forward_ms, load_ms (session made, weights read)."""
import json
import os
import sys
import time

import numpy
import onnxruntime

from timing import arguments, median_ms


def main():
    path = sys.argv.pop(1)
    args = arguments(__doc__.split(":", maxsplit=1)[0])
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = args.threads
    settings.inter_op_num_threads = 1
    began = time.perf_counter()
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    load_ms = (time.perf_counter() - began) * 1000
    first = session.get_inputs()[0]
    shape = [d if isinstance(d, int) else 1 for d in first.shape]
    x = numpy.random.default_rng(1).standard_normal(shape, dtype=numpy.float32)
    forward_ms = median_ms(lambda: session.run(None, {first.name: x}), args.repeats)
    print(json.dumps({"peer": f"onnxruntime {onnxruntime.__version__}", "threads": args.threads,
                      "model": os.path.basename(path), "load_ms": load_ms,
                      "forward_ms": forward_ms}))


main()
