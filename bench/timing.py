"""What the timings of the peers share: medians, the ways to compute a figure of which the fastest counts, and
the arguments that all of them take."""
import argparse
import statistics
import time


def median_ms(work, repeats=0, warmup=3):
    """The median of `repeats` calls, or of 5 to 200 within about a second, as deconvnet bench takes it."""
    for _ in range(warmup):
        work()
    times, began = [], time.perf_counter()
    while len(times) < (repeats or 200) and (repeats or len(times) < 5
                                             or time.perf_counter() - began < 1):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return round(statistics.median(times), 4)


class Ways:
    """Times several ways to compute each figure. What a peer cannot do is noted and left out."""

    def __init__(self, args):
        self.args, self.times, self.failed = args, {}, {}

    def time(self, figure, way, make):
        """make() gives the function to be timed; both may fail."""
        if f"{figure}:{way}" in self.args.skip or ("compiled" in way and self.args.no_compile):
            return
        try:
            self.times.setdefault(figure, {})[way] = median_ms(make(), self.args.repeats)
        except Exception as error:      # a compiler of theirs may fail in any manner
            self.failed[f"{figure}:{way}"] = type(error).__name__

    def told(self):
        """For the line of JSON: of each figure the least, and all."""
        least = {figure: min(ways.values()) for figure, ways in self.times.items() if ways}
        return {**least, "ways": self.times, "failed": self.failed}


def arguments(description, repeats=0):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=repeats,
                        help="timed calls (as many as take a second, 5 to 200)")
    parser.add_argument("--skip", action="append", default=[], metavar="FIGURE:WAY")
    parser.add_argument("--no-compile", action="store_true", help="leave out what is compiled")
    return parser.parse_args()
