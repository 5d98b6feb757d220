"""volley.py: many runs of the command on hostile files, each judged by the contract.

A run is a process of its own, by way of forks.c where that was built (see there), else by posix_spawn.
Nothing here knows a format."""
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import tool

MIB = 1024                      # in KiB, as the kernel counts memory
SMALL = 1024                    # bytes of a file that may cost little:
SMALL_SECONDS, SMALL_KIB = 1.0, 64 * MIB
PATIENCE = 20.0                 # a run is ended after so many seconds, whatever it waits for
LONGEST_LINE = 400
# What no terminal may be sent: C0 but for the newline, DEL, C1.
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Ended:
    """How a run ended: code (negative: a signal), seconds, those of the processor, KiB, hung."""

    def __init__(self, status, seconds, cpu, kib, hung):
        self.code = os.waitstatus_to_exitcode(status)
        self.seconds, self.cpu, self.kib, self.hung = seconds, cpu, kib, hung
        self.out = self.err = b""


class Spawner:
    """Starts the command, as a shell does."""

    def __init__(self, out, err, environment):
        self.actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
        self.environment = environment

    def run(self, arguments, watch):
        began = time.monotonic()
        pid = os.posix_spawn(tool.COMMAND, ["deconvnet", *arguments], self.environment,
                             file_actions=self.actions)
        watch.begin(pid)
        _, status, used = os.wait4(pid, 0)
        hung = watch.end()
        return Ended(status, time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss, hung)

    def close(self):
        pass


class Forker:
    """Has forks.so, which is loaded into the command, start it."""

    ANSWER = struct.Struct("<iiqqq")

    def __init__(self, out, err, environment, module):
        requests, self.requests = os.pipe()
        self.answers, answers = os.pipe()
        os.dup2(requests, 198)                          # where forks.c looks for them
        os.dup2(answers, 199)
        self.process = subprocess.Popen(["deconvnet"], executable=tool.COMMAND, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=err, env=dict(environment, LD_PRELOAD=module), close_fds=False)
        for fd in (requests, answers, 198, 199):
            os.close(fd)

    def read(self, n):
        data = b""
        while len(data) < n:
            more = os.read(self.answers, n - len(data))
            if not more:
                raise RuntimeError("forks.so does not answer")
            data += more
        return data

    def run(self, arguments, watch):
        text = b"\0".join([b"deconvnet", *map(os.fsencode, arguments)]) + b"\0"
        os.write(self.requests, struct.pack("<I", len(text)) + text)
        watch.begin(struct.unpack("<i", self.read(4))[0])
        _, status, kib, cpu, us = self.ANSWER.unpack(self.read(self.ANSWER.size))
        return Ended(status, us / 1e6, cpu / 1e6, kib, watch.end())

    def close(self):
        os.close(self.requests)
        self.process.wait()
        os.close(self.answers)


class Watch:
    """Kills a run that does not end."""

    def __init__(self):
        self.pid, self.hung = 0, False
        self.before = signal.signal(signal.SIGALRM, self.ring)

    def ring(self, *_):
        if self.pid:
            self.hung = True
            os.kill(self.pid, signal.SIGKILL)

    def begin(self, pid):
        self.pid, self.hung = pid, False
        signal.setitimer(signal.ITIMER_REAL, PATIENCE)

    def end(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.pid = 0
        return self.hung

    def close(self):
        signal.signal(signal.SIGALRM, self.before)


class Volley:
    """The runs of one format, in a folder of their own (in memory where the machine has that), where
    names are relative. `close` when done; `line` says how it went."""

    def __init__(self, name, spawn=False):
        where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.name, self.folder = name, tempfile.mkdtemp(prefix="deconvnet-mutants-", dir=where)
        self.back = os.getcwd()
        os.chdir(self.folder)
        self.out = os.open(".out", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self.err = os.open(".err", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        environment = tool.environment()
        environment.update(HOME=self.folder, XDG_CACHE_HOME=self.folder + "/cache")
        module = os.path.join(os.path.dirname(tool.COMMAND), "test", "faults", "forks.so")
        self.watch = Watch()
        self.spawner = Forker(self.out, self.err, environment, module) \
            if os.path.exists(module) and not spawn else Spawner(self.out, self.err, environment)
        self.runs = self.accepted = self.refused = self.small = self.hung = self.signals = 0
        self.slowest = self.largest = self.largest_small = self.base = 0
        self.faults, self.codes = [], {}

    def close(self):
        self.spawner.close()
        self.watch.close()
        os.close(self.out)
        os.close(self.err)
        os.chdir(self.back)
        shutil.rmtree(self.folder)

    @staticmethod
    def take(fd):
        size = os.fstat(fd).st_size
        text = os.pread(fd, size, 0) if size else b""
        if size:
            os.ftruncate(fd, 0)
        return text

    def once(self, arguments):
        ended = self.spawner.run([str(a) for a in arguments], self.watch)
        ended.out, ended.err = self.take(self.out), self.take(self.err)
        return ended

    def good(self, arguments):
        """A run that must succeed, before the hostile ones: what the memory of those is measured by."""
        ended = self.once(arguments)
        if ended.code:
            raise AssertionError("%s: %s: %r" % (self.name, arguments, ended.err))
        self.base = max(self.base, ended.kib)
        return ended

    def run(self, arguments, size, codes, outputs=()):
        """One run on a file of `size` bytes. outputs: what only a run that ends well leaves."""
        ended = self.once(arguments)
        seconds = SMALL_SECONDS if size <= SMALL else 2 + size / (1 << 20)
        for _ in range(2):                              # a busy machine is slow, a fault is slow each time
            if ended.hung or ended.seconds <= seconds:
                break
            ended = self.once(arguments)
        self.runs += 1
        self.small += size <= SMALL
        self.hung += ended.hung or ended.seconds > seconds
        self.signals += ended.code < 0 and not ended.hung
        self.codes[ended.code] = self.codes.get(ended.code, 0) + 1
        self.accepted += ended.code == 0
        self.refused += ended.code > 0
        self.slowest, self.largest = max(self.slowest, ended.seconds), max(self.largest, ended.kib)
        if size <= SMALL:
            self.largest_small = max(self.largest_small, ended.kib)
        why = self.judge(ended, size, seconds, codes, outputs)
        for name in outputs:
            remove(name)
        if why:
            self.keep(why, arguments, ended)
        return ended

    def judge(self, ended, size, seconds, codes, outputs):
        if ended.hung or ended.seconds > seconds:
            return "it took %.1f s (%.1f of the processor)" % (ended.seconds, ended.cpu)
        if size <= SMALL and ended.kib > self.base + SMALL_KIB:
            return "it took %d MiB, a good one %d" % (ended.kib // MIB, self.base // MIB)
        why = line_fault(ended, codes) or text_fault(ended)
        if why:
            return why
        for name in outputs:
            if ended.code and os.path.lexists(name):
                return "it left %s behind" % name
            if not ended.code and not os.path.exists(name):
                return "it wrote no %s" % name
        folder = os.path.dirname(outputs[0]) or "." if outputs else None
        left = [n for n in os.listdir(folder) if ".tmp-" in n] if folder and os.path.isdir(folder) else []
        return "it left %s behind" % left[0] if left else None

    def keep(self, why, arguments, ended):
        """The first few of each kind stay beside the tests' folder, that somebody can look at them."""
        self.faults.append("%s: %s (exit %d) %r" % (" ".join(map(str, arguments)), why, ended.code, ended.err[-200:]))
        kept = os.environ.get("DECONVNET_KEEP_MUTANTS")
        if kept and len(self.faults) <= 5:
            shutil.copytree(self.folder, "%s/%s-%d" % (kept, self.name, len(self.faults)), symlinks=True,
                            dirs_exist_ok=True)

    def line(self, seed):
        codes = ", ".join("%d: %d" % c for c in sorted(self.codes.items()))
        return ("mutants: %s: %s runs, seed %d: %d signals, %d hangs over 2 s, %s accepted, %s refused, each by one "
                "right line (exit codes %s); slowest %.2f s; largest %.0f MiB, of up to 1 KiB (%s) %.0f MiB, "
                "a good one %.0f MiB%s" % (
                    self.name, format(self.runs, ","), seed, self.signals, self.hung, format(self.accepted, ","),
                    format(self.refused, ","),
                    codes, self.slowest, self.largest / MIB, format(self.small, ","), self.largest_small / MIB,
                    self.base / MIB, "; FAULTS: %d" % len(self.faults) if self.faults else ""))


def remove(name):
    try:
        os.unlink(name)
    except IsADirectoryError:
        shutil.rmtree(name)
    except FileNotFoundError:
        pass


def line_fault(ended, codes):
    """Does it end as the contract says? None, or why not."""
    if ended.code < 0:
        return "signal %d" % -ended.code
    if ended.code not in codes:
        return "exit code %d" % ended.code
    if ended.code == 0:
        return None
    lines = ended.err.split(b"\n")
    errors = [line for line in lines if b": error: " in line]
    if len(errors) != 1 or lines[-2:] != [errors[0], b""]:
        return "%d error lines, or not the last one" % len(errors)
    if len(errors[0]) + 1 > LONGEST_LINE:
        return "a line of %d bytes" % (len(errors[0]) + 1)
    try:
        return None if tool.ERROR.match(errors[0].decode()) else "not a line of the shape"
    except UnicodeDecodeError:
        return "its line is not UTF-8"


def text_fault(ended):
    """Can what was printed drive a terminal?"""
    for where, data in (("output", ended.out), ("error", ended.err)):
        try:
            found = CONTROL.search(data.decode())
        except UnicodeDecodeError:
            return "its standard %s is not UTF-8" % where
        if found:
            return "a control byte %r on its standard %s" % (found.group(), where)
    return None
