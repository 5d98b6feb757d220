#!/usr/bin/env python3
"""Loads a folder of event files with TensorBoard's own code and demands what it should hold.

    tensorboard_load.py FOLDER [--scalars a,b] [--images PREFIX,...] [--histograms N] [--graph]
                               [--graph-nodes a,b] [--golden-histograms]

Both of TensorBoard's ways in are taken: the event accumulator (values as they were written) and the
data provider (values as the web pages ask for them, after its migration). Any miss ends in exit
code 1 with one line about it. Needs the package tensorboard.
"""
import argparse
import io
import math
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from PIL import Image
from tensorboard import context
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.backend.event_processing import plugin_event_multiplexer


class Miss(Exception):
    pass


def demand(truth, text):
    if not truth:
        raise Miss(text)


def words(text):
    return [w for w in text.split(",") if w]


def check_steps(tag, events):
    demand(events, f"{tag}: no values")
    steps = [e.step for e in events]
    demand(all(a < b for a, b in zip(steps, steps[1:])), f"{tag}: steps do not rise: {steps[:9]}")


def check_scalars(accumulator, wanted):
    present = accumulator.Tags()["scalars"]
    for tag in wanted:
        demand(tag in present, f"scalar {tag} is missing; there are {present}")
        check_steps(tag, accumulator.Scalars(tag))
        demand(all(isinstance(e.value, float) for e in accumulator.Scalars(tag)),
               f"{tag}: no floats")
    return len(present)


def check_picture(tag, data, width=None, height=None):
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        demand(picture.format == "PNG", f"{tag}: is {picture.format}, not PNG")
        demand(width is None or picture.size == (width, height),
               f"{tag}: {picture.size} inside, {width}x{height} in the record")


def check_images(accumulator, prefixes):
    present = accumulator.Tags()["images"]
    for prefix in prefixes:
        tags = [t for t in present if t == prefix or t.startswith(prefix + "/")]
        demand(tags, f"image {prefix} is missing; there are {present}")
        for tag in tags:
            check_steps(tag, accumulator.Images(tag))
            for e in accumulator.Images(tag):
                check_picture(tag, e.encoded_image_string, e.width, e.height)
    return len(present)


def check_histograms(accumulator, least):
    present = accumulator.Tags()["histograms"]
    demand(len(present) >= least, f"{len(present)} histograms, wanted {least}; there are {present}")
    for tag in present:
        check_steps(tag, accumulator.Histograms(tag))
        for e in accumulator.Histograms(tag):
            h = e.histogram_value
            demand(len(h.bucket) == len(h.bucket_limit) > 0, f"{tag}: edges and counts differ")
            demand(sum(h.bucket) == h.num, f"{tag}: counts add up to {sum(h.bucket)}, not {h.num}")
            demand(list(h.bucket_limit) == sorted(set(h.bucket_limit)), f"{tag}: edges do not rise")
            demand(h.num == 0 or math.isfinite(h.min) and h.min <= h.max, f"{tag}: bad range")
    return len(present)


def check_graph(accumulator, wanted):
    demand(accumulator.Tags()["graph"], "there is no graph")
    graph = accumulator.Graph()
    names = [node.name for node in graph.node]
    demand(names, "the graph has no nodes")
    demand(len(names) == len(set(names)), "the graph has two nodes of one name")
    for node in graph.node:
        demand(node.op, f"node {node.name} has no operator")
        for i in node.input:
            demand(i.split(":")[0].lstrip("^") in names, f"node {node.name} reads unknown {i}")
        shapes = node.attr["_output_shapes"].list.shape
        demand(len(shapes) == 1 and len(shapes[0].dim) == 4, f"node {node.name} has no shape")
    for name in wanted:
        demand(name in names, f"node {name} is missing; there are {names}")
    return len(names)


def check_provider(folder, args):
    """The same, as TensorBoard's pages see it."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer(
        tensor_size_guidance={"images": 0, "scalars": 0, "histograms": 0})
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, folder)
    c = context.RequestContext()

    def tags(lister, plugin):
        runs = lister(c, experiment_id="", plugin_name=plugin)
        return {tag: run for run, found in runs.items() for tag in found}

    scalars = tags(provider.list_scalars, "scalars")
    for tag in args.scalars:
        demand(tag in scalars, f"the scalars page misses {tag}; it has {sorted(scalars)}")
    images = tags(provider.list_blob_sequences, "images")
    for prefix in args.images:
        demand(any(t == prefix or t.startswith(prefix + "/") for t in images),
               f"the images page misses {prefix}; it has {sorted(images)}")
    if images:
        read = provider.read_blob_sequences(
            c, experiment_id="", plugin_name="images", downsample=1000)
        for run, series in read.items():
            for tag, events in series.items():
                for e in events:
                    for reference in e.values[2:]:     # the first two are width and height
                        check_picture(tag, provider.read_blob(c, blob_key=reference.blob_key))
    histograms = tags(provider.list_tensors, "histograms")
    demand(len(histograms) >= args.histograms,
           f"the histograms page has {len(histograms)}, wanted {args.histograms}")
    if args.graph:
        graphs = tags(provider.list_blob_sequences, "graphs")
        demand("__run_graph__" in graphs, f"the graphs page has only {sorted(graphs)}")


def check_golden_histograms(accumulator):
    """golden/LIST: histograms of known arrays, against what TensorFlow itself writes."""
    import numpy as np
    import tensorflow as tf
    tf1 = tf.compat.v1
    tf1.disable_eager_execution()
    rng = range(1000)
    arrays = {
        "golden/mixed": [math.sin(i) * 10.0 ** (i % 13 - 9) for i in rng],
        "golden/positive": [0.001 * i for i in rng],
        "golden/zeros": [0.0] * 7,
        "golden/one": [-2.5],
        "golden/huge": [1e30, -1e30, 3e20, 1e-13, -1e-13],
    }
    with tf1.Session() as session:
        for tag, values in arrays.items():
            op = tf1.summary.histogram("h", np.array(values, np.float32))
            want = tf1.Summary.FromString(session.run(op)).value[0].histo
            got = accumulator.Histograms(tag)[0].histogram_value
            for field in ("min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket"):
                a, b = getattr(want, field), getattr(got, field)
                a, b = (list(a), list(b)) if field.startswith("bucket") else (a, b)
                demand(a == b, f"{tag}: {field} is {b}, TensorFlow has {a}")
    return len(arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--scalars", type=words, default=[], help="tags that must be there")
    parser.add_argument("--images", type=words, default=[], help="tags, or what they begin with")
    parser.add_argument("--histograms", type=int, default=0, help="how many tags at least")
    parser.add_argument("--graph", action="store_true", help="a graph must be there")
    parser.add_argument("--graph-nodes", type=words, default=[], help="names that must be in it")
    parser.add_argument("--golden-histograms", action="store_true", help="needs tensorflow too")
    args = parser.parse_args()
    everything = {k: 0 for k in ("scalars", "images", "histograms", "tensors",
                                 "compressedHistograms")}
    accumulator = event_accumulator.EventAccumulator(args.folder, size_guidance=everything)
    try:
        demand(os.path.exists(args.folder), "there is no such file or folder")
        accumulator.Reload()
        found = [f"{check_scalars(accumulator, args.scalars)} scalars",
                 f"{check_images(accumulator, args.images)} images",
                 f"{check_histograms(accumulator, args.histograms)} histograms"]
        if args.graph or args.graph_nodes:
            found.append(f"a graph of {check_graph(accumulator, args.graph_nodes)} nodes")
        if args.golden_histograms:
            found.append(f"{check_golden_histograms(accumulator)} equal to TensorFlow's")
        if os.path.isdir(args.folder):
            check_provider(args.folder, args)
    except Miss as miss:
        print(f"tensorboard_load: error: {args.folder}: {miss}", file=sys.stderr)
        return 1
    print(f"tensorboard_load: {args.folder}: {', '.join(found)}")
    return 0


sys.exit(main())
