#!/usr/bin/env python3
"""onnx_export.py NETWORKS LIBRARY [MODEL.safetensors ...]

What we write as ONNX in the hands of others: onnx.checker with strict shape inference, and onnxruntime
against our ref engine. NETWORKS is the program that writes one network for every operator and 300
random ones; trained models are converted here.
|theirs - ours| <= 1e-4 |ours| + 2e-5 max |ours|.

onnxruntime has no LRN over an even number of channels, which ONNX has: there it is given ONNX's formula
in parts."""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import dcn

RANDOM = 300


def in_parts(model):
    """x / (bias + alpha / size * (sum of x^2 over channels c - floor((size-1)/2) .. c + ceil(...)))^beta"""
    nodes, constants = list(model.graph.node), model.graph.initializer
    del model.graph.node[:]

    def put(op, inputs, y, **attributes):
        model.graph.node.append(helper.make_node(op, inputs, [y], **attributes))
        return y

    for node in nodes:
        a = {i.name: helper.get_attribute_value(i) for i in node.attribute}
        if node.op_type != "LRN" or a["size"] % 2:
            model.graph.node.append(node)
            continue
        x, y, n = node.input[0], node.output[0], a["size"]
        for key, value in (("alpha", a["alpha"]), ("beta", a["beta"]), ("bias", a["bias"])):
            constants.append(numpy_helper.from_array(np.float32(value), y + "." + key))
        constants.append(numpy_helper.from_array(np.array([1]), y + ".one"))
        t = put("Unsqueeze", [put("Mul", [x, x], y + ".a"), y + ".one"], y + ".b")
        t = put("AveragePool", [t], y + ".c", kernel_shape=[n, 1, 1], count_include_pad=1,
                pads=[(n - 1) // 2, 0, 0, n // 2, 0, 0])
        t = put("Mul", [put("Squeeze", [t, y + ".one"], y + ".d"), y + ".alpha"], y + ".e")
        t = put("Pow", [put("Add", [t, y + ".bias"], y + ".f"), y + ".beta"], y + ".g")
        put("Div", [x, t], y)
    return model.SerializeToString()


def run(path, x):
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(in_parts(onnx.load(path)), options, providers=["CPUExecutionProvider"])
    (given,), (made,) = session.get_inputs(), session.get_outputs()
    assert given.shape[0] == made.shape[0] == "N", (given.shape, made.shape)
    return session.run(None, {given.name: x})[0]


def check(path, x, y):
    """None, or what is wrong."""
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert model.ir_version == 8 and model.opset_import[0].version == 17
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True,
                                                 data_prop=True)
    shape = inferred.graph.output[0].type.tensor_type.shape.dim
    got = run(path, x)
    if [d.dim_value for d in shape][1:] != list(got.shape)[1:]:
        return "its output is said to be %s and is %s" % (shape, got.shape)
    if y.shape[1:3] == (1, 1) and got.ndim != 2:
        return "one cell, and %d dimensions" % got.ndim
    off = dcn.worst(dcn.lay_out(got, y.shape[1:]), y)
    return None if off <= 1 else "%.3g times what is allowed" % off


def networks(program, folder):
    lines = subprocess.run([program, folder, str(RANDOM)], check=True, capture_output=True, text=True)
    for line in lines.stdout.splitlines():
        *numbers, what = line.split(" ", 7)
        i, h, w, c, oh, ow, oc = map(int, numbers)
        path = os.path.join(folder, "%d" % i)
        values = np.fromfile(path + ".bin", np.float32)
        x = values[:2 * h * w * c].reshape(2, h, w, c)
        yield what, path + ".onnx", x, values[2 * h * w * c:].reshape(2, oh, ow, oc)


def trained(library, models, folder):
    for path in models:
        with library.load_model(path) as m:
            out = os.path.join(folder, "trained.onnx")
            m.save(out)
            x = np.random.default_rng(5).standard_normal((2,) + m.shape(0), np.float32)
            with m.plan(engine="ref", batch=2) as plan:
                yield path, out, x, plan.forward(x)
        with library.load(out) as m:           # what stands beside the network comes back
            assert m.c.guess == b"", m.c.guess


def main():
    library, failures, done = dcn.Library(sys.argv[2]), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for source in (networks(sys.argv[1], folder), trained(library, sys.argv[3:], folder)):
            for what, path, x, y in source:
                try:
                    wrong = check(path, x, y)
                except Exception as e:
                    wrong = "%s: %s" % (type(e).__name__, e)
                done += 1
                if wrong:
                    failures += 1
                    print("FAILED  %s: %s" % (what, wrong))
    print("%d networks written, checked and run by onnxruntime, %d failed" % (done, failures))
    return failures > 0 or done < RANDOM + len(sys.argv[3:]) + 30


if __name__ == "__main__":
    sys.exit(main())
