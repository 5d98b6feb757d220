"""Power cuts: thousands of states that a disk may be in after one (powercut.py). In each the checkpoint is an
old or the new one, whole, or is refused by name; nothing is silently wrong."""
import collections
import hashlib
import os
import random
import re
import subprocess

import faults
import powercut
import shim
import tool
from faults import FULL, figure
from tool import Case

SEED = 20261123
NET = ("input 8x8x3; conv filters=16 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; avg_pool 4; "
       "softmax")
HOWS = ("some", "some", "some", "none", "names", "all")
MODEL, PREVIOUS = "r/model.safetensors", "r/model.previous.safetensors"


def train(folder, steps, *more):
    return ["train", *more, "--data", "synthetic", "--save-every", 2, "--log-interval", 3, "-q", "-j", 1, "--steps", steps]


class Crash(Case):
    def setUp(self):
        shim.need_shim()
        self.loader = subprocess.Popen([shim.built("loader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.seen = {}

    def tearDown(self):
        self.loader.communicate()

    def look(self, kind, data):
        """(status, what) of these bytes; the same bytes are looked at once."""
        key = kind, hashlib.sha256(data).digest()
        if key not in self.seen:
            path = tool.path("looked-at")
            tool.write("looked-at", data)
            self.loader.stdin.write(("%s %s\n" % (kind, path)).encode())
            self.loader.stdin.flush()
            status, what = self.loader.stdout.readline().decode().rstrip("\n").split("\t")
            if status not in ("0", "3", "4", "10") or (status != "0" and not what.startswith(path)):
                self.fail("%s: %s %s" % (kind, status, what))
            self.seen[key] = int(status), what
        return self.seen[key]

    def record(self, name, arguments, base):
        """The run's calls and its disk."""
        folder = shim.fresh(name, base)
        before = shim.files_of(base)
        ran = shim.Shimmed([str(a).replace("@", folder) for a in arguments], folder, log=tool.path(name + ".log"))
        self.assertEqual(ran.code, 0, ran.err)
        with open(ran.log + ".data", "rb") as file:
            data = file.read()
        return ran.calls, data, folder, before

    def versions(self, calls, data, folder, before):
        """[(renamed at, safe from, bytes)]: the checkpoints of a run, in order."""
        disk, found = powercut.Disk(calls, data, folder, before), []
        for change in disk.names:
            if change[1] == powercut.RENAME and change[3] == MODEL:
                whole = disk.content(change[4], disk.last, "all", None, False)
                found.append((change[0], min(s for s in disk.folder_syncs["r"] if s > change[0]), whole))
        return found

    @staticmethod
    def moments(calls, rng):
        """A call's number; every other one is near the change of a name or a sync."""
        near = [c.k for c in calls if c.kind in ("rename", "link", "fsync")]
        if rng.random() < 0.5:
            return rng.randint(0, calls[-1].k)
        return min(calls[-1].k, max(0, rng.choice(near) + rng.randint(-2, 1)))

    # ---- a training run ---------------------------------------------------------------------------------

    def training(self):
        base = shim.fresh("base")
        self.good(tool.call(*train(base, 4, "--net", NET, "-b", 8, "--out", base + "/r")))
        arguments = train("@/r", 10, "--resume", "@/r")
        calls, data, folder, before = self.record("recorded", arguments, base)
        versions = [(0, 0, before[MODEL])] + self.versions(calls, data, folder, before)
        self.assertGreaterEqual(len(versions), 4)
        return calls, data, folder, before, versions

    def judge_honest(self, k, files, versions, older, tally):
        """Why this state is not right, or None."""
        model, previous = files.get(MODEL), files.get(PREVIOUS)
        allowed = {v[2]: i for i, v in enumerate(versions) if v[0] <= k}
        least = max(i for i, v in enumerate(versions) if v[1] <= k)
        if model not in allowed or allowed[model] < least:
            return "the checkpoint is %s" % ("missing" if model is None else "an older one" if model in allowed
                                             else "none that there ever was")
        if previous not in allowed and previous != older:
            return "the one before it is none that there ever was"
        status, what = self.look("model", model)
        if status or int(what.split()[0]) != int(tool.tensors(model)[1]["step"]):
            return "the loader says %d %s" % (status, what)
        tally["newest" if allowed[model] == len(allowed) - 1 else "the one before"] += 1
        return None

    def judge_events(self, disk, k, files, tally, lies):
        """What was synced is read; what follows is left out or refused, at its place."""
        for name, data in files.items():
            if "events.out" not in name:
                continue
            status, what = self.look("events", data)
            file = [c[3] for c in disk.names if c[1] == powercut.CREATE and c[2] == name]
            written = disk.content(file[0], k, "all", None, False) if file else data
            sure = [] if lies or not file else [c for c in file[0].changes if c[0] <= file[0].last_sync(k, lies)]
            if status == 0:
                whole = len(data) - int(what.split()[1])
                if data[:whole] != written[:whole] or int(what.split()[0]) < len(sure):
                    return "%s: %s, but %d records were synced" % (name, what, len(sure))
                tally["events whole" if whole == len(data) else "events torn"] += 1
            else:
                at = re.search("@0x([0-9a-f]+): ", what)
                synced = sum(len(c[2]) for c in sure)
                if (int(at.group(1), 16) if at else 0) < synced:
                    return "%s: %s, but %d bytes were synced" % (name, what, synced)
                tally["events damaged"] += 1
        return None

    def test_training_on_an_honest_disk(self):
        calls, data, folder, before, versions = self.training()
        disk, rng, tally = powercut.Disk(calls, data, folder, before), random.Random(SEED), collections.Counter()
        states, resumed, wrongs, different = 5000 if FULL else 200, 0, [], set()
        want = versions[-1][2]
        for i in range(states):
            k, how = self.moments(calls, rng), HOWS[i % len(HOWS)]
            named, folders = disk.state(k, how, rng)
            files = disk.bytes_of(named, k, how, rng)
            different.add(hashlib.sha256(repr(sorted((n, hash(d)) for n, d in files.items())).encode()).digest())
            why = self.judge_honest(k, files, versions, before[PREVIOUS], tally)
            why = why or self.judge_events(disk, k, files, tally, False)
            if not why and i % (states // (100 if FULL else 4)) == 1 and files[MODEL] != want:
                resumed += 1
                why = self.resume(files, folders, want)
            if why:
                wrongs.append("after call %d (%s), %s: %s" % (k, calls[k - 1].kind, how, why))
        self.assertFalse(wrongs, "%d of %d:\n%s" % (len(wrongs), states, "\n".join(wrongs[:20])))
        figure("power cut while training, disk that keeps its syncs: %d states (%d different) after %d calls: the checkpoint is "
               "whole in all (%d the newest, %d the one before); event files %d whole, %d torn, %d refused behind what was "
               "synced; %d of them resumed to the same bits; seed %d", states, len(different), disk.last, tally["newest"],
               tally["the one before"], tally["events whole"], tally["events torn"], tally["events damaged"], resumed, SEED)

    def resume(self, files, folders, want):
        at = shim.fresh("state")
        powercut.lay(at, files, folders)
        ran = tool.call(*train(at + "/r", 10, "--resume", at + "/r"))
        if ran.returncode:
            return "--resume: %d %r" % (ran.returncode, ran.stderr)
        left = [name for name in os.listdir(at + "/r") if ".tmp-" in name]
        return "other weights" if tool.read(at, MODEL) != want else "left: %s" % left if left else None

    def test_training_on_a_disk_that_lies(self):
        """No sync counts: a checkpoint may be lost, but never be taken for what it is not."""
        calls, data, folder, before, versions = self.training()
        disk, rng, tally = powercut.Disk(calls, data, folder, before), random.Random(SEED + 1), collections.Counter()
        known = {v[2] for v in versions} | {before[PREVIOUS]}
        states, wrongs = 5000 if FULL else 100, []
        for i in range(states):
            k, how = self.moments(calls, rng), HOWS[i % len(HOWS)]
            named, folders = disk.state(k, how, rng, True)
            files = disk.bytes_of(named, k, how, rng, True)
            why, good = self.judge_events(disk, k, files, tally, True), False
            for name in (PREVIOUS, MODEL):
                if name not in files:
                    tally[name + " missing"] += 1
                    continue
                status, what = self.look("model", files[name])
                if (status == 0) != (files[name] in known):
                    why = "%s: %d %s" % (name, status, what)
                tally[name + (" refused" if status else " whole")] += 1
                if name == MODEL and status and good:
                    tally["named"] += 1
                    if tally["named"] <= (20 if FULL else 2):
                        why = why or self.named(files, folders)
                good = status == 0
            if why:
                wrongs.append("after call %d (%s), %s: %s" % (k, calls[k - 1].kind, how, why))
        self.assertFalse(wrongs, "%d of %d:\n%s" % (len(wrongs), states, "\n".join(wrongs[:20])))
        self.assertTrue(tally[MODEL + " refused"])
        figure("power cut while training, disk that has synced nothing: %d states: the checkpoint whole %d, refused by name %d "
               "(%d with a whole one before it), missing %d, silently wrong 0; seed %d", states, tally[MODEL + " whole"],
               tally[MODEL + " refused"], tally["named"], tally[MODEL + " missing"], SEED + 1)

    def named(self, files, folders):
        """The error names the older checkpoint, and --resume of it goes on."""
        at = shim.fresh("state")
        powercut.lay(at, files, folders)
        step = int(tool.tensors(files[PREVIOUS])[1]["step"])
        ran = faults.Ran(train(at + "/r", 10, "--resume", at + "/r"), 20)
        why = faults.wrong(ran, (3,))
        if why or b"step %d is the newest good one" % step not in ran.err:
            return why or "%r does not name step %d" % (ran.err, step)
        ran = tool.call(*train(at + "/r", 10, "--resume", at + "/" + PREVIOUS))
        return None if ran.returncode == 0 else "--resume of the older: %r" % ran.stderr

    def test_the_simulator_finds_faults(self):
        """Without its syncs the same run is not safe: else this test would prove nothing."""
        calls, data, folder, before, versions = self.training()
        for forget in (("fsync",), ("rename",)):
            disk, rng, tally = powercut.Disk(calls, data, folder, before, forget), random.Random(SEED), collections.Counter()
            wrong = 0
            for _ in range(200):
                k = rng.randint(0, disk.last)
                files = disk.bytes_of(disk.state(k, "some", rng)[0], k, "some", rng)
                wrong += self.judge_honest(k, files, versions, before[PREVIOUS], tally) is not None
            self.assertGreater(wrong, 20, forget)

    # ---- an atlas ---------------------------------------------------------------------------------------

    def test_atlas(self):
        """A scan's state and the tiles: the same command goes on to the same book."""
        model = shim.fresh("model")
        self.good(tool.call(*train(model, 2, "--net", NET, "-b", 8, "--out", model + "/r")))
        shared = ["-m", model + "/r", "--data", "synthetic", "--top", 3, "--layers", "max_pool1,relu2", "-q", "-j", 1, "--raw",
                  "npz", "--out"]
        base = shim.fresh("empty")
        calls, data, folder, before = self.record("book", ["atlas", *shared, "@/b"], base)
        disk, rng, tally = powercut.Disk(calls, data, folder, before), random.Random(SEED + 2), collections.Counter()
        want, states, wrongs = shim.files_of(folder), 300 if FULL else 10, []
        for i in range(states):
            k, how, lies = self.moments(calls, rng), HOWS[i % len(HOWS)], i % 3 == 2
            named, folders = disk.state(k, how, rng, lies)
            at = shim.fresh("state")
            powercut.lay(at, disk.bytes_of(named, k, how, rng, lies), folders)
            ran = faults.Ran(["atlas", *shared, at + "/b"], 60)
            why = faults.wrong(ran, (0, 3, 4, 10) if lies else (0,))
            if not why and b"are not an atlas'" in ran.err or b"is not an atlas'" in ran.err:
                tally["not ours"] += 1         # its own files with other bytes in them: no longer known as such
                continue
            if not why and ran.code:
                tally["refused"] += 1
                ran = faults.Ran(["atlas", "--fresh", *shared, at + "/b"], 60)
                why = faults.wrong(ran, (0,))
            if not why and shim.files_of(at) != want:
                have = shim.files_of(at)
                why = "other files: %s" % sorted(n for n in set(have) | set(want) if have.get(n) != want.get(n))
            if why:
                wrongs.append("after call %d (%s), %s%s: %s %r" % (k, calls[max(k, 1) - 1].kind, how, ", lies" if lies else "",
                                                                  why, ran.err[-200:]))
        self.assertFalse(wrongs, "%d of %d:\n%s" % (len(wrongs), states, "\n".join(wrongs[:20])))
        figure("power cut while an atlas is made: %d states, a third of them of a disk that has synced nothing: %d went on to "
               "the same %d files, %d of them after --fresh as the error says; of that disk's %d were refused by name; seed %d",
               states, states - tally["not ours"], len(want), tally["refused"], tally["not ours"], SEED + 2)
