"""atlas, atlas-merge, info: where a book may lie, parts of other processors, what a scan says of itself."""
import json
import os
import shutil
import signal
import time

import case_atlas
import tool
from case_atlas import LAYERS, PICTURES, SIDE, TOP, make_data, picture, tree
from tool import Case, call, path, read, train, write


class Parts(Case):
    @classmethod
    def setUpClass(cls):
        assert train("parts", 40).returncode == 0
        make_data("snaps")
        result = cls.atlas("--out", "snapbook")
        assert result.returncode == 0, result.stderr
        cls.book = tree("snapbook")
        cls.facts = json.loads(cls.book["atlas.json"])

    @staticmethod
    def atlas(*arguments, data="snaps"):
        return call("atlas", "--model", "parts", "--data", data, "-k", TOP, "--engine", "ref", *arguments)

    def test_book_and_data_are_apart(self):
        """A book among the pictures would be scanned the next time."""
        os.makedirs(path("ph", "below"))
        for i in range(4):
            write("ph/%d.png" % i, tool.png_of(SIDE, SIDE, picture(i)))
        before = tree("ph")
        os.symlink("ph", path("ph-link"))
        os.symlink("ph/below", path("below-link"))
        shutil.copy(path("parts", "model.safetensors"), path("ph", "below", "own.st"))
        before["below/own.st"] = read("ph", "below", "own.st")
        outs = ("ph", "ph/", "./ph/../ph", "ph/book", "ph/new/deep", "ph/below", path("ph", "book"), "ph-link", "ph-link/b",
                "below-link", "below-link/b", "snaps/../ph/b")
        for out in outs:
            for more in ((), ("--shard", "1/2"), ("--scan-only",)):
                self.bad(self.atlas("--out", out, *more, data="ph"), 2, "--out", "lies in the data", "elsewhere")
        self.bad(self.atlas("--out", "ph", data="ph-link"), 2, "lies in the data")
        for out in (".", "book", "below/book"):
            self.bad(call("atlas", "--model", path("parts"), "--data", ".", "--out", out, cwd=path("ph")), 2, "lies in the data")
        self.bad(call("atlas", "--model", "ph/below/own.st", "--data", "ph"), 2, "ph/below/atlas-own", "lies in the data")
        for i in (1, 2):
            self.good(self.atlas("--shard", "%d/2" % i, "--out", "ph-part%d" % i, data="ph"))
        self.bad(call("atlas-merge", "ph-part1", "ph-part2", "--model", "parts", "--data", "ph", "-k", TOP, "--engine", "ref",
                      "--out", "ph/book"), 2, "--out", "lies in the data")
        self.assertEqual(tree("ph"), before)
        self.assertEqual(sorted(os.listdir(path("ph"))), ["0.png", "1.png", "2.png", "3.png", "below"])
        self.good(self.atlas("--out", "phb", data="ph"))      # no more than its name begins so
        os.makedirs(path("synthetic"))
        self.good(self.atlas("--out", "synthetic/book", "--scan-only", data="synthetic"))

    def test_instruction_sets(self):
        """The variable that the help names makes parts of different processors alike."""
        def fast(isa, *arguments, command="atlas"):
            more = {"ONEDNN_MAX_CPU_ISA": isa} if isa else {}
            return call(command, *arguments, "--model", "parts", "--data", "snaps", "-k", TOP, env=tool.environment(**more))
        self.good(fast("SSE41", "--shard", "1/2", "--out", "isa1"))
        self.good(fast("SSE41", "--shard", "2/2", "--out", "isa2"))
        engine = json.loads(self.good(call("info", "--json", "isa1")))["engine"]
        if not engine.startswith("cpu"):
            self.skipTest("this build has one instruction set")
        self.assertRegex(engine, "^cpu [(]oneDNN [0-9.]+, sse41[)]$")
        self.good(fast("SSE41", "isa1", "isa2", "--out", "isa", command="atlas-merge"))
        self.good(fast("SSE41", "--out", "isa-whole"))
        self.assertEqual(tree("isa"), tree("isa-whole"))
        usual = json.loads(self.good(fast(None, "--json", "--out", "isa-usual")))["plan"]
        if "sse41)" in usual:
            self.skipTest("this processor has no other instruction set")
        self.assertNotEqual(tree("isa")["scan.safetensors"], tree("isa-usual")["scan.safetensors"])
        for result in (fast(None, "isa1", "isa2", "--out", "isa-other", command="atlas-merge"),
                       fast(None, "--shard", "1/2", "--out", "isa1")):
            self.bad(result, 10, engine + ", here it is cpu (oneDNN", "ONEDNN_MAX_CPU_ISA")

    def test_exact(self):
        """Sums made in two ways are never in one scan; what an exact one is drawn with is exact, too."""
        def fast(*arguments, command="atlas"):
            return call(command, *arguments, "--model", "parts", "--data", "snaps", "-k", TOP)
        for i in (1, 2):
            self.good(fast("--shard", "%d/2" % i, "--out", "ex%d" % i, "--exact"))
            self.good(fast("--shard", "%d/2" % i, "--out", "in%d" % i))
        engine = json.loads(self.good(call("info", "--json", "ex1")))["engine"]
        if not engine.startswith("cpu"):
            self.skipTest("this build's engine is always exact")
        usual = json.loads(self.good(call("info", "--json", "in1")))["engine"]
        self.assertEqual(engine, usual + ", exact")
        merge = "atlas-merge"
        self.bad(fast("ex1", "ex2", "--out", "ex", command=merge), 10, engine + ", here it is " + usual + "; set exact")
        self.bad(fast("in1", "in2", "--out", "ex", "--exact", command=merge), 10, usual + ", here it is " + engine,
                 "leave exact out")
        self.bad(fast("ex1", "in2", "--out", "ex", "--exact", command=merge), 10, "in2/scan", "leave exact out")
        self.assertFalse(os.path.exists(path("ex", "scan.safetensors")))
        self.good(fast("ex1", "ex2", "--out", "ex", "--exact", command=merge))
        told = json.loads(self.good(fast("--out", "ex-whole", "--exact", "--json")))
        self.assertIs(told["exact"], True)
        self.assertIn(engine.replace("cpu (", "cpu engine ("), told["plan"])
        self.assertEqual(tree("ex"), tree("ex-whole"))
        self.assertEqual(json.loads(read("ex", "atlas.json"))["engine"], engine)
        self.good(fast("in1", "in2", "--out", "in", command=merge))
        exact, other = tree("ex"), tree("in")
        self.bad(fast("--out", "ex"), 10, "; give --exact as for that scan, --fresh")
        self.bad(fast("--out", "in", "--exact"), 10, "; leave --exact out as for that scan, or give --fresh")
        self.assertEqual((tree("ex"), tree("in")), (exact, other))
        self.good(fast("--out", "in", "--exact", "--fresh"))
        scan = read("in", "scan.safetensors")
        self.assertEqual(scan, exact["scan.safetensors"])
        self.assertNotEqual(scan, other["scan.safetensors"])
        # Strips stand in a folder that is named after what made them.
        self.assertEqual(tree("in"), exact)
        self.assertFalse({n for n in exact if n.startswith("tiles-")} & {n for n in other if n.startswith("tiles-")})

    def test_info(self):
        def told(*names):
            return json.loads(self.good(call("info", "--json", "/".join(names))))
        for i in (1, 2):
            self.good(self.atlas("--shard", "%d/2" % i, "--out", "half%d" % i, "--split", "all"))
        whole, file, part = told("snapbook"), told("snapbook", "scan.safetensors"), told("half2")
        self.assertEqual((whole["kind"], file["kind"]), ("folder of an atlas", "scan of an atlas"))
        self.assertEqual((whole["page"], part["page"]), ("index.html", "none"))
        self.assertNotIn("page", file)
        same = ("model", "data", "preprocess", "engine")
        self.assertEqual([whole[k] for k in same], [file[k] for k in same])
        self.assertEqual([whole[k] for k in same], [part[k] for k in same])
        self.assertEqual((whole["data"], whole["preprocess"]), (told("snaps")["hash"], self.facts["preprocess"]))
        self.assertEqual(whole["engine"], self.facts["engine"])
        self.assertEqual([(layer["name"], layer["channels"]) for layer in whole["layers"]],
                         [(name, channels) for name, _, channels in LAYERS])
        self.assertEqual(whole["channels"], 24)
        self.assertEqual((whole["split"], whole["pictures"], whole["top"]), ("test", PICTURES, TOP))
        self.assertEqual((part["split"], part["pictures"]), ("all", PICTURES + 70))
        keys = ("shard", "shards", "first", "end", "scanned", "to_scan", "scan")
        self.assertEqual([whole[k] for k in keys], [1, 1, 0, PICTURES, PICTURES, 0, "finished"])
        # Stretches of 64, each split's own: 64 and 6, then 64, 64 and 22.
        self.assertEqual([part[k] for k in keys], [2, 2, 70, 220, 150, 0, "finished"])
        text = self.good(call("info", "half2"))
        for line in ("kind +folder of an atlas", "page +none", "engine +ref [(].*[)]", "pictures +220 training and test pictures",
                     "top +5 units a channel", "shard +2 of 2", "scan +finished: 150 of 150 pictures scanned",
                     "layers +3, 24 channels", " +max_pool2 8"):
            self.assertRegex(text, "(?m)^%s$" % line)
        self.assertNotIn("shard", self.good(call("info", "snapbook/scan.safetensors")))
        os.makedirs(path("page-alone"))
        for name in ("index.html", "atlas.json"):
            shutil.copy(path("snapbook", name), path("page-alone", name))
        self.assertEqual((told("page-alone")["page"], told("page-alone")["scan"]), ("index.html", "none"))
        scan = bytearray(self.book["scan.safetensors"])
        scan[-1] ^= 1
        self.bad(call("info", write("flipped.safetensors", bytes(scan))), 3, "is damaged")
        self.bad(call("info", write("cut.safetensors", bytes(scan[:-1]))), 3, "cut.safetensors")
        self.bad(call("eval", "--model", "snapbook/scan.safetensors", "--data", "snaps"), 3, "scan of an atlas")
        for folder, words in (("snapbook", "is an atlas; name"), ("half1", "holds the scan of an atlas; name")):
            self.bad(self.atlas("--out", "no", data=folder), 3, words)
            self.bad(call("eval", "--model", "parts", "--data", folder), 3, words)
        process = case_atlas.Atlas.begin_slow(self, "unfinished")
        for line in iter(process.stdout.readline, b""):
            if line.startswith(b"writing"):
                break
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        facts = told("unfinished")
        self.assertEqual((facts["scan"], facts["pictures"], facts["end"]), ("unfinished", 12000, 12000))
        self.assertEqual(facts["scanned"] + facts["to_scan"], 12000)
        self.assertRegex(self.good(call("info", "unfinished")), "(?m)^scan +unfinished: %d of 12000 pictures" % facts["scanned"])
