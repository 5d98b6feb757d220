"""What the timings of the peers share: medians, and the arguments that all of them take."""
import argparse
import statistics
import time


def median_ms(work, repeats, warmup=3):
    times = []
    for i in range(warmup + repeats):
        began = time.perf_counter()
        work()
        if i >= warmup:
            times.append((time.perf_counter() - began) * 1e3)
    return round(statistics.median(times), 3)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=20)
    return parser.parse_args()
