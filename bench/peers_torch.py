#!/usr/bin/env python3
"""Times the tutorial's network in PyTorch and prints one line of JSON, medians in milliseconds:
train_step_ms (forward, gradients, Adam), forward_ms, reconstruct_ms (both layers, after a forward
pass that is not counted). Channels-last, which is the faster layout here. The reconstruction is
timed with conv_transpose2d and with the equal conv2d of the turned kernel; the faster counts."""
import json
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "peers"))
from timing import arguments, median_ms
from tutorial_torch import Tutorial


def main():
    args = arguments(__doc__.split(":")[0])
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    net = Tutorial()
    net.start()
    net = net.to(memory_format=torch.channels_last)
    x = torch.randn(args.batch, 3, 24, 24).to(memory_format=torch.channels_last)
    y = torch.randint(0, 10, (args.batch,))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)

    def train():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    train_ms = median_ms(train, args.repeats)
    with torch.no_grad():
        forward_ms = median_ms(lambda: net(x), args.repeats)
        up = net.up(x)
        ways = {"conv_transpose2d": median_ms(lambda: net.down(*up), args.repeats),
                "conv2d, kernel turned": median_ms(lambda: net.down(*up, flip=True), args.repeats)}
    best = min(ways, key=ways.get)
    print(json.dumps(dict(peer=f"PyTorch {torch.__version__}", batch=args.batch,
                          threads=args.threads, repeats=args.repeats, train_step_ms=train_ms,
                          forward_ms=forward_ms, reconstruct_ms=ways[best], reconstruct_with=best,
                          reconstruct_ways_ms=ways)))


main()
