"""The same command makes the same bytes: however often, on 1, 2 and 3 threads, on each instruction set.

Between instruction sets no equality is promised, and none is asked for."""
import hashlib
import os
import shutil
import struct

import tool
from faults import FULL, figure
from tool import Case, call, path

# A conv deep enough for oneDNN and for Winograd's method, a first layer, a dense layer, two pools.
NET = ("input 24x24x3; conv filters=16 kernel=5; relu; max_pool 2; conv filters=16 kernel=3; relu; max_pool 2; "
       "dense units=10; softmax")
ISAS = ("", "AVX2", "SSE41")


def environment(isa):
    return tool.environment(**({"DNNL_MAX_CPU_ISA": isa, "ONEDNN_MAX_CPU_ISA": isa} if isa else {}))


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def events(data):
    """The events of an event file without their wall_time (field 1), after a look at the framing."""
    found, at = [], 0
    while at < len(data):
        size, = struct.unpack_from("<Q", data, at)
        record, at = data[at + 12:at + 12 + size], at + 16 + size
        kept, place, times = b"", 0, 0
        while place < len(record):
            begin, (key, place) = place, varint(record, place)
            if key & 7 == 1:
                place += 8
            elif key & 7 == 5:
                place += 4
            else:
                value, place = varint(record, place)
                place += value if key & 7 == 2 else 0
            times += key == 9
            kept += record[begin:place] if key != 9 else b""
        assert times == 1, "an event has one wall_time"
        found.append(kept)
    return found


def digest(*parts):
    total = hashlib.sha256()
    for part in parts:
        total.update(struct.pack("<Q", len(part)) + part)
    return total.hexdigest()


def everything(folder):
    names = sorted(os.path.relpath(os.path.join(base, name), folder)
                   for base, _, names in os.walk(folder) for name in names)
    parts = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            parts += [name.encode(), file.read()]
    return digest(*parts)


class Determinism(Case):
    def train(self, name, threads, isa, *more):
        """(hash of the model, hash of the events, hash of the strips)"""
        shutil.rmtree(path(name), ignore_errors=True)
        self.good(call("train", "--data", "synthetic", "--net", NET, "--steps", 8, "-b", 24, "--log-interval", 3,
                       "--save-every", 5, "--lr", "0.003", "-q", "--graphics", "none", "-j", threads, "--out", name, *more,
                       env=environment(isa)))
        log, = [n for n in os.listdir(path(name)) if n.startswith("events.")]
        payloads = events(tool.read(name, log))
        self.assertGreater(len(payloads), 30)
        return digest(tool.read(name, "model.safetensors")), digest(*payloads), digest(tool.read(name, "strips.png"))

    def one(self, hashes):
        self.assertEqual(len(set(hashes)), 1, hashes)
        return hashes[0]

    def test_train(self):
        for way, more, runs in (("plain", (), 100 if FULL else 5),
                                ("augmented", ("--augment", "cifar"), 20 if FULL else 3),
                                ("exact", ("--exact",), 20 if FULL else 3)):
            hashes = [self.train("run", 1 + i % 3, "", *more) for i in range(runs)]
            model, log, _ = self.one(hashes)
            figure("train, %s: %d runs on 1, 2 and 3 threads, one hash: weights and optimiser %s, event payloads "
                   "without wall_time %s; strips.png the same bytes", way, runs, model[:16], log[:16])
        self.assertNotEqual(self.train("run", 1, "", "--seed", 2)[0], model)         # the hash sees a change

    def test_instruction_sets(self):
        told = set()
        for isa in ISAS:
            hashes = [self.train("run", 1 + i % 3, isa) for i in range(9 if FULL else 2)]
            told.add(self.one(hashes)[0][:16])
        figure("train on the instruction sets of this machine, AVX2 and SSE4.1: each one hash on 1 to 3 threads; %d "
               "different ones between them, which is not promised to be 1", len(told))

    def test_show(self):
        self.train("model", 2, "")
        for what, more, runs in (
                ("8 pictures, layers", ("--count", 8), 20 if FULL else 4),
                ("8 pictures, channels", ("--count", 8, "--layer", 2, "--channel", "all", "--from", "peak"),
                 20 if FULL else 3),
                ("1 picture, guided", ("--count", 1, "--rule", "guided"), 20 if FULL else 4),
                ("8 pictures, exact", ("--count", 8, "--exact"), 20 if FULL else 3)):
            hashes = []
            for i in range(runs):
                shutil.rmtree(path("sheets"), ignore_errors=True)
                self.good(call("show", "--model", "model", "--data", "synthetic", "--out", "sheets", "--graphics", "none", "-q",
                               "-j", 1 + i % 3, *more))
                hashes.append(everything(path("sheets")))
            figure("show, %s: %d runs on 1, 2 and 3 threads, PNG files of one hash %s", what, runs,
                   self.one(hashes)[:16])

    def test_atlas(self):
        self.train("model", 2, "")
        hashes, runs = [], 20 if FULL else 4
        for i in range(runs):
            shutil.rmtree(path("book"), ignore_errors=True)
            self.good(call("atlas", "--model", "model", "--data", "synthetic", "-q", "--out", "book", "-j", 1 + i % 3,
                           "-b", (8, 64, 20, 32)[i % 4], "-k", 4))
            hashes.append(everything(path("book")))
        figure("atlas: %d runs on 1, 2 and 3 threads, 4 batch sizes, whole books of one hash %s", runs,
               self.one(hashes)[:16])
