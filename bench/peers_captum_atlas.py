#!/usr/bin/env python3
"""Makes what an atlas holds of one layer with PyTorch and Captum, as their users do, and prints one line
of JSON: a DataLoader, a forward hook that keeps each channel's largest values (topk), then Captum's
NeuronDeconvolution, one call for the pictures of a channel, as many as fit into --seconds.

    peers_captum_atlas.py vgg16 PICTURES --layer features.30
    peers_captum_atlas.py tutorial CIFAR-10-FOLDER --weights MODEL.safetensors

vgg16 has the weights of torch.manual_seed(1), as bench/models.py exports them. The tutorial's network
takes all six files of the folder, train's first; its layer is the pool behind conv2."""
import argparse
import json
import os
import sys
import time
import warnings

import captum
import numpy as np
import torch
import torchvision
from captum.attr import NeuronDeconvolution
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test", "golden"))
import tensors


class Photos(torch.utils.data.Dataset):
    """As torchvision's presets have it."""

    def __init__(self, folder):
        self.paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        t = torchvision.transforms
        self.transform = t.Compose([t.Resize(256), t.CenterCrop(224), t.ToTensor(),
                                    t.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        with Image.open(self.paths[i]) as picture:
            return self.transform(picture.convert("RGB"))


class Cifar(torch.utils.data.Dataset):
    """24x24 from the middle, each picture by its own mean and deviation."""

    def __init__(self, folder):
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        self.records = np.concatenate([np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073)
                                       for name in names])

    def __len__(self):
        return len(self.records)

    def __getitem__(self, i):
        x = torch.from_numpy(self.records[i, 1:].reshape(3, 32, 32)[:, 4:28, 4:28].astype(np.float32))
        return (x - x.mean()) / max(x.std(unbiased=False).item(), x.numel() ** -0.5)


def tutorial(path):
    """The network with modules, which Captum's hooks need."""
    state = {k: torch.from_numpy(np.array(v)) for k, v in tensors.load(path)[0].items()}
    convs = [torch.nn.Conv2d(*state[f"conv{i}.weight"].shape[1::-1], 5, padding=2) for i in (1, 2, 3)]
    for i, conv in enumerate(convs, 1):
        conv.load_state_dict({k: state[f"conv{i}.{k}"] for k in ("weight", "bias")})
    pool = torch.nn.MaxPool2d
    model = torch.nn.Sequential(convs[0], torch.nn.ReLU(), pool(2), convs[1], torch.nn.ReLU(), pool(2),
                                convs[2], torch.nn.ReLU(), torch.nn.AvgPool2d(6), torch.nn.Flatten())
    return model, model[5]


def vgg16(layer):
    torch.manual_seed(1)
    model = torchvision.models.vgg16(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    return model, model.get_submodule(layer)


def scan(model, layer, loader, channels, top):
    """(values, pictures, cells), each (channels, top)."""
    kept, best, first = {}, None, 0
    hook = layer.register_forward_hook(lambda module, inputs, output: kept.update(value=output))
    with torch.no_grad():
        for x in loader:
            model(x)
            flat = kept["value"][:, :channels].flatten(2)
            values, cells = flat.max(2)
            pictures = torch.arange(first, first + len(x))[:, None].expand_as(values)
            new = torch.stack([values.double(), pictures.double(), cells.double()]).transpose(1, 2)
            best = new if best is None else torch.cat([best, new], 2)
            order = best[0].topk(min(top, best.shape[2]), dim=1).indices
            best = best.gather(2, order.expand(3, -1, -1))
            first += len(x)
    hook.remove()
    return best, kept["value"].shape[3]


def draw(model, layer, data, best, width, seconds):
    """(units drawn, seconds that they took)."""
    neuron, drawn, began = NeuronDeconvolution(model, layer), 0, time.perf_counter()
    for channel in range(best.shape[1]):
        pictures, cells = best[1, channel].long(), best[2, channel].long()
        x = torch.stack([data[i] for i in pictures.tolist()]).requires_grad_()

        def pick(output, c=channel, at=cells):
            return output[torch.arange(len(output)), c, at // width, at % width]
        neuron.attribute(x, pick)
        drawn += len(pictures)
        if time.perf_counter() - began > seconds:
            break
    return drawn, time.perf_counter() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":", maxsplit=1)[0])
    parser.add_argument("model", choices=("vgg16", "tutorial"))
    parser.add_argument("data")
    parser.add_argument("--layer", default="features.30")
    parser.add_argument("--weights")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("-k", "--top", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(args.threads)
    large = args.model == "vgg16"
    data = Photos(args.data) if large else Cifar(args.data)
    model, layer = vgg16(args.layer) if large else tutorial(args.weights)
    model.eval().requires_grad_(False)
    loader = torch.utils.data.DataLoader(data, batch_size=32 if large else 128, num_workers=args.threads)
    began = time.perf_counter()
    best, width = scan(model, layer, loader, args.channels, args.top)
    scan_seconds = time.perf_counter() - began
    drawn, draw_seconds = draw(model, layer, data, best, width, args.seconds)
    print(json.dumps({"peer": f"PyTorch {torch.__version__}, Captum {captum.__version__}",
                      "threads": args.threads, "pictures": len(data), "channels": best.shape[1],
                      "scan_seconds": scan_seconds, "pictures_per_second": len(data) / scan_seconds,
                      "drawn": drawn, "draw_seconds": draw_seconds,
                      "units_per_second": drawn / draw_seconds,
                      "strongest": best[1, :, 0].long().tolist()}))


main()
