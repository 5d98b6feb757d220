#!/usr/bin/env python3
"""Times the tutorial's network in PyTorch and prints one line of JSON, medians in milliseconds:
train_step_ms (forward, gradients, Adam), forward_ms, reconstruct_ms (both layers, after a forward
pass that is not counted). Of each figure the fastest way counts, all are told: eager and compiled
(torch.compile), channels-last and contiguous, Adam fused and not, transposed convolutions and the equal ones
with the kernel turned."""
import json
import logging
import os
import sys
import warnings

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "peers"))
from timing import Ways, arguments
from tutorial_torch import Tutorial

LAST, ROWS = torch.channels_last, torch.contiguous_format


def network(layout):
    torch.manual_seed(1)
    net = Tutorial()
    net.start()
    return net.to(memory_format=layout)


def pictures(n, layout):
    return torch.randn(n, 3, 24, 24).to(memory_format=layout)


def trainer(n, layout, compiled, **adam):
    net, x, y = network(layout), pictures(n, layout), torch.randint(0, 10, (n,))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, **adam)

    def loss(x, y):
        return F.cross_entropy(net(x), y)
    if compiled:
        loss = torch.compile(loss, dynamic=False)

    def step():
        optimizer.zero_grad()
        loss(x, y).backward()
        optimizer.step()
    return step


def passer(n, layout, compiled, frozen=False):
    net, x = network(layout).eval(), pictures(n, layout)
    options = {"freezing": True} if frozen else None
    run = torch.compile(net, dynamic=False, options=options) if compiled else net

    def forward():
        with torch.inference_mode(not compiled), torch.no_grad():
            run(x)
    return forward


def walker(n, layout, compiled, flip):
    net = network(layout)
    with torch.no_grad():
        values = [v.detach() for v in net.up(pictures(n, layout))]
    down = torch.compile(net.down, dynamic=False) if compiled else net.down

    def reconstruct():
        with torch.inference_mode(not compiled), torch.no_grad():
            down(*values, flip=flip)
    return reconstruct


def obey_limit():
    """What is compiled takes no more instructions than the rest may (ATEN_CPU_CAPABILITY)."""
    march = {"avx2": "x86-64-v3", "default": "x86-64-v2"}.get(os.environ.get("ATEN_CPU_CAPABILITY"))
    if march and hasattr(torch, "compile"):
        torch._inductor.config.cpp.march = march


def main():
    args = arguments(__doc__.split(":", maxsplit=1)[0])
    warnings.simplefilter("ignore")
    obey_limit()
    logging.disable(logging.WARNING)
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    ways, n = Ways(args), args.batch
    kinds = (("eager, channels-last", LAST, False), ("eager, contiguous", ROWS, False),
             ("compiled, channels-last", LAST, True))
    for kind, layout, compiled in kinds:
        for adam in ("foreach", "fused"):
            ways.time("train_step_ms", f"{kind}, Adam {adam}",
                      lambda a=(layout, compiled), b=adam: trainer(n, *a, **{b: True}))
    for kind, *how in kinds:
        ways.time("forward_ms", kind, lambda a=how: passer(n, *a))
    ways.time("forward_ms", "compiled, channels-last, frozen", lambda: passer(n, LAST, True, True))
    for kind, *how in kinds:
        for name, flip in (("conv_transpose2d", False), ("kernel turned", True)):
            ways.time("reconstruct_ms", f"{kind}, {name}", lambda a=how, b=flip: walker(n, *a, b))
    cpu = getattr(torch.backends, "cpu", None)
    print(json.dumps({"peer": f"PyTorch {torch.__version__}", "batch": n, "threads": args.threads,
                      "capability": cpu.get_cpu_capability() if cpu else None, **ways.told()}))


main()
