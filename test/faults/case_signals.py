"""Signals at any moment: what was done is saved, and going on gives the bits of a run that nobody stopped."""
import os
import random
import shutil
import signal
import subprocess
import time

import tool
from faults import FULL, figure
from shim import built
from tool import Case, call, path

SEED = 20260
NET = ("input 12x12x3; conv filters=6 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; "
       "avg_pool global; softmax")
STEPS = 60
TRAIN = ("train", "--data", "synthetic", "-b", 8, "-q", "--graphics", "none", "--save-every", 11)
NUMBERS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}


def world(**values):
    return tool.environment(LD_PRELOAD=built("world.so"), **{"WORLD_" + k: str(v) for k, v in values.items()})


def files(folder):
    """{relative name: bytes} of everything below."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                found[os.path.relpath(os.path.join(base, name), folder)] = file.read()
    return found


def halves(folder):
    return [name for name in files(folder) if ".tmp-" in name] if os.path.isdir(folder) else []


class Stopped:
    """One run that gets signals: delays in seconds, from the start on."""

    def __init__(self, arguments, numbers, delays, env=None, **more):
        begun = time.monotonic()
        process = subprocess.Popen([tool.COMMAND, *map(str, arguments)], cwd=tool.FOLDER, stdin=subprocess.DEVNULL,
                                   env=env or tool.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, **more)
        sent = None
        for number, delay in zip(numbers, delays):
            time.sleep(max(0, begun + delay - time.monotonic()))
            if process.poll() is None:
                sent = sent or time.monotonic()
                process.send_signal(number)
        self.err = process.communicate(timeout=120)[1].decode()
        self.code = process.returncode
        self.seconds = time.monotonic() - sent if sent else 0


class Signals(Case):
    def end_of(self, stopped, number):
        """"early" (nothing begun), "saved" or "whole"; fails for any other end."""
        self.assertLess(stopped.seconds, 5, stopped.err)
        if stopped.code == 0:
            return "whole"
        if stopped.code == -number:                  # before any work: by the signal itself
            self.assertNotIn("error", stopped.err)
            return "early"
        self.assertEqual(stopped.code, NUMBERS[number], stopped.err)
        return "saved"

    def one_line(self, stopped):
        lines = stopped.err.splitlines()
        self.assertEqual(len([line for line in lines if ": error: " in line]), 1, stopped.err)
        self.assertRegex(lines[-1], tool.ERROR)
        self.assertLessEqual(len(lines[-1].encode()), 400)
        return lines[-1]

    def finish_training(self, name):
        """Goes on from wherever it stands, to the end."""
        if os.path.exists(path(name, "model.safetensors")):
            ran = call(*TRAIN, "--resume", name, "--steps", STEPS)
            if ran.returncode == 10 and b"has %d steps already" % STEPS in ran.stderr:
                return
        else:
            ran = call(*TRAIN, "--net", NET, "--steps", STEPS, "--out", name)
        self.good(ran)

    def train_whole(self):
        begun = time.monotonic()
        self.good(call(*TRAIN, "--net", NET, "--steps", STEPS, "--out", "whole"))
        return tool.read("whole", "model.safetensors"), time.monotonic() - begun

    def test_train(self):
        want, took = self.train_whole()
        chance, n = random.Random(SEED), 120 if FULL else 6
        ends, longest = {"early": 0, "saved": 0, "whole": 0}, 0
        for i in range(n):
            name, number = "run", chance.choice([signal.SIGINT, signal.SIGTERM])
            shutil.rmtree(path(name), ignore_errors=True)
            stopped = Stopped((*TRAIN, "--net", NET, "--steps", STEPS, "--out", name), [number],
                              [chance.uniform(0, 1.1 * took)])
            end = self.end_of(stopped, number)
            ends[end] += 1
            longest = max(longest, stopped.seconds)
            self.assertEqual(halves(path(name)), [])
            if end == "saved":
                self.one_line(stopped)
            self.finish_training(name)
            self.assertEqual(tool.read(name, "model.safetensors"), want, stopped.err)
        self.assertGreater(ends["saved"], 0)
        figure("SIGINT or SIGTERM to train at %d random times, seed %d: %d saved (130/143), %d before any work, "
               "%d had ended; slowest end %.2f s; %d of %d ended with the uninterrupted run's bits", n, SEED,
               ends["saved"], ends["early"], ends["whole"], longest, n, n)

    def test_train_twice(self):
        """The second signal does not wait for what is not being written."""
        want, took = self.train_whole()
        chance, n = random.Random(SEED + 1), 30 if FULL else 3
        for i in range(n):
            number, at = chance.choice([signal.SIGINT, signal.SIGTERM]), chance.uniform(0.3 * took, took)
            shutil.rmtree(path("run"), ignore_errors=True)
            stopped = Stopped((*TRAIN, "--net", NET, "--steps", STEPS, "--out", "run"), [number] * 2,
                              [at, at + chance.uniform(0, 0.02)])
            self.end_of(stopped, number)
            self.assertEqual(halves(path("run")), [])
            self.finish_training("run")
            self.assertEqual(tool.read("run", "model.safetensors"), want)
        figure("two signals to train within 20 ms at %d random times, seed %d: 0 half files, %d of %d went on to "
               "the same bits", n, SEED + 1, n, n)

    def wait_for_save(self, process, folder):
        until = time.monotonic() + 20
        while not halves(folder) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        self.assertTrue(halves(folder))

    def test_during_a_save(self):
        """A second signal waits for the end of a save, a third does not; the next start tidies up."""
        for n in (1, 2, 3):
            name = "save%d" % n
            process = tool.start(*TRAIN, "--net", NET, "--steps", 100000, "--out", name,
                                 env=world(FSYNC=400))
            self.wait_for_save(process, path(name))
            for _ in range(n):
                process.send_signal(signal.SIGINT)
                time.sleep(0.05)
            begun = time.monotonic()
            err = process.communicate(timeout=30)[1].decode()
            self.assertEqual(process.returncode, 130, err)
            self.assertLess(time.monotonic() - begun, 5)
            self.assertEqual(len(halves(path(name))), n == 3, err)
            self.assertEqual(os.path.exists(path(name, "model.safetensors")), n < 3)
            if n < 3:
                step = int(self.good(call("info", "--json", name)).split('"step": ')[1].split(",")[0])
                self.good(call(*TRAIN, "--resume", name, "--steps", step + 3))
            else:
                self.good(call(*TRAIN, "--net", NET, "--steps", 2, "--out", name))
            self.assertEqual(halves(path(name)), [])

    def test_hang_up(self):
        stopped = Stopped((*TRAIN, "--net", NET, "--steps", 100000, "--out", "hup"), [signal.SIGHUP], [0.6])
        self.assertEqual(stopped.code, 143, stopped.err)
        self.one_line(stopped)
        self.assertTrue(os.path.exists(path("hup", "model.safetensors")))
        ignoring = Stopped((*TRAIN, "--net", NET, "--steps", STEPS, "--out", "nohup"), [signal.SIGHUP], [0.15],
                           preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.assertEqual(ignoring.code, 0, ignoring.err)

    def test_before_the_first_step(self):
        """A run that is to be replaced is not, if its successor made no step."""
        self.good(call(*TRAIN, "--net", NET, "--steps", 5, "--out", "old"))
        before, seen = tool.read("old", "model.safetensors"), 0
        for delay in [0.004 * k for k in range(1, 60)]:
            stopped = Stopped((*TRAIN, "--net", NET, "--steps", 100000, "--out", "old"), [signal.SIGTERM], [delay])
            if "before the first step" in stopped.err or stopped.code == -signal.SIGTERM:
                seen += 1
                self.assertEqual(tool.read("old", "model.safetensors"), before)
            else:
                self.assertEqual(stopped.code, 143, stopped.err)
                break
        self.assertGreater(seen, 0)

    def test_atlas(self):
        self.good(call(*TRAIN, "--net", NET, "--steps", STEPS, "--out", "whole"))
        command = ("atlas", "--model", "whole", "--data", "synthetic", "--split", "all", "-k", 40, "-q", "--out")
        begun = time.monotonic()
        self.good(call(*command, "book"))
        took = time.monotonic() - begun
        want, chance, n = files(path("book")), random.Random(SEED + 2), 40 if FULL else 3
        ends, longest = {"early": 0, "saved": 0, "whole": 0}, 0
        for i in range(n):
            number, at = chance.choice([signal.SIGINT, signal.SIGTERM]), chance.uniform(0, 1.05 * took)
            twice = chance.random() < 0.3
            shutil.rmtree(path("part"), ignore_errors=True)
            stopped = Stopped((*command, "part"), [number] * (1 + twice), [at, at + chance.uniform(0, 0.02)])
            ends[self.end_of(stopped, number)] += 1
            longest = max(longest, stopped.seconds)
            self.good(call(*command, "part"))
            got = files(path("part"))
            self.assertEqual(sorted(got), sorted(want), stopped.err)
            self.assertEqual(got, want)
        figure("SIGINT or SIGTERM, one or two, to atlas at %d random times, seed %d: %d stopped (130/143), %d before "
               "any work, %d had ended; slowest end %.2f s; %d of %d books the same bytes", n, SEED + 2, ends["saved"],
               ends["early"], ends["whole"], longest, n, n)

    def test_show(self):
        self.good(call(*TRAIN, "--net", NET, "--steps", 5, "--out", "whole"))
        command = ("show", "--model", "whole", "--data", "synthetic", "--count", 12, "--layer", 1, "--channel", "all",
                   "-q", "--graphics", "none", "--out")
        begun = time.monotonic()
        self.good(call(*command, "sheets"))
        took = time.monotonic() - begun
        want, chance, n = files(path("sheets")), random.Random(SEED + 3), 40 if FULL else 5
        ends = {"early": 0, "saved": 0, "whole": 0}
        for i in range(n):
            number, at = chance.choice([signal.SIGINT, signal.SIGTERM]), chance.uniform(0, 1.05 * took)
            twice = chance.random() < 0.3
            shutil.rmtree(path("cut"), ignore_errors=True)
            stopped = Stopped((*command, "cut"), [number] * (1 + twice), [at, at + chance.uniform(0, 0.01)])
            end = self.end_of(stopped, number)
            ends[end] += 1
            got = files(path("cut"))
            self.assertTrue(set(got) <= set(want), sorted(got))
            self.assertTrue(all(want[name] == got[name] for name in got))
            if end == "saved" and not twice:
                self.assertIn("interrupted; %d of 12 pictures" % len(got), self.one_line(stopped))
        figure("SIGINT or SIGTERM, one or two, to show at %d random times, seed %d: %d stopped (130/143), %d before any "
               "work, %d had ended; every sheet that was there was whole", n, SEED + 3, ends["saved"], ends["early"],
               ends["whole"])

    def test_convert(self):
        self.good(call(*TRAIN, "--net", NET, "--steps", 5, "--out", "whole"))
        for n in (1, 2):
            process = tool.start("convert", "whole", "model.onnx", env=world(FSYNC=400))
            self.wait_for_save(process, tool.FOLDER)
            for _ in range(n):
                process.send_signal(signal.SIGTERM)
                time.sleep(0.05)
            process.communicate(timeout=20)
            self.assertEqual(process.returncode, 143)
            self.assertEqual(halves(tool.FOLDER), [])
            self.good(call("info", "model.onnx"))
            os.unlink(path("model.onnx"))

    def test_readers_that_go(self):
        """A pipe without a reader kills no command: the work is done, and its end is told."""
        self.good(call(*TRAIN, "--net", NET, "--steps", 5, "--out", "whole"))
        want = tool.read("whole", "model.safetensors")
        wide = ("--net", NET, "--steps", 5, "--out", "piped", "--log-interval", 1)
        for stream in ("stdout", "stderr"):
            read_end, write_end = os.pipe()
            os.close(read_end)
            ran = subprocess.run([tool.COMMAND, *map(str, TRAIN + wide)], cwd=tool.FOLDER, env=tool.environment(),
                                 stdin=subprocess.DEVNULL, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                                                              stream: write_end})
            os.close(write_end)
            self.assertEqual(ran.returncode, 4 if stream == "stdout" else 0)
            self.assertEqual(tool.read("piped", "model.safetensors"), want)
        for command in (("info", "whole"), ("eval", "--model", "whole", "--data", "synthetic"), ("--help",),
                        ("show", "--model", "whole", "--data", "synthetic", "--count", 1, "--out", "sheets"),
                        ("atlas", "--model", "whole", "--data", "synthetic", "--out", "piped-book"),
                        ("convert", "whole", "whole.onnx"), ("train", "--help"), ("--version",),
                        ("train", "--data", "synthetic", "--dry-run")):
            read_end, write_end = os.pipe()
            os.close(read_end)
            ran = subprocess.run([tool.COMMAND, *map(str, command)], cwd=tool.FOLDER, env=tool.environment(),
                                 stdin=subprocess.DEVNULL, stdout=write_end, stderr=subprocess.PIPE)
            os.close(write_end)
            self.bad(ran, 4, "standard output", "its reader has gone")
        for name in ("whole.onnx", "sheets/test-00000-reconstruct.png", "piped-book/index.html"):
            self.assertTrue(os.path.exists(path(name)), name)
