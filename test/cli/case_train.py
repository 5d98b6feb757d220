"""train: what a run writes, and what stops it before it begins."""
import json
import os
import subprocess

import tool
from tool import Case, call, path, train


class Train(Case):
    def test_a_run(self):
        text = self.good(call("train", "--data", "synthetic", "--net", tool.NET, "--steps", 25, "-b", 16,
                              "--log-interval", 10, "--out", "a/b"))
        for word in ("conv1", "[16, 12, 12, 6]", "step 0, training accuracy", "step 20, ", "finished! test",
                     "on all 2000 pictures", "a/b/report.html"):
            self.assertIn(word, text)
        self.assertNotIn("step 24", text)
        names = sorted(os.listdir(path("a/b")))
        self.assertEqual([n for n in names if not n.startswith("events.out.tfevents.")],
                         ["model.safetensors", "report.html", "strips.png"])
        self.assertEqual(len(names), 4)
        width, height, channels, _, _ = tool.png_read(tool.read("a/b/strips.png"))
        self.assertEqual(channels, 3)
        self.assertGreater(height, width)
        page = tool.read("a/b/report.html").decode()
        for word in ("<svg", "data:image/png;base64,", "Filters", "Settings", "red cross"):
            self.assertTrue(word in page, word)
        for word in ("http://", "https://", "src=\"/"):
            self.assertFalse(word in page.replace("http://www.w3.org/", ""), word)

    def test_json(self):
        result = train("json", 4, "--json")
        told = json.loads(self.good(result))
        self.assertEqual((told["steps"], told["batch"], told["run"]), (4, 16, "json"))
        self.assertTrue(0 <= told["accuracy"] <= 1)
        self.assertTrue(os.path.exists(path(told["files"]["events"])))
        self.assertEqual(result.stderr, b"")

    def test_threads_and_engines(self):
        for name, more in (("j1", ("-j", 1)), ("j3", ("-j", 3))):
            self.good(train(name, 6, *more))
        self.assertEqual(tool.read("j1/model.safetensors"), tool.read("j3/model.safetensors"))
        self.good(train("ref", 6, "--engine", "ref"))
        self.good(train("seed", 6, "--seed", 2))
        self.assertNotEqual(tool.read("j1/model.safetensors"), tool.read("seed/model.safetensors"))

    def test_epochs(self):
        told = json.loads(self.good(train("epochs", 1, "--epochs", 1, "-b", 1000, "--json")))
        self.assertEqual(told["steps"], 10)

    def test_default_folder(self):
        folder = path("home")
        os.mkdir(folder)
        for out in ("runs/net", "runs/net-2"):
            text = self.good(call("train", "--data", "synthetic", "--net", tool.NET, "--steps", 1, "-b",
                                  4, cwd=folder))
            self.assertIn("writing to " + out + "\n", text)
            self.assertTrue(os.path.exists(os.path.join(folder, out, "model.safetensors")))

    def test_says_that_a_run_is_replaced(self):
        run = ("train", "--data", "synthetic", "--net", tool.NET, "-b", 16, "--out", "twice", "--steps")
        self.assertNotIn("replaced", self.good(call(*run, 1)))
        self.assertIn("replaced", self.good(call(*run, 1)))
        self.assertNotIn("replaced", self.good(call(*run, 2, "--resume", "twice")))

    def test_event_files_of_others_stay(self):
        """Only where a run is replaced do its event files go."""
        os.mkdir(path("logs"))
        tool.write("logs/events.out.tfevents.1.host", b"theirs")
        self.good(train("logs", 1))
        self.assertEqual(tool.read("logs/events.out.tfevents.1.host"), b"theirs")
        self.assertEqual(len(os.listdir(path("logs"))), 5)

    def test_dry_run(self):
        before = sorted(os.listdir(tool.FOLDER))
        text = self.good(call("train", "--data", "synthetic", "--dry-run", "--out", "dry"))
        for word in ("h_conv1", "[128, 24, 24, 64]", "123338 parameters", "nothing was written"):
            self.assertIn(word, text)
        told = json.loads(self.good(call("train", "--data", "synthetic", "--dry-run", "--json")))
        self.assertEqual(told["parameters"], 123338)
        self.bad(call("train", "--data", "synthetic", "--dry-run", "--out", "/dev/null/x"), 4, "/dev/null")
        self.assertEqual(before, sorted(os.listdir(tool.FOLDER)))

    def test_folders(self):
        tool.write("file", b"x")
        self.bad(train("file", 2), 4, "file")
        self.bad(train("file/below", 2), 4, "file")
        self.bad(train("/proc/deconvnet", 2), 4, "/proc")
        if os.geteuid() != 0:
            os.mkdir(path("shut"), 0o500)
            self.bad(train("shut/run", 2), 4, "shut")

    def test_nothing_is_made_for_a_refused_run(self):
        self.bad(call("train", "--data", "synthetic", "--net", "input 4x4x3; relu", "--out", "refused"), 2)
        self.bad(call("train", "--data", "nowhere", "--out", "refused"), 4)
        self.assertFalse(os.path.exists(path("refused")))

    def test_numbers(self):
        self.good(train("nan", 3))
        good = tool.read("nan/model.safetensors")
        result = call("train", "--data", "synthetic", "--net", tool.NET, "--steps", 50, "-b", 16, "--out",
                      "nan", "--lr", "1e30")
        self.bad(result, 6, "step")
        self.assertEqual(good, tool.read("nan/model.safetensors"))

    def test_what_is_done_is_saved(self):
        """The event file meets a limit at some step: the model of that step is kept, and goes on."""
        command = ["bash", "-c", "ulimit -f 200; exec \"$@\"", "-", tool.COMMAND, "train", "--data",
                   "synthetic", "--net", tool.NET, "-b", "4", "--log-interval", "1", "--out", "limit",
                   "--graphics", "none", "--steps"]
        result = subprocess.run(command + ["500"], cwd=tool.FOLDER, capture_output=True)
        self.bad(result, 4, "events.out.tfevents", "--resume: step ")
        step = int(result.stderr.split(b"--resume: step ")[1].split()[0])
        told = json.loads(self.good(call("info", "--json", "limit/model.safetensors")))
        self.assertEqual(told["step"], step)
        self.assertGreater(step, 0)
        self.assertNotEqual(step % 500, 0)                 # --save-every had not come round

    def test_output_that_ends(self):
        """A reader that leaves does not end a run."""
        read_end, write_end = os.pipe()
        os.close(read_end)
        result = subprocess.run([tool.COMMAND, "train", "--data", "synthetic", "--net", tool.NET, "--steps",
                                 "5", "-b", "8", "--out", "piped", "--log-interval", "1"], stdout=write_end,
                                stderr=subprocess.PIPE, env=tool.environment(), cwd=tool.FOLDER)
        os.close(write_end)
        self.bad(result, 4, "standard output")
        self.assertIn('"step": 5', self.good(call("info", "--json", "piped/model.safetensors")))
