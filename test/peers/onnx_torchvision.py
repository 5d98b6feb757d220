#!/usr/bin/env python3
"""onnx_torchvision.py LIBRARY COMMAND [NAME ...]

Every classification family of torchvision, as PyTorch exports it, in our hands: imported, run by the
cpu engine and compared with onnxruntime on the same file, and one deconvnet picture compared with
PyTorch's own backward pass under the same rule.

Weights are random, shapes are the true ones. Batch-norms get the statistics of one forward pass over
noise (settle in make_onnx_models.py), so that values keep their scale through all layers.

Logits: |ours - theirs| <= 1e-4 (|theirs| + max |theirs|). Measured in double, onnxruntime is 3e-5 of the
largest logit off in Inception v3, the least tame of these random networks, 1e-5 in ResNet-50. A
picture: the root of the difference's energy is at most 2 % of the picture's: a max pool whose two largest
values differ in their last bit may choose otherwise in one place. Most are below 1e-5.

Every family is written by both exporters."""
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import onnxruntime
import torch
import torchvision
from torch.overrides import TorchFunctionMode

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import dcn
from make_onnx_models import REFUSED, TORCHVISION, settle

FAMILIES = """alexnet vgg11 vgg16 vgg16_bn resnet18 resnet50 resnext50_32x4d wide_resnet50_2
    squeezenet1_0 squeezenet1_1 googlenet inception_v3 densenet121 mobilenet_v2 mobilenet_v3_small
    mobilenet_v3_large shufflenet_v2_x1_0 efficientnet_b0 efficientnet_v2_s regnet_x_400mf
    regnet_y_400mf mnasnet1_0""".split()
# The first node that each refusal names. vit_b_16 cannot be written by the older exporter.
UNKNOWN = "(LayerNormalization): operator LayerNormalization is not supported at opset 20; supported are "
REFUSALS = {
    "vit_b_16": {"dynamo": "node node_layer_norm " + UNKNOWN},
    "swin_t": {"dynamo": "node node_layer_norm " + UNKNOWN,
               "script": "node /features/features.0/features.0.2/LayerNormalization " + UNKNOWN},
    "convnext_tiny": {"dynamo": "node node_layer_norm " + UNKNOWN,
                      "script": "node /features/features.0/features.0.1/LayerNormalization " + UNKNOWN},
}
PICTURE = 0.02


class Rectify(torch.autograd.Function):
    """Zeiler & Fergus: upwards f, downwards max(s, 0)."""

    @staticmethod
    def forward(_, x, f):
        return f(x)

    @staticmethod
    def backward(_, s):
        return s.clamp(min=0), None


class Deconvnet(TorchFunctionMode):
    """Every activation rectifies downwards, gates are held constant (ops.def, with --extend)."""

    RECTIFIERS = {"relu", "relu_", "relu6", "hardtanh", "hardtanh_", "silu", "silu_", "hardswish",
                  "hardswish_", "sigmoid", "sigmoid_", "hardsigmoid", "hardsigmoid_"}

    def __torch_function__(self, f, types, arguments=(), options=None):
        name = getattr(f, "__name__", "")
        if name in self.RECTIFIERS:
            return Rectify.apply(arguments[0], lambda x: f(x.clone(), *arguments[1:], **options or {}))
        if name in ("mul", "__mul__") and all(isinstance(a, torch.Tensor) for a in arguments):
            x, gate = sorted(arguments, key=lambda a: -a.numel())
            return f(x, gate.detach())
        return f(*arguments, **options or {})


def torch_picture(model, x, unit):
    """What the logit `unit` draws, begun with its value."""
    x = x.clone().requires_grad_(True)
    with Deconvnet():
        y = model(x)
    y[0, unit].backward(y[0, unit].detach())
    return y.detach(), x.grad.permute(0, 2, 3, 1).numpy()


def make(name):
    torch.manual_seed(1)
    options, side, _ = TORCHVISION[name]
    model = getattr(torchvision.models, name)(weights=None, **options)
    return settle(model, side).eval(), side


def export(model, x, path, kind):
    with torch.no_grad():
        torch.onnx.export(model, (x,), path, dynamo=kind == "dynamo", input_names=["input"],
                          verbose=False)


def run_onnxruntime(path, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]


def relative(got, want):
    return float(np.linalg.norm((got - want).ravel()) / np.linalg.norm(want.ravel()))


def check(library, name, model, x, kind, folder, picture):
    path = os.path.join(folder, "model.onnx")
    began = time.process_time()
    export(model, x, path, kind)
    exported = time.process_time() - began
    external = os.path.exists(path + ".data")
    theirs = run_onnxruntime(path, x)
    began = time.time()
    with library.load(path) as m:
        loaded = time.time() - began
        pictures = x.numpy().transpose(0, 2, 3, 1)
        logits = m.logits()
        with m.plan(routes=[(logits, "deconvnet", 1)] if picture else []) as plan:
            off = dcn.worst(plan.forward(pictures).reshape(theirs.shape), theirs, 1e-4, 1e-4)
            drawn = 0.0
            if picture:
                unit = int(theirs[0].argmax())
                _, want = torch_picture(model, x, unit)
                drawn = relative(plan.project(0, dcn.FROM_CHANNEL, unit), want)
    for file in os.listdir(folder):
        os.unlink(os.path.join(folder, file))
    good = off <= 1 and drawn <= PICTURE and external == (kind == "dynamo")
    print("%-7s %-20s %-7s export %5.1f s, import %4.2f s, logits %.3f of what is allowed%s" % (
        "ok" if good else "FAILED", name, kind, exported, loaded, off,
        ", picture off by %.1e" % drawn if picture else ""), flush=True)
    return good


def check_refusal(command, name, sentence, folder):
    torch.manual_seed(1)
    options, side, _ = REFUSED[name]
    model = getattr(torchvision.models, name)(weights=None, **options).eval()
    good = True
    for kind in sentence:
        path = os.path.join(folder, "model.onnx")
        export(model, torch.zeros(1, 3, side, side), path, kind)
        run = subprocess.run([command, "info", path], capture_output=True, text=True)
        fits = run.returncode == 3 and run.stderr.count("\n") == 1 and sentence[kind] in run.stderr
        good = good and fits
        print("%-7s %s %s: exit code %d: %s" % ("refused" if fits else "FAILED", name, kind,
                                               run.returncode, run.stderr.strip()), flush=True)
        for file in os.listdir(folder):
            os.unlink(os.path.join(folder, file))
    return good


def main():
    library, command = dcn.Library(sys.argv[1]), sys.argv[2]
    names = sys.argv[3:] or FAMILIES + sorted(REFUSALS)
    torch.set_num_threads(2)
    warnings.filterwarnings("ignore")
    good = True
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if name in REFUSALS:
                good = check_refusal(command, name, REFUSALS[name], folder) and good
                continue
            model, side = make(name)
            x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))
            for kind in ("dynamo", "script"):
                good = check(library, name, model, x, kind, folder, kind == "dynamo") and good
    print("%d networks, %.0f s" % (len(names), time.time() - began))
    return not good


if __name__ == "__main__":
    sys.exit(main())
