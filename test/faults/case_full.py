"""Disks that are full at every size: tmpfs of every size in steps, a limit on the size of files, /dev/full.
Exit code 4, the checkpoint whole, whole records, nothing half-written."""
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import unittest

import faults
import shim
import tool
from faults import FULL, figure
from tool import Case

SEED = 20261123
INSIDE = "DECONVNET_FAULT_INSIDE"
NET = ("input 8x8x3; conv filters=3 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; avg_pool 4; "
       "softmax")
STEPS = 8
TEMPORARY = re.compile(r"\.tmp-[a-z0-9]{6}$")


def train(out, steps=STEPS):
    return ["train", "--data", "synthetic", "--net", NET, "-b", 8, "--save-every", 2, "--log-interval", 3, "-q", "-j", 1,
            "--out", out, "--steps", steps]


class Full(Case):
    def setUp(self):
        self.loader = subprocess.Popen([shim.built("loader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tearDown(self):
        self.loader.communicate()

    def known(self):
        """{checkpoint: its step}"""
        found = {}
        for step in range(1, STEPS + 1):
            self.good(tool.call(*train(tool.path("known"), step)))
            found[tool.read("known", "model.safetensors")] = step
        return found

    def judge(self, folder, ran, known):
        """Why this end of a training is not right, or None."""
        files = shim.files_of(folder) if os.path.isdir(folder) else {}
        why = faults.wrong(ran, (0, 4))
        left = [name for name in files if TEMPORARY.search(name) or name == ".lock"]
        model, line = files.get("model.safetensors"), ran.err.decode()
        if why or left:
            return why or "left: %s" % left
        if model is not None and model not in known:
            return "the checkpoint is none that there ever was"
        if ran.code == 0:
            return None if known[model] == STEPS else "code 0 after step %d" % known[model]
        for name, data in files.items():
            if "events.out" in name:
                path = tool.path("looked-at")
                tool.write("looked-at", data)
                self.loader.stdin.write(b"events %s\n" % path.encode())
                self.loader.stdin.flush()
                said = self.loader.stdout.readline().decode().split()
                if said[0] != "0" or said[2] != "0":
                    return "the event file: %s" % said
        begun = any("events.out" in name for name in files)
        step = known.get(model)
        want = ("" if not begun else "all %d steps are safe" % STEPS if step == STEPS
                else "step %d is safe" % step if step else "nothing was saved yet")
        return None if want in line else "%r does not say: %s" % (line, want)

    # ---- tmpfs ------------------------------------------------------------------------------------------

    def mount(self, kib):
        """A new file system of this size."""
        folder = tool.path("disk")
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["umount", folder], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk" % kib, "tmpfs", folder], check=True,
                       stderr=subprocess.DEVNULL)
        self.addCleanup(subprocess.run, ["umount", folder], stderr=subprocess.DEVNULL, check=False)
        return folder

    def somewhere_else(self, name):
        """Who may not mount may do so in a namespace of his own: the same test there. True: it was done."""
        try:
            self.mount(64)
            return False
        except (subprocess.CalledProcessError, FileNotFoundError):
            pass
        unshare = ["unshare", "--user", "--map-root-user", "--mount"]
        if os.environ.get(INSIDE) or not shutil.which("unshare") \
                or subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            print("case_full: %s is left out: no tmpfs may be mounted here, not even in a user namespace" % name)
            raise unittest.SkipTest("no tmpfs")
        run = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")
        ran = subprocess.run([*unshare, sys.executable, run, tool.COMMAND, "full.Full." + name],
                             env=dict(os.environ, **{INSIDE: "1"}), check=False)
        self.assertEqual(ran.returncode, 0)
        return True

    def sizes(self, need, short):
        every = list(range(64, need + 64 + 1, 4))
        return every if FULL else sorted(random.Random(SEED).sample(every, min(short, len(every))))

    def test_training_on_tmpfs(self):
        if self.somewhere_else("test_training_on_tmpfs"):
            return
        known, wrongs, full = self.known(), [], 0
        # Rounded up to pages; two checkpoints stand there while a third is written.
        need = sum((len(d) + 4095) // 4096 * 4 for d in shim.files_of(tool.path("known")).values()) + 40
        sizes = self.sizes(need, 12)
        for kib in sizes:
            disk = self.mount(kib)
            ran = faults.Ran(train(disk + "/r"), 60)
            full += ran.code == 4
            why = self.judge(disk + "/r", ran, known)
            if why:
                wrongs.append("%d KiB: %s" % (kib, why))
        self.assertFalse(wrongs, "\n".join(wrongs[:20]))
        self.assertGreater(full, 1)
        figure("disk full: training on a tmpfs of %d to %d KiB, %d sizes: %d times full, code 4, checkpoint and records whole; "
               "%d times it fitted", sizes[0], sizes[-1], len(sizes), full, len(sizes) - full)

    def test_atlas_on_tmpfs(self):
        if self.somewhere_else("test_atlas_on_tmpfs"):
            return
        self.good(tool.call(*train(tool.path("m"), 2)))
        arguments = ["atlas", "-m", tool.path("m"), "--data", "synthetic", "--top", 4, "-q", "-j", 1, "--raw", "npz", "--out"]
        self.good(tool.call(*arguments, tool.path("book")))
        want, wrongs, full = shim.files_of(tool.path("book")), [], 0
        need = sum((len(d) + 4095) // 4096 * 4 for d in want.values()) + 100
        sizes = self.sizes(need, 6)
        for kib in sizes:
            disk = self.mount(kib)
            ran = faults.Ran([*arguments, disk + "/b"], 60)
            why = faults.wrong(ran, (0, 4))
            full += ran.code == 4
            left = [n for n in shim.files_of(disk) if TEMPORARY.search(n)]
            subprocess.run(["mount", "-o", "remount,size=%dk" % (4 * need), disk], check=True)
            again = tool.call(*arguments, disk + "/b")
            if why or left or again.returncode or shim.files_of(disk + "/b") != want:
                wrongs.append("%d KiB: %s %s %s" % (kib, why, left, again.stderr))
        self.assertFalse(wrongs, "\n".join(wrongs[:20]))
        self.assertTrue(full)
        figure("disk full: an atlas on a tmpfs of %d to %d KiB, %d sizes: %d times full, code 4; with more room the same command "
               "went on to the same book each time", sizes[0], sizes[-1], len(sizes), full)

    # ---- without rights ---------------------------------------------------------------------------------

    def test_limit_on_files(self):
        """The same for an ordinary user: no file may be larger than this."""
        known, wrongs, full = self.known(), [], 0
        largest = max(map(len, shim.files_of(tool.path("known")).values()))
        limits = list(range(0, largest + 2048, 1024 if FULL else 1 + largest // 10))
        for limit in limits:
            folder = tool.path("limit")
            shutil.rmtree(folder, ignore_errors=True)
            # A limit on stderr as well: this test keeps it in a file.
            ran = faults.Ran(train(folder), 60, before=lambda n=limit: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                                       (max(n, 600), max(n, 600))))
            full += ran.code == 4
            why = self.judge(folder, ran, known)
            if why:
                wrongs.append("%d bytes: %s" % (limit, why))
        self.assertFalse(wrongs, "\n".join(wrongs[:20]))
        self.assertTrue(full)
        figure("RLIMIT_FSIZE: training with %d limits of 600 to %d bytes: %d times code 4, checkpoint and records whole", len(limits),
               limits[-1], full)

    def test_standard_output(self):
        """A result that did not get out is an error."""
        run = tool.path("out")
        self.good(tool.call(*train(run, 2)))
        shared = ["-m", run, "--data", "synthetic", "-q"]
        commands = [["help"], ["--version"], ["help", "--man", "train"], ["info", run], ["info", "--json", run],
                    ["eval", *shared], ["eval", "--json", *shared], ["show", *shared, "--count", 1, "--out", tool.path("o")],
                    ["show", "--json", *shared, "--count", 1, "--out", tool.path("o")],
                    ["show", *shared, "--count", 1, "--dump", "-"], ["convert", run, tool.path("c.onnx")],
                    ["atlas", *shared, "--top", 1, "--layers", "relu2", "--out", tool.path("b"), "--json"],
                    [*train(tool.path("json"), 2), "--json"], train(tool.path("text"), 2)]
        commands += [["help", name] for name in ("train", "eval", "show", "atlas", "atlas-merge", "info", "convert", "bench",
                                                 "fetch")]
        for arguments in commands:
            with open("/dev/full", "wb") as full:
                ran = subprocess.run([tool.COMMAND, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE,
                                     stdin=subprocess.DEVNULL, env=tool.environment(), cwd=tool.FOLDER, check=False)
            self.assertEqual(ran.returncode, 4, (arguments, ran.stderr))
            lines = ran.stderr.decode().splitlines()
            self.assertEqual(len([line for line in lines if ": error: standard output: " in line]), 1, (arguments, lines))
            self.assertRegex(lines[-1], tool.ERROR)
        figure("standard output is /dev/full: %d commands, all exit code 4 with one line", len(commands))
