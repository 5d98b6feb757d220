"""The tutorial's recipe as far as PyTorch and TensorFlow share it: batches of CIFAR-10's files in their order,
the middle 24x24, each picture standardised; the loop with its accuracy lines. NumPy alone."""
import argparse
import json
import os
import time

import numpy as np

RECORD, SIDE, CROP, EVERY = 3073, 32, 24, 200
TRAIN, TEST = [f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]


class Pictures:
    """Reads what is asked for, so that the files do not count as the peer's memory. data "synthetic":
    noise of the same size, made once."""

    def __init__(self, data, names):
        self.files, self.noise = [], None
        if data == "synthetic":
            random = np.random.default_rng(1)
            self.noise = random.integers(0, 256, (10000, RECORD), np.uint8)
            self.noise[:, 0] %= 10
            self.count = len(self.noise)
            return
        below = os.path.join(data, "cifar-10-batches-bin")
        folder = below if os.path.isdir(below) else data
        for name in names:
            file = open(os.path.join(folder, name), "rb")
            self.files.append((file, os.fstat(file.fileno()).st_size // RECORD))
        self.count = sum(n for _, n in self.files)

    def records(self, first, n):
        """n of them from the first; after the last comes the first."""
        parts = []
        while n:
            first %= self.count
            if self.noise is not None:
                parts.append(self.noise[first:first + n])
            else:
                at, number = first, 0
                while at >= self.files[number][1]:
                    at -= self.files[number][1]
                    number += 1
                file, held = self.files[number]
                file.seek(at * RECORD)
                parts.append(np.fromfile(file, np.uint8, min(n, held - at) * RECORD).reshape(-1, RECORD))
            first, n = first + len(parts[-1]), n - len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def batch(self, first, n):
        """Inputs (n,3,24,24) and labels (n)."""
        records, edge = self.records(first, n), (SIDE - CROP) // 2
        planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
        x = planes[:, :, edge:edge + CROP, edge:edge + CROP].astype(np.float32)
        flat = x.reshape(len(x), -1)
        flat -= flat.mean(1, keepdims=True)
        least = flat.shape[1] ** -0.5
        flat /= np.maximum(np.sqrt(np.einsum("ij,ij->i", flat, flat) * least * least), least)[:, None]
        return x, records[:, 0].astype(np.int64)


def train(args, peer, step, classes, save):
    """step(x, y) gives the loss; classes(x) those that it takes the pictures for; both NumPy."""
    pictures, test = Pictures(args.data, TRAIN), Pictures(args.data, TEST)
    began = time.perf_counter()
    for i in range(args.steps):
        x, y = pictures.batch(i * args.batch, args.batch)
        loss = step(x, y)
        if i % EVERY == 0:
            print(f"step {i}, training accuracy {(classes(x) == y).mean():.4f}, loss {float(loss):.4f}",
                  flush=True)
    seconds, right = time.perf_counter() - began, 0
    for first in range(0, test.count, args.batch):
        x, y = test.batch(first, min(args.batch, test.count - first))
        right += int((classes(x) == y).sum())
    save(args.out)
    print(json.dumps({"peer": peer, "steps": args.steps, "batch": args.batch, "loss": float(loss),
                      "test_accuracy": right / test.count, "loop_seconds": seconds}))


def strip(x, *drawn):
    """(3,24,72) bytes: the picture and what its layers keep, as the tutorial shows them."""
    whole = np.concatenate([x, *drawn], axis=2)
    whole = whole * (127 / np.abs(whole).max()) + 128 if whole.min() < 0 else whole * (255 / whole.max())
    return np.clip(whole, 0, 255).astype(np.uint8)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="synthetic", help="a CIFAR-10 folder, or synthetic")
    parser.add_argument("--weights", help="model.safetensors of a run")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--out", required=True)
    return parser.parse_args()
