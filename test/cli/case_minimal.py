"""A build with nothing but a C compiler trains and says what it lacks."""
import os

import tool
from tool import Case, call, path


class Minimal(Case):
    def test_train(self):
        text = self.good(call("train", "--data", "synthetic", "--net", tool.CROPPED, "--steps", 5, "-b", 8,
                              "--out", "run"))
        self.assertIn("finished! test accuracy", text)
        names = sorted(os.listdir(path("run")))
        self.assertEqual(names, ["model.safetensors", "report.html"])
        self.good(call("train", "--data", "synthetic", "--net", tool.CROPPED, "--steps", 5, "-b", 8, "--out",
                       "again", "-j", 3))
        self.assertEqual(tool.read("run/model.safetensors"), tool.read("again/model.safetensors"))

    def test_what_it_lacks(self):
        self.bad(call("train", "--json"), 2, "Jansson")
        tool.write("x.png", tool.png(3, 3, (1, 2, 3)))
        self.bad(call("info", "x.png"), 2, "libpng")

    def test_bench(self):
        self.assertIn("off by 0.0e+00", self.good(call("bench", "conv", "n1", "h6", "c2", "k3", "--repeats",
                                                       1)))
