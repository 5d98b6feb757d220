#!/usr/bin/env python3
"""Makes resize.safetensors with torchvision: Resize, CenterCrop, ToTensor and Normalize of made-up
pictures, as its classification presets chain them.

    script/peers; ~/.cache/deconvnet/torch/bin/python test/golden/make_resize.py
"""
import os

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.models import ResNet18_Weights

import fill
import tensors

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

# Pillow 13 takes the rows first where a tall picture makes that cheaper; Pillow up to 12, and we, the
# columns. A byte that is rounded between may then be off by one level.
ROWS_FIRST = ("tall",)


def noise(h, w, seed):
    return (fill.bits(h * w * 3, seed) % 256).astype(np.uint8).reshape(h, w, 3)


def photo(h, w, seed):
    """Slow waves, a grain, and a few hard edges as of letters."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    slow = np.stack([128 + 90 * np.sin(x / 17 + y / 29), 100 + 80 * np.cos(y / 11),
                     60 + 150 * x / w], 2)
    out = np.clip(slow + noise(h, w, seed) / 16.0 - 8, 0, 255).astype(np.uint8)
    out[(np.mod(x, 13) < 3) & (np.mod(y, 19) < 11) & (x > w // 2)] = 20
    return out


# name: picture, shorter side, crop, mean and std, blue first
CASES = {
    "preset": (photo(93, 121, 1), 37, (32, 32), IMAGENET, False),
    "tall": (photo(131, 60, 2), 37, (32, 32), IMAGENET, False),
    "twice": (noise(64, 90, 3), 32, (32, 45), PLAIN, False),
    "little": (photo(50, 70, 4), 49, (49, 68), PLAIN, False),
    "up": (photo(13, 17, 5), 40, (40, 52), PLAIN, False),
    "thin": (noise(3, 41, 6), 12, (12, 164), PLAIN, False),
    "one": (noise(1, 1, 7), 6, (6, 6), PLAIN, False),
    "far": (noise(110, 150, 8), 7, (7, 9), PLAIN, False),
    "same": (noise(35, 38, 9), 35, (32, 32), PLAIN, False),     # rests of 3 and 6: 2 and 3
    "rests": (noise(37, 39, 10), 37, (32, 32), PLAIN, False),   # rests of 5 and 7: 2 and 4
    "blue": (photo(60, 77, 11), 37, (32, 32), IMAGENET, True),
    "grey": (photo(70, 64, 12)[..., :1], 37, (32, 32), IMAGENET, False),
}


def convert(picture, side, crop, mean_std, blue_first):
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).convert("RGB")
    chain = transforms.Compose([transforms.Resize(side), transforms.CenterCrop(crop),
                                transforms.ToTensor(), transforms.Normalize(*mean_std)])
    value = chain(image)
    if crop == (32, 32) and mean_std == IMAGENET and not blue_first:
        preset = ResNet18_Weights.DEFAULT.transforms
        assert torch.equal(value, preset(crop_size=32, resize_size=side)(image))
    value = value.numpy().transpose(1, 2, 0)
    return value[..., ::-1] if blue_first else value


def main():
    out, metadata = {}, {
        "maker": "make_resize.py",
        "versions": f"torchvision {torchvision.__version__.split('+')[0]}, "
                    f"PyTorch {torch.__version__.split('+')[0]}, Pillow {PIL.__version__}"}
    for name, (picture, side, crop, mean_std, blue) in CASES.items():
        out[f"{name}/picture"] = picture
        out[f"{name}/value"] = convert(picture, side, crop, mean_std, blue).astype(np.float32)
        metadata[f"{name}/levels"] = "1" if name in ROWS_FIRST else "0"
        mean, std = (",".join(map(str, numbers)) for numbers in mean_std)
        metadata[f"{name}/preprocess"] = (f"{crop[0]}x{crop[1]}x3 side={side} mean={mean} "
                                          f"std={std}{' bgr' if blue else ''}")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resize.safetensors")
    tensors.save(path, out, metadata)
    tensors.record_digest(path)


main()
