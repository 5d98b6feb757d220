#!/usr/bin/env python3
"""What each reader's corpus alone executes of the reader: script/fuzz --coverage [READER...]

    coverage.py BUILD [--show] [READER...]

BUILD is of the preset coverage. Branches are gcov's: one outcome of a condition, of each operand of && and
||, of ?: and of a loop. Then each allocation of each input fails once: outcomes that only that brings
about are told apart, by running it and not by guessing. The floor is 85 % of the others; what is beyond
a corpus (a read that fails, a file that changes meanwhile) counts as missed. --show lists what was."""
import fnmatch
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "test", "fuzz", "corpus")
FLOOR = 85.0
# reader: (files that read; functions in them that read nothing of an input: they write, or serve others)
READERS = {
    "cifar": ("codec/cifar.c", ""),
    "idx": ("codec/idx.c codec/gunzip.c", "dcn__idx_load dcn__idx_write"),
    "png": ("codec/png.c codec/png_pixels.c", ""),
    "jpeg": ("codec/jpeg.c codec/orient.c", ""),
    "npy": ("codec/npy.c", "dcn_npy_load dcn__npy_header"),
    "safetensors": ("codec/safetensors.c codec/safetensors_header.c",
                    "read_header dcn__tensors_peek dcn__tensors_open dcn__tensors_is"),
    "checkpoint": ("train/checkpoint.c model/file.c model/model.c",
                   "dcn_trainer_save"),
    "scan": ("atlas/state_read.c", "dcn__state_peek dcn__state_open dcn_atlas_load"),
    "network": ("graph/text.c graph/words.c", ""),
    "texts": ("model/labels.c codec/json.c codec/json_read.c data/preprocess_text.c", "dcn__json_append"),
    "events": ("view/events_read.c codec/tfrecord.c", "dcn__tfrecord_seal put32"),
    "onnx": ("codec/onnx.c codec/onnx_check.c codec/onnx_graph.c codec/onnx_node.c codec/onnx_read.c "
             "codec/onnx_reader.c codec/onnx_tensor.c codec/onnx_wire.c", ""),
    "import": ("model/onnx_[!w]*.c model/onnx_weights.c model/onnx_window.c", ""),
    "external": ("codec/onnx_external.c", ""),
    "identify": ("model/identify.c atlas/claim.c data/folder.c data/plain.c data/pictures.c "
                 "data/idx_folder.c data/cifar10.c", "dcn_pictures_list dcn_pictures_free"),
}
TARGET = {"import": "onnx"}          # whose corpus, where the name is another


def objects(build, patterns):
    """source below src/ -> the path of its counts, without the ending"""
    base = os.path.join(build, "CMakeFiles", "dcn_objects.dir", "src")
    found = {}
    for folder, _, names in os.walk(base):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), base)
            if path.endswith(".c.gcno") and any(fnmatch.fnmatchcase(path[:-5], p) for p in patterns.split()):
                found[path[:-5]] = os.path.join(folder, name)[:-5]
    return found


def forget(build):
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcda"):
                os.remove(os.path.join(folder, name))


def replay(build, target, *options):
    done = subprocess.run([os.path.join(build, "test", "fuzz", "fuzz_" + target), *options,
                           os.path.join(CORPUS, target)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode:
        print(done.stdout[-2000:])
        sys.exit(f"coverage.py: error: fuzz_{target}: ended with {done.returncode}; see above")
    return done.stdout.strip()


def count(sources, ignored):
    """(source, line, number of the branch) -> how often it was taken"""
    taken = {}
    for source, stem in sources.items():
        if not os.path.exists(stem + ".gcda"):
            continue
        text = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", stem + ".gcda"],
                              cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        for line in text.splitlines():
            for file in json.loads(line)["files"]:
                if not file["file"].endswith("src/" + source):
                    continue
                for at in file["lines"]:
                    if at.get("function_name") in ignored:
                        continue
                    for i, branch in enumerate(at["branches"]):
                        key = source, at["line_number"], i
                        taken[key] = taken.get(key, 0) + branch["count"]
    return taken


def show(all_, missed):
    lines = sorted({(source, number) for source, number, _ in missed})
    for source, number in lines:
        with open(os.path.join(ROOT, "src", source), encoding="utf-8") as file:
            text = file.read().split("\n")[number - 1]
        print("    %s:%d: %d of %d: %s" % (source, number, sum(k[:2] == (source, number) for k in missed),
                                          sum(k[:2] == (source, number) for k in all_), text.strip()))


def main():
    build, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    showing = "--show" in names
    names = [n for n in names if n != "--show"] or list(READERS)
    low, counted, least = [], {}, 100.0
    print("%-12s %6s %9s %7s %7s   %s" % ("reader", "inputs", "branches", "taken", "floor",
                                          "taken, of those that no failed allocation needs"))
    for name in names:
        patterns, ignored = READERS[name]
        target = TARGET.get(name, name)
        sources = objects(build, patterns)
        if not sources:
            sys.exit(f"coverage.py: error: {build}: nothing of {name} was built there; "
                     "use script/fuzz --coverage")
        forget(build)
        replay(build, target)
        corpus = count(sources, ignored.split())
        if target not in counted:
            counted[target] = len(os.listdir(os.path.join(CORPUS, target)))
        forget(build)
        told = replay(build, target, "--fail")
        failed = count(sources, ignored.split())
        memory = {key for key, n in failed.items() if n and not corpus.get(key)}
        every = set(corpus) | set(failed)
        hit = {key for key, n in corpus.items() if n}
        rest = every - memory
        figure = 100.0 * len(hit) / len(rest)
        print("%-12s %6d %9d %6.2f%% %6.1f%%   %.2f%% of %d (%s)" % (
            name, counted[target], len(every), 100.0 * len(hit) / len(every), FLOOR, figure, len(rest), told))
        if showing:
            show(every, rest - hit)
        least = min(least, figure)
        if figure < FLOOR:
            low.append(f"{name}: {figure:.2f} %, the floor is {FLOOR:.0f}")
    print(f"figure: branches by the corpora alone: the least of {len(names)} readers {least:.1f} % "
          f"(floor {FLOOR:.0f} %), without those that only a failed allocation takes")
    for line in low:
        print("FAILED  " + line + "; let it find more by script/fuzz, and add that to its corpus")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
