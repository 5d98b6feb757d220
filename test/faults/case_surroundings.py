"""Odd surroundings: closed streams, few descriptors and threads, small stacks, clocks, locales, rights,
numbers that end. The same bytes, or one line before any work."""
import os
import re
import resource
import shutil
import stat
import struct
import subprocess

import tool
from faults import FULL, Ran, figure, wrong
from tool import call, path
from world import NET, Ordinary, SMALL, Surrounded, TRAIN, below, limit, world


class Surroundings(Surrounded):
    def test_closed_streams(self):
        """No file ever gets a descriptor of 0 to 2, and no error text lands in one."""
        runs = 0
        for closed in range(8):
            to = self.fresh("closed")

            def close():
                for fd in (0, 1, 2):
                    if closed >> fd & 1:
                        os.close(fd)
            for command, made in self.commands(to):
                process = subprocess.run([tool.COMMAND, *map(str, command)], cwd=tool.FOLDER, env=tool.environment(),
                                         preexec_fn=close, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.PIPE)
                # All of the work is done; where nothing can be told, that is the fault that is told.
                self.assertIn(process.returncode, (0, 4), process.stderr)
                self.whole(to, made)
                runs += 1
            for name, data in below(path(to)).items():
                self.assertNotIn(b"deconvnet: ", data, name)
        for name, wanted in (("info", ("info", "whole")), ("help", ("--help",)), ("eval", ("eval", "--model", "whole",
                                                                                        "--data", "synthetic"))):
            for closed in (1, 2, 3):
                process = subprocess.run([tool.COMMAND, *wanted], cwd=tool.FOLDER, env=tool.environment(),
                                         preexec_fn=lambda: [os.close(fd) for fd in (0, 1) if closed >> fd & 1],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                self.assertEqual(process.returncode, 4 if closed >> 1 & 1 else 0, process.stderr)
                runs += 1
        figure("closed stdin, stdout and stderr, all 8 combinations, every command that writes files: %d runs, all files "
               "whole, no text in any", runs)

    def test_few_descriptors(self):
        counts = list(range(3, 65)) if FULL else [3, 4, 5, 6, 7, 64]
        ended = {0: 0, 4: 0, 127: 0}
        for n in counts:
            to = self.fresh("few")
            for command, made in self.commands(to)[:4 if n < 16 else 1]:
                ran = Ran(command, 60, before=limit(resource.RLIMIT_NOFILE, n))
                if ran.code == 127 and b"error while loading shared libraries" in ran.err:
                    self.assertLess(n, 5)              # the system's loader needs one, too
                else:
                    self.ends(ran, (4,), "%d descriptors" % n)
                ended[ran.code] += 1
                if ran.code == 0:
                    self.whole(to, made)
            for name in below(path(to)):
                self.assertNotIn(".tmp-", name)
        self.assertGreater(ended[0], 4)
        self.assertGreater(ended[4], 2)                # an atlas with 6: as its threads happen to run
        figure("ulimit -n %d to %d (%d values), train, below 16 show, atlas and convert too: %d done with the same bytes, %d code 4 with "
               "one line, %d not loaded by the system's loader", counts[0], counts[-1], len(counts), ended[0], ended[4],
               ended[127])

    def test_few_threads(self):
        runs = 0
        for n in (0, 1, 2, 3):
            to = self.fresh("threads")
            for command, made in self.commands(to):
                ran = Ran([a for a in command if a != "-q"], 60, env=world(THREADS=n))
                self.ends(ran, (), "%d threads" % n)
                self.whole(to, made)
                told = b"warning: the system starts only %d of 3 threads" % (n + 1) in ran.err
                self.assertEqual(told, made != "onnx" and n < 2, ran.err)
                runs += 1
        figure("0 to 3 threads beside the first can be started of 2 and more that are wanted: %d runs, a warning, the same "
               "bytes", runs)

    def test_a_limit_of_processes(self):
        """The real limit, as an ordinary user whose processes are counted."""
        with Ordinary() as (to, before):
            def few():
                resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
                before()
            ran = Ran([a for a in (*TRAIN, "--out", os.path.join(to, "run")) if a != "-q"], 60, before=few)
            self.assertEqual(ran.code, 0, ran.err)
            self.assertIn(b"warning: the system starts only ", ran.err)
            with open(os.path.join(to, "run", "model.safetensors"), "rb") as file:
                self.assertEqual(file.read(), self.model)

    def test_small_stacks(self):
        to = self.fresh("stack")
        for command, made in self.commands(to):
            self.ends(Ran(command, 60, before=limit(resource.RLIMIT_STACK, 256 << 10)), (), "ulimit -s 256")
            self.whole(to, made)
        tutorial = (*SMALL, "--steps", 1, "-q", "--out", os.path.join(to, "tutorial"))
        deep = "input 8x8x3; " + "conv filters=2 kernel=1; relu\n" * 480 + "dense units=10; softmax"
        for command in (tutorial, ("show", "--model", "stack/tutorial", "--data", "synthetic", "--count", 1, "-q", "--out",
                                   "stack/drawn"),
                        ("train", "--data", "synthetic", "--net", deep, "--dry-run"),
                        ("eval", "--model", "whole", "--data", "synthetic"), ("info", "whole.onnx"), ("--help",)):
            self.ends(Ran(command, 100, before=limit(resource.RLIMIT_STACK, 256 << 10)), (), "ulimit -s 256")
        figure("ulimit -s 256: train (the tutorial's network too), show, atlas, convert, eval, info and a network of 960 "
               "nodes: 10 runs, the same bytes")

    # ---- time, words, rights, places ------------------------------------------------------------

    def test_clocks_that_jump(self):
        year, runs = 31536000, 0
        for seconds in (year, -year, -4000000000):
            for looks in (0, 1, 3, 20) if FULL else (3,):
                to = self.fresh("clock")
                for command, made in self.commands(to)[:3 if FULL or looks == 3 else 1]:
                    ran = Ran(command, 60, env=world(CLOCK="%d:%d" % (seconds, looks)))
                    self.ends(ran, (), "a clock that jumps")
                    self.whole(to, made)
                    runs += 1
                log, = [n for n in os.listdir(path(to, "run")) if n.startswith("events.")]
                self.good(call("info", os.path.join(to, "run", log)))
        figure("clocks that jump a year ahead, a year back or to before 1970 in mid-run: %d runs, the same bytes, none "
               "waited", runs)

    def locales(self):
        """Names of locales, and LOCPATH for those that are made here."""
        folder, names = path("locales"), ["C", "C.UTF-8", "POSIX", "xx_XX.UTF-8", "\xff"]
        os.makedirs(folder, exist_ok=True)
        for name in ("de_DE", "tr_TR"):
            made = subprocess.run(["localedef", "-f", "UTF-8", "-i", name, os.path.join(folder, name + ".UTF-8")],
                                  capture_output=True) if shutil.which("localedef") else None
            if os.path.exists(os.path.join(folder, name + ".UTF-8")):
                names.append(name + ".UTF-8")
            else:
                print("no %s here: %s" % (name, made.stderr.decode()[:80] if made else "localedef is not there"))
        return names, folder

    def test_locales(self):
        names, folder = self.locales()
        texts = {}
        for name in names if FULL else names[3:6]:
            to = self.fresh("locale")
            env = tool.environment(LC_ALL=name, LANG=name, LANGUAGE=name, LOCPATH=folder)
            for command, made in self.commands(to)[:4 if FULL else 1]:
                self.ends(Ran(command, 60, env=env), (), name)
                self.whole(to, made)
            for what in (("info", "whole"), ("eval", "--model", "whole", "--data", "synthetic"), ("train", "--help"),
                         ("info", "--json", "whole"), ("train", "--net", "input 1,5x3", "--data", "synthetic"),
                         ("train", "--lr", "0,5"), ("show", "--model", "nowhere")):
                ran = Ran(what, 60, env=env)
                texts.setdefault(what, set()).add((ran.code, re.sub(rb"[0-9.]+ (ms|s)\b|[0-9]+ pictures a second", b"", ran.out),
                                                   ran.err))
        for what, seen in texts.items():
            self.assertEqual(len(seen), 1, (what, seen))

    def test_bare_environments(self):
        usual = tool.environment()
        for what, env in (("env -i", {}), ("HOME unset", {k: v for k, v in usual.items() if k != "HOME"}),
                          ("HOME empty", {**usual, "HOME": ""}), ("HOME away", {**usual, "HOME": "/nowhere"}),
                          ("TMPDIR away", {**usual, "TMPDIR": "/nowhere", "XDG_CACHE_HOME": "/nowhere"}),
                          ("TERM odd", {**usual, "TERM": "\x1b[31m", "COLUMNS": "-1"}),
                          ("large environment", {**usual, **{"V%d" % i: "x" * 1000 for i in range(500)}})):
            to = self.fresh("bare")
            for command, made in self.commands(to)[:4 if FULL or not env else 1]:
                process = subprocess.run([tool.COMMAND, *map(str, command)], cwd=tool.FOLDER, env=env, capture_output=True,
                                         stdin=subprocess.DEVNULL)
                self.assertEqual(process.returncode, 0, (what, process.stderr))
                self.whole(to, made)
        ran = subprocess.run([tool.COMMAND, "train", "--steps", "1"], cwd=self.fresh("bare") and path("bare"), env={},
                             capture_output=True, stdin=subprocess.DEVNULL)
        self.assertIn(ran.returncode, (0, 4), ran.stderr)                   # no data is found without a HOME

    def test_umask(self):
        for mask in (0o000, 0o077, 0o777):
            to = self.fresh("mask")
            for command, made in self.commands(to)[:4 if FULL else 2]:
                ran = Ran(command, 60, before=lambda: os.umask(mask) and None)
                if mask == 0o777:                # a folder that one may not enter: root may
                    self.ends(ran, (4,), "umask 777")
                    continue
                self.ends(ran, (), "umask")
                self.whole(to, made)
            for base, folders, files in os.walk(path(to)):
                for name in files:
                    self.assertEqual(stat.S_IMODE(os.stat(os.path.join(base, name)).st_mode), 0o666 & ~mask, name)
            subprocess.run(["chmod", "-R", "u+rwX", path(to)], check=True)

    # ---- numbers --------------------------------------------------------------------------------

    def test_numbers_that_end(self):
        """A step that would not be finite is not applied; the last checkpoint goes on."""
        told = 0
        for rate in ("1e30", "1e25", "1e22", "1e20"):
            shutil.rmtree(path("nan"), ignore_errors=True)
            settings = (*SMALL, "-q", "--net", NET, "--save-every", 1, "--log-interval", 1000)
            self.good(call(*settings, "--steps", 3, "--out", "nan"))
            ran = Ran((*SMALL, "-q", "--resume", "nan", "--steps", 400, "--save-every", 1, "--log-interval", 1000, "--lr",
                       rate), 60)
            if ran.code == 0:
                continue               # every unit died: all values are finite
            self.assertIsNone(wrong(ran, (6,)), ran.err)
            line = ran.err.decode().splitlines()[-1]
            told += 1
            found = re.search(r"error: (\S+): .* at step (\d+).*not applied; .*step (\d+) is safe", line)
            self.assertTrue(found, line)
            self.assertRegex(found.group(1), r"^(conv|relu|avg_pool|softmax|max_pool)\d")
            step, safe = int(found.group(2)), int(found.group(3))
            self.assertEqual(safe, step - 1, line)
            data, metadata = tool.tensors(tool.read("nan", "model.safetensors"))
            self.assertEqual(metadata["step"], str(safe))
            for name, tensor in data.items():
                if tensor[0] == "F32":
                    self.assertTrue(all(abs(v) < 3.5e38 for v in tool.floats(tensor)), name)
            # From there it goes on, the same way each time.
            kept, ends = tool.read("nan", "model.safetensors"), []
            for _ in range(2):
                tool.write("nan/model.safetensors", kept)
                again = Ran((*SMALL, "-q", "--resume", "nan", "--steps", step + 5, "--lr", "1e-30"), 60)
                ends.append((again.code, tool.read("nan", "model.safetensors")))
            self.assertEqual(ends[0], ends[1])
        self.assertGreater(told, 0)

    def test_a_planted_weight(self):
        data = bytearray(self.model)
        size, = struct.unpack_from("<Q", data)
        for value in (float("nan"), float("inf")):
            struct.pack_into("<f", data, 8 + size + 40, value)
            self.fresh("planted")
            tool.write("planted/model.safetensors", bytes(data))
            for command in ((*SMALL, "-q", "--resume", "planted", "--steps", 9), ("eval", "--model", "planted", "--data",
                                                                                 "synthetic"),
                            ("show", "--model", "planted", "--data", "synthetic", "--out", "planted/x")):
                ran = Ran(command, 20)
                self.assertIsNone(wrong(ran, (3, 6)), ran.err)
                self.assertNotEqual(ran.code, 0)
                self.assertIn(b"model.safetensors@0x", ran.err)
            self.assertEqual(os.listdir(path("planted")), ["model.safetensors"])

    def test_huge_pictures(self):
        for value in (1e38, float("inf"), float("nan"), -3e38, 1e-45):
            head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 12, 12, 3), }"
            head += b" " * (-(len(head) + 11) % 64) + b"\n"
            values = [value if i % 7 == 3 else 0.5 for i in range(432)]
            tool.write("huge.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack("<432f", *values))
            for rule in ("reconstruct", "deconvnet", "guided", "gradient"):
                ran = Ran(("show", "--model", "whole", "--input", "huge.npy", "--rule", rule, "--out", "huge", "-q"), 20)
                self.ends(ran, (3, 6), "%g by %s" % (value, rule))
