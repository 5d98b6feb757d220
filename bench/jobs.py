"""What script/bench runs of the tutorial's network: the processes of each program for each job, what each told,
and their medians. What is kept names no place of this machine."""
import json
import os
import shlex
import statistics
import sys

from common import NAMES, ROOT, imports, measured, peers_folder, run_once, torch_folder
from goals import PEERS, STEPS, identify

# The same limitation for all. Each program takes of it what it knows.
LIMITS = {
    "all": {},
    "avx2": {"DNNL_MAX_CPU_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
             "MKL_ENABLE_INSTRUCTIONS": "AVX2", "XLA_FLAGS": "--xla_cpu_max_isa=AVX2"},
    "plain": {"DNNL_MAX_CPU_ISA": "SSE41", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default",
              "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
}
NOT_LIMITED = "TensorFlow is left out: its own loops are compiled for AVX, and nothing limits them"
PLACES = {"torch": ("torch", (torch_folder(), None), "script/peers --torch, or script/bootstrap peer"),
          "tf": ("tensorflow", (peers_folder(),), "script/peers")}
SLOW, FIRST = 2, 2               # ways that much slower in all of the first rounds are not timed again
COMPILE_SECONDS = 15            # compiling in a whole run must save more than this


class Jobs:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.data = options.data or "synthetic"
        self.limits = {**LIMITS[options.isa], "TORCHINDUCTOR_CACHE_DIR": os.path.join(folder, "inductor")}
        self.programs, self.notes = {}, []
        self.runs, self.versions = [], {}
        self.values = {}            # figure: {key: [values]}
        self.ways = {}              # figure: {key: {way: [values]}}
        self.find()

    # ---- the programs ----

    def find(self):
        wanted = self.options.only.split(",")
        unknown = set(wanted) - {"ours", *PEERS}
        if unknown:
            sys.exit(f"script/bench: error: --only: {sorted(unknown)[0]}: unknown; choose of ours, torch, tf")
        if "ours" in wanted:
            self.programs["ours"] = self.options.command
        for key in PEERS:
            if key not in wanted:
                continue
            if key == "tf" and self.options.isa == "plain":
                self.note(NOT_LIMITED)
                continue
            module, where, advice = PLACES[key]
            for place in where:
                python = os.path.join(place, "bin/python") if place else "/usr/bin/python3"
                if os.path.exists(python) and imports(python, module):
                    self.programs[key] = python
                    break
            else:
                self.note(f"{NAMES[key]} is not installed and left out; get it with {advice}")

    def note(self, text):
        self.notes.append(text)
        print("bench: " + text)

    def script(self, key, name, *arguments):
        return [self.programs[key], os.path.join(ROOT, "bench", f"peers_{name}.py"), *map(str, arguments)]

    def clean(self, value):
        """Without the names of this machine's folders."""
        if isinstance(value, dict):
            return {k: self.clean(v) for k, v in value.items() if k not in ("run", "files")}
        if isinstance(value, list):
            return [self.clean(v) for v in value]
        if not isinstance(value, str):
            return value
        for place, name in ((self.folder, "TMP"), (self.data if os.path.isabs(self.data) else "", "DATA"),
                            *((python, "python3") for key, python in self.programs.items() if key != "ours"),
                            (self.programs.get("ours", ""), "deconvnet"), (ROOT + os.sep, ""),
                            (os.path.expanduser("~"), "HOME")):
            if place and place != os.sep:
                value = value.replace(place, name)
        return value

    def keep(self, job, key, number, command, result):
        result = self.clean(result)
        for field, name in (("peer", key), ("version", key), ("build", key + "_with")):
            if field in result:
                self.versions[name] = result.pop(field)
        self.runs.append({"job": job, "program": key, "round": number,
                          "command": shlex.join(self.clean(list(command))), **result})

    def add(self, figure, key, value):
        self.values.setdefault(figure, {}).setdefault(key, []).append(value)

    # ---- steps: one call of the network, in a process that stays ----

    def skipped(self, key, where):
        """Ways that do not work, and those that were slow at their best."""
        out = []
        for field in STEPS:
            ways = self.ways.get(identify(field, **where), {}).get(key, {})
            least = min((min(values) for values in ways.values() if values), default=0)
            out += [f"{field}:{way}" for way, values in ways.items()
                    if not values or len(values) >= FIRST and min(values) > SLOW * least]
        return out

    def steps(self, number, batch, threads):
        where = {"batch": batch, "threads": threads}
        for key, program in self.programs.items():
            if key == "ours":
                command = [program, "bench", "tutorial", "-b", str(batch), "-j", str(threads), "--json"]
                repeats = self.options.repeats
                command += ["--repeats", str(repeats)] if repeats else []
            else:
                command = self.script(key, key, "--batch", batch, "--threads", threads, "--repeats",
                                      self.options.repeats)
                command += ["--no-compile"] if self.options.no_compile else []
                for way in self.skipped(key, where):
                    command += ["--skip", way]
            result = run_once(key, command, self.limits)
            self.keep(identify("steps", **where), key, number, command, result)
            for field in STEPS:
                if result.get(field):
                    self.add(identify(field, **where), key, result[field])
                for way, value in result.get("ways", {}).get(field, {}).items():
                    known = self.ways.setdefault(identify(field, **where), {}).setdefault(key, {})
                    known.setdefault(way, []).append(value)
            for failed in result.get("failed", {}):
                field, way = failed.split(":", 1)
                self.ways.setdefault(identify(field, **where), {}).setdefault(key, {}).setdefault(way, [])
            print(f"round {number}: batch {batch}, {threads} threads: {NAMES[key]}: "
                  + ", ".join(f"{field[:-3]} {result.get(field) or float('nan'):.1f} ms" for field in STEPS),
                  flush=True)

    def best(self, figure, key):
        """(median, way): of the fastest way, or of what the program told."""
        ways = {way: statistics.median(values)
                for way, values in self.ways.get(figure, {}).get(key, {}).items() if values}
        if ways:
            way = min(ways, key=ways.get)
            return ways[way], way
        values = self.values.get(figure, {}).get(key)
        return (statistics.median(values), None) if values else (None, None)

    # ---- whole processes ----

    def train_once(self, steps, out):
        """A model to show, by our own program; it must stand there for all."""
        measured([self.options.command, "train", "--data", self.data, "--steps", str(steps), "-q", "--out", out,
                  "-j", str(self.options.threads), "--json"], self.limits)

    def process(self, job, number, key, command, **figures):
        """figures: name of a figure = what is taken, seconds, ms or mib."""
        seconds, mib, text = measured(command, self.limits)
        told = text[text.index(b"{"):] if b"{" in text else b"{}"
        result = json.loads(told) if job.startswith("train") else {}
        self.keep(job, key, number, command, {**result, "process_seconds": round(seconds, 4),
                                              "process_peak_mib": round(mib, 1)})
        taken = {"seconds": seconds, "ms": seconds * 1000, "mib": mib}
        for name, what in figures.items():
            self.add(name, key, taken[what])
        return seconds, mib

    def show(self, number):
        """One picture, from the start of the process to the PNG. The first time only warms the files up."""
        run, threads = os.path.join(self.folder, "shown"), str(self.options.threads)
        if not os.path.exists(run):
            self.train_once(5 if self.options.quick else 50, run)
        for key, program in self.programs.items():
            out = os.path.join(self.folder, f"show-{key}")
            command = [program, "show", "--model", run, "--data", self.data, "--count", "1", "--out", out,
                       "--graphics", "none", "-j", threads]
            if key != "ours":
                command = self.script(key, key + "_show", "--weights", os.path.join(run, "model.safetensors"),
                                      "--data", self.data, "--out", out + ".png", "--threads", threads)
            if number == 1:
                measured(command, self.limits)
            for _ in range(5 if key == "ours" else 1):
                seconds, mib = self.process("show", number, key, command,
                                            **{identify("show_ms", threads=threads): "ms"})
            print(f"round {number}: one picture: {NAMES[key]}: {seconds * 1000:.0f} ms, {mib:.0f} MiB", flush=True)

    def compiled(self, key, steps):
        """Does compiling pay in a run of that many steps?"""
        where = {"batch": self.options.batch, "threads": self.options.threads}
        ways = {way: statistics.median(values) for way, values in
                self.ways.get(identify("train_step_ms", **where), {}).get(key, {}).items() if values}
        with_it = min((v for way, v in ways.items() if "compiled" in way), default=None)
        without = min((v for way, v in ways.items() if "compiled" not in way), default=None)
        return bool(with_it and without and (without - with_it) * steps > COMPILE_SECONDS * 1000)

    def train(self, number, steps, timed):
        batch, threads = str(self.options.batch), str(self.options.threads)
        where = {"steps": steps, "batch": batch, "threads": threads}
        for key, program in self.programs.items():
            out = os.path.join(self.folder, f"train-{key}-{steps}-{number}")
            command = [program, "train", "--data", self.data, "--steps", str(steps), "-b", batch, "-j", threads,
                       "--out", out, "-q", "--json"]
            if key != "ours":
                command = self.script(key, key + "_train", "--data", self.data, "--steps", steps, "--batch", batch,
                                      "--threads", threads, "--out", out)
                command += ["--compiled"] if self.compiled(key, steps) else []
            figures = {identify("train_peak_mib", **where): "mib"}
            if timed:
                figures[identify("run_seconds", **where)] = "seconds"
            seconds, mib = self.process(identify("train", **where), number, key, command, **figures)
            print(f"round {number}: {steps} steps, whole process: {NAMES[key]}: {seconds:.1f} s, {mib:.0f} MiB",
                  flush=True)

    def crops(self, number):
        if "ours" not in self.programs:
            return
        command = [self.programs["ours"], "bench", "data", "--data", self.data, "--json"]
        command += ["--repeats", str(self.options.repeats)] if self.options.repeats else []
        result = run_once("ours", command, self.limits)
        self.keep("data", "ours", number, command, result)
        for field in ("crops_per_second", "augmented_crops_per_second"):
            self.add(identify(field, data=result["data"]), "ours", result[field])
        print(f"round {number}: augmented crops: {result['augmented_crops_per_second']:,.0f} a second", flush=True)
