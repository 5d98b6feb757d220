"""What the tests of odd surroundings share: every command that writes files, and what each must have made;
another world for a run (world.c); an ordinary user."""
import os
import pwd
import resource
import shutil
import subprocess
import tempfile
import unittest

import tool
from faults import wrong
from shim import built
from tool import Case, call, path

NET = ("input 12x12x3; conv filters=6 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; "
       "avg_pool global; softmax")
SMALL = ("train", "--data", "synthetic", "-b", 8, "--graphics", "none", "-j", 3)
TRAIN = (*SMALL, "--net", NET, "--steps", 4, "-q")
TEXTS = ("model.safetensors", "strips.png")        # of a run: what has neither time nor speed in it


def world(**values):
    return tool.environment(LD_PRELOAD=built("world.so"), **{"WORLD_" + k: str(v) for k, v in values.items()})


def limit(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


def below(folder):
    """{relative name: bytes}; links are b"-> target"."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            at = os.path.join(base, name)
            if os.path.islink(at):
                found[os.path.relpath(at, folder)] = b"-> " + os.fsencode(os.readlink(at))
            else:
                with open(at, "rb") as file:
                    found[os.path.relpath(at, folder)] = file.read()
    return found


class Ordinary:
    """A folder that an ordinary user owns, and what a child does to be him."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="deconvnet-fault-user-")
        before = lambda: None                                               # noqa: E731
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            os.chmod(tool.FOLDER, 0o711)

            def before():
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            try:
                subprocess.run([tool.COMMAND, "--version"], preexec_fn=before, check=True, capture_output=True)
            except (PermissionError, subprocess.CalledProcessError):
                self.__exit__()
                raise unittest.SkipTest("an ordinary user may not run %s" % tool.COMMAND)
        return self.folder, before

    def __exit__(self, *_):
        for base, folders, _ in os.walk(self.folder):
            os.chmod(base, 0o700)
        shutil.rmtree(self.folder, ignore_errors=True)


class Surrounded(Case):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(path("whole"), ignore_errors=True)
        made = call(*TRAIN, "--out", "whole")
        if made.returncode:
            raise AssertionError(made.stderr.decode())
        cls.model = tool.read("whole", "model.safetensors")
        cls.strips = tool.read("whole", "strips.png")
        made = call("show", "--model", "whole", "--data", "synthetic", "--count", 2, "-q", "--out", "sheets", "-j", 3)
        cls.sheets = below(path("sheets"))
        made = call("atlas", "--model", "whole", "--data", "synthetic", "-q", "-k", 2, "--out", "book", "-j", 3)
        cls.book = below(path("book"))
        made = call("convert", "whole", "whole.onnx")
        cls.onnx = tool.read("whole.onnx")

    def commands(self, to, source="whole"):
        """(arguments, what it must have made): every command that writes files, below the folder `to`."""
        return (((*TRAIN, "--out", os.path.join(to, "run")), "run"),
                (("show", "--model", source, "--data", "synthetic", "--count", 2, "-q", "--out", os.path.join(to, "sheets"),
                  "-j", 3), "sheets"),
                (("atlas", "--model", source, "--data", "synthetic", "-q", "-k", 2, "--out", os.path.join(to, "book"),
                  "-j", 3), "book"),
                (("convert", source, os.path.join(to, "whole.onnx")), "onnx"))

    def whole(self, to, made):
        """What a good end has made is what it always is."""
        if made == "run":
            self.assertEqual(tool.read(to, "run", "model.safetensors"), self.model)
            self.assertEqual(tool.read(to, "run", "strips.png"), self.strips)
        elif made == "onnx":
            self.assertEqual(tool.read(to, "whole.onnx"), self.onnx)
        else:
            self.assertEqual(below(path(to, made)), self.sheets if made == "sheets" else self.book)

    def fresh(self, name):
        shutil.rmtree(path(name), ignore_errors=True)
        os.mkdir(path(name))
        return name

    def ends(self, ran, codes, what):
        self.assertIsNone(wrong(ran, (0, *codes)), "%s: %s" % (what, ran.err[-400:]))
        return ran.code

    def refused_before_work(self, ran, *words):
        self.assertEqual(ran.code, 4, ran.err)
        self.assertIsNone(wrong(ran, (4,)), ran.err)
        self.assertNotIn(b"step", ran.out)
        for word in words:
            self.assertIn(word, ran.err)
