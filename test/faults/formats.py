"""formats.py: for every format that the command reads: sound files, how they are damaged, the command
lines that read them, and which ends are right. case_mutants.py sends them."""
import json
import os
import random
import shutil

import mutations
import seeds
import tool
from mutations import seal_png, seal_records, seal_scan, seal_tensors

REF = ["--threads", "1", "--engine", "ref"]
OK, USAGE, INPUT, FILE, MEMORY, NUMBERS, STATE = 0, 2, 3, 4, 5, 6, 10


def write(name, data):
    folder = os.path.dirname(name)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as file:
        file.write(data)


def write_classes(folder, picture):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            write("%s/%s/%s/a.png" % (folder, split, name), picture)


class Format:
    """One format. prepare: writes what stands around the file, fills `seeds` and `ways`; mutate: the
    damaged bytes. A way: (how often, arguments, codes beside 0 and 3, outputs)."""

    name, slot, sound = "", "", None
    sized = True                # the first seed is a sound file, and each way takes it

    def __init__(self, rng):
        self.rng, self.mutator = rng, mutations.Mutator(rng)
        self.seeds, self.ways = [], []

    def mutate(self, data):
        return self.mutator.raw(data)

    def put(self, data):
        """Writes the damaged file; returns its size."""
        write(self.slot, data)
        return len(data)

    def after(self):
        """Puts right what a run of an accepted file may have changed."""

    def second(self, volley):
        """A second look by the command itself at what it accepted: None, or what is wrong."""

    def draw(self):
        rng = self.rng
        data = rng.choice(self.seeds)
        kind = rng.randrange(20)
        if kind == 0:
            return self.mutator.splice(data, rng.choice(self.seeds))
        if kind == 1:
            return self.mutator.raw(data)
        return self.mutate(data)

    def way(self):
        return self.rng.choices(self.ways, [w[0] for w in self.ways])[0]


class Cifar(Format):
    name = "CIFAR-10"
    files = ["c/data_batch_%d.bin" % i for i in range(1, 6)] + ["c/test_batch.bin"]

    def prepare(self):
        self.seeds = [seeds.cifar(1), seeds.cifar(2), seeds.cifar(4)]
        for file in self.files:
            write(file, self.seeds[0])
        write("c/batches.meta.txt", b"".join(b"name %d\n" % i for i in range(10)))
        self.ways = [(95, ["info", "c"], (), ()),
                     (5, ["train", "--dry-run", "--data", "c", "--net", seeds.NET, "-b", "2", *REF], (), ())]
        self.slot = self.files[0]

    def put(self, data):
        write(self.slot, self.seeds[0])
        self.slot = self.rng.choice(self.files)
        return super().put(data)

    sound = staticmethod(seeds.sound_cifar)


class CifarNames(Cifar):
    name = "CIFAR-10 names"

    def prepare(self):
        super().prepare()
        self.slot, self.files = "c/batches.meta.txt", ["c/batches.meta.txt"]
        self.seeds = [b"".join(b"name %d\n" % i for i in range(10)), "\n".join("äöü€𝄞 %d" % i for i in range(10)).encode()]
        self.ways = self.ways[:1]

    def put(self, data):
        return Format.put(self, data)

    def mutate(self, data):
        return self.mutator.text(data)

    sound = None


class Idx(Format):
    name, packed = "IDX", False

    def prepare(self):
        pictures, labels = seeds.idx([3, 6, 6], seeds.noise(108)), seeds.idx([3], b"\1\2\3")
        self.files = ["i/%s-%s-ubyte%s" % (split, part, ".gz" if self.packed else "")
                      for split in ("train", "t10k") for part in ("images-idx3", "labels-idx1")]
        self.good = {}
        for i, file in enumerate(self.files):
            self.good[file] = labels if i % 2 else pictures
            if self.packed:
                self.good[file] = mutations.pack(self.good[file])
            write(file, self.good[file])
        self.plain, self.seeds = [pictures, labels], [self.good[self.files[0]], self.good[self.files[1]]]
        self.slot = self.files[0]

    def put(self, data):
        write(self.slot, self.good[self.slot])
        self.slot = self.rng.choice(self.files)
        return super().put(data)

    def way(self):
        return (1, ["info", "i" if self.rng.random() < 0.5 else self.slot], (), ())

    sound = staticmethod(seeds.sound_idx)


class IdxGz(Idx):
    name, packed = "IDX .gz", True

    def mutate(self, data):
        if self.rng.random() < 0.6:                             # a sound archive of damaged bytes
            return mutations.pack(self.mutator.raw(self.rng.choice(self.plain)))
        return self.mutator.raw(data)


class Picture(Format):
    """Through info, and through a network, from a file and from a folder."""

    def surround(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        shutil.copytree(os.path.join(tool.FOLDER, "run"), "run")
        self.ways = [(96, ["info", self.slot], (), ()),
                     (2, ["show", "--model", "run", self.slot, "--out", "o", "-q", *REF], (), ("o",)),
                     (1, ["info", "p"], (), ()),
                     (1, ["show", "--model", "run", "--data", "p", "--out", "o", "-q", *REF], (), ("o",))]


class Png(Picture):
    name, slot = "PNG", "p/a.png"

    def prepare(self):
        self.surround()
        self.seeds = [p[3] for p in seeds.all_pngs()] + [
            seeds.png(40, 30, 8, 2, level=0), seeds.png(4, 3, 8, 3, extra=seeds.chunk(b"tRNS", b"\0\x80")),
            seeds.png(4, 3, 8, 0, extra=seeds.chunk(b"tRNS", b"\0\7") + seeds.chunk(b"tEXt", b"Title\0x")),
            seeds.png(5, 3, 8, 2, extra=seeds.chunk(b"eXIf", b"II*\0\10\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"))]

    def mutate(self, data):
        import zlib
        kind = self.rng.randrange(4)
        if kind == 0:
            return self.mutator.raw(data)
        if kind == 1:
            return seal_png(self.mutator.raw(data))
        head = data[:data.index(b"IDAT") - 4]
        pixels = b"".join(d for k, d in seeds.png_chunks(data) if k == b"IDAT")
        if kind == 2:                                           # the size and kind, over sound pixels
            head = head[:16] + self.mutator.raw(head[16:29])[:13].ljust(13, b"\0") + head[29:]
        else:                                                   # damaged rows, soundly packed
            pixels = zlib.compress(self.mutator.raw(zlib.decompress(pixels)))
        cut = self.rng.randrange(len(pixels) + 1)
        return seal_png(head + seeds.chunk(b"IDAT", pixels[:cut]) + seeds.chunk(b"IDAT", pixels[cut:])
                        + seeds.chunk(b"IEND", b""))

    sound = staticmethod(seeds.sound_png)


class Jpeg(Picture):
    name, slot = "JPEG", "p/a.jpg"

    def prepare(self):
        self.surround()
        self.seeds = seeds.corpus("jpeg", "grey", "rgb", "rgb_444", "cmyk", "progressive", "restarts", "turned")

    sound = staticmethod(seeds.sound_jpeg)


class Npy(Format):
    name, slot = "npy", "a.npy"

    def prepare(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        shutil.copytree(os.path.join(tool.FOLDER, "run"), "run")
        self.seeds = [seeds.npy([2, 6, 6, 3]), seeds.npy([5], 2), seeds.npy([1, 6, 6, 3], 3, "<f8"), seeds.npy([2, 2]),
                      *seeds.corpus("npy", "fortran", "doubles")]
        self.ways = [(96, ["info", self.slot], (), ()),
                     (4, ["show", "--model", "run", "--input", self.slot, "--dump", "o.st", *REF], (USAGE, NUMBERS, STATE),
                      ("o.st",))]

    def mutate(self, data):
        if self.rng.random() < 0.5:
            head = self.mutator.text(data[10:128])
            return data[:8] + len(head).to_bytes(2, "little") + head + data[128:]
        return self.mutator.raw(data)

    sound = staticmethod(seeds.sound_npy)


class Onnx(Format):
    name, slot = "ONNX", "m.onnx"

    def surround(self):
        self.written = seeds.onnx(seeds.NET)
        write("p/a.png", seeds.png(9, 7, 8, 2))
        self.ways = [(90, ["info", "--batch-size", "1", *REF, self.slot], (FILE, STATE, NUMBERS), ()),
                     (6, ["convert", self.slot, "o.safetensors"], (USAGE, FILE, STATE, NUMBERS), ("o.safetensors",)),
                     (2, ["convert", self.slot, "o.onnx"], (USAGE, FILE, STATE, NUMBERS), ("o.onnx",)),
                     (2, ["show", "--model", self.slot, "p/a.png", "--out", "o", "-q", *REF],
                      (USAGE, FILE, MEMORY, STATE, NUMBERS), ("o",))]

    def prepare(self):
        self.surround()
        self.seeds = [self.written] * 2 + [seeds.onnx(net) for net in seeds.NETS] + seeds.corpus(
            "onnx", "conv", "folds", "scales", "shuffle")

    def mutate(self, data):
        if self.rng.random() < 0.75:
            return self.mutator.message(data, seeds.ONNX)
        return self.mutator.raw(data)

    sound = staticmethod(seeds.sound_onnx)


class OnnxExternal(Onnx):
    name = "ONNX external data"

    def prepare(self):
        self.surround()
        first, self.weights = seeds.external(self.written)
        self.seeds = [first]

    def put(self, data):
        write(seeds.EXTERNAL, self.mutator.raw(self.weights) if self.rng.random() < 0.3 else self.weights)
        return super().put(data)


class Model(Format):
    """A model file, through what reads models."""
    name, slot = "model", "m.safetensors"

    def prepare(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        with open(os.path.join(tool.FOLDER, "run", "model.safetensors"), "rb") as file:
            self.seeds = [file.read()]
        write("p/a.png", seeds.png(9, 7, 8, 2))
        more = (STATE, NUMBERS)
        self.ways = [(90, ["info", "-b", "1", *REF, self.slot], more, ()),
                     (6, ["convert", self.slot, "o.onnx"], (USAGE, *more), ("o.onnx",)),
                     (2, ["convert", self.slot, "o.safetensors"], (USAGE, *more), ("o.safetensors",)),
                     (2, ["show", "--model", self.slot, "p/a.png", "--out", "o", "-q", *REF], (USAGE, *more), ("o",))]

    def mutate(self, data):
        header, numbers = mutations.split_tensors(data)
        kind = self.rng.randrange(8)
        if kind == 0:
            return self.mutator.raw(data)
        if kind == 1:
            return seal_tensors(header, self.mutator.raw(numbers))
        header = self.mutator.header(header)
        return seal_tensors(header, numbers) if kind < 7 else mutations.join_tensors(header, numbers)

    sound = staticmethod(seeds.sound_tensors)


class Checkpoint(Model):
    """The same file, as what training goes on from."""
    name = "checkpoint"

    def prepare(self):
        super().prepare()
        self.ways = [(97, ["train", "--resume", self.slot, "--dry-run", "--data", "synthetic", "--steps", "9", *REF],
                      (USAGE, STATE, NUMBERS), ()),
                     (3, ["eval", "--model", self.slot, "--data", "c", "-q", *REF], (USAGE, STATE, NUMBERS), ())]
        for file in Cifar.files:
            write(file, seeds.cifar(1))


class Tensors(Model):
    """Weights as PyTorch saves them: no metadata, no sums. Only info takes them."""
    name, sized = "safetensors", False

    def prepare(self):
        self.seeds = [seeds.safetensors({"conv1.weight": [2, 3, 3, 3], "conv1.bias": [2], "fc.weight": [10, 2]},
                                        {"format": "pt"}),
                      seeds.safetensors({"a": [], "b": [0, 4], "c\u20ac": [1, 1, 1, 1, 1, 1, 1, 2]})]
        self.ways = [(97, ["info", self.slot], (STATE,), ()),
                     (3, ["convert", self.slot, "o.onnx"], (STATE,), ("o.onnx",))]


class Scan(Format):
    name, slot = "scan", "book/scan.safetensors"

    def prepare(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        shutil.copytree(os.path.join(tool.FOLDER, "run"), "run")
        for i in range(3):
            write("p/%d.png" % i, seeds.png(9 + i, 7, 8, 2))
        model = ["--model", "run", "--data", "p", "-k", "2", *REF]
        self.seeds = []
        for name, more in (("whole", []), ("part1", ["--shard", "1/2"]), ("part2", ["--shard", "2/2"])):
            shutil.copytree("run", tool.path("run"), dirs_exist_ok=True)
            shutil.copytree("p", tool.path("p"), dirs_exist_ok=True)
            result = tool.call("atlas", *model, "--scan-only", "--out", name, *more)
            assert result.returncode == 0, result.stderr
            self.seeds.append(tool.read(name, "scan.safetensors"))
        write("part2/scan.safetensors", self.seeds.pop())
        self.seeds.reverse()                                    # a part first: it may be merged
        more = (USAGE, STATE, NUMBERS)
        self.ways = [(88, ["info", self.slot], more, ()),
                     (6, ["atlas", *model, "--shard", "1/2", "--scan-only", "--out", "book"], more, ()),
                     (6, ["atlas-merge", self.slot, "part2", *model, "--scan-only", "--out", "merged"], more, ())]

    def after(self):
        shutil.rmtree("merged", ignore_errors=True)

    def mutate(self, data):
        header, numbers = mutations.split_tensors(data)
        kind = self.rng.randrange(8)
        if kind == 0:
            return self.mutator.raw(data)
        if kind <= 4:
            return seal_scan(header, self.mutator.raw(numbers)[:len(numbers)].ljust(len(numbers), b"\0"))
        return seal_scan(self.mutator.header(header), numbers)

    sound = staticmethod(seeds.sound_scan)


class Network(Format):
    name, slot = "network text", "n.txt"

    def prepare(self):
        self.seeds = [seeds.NET.encode()] + seeds.corpus("network", "branches", "dilation", "quoted", "tutorial") + [
            seeds.NET.replace("; ", "\n").encode() + b"\n# a comment\n"]
        self.ways = [(97, ["info", *REF, "-b", "1", self.slot], (USAGE, MEMORY), ()),
                     (3, ["train", "--dry-run", "--data", "synthetic", "--net", self.slot, "-b", "2", *REF],
                      (USAGE, MEMORY, STATE), ())]

    def mutate(self, data):
        return self.mutator.text(data)

    def second(self, volley):
        """What was read is printed, and what is printed is read as the same."""
        texts = []
        for name in (self.slot, "again.txt"):
            ended = volley.once(["info", "--json", "--threads", "1", "--engine", "ref", "-b", "1", name])
            if ended.code:
                return "its network is not read again: %r" % ended.err
            texts.append(json.loads(ended.out)["network"])
            write("again.txt", texts[-1].encode())
        return None if texts[0] == texts[1] else "its network is read again as another"


class Events(Format):
    name, slot = "event file", "e"

    def prepare(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        name = next(n for n in os.listdir(tool.path("run")) if n.startswith("events"))
        data = tool.read("run", name)
        some = [r for r in mutations.records(data) if len(r) < 1500][:12]
        self.seeds = [seal_records(some), seal_records(some[:3])] + seeds.corpus("events", "all_kinds")
        self.ways = [(1, ["info", self.slot], (), ())]

    def mutate(self, data):
        if self.rng.random() < 0.15:
            return self.mutator.raw(data)
        found = mutations.records(data)
        for _ in range(1 + self.rng.randrange(3)):
            at = self.rng.randrange(len(found))
            try:
                found[at] = self.mutator.message(found[at], seeds.EVENT)
            except IndexError:                                  # it is damaged already
                found[at] = self.mutator.raw(found[at])
        return seal_records(found)

    sound = staticmethod(seeds.sound_events)


class Labels(Format):
    name, slot = "names of classes", "l.txt"

    def prepare(self):
        seeds.make_run(os.path.join(tool.FOLDER, "run"))
        shutil.copytree(os.path.join(tool.FOLDER, "run"), "run")
        names = ["class %d" % i for i in range(10)]
        listed = "[%s]" % ", ".join('"%s"' % n for n in names)
        mapped = "{%s}" % ", ".join('"%d": ["n%d", "%s"]' % (i, i, n) for i, n in enumerate(names))
        self.seeds = ["\n".join(names).encode(), ("\ufeff" + "\r\n".join(names)).encode(), listed.encode(), mapped.encode()]
        self.ways = [(97, ["info", "--labels", self.slot, "-b", "1", *REF, "run"], (), ()),
                     (3, ["convert", "--labels", self.slot, "run", "o.onnx"], (), ("o.onnx",))]

    def mutate(self, data):
        return self.mutator.text(data)

    sound = staticmethod(seeds.sound_labels)


class Folder(Format):
    """A folder of classes: names of files and classes, links, and what is no picture."""
    name, sized = "picture folder", False

    def prepare(self):
        self.pictures = [seeds.png(9, 7, 8, 2), *seeds.corpus("jpeg", "rgb")]
        self.ways = [(1, ["info", "f"], (FILE,), ())]
        self.seeds = [b"cat", b"a.png", "Katze 1 ä€".encode(), b"train", b"x.JPEG"]
        write_classes("f", self.pictures[0])
        self.made = []

    def entry(self, parent):
        """A name that the file system takes, in a folder."""
        raw = self.mutator.raw(self.rng.choice(self.seeds)).replace(b"/", b"_").replace(b"\0", b"_")[:250]
        return os.path.join(os.fsencode(parent), raw if raw not in (b"", b".", b"..") else b"x")

    def put(self, data):
        rng = self.rng
        for _ in range(1 + rng.randrange(3)):
            split = rng.choice(("f/train", "f/test"))
            path = self.entry(split if rng.random() < 0.5 else split + "/cat")
            if os.path.lexists(path):
                continue
            kind = rng.randrange(6)
            if kind == 0:
                os.symlink(rng.choice((b"..", b"cat", path, b"/dev/zero", b"a.png")), path)
            elif kind == 1:
                os.mkfifo(path)
            elif kind <= 3:
                os.mkdir(path)
                write(os.path.join(path, rng.choice((b"b.png", b"b.jpg", b".hidden.png", b"b.txt"))),
                      self.mutator.raw(rng.choice(self.pictures)) if rng.random() < 0.3 else self.pictures[0])
            else:
                write(path, rng.choice(self.pictures))
            self.made.append(path)
        return 0

    def after(self):
        for path in self.made:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        self.made.clear()


class Anything(Format):
    """Up to 1 KiB of anything: noise, zeros, every format's first bytes and noise, and the beginnings of
    small sound files at every length."""
    name, slot, sized = "anything", "x", False
    heads = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x93NUMPY\1\0", b"\x1f\x8b\x08\0", b"\0\0\x08\3", b"\0\0\x08\1",
             b"\x40\0\0\0\0\0\0\0{\"", b"\x08\x08\x12", b"\x08\x07:", b"input ", b"PK\3\4", b"\x80\4", b"{", b"[", b"\x7fELF",
             b"\x18\0\0\0\0\0\0\0\xa3\x7fK\x22", b"", b"BM", b"GIF89a", b"\xef\xbb\xbf", b"\xfd7zXZ\0"]

    def prepare(self):
        whole = [p[3] for p in seeds.all_pngs()[:6]] + seeds.corpus("jpeg", "grey", "rgb") + [
            seeds.npy([5], 2), seeds.idx([3, 6, 6], seeds.noise(108)), mutations.pack(seeds.idx([3], b"\1\2\3")),
            seeds.safetensors({"a": [2, 3]}, {"format": "pt"}), seeds.NET.encode(),
            *seeds.corpus("onnx", "conv"), *seeds.corpus("events", "all_kinds"), *seeds.corpus("scan", "whole"),
            *seeds.corpus("safetensors", "model")]
        self.cuts = [data[:n] for data in whole for n in range(1, min(len(data), 1024) + 1)]
        self.rng.shuffle(self.cuts)
        self.seeds = [b""]
        more = (USAGE, MEMORY, STATE)
        self.ways = [(90, ["info", "-b", "1", *REF, self.slot], more, ()),
                     (5, ["convert", self.slot, "o.onnx"], more, ("o.onnx",)),
                     (5, ["show", "--model", self.slot, "--data", "synthetic", "--out", "o", "-q", *REF], more, ("o",))]

    def draw(self):
        rng, kind = self.rng, self.rng.randrange(10)
        if kind < 5 and self.cuts:
            return self.cuts.pop()
        n = rng.randrange(1025)
        if kind == 5:
            return rng.choice((b"\0", b"\xff", b" ", b"\n", b"{", b"[", b"9"))*n
        head = rng.choice(self.heads)
        if kind == 6:
            head += self.mutator.number(8)
        return (head + rng.randbytes(n))[:1024]


ALL = [Cifar, CifarNames, Idx, IdxGz, Png, Jpeg, Npy, Onnx, OnnxExternal, Model, Checkpoint, Tensors, Scan, Network,
       Events, Labels, Folder, Anything]


def make(kind, seed):
    return kind(random.Random("%s %d" % (kind.name, seed)))
