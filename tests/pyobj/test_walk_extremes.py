"""Ten million objects, objects that change size under a walk, and the budget of the change logs."""

import gc
import json
import resource
import subprocess
import sys
import textwrap

import pytest
from walk_values import Plain, content, core_walk, state_of

# What each takes beside the interpreter itself must stay below this, structure and walk together.
MOST_BYTES = 4 << 30

PRELUDE = textwrap.dedent("""
    import gc, json, resource, sys
    sys.path.insert(0, sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
    from walk_values import core_walk
    gc.disable()
    N = 10_000_000

    def look(value, change):
        walk = core_walk().Walk({"v": value}, log_floor_bytes=2 << 30)
        walk.walk()
        before = walk.state("v")
        first = walk.recheck()["v"]
        change(value)
        second = walk.recheck()["v"]
        walk.walk()
        after = walk.state("v")
        print(json.dumps([before["references"], first, second, before["content"] != after["content"]]),
              flush=True)
        import os
        os._exit(0)  # taking a chain apart is Python's business
""")
DEEP_OR_WIDE = {
    "a list of ints": "look(list(range(N)), lambda v: v.__setitem__(N // 2, -1))",
    "a list of lists": "look([[] for _ in range(N)], lambda v: v[N // 2].append(1))",
    "a dict": "look(dict.fromkeys(range(N), 0), lambda v: v.__setitem__(N // 2, -1))",
    "a set": "look(set(range(N)), lambda v: v.add(-1))",
    "a tuple": "inner = []\nlook((0,) * (N - 1) + (inner,), lambda v: inner.append(1))",
    "lists in one another":
        "bottom = v = []\nfor _ in range(N): v = [v]\nlook(v, lambda v: bottom.append(1))",
    "tuples in one another":
        "bottom = v = []\nfor _ in range(N): v = (v,)\nlook(v, lambda v: bottom.append(1))",
    "a chain that ends in its beginning":
        "first = v = [None]\nfor _ in range(N): v = [v]\nfirst[0] = v\nlook(v, lambda v: first.append(1))",
    "a linked list of instances": textwrap.dedent("""
        class Node:
            __slots__ = ("next", "value")
        Node.__module__ = "__main__"
        v = None
        for i in range(N // 2):
            node = Node()
            node.next, node.value = v, i
            v = node
        look(v, lambda v: setattr(v.next, "value", -1))
    """),
}


@pytest.mark.parametrize("name", DEEP_OR_WIDE)
def test_ten_million(name):
    """Walked, found unchanged, found changed, without recursion and within memory."""
    here = __file__.rpartition("/")[0]
    result = subprocess.run([sys.executable, "-c", PRELUDE + DEEP_OR_WIDE[name], here, str(MOST_BYTES)],
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    references, first, second, differs = json.loads(result.stdout)
    assert references >= 5_000_000
    assert (first, second, differs) == ("unchanged", "maybe_changed", True)


class Shrinks:
    """Its end takes elements from the container that is being looked at."""

    def __init__(self, target):
        self.target = target

    def __del__(self):
        if isinstance(self.target, (list, bytearray)):
            del self.target[:-1]
        else:
            while len(self.target) > 1:
                self.target.pop() if isinstance(self.target, set) else self.target.popitem()


class Grows(Shrinks):
    def __del__(self):
        for i in range(1000):
            if isinstance(self.target, (list, bytearray)):
                self.target.append(i % 256)
            elif isinstance(self.target, set):
                self.target.add(-i)
            else:
                self.target[-i] = [i]


def many(kind):
    return {list: lambda: [[i] for i in range(2000)], dict: lambda: {i: [i] for i in range(2000)},
            set: lambda: {(i, (i,)) for i in range(2000)}, bytearray: lambda: bytearray(2000)}[kind]()


@pytest.mark.parametrize("ends", [Shrinks, Grows])
@pytest.mark.parametrize("kind", [list, dict, set, bytearray])
def test_a_finalizer_changes_what_is_walked(kind, ends):
    """What a log had pinned dies when the log is renewed or dropped, with the variable in its hands."""
    target = many(kind)
    names = {"v": target, "w": [ends(target)]}
    walk = core_walk().Walk(names)
    walk.walk()
    names["w"].clear()
    assert len(target) != 2000
    walk.walk()
    assert walk.state("v")["content"] == content(target)
    # A cycle, which only the collector finds: it may run between any two slices.
    for _ in range(20):
        cycle = Plain(end=ends(target))
        cycle.self = cycle
        del cycle
        while walk.walk(["v"], budget_us=50) == 0:
            gc.collect()
        walk.recheck()
    walk.walk()
    assert walk.state("v")["content"] == content(target)


@pytest.mark.parametrize("ends", [Shrinks, Grows])
def test_a_finalizer_runs_when_a_log_is_dropped(ends):
    target = many(list)
    holder = (ends(target), 1 << 70)
    names = {"v": target, "w": [holder]}
    walk = core_walk().Walk(names)
    walk.walk()
    names["w"][0] = None
    del holder  # the log of w pins the tuple now, and nobody else holds it
    walk.walk()
    gc.collect()
    walk.walk()
    assert len(target) != 2000
    assert walk.state("v")["content"] == content(target)


def test_what_is_rarely_named_is_dropped_first():
    names = {f"v{i}": [[j] for j in range(5_000)] for i in range(8)}
    one = core_walk().Walk({"v": names["v0"]})
    one.walk()
    log = one.log_size_bytes
    walk = core_walk().Walk(names, log_floor_bytes=5 * log, log_share=0.0)
    for name in names:
        walk.walk([name])
        if name >= "v1":
            walk.recheck(["v0"])  # named by every cell
    changes = walk.recheck()
    assert changes["v0"] == "unchanged" and changes["v7"] == "unchanged"
    assert changes["v1"] == changes["v2"] == "unknown"
    assert walk.log_size_bytes <= 5 * log


def test_the_budget_is_a_share_of_what_is_covered():
    """Large buffers leave room for the logs of many small objects."""
    import numpy as np

    names = {f"v{i}": [[j] for j in range(5_000)] for i in range(4)}
    small = core_walk().Walk(names, log_floor_bytes=1000, log_share=0.02)
    small.walk()
    assert small.log_size_bytes <= max(1000, 0.02 * sum(small.state(n)["size_bytes"] for n in names))
    assert set(small.recheck().values()) == {"unknown"}
    names["big"] = np.zeros(10_000_000)
    large = core_walk().Walk(names, log_floor_bytes=1000, log_share=0.02)
    large.walk(["big", *sorted(set(names) - {"big"})])
    assert set(large.recheck().values()) == {"unchanged"}
    assert large.log_size_bytes <= 0.02 * sum(large.state(n)["size_bytes"] for n in names)


def test_digests_take_the_same_room_whatever_they_are_of():
    """What is kept beside the logs does not grow with the structures."""
    def kept(n):
        names = {"v": [[j] for j in range(n)]}
        walk = core_walk().Walk(names, log_floor_bytes=0, log_share=0.0)
        walk.walk()
        return walk.log_size_bytes

    assert kept(10) == kept(100_000) == 0


def test_a_structure_that_is_deep_leaves_the_stack_alone():
    soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
    assert soft == resource.RLIM_INFINITY or soft <= 64 << 20  # or the tests above would show nothing
    assert state_of([1])["references"] == 1


def test_the_estimate_tells_large_from_small():
    def estimate(value):
        return core_walk().Walk.estimate_us(value)

    rows = [{"i": i, "l": [i]} for i in range(100_000)]
    assert all(estimate(value) > 1000 for value in (rows, tuple(rows), dict(enumerate(rows)), {"a": [rows]}))
    few = [1, "a", [1, 2], {"k": [1, {}]}, (), {3}, [], {}, set(), None, bytes(100_000)]
    assert all(estimate(value) == 0 for value in [*few, few])
    assert estimate([rows[:1000]] * 1000) < 1000  # one list, which is walked once

