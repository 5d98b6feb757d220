"""What stands where a file should: other formats, pipes, devices, folders, links in a ring, files of holes,
files that shrink while they are read; and odd but sound pictures, which must come out right."""
import gzip
import io
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tarfile
import time
import zipfile
import zlib

import faults
import formats
import mutations
import seeds
import tool
from tool import call, path, write
from volley import Volley

REF = formats.REF


class Special(tool.Case):
    @classmethod
    def setUpClass(cls):
        seeds.make_run(path("run"))
        assert call("convert", "run", "run.onnx").returncode == 0

    # ---- instead of CIFAR-10 ----

    def test_other_archives(self):
        """Each is named for what it is."""
        tar, packed = io.BytesIO(), io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            info = tarfile.TarInfo("a")
            info.size = 3073
            archive.addfile(info, io.BytesIO(seeds.cifar(1)))
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a", seeds.cifar(1))
        for file in formats.Cifar.files:
            os.makedirs(path("c"), exist_ok=True)
            write(file, seeds.cifar(2))
        self.good(call("info", "c"))
        inputs = {"pickle": b"\x80\x02}q\0(U\x0bbatch_label" + bytes(6000), "gzip archive": gzip.compress(seeds.cifar(2)),
                  "tar archive": tar.getvalue(), "zip archive": packed.getvalue(), "Matlab": b"MATLAB 5.0 MAT-file" + bytes(6000),
                  "web page": b"<!DOCTYPE html>" + b" " * 6000, "CIFAR-100": (bytes([3, 77]) + seeds.noise(3072)) * 2,
                  "empty": b"", "record 1 has 3072 of 3073": seeds.cifar(2)[:-1], "record 2 has 1 of 3073": seeds.cifar(2) + b"\0",
                  "label 10": b"\x0a" + seeds.cifar(2)[1:]}
        for word, data in inputs.items():
            for file in ("c/data_batch_3.bin", "c/test_batch.bin"):
                write(file, data)
                self.bad(call("info", "c"), 3, word, file)
                write(file, seeds.cifar(2))
        for name in ("tar archive", "zip archive", "gzip archive"):        # and where a picture or a model should be
            write("x", inputs[name])
            self.bad(call("info", "x"), 3)
            self.bad(call("show", "--model", "run", "x", *REF), 3, "x")
            self.bad(call("show", "--model", "x", "--data", "synthetic", *REF), 3, "x")
        faults.figure("special: %d kinds of other files in place of CIFAR-10's, each named for what it is", len(inputs))

    # ---- what is no regular file ----

    @staticmethod
    def place(kind, name):
        name = path(name)
        if os.path.lexists(name):
            (shutil.rmtree if os.path.isdir(name) and not os.path.islink(name) else os.unlink)(name)
        if kind == "pipe":
            os.mkfifo(name)
        elif kind == "folder":
            os.mkdir(name)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(name)
        elif kind == "ring":
            os.symlink(os.path.basename(name), name)
        elif kind == "nowhere":
            os.symlink("not-there", name)
        else:
            os.symlink(kind, name)

    def readers(self):
        """{file: the commands that read it}, with sound files around."""
        seeds_of = {"pic.png": seeds.png(9, 7, 8, 2), "m.onnx": None, "m.safetensors": None, "n.txt": seeds.NET.encode(),
                    "a.npy": seeds.npy([1, 6, 6, 3]), "l.txt": b"x\n" * 10, "e": mutations.seal_records([b"\x1a\x0dbrain.Event:2"])}
        first, second = seeds.external(tool.read("run.onnx"))
        write("ext.onnx", first)
        for file in formats.Cifar.files:
            os.makedirs(path("c"), exist_ok=True)
            write(file, seeds.cifar(1))
        for split in ("train", "t10k"):
            os.makedirs(path("i"), exist_ok=True)
            write("i/%s-images-idx3-ubyte" % split, seeds.idx([2, 6, 6], seeds.noise(72)))
            write("i/%s-labels-idx1-ubyte" % split, seeds.idx([2], b"\0\1"))
        os.makedirs(path("f", "train", "x"), exist_ok=True)
        for name, data in seeds_of.items():
            if data is not None:
                write(name, data)
        show = ["show", "--model", "run", "--out", "o", *REF]
        return {"pic.png": [["info", "pic.png"], [*show, "pic.png"]],
                "m.onnx": [["info", "m.onnx"], ["convert", "m.onnx", "o.safetensors"]],
                "m.safetensors": [["info", "m.safetensors"], ["eval", "--model", "m.safetensors", "--data", "c", *REF],
                                  ["train", "--resume", "m.safetensors", "--data", "synthetic", "--dry-run", *REF]],
                "n.txt": [["train", "--net", "n.txt", "--data", "synthetic", "--dry-run", *REF]],
                "a.npy": [["info", "a.npy"], [*show[:3], "--input", "a.npy", "--dump", "o.st", *REF]],
                "l.txt": [["info", "--labels", "l.txt", *REF, "run"]], "e": [["info", "e"]],
                "weights.data": [["info", "ext.onnx", *REF]],
                "c/data_batch_2.bin": [["info", "c"]], "c/test_batch.bin": [["info", "c"]],
                "i/train-images-idx3-ubyte": [["info", "i"], ["info", "i/train-images-idx3-ubyte"]],
                "i/t10k-labels-idx1-ubyte": [["info", "i"]], "f/train/x/a.png": [["info", "f"]],
                "part": [["atlas-merge", "part", "--model", "run", "--data", "c", "--out", "b", *REF]]}

    def test_no_regular_files(self):
        """Never a wait, never a read from a device: code 4, by name."""
        count, kinds = 0, ("pipe", "folder", "socket", "ring", "nowhere", "/dev/zero", "/dev/null", "/dev/tty")
        for name, commands in self.readers().items():
            keep = path(name) + ".kept"
            if os.path.exists(path(name)):
                os.rename(path(name), keep)
            for kind in kinds:
                self.place(kind, name)
                for arguments in commands:
                    if kind == "folder" and arguments[-1] == name and (arguments[0] in ("info", "show") or name == "part"):
                        continue                                       # a folder is read for what is in it
                    ran = faults.Ran(arguments, 60)
                    # A folder is no file of a data set; of external data links are refused, whatever they lead to.
                    codes = (3, 4) if kind == "folder" or name.startswith(("i/", "c/", "f/", "w")) else (4,)
                    self.assertIsNone(faults.wrong(ran, codes), (kind, arguments, ran.err))
                    count += 1
                os.unlink(path(name)) if kind != "folder" else os.rmdir(path(name))
            if os.path.exists(keep):
                os.rename(keep, path(name))
        faults.figure("special: pipes, folders, sockets, links and devices in place of %d kinds of files, %d runs: each "
                      "refused by name, none waits", len(self.readers()), count)

    def test_holes(self):
        """A terabyte of nothing costs no more than its beginning."""
        heads = {"x.png": seeds.png(9, 7, 8, 2), "x.jpg": seeds.corpus("jpeg", "grey")[0], "x.npy": seeds.npy([5]),
                 "x.onnx": tool.read("run.onnx"), "x.safetensors": tool.read("run", "model.safetensors"),
                 "x.st": self.terabyte_tensor("x"), "m.st": self.terabyte_tensor("deconvnet model 1"),
                 "x": b"", "e": mutations.seal_records([b"\x1a\x0dbrain.Event:2"]), "n.txt": seeds.NET.encode(),
                 "i": seeds.idx([1 << 30, 32768, 1], b""), "i.gz": mutations.pack(seeds.idx([3], b"\1\2\3")),
                 "l.txt": b"x\n" * 10}
        flight = Volley("holes")
        try:
            flight.good(["--version"])
            shutil.copytree(path("run"), "run")
            for name, head in heads.items():
                with open(name, "wb") as file:
                    file.write(head)
                os.truncate(name, 1 << 40)
                for arguments in (["info", name], ["eval", "--model", name, "--data", "synthetic", *REF],
                                  ["show", "--model", "run", name, "--out", "o", "-q", *REF],
                                  ["show", "--model", "run", "--input", name, "--out", "o", "-q", *REF],
                                  ["train", "--dry-run", "--data", "synthetic", "--net", name, *REF],
                                  ["info", "--labels", name, *REF, "run"]):
                    ended = flight.run(arguments, 1024, (0, 2, 3, 4, 5) if arguments[0] == "info" else (2, 3, 4, 5))
                    if ended.code == 0:
                        self.assertIn(name, ("x.st", "e"), arguments)      # whole, but for numbers nobody reads; a torn tail
                os.unlink(name)
            self.assertEqual(flight.faults, [])
            faults.figure("special: %d formats as files of a terabyte of holes, %d runs: slowest %.2f s, largest %.0f MiB",
                          len(heads), flight.runs, flight.slowest, flight.largest / 1024)
        finally:
            flight.close()

    @staticmethod
    def terabyte_tensor(format_):
        for pad in range(9):
            size = (1 << 40) - 8 - 160 - pad
            header = '{"__metadata__":{"format":"%s"},"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (
                format_, size, size)
            header += " " * (160 + pad - len(header))
            if len(header) == 160 + pad:
                return mutations.join_tensors(header.encode(), b"")
        raise AssertionError("no such header")

    # ---- files that shrink ----

    def test_shrinking(self):
        """Stopped while it reads, cut, set going again: refused or read, never a signal."""
        rng, tries = random.Random(1), 60 if faults.FULL else 8
        big = {"i/train-images-idx3-ubyte": seeds.idx([30000, 28, 28], bytes(30000 * 784)),
               "c/data_batch_2.bin": seeds.cifar(1) * 6000, "big.onnx": None, "big.safetensors": None, "ext.onnx": None}
        commands = {name: ["info", name.split("/")[0]] for name in big}
        self.readers()
        write("i/train-labels-idx1-ubyte", seeds.idx([30000], bytes(30000)))
        net = ("input 6x6x3; conv filters=2 kernel=3; relu; avg_pool 6; dense units=65536; dense units=10; softmax")
        seeds.make_run(path("large"), net)
        shutil.copy(path("large", "model.safetensors"), path("big.safetensors"))
        assert call("convert", "large", "big.onnx").returncode == 0
        cut = {**big, "big.onnx": tool.read("big.onnx"), "big.safetensors": tool.read("big.safetensors")}
        first, second = seeds.external(cut["big.onnx"])
        cut["weights.data"], commands["weights.data"] = second, ["info", "ext.onnx"]
        del cut["ext.onnx"]
        ends, stopped = {}, 0
        for name, data in cut.items():
            for _ in range(tries):
                if name == "weights.data":
                    write("ext.onnx", first)
                write(name, data)
                code, was_stopped = self.shrink(commands[name], name, rng.random() * 0.05, rng.choice((0, 100, len(data) // 2)))
                ends[code] = ends.get(code, 0) + 1
                stopped += was_stopped
            write(name, data)
        faults.figure("special: %d files cut while they are read (%d of the readers were stopped before their end): exit codes "
                      "%s, no signal", sum(ends.values()), stopped, ", ".join("%d: %d" % e for e in sorted(ends.items())))

    def shrink(self, arguments, name, delay, size):
        with open(path(".err"), "w+b") as err:
            process = subprocess.Popen([tool.COMMAND, *arguments, *REF], cwd=tool.FOLDER, env=tool.environment(),
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
            time.sleep(delay)
            os.kill(process.pid, signal.SIGSTOP)                           # it is a zombie at worst
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            was_stopped = os.WIFSTOPPED(status)
            os.truncate(path(name), size)
            if was_stopped:
                os.kill(process.pid, signal.SIGCONT)
                _, status = os.waitpid(process.pid, 0)
            process.returncode = code = os.waitstatus_to_exitcode(status)
            self.assertIn(code, (0, 3, 4), (arguments, delay, size))
            return code, was_stopped

    # ---- pictures that are odd but sound ----

    def test_every_png(self):
        """Every colour type, depth and order of rows, against a decoder of a few lines."""
        write("same.txt", "input 7x9x3; relu; avg_pool 7x9; conv filters=10 kernel=1; softmax")
        self.good(call("train", "--data", "synthetic", "--net", "same.txt", "--steps", 1, "-b", 2, "-q", "--out", "same", *REF))
        count = 0
        more = [("tRNS", d, 0, seeds.png(9, 7, d, c, extra=seeds.chunk(b"tRNS", t))) for c, d, t in (
            (0, 8, b"\0\7"), (0, 16, b"\6\6"), (2, 8, b"\0\3\0\6\0\x09"), (3, 8, b"\0\x80\xff"), (3, 2, b"\x40"))]
        for colour, depth, interlaced, data in seeds.all_pngs() + more:
            write("odd.png", data)
            self.good(call("show", "--model", "same", "odd.png", "--preprocess", "none", "--dump", "odd.st", "-q", *REF))
            dump, _ = tool.tensors(tool.read("odd.st"))
            name = next(n for n in dump if n.startswith("input"))
            got = tool.floats(dump[name])
            want = decode(data)
            self.assertEqual(len(got), len(want))
            worst = max(abs(g * 255 - w) for g, w in zip(got, want))
            self.assertLess(worst, 1e-3, (colour, depth, interlaced))
            count += 1
        faults.figure("special: %d kinds of PNG (colour types, depths, interlaced or not, with transparency): pixels as an "
                      "independent decoder has them", count)

    def test_every_jpeg(self):
        """Kinds that are read agree with each other, the others are refused by name."""
        base, progressive, restarts = seeds.corpus("jpeg", "rgb", "progressive", "restarts")
        for data in (base, progressive, restarts, *seeds.corpus("jpeg", "cmyk", "grey", "rgb_444", "turned")):
            write("a.jpg", data)
            self.good(call("info", "a.jpg"))
        frame = base.index(b"\xff\xc0")
        kinds = {0xc3: "lossless", 0xc5: "hierarchical", 0xc9: "arithmetic", 0xca: "arithmetic", 0xcb: "arithmetic"}
        for marker, word in kinds.items():
            write("a.jpg", base[:frame + 1] + bytes([marker]) + base[frame + 2:])
            self.bad(call("info", "a.jpg"), 3, word, "a.jpg@0x%x" % frame)
        write("a.jpg", base[:frame + 4] + b"\x0c" + base[frame + 5:])
        self.bad(call("info", "a.jpg"), 3, "12 bits")
        refused = 0
        for cut in range(2, len(base)):
            write("a.jpg", base[:cut])
            ran = faults.Ran(["info", "a.jpg"], 60) if cut % (1 if faults.FULL else 29) == 0 else None
            if ran:
                self.assertIsNone(faults.wrong(ran, (3,)), (cut, ran.err))
                refused += 1
        faults.figure("special: 7 kinds of JPEG read, %d refused by name, %d truncations refused", len(kinds) + 1, refused)


def decode(data):
    """The RGB values, 0 to 255, of a PNG over white: rows as the specification says, one after the other."""
    chunks = seeds.png_chunks(data)
    fields = dict(chunks)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    raw = zlib.decompress(b"".join(d for k, d in chunks if k == b"IDAT"))
    channels, at = seeds.CHANNELS[colour], 0
    step = max(1, channels * depth // 8)
    pixels = [None] * (width * height)
    for x0, y0, dx, dy in seeds.PASSES if interlaced else ((0, 0, 1, 1),):
        columns, last = range(x0, width, dx), None
        for y in range(y0, height, dy) if columns else ():
            size = (len(columns) * channels * depth + 7) // 8
            line = unfilter(raw[at], bytearray(raw[at + 1:at + 1 + size]), last or bytes(size), step)
            at, last = at + 1 + size, line
            for i, x in enumerate(columns):
                pixels[y * width + x] = rgb(samples(line, i, channels, depth), depth, colour, fields)
    return [v for p in pixels for v in p]


def unfilter(mode, line, last, step):
    for i in range(len(line)):
        a, b, c = line[i - step] if i >= step else 0, last[i], last[i - step] if i >= step else 0
        p = a + b - c
        near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = (line[i] + (0, a, b, (a + b) // 2, near)[mode]) & 255
    return line


def samples(line, i, channels, depth):
    if depth == 16:
        return struct.unpack_from(">%dH" % channels, line, 2 * channels * i)
    if depth == 8:
        return tuple(line[channels * i:channels * (i + 1)])
    bit = i * depth
    return (line[bit // 8] >> (8 - depth - bit % 8) & (1 << depth) - 1,)


def rgb(values, depth, colour, fields):
    most, clear = (1 << depth) - 1, fields.get(b"tRNS", b"")
    if colour == 3:
        alpha = clear[values[0]] if values[0] < len(clear) else 255
        shown = fields[b"PLTE"][3 * values[0]:3 * values[0] + 3]
    else:
        named = struct.unpack(">%dH" % (len(clear) // 2), clear)
        alpha = scale(values[-1], most) if colour & 4 else 0 if named == values else 255
        colours = values[:-1] if colour & 4 else values
        shown = [scale(v, most) for v in colours * (3 // len(colours))]
    return [(v * alpha + 255 * (255 - alpha) + 127) // 255 for v in shown]


def scale(value, most):
    return (value * 255 * 2 + most) // (2 * most)
