"""Times one picture through ImageNet networks beside onnxruntime and Captum, in one run.

    script/bench models [--networks resnet18,vgg16] [-j 2] [--rounds 3] [--out FILE]

Each round runs all programs one after another, so that a slow minute of the machine hits all of them;
the table holds medians over the rounds. The networks have random weights and are exported by PyTorch
into a temporary folder. What the columns mean stands in bench/peers_captum.py."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zlib

from common import COMMAND, NAMES, ROOT, imports, keep, measured, median_of, run_once, torch_folder

# Where Captum's NeuronDeconvolution hooks, and the same place in our network.
LAYERS = {"vgg16": "features.29", "resnet18": "layer4.1.relu_1"}
EXPORT = """
import sys, warnings, torch, torchvision
warnings.simplefilter("ignore")
torch.manual_seed(1)
model = getattr(torchvision.models, sys.argv[1])(weights=None).eval()
torch.onnx.export(model, torch.randn(1, 3, 224, 224), sys.argv[2], dynamo=False, opset_version=17)
"""
FIGURES = (("forward_ms", "forward, one picture"), ("picture_ms", "one unit's picture, forward too"),
           ("peak_sheet_ms", "sheet of peaks, a layer's channels"),
           ("sheet_ms", "the same from all of each channel"),
           ("whole_ms", "process: start to sheet of layers"))


def write_picture(path, side=500):
    """A picture with structure at every scale, as a PNG; the same on every machine."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            v = x * y * 255 // (side * side)
            rows += bytes((v ^ (x & 0x1f) * 4, (x * 255 // side) ^ (y & 0xf) * 8, 255 - v))

    def chunk(kind, data):
        return (len(data).to_bytes(4, "big") + kind + data
                + zlib.crc32(kind + data).to_bytes(4, "big"))
    header = side.to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                   + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b""))


def import_figures(path):
    """What reading a model costs: memory against the weights, time against reading the file."""
    runs = [measured([COMMAND, "info", path, "--json"]) for _ in range(5)]
    read = [measured(["cat", path]) for _ in range(5)]
    return {"info_ms": round(statistics.median(r[0] for r in runs) * 1000, 1),
            "cat_ms": round(statistics.median(r[0] for r in read) * 1000, 1),
            "info_peak_mib": round(max(r[1] for r in runs), 1),
            "file_mib": round(os.path.getsize(path) / 2 ** 20, 1)}


def whole_process(model, picture, folder, threads):
    command = [COMMAND, "show", "--model", model, picture, "--out", os.path.join(folder, "shown"),
               "--graphics", "none", "-j", str(threads)]
    return round(statistics.median(measured(command)[0] for _ in range(5)) * 1000, 1)


def one_network(name, options, folder):
    path, picture = os.path.join(folder, name + ".onnx"), os.path.join(folder, "picture.png")
    python = os.path.join(torch_folder(), "bin/python")
    subprocess.run([python, "-c", EXPORT, name, path], check=True, stdout=subprocess.DEVNULL)
    write_picture(picture)
    threads = ["--threads", str(options.threads)]
    programs = {
        "ours": [COMMAND, "bench", path, "--json", "-j", str(options.threads), "--layer",
                 LAYERS[name]],
        "ort": [python, os.path.join(ROOT, "bench/peers_onnxruntime.py"), path, *threads],
        "captum": [python, os.path.join(ROOT, "bench/peers_captum.py"), name, *threads]}
    runs = {key: [] for key in programs}
    for number in range(options.rounds):
        for key, command in programs.items():
            run = run_once(key, command)
            run["file"] = name + ".onnx"         # not where it lay
            if key == "captum":
                run["picture_ms"] = run["channel_ms"]
                run["peak_sheet_ms"] = run.pop("sheet_ms")      # a unit of each channel
            if key == "ours":
                run["picture_ms"] = run["forward_ms"] + run["peak_ms"]
                run["whole_ms"] = whole_process(path, picture, folder, options.threads)
            runs[key].append(run)
            print(f"{name}, round {number + 1}: {NAMES[key]}: " + ", ".join(
                f"{title} {run[field]:.1f} ms" for field, title in FIGURES if field in run),
                flush=True)
    figures = {"runs": runs, "import": import_figures(path)}
    os.remove(path)
    figures["medians"] = {key: {field: median_of(kept, field) for field, _ in
                                (*FIGURES, ("peak_ms", ""), ("class_ms", ""))}
                          for key, kept in runs.items()}
    return figures


def show_table(name, figures):
    medians, reading = figures["medians"], figures["import"]
    print(f"\n{name + ', ms, median':36}" + "".join(f"{NAMES[key]:>18}" for key in medians))
    for field, title in FIGURES:
        print(f"{title:36}" + "".join(
            f"{medians[key][field]:18.1f}" if medians[key].get(field) else f"{'':18}"
            for key in medians))
    print(f"the strongest unit of a channel alone: {medians['ours']['peak_ms']:.1f} ms; reading the "
          f"model: {reading['info_ms']:.0f} ms (cat: {reading['cat_ms']:.0f}), "
          f"{reading['info_peak_mib']:.0f} MiB at most for a file of {reading['file_mib']:.0f}")


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/bench models",
                                     description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--networks", default="resnet18,vgg16")
    parser.add_argument("-j", "--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", help="where the JSON goes; else bench/results/TIME.json")
    options = parser.parse_args(arguments)
    if not imports(os.path.join(torch_folder(), "bin/python"), "captum"):
        sys.exit("script/bench: error: Captum: not installed; run script/peers --torch")
    subprocess.run([os.path.join(ROOT, "script/build")], check=True)
    kept = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.networks.split(","):
            if name not in LAYERS:
                sys.exit(f"script/bench: error: {name}: not a network of this table; choose of "
                         f"{', '.join(LAYERS)}")
            kept[name] = one_network(name, options, folder)
    for name, figures in kept.items():
        show_table(name, figures)
    keep(options.out, {"threads": options.threads, "networks": kept})
