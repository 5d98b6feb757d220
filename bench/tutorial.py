"""Times the tutorial's network beside PyTorch and TensorFlow, in one run, and says which goals are reached.

    script/bench [-b 128] [-j 2] [--rounds 5] [--only ours,torch,tf] [--isa avx2|plain] [--data DIR]
                 [--batches 1,8,32,128,512] [--thread-counts 1,2] [--whole | --run-steps N] [--quick]
                 [--compare [OLD.json]] [--tolerance 1.10] [--out FILE]

In each round all programs run one after another, so that a slow minute of the machine hits all of them; the table
holds medians over the rounds. Of a peer the fastest of its ways counts: eager and compiled, its layouts and kernels.
Peers that are not installed are named and left out: script/peers --torch and script/peers install them. Results
are kept in bench/results."""
import argparse
import os
import subprocess
import sys
import tempfile

import goals
import guard
from common import COMMAND, NAMES, ROOT, keep, machine
from goals import FIGURES, PEERS, PEAK_SHARE, SCALING, STEPS, identify
from jobs import LIMITS, Jobs

JOBS = ("steps", "show", "memory", "data")
MEMORY_STEPS = 50


def numbers(text):
    values = [int(word) for word in text.split(",")]
    if min(values) < 1:
        raise argparse.ArgumentTypeError("wants numbers of 1 and more, separated by commas")
    return values


def parse(words):
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-b", "--batch", type=int, default=128)
    parser.add_argument("-j", "--threads", type=int, default=2)
    parser.add_argument("--batches", type=numbers, default=[], help="batch sizes besides, e.g. 1,8,32,512")
    parser.add_argument("--thread-counts", type=numbers, default=[], help="thread counts besides, e.g. 1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side-rounds", type=int, help="rounds of the sizes and threads besides (--rounds, 3 at most)")
    parser.add_argument("--repeats", type=int, default=0,
                        help="timed calls of a figure in a round (as many as take a second, 5 to 200)")
    parser.add_argument("--only", default="ours,torch,tf", help="programs (ours,torch,tf)")
    parser.add_argument("--jobs", default=",".join(JOBS), help="what is measured (%(default)s)")
    parser.add_argument("--isa", choices=sorted(LIMITS), default="all", help="limits all programs alike")
    parser.add_argument("--data", help="CIFAR-10 folder (DECONVNET_DATA, the cache, else synthetic)")
    parser.add_argument("--whole", action="store_true", help="the demo's run of 1,500 steps as well")
    parser.add_argument("--run-steps", type=int, default=0, help="a whole run of N steps as well")
    parser.add_argument("--whole-rounds", type=int, help="rounds of the whole run (--rounds)")
    parser.add_argument("--no-compile", action="store_true", help="without what the peers compile")
    parser.add_argument("--quick", action="store_true", help="small and once, to see that everything works")
    parser.add_argument("--command", help="the program to time; else it is built and build/release's taken")
    parser.add_argument("--out", help="where the JSON goes; else bench/results/TIME.json")
    parser.add_argument("--compare", metavar="OLD.json", nargs="?", const="",
                        help="with an earlier result; without a name the last one of this machine")
    parser.add_argument("--tolerance", type=float, default=1.10, help="how much slower is a failure")
    options = parser.parse_args(words)
    options.jobs = options.jobs.split(",")
    unknown = set(options.jobs) - set(JOBS)
    if unknown:
        parser.error(f"--jobs: {sorted(unknown)[0]}: unknown; choose of {', '.join(JOBS)}")
    if options.quick:
        options.rounds, options.repeats, options.no_compile = 1, options.repeats or 2, True
    options.run_steps = options.run_steps or (1500 if options.whole else 0)
    options.data = options.data or find_data()
    return options


def find_data():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for place in (os.environ.get("DECONVNET_DATA"), os.path.join(cache, "deconvnet/cifar-10-batches-bin")):
        for below in (place or "", os.path.join(place or "", "cifar-10-batches-bin")):
            if os.path.exists(os.path.join(below, "data_batch_1.bin")):
                return below
    return "synthetic"


def cases(options):
    """(batch, threads): what the goals are about first."""
    main_case = (options.batch, options.threads)
    return [main_case] + [(batch, threads) for threads in options.thread_counts or [options.threads]
                          for batch in options.batches or [options.batch] if (batch, threads) != main_case]


def run(jobs, options):
    for number in range(1, options.rounds + 1):
        if "steps" in options.jobs:
            sides = number <= (options.side_rounds or min(options.rounds, 3))
            for batch, threads in cases(options) if sides else cases(options)[:1]:
                jobs.steps(number, batch, threads)
        if "show" in options.jobs:
            jobs.show(number)
        if "data" in options.jobs:
            jobs.crops(number)
        if "memory" in options.jobs and number == 1 and not options.run_steps:
            jobs.train(number, 5 if options.quick else MEMORY_STEPS, False)
    for number in range(1, (options.whole_rounds or options.rounds) + 1 if options.run_steps else 1):
        jobs.train(number, options.run_steps, True)


def collect(jobs, options):
    """{name: figure} of all that was measured."""
    figures, main_case = {}, (options.batch, options.threads)
    for name in jobs.values:
        field, *where = name.split(" ")
        figure = {"field": field, **{k: v if k == "data" else int(v) for k, v in (w.split("=") for w in where)}}
        for key in jobs.programs:
            value, way = jobs.best(name, key)
            if value is not None:
                figure[key] = round(value, 4)
            if way:
                figure[key + "_way"] = way
        aimed = field not in STEPS or (figure["batch"], figure["threads"]) == main_case \
            and figure["batch"] == goals.BATCH
        figures[name] = goals.judge(figure, aimed)
    return figures


# ---- tables -------------------------------------------------------------------------------------


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def title_of(figure):
    title, unit = FIGURES[figure["field"]][:2]
    if figure["field"] == "run_seconds":
        title = f"{figure['steps']:,} steps, whole process"
    return f"{title}, {unit}"


def show_table(heading, figures, keys):
    if not figures:
        return
    print(f"\n{heading:32}" + "".join(f"{NAMES[key]:>12}" for key in keys)
          + f"{'ratio':>9}{'floor':>8}{'goal':>8}  reached")
    for figure in figures:
        cells = "".join(f"{number(figure.get(key)):>12}" for key in keys)
        ratio = f"{figure['ratio']:.2f}x" if "ratio" in figure else ""
        floor = f"{figure['floor']:g}x" if "floor" in figure else ""
        goal = f"{figure['goal']:g}x" if "goal" in figure else number(figure.get("least"))
        print(f"{title_of(figure):32}{cells}{ratio:>9}{floor:>8}{goal:>8}  {figure.get('reached', '')}")


def show_tables(figures, options, keys):
    main_case = (options.batch, options.threads)

    def step(batch, threads):
        return [figures[name] for name in (identify(f, batch=batch, threads=threads) for f in STEPS)
                if name in figures]
    for batch, threads in cases(options):
        show_table(f"batch {batch}, {threads} thread{'s' * (threads > 1)}", step(batch, threads), keys)
        if (batch, threads) == main_case:
            show_table("processes and data", [f for f in figures.values() if f["field"] not in STEPS], keys)
    print()
    for figure in step(*main_case):
        for key in PEERS:
            if key + "_way" in figure:
                print(f"fastest way, {FIGURES[figure['field']][0]}: {NAMES[key]}: {figure[key + '_way']}")


def scaling(figures, options, keys):
    """{name: {key: time of the least count of threads over that of the most}}, printed."""
    counts, told = sorted({threads for _, threads in cases(options)}), {}
    if len(counts) < 2:
        return told
    print(f"\n{f'{counts[0]} thread over {counts[-1]}':32}" + "".join(f"{NAMES[key]:>12}" for key in keys)
          + f"{'':9}{'':8}{SCALING:>7}x  reached")
    for batch in sorted({batch for batch, _ in cases(options)}):
        for field in STEPS:
            one, many = (figures.get(identify(field, batch=batch, threads=n), {}) for n in (counts[0], counts[-1]))
            row = {key: round(one[key] / many[key], 3) for key in keys if one.get(key) and many.get(key)}
            if not row:
                continue
            told[identify(field, batch=batch)] = row
            cells = "".join(f"{f'{row[key]:.2f}x' if key in row else '':>12}" for key in keys)
            reached = "" if "ours" not in row else "goal" if row["ours"] >= SCALING else "no"
            print(f"{FIGURES[field][0] + f', batch {batch}':32}{cells}{'':25}  {reached}")
    return told


def peak_shares(jobs, figures, options, keys):
    """The training step as direct convolutions, of the multiply-add peak measured in the same run."""
    own = [one for one in jobs.runs if one["program"] == "ours" and one["job"].startswith("steps ")
           and (one["batch"], one["threads"]) == (options.batch, options.threads)]
    step = figures.get(identify("train_step_ms", batch=options.batch, threads=options.threads), {})
    peak = max((one.get("peak_gflops") or 0 for one in own), default=0)
    work = max((one["train_gflops"] * one["train_step_ms"] for one in own), default=0)
    if not peak or not work:
        return {}
    shares = {key: round(work / step[key] / peak, 4) for key in keys if step.get(key)}
    cells = "".join(f"{f'{shares[key]:.0%}' if key in shares else '':>12}" for key in keys)
    reached = "goal" if shares.get("ours", 0) >= PEAK_SHARE else "no"
    reached = reached if options.batch == goals.BATCH else ""
    print(f"\n{'training step, of FMA peak':32}{cells}{'':17}{PEAK_SHARE:>8.0%}  {reached}"
          f"\nmeasured FMA peak: {peak:.0f} GFLOP/s; work counted as direct convolutions")
    return {"peak_gflops": peak, "train_peak_share": shares}


def compare(options, result):
    path = options.compare or guard.newest(os.path.join(ROOT, "bench/results"), result)
    if not path:
        print("\nno earlier result of this kind and machine is kept; nothing to compare with")
        return 0
    old = guard.load(path)
    differs = [key for key in guard.SAME if old.get(key) != result.get(key)]
    if differs:
        print(f"\nnote: {os.path.basename(path)} differs in {', '.join(differs)}")
    return guard.report(guard.compare(old, result), path, options.tolerance)


def main(words):
    options = parse(words)
    if not options.command:
        subprocess.run([os.path.join(ROOT, "script/build")], check=True)
    options.command = os.path.abspath(options.command or COMMAND)
    with tempfile.TemporaryDirectory(prefix="deconvnet-bench-") as folder:
        jobs = Jobs(options, folder)
        run(jobs, options)
    figures, keys = collect(jobs, options), list(jobs.programs)
    show_tables(figures, options, keys)
    result = {**machine(), "kind": "tutorial", "isa": options.isa, "quick": options.quick,
              "batch": options.batch, "threads": options.threads, "rounds": options.rounds,
              "data": "synthetic" if jobs.data == "synthetic" else "CIFAR-10", "notes": jobs.notes,
              "limits": LIMITS[options.isa], "versions": jobs.versions,
              **peak_shares(jobs, figures, options, keys), "scaling": scaling(figures, options, keys),
              "figures": figures, "runs": jobs.runs}
    code = compare(options, result) if options.compare is not None else 0
    keep(options.out, result)
    sys.exit(code)
