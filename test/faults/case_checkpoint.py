"""A checkpoint that is damaged, foreign or a link: refused by name, with the step that is still good; nothing
outside the run's folder is touched."""
import os
import re
import shutil

import tool
from tool import Case, call, path

NET = ("input 8x8x3; conv filters=3 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; avg_pool 4; "
       "softmax")
MODEL, PREVIOUS = "model.safetensors", "model.previous.safetensors"


def train(out, steps, *more):
    return call("train", "--data", "synthetic", "--net", NET, "-b", 8, "--save-every", 4, "-q", "--steps", steps, "--out", out,
                *more)


def resume(model, steps, *more):
    return call("train", "--data", "synthetic", "--save-every", 4, "-q", "--resume", model, "--steps", steps, *more)


def damage(name):
    data = bytearray(tool.read(name))
    data[-5] ^= 4
    tool.write(name, bytes(data))


class Checkpoint(Case):
    def test_the_one_before_is_named_and_goes_on(self):
        self.good(train("run", 10))
        self.good(train("whole", 14))
        damage("run/" + MODEL)
        words = ("is damaged (checksum", "; step 8 is the newest good one, in run/" + PREVIOUS)
        self.bad(resume("run", 14), 3, *words)
        self.bad(call("eval", "--model", "run", "--data", "synthetic"), 3, *words)
        self.bad(call("show", "--model", "run", "--data", "synthetic", "--out", "o"), 3, *words)
        self.bad(call("convert", "run", "c.onnx"), 3, *words)
        self.good(resume("run/" + PREVIOUS, 14))
        self.assertEqual(tool.read("run", MODEL), tool.read("whole", MODEL))

    def test_none_before(self):
        self.good(train("first", 4))
        self.assertFalse(os.path.exists(path("first", PREVIOUS)))
        damage("first/" + MODEL)
        line = self.bad(resume("first", 8), 3, "is damaged")
        self.assertNotIn("newest good", line)

    def test_both_damaged(self):
        self.good(train("both", 10))
        damage("both/" + MODEL)
        damage("both/" + PREVIOUS)
        self.assertNotIn("newest good", self.bad(resume("both", 14), 3, "is damaged"))
        self.bad(resume("both/" + PREVIOUS, 14), 3, "previous.safetensors@0x")

    def test_a_damaged_one_is_not_kept(self):
        """What goes on from the older one replaces the damaged one, which must not become the older one."""
        self.good(train("kept", 10))
        older = tool.read("kept", PREVIOUS)
        damage("kept/" + MODEL)
        self.good(resume("kept/" + PREVIOUS, 9))
        self.assertEqual(tool.read("kept", PREVIOUS), older)
        self.assertIn('"step": 9', self.good(call("info", "--json", "kept")))

    def test_other_runs(self):
        self.good(train("a", 10))
        self.good(train("a", 3))                   # replaced: nothing of the earlier run is kept
        self.assertFalse(os.path.exists(path("a", PREVIOUS)))
        self.good(train("b", 10))
        self.good(resume("a", 4, "--out", "b"))    # from elsewhere: what b kept was of another run
        self.assertFalse(os.path.exists(path("b", PREVIOUS)))
        self.good(resume("b", 6))
        self.assertIn('"step": 4', self.good(call("info", "--json", "b/" + PREVIOUS)))

    def test_versions_and_networks(self):
        self.good(train("version", 4))
        data = tool.read("version", MODEL)
        tool.write("version/" + MODEL, data.replace(b"deconvnet model 1", b"deconvnet model 2"))
        self.bad(resume("version", 8), 10, "version 2, this program reads version 1")
        tool.write("version/" + MODEL, data.replace(b"deconvnet model 1", b"deconvnet xodel 1"))
        self.bad(resume("version", 8), 3)
        tool.write("version/" + MODEL, data)
        self.bad(resume("version", 8, "--net", NET.replace("filters=3", "filters=4")), 10)

    def test_links_lead_nowhere(self):
        """No file points to a checkpoint; a link in its place is read, never written through."""
        self.good(train("target", 4))
        before = tool.read("target", MODEL)
        os.mkdir(path("linked"))
        shutil.copy(path("target", MODEL), path("outside.safetensors"))
        os.symlink("../outside.safetensors", path("linked", MODEL))
        os.symlink("../outside.safetensors", path("linked", PREVIOUS + ".tmp-linked"))
        self.good(resume("linked", 9))
        self.assertEqual(tool.read("outside.safetensors"), before)
        self.assertFalse(os.path.islink(path("linked", MODEL)))
        left = [name for name in os.listdir(path("linked")) if re.search(r"\.tmp-", name)]
        self.assertEqual(left, [])
