"""show: pictures, dumps, and the numbers in them."""
import json
import os
import struct

import tool
from tool import Case, call, path, train, write


def npy(shape, values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %r, }" % (shape,)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode()
            + struct.pack("<%df" % len(values), *values))


class Show(Case):
    @classmethod
    def setUpClass(cls):
        assert train("show", 30).returncode == 0

    def show(self, *arguments):
        return call("show", "--model", "show", *arguments)

    def test_data(self):
        text = self.good(self.show("--data", "synthetic", "--count", 20, "--out", "pictures"))
        names = sorted(os.listdir(path("pictures")))
        self.assertEqual(names, ["test-%05d-reconstruct.png" % i for i in range(20)])
        self.assertEqual(text.count(" %"), 100)            # top 5 of each
        width, height, channels, _, texts = tool.png_read(tool.read("pictures", names[0]))
        self.assertEqual(channels, 3)
        self.assertGreater(width, 2 * height // 2)
        model = json.loads(self.good(call("info", "--json", "show/model.safetensors")))
        for key, value in (("rule", "reconstruct"), ("layer", "max_pool1,max_pool2"), ("start", "layer"),
                           ("scale", "auto"), ("model", model["hash"])):
            self.assertEqual(texts[key], value)

    def test_batches_change_nothing(self):
        """20 pictures in one call (chunks of 16) are the 20 of the dump, bit for bit in the PNG."""
        self.good(self.show("--data", "synthetic", "--count", 20, "--out", "many"))
        self.good(self.show("--data", "synthetic", "--count", 18, "--out", "fewer"))
        for i in (0, 15, 16, 17):
            name = "test-%05d-reconstruct.png" % i
            self.assertEqual(tool.read("many", name), tool.read("fewer", name))

    def test_the_original_is_the_picture(self):
        """The first panel shows the picture's own bytes, not a stretched range."""
        write("tone.png", tool.png(24, 24, (127, 127, 129)))
        self.good(self.show("tone.png", "--out", "tone"))
        width, height, channels, pixels, _ = tool.png_read(tool.read("tone/tone-reconstruct.png"))
        self.assertIn(bytes((127, 127, 129)) * 24, b"".join(bytes(row) for row in pixels))

    def test_files(self):
        os.makedirs(path("p"), exist_ok=True)
        for name in ("cat.png", "p/cat.png", "odd name.png"):
            write(name, tool.png(40, 30, (200, 30, 90)))
        self.good(self.show("cat.png", "p/cat.png", "odd name.png", "--rule", "guided", "--from", "peak",
                            "--channel", 3, "--out", "photos"))
        self.assertEqual(sorted(os.listdir(path("photos"))),
                         ["cat-2-guided-peak-3.png", "cat-guided-peak-3.png", "odd name-guided-peak-3.png"])
        self.bad(self.show("missing.png"), 4, "missing.png")
        self.bad(self.show("p", "--out", "q", "cat.png", "gone"), 4, "gone")
        self.assertFalse(os.path.exists(path("q")))        # all are looked for before any is drawn
        write("clash-reconstruct.png", tool.png(9, 9, (1, 2, 3)))
        os.link(path("clash-reconstruct.png"), path("clash.png"))
        self.bad(self.show("clash.png", "--out", "."), 2, "clash-reconstruct.png")
        self.assertEqual(tool.read("clash.png"), tool.png(9, 9, (1, 2, 3)))

    def test_large_pictures_are_scaled(self):
        """The network sees 24 x 24. The frame of a picture of 50 x 50 pixels is seen, that of 48 x 48
        is not: of this the middle is taken, as of a data set's pictures."""
        self.good(call("train", "--data", "synthetic", "--net", tool.CROPPED, "--steps", 1, "-b", 2, "-q",
                       "--out", "cropped"))
        for side, seen in ((48, False), (50, True), (400, True)):
            inside = lambda i: side // 8 <= i < side - side // 8  # noqa: E731
            pixels = b"".join(bytes(3) if inside(x) and inside(y) else b"\xff\xff\xff"
                              for y in range(side) for x in range(side))
            write("frame.png", tool.png_of(side, side, pixels))
            self.good(call("show", "--model", "cropped", "frame.png", "--dump", "frame.st"))
            values = tool.floats(tool.tensors(tool.read("frame.st"))[0]["input1"])
            self.assertEqual(max(values) > min(values), seen, side)

    def test_arguments(self):
        self.bad(self.show("--layer", "max_poool1"), 2, "did you mean max_pool1")
        self.bad(self.show("--layer", "9"), 2, "1 to 3")
        self.bad(self.show("--layer", "0"), 2)
        self.bad(self.show("--layer", ""), 2)
        self.bad(self.show("--data", "synthetic", "--channel", 6, "--layer", 1), 2, "max_pool1", "0 to 5")
        self.bad(self.show("--layer", "input1", "--data", "synthetic"), 2, "input1", "a node after it")
        self.bad(self.show("--from", "peak"), 2, "--channel K")
        self.bad(self.show("--from", "layer", "--channel", 1), 2, "--from layer")
        self.bad(self.show("--rule", "magic"), 2, "reconstruct, deconvnet, guided, gradient")
        self.bad(self.show("--rule", "guided", "--bias"), 2, "guided")
        self.bad(self.show("--input", "x.npy", "y.png"), 2, "--input")
        self.bad(self.show("--layer", "softmax1", "--rule", "deconvnet", "--data", "synthetic"), 2, "softmax1")

    def test_input_and_dump(self):
        n = 2 * 12 * 12 * 3
        values = [((i * 7919) % 2003) / 1000 - 1 for i in range(n)]
        write("x.npy", npy((2, 12, 12, 3), values))
        self.good(self.show("--input", "x.npy", "--dump", "all.st", "--bias"))
        self.assertFalse(os.path.exists(path("shown")))
        dump, metadata = tool.tensors(tool.read("all.st"))
        self.assertEqual(metadata["layout"], "NHWC")
        self.assertEqual(tool.floats(dump["input1"]), tuple(struct.unpack("<%df" % n, struct.pack(
            "<%df" % n, *values))))
        for name, shape in (("conv1", [2, 12, 12, 6]), ("max_pool1", [2, 6, 6, 6]), ("softmax1", [2, 1, 1, 10]),
                            ("max_pool2/reconstruct/layer", [2, 12, 12, 3]),
                            ("max_pool2/reconstruct/zero", [2, 12, 12, 3]),
                            ("max_pool2/reconstruct/layer@conv2", [2, 6, 6, 8]),
                            ("max_pool2/reconstruct/layer@max_pool1", [2, 6, 6, 6])):
            self.assertEqual(dump[name][:2], ("F32", shape), name)
        self.assertEqual(dump["max_pool1.mask"][:2], ("I64", [2, 6, 6, 6]))
        # The switches point at the values that the pool kept, in TensorFlow's form.
        relu, pooled = tool.floats(dump["relu1"]), tool.floats(dump["max_pool1"])
        mask = struct.unpack("<%dq" % len(pooled), dump["max_pool1.mask"][2])
        per = 12 * 12 * 6
        for i, (m, value) in enumerate(zip(mask, pooled)):
            self.assertEqual(relu[i // (6 * 6 * 6) * per + m], value)
            self.assertEqual(m % 6, i % 6)
        # reconstruct has no ReLU on the way down: the signal below it is the one above it.
        down = "max_pool2/reconstruct/layer"
        self.assertEqual(dump[down + "@relu2"][2], dump[down + "@conv2"][2])
        self.assertEqual(dump[down][2], dump[down + "@input1"][2])
        self.bad(self.show("--input", "x.npy", "--count", 1), 2, "--count")
        values[5] = float("nan")
        self.bad(self.show("--input", write("nan.npy", npy((2, 12, 12, 3), values))), 6, "nan.npy")
        self.bad(self.show("--input", write("y.npy", npy((12, 12, 1), values[:144]))), 3, "y.npy")

    def test_channels_add_up(self):
        """Without the bias the channels' pictures sum to the layer's (gradient has no bias)."""
        common = ("--data", "synthetic", "--count", 1, "--layer", 1, "--rule", "deconvnet")
        self.good(self.show(*common, "--dump", "layer.st"))
        self.good(self.show(*common, "--dump", "channels.st", "--channel", "all"))
        layer = tool.floats(tool.tensors(tool.read("layer.st"))[0]["max_pool1/deconvnet/layer"])
        channels = tool.tensors(tool.read("channels.st"))[0]
        each = [tool.floats(channels["max_pool1/deconvnet/channel/%d" % k]) for k in range(6)]
        most = max(map(abs, layer))
        self.assertGreater(most, 0)
        for values in zip(layer, *each):
            self.assertAlmostEqual(values[0], sum(values[1:]), delta=1e-5 * most)

    def test_dump_to_standard_output(self):
        common = ("--data", "synthetic", "--count", 2, "--dump")
        self.good(self.show(*common, "file.st"))
        result = self.show(*common, "-")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stdout, tool.read("file.st"))
        self.bad(self.show(*common, "-", "--json"), 2, "--json")

    def test_tf1(self):
        """The strip alone, in TensorFlow 1's bytes, computed here once more."""
        self.good(self.show("--data", "synthetic", "--count", 1, "--scale", "tf1", "--out", "tf1", "--dump",
                            "tf1.st"))
        width, height, channels, rows, texts = tool.png_read(tool.read("tf1/test-00000-reconstruct.png"))
        self.assertEqual((width, height, channels, texts["scale"]), (36, 12, 3, "tf1"))
        dump = tool.tensors(tool.read("tf1.st"))[0]
        panels = [tool.floats(dump[name]) for name in ("input1", "max_pool1/reconstruct/layer",
                                                       "max_pool2/reconstruct/layer")]
        strip = [v for y in range(12) for p in panels for v in p[y * 36:(y + 1) * 36]]
        f32 = struct.Struct("<f")

        def single(x):
            return f32.unpack(f32.pack(x))[0]
        most = max(map(abs, strip))
        self.assertLess(min(strip), 0)
        scale = single(127 / most)
        wanted = bytes(int(single(single(value * scale) + 128)) for value in strip)
        self.assertEqual(b"".join(rows), wanted)

    def test_exact(self):
        """What --exact changes is rounding: no pixel by more than one level. A wrong winner would move
        whole patches; flat grounds, of which equal sums are made, are where winners may be lost."""
        self.good(call("train", "--data", "synthetic", "--steps", 25, "-b", 32, "-q", "--out", "toy"))
        flat = [tool.png_of(24, 24, b"".join(bytes(c) for c in rows)) for rows in (
            [(90, 20, 200)] * 576, [(10, 10, 10)] * 432 + [(240, 240, 200)] * 144)]
        names = [write("flat%d.png" % i, data) for i, data in enumerate(flat)]
        for more, told in ((("--exact",), True), (("--exact", "--engine", "ref"), False), ((), False)):
            result = call("show", "--model", "toy", names[0], "-v", "--out", "sums", *more)
            self.good(result)
            self.assertEqual("), exact" in result.stderr.decode(), told and "cpu engine" in result.stderr.decode())
        for rule in ("reconstruct", "deconvnet"):
            for what in (("--data", "synthetic", "--count", 12), names):
                told = {}
                for out, more in (("sums-exact", ("--exact",)), ("sums-usual", ())):
                    told[out] = json.loads(self.good(call("show", "--model", "toy", "--rule", rule, "--scale", "tf1",
                                                          "--out", out, "--json", *what, *more)))
                    self.assertIs(told[out]["exact"], bool(more))
                for a, b in zip(*(t["pictures"] for t in told.values())):
                    self.assertEqual([top["index"] for top in a["top"]], [top["index"] for top in b["top"]])
                    for x, y in zip(a["top"], b["top"]):
                        self.assertAlmostEqual(x["value"], y["value"], delta=1e-5)
                    one, two = (b"".join(tool.png_read(tool.read(p["file"]))[3]) for p in (a, b))
                    self.assertLessEqual(max(abs(p - q) for p, q in zip(one, two)), 1, a["file"])

    def test_json_and_terminal(self):
        told = json.loads(self.good(self.show("--data", "synthetic", "--count", 2, "--json", "--out", "j")))
        self.assertEqual(len(told["pictures"]), 2)
        for picture in told["pictures"]:
            self.assertTrue(os.path.exists(path(picture["file"])))
            values = [entry["value"] for entry in picture["top"]]
            self.assertEqual(values, sorted(values, reverse=True))
        common = ("--data", "synthetic", "--count", 1, "--out", "t", "--graphics")
        self.assertNotIn("\x1b", self.good(self.show(*common, "auto")))
        self.assertNotIn("\x1b", self.good(self.show(*common, "none")))
        if "deconvnet" in self.good(call("--version")) and "\x1b" in self.good(self.show(*common, "symbols")):
            self.assertIn("\x1bP", self.good(self.show(*common, "sixel")))
            self.assertIn("\x1b_G", self.good(self.show(*common, "kitty")))
            self.assertIn("\x1b]1337", self.good(self.show(*common, "iterm")))
