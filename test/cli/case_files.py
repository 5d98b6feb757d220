"""info and eval: what files are, and what wrong ones get."""
import json
import os
import time

import tool
from tool import Case, call, path, train, write


class Files(Case):
    @classmethod
    def setUpClass(cls):
        assert train("files", 3).returncode == 0

    def test_model(self):
        text = self.good(call("info", "files/model.safetensors"))
        self.assertIn("receptive" if "receptive" in text else "sees", text)
        self.assertIn("conv1 = conv", text)
        told = json.loads(self.good(call("info", "--json", "files/model.safetensors")))
        self.assertEqual(told["step"], 3)
        self.assertEqual(told["classes"], 10)
        self.assertEqual([n["op"] for n in told["nodes"]][:4], ["input", "conv", "relu", "max_pool"])
        self.assertEqual(told["nodes"][1]["shape"], [12, 12, 6])
        self.assertEqual(told["nodes"][1]["parameters"], 6 * 3 * 9 + 6)
        self.assertEqual(told["nodes"][3]["field"], {"start": [-1, -1], "size": [4, 4], "stride": [2, 2]})
        self.assertEqual(told["parameters"], sum(n["parameters"] for n in told["nodes"]))
        self.assertGreater(told["training"]["bytes"], 0)
        # The text is a network that may be trained again.
        write("again.txt", told["network"])
        again = json.loads(self.good(call("info", "--json", "again.txt")))
        self.assertEqual(again["network"], told["network"])

    def test_corrupt_models(self):
        model = tool.read("files", "model.safetensors")
        for name, data in (("cut", model[:-1]), ("head", model[:40]), ("long", model + b"\0"),
                           ("size", b"\xff" * 8 + model[8:]), ("flip", model[:9] + b"\x01" + model[10:])):
            wrong = write(name + ".safetensors", data)
            self.bad(call("eval", "--model", wrong, "--data", "synthetic"), 3, name + ".safetensors")
            self.bad(call("show", "--model", wrong, "--data", "synthetic"), 3)
            self.assertIn(call("info", wrong).returncode, (3,))

    def test_pictures_and_nothing(self):
        write("red.png", tool.png(20, 30, (255, 0, 0)))
        self.assertIn("30 x 20 x 3", self.good(call("info", "red.png")))
        whole = tool.read("red.png")
        self.bad(call("info", write("half.png", whole[:60])), 3, "half.png")
        self.bad(call("info", "red.png", "--max-pixels", "599"), 3, "red.png")
        self.good(call("info", "red.png", "--max-pixels", "600"))
        self.bad(call("info", write("empty", b"")), 3, "empty")
        self.bad(call("info", write("noise", bytes(range(256)) * 4)), 3, "noise")
        self.bad(call("info", "not-there"), 4, "not-there")

    def test_pictures_without_labels(self):
        """Any folder of pictures can be looked at; what wants labels says that there are none."""
        os.makedirs(path("unsorted", "more"))
        for i, name in enumerate(("b.png", "a.png", "more/c.png")):
            write("unsorted/" + name, tool.png(40, 32, (50 * i, 0, 255)))
        write("unsorted/list.txt", b"not a picture")
        told = json.loads(self.good(call("info", "--json", "unsorted")))
        self.assertEqual((told["kind"], told["train"], told["test"], told["classes"]),
                         ("folder of pictures", 0, 3, 0))
        self.good(call("show", "--model", "files", "--data", "unsorted", "--out", "seen", "--graphics", "none"))
        self.assertEqual(sum(name.startswith("test-") for name in os.listdir(path("seen"))), 3)
        for command in (("train", "--data", "unsorted"), ("train", "--data", "unsorted", "--net", tool.NET),
                        ("eval", "--model", "files", "--data", "unsorted")):
            self.bad(call(*command), 3, "unsorted: holds pictures without labels; put them into train/CLASS/FILE")
        self.bad(call("show", "--model", "files", "--data", "files"), 3, "files: is the folder of a run")
        write("unsorted/a.png", b"\x89PNG\r\n\x1a\n")
        self.bad(call("show", "--model", "files", "--data", "unsorted"), 3, "unsorted/a.png")

    def test_special_files(self):
        os.mkfifo(path("fifo"))
        for arguments in (("info", "fifo"), ("eval", "--data", "synthetic", "--model", "fifo"),
                          ("train", "--data", "synthetic", "--net", "fifo"), ("bench", "--file", "fifo"),
                          ("show", "--model", "files", "fifo")):
            self.bad(call(*arguments, timeout=20), 4, "fifo")
        self.bad(call("info", "/dev/null"), 4)

    def test_networks(self):
        self.assertIn("conv1", self.good(call("info", write("net.txt", tool.NET.replace("; ", "\n")))))
        self.bad(call("info", write("broken.txt", "input 8x8x3\nconv filters=0\n")), 2, "broken.txt:2:")
        self.bad(call("train", "--data", "synthetic", "--net", "input 8x8x3; cnv 3"), 2, "--net:1:14", "conv")
        self.bad(call("train", "--data", "synthetic", "--net", "nowhere.txt"), 4, "nowhere.txt")

    def test_a_line_costs_little(self):
        """53 bytes that ask for 2 billion weights."""
        write("huge.txt", b"input 1x1x65536; dense units=20000; dense units=32000")
        began = time.monotonic()
        self.assertIn("not made here", self.good(call("info", "huge.txt")))
        self.assertLess(time.monotonic() - began, 1)

    def test_events(self):
        name = next(n for n in os.listdir(path("files")) if n.startswith("events."))
        told = json.loads(self.good(call("info", "--json", path("files", name))))
        self.assertEqual((told["graphs"], told["torn_bytes"]), (1, 0))
        self.assertGreater(told["scalars"], 9)
        self.assertGreater(told["histograms"], 0)
        self.assertEqual(told["images"] % 3, 0)
        whole = tool.read("files", name)
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        self.bad(call("info", write("events.out.tfevents.1.flip", bytes(flipped))), 3, "@0x")

    def test_data(self):
        os.makedirs(path("set", "train", "a"))
        self.assertIn(call("info", path("set")).returncode, (3, 4))
        for split in ("train", "test"):
            for i, name in enumerate(("a", "b")):
                os.makedirs(path("set", split, name), exist_ok=True)
                for k in range(3):
                    write("set/%s/%s/%d.png" % (split, name, k), tool.png(14, 14, (200 * i, 9 * k, 40)))
        told = json.loads(self.good(call("info", "--json", "set")))
        self.assertEqual((told["train"], told["test"], told["class_names"]), (6, 6, ["a", "b"]))
        write("set/test/b/1.png", tool.png(14, 14, (1, 2, 3))[:50])
        self.bad(call("info", "set"), 3, "1.png")

    def test_fetch(self):
        """Port 9 (discard) of this machine: nobody listens there."""
        self.bad(call("fetch", "cifar10", "--to", "fetched", "--url", "http://127.0.0.1:9/x.tar.gz"), 8,
                 "127.0.0.1:9")
        self.assertFalse(os.path.exists(path("fetched", "cifar-10-batches-bin")))
        write("taken", b"")
        self.bad(call("fetch", "cifar10", "--to", "taken/x", "--url", "http://127.0.0.1:9/x"), 4, "taken")

    def test_eval(self):
        told = json.loads(self.good(call("eval", "--json", "--model", "files", "--data", "synthetic")))
        matrix = told["confusion"]
        self.assertEqual(sum(map(sum, matrix)), told["pictures"])
        self.assertEqual(sum(matrix[i][i] for i in range(10)), told["correct"])
        self.assertAlmostEqual(told["accuracy"], told["correct"] / told["pictures"], places=6)
        self.assertEqual(told["first_batch_pictures"], 128)
        text = self.good(call("eval", "--model", "files/model.safetensors", "--data", "synthetic"))
        self.assertIn("accuracy %.4f" % told["accuracy"], text)
        self.assertIn("red cross", text)
        self.assertNotIn(b"other classes", call("eval", "--model", "files", "--data", "synthetic").stderr)
        for split in ("train", "test"):
            for name in "abcdefghij":
                os.makedirs(path("letters", split, name))
                write("letters/%s/%s/1.png" % (split, name), tool.png(12, 12, (9, 9, 9)))
        self.assertIn(b"other classes", call("eval", "--model", "files", "--data", "letters").stderr)
        self.bad(call("eval", "--model", "files", "--data", "not-there"), 4, "not-there")
        self.bad(call("eval", "--model", "not-there"), 4, "not-there")
