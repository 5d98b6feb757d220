#!/usr/bin/env python3
"""Trains the tutorial's network in PyTorch, the figure that ours is compared with.

    train_torch.py [--augment] [--steps 1500] [--seed 1] cifar-10-batches-bin

The tutorial's recipe: centre crop to 24x24, standardised, the order of the files, batches of 128,
Adam 1e-4. --augment: shuffled, random crop, flip, brightness and contrast. Prints the test accuracy
over all test pictures every --every steps and at the end, and a line of JSON.
"""
import argparse
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tutorial_torch import Tutorial


def read(folder, names):
    """Pictures (N,3,32,32) uint8 and labels (N)."""
    records = np.concatenate([np.fromfile(os.path.join(folder, n), np.uint8).reshape(-1, 3073)
                              for n in names])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def standardize(x):
    flat = x.reshape(len(x), -1)
    spread = np.maximum(flat.std(1), flat.shape[1] ** -0.5)
    return ((flat - flat.mean(1, keepdims=True)) / spread[:, None]).reshape(x.shape)


def centre(pictures):
    return standardize(pictures[:, :, 4:28, 4:28].astype(np.float32))


def distort(pictures, rng):
    """TensorFlow's distorted_inputs."""
    out = np.empty((len(pictures), 3, 24, 24), np.float32)
    for i, p in enumerate(pictures):
        y, x = rng.integers(0, 9, 2)
        crop = p[:, y:y + 24, x:x + 24].astype(np.float32)
        if rng.random() < 0.5:
            crop = crop[:, :, ::-1]
        crop = crop + rng.uniform(-63, 63)
        mean = crop.mean((1, 2), keepdims=True)
        out[i] = (crop - mean) * rng.uniform(0.2, 1.8) + mean
    return standardize(out)


def accuracy(net, x, y):
    with torch.no_grad():
        right = sum((net(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item()
                    for i in range(0, len(x), 500))
    return right / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--augment", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    pictures, labels = read(args.data, [f"data_batch_{i}.bin" for i in range(1, 6)])
    test, test_labels = read(args.data, ["test_batch.bin"])
    test_x, test_y = torch.from_numpy(centre(test)), torch.from_numpy(test_labels)
    net = Tutorial()
    net.start()
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr, eps=1e-8)
    order, at, began = np.arange(len(pictures)), 0, time.time()
    for step in range(1, args.steps + 1):
        if args.augment and at == 0:
            rng.shuffle(order)
        batch = order[np.arange(at, at + args.batch) % len(order)]
        at = (at + args.batch) % len(order) if not args.augment else \
            (at + args.batch if at + 2 * args.batch <= len(order) else 0)
        x = distort(pictures[batch], rng) if args.augment else centre(pictures[batch])
        loss = F.cross_entropy(net(torch.from_numpy(x)), torch.from_numpy(labels[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % args.every == 0 or step == args.steps:
            result = accuracy(net, test_x, test_y)
            print(f"step {step}: loss {loss.item():.4f}, test accuracy {result:.4f}, "
                  f"{time.time() - began:.0f} s", flush=True)
    print(json.dumps(dict(peer=f"PyTorch {torch.__version__}", steps=args.steps, seed=args.seed,
                          augment=args.augment, accuracy=result)))


main()
