"""Folders that cannot be written, that two runs want, that hold planted links, that are gone, that have
odd names or long ones: one line before any work, or all of it."""
import errno
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
import unittest

import tool
from faults import FULL, Ran, figure, wrong
from tool import call, path
from world import NET, Ordinary, SMALL, Surrounded, TRAIN, below, world


class Folders(Surrounded):
    def test_folders_that_cannot_be_written(self):
        with Ordinary() as (to, before):
            source = os.path.join(to, "whole")
            shutil.copytree(path("whole"), source)
            os.chmod(source, 0o755)
            for mode in (0o500, 0o000, 0o400, 0o600):
                shut = os.path.join(to, "shut%o" % mode)
                os.mkdir(shut)
                if os.geteuid() == 0:
                    os.chown(shut, *[pwd.getpwnam("nobody")[k] for k in (2, 3)])
                os.chmod(shut, mode)
                for where in (shut, os.path.join(shut, "below")):
                    for command, _ in self.commands(where, source):
                        self.refused_before_work(Ran([a for a in command if a != "-q"], 20, before=before),
                                                 os.fsencode("shut%o" % mode))
                os.chmod(shut, 0o700)
                self.assertEqual(os.listdir(shut), [])
            # A run whose folder became read-only goes on nowhere, and keeps what it has.
            os.chmod(source, 0o555)
            kept = below(source)
            self.refused_before_work(Ran((*SMALL, "--resume", source, "--steps", 9), 20, before=before))
            self.assertEqual(below(source), kept)

    def test_what_is_no_folder(self):
        to = self.fresh("none")
        tool.write("none/file", b"x")
        os.symlink("nowhere/at/all", path("none/dangling"))
        os.mkfifo(path("none/pipe"))
        for where in ("none/file", "none/file/below", "none/dangling/below", "none/pipe", "/dev/null", "/proc/nothing"):
            for command, made in self.commands(where):
                if made == "onnx" and where == "none/dangling/below":
                    continue
                self.refused_before_work(Ran([a for a in command if a != "-q"], 20))
        self.assertEqual(sorted(os.listdir(path("none"))), ["dangling", "file", "pipe"])
        self.assertEqual(tool.read("none/file"), b"x")
        self.good(call(*TRAIN, "--out", os.path.join(to, "a/b/c")))        # a missing one is made

    def mounted(self, script, *arguments):
        """bash in a mount space of its own, where $1 is mounted on itself. Skips without the right."""
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
            raise unittest.SkipTest("no right to mount: read-only mounts are not tried")
        return subprocess.run(["unshare", "-m", "bash", "-c", "mount --bind \"$1\" \"$1\" && " + script, "-",
                               *map(str, arguments)], cwd=tool.FOLDER, env=tool.environment(), capture_output=True)

    def test_read_only_mounts(self):
        to = self.fresh("mount")
        for command, _ in self.commands(to):
            ran = self.mounted("mount -o remount,ro,bind \"$1\" && shift && exec \"$@\"", path("mount"), tool.COMMAND,
                               *command)
            self.bad(ran, 4, "Read-only file system")
            self.assertNotIn(b"step", ran.stdout)
        # In the middle of a run: the last checkpoint is whole, the line says which step is safe.
        script = ("folder=$1; shift; \"$@\" & child=$!\n"
                  "for i in $(seq 2000); do [ -e \"$folder/run/model.safetensors\" ] && break; sleep 0.005; done\n"
                  # Mounted over itself, for a mount with a file open to write does not become read-only.
                  "mount --bind \"$folder/run\" \"$folder/run\" && mount -o remount,ro,bind \"$folder/run\" "
                  "|| kill -9 $child; wait $child")
        ran = self.mounted(script, path("mount"), tool.COMMAND, *SMALL, "--net", NET, "--steps", 1000000, "--save-every",
                           25, "--out", "mount/run")
        line = self.bad(ran, 4, "Read-only file system")
        safe = int(re.search(r"step (\d+) is safe", line).group(1))
        told = self.good(call("info", "--json", "mount/run/model.safetensors"))
        self.assertIn('"step": %d' % safe, told)
        self.good(call(*SMALL, "-q", "--resume", "mount/run", "--steps", safe + 2))

    # ---- two runs in one folder -----------------------------------------------------------------

    def test_two_at_once(self):
        n = 100 if FULL else 6
        for i in range(n):
            shutil.rmtree(path("both"), ignore_errors=True)
            both = [tool.start(*SMALL, "-q", "--net", NET, "--steps", 10000000, "--out", "both") for _ in range(2)]
            until = time.monotonic() + 30
            while all(p.poll() is None for p in both) and time.monotonic() < until:
                time.sleep(0.002)
            loser = [p for p in both if p.poll() is not None]
            self.assertEqual(len(loser), 1)
            winner = both[both[0] is loser[0]]
            err = loser[0].communicate()[1].decode()
            self.assertEqual(loser[0].returncode, 4, err)
            self.assertRegex(err, r"both: is in use by pid %d since \d{4}-" % winner.pid)
            self.assertIsNone(winner.poll())
            winner.kill()                                  # the lock dies with its owner
            winner.communicate()
            self.good(call(*TRAIN, "--out", "both"))
            self.assertNotIn(".lock", os.listdir(path("both")))
            self.assertEqual(tool.read("both", "model.safetensors"), self.model)
        figure("two runs started at once in one folder, %d times: exactly one works, the other names its pid; after kill -9 "
               "of the owner the next start works", n)

    def test_locks_that_fail(self):
        """A file system without locks: refused at once, for two runs could meet there."""
        for number in (errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO):
            self.refused_before_work(Ran((*SMALL, "--net", NET, "--steps", 4, "--out", "nolock"), 20,
                                         env=world(FLOCK=number)), b"cannot lock it", b"local disk")

    # ---- planted links --------------------------------------------------------------------------

    def test_planted_links(self):
        """Nothing is written through a link that lies where a file is to be."""
        victim, there = path("outside"), path("linked")
        for dangling in (False, True):
            for made in ("run", "sheets", "book"):
                command, = [c for c, m in self.commands("linked") if m == made]
                names = {"run": ["model.safetensors", "strips.png", "report.html"], "sheets": list(self.sheets),
                         "book": [n for n in self.book if "/" not in n]}[made]
                self.fresh("outside")
                self.fresh("linked")
                os.mkdir(os.path.join(there, made))
                for k, name in enumerate(names):
                    if not dangling:
                        tool.write("outside/%d" % k, b"precious")
                    os.symlink(os.path.join(victim, str(k)), os.path.join(there, made, name))
                ran = Ran(command, 60)
                kept = below(victim)
                self.assertEqual(kept, {} if dangling else {str(k): b"precious" for k in range(len(names))})
                if made == "book" and ran.code != 0:
                    self.assertIsNone(wrong(ran, (3, 4)), ran.err)      # what it would have to read first
                    continue
                self.ends(ran, (), made)
                self.whole("linked", made)

    def test_planted_folders(self):
        """The folders of a book are known, too: a link in the place of one is refused."""
        tiles, = {name.split("/")[0] for name in self.book if "/" in name}
        page = sorted({name.split("/")[1] for name in self.book if "/" in name})[0]
        for planted, more in ((tiles, ()), (os.path.join(tiles, page), ()), ("raw", ("--raw", "safetensors"))):
            self.fresh("outside")
            self.fresh("linked")
            os.makedirs(os.path.dirname(path("linked/book", planted)))
            os.symlink(path("outside"), path("linked/book", planted))
            command, = [c for c, made in self.commands("linked") if made == "book"]
            self.bad(call(*command, *more), 4, planted + ": is a link")
            self.assertEqual(os.listdir(path("outside")), [])
            os.unlink(path("linked/book", planted))
            self.good(call(*command, *more))

    def test_a_planted_lock(self):
        self.fresh("outside")
        self.fresh("locked")
        tool.write("outside/file", b"precious")
        os.symlink(path("outside/file"), path("locked/.lock"))
        self.refused_before_work(Ran((*SMALL, "--net", NET, "--steps", 2, "--out", "locked"), 20))
        self.assertEqual(tool.read("outside/file"), b"precious")

    def test_planted_event_files(self):
        """Their name is known to whoever knows the time and the pid: it is never opened twice."""
        self.fresh("outside")
        self.fresh("logs")
        tool.write("outside/file", b"precious")
        host = re.sub("[^A-Za-z0-9._-]", "_", socket.gethostname())

        def plant():
            for second in range(int(time.time()), int(time.time()) + 20):
                for n, target in enumerate((path("outside/file"), path("outside/new"))):
                    os.symlink(target, path("logs", "events.out.tfevents.%010d.%s.%d.%d" % (second, host, os.getpid(), n)))
        ran = Ran((*TRAIN, "--out", "logs"), 60, before=plant)
        self.ends(ran, (), "planted event files")
        self.assertEqual(below(path("outside")), {"file": b"precious"})
        logs = [n for n in os.listdir(path("logs")) if n.startswith("events.") and not os.path.islink(path("logs", n))]
        self.assertEqual(len(logs), 1)
        self.assertTrue(logs[0].endswith(".2"), logs)

    def test_a_place_that_is_gone(self):
        for absolute in (True, False):
            gone = path("gone")
            os.makedirs(gone, exist_ok=True)
            to = self.fresh("kept")
            for command, made in self.commands(path(to) if absolute else "below", path("whole")):
                os.makedirs(gone, exist_ok=True)
                ran = Ran(command, 60, cwd=gone, before=lambda: os.path.isdir(gone) and os.rmdir(gone))
                if absolute:
                    self.ends(ran, (), "a deleted working directory")
                    self.whole(to, made)
                else:
                    self.assertEqual(self.ends(ran, (4,), "a deleted working directory"), 4)
                    self.assertNotIn(b"step 0", ran.out)

    def deep(self, length):
        """A folder whose absolute path has so many bytes."""
        base = path("deep")
        shutil.rmtree(base, ignore_errors=True)
        os.mkdir(base)
        back, at = os.open(".", os.O_RDONLY), len(os.fsencode(base))
        try:
            os.chdir(base)
            parts = []
            while at < length:
                part = "d" * (min(length - at - 1, 200) if length - at - 1 > 202 or length - at - 1 <= 200
                              else (length - at) // 2)
                os.mkdir(part)
                os.chdir(part)
                parts.append(part)
                at += 1 + len(part)
        finally:
            os.fchdir(back)
            os.close(back)
        return os.path.join(base, *parts)

    def test_long_paths(self):
        """As long as the system takes them, or a line before any work."""
        ended, runs = {0: 0, 4: 0}, 0
        for length in (range(3950, 4101, 5) if FULL else (4000, 4050, 4062, 4085, 4100)):
            place = self.deep(length)
            self.assertEqual(len(os.fsencode(place)), length)
            for command, made in self.commands(place)[:1 if FULL and length % 10 else 4]:
                ran = Ran([a for a in command if a != "-q"], 60)
                self.ends(ran, (4,), "a path of %d bytes" % length)
                ended[ran.code] += 1
                runs += 1
                if ran.code == 4 and made == "run":
                    self.assertNotIn(b"step 0", ran.out)
            if length <= 4000:
                self.assertEqual(ended[4], 0, ran.err)
        shutil.rmtree(path("deep"))
        self.assertGreater(ended[0], 4)
        self.assertGreater(ended[4], 2)
        figure("paths of 1,000 to 4,100 bytes, %d runs: up to 4,000 all work, beyond %d work and %d are refused before any "
               "step", runs, ended[0], ended[4])

    def test_odd_names(self):
        names = [b"new\nline", b"esc\x1b[2J\x1b]0;x\x07", b"\xff\xfe\x80", b".hidden", b"-dash", b" space ", b"semi;colon: x",
                 "\u00fc\u202e\u2028\u0085".encode(), b"'quote\"", b"%s%n%d", b"$(touch x)`id`", b"a" * 255, b"tab\tcr\r",
                 b"\x7f", b"..."]
        names = names if FULL else names[:4] + names[7:8]
        for name in names:
            folder = os.path.join(os.fsencode(path("odd")), name)
            shutil.rmtree(path("odd"), ignore_errors=True)
            os.mkdir(path("odd"))
            for how in ([b"--out=" + name], None):
                arguments = [os.fsencode(str(a)) for a in TRAIN if a != "-q"]
                if how is None:
                    arguments = [os.fsencode(str(a)) for a in (*SMALL, "--steps", 6)] + [b"--resume=" + name]
                ran = subprocess.run([os.fsencode(tool.COMMAND), *arguments, *(how or [])], cwd=path("odd"),
                                     env=tool.environment(), stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual(ran.returncode, 0, (name, ran.stderr))
                self.assertEqual(os.listdir(os.fsencode(path("odd"))), [name])
            for command in ([b"info", b"--", name], [b"show", b"--data", b"synthetic", b"--count", b"1", b"--model=" + name,
                                                     b"--out=" + name], [b"info", b"--json", b"--", name]):
                ran = subprocess.run([os.fsencode(tool.COMMAND), *command], cwd=path("odd"), env=tool.environment(),
                                     stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual(ran.returncode, 0, (name, ran.stderr))
                if command[1] == b"--json":
                    ran.stdout.decode()
            page = open(os.path.join(folder, b"report.html"), "rb").read()
            page.decode()
            self.assertNotIn(b"\x1b", page)
            # The same names in error lines.
            shutil.rmtree(folder)
            for command in ([b"info", b"--", name], [b"train", b"--data=" + name], [b"show", b"--model=" + name],
                            [b"train", b"--resume=" + name]):
                ran = subprocess.run([os.fsencode(tool.COMMAND), *command], cwd=path("odd"), env=tool.environment(),
                                     stdin=subprocess.DEVNULL, capture_output=True)
                self.bad(ran, 4)
        figure("%d odd names (newline, escape, invalid UTF-8, dash, 255 bytes ...) for a run: trained, resumed, shown and "
               "told of; every error line whole", len(names))
