"""show: single channels, peaks, classes, the bits behind the rules, folders of pictures."""
import json
import os
import struct

import tool
from tool import Case, call, path, train, write

COMMON = ("--data", "synthetic", "--count", 1)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


class Channels(Case):
    @classmethod
    def setUpClass(cls):
        assert train("channels", 30).returncode == 0

    def show(self, *arguments):
        return call("show", "--model", "channels", *arguments)

    def dump(self, *arguments):
        self.good(self.show(*COMMON, *arguments, "--dump", "channels.st"))
        return tool.tensors(tool.read("channels.st"))[0]

    def sheets(self, *arguments):
        told = json.loads(self.good(self.show(*COMMON, *arguments, "--json", "--out", "sheets")))
        return told["pictures"][0]["sheets"]

    def largest(self, layer, shape):
        """[(value, row, column)] of each channel, found here."""
        h, w, c = shape
        values = tool.floats(self.dump("--layer", 1)[layer])
        return [max(((values[(y * w + x) * c + k], -y, -x) for y in range(h) for x in range(w)))
                for k in range(c)]

    def test_strongest_first(self):
        found = self.largest("max_pool1", (6, 6, 6))
        sheet, = self.sheets("--layer", 1, "--channel", "all")
        drawn = sheet["channels"]
        self.assertEqual(sheet["file"], "sheets/test-00000-reconstruct-max_pool1-channel-all.png")
        self.assertEqual(sorted([e["channel"] for e in drawn] + sheet["never_fired"]), list(range(6)))
        self.assertEqual([k for k in range(6) if found[k][0] == 0], sorted(sheet["never_fired"]))
        values = [e["largest"] for e in drawn]
        self.assertEqual(values, sorted(values, reverse=True))
        for e in drawn:
            value, y, x = found[e["channel"]]
            self.assertEqual((single(e["largest"]), e["row"], e["column"]), (value, -y, -x))
        texts = tool.png_read(tool.read(sheet["file"]), 0)[4]
        self.assertEqual([int(t.split("=")[0]) for t in texts["channels"].split()],
                         [e["channel"] for e in drawn])
        best, = self.sheets("--layer", 1, "--channel", "all", "--top", 2)
        self.assertEqual([e["channel"] for e in best["channels"]], [e["channel"] for e in drawn[:2]])
        every, = self.sheets("--layer", 1, "--channel", "all", "--dead")
        self.assertEqual((len(every["channels"]), every["never_fired"]), (6, []))
        self.assertEqual([s["channels"][0]["layer"] for s in self.sheets("--channel", "all")],
                         ["max_pool1", "max_pool2"])

    def test_dead_channels_are_listed(self):
        """A black picture, and biases that one small step moved from zero: down, and the ReLU is shut."""
        self.good(call("train", "--data", "synthetic", "--net", "input 12x12x1; conv filters=3 kernel=3; relu; "
                       "avg_pool global; dense units=10; softmax", "--steps", 1, "--lr", "1e-9", "-b", 2, "-q",
                       "--out", "still"))
        write("black.png", tool.png(12, 12, (0, 0, 0)))
        common = ("show", "--model", "still", "black.png", "--preprocess", "none", "--layer", 1, "--rule",
                  "deconvnet")
        self.good(call(*common, "--dump", "still.st"))
        values = tool.floats(tool.tensors(tool.read("still.st"))[0]["relu1"])
        dead = [k for k in range(3) if not any(values[k::3])]
        self.assertGreater(len(dead), 0)
        text = self.good(call(*common, "--channel", "all", "--out", "still-shown"))
        self.assertIn("%d of 3 channels never fired: %s\n" % (len(dead), " ".join(map(str, dead))), text)
        texts = tool.png_read(tool.read("still-shown/black-deconvnet-relu1-channel-all.png"), 0)[4]
        self.assertEqual(texts["never fired"], " ".join(map(str, dead)))

    def test_tiles_are_the_projections(self):
        """Three channels as TensorFlow's strip: its bytes, computed here from the dump."""
        self.good(self.show(*COMMON, "--layer", 2, "--rule", "guided", "--channel", "5,0,2", "--scale", "tf1",
                            "--out", "tiles"))
        _, height, channels, rows, texts = tool.png_read(
            tool.read("tiles/test-00000-guided-max_pool2-channel-5+0+2.png"))
        self.assertEqual((height, channels, texts["channel"], texts["start"]), (12, 3, "5,0,2", "channel"))
        dump = self.dump("--layer", 2, "--rule", "guided", "--channel", "5,0,2")
        panels = [tool.floats(dump["input1"])]
        panels += [tool.floats(dump["max_pool2/guided/channel/%d" % k]) for k in (5, 0, 2)]
        strip = [v for y in range(12) for p in panels for v in p[y * 36:(y + 1) * 36]]
        scale = single(127 / max(map(abs, strip)))
        self.assertEqual(b"".join(rows), bytes(int(single(single(v * scale) + 128)) for v in strip))

    def test_many_large_tiles_are_smaller(self):
        """86 tiles of 224 x 224: half as large, and a pixel is the mean of four."""
        self.good(call("train", "--data", "synthetic", "--net", "input 224x224x3; conv filters=86 kernel=3 stride=32; "
                       "relu; avg_pool global; dense units=10; softmax", "--steps", 1, "-b", 2, "-q", "--out", "wide"))
        pixels = bytes((5 * i * i + 11 * i) % 256 for i in range(224 * 224 * 3))
        write("noise.png", tool.png_of(224, 224, pixels))
        self.good(call("show", "--model", "wide", "noise.png", "--layer", 1, "--rule", "gradient", "--channel", "all",
                       "--dead", "--out", "wide-shown"))
        _, _, _, rows, texts = tool.png_read(tool.read("wide-shown/noise-gradient-relu1-channel-all.png"), 180)
        self.assertEqual(texts["tile size"], "1/2")
        self.assertEqual(len(texts["channels"].split()), 86)
        top, left = 20 + 2 * 16 + 4 + 1, 20 + 1           # margin, a heading of two lines, the frame
        for y in range(0, 112, 3):
            for x in range(112):
                for c in range(3):
                    mean = sum(pixels[((2 * y + i) * 224 + 2 * x + j) * 3 + c] for i in (0, 1) for j in (0, 1)) / 4
                    self.assertLessEqual(abs(rows[top + y][3 * (left + x) + c] - mean), 0.51)

    def test_peaks(self):
        """What a unit sees, from its field; and nothing is drawn outside of it."""
        told = json.loads(self.good(call("info", "--json", "channels/model.safetensors")))
        for layer in ("max_pool1", "max_pool2"):
            field = next(n["field"] for n in told["nodes"] if n["name"] == layer)
            sheet, = self.sheets("--layer", layer, "--rule", "guided", "--from", "peak", "--channel", "3,1,4")
            dump = self.dump("--layer", layer, "--rule", "guided", "--from", "peak", "--channel", "3,1,4")
            self.assertEqual([e["channel"] for e in sheet["channels"]], [3, 1, 4])
            for e in sheet["channels"]:
                sees, clipped = e["sees"], 0
                for axis, (first, last, at) in enumerate((("top", "bottom", "row"), ("left", "right", "column"))):
                    start = field["start"][axis] + field["stride"][axis] * e[at]
                    end = start + field["size"][axis]
                    clipped |= start < 0 or end > 12
                    self.assertEqual((sees[first], sees[last]), (max(start, 0), min(end, 12)))
                self.assertEqual(sees["clipped"], clipped)
                drawn = tool.floats(dump["%s/guided/peak/%d" % (layer, e["channel"])])
                for i, value in enumerate(drawn):
                    y, x = i // 36, i // 3 % 12
                    self.assertTrue(value == 0 or (sees["top"] <= y < sees["bottom"]
                                                   and sees["left"] <= x < sees["right"]))
        text = self.good(self.show(*COMMON, "--layer", 1, "--from", "peak", "--channel", 3, "--out", "peak"))
        self.assertIn("max_pool1, channel 3: ", text)
        self.assertIn("sees rows ", text)
        texts = tool.png_read(tool.read("peak/test-00000-reconstruct-max_pool1-peak-3.png"), 0)[4]
        self.assertRegex(texts["receptive field"], r"^rows \d+-\d+ columns \d+-\d+")

    def test_frames(self):
        """A sheet of a peak holds the frame's colour, one of a channel does not."""
        for start, framed in (("peak", True), ("channel", False)):
            self.good(self.show(*COMMON, "--layer", 1, "--from", start, "--channel", 3, "--out", "framed"))
            rows = tool.png_read(tool.read("framed/test-00000-reconstruct-max_pool1-%s-3.png" % start))[3]
            pixels = b"".join(rows)
            red = sum(pixels[i:i + 3] == bytes((232, 62, 24)) for i in range(0, len(pixels), 3))
            self.assertEqual(red > 100, framed)

    def test_classes(self):
        first = json.loads(self.good(self.show(*COMMON, "--json", "--out", "c")))["pictures"][0]["top"][0]
        common = ("--rule", "deconvnet")
        top = tool.floats(self.dump("--class", "top", *common)["avg_pool1/deconvnet/channel/top"])
        most = max(map(abs, top))
        self.assertGreater(most, 0)
        for arguments in (("--class", first["class"]), ("--class", first["index"]),
                          ("--layer", "logits", "--channel", first["index"])):
            dump = self.dump(*arguments, *common)
            drawn = tool.floats(dump["avg_pool1/deconvnet/channel/%d" % first["index"]])
            for a, b in zip(drawn, top):
                self.assertAlmostEqual(a, b, delta=1e-6 * most)
        self.good(self.show(*COMMON, "--class", "top", *common, "--out", "c"))
        texts = tool.png_read(tool.read("c/test-00000-deconvnet-avg_pool1-channel-top.png"), 0)[4]
        self.assertEqual(texts["channel"], "%d (top)" % first["index"])
        self.bad(self.show(*COMMON, "--class", "red cros"), 2, "did you mean red cross?")
        self.bad(self.show(*COMMON, "--class", "10"), 2, "0 to 9")
        self.bad(self.show(*COMMON, "--class", "top", "--layer", 1), 2, "--layer")
        self.bad(self.show(*COMMON, "--class", "top", "--channel", 1), 2, "--channel")
        self.bad(self.show(*COMMON, "--class", "top", "--from", "layer"), 2, "--class", "--from channel")

    def test_bits(self):
        names = {(1, 0): "gradient", (0, 1): "deconvnet", (1, 1): "guided", (0, 0): "linear"}
        for (mask, rectify), rule in names.items():
            key = "max_pool2/%s/layer" % rule
            plain = self.dump("--rule", rule)[key]
            bits = ("--mask", mask, "--rectify", rectify)
            self.assertEqual(self.dump(*bits)[key], plain)
            self.assertEqual(self.dump(*bits, "--switches", 1)[key], plain)
            self.assertNotEqual(self.dump(*bits, "--switches", 0)[key], plain)
            self.good(self.show(*COMMON, *bits, "--switches", 0, "--out", "bits"))
            texts = tool.png_read(tool.read("bits/test-00000-%s-noswitches.png" % rule), 0)[4]
            self.assertEqual(texts["rule"], "%s (mask %d, rectify %d, switches 0)" % (rule, mask, rectify))
        self.bad(self.show(*COMMON, "--mask", 1, "--rule", "guided"), 2, "--mask", "--rule")
        self.bad(self.show(*COMMON, "--mask", 2), 2, "--mask: ", "0, 1")
        self.bad(self.show(*COMMON, "--switches", 0, "--compat", "captum", "--class", "top"), 2, "--switches")

    def test_compat(self):
        """Below a peak, guided and gradient are as large as their start: begun with 1 they are the
        usual picture divided by the activation."""
        at = ("--layer", 2, "--from", "peak", "--channel", 1)
        sheet, = self.sheets(*at)
        value = sheet["channels"][0]["largest"]
        self.assertGreater(value, 0)
        for program, rule, ours, shown in (("captum", "guided", "guided", float),
                                           ("zennit", "gradient", "gradient", float),
                                           ("captum", "gradient", "gradient", abs),
                                           ("zennit", "deconvnet", "deconvnet", float),
                                           ("tf_cnnvis", "deconvnet", "guided", float)):
            usual = tool.floats(self.dump("--rule", ours, *at)["max_pool2/%s/peak/1" % ours])
            theirs = tool.floats(self.dump("--rule", rule, "--compat", program, *at)
                                 ["max_pool2/%s/peak/1" % rule])
            most = max(map(abs, usual)) / value
            self.assertGreater(most, 0)
            for a, b in zip(usual, theirs):
                self.assertAlmostEqual(shown(a / value), b, delta=1e-5 * most)
        self.good(self.show(*COMMON, "--compat", "captum", "--out", "compat"))
        texts = tool.png_read(tool.read("compat/test-00000-deconvnet-captum-avg_pool1-channel-top.png"), 0)[4]
        self.assertEqual((texts["rule"], texts["start"]), ("deconvnet as captum", "channel, ones"))
        self.bad(self.show(*COMMON, "--compat", "captum", "--rule", "linear"), 2, "--compat", "linear")
        self.bad(self.show(*COMMON, "--compat", "tf_cnnvis", "--rule", "guided", *at), 2, "tf_cnnvis")
        self.bad(self.show(*COMMON, "--compat", "tf_cnnvis"), 2, "--compat", "--channel K")
        self.bad(self.show(*COMMON, "--compat", "captum", "--layer", 1), 2, "--compat", "--channel K")
        self.bad(self.show(*COMMON, "--compat", "captum", "--extend"), 2, "--extend")
        self.bad(self.show(*COMMON, "--compat", "keras"), 2, "captum, tf_cnnvis, zennit")

    def test_folders(self):
        for name in ("f/b.png", "f/a.png", "f/sub/a.png", "f/sub/deep/a.jpg.png", "f/.hidden.png"):
            os.makedirs(os.path.dirname(path(name)), exist_ok=True)
            write(name, tool.png(20, 14, (90, 140, 30)))
        write("f/notes.txt", "no picture")
        write("f-a.png", tool.png(20, 14, (90, 140, 30)))
        self.good(self.show("f", "f/a.png", "--out", "folders"))
        self.assertEqual(set(os.listdir(path("folders"))),
                         {"%s-reconstruct.png" % name for name in
                          ("a", "a-2", "b", "sub-a", "sub-deep-a.jpg")})
        os.makedirs(path("nothing"))
        self.bad(self.show("nothing"), 3, "nothing")
        write("f/sub/z.png", tool.png(20, 14, (9, 9, 9))[:60])
        self.bad(self.show("f", "--out", "broken"), 3, "z.png")

    def test_wrong_channels(self):
        self.bad(self.show(*COMMON, "--channel", "1,x"), 2, "--channel: ")
        self.bad(self.show(*COMMON, "--channel", "1,"), 2, "--channel: ")
        self.bad(self.show(*COMMON, "--channel", "1,6", "--layer", 1), 2, "max_pool1", "0 to 5")
        self.bad(self.show(*COMMON, "--top", 3), 2, "--top", "--channel all")
        self.bad(self.show(*COMMON, "--dead", "--channel", 1), 2, "--dead")
        self.bad(self.show(*COMMON, "--bias", "--channel", 1), 2, "--bias")
