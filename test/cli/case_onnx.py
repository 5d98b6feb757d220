"""ONNX files: written and read again, shown, told of, evaluated; layers by name; pictures prepared."""
import json
import os

import tool
from tool import Case, call, path, train, write

# Names with dots, as exporters make them.
NAMED = ("input 12x12x3; features.0.conv = conv filters=6 kernel=3; features.0.act = relu; "
         "features.1.conv = conv filters=8 kernel=3 stride=2; features.1.act = relu; "
         "head.pool = avg_pool global; head.fc = dense units=10; softmax")


class Onnx(Case):
    @classmethod
    def setUpClass(cls):
        assert train("onnx", 30).returncode == 0
        assert call("convert", "onnx", "plain.onnx").returncode == 0
        assert call("train", "--data", "synthetic", "--net", NAMED, "--steps", 20, "-b", 16, "-q", "--out",
                    "named").returncode == 0
        assert call("convert", "named", "named.onnx").returncode == 0
        write("photo.png", tool.png_of(30, 26, bytes((7 * i * i + 31 * i) % 256 for i in range(30 * 26 * 3))))

    def show(self, *arguments, model="named.onnx"):
        return call("show", "--model", model, "photo.png", *arguments)

    def test_convert(self):
        """There and back nothing is lost but the training state."""
        self.assertEqual(self.good(call("convert", "plain.onnx", "again.safetensors")), "again.safetensors\n")
        a, b, c = (json.loads(self.good(call("info", "--json", name)))
                   for name in ("onnx/model.safetensors", "plain.onnx", "again.safetensors"))
        for key in ("parameters", "flops", "classes", "class_names", "preprocess"):
            self.assertEqual((a[key], a[key]), (b[key], c[key]), key)
        self.assertEqual([n["op"] for n in a["nodes"]], [n["op"] for n in b["nodes"]])
        self.assertIsNone(b["guessed"])
        dumps = []
        for model in ("onnx", "plain.onnx", "again.safetensors"):
            self.good(self.show("--rule", "guided", "--layer", "max_pool2", "--dump", "d.st", model=model))
            dumps.append(tool.tensors(tool.read("d.st"))[0]["max_pool2/guided/layer"])
        self.assertEqual(dumps[0], dumps[1])
        self.assertEqual(dumps[0], dumps[2])
        result = call("convert", "plain.onnx", "again.safetensors")
        self.assertIn(b"again.safetensors is replaced", result.stderr)

    def test_wrong_conversions(self):
        self.bad(call("convert"), 2, "the model is missing")
        self.bad(call("convert", "plain.onnx"), 2, "the file to write")
        self.bad(call("convert", "plain.onnx", "a.onnx", "b.onnx"), 2, "one too many")
        self.bad(call("convert", "plain.onnx", "a.txt"), 2, "a.txt", ".safetensors")
        self.bad(call("convert", "plain.onnx", ".onnx"), 2, ".onnx")
        self.bad(call("convert", "plain.onnx", "./plain.onnx"), 2, "plain.onnx", "another file")
        self.bad(call("convert", "plain.onnx", "no/folder/a.onnx"), 4, "a.onnx")
        self.bad(call("convert", "missing.onnx", "a.onnx"), 4, "missing.onnx")
        whole = tool.read("plain.onnx")
        self.bad(call("convert", write("cut.onnx", whole[:len(whole) // 2]), "a.onnx"), 3, "cut.onnx")
        self.assertFalse(os.path.exists(path("a.onnx")))

    def test_all_layers(self):
        """An ONNX file: every layer, by deconvnet; a model of our own: as before."""
        told = json.loads(self.good(self.show("--json", "--out", "all")))
        self.assertEqual((told["rule"], told["extensions"]), ("deconvnet", None))
        self.assertEqual(told["pictures"][0]["layers"], ["features.0.act", "features.1.act", "head.fc"])
        width, height, _, _, texts = tool.png_read(tool.read("all/photo-deconvnet.png"))
        model = json.loads(self.good(call("info", "--json", "named.onnx")))
        for key, value in (("rule", "deconvnet"), ("layer", "features.0.act,features.1.act,head.fc"),
                           ("start", "layer"), ("channel", "-"), ("scale", "auto"), ("model", model["hash"]),
                           ("model file", "named.onnx"), ("picture", "photo.png")):
            self.assertEqual(texts[key], value)
        self.assertTrue(texts["Software"].startswith("deconvnet "))
        self.assertNotIn("extensions", texts)
        self.good(self.show("--out", "all", model="named"))
        self.assertTrue(os.path.exists(path("all/photo-reconstruct.png")))

    def test_odd_names(self):
        """Bytes of names that are no text must not spoil the picture's own texts."""
        odd = path("odd\udcff\n.onnx")
        os.link(path("named.onnx"), odd)
        os.link(path("photo.png"), path("p\udcfe.png"))
        result = call("show", "--model", odd, path("p\udcfe.png"), "--layer", 1, "--out", "odd")
        self.assertEqual(result.returncode, 0, result.stderr)
        name, = os.listdir(path("odd"))
        texts = tool.png_read(tool.read("odd", name), 0)[4]
        self.assertEqual(texts["model file"], "odd\\xff\n.onnx")
        self.assertTrue(texts["picture"].endswith("p\\xfe.png"))

    def test_layer_names(self):
        def layers(name, model="named.onnx"):
            told = json.loads(self.good(self.show("--json", "--out", "names", "--layer", name, model=model)))
            return told["pictures"][0]["layers"]
        for name, want in (("features.0", "features.0.act"), ("features", "features.1.act"),
                           ("fc", "head.fc"), ("logits", "head.fc"), ("2", "features.1.act"),
                           ("head", "head.fc"), ("1.conv", "features.1.conv"),
                           ("features.0.conv", "features.0.conv")):
            self.assertEqual(layers(name), [want], name)
        self.assertEqual(layers("1,fc,pool"), ["features.0.act", "head.fc", "head.pool"])
        self.bad(self.show("--layer", "conv"), 2, '"conv" is the end of 2 names', "features.0.conv")
        self.bad(self.show("--layer", "head.fcc"), 2, "did you mean head.fc?")
        self.bad(self.show("--layer", "nonsense"), 2, "deconvnet info", "1 to 3")
        self.bad(self.show("--layer", "fc,"), 2, "--layer")
        self.good(self.show("--layer", "features.0", "--out", "names"))
        self.assertTrue(os.path.exists(path("names/photo-deconvnet-features.0.act.png")))

    def test_answers(self):
        """Probabilities, whether the network ends in softmax or before it."""
        told = json.loads(self.good(self.show("--json", "--out", "answers")))
        top = told["pictures"][0]["top"]
        self.assertEqual(len(top), 5)
        self.assertTrue(all(0 < t["value"] < 1 for t in top))
        self.assertLessEqual(sum(t["value"] for t in top), 1 + 1e-6)
        write("names.txt", "".join("thing %d\n" % i for i in range(10)))
        named = json.loads(self.good(self.show("--json", "--out", "answers", "--labels", "names.txt")))
        self.assertEqual([t["class"] for t in named["pictures"][0]["top"]],
                         ["thing %d" % t["index"] for t in top])
        self.good(self.show("--out", "answers", "--labels", "names.txt", "--class", "thing 3"))
        write("names.json", json.dumps({str(i): "j%d" % i for i in range(10)}))
        self.assertIn(" j%d " % top[0]["index"], self.good(self.show("--out", "answers", "--labels", "names.json")))
        self.bad(self.show("--labels", write("few.txt", "a\nb\n")), 3, "few.txt")
        self.bad(self.show("--labels", "gone.txt"), 4, "gone.txt")

    def test_info(self):
        told = json.loads(self.good(call("info", "--json", "named.onnx")))
        self.assertEqual(told["kind"], "ONNX network")
        nodes = {n["name"]: n for n in told["nodes"]}
        conv = nodes["features.1.conv"]
        self.assertEqual(conv["flops"], 2 * 6 * 6 * 8 * 6 * 9)
        self.assertTrue(conv["origin"])
        self.assertEqual([n["layer"] for n in told["nodes"] if n["layer"]], [1, 2, 3])
        self.assertLessEqual(sum(n["flops"] for n in told["nodes"]), told["flops"])
        field, middle = conv["field"], conv["middle_unit"]
        self.assertEqual((middle["row"], middle["column"]), (3, 3))
        top = field["start"][0] + 3 * field["stride"][0]
        self.assertEqual((middle["top"], middle["bottom"]), (max(top, 0), min(top + field["size"][0], 12)))
        self.assertEqual(middle["clipped"], int(top < 0 or top + field["size"][0] > 12))
        self.assertEqual((nodes["head.fc"]["middle_unit"]["clipped"], nodes["head.fc"]["middle_unit"]["bottom"]), (1, 12))
        self.assertGreater(told["inference"]["bytes"], 0)
        text = self.good(call("info", "named.onnx"))
        self.assertIn("features.1.conv", text)
        self.assertIn(", cut", text)

    def test_preprocess(self):
        """A picture of one colour, and what becomes of it."""
        write("tone.png", tool.png(40, 40, (51, 102, 204)))
        red, green, blue = 0.2, 0.4, 0.8

        def seen(*arguments):
            self.good(call("show", "--model", "named.onnx", "tone.png", "--layer", 1, "--dump", "tone.st", *arguments))
            values = tool.floats(tool.tensors(tool.read("tone.st"))[0]["input1"])
            self.assertEqual(len(set(values)), len(set(values[:3])))
            return values[:3]
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        cifar = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
        for arguments, want in (
                (("--preprocess", "none"), (red, green, blue)),
                (("--preprocess", "imagenet"), [(v - m) / s for v, m, s in zip((red, green, blue), mean, std)]),
                (("--preprocess", "cifar10"), [(v - m) / s for v, m, s in zip((red, green, blue), *cifar)]),
                (("--preprocess", "tf"), [2 * v - 1 for v in (red, green, blue)]),
                (("--preprocess", "caffe"), (204 - 103.939, 102 - 116.779, 51 - 123.68)),
                (("--preprocess", "none", "--bgr"), (blue, green, red)),
                (("--mean", "0.2,0.3,0.4", "--std", "0.5"), (0, 0.2, 0.8)),
                (("--preprocess", "none", "--mean", "0.1"), (0.1, 0.3, 0.7)),
                (("--preprocess", "tf", "--std", "1"), (-0.3, -0.1, 0.3))):
            for a, b in zip(seen(*arguments), want):
                self.assertAlmostEqual(a, b, delta=2e-5 * max(1, abs(b)), msg=str(arguments))
        for arguments, words in (
                (("--mean", "103.9,116.8,123.7"), ("--mean: ", "divide it by 255")),
                (("--mean", "1,2"), ("--mean: ", "1 or 3")), (("--mean", "1,2,3,4"), ("--mean: ", "more than 3")),
                (("--mean", "a"), ("--mean: ", "not a number")), (("--std", "0"), ("--std: ",)),
                (("--std", "57"), ("--std: ", "255")), (("--preprocess", "magic"), ("imagenet, caffe",)),
                (("--size", "13"), ("--size", "13x13", "12x12")), (("--size", "12x"), ("--size: ",)),
                (("--crop", "12x13"), ("--crop", "12x13")), (("--crop", "x"), ("--crop: ",)),
                (("--size", "8", "--crop", "12"), ("--size", "8")),
                (("--size", "14x16", "--crop", "12"), ("--size", "one number"))):
            self.bad(call("show", "--model", "named.onnx", "tone.png", *arguments), 2, *words)

    def test_crop(self):
        """A frame of 6 white pixels round 36 x 36 black ones: seen after scaling, and cut off."""
        pixels = b"".join(bytes(3) if 6 <= x < 42 and 6 <= y < 42 else b"\xff\xff\xff"
                          for y in range(48) for x in range(48))
        write("frame.png", tool.png_of(48, 48, pixels))

        def seen(*arguments):
            self.good(call("show", "--model", "named.onnx", "frame.png", "--layer", 1, "--dump", "frame.st",
                           "--preprocess", "none", *arguments))
            return tool.floats(tool.tensors(tool.read("frame.st"))[0]["input1"])
        self.assertGreater(max(seen("--size", 12)), 0.5)
        self.assertGreater(max(seen("--size", "12x12")), 0.5)
        self.assertLess(max(seen("--size", 24, "--crop", 12)), 0.1)
        self.assertLess(max(seen("--size", 24, "--crop", "12x12")), 0.1)

    def test_eval(self):
        a, b = (json.loads(self.good(call("eval", "--json", "--model", model, "--data", "synthetic")))
                for model in ("onnx", "plain.onnx"))
        self.assertEqual((a["correct"], a["pictures"], a["confusion"]), (b["correct"], b["pictures"], b["confusion"]))
        labels = json.loads(self.good(call("eval", "--json", "--model", "named.onnx", "--data", "synthetic", "--labels",
                                           write("l.txt", "".join("k%d\n" % i for i in range(10))), "-b", 50)))
        self.assertEqual([c["name"] for c in labels["classes"]], ["k%d" % i for i in range(10)])
        self.assertEqual(labels["first_batch_pictures"], 50)

    def test_bench(self):
        told = json.loads(self.good(call("bench", "named.onnx", "--json", "--repeats", 1, "--layer", "features.1.act",
                                         "--channels", 3)))
        for key in ("load_ms", "plan_ms", "forward_ms", "channel_ms", "peak_ms", "sheet_ms", "plan_bytes"):
            self.assertGreater(told[key], 0, key)
        self.assertEqual((told["layer"], told["channels"]), ("features.1.act", 3))
        self.assertIn("forward and 8 channels", self.good(call("bench", "named.onnx", "--repeats", 1)))
        self.bad(call("bench", "named.onnx", "--layer", "nowhere"), 2, "--layer")
        self.bad(call("bench", "tutorial", "--layer", "a"), 2, "--layer", "model's file")
        self.bad(call("bench", "photo.png"), 3, "photo.png: is no model", "picture")

    def test_a_refusal_is_one_line(self):
        """What was guessed is told with results, and not beside a refusal."""
        text = tool.read("plain.onnx").replace(b"deconvnet.preprocess", b"deconvnet.unknown_no")
        guessed = ["--model", write("guessed.onnx", text)]
        self.assertIn(b"note: preprocessing is guessed", call("show", *guessed, "photo.png").stderr)
        self.assertIn(b"note: preprocessing is guessed", call("info", "guessed.onnx").stderr)
        self.assertEqual(json.loads(self.good(call("info", "--json", "guessed.onnx")))["guessed"],
                         "preprocessing is guessed: none")
        self.assertIsNone(json.loads(self.good(call("info", "--json", "guessed.onnx", "--preprocess", "tf")))["guessed"])
        for code, arguments in ((4, ("missing.png",)), (3, (write("no.png", "none"),)),
                                (2, ("photo.png", "--layer", "nowhere")), (2, ("photo.png", "--class", "10")),
                                (2, ("photo.png", "--layer", 1, "--channel", "9" * 20)),
                                (4, ("photo.png", "--dump", "no/folder/d.st"))):
            result = call("show", *guessed, *arguments)
            self.bad(result, code)
            self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        self.bad(call("show", *guessed, "photo.png", "--class", "10"), 2, "give a name", "0 to 9")
        self.bad(call("show", *guessed, "photo.png", "--layer", 1, "--channel", "9" * 20), 2, "9" * 20)

    def test_what_is_no_model(self):
        os.makedirs(path("folder"), exist_ok=True)
        self.bad(self.show(model="folder"), 4, "folder: ", "model.safetensors")
        self.bad(self.show(model=write("empty.onnx", "")), 3, "empty.onnx: is empty")
        self.bad(self.show(model=write("m.onnx.data", b"\x81" * 4000)), 3, "m.onnx.data: ", "external data")

    def test_numbers_are_layers(self):
        """0 is no layer's number, and not the end of "features.0" either."""
        numbered = "input 12x12x3; features.0 = conv filters=4 kernel=3; features.7 = relu; head = dense units=10; softmax"
        self.good(call("train", "--data", "synthetic", "--net", numbered, "--steps", 1, "-b", 4, "-q", "--out", "num"))
        self.good(call("convert", "num", "num.onnx"))
        for number in (0, 7, 3):
            self.bad(self.show("--layer", number, model="num.onnx"), 2, '"%d"' % number, "1 to 2")
        told = json.loads(self.good(self.show("--layer", 1, "--json", model="num.onnx")))
        self.assertEqual(told["pictures"][0]["layers"], ["features.7"])
        told = json.loads(self.good(self.show("--layer", "features.0", "--json", model="num.onnx")))
        self.assertEqual(told["pictures"][0]["layers"], ["features.0"])

    def test_extensions_are_counted(self):
        """The sheet speaks of the way that meets the most, whatever the order of the layers."""
        net = "input 12x12x3; " + "; ".join(
            "c%d = conv filters=3 kernel=3; a%d = silu" % (i, i) for i in range(4)) + "; head = dense units=10; softmax"
        self.good(call("train", "--data", "synthetic", "--net", net, "--steps", 1, "-b", 4, "-q", "--out", "silu"))
        self.good(call("convert", "silu", "silu.onnx"))
        for layers in ("a1,a2,head", "head,a2,a1"):
            told = json.loads(self.good(self.show("--layer", layers, "--extend", "--json", model="silu.onnx")))
            self.assertTrue(told["extensions"].endswith("and 3 more"), told["extensions"])

    def test_hostile_files(self):
        whole = tool.read("plain.onnx")
        self.bad(self.show(model=write("flip.onnx", whole[:40] + b"\xff" * 9 + whole[49:])), 3, "flip.onnx")
        self.bad(self.show("--max-onnx-bytes", 100, model="plain.onnx"), 3, "plain.onnx")
        self.bad(self.show("--max-nodes", 3, model="plain.onnx"), 3, "plain.onnx")
