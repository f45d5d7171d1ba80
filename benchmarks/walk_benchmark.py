"""The walk's cost per reference: a first walk (digests, change log) and a re-walk that finds nothing changed.

    benchmarks/walk_benchmark.py [ROUNDS]

Prints the best of ROUNDS (default 5) for each shape of data and, beside it, what pickling the value costs:
the way to tell a change that the paper and other tools use.
"""

import gc
import pickle
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/pyobj"))
from walk_values import core_walk  # noqa: E402

import numpy as np  # noqa: E402


class Instance:
    """Three attributes, one of them a dict."""

    def __init__(self, i):
        self.a, self.b, self.c = i, f"n{i}", {"k": i}


def shuffled(values):
    """The same objects in an order that is not the allocation's."""
    random.Random(1).shuffle(values)
    return values


def dicts():
    return [{"i": i, "s": f"x{i}"} for i in range(400_000)]


SHAPES = {
    "400 k dicts": dicts,
    "400 k dicts, shuffled": lambda: shuffled(dicts()),
    "2 M ints": lambda: list(range(10**6, 3 * 10**6)),
    "2 M ints, shuffled": lambda: shuffled(list(range(10**6, 3 * 10**6))),
    "1 M str": lambda: [f"s{i}" for i in range(10**6)],
    "150 k instances": lambda: [Instance(i) for i in range(150_000)],
    "200 k tuples": lambda: [(f"t{i}", i + 1000) for i in range(200_000)],
    "dict of 1 M": lambda: {i: i * 0.5 for i in range(10**6)},
    "500 MB of float64": lambda: np.ones(62_500_000),
}


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(value, rounds):
    """Best times of a walk and of a re-walk, and how many references they followed."""
    walks, rechecks = [], []
    for _ in range(rounds):
        walk = core_walk().Walk({"v": value})
        walks.append(seconds(walk.walk))
        rechecks.append(seconds(walk.recheck))
        assert walk.recheck()["v"] == "unchanged"
    return min(walks), min(rechecks), max(1, walk.state("v")["references"])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    gc.disable()
    print(f"{'':24}{'walk':>22}{'re-walk':>24}{'pickle':>12}{'re-walk : pickle':>18}")
    for name, make in SHAPES.items():
        value = make()
        walk, recheck, references = measure(value, rounds)
        pickled = min(seconds(lambda: pickle.dumps(value, 5)) for _ in range(2))
        print(f"{name:24}{walk * 1e3:9.1f} ms{walk * 1e9 / references:7.1f} ns{recheck * 1e3:11.3f} ms"
              f"{recheck * 1e9 / references:7.2f} ns{pickled * 1e3:9.1f} ms{pickled / recheck:16.0f} x",
              flush=True)


if __name__ == "__main__":
    main()
