#!/usr/bin/env python3
"""Trains the tutorial's network in PyTorch as a whole process: bench/recipe.py, channels-last, Adam fused.
Writes the weights to --out and prints a line of JSON last."""
import logging
import os
import sys
import warnings

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "peers"))
import recipe
from tutorial_torch import Tutorial


def main():
    args = recipe.arguments(__doc__.split(":", maxsplit=1)[0])
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    net = Tutorial()
    net.start()
    net = net.to(memory_format=torch.channels_last)
    best = {"fused": True} if hasattr(torch, "compile") else {}     # 1.13 has it for other devices
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, **best)

    def tensor(x):
        return torch.from_numpy(x).to(memory_format=torch.channels_last)

    def cost(x, y):
        return F.cross_entropy(net(x), y)
    if args.compiled:
        cost = torch.compile(cost, dynamic=False)

    def step(x, y):
        optimizer.zero_grad()
        loss = cost(tensor(x), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        return loss.detach()

    def classes(x):
        with torch.inference_mode():
            return net(tensor(x)).argmax(1).numpy()
    recipe.train(args, f"PyTorch {torch.__version__}", step, classes,
                 lambda path: torch.save(net.state_dict(), path))


main()
