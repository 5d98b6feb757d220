#!/usr/bin/env python3
"""Writes pictures for bench/atlas.py: structure at every scale, noise, and a motif of their class, the
same on every machine.

    make_pictures.py cifar FOLDER N      N pictures of 32x32 as CIFAR-10 files, a sixth of them to test
    make_pictures.py photos FOLDER N     N JPEG files of 224x224"""
import os
import sys

import numpy as np
from PIL import Image

CLASSES, MOTIF = 10, 9


def smooth(random, side):
    """Random colours on grids of 2, 3, 5, 9, ... points, added up: (side,side,3), 0..255."""
    whole, points, weight = np.zeros((side, side, 3)), 2, 1.0
    while points <= side:
        grid = Image.fromarray(random.integers(0, 256, (points, points, 3), dtype=np.uint8))
        whole += weight * np.asarray(grid.resize((side, side), Image.BILINEAR), float)
        points, weight = 2 * points - 1, weight * 0.7
    whole -= whole.min()
    return whole * (255 / max(whole.max(), 1))


def cifar(folder, n):
    random = np.random.default_rng(1)
    motifs = random.integers(0, 256, (CLASSES, MOTIF, MOTIF, 3))
    grounds = [smooth(random, 64) for _ in range(64)]
    each = n // 6
    for number in range(6):
        records = np.empty((each, 3073), np.uint8)
        labels = random.integers(0, CLASSES, each)
        places = random.integers(0, 32, (each, 2))
        corners = random.integers(4, 28 - MOTIF + 1, (each, 2))
        for i in range(each):
            (y, x), (top, left) = places[i], corners[i]
            picture = grounds[random.integers(64)][y:y + 32, x:x + 32].copy()
            picture[top:top + MOTIF, left:left + MOTIF] = motifs[labels[i]]
            records[i, 0] = labels[i]
            records[i, 1:] = np.clip(picture + random.normal(0, 6, picture.shape), 0,
                                     255).transpose(2, 0, 1).ravel()
        name = "test_batch.bin" if number == 5 else f"data_batch_{number + 1}.bin"
        records.tofile(os.path.join(folder, name))


def photos(folder, n):
    random = np.random.default_rng(2)
    for i in range(n):
        picture = smooth(random, 224) + random.normal(0, 8, (224, 224, 3))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(
            os.path.join(folder, f"{i:05d}.jpg"), quality=90)


def main():
    kind, folder, n = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    {"cifar": cifar, "photos": photos}[kind](folder, int(n))


main()
