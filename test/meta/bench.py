#!/usr/bin/env python3
"""bench.py SOURCE [COMMAND]: the guard of script/bench is red when it should be and green when not; a small run
keeps what it should and no place of this machine."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.abspath(sys.argv[1])
COMMAND = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
sys.path.insert(0, os.path.join(SOURCE, "bench"))
sys.dont_write_bytecode = True

import goals
import guard

STEP, MEMORY, CROPS = ("train_step_ms batch=128 threads=2", "train_peak_mib steps=50 batch=128 threads=2",
                       "augmented_crops_per_second data=synthetic")


def result(step, memory=50.0, crops=100000.0, when="2026-01-01T000000", **more):
    """A kept result; step: ours, then the peers."""
    names = ("ours", "torch", "tf")
    return {"time": when, "kind": "tutorial", "isa": "all", "processor": "P", "cores": 2, "quick": False,
            "figures": {STEP: {"field": "train_step_ms", **dict(zip(names, step))},
                        MEMORY: {"field": "train_peak_mib", "ours": memory, "torch": memory * 9},
                        CROPS: {"field": "augmented_crops_per_second", "ours": crops}}, **more}


class Guard(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="deconvnet-guard-")
        self.addCleanup(self.folder.cleanup)

    def write(self, name, what):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(what, file)
        return path

    def guard(self, old, new, *more):
        done = subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "bench/guard.py"),
                               self.write("old.json", old), self.write("new.json", new), *more],
                              text=True, capture_output=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_green(self):
        self.assertEqual(self.guard(result((30, 90, 60)), result((30, 90, 60)))[0], 0)
        self.assertEqual(self.guard(result((30, 90, 60)), result((32, 90, 60)))[0], 0)

    def test_slow_machine_is_no_fault(self):
        self.assertEqual(self.guard(result((30, 90, 60)), result((60, 180, 120)))[0], 0)

    def test_slower_beside_the_peers(self):
        code, text = self.guard(result((30, 90, 60)), result((30, 60, 40)))
        self.assertEqual(code, 1)
        self.assertIn(f"slower: {STEP}: 1.500 times", text)
        self.assertIn("relative to torch+tf", text)
        self.assertEqual(text.count("slower: "), 1)
        self.assertEqual(self.guard(result((30, 90, 60)), result((30, 60, 40)), "--tolerance", "1.6")[0], 0)

    def test_one_common_peer(self):
        code, text = self.guard(result((30, 90)), result((36, 90, 10)))
        self.assertEqual(code, 1)
        self.assertIn(f"slower: {STEP}: 1.200 times as much as before, relative to torch;", text)

    def test_other_versions(self):
        """A peer that became faster or slower says nothing of us."""
        old, new = result((30, 90, 60), versions={"torch": "1"}), result((30, 45, 60), versions={"torch": "2"})
        self.assertEqual(self.guard(old, new)[0], 0)
        self.assertIn("relative to tf", self.guard(old, new)[1])
        self.assertEqual(self.guard(old, {**new, "versions": {"torch": "1"}})[0], 1)

    def test_without_peers(self):
        self.assertEqual(self.guard(result((30,)), result((32,)))[0], 0)
        code, text = self.guard(result((30,)), result((36,)))
        self.assertEqual(code, 1)
        self.assertIn("relative to itself", text)

    def test_memory_and_rates(self):
        code, text = self.guard(result((30, 90)), result((30, 90), memory=60.0))
        self.assertEqual(code, 1)
        self.assertIn(f"slower: {MEMORY}: 1.200", text)
        code, text = self.guard(result((30, 90)), result((30, 90), crops=50000.0))
        self.assertEqual(code, 1)
        self.assertIn(f"slower: {CROPS}: 2.000", text)
        self.assertEqual(self.guard(result((30, 90)), result((30, 90), crops=200000.0))[0], 0)

    def test_medians_alone(self):
        old = {"time": "2026", "processor": "P", "cores": 2, "batch": 128, "threads": 2,
               "medians": {"ours": {"train_step_ms": 30}, "torch": {"train_step_ms": 90}}}
        self.assertEqual(self.guard(old, result((32, 90, 60)))[0], 0)
        self.assertEqual(self.guard(old, result((36, 90, 60)))[0], 1)

    def test_newest(self):
        for name, when, more in (("a", "2026-01-01", {}), ("b", "2026-01-03", {}), ("c", "2026-01-05", {"cores": 4}),
                                 ("d", "2026-01-06", {"isa": "avx2"}), ("e", "2026-01-07", {"kind": "models"})):
            self.write(name + ".json", result((30, 90), when=when, **more))
        self.write("f.json", {"time": "2026-01-08", "runs": []})
        self.assertEqual(os.path.basename(guard.newest(self.folder.name, result((1,)))), "b.json")
        self.assertIsNone(guard.newest(self.folder.name, result((1,), processor="Q")))


class Goals(unittest.TestCase):
    def reached(self, field, **values):
        figure = goals.judge({"field": field, **values})
        return figure.get("beside"), figure.get("ratio"), figure.get("reached")

    def test_steps(self):
        self.assertEqual(self.reached("train_step_ms", ours=10, torch=40, tf=35), ("tf", 3.5, "goal"))
        self.assertEqual(self.reached("train_step_ms", ours=10, torch=17, tf=35), ("torch", 1.7, "floor"))
        self.assertEqual(self.reached("train_step_ms", ours=10, torch=16), ("torch", 1.6, "no"))
        self.assertEqual(self.reached("train_step_ms", ours=10), (None, None, None))

    def test_what_ours_must_reach_alone(self):
        self.assertEqual(self.reached("show_ms", ours=59, tf=3000)[2], "goal")
        self.assertEqual(self.reached("show_ms", ours=61, tf=3000)[2], "floor")
        self.assertEqual(self.reached("augmented_crops_per_second", ours=50000)[2], "goal")
        self.assertEqual(self.reached("augmented_crops_per_second", ours=49999)[2], "no")


class Run(unittest.TestCase):
    @unittest.skipUnless(COMMAND, "no command was built")
    def test_small(self):
        with tempfile.TemporaryDirectory(prefix="deconvnet-bench-") as folder:
            path = os.path.join(folder, "kept.json")
            words = [sys.executable, "-B", os.path.join(SOURCE, "script/bench"), "--quick", "--only", "ours",
                     "--command", COMMAND, "-b", "4", "--batches", "1", "--thread-counts", "1,2", "--data",
                     "synthetic", "--run-steps", "2", "--out", path]
            done = subprocess.run(words, text=True, capture_output=True, check=False, cwd=folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            kept = json.loads(text)
            for place in (SOURCE + os.sep, folder, os.path.expanduser("~") + os.sep, COMMAND, tempfile.gettempdir()):
                self.assertNotIn(place, text)
            self.assertNotIn(f".{socket.gethostname()}.", text)
            for name in ("train_step_ms batch=4 threads=2", "reconstruct_ms batch=1 threads=1",
                         "show_ms threads=2", "run_seconds steps=2 batch=4 threads=2",
                         "train_peak_mib steps=2 batch=4 threads=2"):
                self.assertGreater(kept["figures"][name]["ours"], 0, name)
            self.assertIn("forward_ms batch=1", kept["scaling"])
            self.assertIn("deconvnet bench tutorial -b 4 -j 2 --json --repeats 2",
                          [one["command"] for one in kept["runs"]])
            slower = json.loads(text)
            for figure in slower["figures"].values():
                figure["ours"] /= 1000
            old = os.path.join(folder, "old.json")
            with open(old, "w", encoding="utf-8") as file:
                json.dump(slower, file)
            done = subprocess.run([*words, "--jobs", "data", "--compare", old], text=True, capture_output=True,
                                  check=False, cwd=folder)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("slower: run_seconds", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
