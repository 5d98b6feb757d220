"""What each command refuses by its own words: uses of options that do not go together, odd models, data and
places. A case is what is asked for, the exit code and the text of the error."""
import json
import os
import signal
import struct
import time

import tool
from tool import Case, call, environment, path, png, start, train, write


def model(name, network, **weights):
    """A model file made by hand: weights by name, all of one value: shape, value. Where a name is
    written with _ for its dot."""
    header, data = {}, b""
    for key, (shape, value) in weights.items():
        count = 1
        for n in shape:
            count *= n
        body = struct.pack("<f", value) * count
        header[key.replace("_", ".")] = {"dtype": "F32", "shape": list(shape),
                                         "data_offsets": [len(data), len(data) + len(body)]}
        data += body
    size = network.split(";", maxsplit=1)[0].replace("input", "").strip()
    header["__metadata__"] = {"format": "deconvnet model 1", "network": network, "classes": "0", "step": "0",
                              "preprocess": size + " none"}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return write(name, struct.pack("<Q", len(text)) + text + data)


def npy(name, *shape):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %r, }" % (shape,)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    count = 4
    for n in shape:
        count *= n
    return write(name, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + bytes(count))


class Refused(Case):
    def table(self, cases):
        for arguments, code, *words in cases:
            with self.subTest(arguments=" ".join(map(str, arguments))[:120]):
                self.bad(call(*arguments), code, *words)

    def test_words_too_many_or_too_few(self):
        write("none.txt", "# nothing\n")
        write("many.txt", "tutorial n1\n" * 10001)
        self.table([
            (("help", "train", "show"), 2, 'arguments: "show" is one too many; name one command'),
            (("info", "--json", "a", "b"), 2, "--json: tells of one path at a time; name one"),
            (("bench", "tutorial", "n2", "h3"), 2, "tutorial knows only n; leave out the rest"),
            (("bench", "tutorial", "c3"), 2, "tutorial knows only n; leave out the rest"),
            (("bench", " "), 2, "arguments: holds no problem; write one like conv n2"),
            (("bench", "--file", "none.txt"), 2, "none.txt: holds no problem; write one like conv n2"),
            (("bench", "--file", "many.txt"), 2, "many.txt:10001: holds more than 10000 problems; split it"),
            (("bench", "--layer", "conv1"), 2, "--layer: goes with a model's file; name one that exists"),
            (("bench", "--channels", "3"), 2, "--channels: goes with a model's file; name one that exists"),
            (("train", "--dry-run", "--data", "synthetic", "--net", "/proc/self/mem"), 4,
             "/proc/self/mem: cannot read it (Input/output error); check the disk"),
        ])

    def test_standard_input_and_large_texts(self):
        write("large.txt", "relu; " * 200000)
        closed = call("train", "--dry-run", "--data", "synthetic", "--net", "-", preexec_fn=lambda: os.close(0))
        self.bad(closed, 4, "standard input: is closed; send a network through it")
        self.bad(call("train", "--dry-run", "--data", "synthetic", "--net", "large.txt"), 3,
                 "large.txt: is larger than 1048576 bytes; pass --max-text-bytes if you trust it")

    def test_without_a_home(self):
        nowhere = environment()
        del nowhere["HOME"], nowhere["XDG_CACHE_HOME"]
        self.bad(call("fetch", "cifar10", env=nowhere), 4, "XDG_CACHE_HOME: neither it nor HOME is set; give --to DIR")

    def test_networks_of_other_kinds(self):
        plain = model("plain.safetensors", "input 4x4x3; relu")
        flat = model("flat.safetensors", "input 4x4x3; conv filters=2 kernel=1; relu",
                     conv1_weight=((2, 3, 1, 1), 0.5), conv1_bias=((2,), 0))
        wide = model("wide.safetensors", "input 2x2x3; conv filters=4200 kernel=1; relu",
                     conv1_weight=((4200, 3, 1, 1), 0.5), conv1_bias=((4200,), 0))
        unit = model("unit.safetensors", "input 1x1x1; conv filters=2 kernel=1; relu",
                     conv1_weight=((2, 1, 1, 1), 0.5), conv1_bias=((2,), 0))
        two = model("two.safetensors", "input 4x4x3; conv filters=2 kernel=1; relu; conv filters=2 kernel=1",
                    conv1_weight=((2, 3, 1, 1), 0.5), conv1_bias=((2,), 0), conv2_weight=((2, 2, 1, 1), 0.5),
                    conv2_bias=((2,), 0))
        many = npy("many.npy", 100001, 1, 1, 1)
        write("dog.png", png(4, 4, (90, 30, 10)))
        os.makedirs(path("dump"), exist_ok=True)
        show = ("show", "--data", "synthetic", "--count", 1, "--model")
        self.table([
            ((*show, plain, "--layer", "all", "--out", "o"), 2, "--layer: the network has no convolution"),
            (("bench", plain), 2, "--layer: the network has no convolution; name a node of those that"),
            ((*show, flat, "--class", "0", "--out", "o"), 2, "--class: the network's output is not one number a class; "
             "use --layer and --channel"),
            ((*show, wide, "--layer", "conv1", "--channel", "all", "--out", "o"), 2,
             "--channel: layer conv1 has 4200, a sheet holds 4096; give --top N"),
            ((*show, two, "--layer", "conv1,conv2", "--channel", ",".join("01"[i % 2] for i in range(2049)), "--out",
              "o"), 2, "--channel: asks for more than 4096 panels; name fewer channels or layers"),
            (("show", "--model", unit, "--layer", "conv1", "--input", many, "--dump", "dump/d"), 2,
             "pictures: 100001 of them are asked for; give 1 to 100000"),
            (("show", "--model", flat, "--layer", "conv1", "--data", "synthetic", "--count", 1025, "--dump", "dump/d"), 2,
             "--dump: holds every value of 1025 pictures, the limit is 1024; name fewer"),
            (("atlas", "--model", flat, "--data", "synthetic", "--compat", "captum", "--rule", "gradient", "--out", "a"), 2,
             "--compat: captum's gradient is a magnitude, an atlas draws signs; use --compat zennit or leave it out"),
        ])

    def test_places(self):
        os.symlink("round", path("round"))
        flat = model("place.safetensors", "input 4x4x3; conv filters=2 kernel=1; relu",
                     conv1_weight=((2, 3, 1, 1), 0.5), conv1_bias=((2,), 0))
        os.makedirs(path("atlas", "scan.safetensors"))
        self.table([
            (("train", "--data", "synthetic", "--net", tool.NET, "--steps", 1, "--out", "round/a"), 4,
             "round/a: cannot look there (Too many levels of symbolic links); name another folder"),
            (("atlas", "--model", flat, "--data", "synthetic", "--fresh", "--out", "atlas"), 4,
             "cannot be removed (Is a directory); name another --out"),
        ])

    def test_data_without_test_pictures(self):
        for i in range(4):
            os.makedirs(path("half", "train", "ab"[i % 2]), exist_ok=True)
            write(os.path.join("half", "train", "ab"[i % 2], "%d.png" % i), png(12, 12, (i * 60, 20, 30)))
        self.bad(call("train", "--data", "half", "--net", tool.NET, "--steps", 1, "--out", "half.run"), 3,
                 "half: has no folder test (or val); put some pictures of each class into test/CLASS/FILE")

    def test_a_rate_that_breaks_a_network(self):
        """Of a training that goes on the last good step is named, and how to go on from it if that has room."""
        for folder in ("rate", "rate" + "e" * 130):
            self.assertEqual(train(folder, 3).returncode, 0)
            before = tool.read(folder, "model.safetensors")
            line = self.bad(call("train", "--resume", folder, "--data", "synthetic", "--steps", 60, "--lr", "1e30", "-q"),
                            6, "lower the learning rate: step 3 is safe")
            self.assertEqual("go on with --resume %s --lr RATE" % folder in line, len(folder) < 120)
            self.assertEqual(tool.read(folder, "model.safetensors"), before)

    def test_a_walk_that_is_stopped(self):
        self.assertEqual(train("stop", 1).returncode, 0)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            out = "stop.%d" % code
            process = start("show", "--model", "stop", "--data", "synthetic", "--count", 2000, "--out", out)
            while process.poll() is None and not (os.path.isdir(path(out)) and os.listdir(path(out))):
                time.sleep(0.01)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, code, errors)
            line = errors.decode().splitlines()[-1]
            self.assertRegex(line, tool.ERROR)
            drawn = int(line.split("interrupted; ")[1].split()[0])
            self.assertIn("%s: interrupted; %d of 2000 pictures are drawn, give the command again" % (out, drawn), line)
            self.assertEqual(len([n for n in os.listdir(path(out)) if n.endswith(".png")]), drawn)

    def test_convert_says_what_it_did(self):
        self.assertEqual(train("told", 1).returncode, 0)
        told = json.loads(self.good(call("convert", "--json", "told/model.safetensors", "told.onnx")))
        self.assertEqual(told["classes"], 10)
        self.assertTrue(told["file"].endswith("told.onnx"))
        self.assertTrue(os.path.getsize(path("told.onnx")) > 1000)
