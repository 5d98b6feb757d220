#!/usr/bin/env python3
"""Does PyTorch read our model, and does it compute the same from it?

    torch_load.py --command build/release/deconvnet MODEL.safetensors [INPUT.npy ...]
    torch_load.py --dump DUMP.safetensors MODEL.safetensors INPUT.npy

Builds the tutorial's network, gives it the file's tensors with load_state_dict (strict), and
compares its logits, probabilities and pictures with those that `deconvnet show --input --dump`
writes for the same input, (N,H,W,C) float32. Without an input it makes one up, whose winners no
rounding can change. Exit code 0: all within 1e-4.
"""
import argparse
import copy
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "golden"))
sys.path.insert(0, HERE)
import tensors
from tutorial_torch import Tutorial

TOLERANCE = 1e-4
MARGIN = 1e-6                      # several roundings of the largest sums, 0.2


def read(path):
    """With the package safetensors where there is one: it is the format's own reader."""
    try:
        from safetensors.numpy import load_file
        return load_file(path)
    except ImportError:
        return tensors.load(path)[0]


def load(path):
    """The network of a model file; its sizes are those of the weights."""
    state = {k: torch.from_numpy(np.array(v)) for k, v in read(path).items()
             if not k.startswith("optimizer.")}      # Adam's moments stand beside the weights
    first, channels = state["conv1.weight"].shape[:2]
    classes, second = state["conv3.weight"].shape[:2]
    net = Tutorial(channels, classes, first, second)
    net.load_state_dict(state)
    return net.eval()


def margin(net, x):
    """The least, in double, by which a max pool's winner is ahead of the next or above zero."""
    net = copy.deepcopy(net).double()
    least = float("inf")
    with torch.no_grad():
        for conv in (net.conv1, net.conv2):
            y = conv(x)
            best = y.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4).topk(2).values
            alive = best[..., 0] > 0
            least = min(least, (best[..., 0] - best[..., 1])[alive].min().item(),
                        best[..., 0].abs().min().item())
            x = F.max_pool2d(F.relu(y), 2)
    return least


def make_up(net):
    for seed in range(1, 200):
        x = np.random.default_rng(seed).normal(size=(2, 24, 24, net.conv1.in_channels))
        if margin(net, torch.from_numpy(x.astype(np.float32)).double().permute(0, 3, 1, 2)) > MARGIN:
            return x.astype(np.float32)
    sys.exit("torch_load: no pictures whose winners are clear; give some")


def expected(net, x):
    """By the names of the dump, (N,H,W,C)."""
    def nhwc(t):
        return t.permute(0, 2, 3, 1).numpy()
    with torch.no_grad():
        x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
        logits = net(x)[:, :, None, None]
        t1, t2 = net.down(*net.up(x))
        return {"nt_hpool3": nhwc(logits), "y_conv": nhwc(logits.softmax(1)),
                "h_pool1/reconstruct/layer": nhwc(t1), "h_pool2/reconstruct/layer": nhwc(t2)}


def compare(net, npy, dump):
    """How many of our tensors are wrong or missing."""
    ours, bad = read(dump), 0
    for name, want in expected(net, np.load(npy).astype(np.float32)).items():
        got = ours.get(name)
        if got is None or got.shape != want.shape:
            print(f"torch_load: {dump}: {name} is {None if got is None else got.shape}, "
                  f"PyTorch has {want.shape}", file=sys.stderr)
            bad += 1
            continue
        error = np.abs(got - want).max()
        if not error <= TOLERANCE * min(1.0, np.abs(want).max()):
            print(f"torch_load: {npy}: {name} is off by {error:g}", file=sys.stderr)
            bad += 1
        else:
            print(f"{name}: within {error:.1e} of PyTorch {torch.__version__}")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--command", help="our program, to make the dumps")
    parser.add_argument("--dump", help="a dump that exists already; then one input")
    parser.add_argument("model")
    parser.add_argument("inputs", nargs="*", metavar="INPUT.npy")
    args = parser.parse_args()
    if bool(args.command) == bool(args.dump) or (args.dump and len(args.inputs) != 1):
        parser.error("give --command PROGRAM, or --dump FILE and one input")
    torch.set_num_threads(2)
    net = load(args.model)
    if args.dump:
        return bool(compare(net, args.inputs[0], args.dump))
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        inputs = args.inputs
        if not inputs:
            inputs = [os.path.join(folder, "input.npy")]
            np.save(inputs[0], make_up(net))
        for npy in inputs:
            dump = os.path.join(folder, "dump.safetensors")
            subprocess.run([args.command, "show", "--model", args.model, "--input", npy,
                            "--layer", "all", "--dump", dump, "--graphics", "none",
                            "--out", os.path.join(folder, "out")],
                           check=True, stdout=subprocess.DEVNULL)
            bad += compare(net, npy, dump)
    return bool(bad)


sys.exit(main())
