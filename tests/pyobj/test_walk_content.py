"""Content digests: equal for equal states in every process, different for different ones."""

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

import walk_values
from walk_values import content, state_of

NAMES = list(walk_values.states())
# What is known not to be readable, with the type that is reported.
OPAQUE = {
    "arrow scalar": "pyarrow.lib.Int64Scalar",
    "date offset": "pandas.DateOffset",
    "other date offset": "pandas.DateOffset",
}


def digests(seed, order):
    environment = os.environ | {"PYTHONHASHSEED": str(seed)}
    result = subprocess.run(
        [sys.executable, walk_values.__file__, order],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def processes():
    return [digests(1, "forward"), digests(2, "forward"), digests(777, "backward")]


@pytest.mark.parametrize("name", NAMES)
def test_is_the_same_in_every_process(processes, name):
    assert len({process[name] for process in processes}) == 1


def test_no_two_states_have_the_same_digest(processes):
    assert len(set(processes[0].values())) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_everything_of_it_can_be_read(name):
    assert state_of(walk_values.states()[name])["opaque_type"] == OPAQUE.get(name, "")


DIFFERENT = {
    "order of a dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "order of a list": ([1, 2], [2, 1]),
    "int and float": ([1], [1.0]),
    "int and bool": ([1], [True]),
    "signs of zero": (0.0, -0.0),
    "tuple and list": ((1,), [1]),
    "nesting": ([[], []], [[[]]]),
    "str and bytes": ("a", b"a"),
    "prefix": ([1], [1, 0]),
    "empty str": ([""], []),
    "set and frozenset": ({1}, frozenset({1})),
    "trailing NUL": ("a", "a\0"),
    "alias of a list": ([[1]] * 2, [[1], [1]]),
    "alias in tuples": ([([],)] * 2, [([],), ([],)]),
    "big ints": (2**100, 2**100 + 1),
    "sign": (5, -5),
    "set of tuples": ({(1, 2)}, {(2, 1)}),
    "set of a set": ({frozenset({1})}, {frozenset({2})}),
    "unset slot": (walk_values.slotted(x=1), walk_values.slotted(y=1)),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_differs(name):
    first, second = DIFFERENT[name]
    assert content(first) != content(second)


def test_aliasing_of_what_cannot_change_is_no_part_of_the_content():
    pair = (1, (2, 3))
    assert content([pair, pair]) == content([(1, (2, int("3"))), (1, (2, 3))])
    text = "".join(["ab", "c"])
    assert content([text, text]) == content(["abc", "".join(["a", "bc"])])


def test_a_set_of_look_alikes_is_told():
    look_alikes = {walk_values.Plain(a=[i // 2]) for i in range(6)}
    assert state_of(look_alikes)["unstable"]
    assert not state_of({walk_values.Plain(a=i) for i in range(6)})["unstable"]


def leaves(value, path=()):
    if isinstance(value, (list, dict)):
        for key in range(len(value)) if isinstance(value, list) else value:
            yield from leaves(value[key], path + (key,))
    else:
        yield path, value


def altered(value):
    if value is None:
        return 0
    if isinstance(value, bool):
        return not value
    if isinstance(value, float):
        return value + 1e-9
    return value + (1 if isinstance(value, int) else "!" if isinstance(value, str) else b"!")


def test_every_leaf_change_is_seen():
    base = [
        [i, float(i), f"s{i}", b"b%d" % i, {"k": i, "n": [None, True, f"é{i}", 2**80 + i]}]
        for i in range(60)
    ]
    walk = walk_values.core_walk().Walk({"v": base})
    walk.walk()
    seen = {walk.state("v")["content"]}
    paths = list(leaves(base))
    for path, value in paths:
        holder = base
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = altered(value)
        assert walk.recheck() == {"v": "maybe_changed"}, path
        walk.walk()
        seen.add(walk.state("v")["content"])
        holder[path[-1]] = value
        walk.walk()
    assert len(seen) == len(paths) + 1


@pytest.mark.parametrize("seed", range(10))
def test_a_copy_has_the_same_content(seed):
    import copy

    rng = random.Random(seed)
    print("seed", seed)
    pool = [rng.randint(-(2**70), 2**70) for _ in range(5)] + ["x" * rng.randint(0, 40), rng.random(), None]
    for _ in range(200):
        chosen = [rng.choice(pool) for _ in range(rng.randint(0, 5))]
        kind = rng.randint(0, 3)
        pool.append(
            chosen
            if kind == 0
            else (
                tuple(chosen)
                if kind == 1
                else (
                    dict(enumerate(chosen))
                    if kind == 2
                    else walk_values.Plain(a=chosen, b=rng.choice(pool))
                )
            )
        )
    assert content(copy.deepcopy(pool)) == content(pool)


@pytest.mark.parametrize(
    ("dtype", "padding"),
    [("longdouble", range(10, 16)), ("clongdouble", [*range(10, 16), *range(26, 32)]),
     (np.dtype("i1,f8", align=True), range(1, 8))],
)
def test_what_fills_elements_up_is_no_content(dtype, padding):
    values = np.array([(1, 2.5), (3, 4.5)] if isinstance(dtype, np.dtype) else [1, 2], dtype)
    arrays = []
    for fill in (0, 255):
        memory = bytearray(values.tobytes())
        for start in range(0, len(memory), values.itemsize):
            for place in padding:
                memory[start + place] = fill
        arrays.append(np.frombuffer(memory, dtype))
    clean, dirty = arrays
    assert content(clean) == content(dirty) == content(np.repeat(dirty, 2)[::2])
    clean.view("u1")[0] += 1
    assert content(clean) != content(dirty)


def windows(base, length=10, transposed=False):
    view = np.lib.stride_tricks.sliding_window_view(base, length)
    return view.T if transposed else view


def test_elements_that_overlap_are_known_by_the_memory_they_share():
    """A thousand times as many elements as bytes would take a thousand times as long."""
    known = content(windows(np.arange(100.0)))
    assert content(windows(np.arange(100.0))) == known
    assert content(windows(np.arange(100.0), 11)) != known
    assert content(windows(np.arange(100.0), transposed=True)) != known
    strided, line = np.lib.stride_tricks.as_strided, np.arange(7.0)
    assert content(strided(line, (3, 3), (8, 16))) != content(strided(line, (3, 3), (16, 8)))
    backward = strided(line[::-1], (3, 3), (-8, -16))
    assert content(backward) != content(strided(line[::-1].copy(), (3, 3), (8, 16)))
    for place in (0, 50, 99):
        base = np.arange(100.0)
        base[place] = -1
        assert content(windows(base)) != known
    rows = np.broadcast_to
    assert content(rows(line, (50, 7))) != content(rows(line, (51, 7)))
    assert content(rows(line, (50, 7))) != content(rows(np.ones(7), (50, 7)))


def test_what_lies_between_elements_that_overlap_is_no_content():
    base = np.arange(200.0)
    every_other = windows(base[::2])
    known = content(every_other)
    base[1::2] = -1
    assert content(every_other) == known
    base[2] = -1
    assert content(every_other) != known


@pytest.mark.parametrize("place", [0, 7, 99])
def test_a_change_below_elements_that_overlap_is_seen(place):
    base = np.arange(100.0)
    walk = walk_values.core_walk().Walk({"v": windows(base)})
    walk.walk()
    assert walk.recheck() == {"v": "unchanged"}
    base[place] += 1
    assert walk.recheck() == {"v": "maybe_changed"}
