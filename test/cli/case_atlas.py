"""atlas, atlas-merge: the book against values from show, and the same bytes whatever happens."""
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import time
import unittest
import zipfile

import tool
from tool import Case, call, path, read, start, train, write

SIDE, PICTURES, TOP = 12, 150, 5
LAYERS = (("max_pool1", 6, 6), ("max_pool2", 3, 8), ("relu3", 3, 10))


def picture(seed):
    """Smooth enough that channels differ, different enough that values do."""
    r = random.Random(seed)
    rows = [[[r.randrange(256) for _ in range(3)] for _ in range(4)] for _ in range(4)]
    return bytes((rows[y // 3][x // 3][c] + r.randrange(40)) % 256
                 for y in range(SIDE) for x in range(SIDE) for c in range(3))


def seed_of(i):
    return 1000 + i % (PICTURES // 2)


def make_data(name):
    """An image folder: a class that is called <script>, 150 test and 70 training pictures. Each test
    picture is there twice, so that every list has ties."""
    for split, count in (("train", 70), ("test", PICTURES)):
        for i in range(count):
            folder = os.path.join(name, split, ("<script>", "plain & simple")[i % 2])
            os.makedirs(path(folder), exist_ok=True)
            write(os.path.join(folder, "%03d.png" % i),
                  tool.png_of(SIDE, SIDE, picture(seed_of(i) if split == "test" else i)))


def tree(*parts):
    """{name: bytes} of all files below a folder."""
    top, found = path(*parts), {}
    for folder, _, names in os.walk(top):
        for name in names:
            full = os.path.join(folder, name)
            with open(full, "rb") as file:
                found[os.path.relpath(full, top)] = file.read()
    return found


def numpy_python():
    for python in ("python3", "/usr/bin/python3"):
        if shutil.which(python) and subprocess.run([python, "-c", "import numpy"],
                                                   capture_output=True).returncode == 0:
            return python
    return None


class Atlas(Case):
    @classmethod
    def setUpClass(cls):
        assert train("atlas", 40).returncode == 0
        make_data("shots")
        result = cls.atlas("--out", "book")
        assert result.returncode == 0, result.stderr
        cls.book = tree("book")
        cls.facts = json.loads(cls.book["atlas.json"])

    @staticmethod
    def atlas(*arguments, data="shots", **more):
        return call("atlas", "--model", "atlas", "--data", data, "-k", TOP, "--engine", "ref", *arguments,
                    **more)

    @staticmethod
    def begin(*arguments, data="shots", **more):
        return start("atlas", "--model", "atlas", "--data", data, "-k", str(TOP), *arguments, **more)

    def same(self, book, other=None):
        """All files, to the byte."""
        mine, other = tree(book), self.book if other is None else other
        self.assertEqual(sorted(mine), sorted(other))
        for name in mine:
            self.assertEqual(mine[name], other[name], name)

    # ---- what is in it ----

    def test_files(self):
        names = sorted(self.book)
        self.assertIn("index.html", names)
        self.assertIn("scan.safetensors", names)
        strips = [n for n in names if n.startswith("tiles-")]
        listed = [c["strip"] for layer in self.facts["layers"] for c in layer["channels"] if c["strip"]]
        self.assertEqual(strips, sorted(listed))
        self.assertEqual(set(names) - set(strips), {"index.html", "atlas.json", "scan.safetensors"})
        self.assertNotIn(b"<script>alert", self.book["index.html"])
        for name, data in self.book.items():
            self.assertNotIn(tool.FOLDER.encode(), data, name)

    def dump(self):
        """[(layer, rows, channels, values of (picture, row, column, channel))], from show."""
        self.good(call("show", "--model", "atlas", "--data", "shots", "--engine", "ref", "--count", PICTURES,
                       "--layer", "1,2,3", "--dump", "values.st"))
        dumped, _ = tool.tensors(read("values.st"))
        return [(name, side, channels, tool.floats(dumped[name])) for name, side, channels in LAYERS]

    def test_lists_are_those_of_all_activations(self):
        self.assertEqual([layer["name"] for layer in self.facts["layers"]], [n for n, _, _ in LAYERS])
        for (name, side, channels, values), layer in zip(self.dump(), self.facts["layers"]):
            peaks = []
            for c in range(channels):
                best = []
                for p in range(PICTURES):
                    at = p * side * side * channels + c
                    cells = values[at:at + (side * side - 1) * channels + 1:channels]
                    most = max(cells)
                    best.append((most, cells.index(most)))
                peaks.append(best)
                order = sorted((p for p in range(PICTURES) if best[p][0] != 0),
                               key=lambda p, b=best: (-b[p][0], p))[:TOP]
                got = layer["channels"][c]
                self.assertEqual([(u["picture"], u["y"], u["x"]) for u in got["top"]],
                                 [(p, best[p][1] // side, best[p][1] % side) for p in order], (name, c))
                for unit in got["top"]:       # nine digits tell a float apart
                    self.assertEqual(struct.pack("<f", unit["value"]),
                                     struct.pack("<f", best[unit["picture"]][0]))
                self.assertEqual(got["fired"], sum(b[0] > 0 for b in best))
                kind = "dead" if not got["fired"] else "saturated" if len(set(b[0] for b in best)) == 1 else \
                    "duplicate" if best in peaks[:c] else "usual"
                self.assertEqual(got["kind"], kind, (name, c))

    def test_pictures_and_boxes(self):
        fields = {n["name"]: n["field"] for n in json.loads(self.good(call(
            "info", "--json", "atlas/model.safetensors")))["nodes"]}
        names = sorted((("<script>", "plain & simple")[i % 2], i) for i in range(PICTURES))
        for layer in self.facts["layers"]:
            field = fields[layer["name"]]
            for channel in layer["channels"]:
                for unit in channel["top"]:
                    label, number = names[unit["picture"]]
                    self.assertEqual((unit["index"], unit["split"]), (unit["picture"], "test"))
                    self.assertEqual(unit["class"], label)
                    self.assertEqual(unit["file"], "test/%s/%03d.png" % (label, number))
                    low = [field["start"][a] + unit["yx"[a]] * field["stride"][a] for a in (0, 1)]
                    high = [low[a] + field["size"][a] for a in (0, 1)]
                    box = unit["box"]
                    self.assertEqual([box["top"], box["left"], box["bottom"], box["right"]],
                                     [max(v, 0) for v in low] + [min(v, SIDE) for v in high])
                    self.assertEqual(box["clipped"], min(low) < 0 or max(high) > SIDE)

    def test_patches_are_the_pictures_own_bytes(self):
        names = sorted((("<script>", "plain & simple")[i % 2], i) for i in range(PICTURES))
        layer, seen = self.facts["layers"][0], 0
        rows, columns = layer["tile"]
        self.assertEqual(layer["tile"], layer["patch"])
        for channel in layer["channels"]:
            if not channel["strip"]:
                continue
            width, height, channels, lines, _ = tool.png_read(self.book[channel["strip"]])
            self.assertEqual((width, height, channels), (2 * len(channel["top"]) * columns, rows, 3))
            for k, unit in enumerate(channel["top"]):
                box = unit["box"]
                if box["clipped"]:
                    continue
                pixels, seen = picture(seed_of(names[unit["picture"]][1])), seen + 1
                for y in range(rows):
                    at = 3 * ((box["top"] + y) * SIDE + box["left"])
                    self.assertEqual(lines[y][3 * k * columns:3 * (k + 1) * columns],
                                     pixels[at:at + 3 * columns])
        self.assertGreater(seen, 5)

    def raw(self, kind, *more):
        """{array name: (shape, numbers)} of the first layer."""
        out = "raw-" + kind
        self.good(self.atlas("--raw", kind, "--out", out, *more))
        name = sorted(os.listdir(path(out, "raw")))[0]
        data = read(out, "raw", name)
        self.assertEqual(len(os.listdir(path(out, "raw"))), len(LAYERS))
        if kind == "safetensors":
            codes = {"F32": "f", "I64": "q"}
            return {n: (t[1], struct.unpack("<%d%s" % (len(t[2]) // struct.calcsize(codes[t[0]]), codes[t[0]]),
                                            t[2])) for n, t in tool.tensors(data)[0].items()}, name
        arrays = {}
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            self.assertIsNone(file.testzip())
            for member in file.namelist():
                body = file.read(member)
                size, = struct.unpack_from("<H", body, 8)
                head = body[10:10 + size].decode()
                code = re.search(r"'descr': '<(f4|i8)'", head).group(1)
                shape = [int(n) for n in re.search(r"'shape': \(([0-9, ]+)\)", head).group(1).split(",") if n.strip()]
                values = struct.unpack("<%d%s" % ((len(body) - 10 - size) // int(code[1]), {"f4": "f", "i8": "q"}[code]),
                                       body[10 + size:])
                arrays[member.removesuffix(".npy")] = (shape, values)
        return arrays, name

    def test_raw_projections_are_those_of_show(self):
        raw, _ = self.raw("safetensors")
        other, name = self.raw("npz")
        self.assertEqual(raw, other)
        layer = self.facts["layers"][0]
        rows, columns = layer["patch"]
        self.assertEqual(list(raw["projection"][0]), [6, TOP, rows, columns, 3])
        self.good(call("show", "--model", "atlas", "--data", "shots", "--engine", "ref", "--count", PICTURES,
                       "--layer", "1", "--rule", "deconvnet", "--from", "peak",
                       "--channel", ",".join(map(str, range(6))), "--dump", "peaks.st"))
        dumped, _ = tool.tensors(read("peaks.st"))
        compared = 0
        for c, channel in enumerate(layer["channels"]):
            whole = tool.floats(dumped["max_pool1/deconvnet/peak/%d" % c])
            self.assertEqual(raw["n"][1][c], len(channel["top"]))
            for k, unit in enumerate(channel["top"]):
                box, at = unit["box"], c * TOP + k
                self.assertEqual(raw["box"][1][4 * at:4 * at + 4],
                                 (box["top"], box["left"], box["bottom"], box["right"]))
                self.assertEqual(raw["picture"][1][at], unit["picture"])
                if box["clipped"]:
                    continue
                size = rows * columns * 3
                mine = raw["projection"][1][at * size:(at + 1) * size]
                base = unit["picture"] * SIDE * SIDE * 3
                theirs = [whole[base + 3 * ((box["top"] + y) * SIDE + box["left"] + x) + i]
                          for y in range(rows) for x in range(columns) for i in range(3)]
                most = max(map(abs, theirs))
                for a, b in zip(mine, theirs):
                    self.assertAlmostEqual(a, b, delta=1e-5 * most)
                compared += most > 0
        self.assertGreater(compared, 5)
        python = numpy_python()
        if python:
            told = subprocess.run([python, "-c", "import numpy, sys\nfor k, v in sorted(numpy.load(sys.argv[1])"
                                   ".items()): print(k, v.shape, v.dtype)", path("raw-npz", "raw", name)],
                                  capture_output=True, text=True, check=True).stdout
            self.assertIn("projection (6, %d, %d, %d, 3) float32" % (TOP, rows, columns), told)

    def test_what_older_books_left_goes(self):
        shutil.copytree(path("book"), path("older"))
        self.good(self.atlas("--raw", "npz", "--tile", 8, "--out", "older"))
        self.assertEqual(sorted(n[-4:] for n in os.listdir(path("older", "raw"))), [".npz"] * len(LAYERS))
        self.good(self.atlas("--raw", "safetensors", "--out", "older"))
        self.assertEqual(sorted(n[-7:] for n in os.listdir(path("older", "raw"))), ["tensors"] * len(LAYERS))
        strip = next(n for n in self.book if n.endswith(".png"))
        mine = ("older/raw/mine.npz", "older/tiles-mine", "older/" + strip.replace(".png", ".txt"))
        for name in mine:
            write(name, "mine")
        for name in ("index.html.tmp-abc123", strip + ".tmp-abc123", "raw/01-x.npz.tmp-abc123", "scan.safetensors.tmp-a1b2c3"):
            write("older/" + name, "")
        self.good(self.atlas("--out", "older"))
        for name in mine:
            self.assertEqual(read(name), b"mine")
            os.remove(path(name))
        os.rmdir(path("older", "raw"))
        self.same("older")
        self.good(self.atlas("--single", "--out", "older"))
        self.assertEqual(sorted(tree("older")), ["atlas.json", "index.html", "scan.safetensors"])

    def test_single(self):
        self.good(self.atlas("--single", "--out", "single"))
        files = tree("single")
        self.assertEqual(sorted(files), ["atlas.json", "index.html", "scan.safetensors"])
        page = files["index.html"].decode()
        strips = sum(c["strip"] is not None for layer in self.facts["layers"] for c in layer["channels"])
        self.assertGreaterEqual(page.count("data:image/png;base64,"), strips)
        facts = json.loads(files["atlas.json"])
        self.assertEqual({c["strip"] for layer in facts["layers"] for c in layer["channels"]}, {None})
        self.assertEqual(re.findall(r"""(?:src|href)=["']?(?:https?:|file:|//|tiles-)""", page), [])

    def test_class_names_are_text(self):
        """The page opens as many scripts as one whose classes are called otherwise."""
        for i in range(4):
            for split in ("train", "test"):
                os.makedirs(path("tame", split, "ab"[i % 2]), exist_ok=True)
                write("tame/%s/%s/%d.png" % (split, "ab"[i % 2], i), tool.png_of(SIDE, SIDE, picture(i)))
        self.good(self.atlas("--out", "tamebook", data="tame"))
        self.assertEqual(read("tamebook", "index.html").count(b"<script"),
                         self.book["index.html"].count(b"<script"))

    def test_plain_pictures(self):
        os.makedirs(path("mixed", "below"))
        for i in range(6):
            write("mixed/%s%d.png" % ("below/" * (i % 2), i), tool.png_of(SIDE, SIDE, picture(i)))
        self.good(self.atlas("--out", "mixedbook", data="mixed"))
        facts = json.loads(read("mixedbook", "atlas.json"))
        units = [u for layer in facts["layers"] for c in layer["channels"] for u in c["top"]]
        self.assertTrue(units)
        self.assertEqual({u["label"] for u in units}, {None})
        self.assertEqual({u["file"] for u in units} - {"0.png", "2.png", "4.png", "below/1.png", "below/3.png",
                                                      "below/5.png"}, set())
        self.bad(self.atlas("--out", "nobook", "--split", "train", data="mixed"), 2, "--split", "test")
        self.assertFalse(os.path.exists(path("nobook")))

    # ---- options ----

    def layers_of(self, out):
        return [layer["name"] for layer in json.loads(read(out, "atlas.json"))["layers"]]

    def test_layers(self):
        for number, (words, names) in enumerate((
                ("2", ["max_pool2"]), ("conv", ["max_pool1", "max_pool2", "relu3"]), ("relu3,1", ["max_pool1", "relu3"]),
                ("logits", ["avg_pool1"]), ("all,1,max_pool2", ["max_pool1", "max_pool2", "relu3"]),
                ("conv2", ["conv2"]))):
            out = "layers%d" % number
            self.good(self.atlas("--layers", words, "--out", out))
            self.assertEqual(self.layers_of(out), names, words)
        self.bad(self.atlas("--layers", "max_poool1", "--out", "no"), 2, "--layers", "did you mean max_pool1")
        self.bad(self.atlas("--layers", "9", "--out", "no"), 2, "1 to 3")
        self.bad(self.atlas("--layers", "input1", "--out", "no"), 2, "input1")
        self.bad(self.atlas("--layers", "1,,2", "--out", "no"), 2, "--layers")
        self.assertFalse(os.path.exists(path("no")))

    def test_a_scan_serves_fewer_layers(self):
        shutil.copytree(path("book"), path("lesser"))
        scan = read("lesser", "scan.safetensors")
        text = self.good(self.atlas("--layers", "2", "-k", 3, "--out", "lesser"))
        self.assertIn("the scan is there already", text)
        self.assertEqual(self.layers_of("lesser"), ["max_pool2"])
        self.good(self.atlas("--layers", "2", "-k", 3, "--out", "lesser-anew"))
        for name in ("atlas.json", "index.html"):
            self.assertEqual(read("lesser", name), read("lesser-anew", name))
        self.assertEqual(read("lesser", "scan.safetensors"), scan)      # the larger one stays
        self.good(self.atlas("--out", "lesser"))
        self.same("lesser")

    def test_rules(self):
        books = {}
        for number, words in enumerate((("--rule", "guided"), ("--mask", 1), ("--rule", "gradient"),
                                        ("--mask", 1, "--rectify", 0), ("--switches", 0))):
            out = "rule%d" % number
            self.good(self.atlas("--out", out, *words))
            books[number] = tree(out)
        tiles = [{n: d for n, d in b.items() if n.endswith(".png")} for b in books.values()]
        digest = [sorted(t.values()) for t in tiles]
        self.assertEqual(digest[0], digest[1])
        self.assertEqual(digest[2], digest[3])
        self.assertNotEqual(digest[0], digest[2])
        self.assertNotEqual(digest[4], sorted(d for n, d in self.book.items() if n.endswith(".png")))
        scans = {b["scan.safetensors"] for b in books.values()} | {self.book["scan.safetensors"]}
        self.assertEqual(len(scans), 1)                    # the way down has no part in it
        self.bad(self.atlas("--rule", "guided", "--mask", 1, "--out", "no"), 2, "--mask")
        self.bad(self.atlas("--rule", "magic", "--out", "no"), 2, "--rule")

    def test_arguments(self):
        for words, part in ((("-k", 0), "--top"), (("-k", 101), "--top"), (("--tile", 7), "--tile"),
                            (("--shard", "5/4"), "1..4"), (("--shard", "0/4"), "1..4"), (("--shard", "2"), "1/4"),
                            (("--shard", "/4"), "I/N"), (("--shard", "1/x"), "--shard"), (("--raw", "csv"), "--raw"),
                            (("--split", "val"), "--split"), (("one",), "one")):
            self.bad(self.atlas("--out", "no", *words), 2, part)
        self.bad(call("atlas", "--data", "shots"), 2, "--model")
        self.bad(self.atlas("--out", "no", data="nowhere"), 4, "nowhere")
        os.makedirs(path("hollow"), exist_ok=True)
        self.bad(self.atlas("--out", "no", data="hollow"), 3, "hollow")
        self.assertFalse(os.path.exists(path("no")))

    def test_default_places_and_json(self):
        facts = json.loads(self.good(self.atlas("--json")))
        self.assertEqual(facts["book"], "atlas/atlas")
        self.assertEqual(facts["index"], "atlas/atlas/index.html")
        self.same("atlas/atlas")
        self.assertEqual((facts["pictures"], facts["scanned"], facts["split"]), (PICTURES, PICTURES, "test"))
        self.assertEqual([layer["channels"] for layer in facts["layers"]], [6, 8, 10])
        units = sum(len(c["top"]) for layer in self.facts["layers"] for c in layer["channels"])
        self.assertEqual((facts["channels"], facts["units"], facts["drawn"]), (24, units, units))
        self.assertEqual((facts["shard"], facts["shards"]), (1, 1))
        self.assertEqual(facts["alive"] + facts["dead"], 24)
        self.assertGreater(facts["memory_bytes"], 0)
        shutil.copy(path("atlas", "model.safetensors"), path("copy.st"))
        facts = json.loads(self.good(call("atlas", "--model", "copy.st", "--data", "shots", "-k", TOP, "--json",
                                          "--shard", "1/2")))
        self.assertEqual((facts["book"], facts["index"]), ("atlas-copy-shard-1-of-2", None))
        self.assertEqual(os.listdir(path("atlas-copy-shard-1-of-2")), ["scan.safetensors"])

    def test_text(self):
        text = self.good(self.atlas("--out", "told"))
        for words in (r"test pictures of shots, the 5 strongest a channel, drawn by deconvnet\n",
                      r"3 layers, 24 channels, 150 pictures; scan in steps of .* chunks? of .*\n",
                      r"writing to told; memory at most [0-9]+ MiB; while drawing, [0-9]+ MiB of disk for tiles.tmp\n",
                      r"channels 24, [0-9]+ dead, [0-9]+ saturated, [0-9]+ duplicate\n",
                      r"scan +150 pictures in [0-9.]+ s, [0-9,]+ a second\n",
                      r"drawing +[0-9]+ units in [0-9.]+ s, [0-9,]+ a second\n", r"told/index.html\n$"):
            self.assertRegex(text, words)
        again = self.good(self.atlas("--out", "told"))
        self.assertIn("the scan is there already; drawing anew\n", again)
        self.same("told")
        write("told/tiles.tmp", "of a drawing that was cut off")
        self.assertIn("already; going on with the drawing\n", self.good(self.atlas("--out", "told")))
        self.same("told")
        quiet = self.good(self.atlas("--out", "told", "-q"))
        self.assertNotIn("memory", quiet)
        self.assertIn("told/index.html", quiet)

    # ---- the same bytes ----

    def test_batch_and_threads(self):
        for batch, threads in ((1, 1), (5, 2), (64, 2), (1000, 1)):
            out = "b%dj%d" % (batch, threads)
            self.good(self.atlas("-b", batch, "-j", threads, "--out", out))
            self.same(out)
        self.good(self.fast("--out", "cpu"))
        for batch, threads in ((1, 2), (64, 1)):
            out = "cpu-b%dj%d" % (batch, threads)
            self.good(self.fast("-b", batch, "-j", threads, "--out", out))
            self.same(out, tree("cpu"))

    def fast(self, *arguments, data="shots"):
        return call("atlas", "--model", "atlas", "--data", data, "-k", TOP, *arguments)

    def merge(self, *arguments):
        return call("atlas-merge", "--model", "atlas", "--data", "shots", "-k", TOP, "--engine", "ref", *arguments)

    def test_shards(self):
        for i in (1, 2, 3):
            text = self.good(self.atlas("--shard", "%d/3" % i, "--out", "part%d" % i, "-b", 7 * i))
            self.assertIn("(part %d of 3)" % i, text)
            self.assertIn("channels 24\n", text)         # what is dead here may not be dead elsewhere
            self.assertNotIn("tiles.tmp", text)
            self.assertTrue(text.endswith("part%d/scan.safetensors\n" % i))
            self.assertEqual(os.listdir(path("part%d" % i)), ["scan.safetensors"])
        self.good(self.merge("part3", "part1/scan.safetensors", "part2", "--out", "merged"))
        self.same("merged")
        self.assertIn("already", self.good(self.atlas("--shard", "2/3", "--out", "part2")))
        for i in range(1, 10):                 # more parts than stretches of 64 pictures
            told = self.good(self.atlas("--shard", "%d/9" % i, "--out", "small%d" % i))
            self.assertEqual("this part has none" in told, "0 pictures of 150" in told)
        self.good(self.merge(*("small%d" % i for i in range(1, 10)), "--out", "merged9"))
        self.same("merged9")
        self.bad(self.merge("part1", "part2", "--out", "m"), 10)
        self.bad(self.merge("part1", "part2", "part2", "--out", "m"), 10, "part2")
        self.bad(self.merge("part1", "part2", "part3", "part1", "--out", "m"), 10)
        self.bad(self.merge("part1", "part2", "part3", "-k", 2 * TOP, "--out", "m"), 10)
        self.bad(self.merge("part1", "part2", "book", "--out", "m"), 10, "book")
        self.bad(self.merge("part1", "part2", "part9", "--out", "m"), 4, "part9")
        self.bad(self.merge("part1", "part2", "atlas", "--out", "m"), 4, "scan.safetensors")
        self.bad(self.merge("part1", "part2", "part3", "--out", "part1"), 2, "part1")
        self.bad(self.merge("--out", "m"), 2, "no part")
        self.bad(self.atlas("--out", "part1"), 10, "--fresh")
        self.bad(self.atlas("--shard", "1/2", "--out", "part1"), 10, "--fresh")

    def test_other_settings_are_refused(self):
        shutil.copytree(path("book"), path("other"))
        for words in (("-k", 2 * TOP), ("--split", "all"), ("--layers", "all,logits"), ("--preprocess", "none"),
                      ("--engine", "cpu"), ("--data", "synthetic")):
            line = self.bad(self.atlas("--out", "other", *words), 10, "--fresh, which forgets that scan and scans again")
            self.assertIn("--out", line)
        self.same("other")
        self.good(self.atlas("--out", "other", "--split", "all", "--fresh"))
        facts = json.loads(read("other", "atlas.json"))
        self.assertEqual(facts["data"]["pictures"], PICTURES + 70)
        self.good(self.atlas("--out", "other", "--fresh"))
        self.same("other")
        write("other/scan.safetensors", self.book["scan.safetensors"][:-9])
        self.bad(self.atlas("--out", "other"), 3, "--fresh")
        write("other/index.html", "mine")
        os.remove(path("other", "atlas.json"))
        os.remove(path("other", "scan.safetensors"))
        self.bad(self.atlas("--out", "other"), 4, "index.html")
        self.assertEqual(read("other", "index.html"), b"mine")

    # ---- interruptions ----

    MANY = ("--split", "all", "-k", "40")

    def stop_and_go_on(self, r, number, code, seconds, whole):
        """Stopped again and again at any moment until it ends: what was said when it was stopped."""
        said = []
        shutil.rmtree(path("stopped"), ignore_errors=True)
        while True:
            process = self.begin("--out", "stopped", *self.MANY, data="synthetic")
            for line in iter(process.stdout.readline, b""):
                if line.startswith(b"writing"):
                    break
            time.sleep(r.uniform(0, 0.8) * seconds)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
            self.assertIn(process.returncode, (0, code), errors)
            if process.returncode == code and number != signal.SIGKILL:
                said.append(errors.decode().splitlines()[-1])
                self.assertRegex(said[-1], tool.ERROR)
                self.assertIn("go on with the same command", said[-1])
                self.assertFalse([n for n in tree("stopped") if ".tmp-" in n])
            elif process.returncode == code:
                said.append("")
            if process.returncode == 0 or len(said) == 20:
                break
        self.good(self.fast("--out", "stopped", *self.MANY, data="synthetic"))
        self.same("stopped", whole)
        return said

    def test_interrupted(self):
        began = time.monotonic()
        self.good(self.fast("--out", "whole", *self.MANY, data="synthetic"))
        seconds, whole = time.monotonic() - began, tree("whole")
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
            said, tries = [], 0
            while len(said) < 3 and tries < 20:
                said += self.stop_and_go_on(random.Random(100 * number + tries), number, code, seconds, whole)
                tries += 1
            self.assertGreaterEqual(len(said), 3)

    def begin_slow(self, out):
        """A scan of minutes."""
        if not os.path.exists(path("slow")):
            self.good(call("train", "--data", "synthetic", "--steps", 1, "-b", 2, "-q", "--out", "slow", "--net",
                           "input 24x24x3; conv filters=32 kernel=5; relu; conv filters=10 kernel=5; relu; "
                           "avg_pool 24; softmax"))
        return start("atlas", "--model", "slow", "--data", "synthetic", "--split", "all", "-j", "1", "--engine", "ref",
                     "-b", "8", "--out", out)

    def test_going_on_is_told(self):
        process = self.begin_slow("told-on")
        for line in iter(process.stdout.readline, b""):
            if line.startswith(b"writing"):
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        done = int(re.search(r"interrupted; ([0-9,]+) of 12,000 pictures", errors.decode()).group(1).replace(",", ""))
        process = self.begin_slow("told-on")
        text = b""
        for line in iter(process.stdout.readline, b""):
            text += line
            if line.startswith(b"going on"):
                break
        self.assertIn("going on at picture {:,} of 12,000\n".format(done + 1).encode(), text)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)                # at once
        self.assertEqual(process.wait(timeout=60), 130)
        process.communicate()

    def test_one_at_a_time(self):
        process = self.begin_slow("busy")
        for line in iter(process.stdout.readline, b""):
            if line.startswith(b"writing"):
                break
        self.bad(self.fast("--out", "busy"), 4, "in use by pid %d" % process.pid)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143)
        self.assertNotIn(".lock", os.listdir(path("busy")))

    # ---- what goes wrong ----

    def test_out(self):
        write("file", "x")
        self.bad(self.atlas("--out", "file"), 4, "file")
        self.bad(self.atlas("--out", "file/book"), 4, "file")
        if os.geteuid() != 0:
            os.makedirs(path("closed"), mode=0o500)
            self.bad(self.atlas("--out", "closed/book"), 4, "closed")

    def changed(self, name, *changes):
        """The model with other first numbers of some tensors."""
        data = read("atlas", "model.safetensors")
        size, = struct.unpack_from("<Q", data)
        header, body = json.loads(data[8:8 + size]), bytearray(data[8 + size:])
        header["__metadata__"] = {k: v for k, v in header["__metadata__"].items() if "crc32c" not in k}
        for tensor, value in changes:
            at = header[tensor]["data_offsets"][0]
            body[at:at + 4] = struct.pack("<f", value)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return write(name, struct.pack("<Q", len(text)) + text + bytes(body))

    def test_numbers(self):
        """What is no number is refused: in the file, or when it comes out of a channel."""
        self.changed("nan.st", ("conv2.weight", float("nan")))
        self.bad(call("atlas", "--model", "nan.st", "--data", "shots", "--out", "nan"), 6, "conv2.weight")
        self.assertFalse(os.path.exists(path("nan")))
        self.changed("huge.st", ("conv2.bias", 3e38), ("conv3.weight", 1e30))
        self.bad(call("atlas", "--model", "huge.st", "--data", "shots", "--out", "huge"), 6,
                 "relu3", "channel 0", "picture 0")

    def test_full_disk(self):
        """No file may grow beyond a limit: one line, status 4, and afterwards it goes on."""
        for kib in (1, 4, 16, 64):
            def limit(size=kib << 10):
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            result = self.atlas("--out", "full", preexec_fn=limit)
            if result.returncode == 0:
                break
            self.bad(result, 4, "full")
            self.assertFalse([n for n in tree("full") if ".tmp-" in n and not n.startswith("tiles")])
        self.good(self.atlas("--out", "full"))
        self.same("full")


if __name__ == "__main__":
    unittest.main()
