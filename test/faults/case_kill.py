"""kill -9 at any moment, also at every system call of a save: the next start goes on, and the end has the
same bits as if nothing had happened."""
import concurrent.futures
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time

import shim
import tool
from faults import FULL, figure
from tool import Case

SEED = 20261123
NET = ("input 8x8x3; conv filters=3 kernel=3; relu; max_pool 2; conv filters=10 kernel=3; relu; avg_pool 4; "
       "softmax")
STEPS = 240
TEMPORARY = re.compile(r"\.tmp-[a-z0-9]{6}$")


def begin(folder, steps=STEPS):
    return ["train", "--data", "synthetic", "--net", NET, "-b", 8, "--save-every", 3, "--log-interval", 60, "-q", "-j", 1,
            "--steps", steps, "--out", folder]


def go_on(folder, steps=STEPS):
    if not os.path.exists(folder + "/model.safetensors"):
        return begin(folder, steps)
    return ["train", "--resume", folder, "--data", "synthetic", "--save-every", 3, "--log-interval", 60, "-q", "-j", 1,
            "--steps", steps]


def atlas(folder, model):
    return ["atlas", "-m", model, "--data", "synthetic", "--top", 3, "--layers", "max_pool1,relu2", "-q", "-j", 1, "--raw",
            "safetensors", "--out", folder]


def digest(folder):
    with open(folder + "/model.safetensors", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def temporaries(folder):
    return [name for at, _, names in os.walk(folder) for name in names if TEMPORARY.search(name)]


def killed_after(arguments, seconds):
    """Runs and kills; (was it killed, error text)."""
    process = subprocess.Popen([tool.COMMAND, *map(str, arguments)], cwd=tool.FOLDER, env=tool.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
    return process.returncode == -signal.SIGKILL, process.returncode, err.decode()


class Tally:
    """What one thread did."""

    def __init__(self):
        self.kills = self.rounds = self.saves = 0
        self.wrong = []


class Kill(Case):
    def longest(self, arguments, folder):
        """How long it takes undisturbed; two times, the second is warm."""
        for _ in range(2):
            shutil.rmtree(folder, ignore_errors=True)
            began = time.monotonic()
            self.good(tool.call(*arguments))
            spent = time.monotonic() - began
        return spent

    def chain(self, name, rng, most, tally, want):
        """A run that is killed again and again, and each time goes on; only what it does counts as time."""
        folder = tool.path(name)
        shutil.rmtree(folder, ignore_errors=True)
        tally.rounds += 1
        for _ in range(400):
            killed, code, err = killed_after(go_on(folder), rng.uniform(0, most))
            if not killed:
                if code != 0:
                    # All steps were saved by a run that was killed while it drew its pictures.
                    if "has %d steps already" % STEPS not in err:
                        tally.wrong.append("code %d: %s" % (code, err))
                break
            tally.kills += 1
            tally.saves += bool(os.path.isdir(folder) and temporaries(folder))
        else:
            tally.wrong.append("no progress in 400 starts")
        if not tally.wrong and digest(folder) != want:
            tally.wrong.append("%s: other weights" % name)
        if not tally.wrong and temporaries(folder) and code == 0:
            tally.wrong.append("left: %s" % temporaries(folder))

    def test_training_at_random_times(self):
        most = self.longest(begin(tool.path("whole")), tool.path("whole"))
        want, enough = digest(tool.path("whole")), 1000 if FULL else 20

        def work(thread):
            rng, tally = random.Random(SEED + thread), Tally()
            while tally.kills < enough / 2 and not tally.wrong:
                self.chain("killed-%d" % thread, rng, 0.7 * most, tally, want)
            return tally
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            tallies = list(pool.map(work, (0, 1)))
        self.assertEqual([why for tally in tallies for why in tally.wrong], [])
        figure("kill -9 at random times of training: %d kills in %d runs of %d steps, %d of them inside a save; all ended "
               "with the SHA-256 of the uninterrupted run, %s; seed %d", sum(t.kills for t in tallies),
               sum(t.rounds for t in tallies), STEPS, sum(t.saves for t in tallies), want[:12], SEED)

    def test_training_at_every_call(self):
        """Before and after each call on a file, from the second save to the end."""
        shim.need_shim()
        base = shim.fresh("calls")
        self.good(tool.call(*begin(base + "/r", 6)))
        folder = shim.fresh("calls-0", base)
        ran = shim.Shimmed(go_on(folder + "/r", 12), folder)
        self.assertEqual(ran.code, 0, ran.err)
        want, names = digest(folder + "/r"), set(os.listdir(folder + "/r"))
        points = [(call.k, when) for call in ran.calls for when in ("before", "after")]
        renames = [call.k for call in ran.calls if call.kind == "rename" and call.other.endswith("/model.safetensors")]
        if not FULL:
            points = random.Random(SEED).sample(points, 30)

        def check(thread, point):
            at = shim.fresh("calls-%d" % (thread + 1), base)
            log = tool.path("calls-%d.log" % thread)
            killed = shim.Shimmed(go_on(at + "/r", 12), at, kill=point, log=log)
            if killed.code != -signal.SIGKILL:
                return "%s: not killed, %d" % (point, killed.code)
            if digest(at + "/r") != want:
                again = tool.call(*go_on(at + "/r", 12))
                if again.returncode:
                    return "%s: %r" % (point, again.stderr)
                left = {name for name in os.listdir(at + "/r") if not name.startswith("events.")}
                if left != {name for name in names if not name.startswith("events.")}:
                    return "%s: files %s" % (point, sorted(left))
            return None if digest(at + "/r") == want else "%s: other weights" % (point,)
        self.assertEqual(self.on_two(check, points), [])
        figure("kill -9 before and after each call on a file of a resumed run with %d saves: %d of %d points, all went on to "
               "the same SHA-256", len(renames), len(points), 2 * len(ran.calls))

    def on_two(self, check, points):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(lambda t=t: [check(t, point) for point in points[t::2]]) for t in (0, 1)]
            return [why for half in halves for why in half.result() if why][:10]

    def test_atlas(self):
        """Scan and drawing go on where they were; the book is the same to the byte."""
        shim.need_shim()
        self.good(tool.call(*begin(tool.path("model"), 3)))
        model, whole = tool.path("model", "model.safetensors"), tool.path("book", "b")
        os.mkdir(tool.path("book"))
        ran = shim.Shimmed(atlas(whole, model), tool.path("book"))
        self.assertEqual(ran.code, 0, ran.err)
        want = shim.files_of(whole)
        points = [(call.k, when) for call in ran.calls for when in ("before", "after")]
        points = random.Random(SEED).sample(points, min(len(points), 400 if FULL else 16))

        def check(thread, point):
            under = shim.fresh("book-%d" % thread)
            killed = shim.Shimmed(atlas(under + "/b", model), under, kill=point, log=tool.path("book-%d.log" % thread))
            if killed.code != -signal.SIGKILL:
                return "%s: not killed, %d" % (point, killed.code)
            again = tool.call(*atlas(under + "/b", model))
            if again.returncode:
                return "%s: %r" % (point, again.stderr)
            files = shim.files_of(under + "/b")
            return None if files == want else "%s: %s" % (point, sorted(n for n in set(files) | set(want)
                                                                       if files.get(n) != want.get(n)))
        self.assertEqual(self.on_two(check, points), [])
        figure("kill -9 before and after calls on files of an atlas: %d of %d points, all went on to the same %d files",
               len(points), 2 * len(ran.calls), len(want))
