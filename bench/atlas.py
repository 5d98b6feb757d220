"""Times deconvnet atlas beside a bare forward pass, and beside PyTorch with Captum, in one run.

    script/bench atlas [--data CIFAR-10-FOLDER] [-j 2] [--rounds 3] [--only tutorial,vgg16] [--out FILE]

tutorial: the tutorial's network, briefly trained, all pictures of CIFAR-10, all channels, the whole book.
vgg16: random weights, 500 pictures of 224x224 made here, all channels behind a convolution: the scan, a
drawing of the strongest unit of each channel (--top; all 38,016 units of top 9 take an hour), single
units with and without cones (deconvnet bench starts), and what that comes to for 50,000 pictures.
Captum draws one layer of each, 64 channels (bench/peers_captum_atlas.py). --quick: small sizes, to see
that everything works."""
import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import COMMAND, NAMES, ROOT, imports, keep, measured, run_once, torch_folder
from models import EXPORT

IMAGENET = 50000                  # pictures of its validation set
PYTHON = os.path.join(torch_folder(), "bin/python")


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def make_pictures(kind, folder, n):
    subprocess.run([PYTHON, os.path.join(ROOT, "bench/make_pictures.py"), kind, folder, str(n)],
                   check=True)
    return folder


def ours(*arguments):
    """(seconds, MiB, JSON) of one command of ours."""
    seconds, mib, text = measured([COMMAND, *map(str, arguments), "--json"])
    return seconds, mib, json.loads(text)


def forward_rate(model, batch, threads):
    """Pictures a second of nothing but forward passes."""
    told = ours("bench", "starts", model, "-b", batch, "--channels", 1, "-j", threads,
                "--layer", 1)[2]
    return told["forward_pictures_per_second"]


def book(folder):
    with open(os.path.join(folder, "atlas.json"), encoding="utf-8") as file:
        return json.load(file)["layers"]


def captum(options, what, data, *more):
    say(f"{what}: PyTorch with Captum, one layer of 64 channels")
    return run_once("captum", [PYTHON, os.path.join(ROOT, "bench/peers_captum_atlas.py"), what, data,
                               "--threads", str(options.threads), "--seconds",
                               str(5 if options.quick else 120), *more])


def agreement(layer, peer):
    """In how many channels both found the same strongest picture."""
    strongest = peer.pop("strongest")
    same = sum(bool(channel["top"]) and channel["top"][0]["picture"] == picture
               for channel, picture in zip(layer["channels"], strongest))
    return {"channels": len(strongest), "same_strongest": same}


def beside(one_layer, units, peer):
    """Scan and drawing of one layer of 64 channels, seconds: each program's own rates."""
    return {"ours_seconds": one_layer["scan_seconds"] + units / one_layer["units_per_second"],
            "captum_seconds": peer["scan_seconds"] + units / peer["units_per_second"], "units": units}


# ---- the tutorial's network ---------------------------------------------------------------------


def find_cifar(options, folder):
    """(folder, what it is): CIFAR-10 from --data, DECONVNET_DATA or the cache; else made here."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for place in (options.data, os.environ.get("DECONVNET_DATA"),
                  os.path.join(cache, "deconvnet/cifar-10-batches-bin")):
        for below in (place or "", os.path.join(place or "", "cifar-10-batches-bin")):
            if not options.quick and os.path.exists(os.path.join(below, "data_batch_1.bin")):
                return below, "CIFAR-10"
        if place and place == options.data and not options.quick:
            sys.exit(f"script/bench: error: {place}: holds no data_batch_1.bin; name a CIFAR-10 folder")
    n = 3000 if options.quick else 60000
    say(f"no CIFAR-10 is used: {n:,} synthetic pictures of its size take its place")
    return make_pictures("cifar", os.path.join(folder, "cifar"), n), f"{n:,} synthetic pictures"


def tutorial(options, folder):
    data, what = find_cifar(options, folder)
    run, steps = os.path.join(folder, "run"), 20 if options.quick else 300
    say(f"tutorial: {steps} training steps")
    ours("train", "--data", data, "--steps", steps, "-q", "-j", options.threads, "--out", run)
    rounds = []
    for number in range(options.rounds):
        place = os.path.join(folder, "book")
        shutil.rmtree(place, ignore_errors=True)
        before = forward_rate(run, 128, options.threads)
        seconds, mib, told = ours("atlas", "--model", run, "--data", data, "--split", "all", "-k", 9,
                                  "--out", place, "-j", options.threads)
        after = forward_rate(run, 128, options.threads)
        one = {"seconds": seconds, "peak_mib": mib, "forward_pictures_per_second": (before + after) / 2,
               **{key: told[key] for key in ("pictures", "channels", "units", "scan_seconds",
                                             "pictures_per_second", "draw_seconds",
                                             "units_per_second")}}
        one["scan_share_of_forward"] = one["pictures_per_second"] / one["forward_pictures_per_second"]
        rounds.append(one)
        say(f"tutorial, round {number + 1}: {seconds:.1f} s, {mib:.0f} MiB: {told['pictures']:,} "
            f"pictures at {one['pictures_per_second']:,.0f} a second ({one['scan_share_of_forward']:.2f} "
            f"of {one['forward_pictures_per_second']:,.0f} forward alone), {told['units']:,} units at "
            f"{one['units_per_second']:,.0f} a second")
    median = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
    figures = {"data": what, "rounds": rounds, "median": median}
    peer = captum(options, "tutorial", data, "--weights", os.path.join(run, "model.safetensors"))
    layer = book(place)[1]
    figures["captum"] = {**peer, "layer": layer["name"], **agreement(layer, peer)}
    figures["captum"].pop("strongest", None)
    figures["one_layer"] = beside(median, 64 * 9, peer)
    return figures


# ---- VGG-16 -------------------------------------------------------------------------------------


def for_imagenet(scan, unit_rate, forward_rate_, channels):
    """Seconds for 50,000 pictures, top 9: the scan, each distinct picture forward once more, the units.
    That the units fall on the pictures by chance gives the most distinct ones that are likely."""
    units = channels * 9
    distinct = IMAGENET * -math.expm1(-units / IMAGENET)
    return {"pictures": IMAGENET, "units": units, "distinct_pictures": round(distinct),
            "scan_seconds": IMAGENET / scan, "forward_seconds": distinct / forward_rate_,
            "unit_seconds": units / unit_rate,
            "hours": (IMAGENET / scan + distinct / forward_rate_ + units / unit_rate) / 3600}


def draw_sample(options, arguments, place, rate):
    """The strongest units of each channel, from the scan that is there."""
    seconds, mib, told = ours(*arguments, "-k", options.top)
    layers = book(place)
    distinct = len({unit["picture"] for layer in layers for channel in layer["channels"]
                    for unit in channel["top"]})
    # The time for their pictures is told apart: with nine a channel each serves more units.
    alone = max(told["draw_seconds"] - distinct / rate, 1e-9)
    return layers, {"top": options.top, "seconds": seconds, "peak_mib": mib, "units": told["drawn"],
                    "draw_seconds": told["draw_seconds"], "units_per_second": told["units_per_second"],
                    "distinct_pictures": distinct, "units_alone_per_second": told["drawn"] / alone}


def vgg16(options, folder):
    path, pictures = os.path.join(folder, "vgg16.onnx"), 16 if options.quick else options.pictures
    say(f"vgg16: the network, and {pictures} synthetic pictures")
    subprocess.run([PYTHON, "-c", EXPORT, "vgg16", path], check=True, stdout=subprocess.DEVNULL)
    photos = make_pictures("photos", os.path.join(folder, "photos"), pictures)
    layers = "features.4,features.30" if options.quick else "conv"
    say("vgg16: single units, in cones and the whole way")
    starts = ours("bench", "starts", path, "-b", 8, "--channels", 2 if options.quick else 16, "--layer",
                  layers, "-j", options.threads)[2]
    starts["file"] = "vgg16.onnx"                # not where it lay
    place = os.path.join(folder, "vgg16-book")
    arguments = ["atlas", "--model", path, "--data", photos, "--layers", layers, "--out", place, "-j",
                 options.threads]
    say("vgg16: the scan")
    _, scan_mib, scan = ours(*arguments, "-k", 9, "--scan-only")
    say(f"vgg16: {scan['pictures_per_second']:.2f} pictures a second; drawing the strongest "
        f"{options.top} of {scan['channels']:,} channels")
    layers, drawn = draw_sample(options, arguments, place, starts["forward_pictures_per_second"])
    figures = {"data": f"{pictures} synthetic pictures of 224x224", "channels": scan["channels"],
               "scan": {"seconds": scan["scan_seconds"], "peak_mib": scan_mib,
                        "pictures_per_second": scan["pictures_per_second"]},
               "scan_share_of_forward": scan["pictures_per_second"]
               / starts["forward_pictures_per_second"], "drawing": drawn, "starts": starts}
    figures["imagenet"] = for_imagenet(scan["pictures_per_second"], drawn["units_alone_per_second"],
                                       starts["forward_pictures_per_second"], scan["channels"])
    last = layers[-1]
    peer = captum(options, "vgg16", photos, "--layer", last["name"])
    figures["captum"] = {**peer, "layer": last["name"], **agreement(last, peer)}
    figures["captum"].pop("strongest", None)
    ms = next(one["cone_ms"] for one in starts["layers"] if one["name"] == last["name"])
    figures["one_layer"] = beside({"scan_seconds": scan["scan_seconds"],
                                   "units_per_second": 1000 / ms}, 64 * 9, peer)
    return figures


# ---- all of it ----------------------------------------------------------------------------------


def show_beside(figures):
    peer, both = figures["captum"], figures["one_layer"]
    print(f"  {peer['layer']} alone, 64 channels, {both['units']} units: deconvnet "
          f"{both['ours_seconds']:.1f} s (its scan finds all layers), {NAMES['captum']} "
          f"{both['captum_seconds']:.1f} s ({peer['pictures_per_second']:.1f} pictures and "
          f"{peer['units_per_second']:.2f} units a second, {peer['drawn']} units drawn); the same "
          f"strongest picture in {peer['same_strongest']} of {peer['channels']} channels")


def show(kept):
    if "tutorial" in kept:
        m = kept["tutorial"]["median"]
        print(f"\ntutorial's network, {kept['tutorial']['data']}, all {m['channels']:.0f} channels, the "
              f"whole book: {m['seconds']:.1f} s, {m['peak_mib']:.0f} MiB\n  scan "
              f"{m['pictures_per_second']:,.0f} pictures a second, forward alone "
              f"{m['forward_pictures_per_second']:,.0f}: {m['scan_share_of_forward']:.2f} of it\n"
              f"  drawing {m['units']:,.0f} units at {m['units_per_second']:,.0f} a second")
        show_beside(kept["tutorial"])
    if "vgg16" in kept:
        f = kept["vgg16"]
        drawn, starts, far = f["drawing"], f["starts"], f["imagenet"]
        print(f"\nVGG-16, {f['data']}, {f['channels']:,} channels\n  scan "
              f"{f['scan']['pictures_per_second']:.2f} pictures a second, {f['scan']['peak_mib']:.0f} MiB: "
              f"{f['scan_share_of_forward']:.2f} of forward alone\n  drawing, a sample: the "
              f"{drawn['top']} strongest of each channel, {drawn['units']:,} units in "
              f"{drawn['draw_seconds']:.0f} s, {drawn['units_per_second']:.1f} a second\n  single units "
              f"in cones {starts['cone_units_per_second']:.1f} a second, the whole way "
              f"{starts['whole_units_per_second']:.1f}")
        print(f"  for {IMAGENET:,} pictures and 9 a channel: pictures / scan + distinct / forward + units "
              f"/ drawing alone\n  = {far['scan_seconds']:,.0f} + {far['forward_seconds']:,.0f} + "
              f"{far['unit_seconds']:,.0f} s = {far['hours']:.1f} hours, of {far['distinct_pictures']:,} "
              f"distinct pictures of {far['units']:,} units at most")
        show_beside(f)


def rows_of(name, figures):
    """Rows of the table of docs/benchmarks.md: what, ours, Captum's."""
    peer, both = figures["captum"], figures["one_layer"]
    if name == "tutorial":
        m = figures["median"]
        yield "the whole book: seconds", f"**{m['seconds']:.1f}**", ""
        scan, share, units = m["pictures_per_second"], m["scan_share_of_forward"], m["units_per_second"]
    else:
        scan, share = figures["scan"]["pictures_per_second"], figures["scan_share_of_forward"]
        units, starts = figures["drawing"]["units_per_second"], figures["starts"]
    digits = 0 if scan > 100 else 1
    yield ("scan, pictures a second", f"**{scan:,.{digits}f}**",
           f"{peer['pictures_per_second']:,.{digits}f}")
    yield "scan, of a bare forward pass", f"{share:.2f}", ""
    yield "drawing, units a second", f"**{units:,.{digits}f}**", f"{peer['units_per_second']:,.{digits}f}"
    if name == "vgg16":
        yield "single units in cones, a second", f"{starts['cone_units_per_second']:.1f}", ""
        yield "single units the whole way, a second", f"{starts['whole_units_per_second']:.1f}", ""
        yield f"{IMAGENET:,} pictures, 9 a channel: hours", f"{figures['imagenet']['hours']:.1f}", ""
    yield (f"{peer['layer']}, 64 channels, {both['units']} units: seconds",
           f"**{both['ours_seconds']:.1f}**", f"{both['captum_seconds']:.1f}")


def show_table(kept):
    print("\n| | deconvnet | PyTorch, Captum |\n|---|---:|---:|")
    for name, figures in kept.items():
        title = {"tutorial": "tutorial", "vgg16": "VGG-16"}[name]
        for what, first, second in rows_of(name, figures):
            print(f"| {title}, {what} | {first} | {second} |")


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/bench atlas",
                                     description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", help="a CIFAR-10 folder; else DECONVNET_DATA, else synthetic")
    parser.add_argument("--only", default="tutorial,vgg16")
    parser.add_argument("--pictures", type=int, default=500, help="for VGG-16")
    parser.add_argument("--top", type=int, default=1, help="units of each of its channels that are drawn")
    parser.add_argument("-j", "--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", help="where the JSON goes; else bench/results/TIME.json")
    options = parser.parse_args(arguments)
    if not imports(PYTHON, "captum"):
        sys.exit("script/bench: error: Captum: not installed; run script/peers --torch")
    subprocess.run([os.path.join(ROOT, "script/build")], check=True)
    parts, kept = {"tutorial": tutorial, "vgg16": vgg16}, {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only.split(","):
            if name not in parts:
                sys.exit(f"script/bench: error: {name}: not a part; choose of {', '.join(parts)}")
            kept[name] = parts[name](options, folder)
    say(f"done in {time.monotonic() - began:.0f} s")
    show(kept)
    show_table(kept)
    if options.quick:
        print("\nsmall sizes: these figures say nothing")
    keep(options.out, {"threads": options.threads, "quick": options.quick, "atlas": kept})
