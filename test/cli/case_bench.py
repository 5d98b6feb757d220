"""bench: it checks before it times, and prints what reruns a case."""
import json

from tool import Case, call, train, write


class Bench(Case):
    def test_problems(self):
        told = json.loads(self.good(call("bench", "conv", "n2", "h8", "w9", "c3", "k4", "r3", "s2", "u2", "p1",
                                         "dense n4 c30 k7", "max_pool n2 h8 c4", "avg_pool n2 h6 c3 r6",
                                         "conv n1 h7 c4 k4 g2 d2", "--repeats", 2, "--json")))
        self.assertEqual([p["problem"] for p in told["problems"]],
                         ["conv n2 h8 w9 c3 k4 r3 s2 u2 p1", "dense n4 h1 w1 c30 k7",
                          "max_pool n2 h8 w8 c4 r2 s2 u2 p0", "avg_pool n2 h6 w6 c3 r6 s6 u6 p0",
                          "conv n1 h7 w7 c4 k4 r3 s3 u1 p0 g2 d2"])
        for p in told["problems"]:
            self.assertGreater(p["forward_ms"], 0)
            self.assertGreater(p["reverse_ms"], 0)
            self.assertLessEqual(p["forward_error"], 2e-5)
            if not p["problem"].startswith("avg_pool"):
                self.assertEqual((p["forward_error"], p["reverse_error"]), (0, 0))

    def test_tutorial(self):
        told = json.loads(self.good(call("bench", "tutorial", "-b", 8, "--repeats", 1, "--json")))
        for key in ("train_step_ms", "forward_ms", "reconstruct_ms", "peak_gflops"):
            self.assertGreater(told[key], 0)
        self.assertEqual(told["batch"], 8)
        self.assertIs(told["exact"], False)
        exact = json.loads(self.good(call("bench", "tutorial", "-b", 8, "--repeats", 1, "--exact", "--json")))
        self.assertIs(exact["exact"], True)
        for key in ("forward_error", "reverse_error", "gradient_error"):
            self.assertLess(exact[key], 1e-4, key)

    def test_file(self):
        problems = write("problems.txt", "# two\nconv n1 h4 c1 k1   # the least\n\nmax_pool n1 h4 c1\n")
        text = self.good(call("bench", "--file", problems, "--repeats", 1))
        self.assertIn("conv n1 h4 w4 c1 k1 r3 s3 u1 p0", text)
        self.assertIn("% of peak", text)
        self.bad(call("bench", "--file", write("wrong.txt", "conv n1 h4 c1 k1\nconv x3\n")), 2, "wrong.txt:2: ")
        self.bad(call("bench", "--file", write("none.txt", "# nothing\n")), 2, "none.txt")
        self.bad(call("bench", "--file", "not-there"), 4, "not-there")

    def test_data(self):
        told = json.loads(self.good(call("bench", "data", "--data", "synthetic", "--repeats", 1, "--json")))
        for key in ("crops_per_second", "augmented_crops_per_second"):
            self.assertGreater(told[key], 0, key)
        self.assertEqual((told["data"], told["pictures"], told["input"]), ("synthetic", 10000, "24x24x3"))
        text = self.good(call("bench", "data", "--data", "synthetic", "--repeats", 1))
        self.assertRegex(text, r"augmented +[0-9]+ a second")
        self.bad(call("bench", "data", "--data", "nowhere"), 4, "nowhere: ")
        self.bad(call("bench", "data", "--data", "synthetic", "--layer", "conv1"), 2, "--layer")

    def test_starts(self):
        self.assertEqual(train("timed", 2).returncode, 0)
        told = json.loads(self.good(call("bench", "starts", "timed", "--channels", 7, "-b", 3, "--json")))
        self.assertEqual([(one["channels"], one["units"]) for one in told["layers"]], [(6, 6), (8, 7), (10, 7)])
        for key in ("forward_pictures_per_second", "cone_units_per_second", "whole_units_per_second"):
            self.assertGreater(told[key], 0, key)
        self.assertEqual((told["channels"], told["batch"]), (24, 3))
        name = told["layers"][1]["name"]
        text = self.good(call("bench", "starts", "timed", "--layer", name, "--repeats", 2))
        self.assertIn("a unit of each of 8 channels: ", text)
        self.bad(call("bench", "starts", "timed", "--layer", "nowhere"), 2, "--layer")
        self.bad(call("bench", "starts"), 2, "starts: wants one model")
        self.bad(call("bench", "starts", "no such model"), 2, "starts: wants one model")

    def test_wrong_problems(self):
        for words in ("conv", "conv h3", "conv n0 h4 c1 k1", "conv n1 h4 c1 k1 z3", "convolve n1", "n1 conv",
                      "conv n99999999999999999999 h1 c1 k1", "conv n1 h2 c1 k1 r5", "conv h4 c3 k4 g2"):
            self.bad(call("bench", *words.split()), 2)
