"""The command without memory: its k-th allocation fails, once and for ever, whoever makes it; and a limit
on its address space in steps. Each end must be one that the contract knows, and leave nothing half-made."""
import os
import resource
import shutil
import struct

import tool
from faults import FULL, Ran, figure, wrong
from shim import built
from tool import Case, path

NET = "input 10x10x1; conv filters=3 kernel=3; relu; max_pool 2; dense units=10; softmax"
QUIET = ["--graphics", "none"]


def write_idx(folder):
    """12 grey pictures of 12 x 12 to train, 6 to test, of 10 classes."""
    os.makedirs(folder)
    for name, n in (("train", 12), ("t10k", 6)):
        pixels = bytes((i * 37 + i // 144 * 11) % 256 for i in range(n * 144))
        with open(os.path.join(folder, name + "-images-idx3-ubyte"), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, n, 12, 12) + pixels)
        with open(os.path.join(folder, name + "-labels-idx1-ubyte"), "wb") as file:
            file.write(struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))


def commands():
    """name, arguments, the folder or file that it writes, whether each run takes long."""
    out = path("out")
    return [
        ("info png", ["info", path("p.png")], None),
        ("info model", ["info", path("m", "model.safetensors")], None),
        ("info onnx", ["info", path("m.onnx")], None),
        ("info idx", ["info", path("data")], None),
        ("info net", ["info", path("net.txt")], None),
        ("info events", ["info", path("m", "events")], None),
        ("info --json", ["info", "--json", path("m", "model.safetensors")], None),
        ("convert", ["convert", path("m.onnx"), out + ".safetensors"], out + ".safetensors"),
        ("convert to onnx", ["convert", path("m"), out + ".onnx"], out + ".onnx"),
        ("eval", ["eval", "-m", path("m"), "--data", path("data"), "-j", "2"], None),
        ("show", ["show", "-m", path("m"), "--data", path("data"), "--count", "1", "--out", out, *QUIET, "-j", "2"],
         out),
        ("train", ["train", "--data", path("data"), "--net", NET, "--steps", "2", "-b", "4", "--out", out, "-q",
                   *QUIET, "-j", "2"], out),
        ("atlas", ["atlas", "-m", path("m"), "--data", path("data"), "-k", "1", "--out", out, "-j", "2", "-q"], out),
    ]


def peak_of(arguments, env):
    """The least address space, in steps of 4 MiB, with which the command succeeds."""
    low, high = 0, 4096
    while high - low > 1:
        middle = (low + high) // 2
        size = middle << 22
        ran = Ran(arguments, 60, env=env, before=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
        low, high = (low, middle) if ran.code == 0 else (middle, high)
    return high << 22


def clear(out):
    if out and os.path.isdir(out):
        shutil.rmtree(out)
    elif out and os.path.exists(out):
        os.unlink(out)


def half_made(out):
    """Temporary files below `out` or beside it that no later start would remove."""
    found = []
    for folder, _, names in os.walk(out or tool.FOLDER):
        found += [os.path.join(folder, name) for name in names if ".tmp-" in name]
    return found


class Memory(Case):
    counts = [0, 0]       # allocations of all commands; of these, by oneDNN and OpenMP

    @classmethod
    def setUpClass(cls):
        cls.library = built("no_memory.so")
        write_idx(path("data"))
        tool.write("p.png", tool.png(3, 2, (255, 0, 0)))
        tool.write("net.txt", NET)
        ran = tool.call("train", "--data", path("data"), "--net", NET, "--steps", "2", "-b", "4", "--out", path("m"),
                        "-q", *QUIET)
        assert ran.returncode == 0, ran.stderr
        ran = tool.call("convert", path("m"), path("m.onnx"))
        assert ran.returncode == 0, ran.stderr
        for name in os.listdir(path("m")):
            if name.startswith("events"):
                shutil.copy(path("m", name), path("m", "events"))

    def run_one(self, arguments, out, k, how):
        """The end of one run, and who asked for what failed."""
        log = path("log")
        clear(out)
        clear(log)
        env = tool.environment(LD_PRELOAD=self.library, DCN_NO_MEMORY="%d:%s" % (k, how), DCN_NO_MEMORY_LOG=log)
        ran = Ran(arguments, 30, env=env)
        with open(log) as file:
            lines = file.read().splitlines()
        who = [line for line in lines if line.startswith("failed")]
        counts = [list(map(int, line.split()[1:])) for line in lines if line.startswith("count")]
        return ran, who[0] if who else "", counts[0] if counts else (0, 0)

    def points(self, name, arguments, out, budget):
        """All k, or so many that are spread over them. Returns points, of these succeeded, faults."""
        ran, _, (n, apart) = self.run_one(arguments, out, 0, "once")
        self.assertEqual(ran.code, 0, ran.err)
        type(self).counts = [self.counts[0] + n, self.counts[1] + apart]
        good = ran.out
        # An even spread over 1..n.
        numbers = range(1, n + 1) if n <= budget else sorted({1 + i * (n - 1) // (budget - 1)
                                                                       for i in range(budget)})
        faults, spared, done = [], 0, 0
        for how in ("once", "ever"):
            for k in numbers:
                ran, who, _ = self.run_one(arguments, out, k, how)
                why = wrong(ran, (0, 5))
                if not why and ran.code == 0 and name.startswith("info") and ran.out != good \
                        and b": warning: " not in ran.err:
                    why = "another result in spite of success"
                if not why and half_made(out):
                    why = "left %s" % half_made(out)
                done += 1
                spared += ran.code == 0
                if why:
                    faults.append((name, how, k, why, ran.err[-200:], who))
        return done, spared, faults

    def test_every_allocation(self):
        every, spared, faults, names = 0, 0, [], commands()
        for name, arguments, out in names:
            done, ok, bad = self.points(name, arguments, out, 200 if FULL else 15)
            every, spared, faults = every + done, spared + ok, faults + bad
            if os.environ.get("MEMORY_VERBOSE"):
                print(name, done, ok, len(bad), flush=True)
                for fault in bad:
                    print("   ", fault, flush=True)
        clear(path("out"))
        self.assertEqual(faults, [])
        figure("memory: %d points in %d commands, an allocation anywhere in the process fails once and for ever: "
               "%d ended in 5 with one line, %d had what they needed, 0 signals, 0 hangs; of %d allocations %d are "
               "oneDNN's and OpenMP's own, which do not fail here", every, len(names), every - spared, spared,
               sum(self.counts), self.counts[1])

    def test_every_size(self):
        """RLIMIT_AS from nothing to enough, on a build without sanitizers."""
        steps, log = 200 if FULL else 12, path("log")
        env = tool.environment(LD_PRELOAD=self.library, DCN_NO_MEMORY="0:once", DCN_NO_MEMORY_LOG=log)
        done, ended, faults = 0, {}, []
        for name, arguments, out in [c for c in commands() if c[0] in ("info model", "train", "show", "eval", "atlas")]:
            clear(out)
            most = peak_of(arguments, env)
            for i in range(steps):
                size = most * (i + 1) // steps
                clear(out)
                clear(log)
                ran = Ran(arguments, 60, env=env,
                          before=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))
                done += 1
                if not os.path.exists(log):      # the kernel, the loader or a library's beginning: not we
                    ended["before main"] = ended.get("before main", 0) + 1
                    self.assertNotEqual(ran.code, 0)
                    continue
                ended[ran.code] = ended.get(ran.code, 0) + 1
                why = wrong(ran, (0, 5))
                if why or half_made(out):
                    faults.append((name, size >> 10, why or half_made(out), ran.err[-300:]))
        clear(path("out"))
        for fault in faults if os.environ.get("MEMORY_VERBOSE") else []:
            print("   ", fault, flush=True)
        self.assertEqual(faults, [])
        self.assertIn(0, ended)
        figure("memory: 5 commands with an address space in %d steps up to enough: %d runs, ends %s; 0 signals, 0 "
               "hangs", steps, done, ", ".join("%s: %d" % pair for pair in sorted(ended.items(), key=str)))
