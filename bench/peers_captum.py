#!/usr/bin/env python3
"""Times deconvnet pictures of one photo in PyTorch with Captum and prints one line of JSON, medians
in milliseconds: forward_ms; class_ms (Deconvolution of one class); channel_ms (NeuronDeconvolution
of the strongest unit of one channel of a layer); sheet_ms (all channels of that layer: measured on
`sample` channels and multiplied, as every channel costs the same there)."""
import argparse
import json
import warnings

import captum
import torch
import torchvision
from captum.attr import Deconvolution, NeuronDeconvolution

from timing import median_ms

# Captum rectifies at ReLU modules that are used once and not in place.
LAYERS = {"vgg16": lambda m: m.features[29], "resnet18": lambda m: m.layer4[1].relu}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":", maxsplit=1)[0])
    parser.add_argument("model", choices=sorted(LAYERS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sample", type=int, default=8)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    model = getattr(torchvision.models, args.model)(weights=None).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    model.requires_grad_(False)             # else autograd would compute the weights' gradients too
    x = torch.randn(1, 3, 224, 224)
    kept = {}
    layer = LAYERS[args.model](model)
    hook = layer.register_forward_hook(lambda m, i, o: kept.update(shape=o.shape))
    with torch.no_grad():
        forward_ms = median_ms(lambda: model(x), args.repeats * 2)
    hook.remove()
    _, channels, height, width = kept["shape"]
    whole = Deconvolution(model)
    class_ms = median_ms(lambda: whole.attribute(x.requires_grad_(), target=7), args.repeats)
    neuron = NeuronDeconvolution(model, layer)

    def picture(channel):
        return neuron.attribute(x.requires_grad_(), (channel, height // 2, width // 2))
    channel_ms = median_ms(lambda: picture(3), args.repeats)
    sample_ms = median_ms(lambda: [picture(c) for c in range(args.sample)], 1)
    print(json.dumps({"peer": f"PyTorch {torch.__version__}, Captum {captum.__version__}",
                      "threads": args.threads, "model": args.model, "channels": channels,
                      "forward_ms": forward_ms, "class_ms": class_ms, "channel_ms": channel_ms,
                      "sheet_ms": sample_ms / args.sample * channels, "sample": args.sample}))


main()
