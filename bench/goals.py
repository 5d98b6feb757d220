"""What is measured of the tutorial's network, and what it is held against: as many times better than the better
of the two peers, or an absolute figure."""

# field: title, unit, is less better?, floor, goal (times better than the better peer)
FIGURES = {
    "train_step_ms": ("training step", "ms", True, 1.7, 3.5),
    "forward_ms": ("forward", "ms", True, 1.5, 3.0),
    "reconstruct_ms": ("reconstruct both layers", "ms", True, 8.0, 20.0),
    "show_ms": ("one picture, start to PNG", "ms", True, 10.0, 30.0),
    "run_seconds": ("whole run", "s", True, 1.7, 3.0),
    "train_peak_mib": ("training run, peak memory", "MiB", True, 2.0, 5.0),
    "crops_per_second": ("crops in order, one core", "1/s", False, None, None),
    "augmented_crops_per_second": ("augmented crops, one core", "1/s", False, None, None),
}
STEPS = ("train_step_ms", "forward_ms", "reconstruct_ms")
# What ours must reach by itself besides.
MOST = {"show_ms": 60.0}
LEAST = {"augmented_crops_per_second": 50000.0}
BATCH = 128                     # of the steps that the goals are about
PEAK_SHARE = 1.7                # of the FMA peak, a training step
SCALING = 1.9                   # two threads, of one
PEERS = ("torch", "tf")


def identify(field, **where):
    """The name of a figure in the JSON: train_step_ms batch=128 threads=2."""
    return " ".join([field, *(f"{key}={value}" for key, value in where.items())])


def better(figure):
    """(key, value) of the better peer; (None, None) without one."""
    less = FIGURES[figure["field"]][2]
    known = [(figure[key], key) for key in PEERS if figure.get(key)]
    value, key = (min if less else max)(known, default=(None, None))
    return key, value


def judge(figure, goals=True):
    """Adds the ratio to the better peer, the floor, the goal, and which of them is reached."""
    _, _, less, floor, goal = FIGURES[figure["field"]]
    ours, (key, value) = figure.get("ours"), better(figure)
    if not ours:
        return figure
    if value:
        figure["beside"] = key
        figure["ratio"] = round(value / ours if less else ours / value, 3)
    if not goals:
        return figure
    most, least = MOST.get(figure["field"]), LEAST.get(figure["field"])
    alone = (most is None or ours <= most) and (least is None or ours >= least)
    if floor and value:
        figure.update(floor=floor, goal=goal, reached="goal" if figure["ratio"] >= goal and alone
                      else "floor" if figure["ratio"] >= floor else "no")
    elif least:
        figure.update(least=least, reached="goal" if alone else "no")
    return figure
