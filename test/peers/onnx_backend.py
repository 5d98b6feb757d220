#!/usr/bin/env python3
"""onnx_backend.py LIBRARY ONNX_OPS_DEF [--data FOLDER] [--verbose] [--minimum]

ONNX's own backend tests, as many as consist of operators that we import: every case is passed, refused
for a reason on the list below, or failed.

A network of ours has one picture and constant weights, and its values have a batch, so a case is tried
in up to four ways; nothing is changed in its numbers:

    picture   the first input is the picture, the others (weights, limits, shapes) are initializers
    reshaped  the same, with a Reshape before it from (1, all values) and one behind it
    cut       several inputs of floats are all cut out of one picture (1, all values) and reshaped
    constant  all inputs are initializers; the result is folded and added to a picture of zeros

A case with several outputs is one case for each. It passes if one way gives the right numbers, with the
engines ref and cpu, and no way gives wrong ones. PASSED is the least that must pass, by operator and
way; what passes beyond it is printed.

Then the networks of ONNX's model zoo as the package of PyPI brings them, all but the weights, which are
random here: compared with onnxruntime. vgg19 is left out: 574 MB for nothing but convolutions."""
import argparse
import collections
import copy
import glob
import os
import re
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import dcn

DATA = "/usr/share/libonnx-testdata/data"
FOLDERS = ("node", "simple", "pytorch-converted", "pytorch-operator")
FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)

# Why a case may be refused: what our networks cannot be. A reason that is not here is a failure.
REASONS = {
    "before opset 7, and not lifted": r"opset \d+ is outside",
    "no picture of 2 to 4 dimensions": r"has \d dimensions, supported are 4 \(a batch",
    "an empty value": r"has a dimension of 0|nothing is left of its input",
    "one or three dimensions": r"it takes 4 \(N,C,H,W\)|has three dimensions|weights have \d dim|"
                               r"in dimension 1;|pads has \d+ numbers|strides has \d|kernel_shape has \d",
    "another axis than the channels": r"runs over axis|runs over channels or pictures",
    "an order of rows, columns and channels that has to be copied": r"only a copy could undo",
    "numbers for rows or columns": r"numbers for rows or columns|multiplies rows or columns|"
                                   r"pads channels or pictures",
    "a shape that broadcasts both": r"does not fit its input's shape|different shapes|"
                                    r"its bias has \d+ numbers",
    "joins what are not channels": r"be joined to the first along axis",
    "repeats what is no gate": r"repeated by Expand|supported is repeating a gate",
    "mixes the pictures of a batch": r"mixes the pictures",
    "of constants alone": r"supported for constants alone",
    "of a picture alone": r"all its inputs are constants|is a constant, supported is a value|"
                          r"stands where one is needed|constants, supported are two",
    "two values where one is a constant": r"multiplies two values|divides by a value|"
                                          r"is a value of the picture, supported is a constant|"
                                          r"supported are a value of the picture and a constant",
    "nothing is computed": r"nothing is computed from its input|does not depend on an? ",
    "texts, masks, indices": r"of type STRING|values STRING|holds floats|an output that is not supp",
    "training": r"training_mode",
    "padding by reflection or repetition": r"its mode is (reflect|edge)",
    "a part of GELU alone": r"supported only as part of GELU",
    "a transposed or stacked matrix": r"transA is 1|its matrix has \d dimensions",
    "an inner product of whole numbers": r"supported is the product of all numbers",
    "an odd choice of places": r"it picks \d+ places",
    "more than 65536 values in a row": r"has a dimension of \d{5,},",
    "a weight that is infinite or no number": r"has a weight that is not finite",
}
# What passes, by operator: picture, reshaped, cut, constant.
WAYS = ("picture", "reshaped", "cut", "constant")
PASSED = """
Abs 0 0 0 2
Add 14 9 1 6
And 0 0 0 8
AveragePool 15 11 0 0
BatchNormalization 4 0 0 0
Cast 9 0 8 12
Ceil 0 0 0 2
Clip 4 8 0 0
Concat 9 0 6 13
Constant 12 2 0 4
ConstantOfShape 9 0 0 2
Conv 18 6 0 0
Div 11 4 0 5
Dropout 5 0 2 6
Elu 4 5 0 0
Equal 0 0 0 6
Exp 0 0 0 4
Expand 1 0 0 6
Flatten 19 0 0 10
Floor 0 0 0 2
Gather 1 1 0 6
Gemm 10 0 0 0
GlobalAveragePool 2 2 0 0
GlobalMaxPool 2 2 0 0
Greater 0 0 0 4
HardSigmoid 3 4 0 0
HardSwish 1 1 0 0
Identity 0 0 0 1
LRN 2 0 0 0
LeakyRelu 4 5 0 0
Less 0 0 0 4
LogSoftmax 4 1 0 0
MatMul 2 0 0 0
Max 0 0 0 13
MaxPool 14 13 0 0
Min 0 0 0 13
Mul 14 7 2 6
Neg 7 5 0 4
Not 0 0 0 3
Or 0 0 0 12
PRelu 3 5 0 0
Pad 3 1 0 0
Pow 0 1 0 14
Range 0 0 0 2
Reciprocal 9 0 0 2
ReduceMax 6 0 0 0
ReduceMean 17 0 0 0
ReduceProd 0 0 0 2
Relu 3 3 0 0
Reshape 16 0 0 10
Selu 4 5 0 0
Shape 9 0 0 10
Sigmoid 4 5 0 0
Size 9 0 0 2
Slice 14 1 0 7
Softmax 5 1 0 0
Softplus 2 3 0 0
Split 6 12 0 0
Sqrt 9 0 0 2
Squeeze 4 0 0 2
Sub 10 3 2 5
Sum 0 1 2 3
Tanh 2 5 0 0
Transpose 2 2 0 8
Unsqueeze 7 0 0 8
Where 0 0 0 2
"""


def claimed(path):
    with open(path, encoding="utf-8") as f:
        return set(re.findall(r'^DCN_ONNX_(?:OP|FOLD)\("(\w+)"', f.read(), re.M))


def read_tensor(path, kind):
    """None: no tensor."""
    if kind.WhichOneof("value") != "tensor_type":
        return None
    tensor = TensorProto()
    with open(path, "rb") as f:
        tensor.ParseFromString(f.read())
    if kind.tensor_type.elem_type == TensorProto.BFLOAT16:
        tensor.data_type = TensorProto.BFLOAT16      # the files say UINT16 of the same bits
    return tensor


def lift(model):
    """Opset 7 at least, by ONNX's own converter where it can."""
    if all(o.version >= 7 for o in model.opset_import if o.domain == ""):
        return model
    try:
        return version_converter.convert_version(model, 7)
    except (RuntimeError, ValueError):
        return model


def cases(data, ops):
    """(name, model, input tensors, output tensors) of every case of these operators."""
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(data, folder, "*", "model.onnx"))):
            model = onnx.load(path)
            if any(n.op_type not in ops or n.domain not in ("", "ai.onnx") for n in model.graph.node):
                continue
            sets = sorted(glob.glob(os.path.join(os.path.dirname(path), "test_data_set_*")))
            for number, one in enumerate(sets):
                inputs = [read_tensor(os.path.join(one, "input_%d.pb" % i), v.type)
                          for i, v in enumerate(model.graph.input)
                          if os.path.exists(os.path.join(one, "input_%d.pb" % i))]
                outputs = [read_tensor(os.path.join(one, "output_%d.pb" % i), v.type)
                           for i, v in enumerate(model.graph.output)]
                name = os.path.basename(os.path.dirname(path)) + (".%d" % number if number else "")
                yield name, lift(model), inputs, outputs


def with_initializers(model, tensors, first):
    """The model whose inputs from number `first` on are initializers."""
    out = copy.deepcopy(model)
    del out.graph.input[:]
    out.graph.input.extend(model.graph.input[:first])
    for value, tensor in list(zip(model.graph.input, tensors))[first:]:
        named = copy.deepcopy(tensor)
        named.name = value.name
        out.graph.initializer.append(named)
    return out


def choose_output(model, i):
    chosen = model.graph.output[i]
    kept = copy.deepcopy(chosen)
    del model.graph.output[:]
    model.graph.output.append(kept)


def as_picture(model, tensors, i):
    out = with_initializers(model, tensors, 1)
    choose_output(out, i)
    return out, numpy_helper.to_array(tensors[0])


def shape_of(out, name, dims):
    out.graph.initializer.append(numpy_helper.from_array(np.array(dims, np.int64), name))
    return name


def as_reshaped(model, tensors, i):
    out, x = as_picture(model, tensors, i)
    inner, outer = out.graph.input[0].name, "dcn_picture"
    result = out.graph.output[0].name
    nodes = list(out.graph.node)
    del out.graph.node[:], out.graph.input[:], out.graph.output[:]
    out.graph.node.append(helper.make_node(
        "Reshape", [outer, shape_of(out, "dcn_inner", x.shape)], [inner]))
    out.graph.node.extend(nodes)
    out.graph.node.append(helper.make_node(
        "Reshape", [result, shape_of(out, "dcn_row", (1, -1))], ["dcn_result"]))
    out.graph.input.append(helper.make_tensor_value_info(outer, TensorProto.FLOAT, (1, x.size)))
    out.graph.output.append(helper.make_tensor_value_info("dcn_result", TensorProto.FLOAT, None))
    return out, x.reshape(1, -1)


def as_cut(model, tensors, i):
    out = with_initializers(model, tensors, 0)
    choose_output(out, i)
    values = [numpy_helper.to_array(t) for t in tensors]
    result, names = out.graph.output[0].name, [v.name for v in model.graph.input]
    nodes, first = list(out.graph.node), 0
    del out.graph.node[:], out.graph.output[:], out.graph.initializer[:]
    out.graph.initializer.extend(model.graph.initializer)
    for name, value in zip(names, values):
        cut = [shape_of(out, "dcn_%s_%s" % (word, name), [number]) for word, number in (
            ("first", first), ("end", first + value.size), ("axis", 1))]
        first += value.size
        out.graph.node.append(helper.make_node("Slice", ["dcn_picture"] + cut, ["dcn_cut_" + name]))
        out.graph.node.append(helper.make_node(
            "Reshape", ["dcn_cut_" + name, shape_of(out, "dcn_shape_" + name, value.shape)], [name]))
    out.graph.node.extend(nodes)
    out.graph.node.append(helper.make_node(
        "Reshape", [result, shape_of(out, "dcn_row", (1, -1))], ["dcn_result"]))
    out.graph.input.append(helper.make_tensor_value_info("dcn_picture", TensorProto.FLOAT, (1, first)))
    out.graph.output.append(helper.make_tensor_value_info("dcn_result", TensorProto.FLOAT, None))
    return out, np.concatenate([v.ravel() for v in values]).reshape(1, -1)


def as_constant(model, tensors, i, size):
    out = with_initializers(model, tensors, 0)
    choose_output(out, i)
    result = out.graph.output[0].name
    del out.graph.output[:]
    out.graph.node.extend([
        helper.make_node("Cast", [result], ["dcn_float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["dcn_float", shape_of(out, "dcn_row", (1, size))], ["dcn_flat"]),
        helper.make_node("Add", ["dcn_picture", "dcn_flat"], ["dcn_result"])])
    out.graph.input.append(helper.make_tensor_value_info("dcn_picture", TensorProto.FLOAT, (1, size)))
    out.graph.output.append(helper.make_tensor_value_info("dcn_result", TensorProto.FLOAT, None))
    return out, np.zeros((1, size), np.float32)


def lay_in(x, shape):
    """ONNX's picture as (N,H,W,C) of our input's shape."""
    if x.ndim == 4 and (x.shape[2], x.shape[3], x.shape[1]) == shape and not (
            x.shape[1:] == shape and x.shape[3] in (1, 3)):
        return x.transpose(0, 2, 3, 1)
    return x.reshape((x.shape[0] if x.ndim > 1 else 1,) + shape)


def equal(got, want):
    """Our (N,H,W,C) is the file's value in one of its layouts. We compute in float32 whatever the file
    casts to."""
    relative = {"float16": 1e-3, "bfloat16": 1e-2}.get(str(want.dtype), 1e-4)
    want = want.astype(np.float32)
    if got.size != want.size:
        return False
    forms = [got.reshape(want.shape)]
    if want.ndim == 4 and got.transpose(0, 3, 1, 2).shape == want.shape:
        forms.append(got.transpose(0, 3, 1, 2))
    return any(np.allclose(form, want, relative, 1e-5, True) for form in forms)


def run(library, path, model, x, want):
    """None: right; else what is wrong. dcn.Refused goes on."""
    onnx.save(model, path)
    with library.load(path) as m:
        for engine in ("ref", "cpu"):
            with m.plan(engine=engine, batch=max(1, x.shape[0] if x.ndim > 1 else 1)) as plan:
                got = plan.forward(lay_in(x.astype(np.float32), m.shape(0)))
                if not equal(got, want):
                    return "engine %s: %s instead of %s" % (
                        engine, got.ravel()[:6], want.ravel()[:6])
    return None


def opset(model):
    return max(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))


def reason_of(text):
    return next((reason for reason, pattern in REASONS.items() if re.search(pattern, text)), None)


def try_case(library, path, model, inputs, i, want):
    """{way: None, a refusal or what is wrong}, wrong: the set of ways that gave wrong numbers."""
    makers = {}
    if inputs and inputs[0].data_type in FLOATS:
        makers["picture"] = lambda: as_picture(model, inputs, i)
        makers["reshaped"] = lambda: as_reshaped(model, inputs, i)
    if len(inputs) > 1 and all(t.data_type in FLOATS for t in inputs) and opset(model) >= 10:
        makers["cut"] = lambda: as_cut(model, inputs, i)
    makers["constant"] = lambda: as_constant(model, inputs, i, want.size)
    ways, wrong = {}, set()
    for way, maker in makers.items():
        made, x = maker()
        try:
            ways[way] = run(library, path, made, x, want)
            if ways[way]:
                wrong.add(way)
        except dcn.Refused as e:
            ways[way] = str(e).split(": ", 1)[1]
            if reason_of(ways[way]) is None or e.status not in (3, 6):
                wrong.add(way)
    return ways, wrong


# ---- the zoo --------------------------------------------------------------------------------------

def with_random_weights(model):
    """ConstantOfShape stands for weights in these files."""
    r = np.random.default_rng(1)
    dims = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = [int(d) for d in dims[node.input[0]]]
        if len(shape) > 1:
            values = r.standard_normal(shape, np.float32) * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = r.uniform(0.5, 1.5, shape)
        model.graph.initializer.append(
            numpy_helper.from_array(values.astype(np.float32), node.output[0]))
    if kept[-1].op_type == "Softmax":      # which would hide all but the largest
        model.graph.output[0].CopyFrom(
            helper.make_tensor_value_info(kept[-1].input[0], TensorProto.FLOAT, None))
        del kept[-1]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def zoo(library, path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    good = True
    for file in sorted(glob.glob(os.path.join(os.path.dirname(onnx.__file__),
                                              "backend/test/data/light/*.onnx"))):
        if "vgg19" in file:
            continue
        onnx.save(with_random_weights(onnx.load(file)), path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = {t.name for t in onnx.load(path).graph.initializer}
        picture = next(i for i in session.get_inputs() if i.name not in names)
        x = np.random.default_rng(2).standard_normal(picture.shape, np.float32)
        want = session.run(None, {picture.name: x})[0]
        with library.load(path) as m, m.plan() as plan:
            off = dcn.worst(plan.forward(x.transpose(0, 2, 3, 1)).ravel(), want.ravel())
        good = good and off <= 1
        print("%-7s zoo %s: %.3f of what is allowed" % (
            "ok" if off <= 1 else "FAILED", os.path.basename(file)[6:-5], off))
    return good


# ---- all ------------------------------------------------------------------------------------------

def table(passed):
    ops = sorted({op for op, _ in passed})
    return [" ".join([op] + ["%d" % passed[op, way] for way in WAYS]) for op in ops]


def compare(passed):
    """Nothing less than PASSED?"""
    wanted = collections.Counter()
    for line in PASSED.split("\n")[1:-1]:
        op, *numbers = line.split()
        wanted.update({(op, way): int(n) for way, n in zip(WAYS, numbers)})
    for op, way in sorted(set(passed) | set(wanted)):
        if passed[op, way] != wanted[op, way]:
            print("%-7s %s %s: %d passed, PASSED says %d" % (
                "FAILED" if passed[op, way] < wanted[op, way] else "more", op, way,
                passed[op, way], wanted[op, way]))
    if passed != wanted:
        print("\n".join(table(passed)))
    return all(passed[key] >= n for key, n in wanted.items())


def main():
    np.seterr(over="ignore")             # doubles beyond float's range are cases too
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("library")
    p.add_argument("ops")
    p.add_argument("--data", default=DATA)
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    library, ops = dcn.Library(a.library), claimed(a.ops)
    passed, verdicts, reasons = (collections.Counter() for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "case.onnx")
        for name, model, inputs, outputs in cases(a.data, ops):
            for i, output in enumerate(outputs):
                if output is None or any(t is None for t in inputs):
                    verdicts["of no tensors"] += 1
                    continue
                ways, wrong = try_case(library, path, model, inputs, i, numpy_helper.to_array(output))
                good = [way for way, text in ways.items() if text is None]
                passed.update((op, way) for way in good for op in {n.op_type for n in model.graph.node})
                verdict = "failed" if wrong else "passed" if good else "refused"
                verdicts[verdict] += 1
                if verdict == "refused":
                    reasons[reason_of(next(iter(ways.values())))] += 1
                if a.verbose or wrong:
                    print("%-7s %s, output %d" % (verdict.upper(), name, i))
                    for way, text in ways.items():
                        print("        %-8s %s" % (way, text or "right"))
        zoo_fits = zoo(library, path)
    print("onnx backend tests: " + ", ".join("%d %s" % (n, v) for v, n in verdicts.most_common()))
    for reason, n in reasons.most_common():
        print("%5d refused: %s" % (n, reason))
    return not (compare(passed) and zoo_fits) or verdicts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
