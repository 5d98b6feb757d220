#!/usr/bin/env python3
"""One test picture and what both layers of the tutorial's network keep of it, as one PNG, in PyTorch as a whole
process: weights of --weights (safetensors), forward, both ways down, --out."""
import os
import sys

import numpy as np
import torch
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "test", "peers"), os.path.join(ROOT, "test", "golden")]
import recipe
import tensors
from tutorial_torch import Tutorial


def main():
    args = recipe.arguments(__doc__.split(":", maxsplit=1)[0])
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    state = tensors.load(args.weights)[0]
    net = Tutorial()
    net.load_state_dict({name: torch.from_numpy(np.array(state[name])) for name in net.state_dict()})
    x = recipe.Pictures(args.data, recipe.TEST).batch(0, 1)[0]
    with torch.inference_mode():
        first, second = net.down(*net.up(torch.from_numpy(x)))
    picture = recipe.strip(x[0], first[0].numpy(), second[0].numpy())
    Image.fromarray(picture.transpose(1, 2, 0)).save(args.out, "PNG")


main()
