"""shim.so (shim.c) in a run of the command: which calls count, which one fails, what was called."""
import collections
import os
import shutil
import signal
import subprocess
import unittest

import tool

Call = collections.namedtuple("Call", "k kind fd result errno a b c path other")


def built(name):
    """A program of this folder, beside the command. A build without it skips."""
    path = os.path.join(os.path.dirname(tool.COMMAND), "test", "faults", name)
    if not os.path.exists(path):
        raise unittest.SkipTest("%s is not built: a command outside its build folder" % name)
    return path


def calls_of(log):
    """The calls of one run: [Call]."""
    if not os.path.exists(log):
        return []
    with open(log) as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return sorted((Call(*map(int, row[:1]), row[1], *map(int, row[2:8]), *row[8:]) for row in rows if len(row) == 10),
                  key=lambda call: call.k)


class Shimmed:
    """One run with the shim: code, out, err, calls. fail: (k, errno), how: "", "ever", "half"."""

    def __init__(self, arguments, under, *, fail=None, how="", kinds="", short="", kill=None, log=None,
                 program=None, seconds=60, before=None):
        self.log = log or os.path.join(tool.FOLDER, "shim.log")
        for name in (self.log, self.log + ".data"):
            if os.path.exists(name):
                os.unlink(name)
        env = tool.environment(LD_PRELOAD=built("shim.so"), DCN_SHIM_UNDER=under, DCN_SHIM_LOG=self.log,
                               DCN_SHIM_KINDS=kinds, DCN_SHIM_SHORT=short)
        # A sanitizer's library wants to be the first one, and need not be.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        if fail:
            env["DCN_SHIM_FAIL"] = "%d:%d:%s" % (fail[0], fail[1], how)
        if kill:
            env["DCN_SHIM_KILL"] = "%d:%s" % kill
        process = subprocess.Popen([program or tool.COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tool.FOLDER, env=env,
                                   preexec_fn=before)
        self.hung = False
        try:
            self.out, self.err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.hung = True
            process.send_signal(signal.SIGKILL)
            self.out, self.err = process.communicate()
        self.code = process.returncode
        self.seconds = seconds

    @property
    def calls(self):
        return calls_of(self.log)


def fresh(name, copy_of=None):
    """An empty folder, or a copy of one."""
    path = tool.path(name)
    shutil.rmtree(path, ignore_errors=True)
    if copy_of:
        shutil.copytree(copy_of, path, symlinks=True)
    else:
        os.mkdir(path)
    return path


def files_of(folder):
    """{name below the folder: bytes}"""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def need_shim():
    """Skips where the shim does not see the calls: a program with its own ones linked in."""
    folder = fresh("shim-probe")
    Shimmed(["train", "--data", "synthetic", "--net", tool.NET, "--steps", 1, "-b", 4, "-q", "--out", folder + "/r"],
            folder, log=tool.path("probe.log"))
    if not any(call.kind == "rename" for call in calls_of(tool.path("probe.log"))):
        raise unittest.SkipTest("the preloaded library sees no calls of this build")
    shutil.rmtree(folder)
