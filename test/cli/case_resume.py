"""Saving, stopping and going on: the same bits as without a stop."""
import json
import os
import shlex
import signal
import time

import tool
from tool import Case, call, path, start, train

SETTINGS = ("train", "--data", "synthetic", "--net", tool.NET, "-b", "16", "--log-interval", "5")


def resume(run, steps, *more):
    return call("train", "--data", "synthetic", "--resume", run, "--steps", steps, "-q", *more)


class Resume(Case):
    def test_n_then_m(self):
        for name, more in (("plain", ("--lr", "0.003")), ("cifar", ("--augment", "cifar", "--seed", 5))):
            self.good(train(name + "-whole", 13, *more))
            self.good(train(name, 5, *more))
            self.good(resume(name, 9))         # the run knows its own settings
            self.good(resume(name + "/model.safetensors", 13, *more))
            self.assertEqual(tool.read(name, "model.safetensors"),
                             tool.read(name + "-whole", "model.safetensors"))
            events = [n for n in os.listdir(path(name)) if n.startswith("events.")]
            self.assertEqual(len(events), 3)

    def test_what_does_not_fit(self):
        self.good(train("fit", 4))
        before = tool.read("fit", "model.safetensors")
        self.bad(resume("fit", 8, "--seed", 2), 10)
        self.bad(resume("fit", 8, "--augment", "cifar"), 10)
        self.bad(resume("fit", 8, "--batch-size", 8), 10)
        self.bad(resume("fit", 8, "--net", tool.NET.replace("filters=6", "filters=7")), 10)
        self.bad(resume("fit", 4), 10, "4 steps already")
        self.bad(resume("nowhere", 4), 4, "nowhere")
        self.assertFalse(os.path.exists(path("nowhere")))
        self.assertEqual(before, tool.read("fit", "model.safetensors"))
        cut = before[:len(before) // 2]
        tool.write("fit/model.safetensors", cut)
        self.bad(resume("fit", 8), 3)
        self.assertEqual(cut, tool.read("fit", "model.safetensors"))

    def test_exact(self):
        """A run goes on with the sums that it began with, and a new one says so."""
        told = json.loads(self.good(train("exact", 5, "--exact", "--json")))
        self.assertIs(told["exact"], True)
        self.assertIs(json.loads(self.good(train("inexact", 5, "--json")))["exact"], False)
        for name, exact in (("exact", True), ("inexact", False)):
            told = json.loads(self.good(resume(name, 9, "--dry-run", "--json")))
            self.assertIs(told["exact"], exact)
            self.assertEqual(told["plan"].endswith(", exact"), exact and "cpu engine" in told["plan"])
        self.good(resume("exact", 9))
        self.good(resume("exact", 13, "--exact"))
        self.good(train("exact-whole", 13, "--exact"))
        self.assertEqual(tool.read("exact", "model.safetensors"), tool.read("exact-whole", "model.safetensors"))
        self.bad(resume("inexact", 9, "--exact"), 10, "exact 0, this run has 1")
        yes = tool.environment(DECONVNET_EXACT="1")
        self.bad(call("train", "--data", "synthetic", "--resume", "inexact", "--steps", 9, "-q", env=yes), 10, "exact")

    def wait_for(self, process, word):
        """Reads standard output up to a line with this word."""
        for line in iter(process.stdout.readline, b""):
            if word in line:
                return
        self.fail("it ended without saying %r: %s" % (word, process.stderr.read()))

    def test_signals(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            name = "signal%d" % code if code == 130 else "it's %d" % code
            process = start(*SETTINGS, "--steps", "1000000", "--out", name)
            self.wait_for(process, b"step 10,")
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
            self.assertEqual(process.returncode, code, errors)
            line = errors.decode().splitlines()[-1]
            self.assertRegex(line, tool.ERROR)
            self.assertIn("deconvnet train --resume " + shlex.quote(name).replace("'\"'\"'", "'\\''")
                          + " --data synthetic --steps 1000000", line)
            done = int(line.split("step ")[1].split()[0])
            self.good(resume(name, done + 3))
            self.good(train(name + "-whole", done + 3))
            self.assertEqual(tool.read(name, "model.safetensors"),
                             tool.read(name + "-whole", "model.safetensors"))

    def test_second_signal(self):
        process = start(*SETTINGS, "--steps", "1000000", "--out", "twice")
        self.wait_for(process, b"step 5,")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertEqual([n for n in os.listdir(path("twice")) if ".tmp-" in n], [])

    def test_what_a_crash_left_is_removed(self):
        os.makedirs(path("crashed"))
        names = ["model.safetensors.tmp-a1b2c3", "report.html.tmp-AbCdEf", "strips.png.tmp-zzzzzz"]
        others = ["notes.tmp-a1b2c3", "model.safetensors.tmp-1", "my-model.safetensors.tmp-a1b2c3"]
        for name in names + others:
            tool.write(os.path.join("crashed", name), b"half")
        self.good(train("crashed", 2))
        left = os.listdir(path("crashed"))
        self.assertEqual([n for n in names if n in left], [])
        self.assertEqual([n for n in others if n not in left], [])

    def test_one_run_at_a_time(self):
        process = start(*SETTINGS, "--steps", "1000000", "--out", "busy")
        self.wait_for(process, b"step 0,")
        self.bad(train("busy", 2), 4, "in use by pid %d since" % process.pid)
        process.kill()                             # the lock dies with its owner
        process.communicate()
        self.good(train("busy", 2))
        self.assertNotIn(".lock", os.listdir(path("busy")))

    def test_killed_run(self):
        process = start(*SETTINGS, "--steps", "1000000", "--out", "killed", "--save-every", "7")
        self.wait_for(process, b"step 30,")
        time.sleep(0.05)
        process.kill()
        process.communicate()
        told = self.good(call("info", "--json", "killed/model.safetensors"))
        step = int(told.split('"step": ')[1].split(",")[0])
        self.assertEqual(step % 7, 0)
        self.good(resume("killed", step + 4))
        self.good(train("killed-whole", step + 4))
        self.assertEqual(tool.read("killed/model.safetensors"), tool.read("killed-whole/model.safetensors"))
