"""What script/bench and bench/models.py share: where the peers are, one process at a time, and what the
machine is."""
import json
import os
import platform
import statistics
import subprocess
import sys
import time

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
COMMAND = os.path.join(ROOT, "build/release/deconvnet")
NAMES = {"ours": "deconvnet", "torch": "PyTorch", "tf": "TensorFlow", "captum": "PyTorch, Captum",
         "ort": "onnxruntime"}


def torch_folder():
    return os.path.join(os.path.dirname(peers_folder()), "torch")


def peers_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("DECONVNET_PEERS") or os.path.join(cache, "deconvnet", "python")


def imports(python, module):
    """True if this interpreter has the module; importing TensorFlow takes seconds."""
    done = subprocess.run([python, "-c", f"import importlib.util as u, sys;"
                           f"sys.exit(u.find_spec('{module}') is None)"],
                          capture_output=True, check=False)
    return done.returncode == 0


def run_once(key, command, more=None):
    """The object that a process prints. more: for its environment."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", **(more or {}))
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=environment, check=False)
    if done.returncode:
        sys.exit(f"script/bench: error: {NAMES[key]}: exit code {done.returncode}; "
                 f"its last words: {done.stderr.strip()[-400:]}")
    # A peer may print warnings before its one object.
    text = done.stdout[done.stdout.index("{"):]
    return json.loads(text)


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def revision():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], text=True,
                          capture_output=True, check=False)
    return done.stdout.strip() or "unknown"


def median_of(runs, field):
    values = [run[field] for run in runs if isinstance(run.get(field), (int, float))]
    return statistics.median(values) if values else None


def measured(command, more=None):
    """(seconds, peak MiB, standard output) of one process. more: for its environment."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=dict(os.environ, **(more or {}))) as child:
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"script/bench: error: exit code {child.returncode}; run it by hand: "
                 f"{' '.join(command)}")
    return time.monotonic() - began, usage.ru_maxrss / 1024, output


def machine():
    """What a run's figures belong to."""
    return {"time": time.strftime("%Y-%m-%dT%H%M%S", time.gmtime()), "revision": revision(),
            "processor": processor(), "cores": os.cpu_count()}


def keep(path, figures):
    """Writes a run's figures with what the machine was; path None: bench/results/TIME.json."""
    told = {**machine(), **figures}
    path = path or os.path.join(ROOT, "bench/results", told["time"] + ".json")
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(told, file, indent=1)
        file.write("\n")
    print(f"\nkept: {os.path.relpath(path)}")
