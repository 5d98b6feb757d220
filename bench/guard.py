#!/usr/bin/env python3
"""The regression guard: our figures against those of an earlier result of the same machine.

    guard.py OLD.json NEW.json [--tolerance 1.10]

The machine is noisy, so a time is compared relative to what the peers took in the same run (the geometric mean
of those that both runs have in the same version); without common peers, and memory always, as it is. Exit code 1
if a figure is worse by more than the tolerance."""
import argparse
import glob
import json
import math
import os
import sys

from goals import FIGURES, PEERS, STEPS, identify

SAME = ("kind", "isa", "processor", "cores", "quick")


def load(path):
    with open(path, encoding="utf-8") as file:
        return modern(json.load(file))


def modern(result):
    """Results kept before there were `figures` have medians alone; their peers were timed in fewer ways, so only
    ours can be compared."""
    if "figures" in result or "batch" not in result or "medians" not in result:
        return result
    figures = {}
    for field in STEPS:
        figures[identify(field, batch=result["batch"], threads=result["threads"])] = \
            {"field": field, "ours": result["medians"].get("ours", {}).get(field)}
    return {**result, "kind": "tutorial", "isa": "all", "quick": False, "figures": figures}


def newest(folder, result):
    """The path of the last kept result of the same machine and kind; None: there is none."""
    found = []
    for path in glob.glob(os.path.join(folder, "*.json")):
        old = load(path)
        if "figures" in old and all(old.get(key) == result.get(key) for key in SAME):
            found.append((old.get("time", ""), path))
    return max(found)[1] if found else None


def by_peers(figure, keys):
    """Ours as a share of the peers'."""
    return figure["ours"] / math.exp(sum(math.log(figure[key]) for key in keys) / len(keys))


def compare(old, new):
    """[(name, how many times worse, compared with what)] of the figures that both have."""
    versions, rows = [result.get("versions", {}) for result in (old, new)], []
    peers = [key for key in PEERS if versions[0].get(key) == versions[1].get(key)]
    for name, now in new["figures"].items():
        before = old["figures"].get(name)
        if not before or not before.get("ours") or not now.get("ours"):
            continue
        _, unit, less, _, _ = FIGURES[now["field"]]
        keys = [key for key in peers if before.get(key) and now.get(key) and unit != "MiB"]
        worse = by_peers(now, keys) / by_peers(before, keys) if keys else now["ours"] / before["ours"]
        rows.append((name, worse if less else 1 / worse, "+".join(keys) or "itself"))
    return rows


def report(rows, path, tolerance):
    """Prints them, and last the ones that are worse. Returns the exit code."""
    print(f"\ncompared with {os.path.basename(path)} (over 1 is worse)")
    for name, worse, to in rows:
        print(f"{name:48} x {worse:.3f}  relative to {to}")
    if not rows:
        print("no figure is in both")
    bad = [row for row in rows if row[1] > tolerance]
    for name, worse, to in bad:
        print(f"slower: {name}: {worse:.3f} times as much as before, relative to {to}; "
              f"the limit is {tolerance:.2f}")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--tolerance", type=float, default=1.10)
    options = parser.parse_args()
    old, new = load(options.old), load(options.new)
    sys.exit(report(compare(old, new), options.old, options.tolerance))


if __name__ == "__main__":
    main()
