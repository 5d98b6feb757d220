"""Every call of every command that writes fails once: no file is lost, none is half-written, and the one
error line names the file, the byte and what is safe. Interrupted and short calls change nothing."""
import concurrent.futures
import errno
import os
import random
import re
import shutil
import subprocess
import threading
import unittest

import faults
import shim
import tool
from faults import FULL, figure
from tool import Case

SEED = 20261123
NET = ("input 8x8x3; conv filters=3 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; avg_pool 4; "
       "softmax")
FULL_DISK = ",create,write,pwrite,ftruncate,fallocate,mkdir,link,"
BAD_DISK = ",write,pwrite,fsync,fdatasync,syncfs,read,"
WRITTEN = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG)
# What a call may fail with; EINTR only where the kernel's manual knows it.
WAYS = {
    "create": (errno.EACCES, errno.ENOSPC, errno.EMFILE, errno.EINTR), "open": (errno.EACCES, errno.EIO, errno.EINTR),
    "folder": (errno.EACCES, errno.EMFILE, errno.EINTR), "write": WRITTEN + (errno.EINTR,),
    "pwrite": WRITTEN + (errno.EINTR,), "read": (errno.EIO, errno.EINTR), "close": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "fsync": (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR), "fdatasync": (errno.EIO, errno.ENOSPC, errno.EINTR),
    "syncfs": (errno.EIO, errno.ENOSPC), "rename": (errno.EIO, errno.ENOSPC, errno.EACCES), "link": (errno.EPERM, errno.EMLINK),
    "unlink": (errno.EACCES, errno.EIO), "rmdir": (errno.EACCES,), "mkdir": (errno.EACCES, errno.ENOSPC, errno.EROFS),
    "ftruncate": (errno.EIO, errno.EINTR), "fallocate": (errno.ENOSPC, errno.EOPNOTSUPP, errno.EINTR),
    "flock": (errno.ENOLCK, errno.EINTR)}
# A failure of these may be passed over: then all else is as if it had not happened.
MAY_PASS = {"unlink", "rmdir", "link", "folder", "close", "fallocate", "flock", "mkdir", "open", "read"}
TEMPORARY = re.compile(r"\.tmp-[a-z0-9]{6}$")


def final(path):
    return TEMPORARY.sub("", path)


class Command:
    """A command and how its end is judged. template: the folder before; out: what is compared."""

    def __init__(self, case, name, arguments, template=None, *, program=None, same=(), again=True):
        self.case, self.name, self.arguments, self.program = case, name, arguments, program
        self.template, self.same, self.again = template, same, again
        folder = shim.fresh(name + "-0", template)
        ran = self.run(0, folder)
        case.assertEqual(ran.code, 0, ran.err)
        self.calls, self.good = ran.calls, shim.files_of(folder)
        case.assertTrue(self.calls)
        case.assertFalse([n for n in self.good if TEMPORARY.search(n)])

    def run(self, worker, folder, **how):
        arguments = [str(a).replace("@", folder) for a in self.arguments]
        return shim.Shimmed(arguments, folder, log=tool.path("%s-%d.log" % (self.name, worker)), program=self.program,
                            **how)

    def faults(self):
        """[(k, errno, how, kinds)]: each call in each way."""
        found = []
        for call in self.calls:
            found += [(call.k, e, "", "") for e in WAYS.get(call.kind, ())]
            if call.kind in ("write", "pwrite"):
                found += [(call.k, errno.ENOSPC, "half", ""), (call.k, errno.ENOSPC, "ever", FULL_DISK),
                          (call.k, errno.EIO, "ever", BAD_DISK)]
            if call.kind in ("create", "mkdir", "fallocate"):
                found.append((call.k, errno.ENOSPC, "ever", FULL_DISK))
            if call.kind in ("fsync", "fdatasync", "read"):
                found.append((call.k, errno.EIO, "ever", BAD_DISK))
        return found

    # ---- after a run ------------------------------------------------------------------------------------

    def target(self, call):
        """The file that the call is about, under its final name."""
        if call.path:
            return final(call.other or call.path)
        opened = [c for c in self.calls if c.k < call.k and c.fd == call.fd and c.kind in ("create", "open", "folder")]
        return final(opened[-1].path) if opened else ""

    def check_whole(self, name, data):
        """A file under its final name is an old or a new one."""
        if data != self.good.get(name) and not (self.template and data == self.before().get(name)):
            return "%s is neither the old nor the new one" % name
        return None

    def before(self):
        if not hasattr(self, "_before"):
            self._before = shim.files_of(self.template)
        return self._before

    def check_files(self, folder, blocked):
        for name, data in shim.files_of(folder).items():
            if TEMPORARY.search(name) and not blocked:
                return name + " is left"
            if TEMPORARY.search(name) or os.path.basename(name) in (".lock", "tiles.tmp") or name.endswith(".part"):
                continue
            why = self.check_whole(name, data)
            if why:
                return why
        return None

    def check_equal(self, folder):
        files = shim.files_of(folder)
        if set(files) != set(self.good) and {self.plain(n) for n in files} != {self.plain(n) for n in self.good}:
            return "files: %s" % sorted(set(files) ^ set(self.good))
        for name, data in files.items():
            if self.same and not name.endswith(self.same):
                continue
            if data != self.good[name]:
                return name + " has other bytes"
        return None

    @staticmethod
    def plain(name):
        return name.split("events.out")[0]

    def check_line(self, ran, call, error, how, folder):
        text = ran.err.decode()
        why = faults.wrong(ran, (4,))
        if why:
            return why
        line = text.strip().split("\n")[-1]
        # Cuts off what an earlier run had instead of this folder's name.
        target = os.path.basename(self.target(call)).split("events.", 1)[0] or "events.out.tfevents."
        target = self.name + "-" if target == self.name + "-0" else target
        around = "/%s: " % os.path.basename(os.path.dirname(self.target(call)))
        if how != "ever" and target not in line and around not in line:
            return "%r does not name %s" % (line, target)
        if call.kind == "write" and how == "" and error in WRITTEN and ".lock" not in target:
            if "at byte %d" % call.a not in line:
                return "%r does not name byte %d" % (line, call.a)
        return None

    def check_log(self, ran):
        """A sync that failed is never tried again on the same file; it gets no name."""
        failed = set()
        for call in ran.calls:
            if call.kind in ("fsync", "fdatasync", "syncfs"):
                if call.fd in failed:
                    return "a failed sync is tried again"
                if call.result < 0 and call.errno != errno.EINTR:
                    failed.add(call.fd)
            if call.kind in ("close", "create", "open", "folder"):
                failed.discard(call.fd)
        return None

    def check_rerun(self, folder):
        ran = self.run(9, folder)
        if ran.code != 0:
            return "the same command again: %d %r" % (ran.code, ran.err)
        return self.check_equal(folder)

    def judge(self, worker, fault, rerun):
        k, error, how, kinds = fault
        call = self.calls[k - 1]
        folder = shim.fresh("%s-%d" % (self.name, worker + 1), self.template)
        ran = self.run(worker + 1, folder, fail=(k, error), how=how, kinds=kinds)
        soft = error in (errno.EINTR, errno.EOPNOTSUPP)
        passed = ran.code == 0 and (soft or call.kind in MAY_PASS or self.may_pass(call))
        if ran.hung:
            why = "hangs"
        elif passed:
            why = None if call.kind in ("unlink", "rmdir", "link") or self.may_pass(call) else self.check_equal(folder)
        elif ran.code == 0 or soft:
            why = "exit code %d: %r" % (ran.code, ran.err)
        else:
            why = self.check_line(ran, call, error, how, folder)
        why = why or self.check_log(ran) or self.check_files(folder, call.kind == "unlink")
        why = why or self.check_more(ran, folder)
        if not why and rerun and self.again:
            why = self.check_rerun(folder)
        return why and "%s: call %d (%s of %s), %s %s: %s" % (
            self.name, k, call.kind, os.path.basename(self.target(call)), errno.errorcode[error], how, why)

    def may_pass(self, call):
        return False

    def check_more(self, ran, folder):
        return None

    def sweep(self, short, pick):
        """All ways of failing, or a few of them, on two threads."""
        ways = self.faults()
        if not FULL and len(ways) > short:
            ways = pick.sample(ways, short)
        reruns = set(pick.sample(range(len(ways)), len(ways) // (8 if FULL else 4)))
        jobs = [(i % 2, way, i in reruns) for i, way in enumerate(ways)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(lambda w=w: [self.judge(*job) for job in jobs if job[0] == w]) for w in (0, 1)]
            wrongs = [why for half in halves for why in half.result() if why]
        self.case.assertFalse(wrongs, "%d of %d:\n%s" % (len(wrongs), len(ways), "\n".join(wrongs[:40])))
        return len(ways), len(reruns)


class Training(Command):
    """Resumed from step 6 to step 12. The old checkpoint, or one of a step since then, whole."""

    def __init__(self, case, name):
        base = shim.fresh(name + "-base")
        case.good(tool.call(*self.train(), "--out", base + "/r", "--steps", 6))
        self.known, self.older = {}, tool.read(base, "r", "model.previous.safetensors")
        every = shim.fresh(name + "-every", base)
        for step in range(7, 13):
            self.learn(every + "/r")
            case.good(tool.call("train", "--resume", every + "/r", "--data", "synthetic", "--steps", step, "-q"))
        self.learn(every + "/r")
        super().__init__(case, name, ["train", "--resume", "@/r", "--data", "synthetic", "--steps", 12, "--save-every", 2,
                                      "--log-interval", 4, "-j", 1, "-q"], base, same=("model.safetensors", "strips.png"))

    @staticmethod
    def train():
        return ["train", "--data", "synthetic", "--net", NET, "-b", 8, "--save-every", 2, "-q"]

    def learn(self, folder):
        data = tool.read(folder, "model.safetensors")
        self.known[data] = int(tool.tensors(data)[1]["step"])

    def check_whole(self, name, data):
        base = os.path.basename(name)
        if base == "model.safetensors" or base == "model.previous.safetensors":
            good = data in self.known or (data == self.older and "previous" in base)
            return None if good else "%s is no checkpoint that there ever was" % name
        if base == "report.html":
            return None if data.endswith(b"</html>\n") else "report.html has no end"
        if base.startswith("events."):
            return self.case.events(data)
        return super().check_whole(name, data)

    def may_pass(self, call):
        """Without links or renames no older checkpoint is kept; the run goes on."""
        return os.path.basename(self.target(call)) == "model.previous.safetensors"

    def check_more(self, ran, folder):
        step = self.known[tool.read(folder, "r", "model.safetensors")]
        # Before there is an event file nothing has begun, and the error needs no advice but its own.
        if ran.code != 4 or not any(c.kind == "create" and "events" in c.path for c in ran.calls):
            return None
        # The new name may be lost: then the step before it is the safe one, unless a second save went well.
        if b"model.safetensors: cannot sync its folder" in ran.err and b"all 12 steps" not in ran.err:
            said = re.search(rb"step (\d+) is safe", ran.err)
            return None if said and 6 <= int(said.group(1)) <= step else "%r" % ran.err
        want = "all 12 steps are safe" if step == 12 else "step %d is safe" % step
        return None if want in ran.err.decode() else "%r does not say: %s" % (ran.err, want)

    def check_rerun(self, folder):
        if self.known[tool.read(folder, "r", "model.safetensors")] == 12:
            return None
        return super().check_rerun(folder)


class Atlas(Command):
    """The scan's state and the tiles are worked on in place; the book appears whole."""

    def check_whole(self, name, data):
        if name.endswith("scan.safetensors"):
            return None if data[8:9] == b"{" else "scan.safetensors is cut"
        return super().check_whole(name, data)


class Fetch(Command):
    def target(self, call):
        """The six files are looked at side by side: which one a call meets differs from run to run."""
        name = super().target(call)
        return os.path.join(os.path.dirname(name), "_batch") if name.endswith(".bin") and call.kind == "read" else name


def archive(folder):
    """A small CIFAR-10 archive: (url, bytes, sha256)."""
    import hashlib
    import io
    import tarfile
    path = os.path.join(folder, "small.tar.gz")
    rng = random.Random(SEED)
    with tarfile.open(path, "w:gz") as tar:
        for name in ["data_batch_%d.bin" % i for i in range(1, 6)] + ["test_batch.bin"]:
            data = b"".join(bytes([i]) + rng.randbytes(3072) for i in range(2))
            entry = tarfile.TarInfo("cifar-10-batches-bin/" + name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        names = "\n".join("airplane automobile bird cat deer dog frog horse ship truck".split()).encode() + b"\n"
        entry = tarfile.TarInfo("cifar-10-batches-bin/batches.meta.txt")
        entry.size = len(names)
        tar.addfile(entry, io.BytesIO(names))
    with open(path, "rb") as file:
        data = file.read()
    return "file://" + path, len(data), hashlib.sha256(data).hexdigest()


class Writes(Case):
    @classmethod
    def setUpClass(cls):
        shim.need_shim()
        cls.pick = random.Random(SEED)
        folder = shim.fresh("model")
        ran = tool.call(*Training.train(), "--out", folder + "/r", "--steps", 2)
        assert ran.returncode == 0, ran.stderr
        cls.model = folder + "/r/model.safetensors"

    def setUp(self):
        self.lock = threading.Lock()
        self.loader = subprocess.Popen([shim.built("loader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tearDown(self):
        self.loader.communicate()

    def events(self, data):
        """None if these are whole records."""
        path = tool.path("events-%d" % random.getrandbits(60))
        tool.write(path, data)
        with self.lock:                        # two threads ask one loader
            self.loader.stdin.write(b"events %s\n" % path.encode())
            self.loader.stdin.flush()
            status, what = self.loader.stdout.readline().decode().rstrip("\n").split("\t")
        os.unlink(path)
        return None if status == "0" and what.endswith(" 0") else "the event file: %s %s" % (status, what)

    def sweep(self, command, short):
        ways, reruns = command.sweep(short, self.pick)
        figure("writes %s: %d calls, %d ways in which one failed, 0 wrong ends, 0 files harmed; %d commands given again "
               "afterwards, all with the undisturbed bytes; seed %d", command.name, len(command.calls), ways, reruns, SEED)

    def test_train(self):
        self.sweep(Training(self, "train"), 30)

    def test_show(self):
        self.sweep(Command(self, "show", ["show", "-m", self.model, "--data", "synthetic", "--count", 1, "-q", "-j", 1,
                                          "--out", "@/o", "--dump", "@/d.st"]), 16)

    def test_convert(self):
        self.sweep(Command(self, "onnx", ["convert", self.model, "@/m.onnx", "-q"]), 8)
        base = shim.fresh("converted")
        shutil.copy(self.model, base + "/m.safetensors")
        self.sweep(Command(self, "model", ["convert", "@/m.safetensors", "@/again.safetensors", "-q"], base), 8)

    def test_atlas(self):
        shared = ["-m", self.model, "--data", "synthetic", "--top", 2, "--layers", "max_pool1", "-q", "-j", 1]
        self.sweep(Atlas(self, "atlas", ["atlas", *shared, "--out", "@/b", "--raw", "npz"]), 20)
        base = shim.fresh("parts")
        for i in (1, 2):
            self.good(tool.call("atlas", *shared, "--shard", "%d/2" % i, "--out", base + "/p%d" % i))
        self.sweep(Atlas(self, "merge", ["atlas-merge", "@/p1", "@/p2", *shared, "--out", "@/w", "--single"], base), 14)

    def test_fetch(self):
        base = shim.fresh("archive")
        url, size, digest = archive(base)
        self.sweep(Fetch(self, "fetch", ["fetch", "@/c", url, size, digest], program=shim.built("loader")), 12)

    def test_short_writes(self):
        """One byte at a time, or half of what was asked for: the same bytes."""
        shared = ["-m", self.model, "--data", "synthetic", "--top", 2, "--layers", "max_pool1", "-q", "-j", 1]
        commands = [Training(self, "train"), Atlas(self, "atlas", ["atlas", *shared, "--out", "@/b", "--raw", "npz"]),
                    Command(self, "show", ["show", "-m", self.model, "--data", "synthetic", "--count", 1, "-q", "--out",
                                           "@/o", "--dump", "@/d.st"])]
        calls = 0
        for command in commands:
            for short in ("half", "1") if FULL else ("half",):
                folder = shim.fresh("%s-1" % command.name, command.template)
                ran = command.run(1, folder, short=short)
                self.assertEqual(ran.code, 0, ran.err)
                self.assertIsNone(command.check_equal(folder) or command.check_files(folder, False))
                calls += len(ran.calls)
        figure("short writes and reads (%s): %d commands, %d calls, all files as without",
               "half and 1 byte" if FULL else "half", len(commands), calls)


if __name__ == "__main__":
    unittest.main()
