"""The walk runs no user code, leaves reference counts alone, and survives whatever shape it is handed."""

import ctypes
import gc
import itertools
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
import walk_values
from walk_values import Plain, content, core_walk, state_of

TRIPPED = []


class Trap:
    """Every special method that watching could be tempted to call."""

    def __init__(self, value):
        object.__setattr__(self, "value", value)

    def __hash__(self):
        TRIPPED.append("hash") if ARMED else None
        return 1

    @property
    def trap(self):
        TRIPPED.append("property")


ARMED = []


def arm(name):
    def method(self, *arguments):
        if ARMED:
            TRIPPED.append(name)
        return getattr(super(Trap, self), name)(*arguments)

    return method


for special in (
    "__eq__",
    "__getattribute__",
    "__sizeof__",
    "__repr__",
    "__reduce_ex__",
    "__dir__",
    "__str__",
):
    setattr(Trap, special, arm(special))
Trap.__hash__ = lambda self: (TRIPPED.append("hash") if ARMED else None) or 1
for special in (
    "__len__",
    "__iter__",
    "__bool__",
    "__contains__",
    "__getattr__",
    "__get__",
    "__index__",
    "__array__",
    "__buffer__",
    "__call__",
):
    setattr(Trap, special, lambda self, *arguments, name=special: TRIPPED.append(name))


class TrapMeta(type):
    def __getattribute__(cls, name):
        if ARMED:
            TRIPPED.append("meta " + name)
        return super().__getattribute__(name)

    def __instancecheck__(cls, instance):
        TRIPPED.append("instancecheck")

    def mro(cls):
        return super().mro()


class OfTrapMeta(metaclass=TrapMeta):
    pass


class TrapDict(dict):
    def __iter__(self):
        TRIPPED.append("iter")

    def __getitem__(self, key):
        TRIPPED.append("getitem")

    def keys(self):
        TRIPPED.append("keys")


class Descriptor:
    def __get__(self, instance, owner):
        TRIPPED.append("descriptor")

    def __set__(self, instance, value):
        TRIPPED.append("descriptor set")


class Described:
    x = Descriptor()
    __dict__ = Descriptor()
    __class__ = Descriptor()
    __slots__ = ("y",)


class TrapArray(np.ndarray):
    def __array_finalize__(self, other):
        TRIPPED.append("finalize") if ARMED else None

    def __getitem__(self, key):
        TRIPPED.append("array getitem")


def trapped_array():
    array = np.empty(2, object)
    array[0] = [Trap(1)]
    return array


TRAPS = {
    "instance": lambda: Trap(1),
    "dict key": lambda: {Trap(1): 2},
    "set elements": lambda: {Trap(1)},
    "metaclass": OfTrapMeta,
    "class with a metaclass": lambda: OfTrapMeta,
    "dict subclass": lambda: TrapDict(a=1),
    "descriptor": Described,
    "array subclass": lambda: np.zeros(3).view(TrapArray),
    "object array": trapped_array,
    "the class": lambda: Trap,
    "list": lambda: [Trap([Trap(2)])],
    "tuple": lambda: (Trap(1),),
    "closure": lambda: walk_values.make_closure(Trap(1)),
    "method": lambda: Trap(1).__init__,
    "exception": lambda: ValueError(Trap(1)),
}


@pytest.mark.parametrize("name", TRAPS)
def test_runs_no_user_code(name):
    names = {"v": TRAPS[name](), "w": TRAPS[name]()}
    walk = core_walk().Walk(names)
    TRIPPED.clear()
    ARMED.append(True)
    try:
        walk.walk()
        walk.recheck()
        walk.co_variables()
    finally:
        ARMED.clear()
    assert TRIPPED == []


class Finalized:
    gone = 0

    def __init__(self):
        self.me = self

    def __del__(self):
        Finalized.gone += 1


def test_lets_go_of_what_the_user_lets_go_of():
    """A change log must not keep alive what has a finalizer, or memory that matters."""
    value = [(Finalized(), [1]), {"k": Finalized()}, Finalized()]
    walk = core_walk().Walk({"v": value})
    walk.walk()
    Finalized.gone = 0
    value.clear()
    gc.collect()
    assert Finalized.gone == 3
    assert walk.recheck() == {"v": "maybe_changed"}


def reference_counts(value):
    found, stack, seen = {}, [value], set()
    while stack:
        item = stack.pop()
        if id(item) in seen or isinstance(item, (type, types.ModuleType)):
            continue
        seen.add(id(item))
        found[id(item)] = sys.getrefcount(item)
        stack.extend(gc.get_referents(item))
    return found


@pytest.mark.parametrize("name", list(walk_values.states()))
def test_leaves_reference_counts_alone(name):
    value = walk_values.states()[name]
    walk = core_walk().Walk({"v": value})
    walk.walk()  # fills caches, such as the code bytes a code object keeps
    walk.forget("v")
    itself, before = sys.getrefcount(value), reference_counts(value)
    for _ in range(5):
        walk.walk()
        walk.recheck()
        walk.forget("v")
    assert sys.getrefcount(value) == itself
    after, own = reference_counts(value), few_references(before)
    assert {key: after.get(key) for key in own} == own


def few_references(counts):
    """None and other objects of the interpreter's have thousands, and the test's own use changes them."""
    return {key: count for key, count in counts.items() if count < 100}


def test_leaves_inner_reference_counts_alone():
    value = [Plain(a=[1.5, (2, "x" * 50, [object()])]), {"k": {3, 4.5}}, np.array([[1], "s" * 40], object)]
    walk = core_walk().Walk({"v": value})
    before = reference_counts(value)
    walk.walk()
    walk.recheck()
    walk.forget("v")
    after, own = reference_counts(value), few_references(before)
    assert len(own) > 10 and {key: after[key] for key in own} == own


def nested(depth, make):
    result = make(None)
    for _ in range(depth):
        result = make(result)
    return result


def dismantle(value):
    while value:
        value = value.pop()


def test_a_list_nested_a_million_deep():
    value = nested(1_000_000, lambda inner: [inner])
    assert state_of(value)["references"] > 1_000_000
    dismantle(value)


def test_a_tuple_nested_a_hundred_thousand_deep():
    assert content(nested(100_000, lambda inner: (inner,)))


def test_a_tree_with_two_to_the_two_hundred_paths():
    pure, mixed = (), ([],)
    for _ in range(200):
        pure, mixed = (pure, pure), (mixed, mixed)
    assert content(pure) and content(mixed)


def test_a_list_of_two_million():
    assert state_of(list(range(2_000_000)))["references"] == 2_000_000


def test_half_initialised_objects():
    import collections
    import datetime
    import decimal
    import functools

    made = [
        Plain.__new__(Plain),
        walk_values.SlottedChild.__new__(walk_values.SlottedChild),
        types.CellType(),
        ValueError.__new__(ValueError),
        collections.deque.__new__(collections.deque),
        collections.OrderedDict.__new__(collections.OrderedDict),
        collections.defaultdict.__new__(collections.defaultdict),
        np.ndarray.__new__(np.ndarray, (2,), object),
        property.__new__(property),
        staticmethod.__new__(staticmethod),
        classmethod.__new__(classmethod),
        types.SimpleNamespace.__new__(types.SimpleNamespace),
        super.__new__(super),
        bytearray.__new__(bytearray),
        set.__new__(set),
    ]
    assert content(made)
    del datetime, decimal, functools


def test_a_list_with_null_elements():
    value = [1, 2]
    pointers = (ctypes.c_void_p * 2).from_address(ctypes.c_void_p.from_address(id(value) + 24).value)
    kept, pointers[0] = pointers[0], None
    try:
        assert content(value) != content([1, 2])
    finally:
        pointers[0] = kept


def test_a_string_of_the_old_kind():
    make = ctypes.pythonapi.PyUnicode_FromUnicode
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
    legacy = make(None, 3)
    ctypes.memmove(ctypes.c_void_p.from_address(id(legacy) + 40).value, "aéb".encode("utf-32-le"), 12)
    assert content([legacy]) == content(["aéb"])


def test_a_deleted_cell():
    def outer():
        x = 1

        def inner():
            return x

        del x
        return inner

    assert content(outer())


def test_a_closed_and_a_released_buffer():
    import io

    closed = io.BytesIO(b"abc")
    closed.close()
    view = memoryview(b"abc")
    view.release()
    assert content([closed, view])


def test_running_frames_and_generators():
    assert content(sys._getframe())
    assert content((content(g) for g in [g for g in [1]]))


def test_imports_nothing():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import walk_values; walk = walk_values.core_walk();"
        "before = set(sys.modules); w = walk.Walk({'v': [1, {2: 3}, object(), len]}); w.walk(); w.recheck();"
        "assert set(sys.modules) == before and 'numpy' not in before, set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code, walk_values.__file__.rpartition("/")[0]], check=True)


def test_keeps_a_pending_error_and_the_collectors_setting():
    gc.disable()
    core_walk().Walk({"v": [1]}).walk()
    assert not gc.isenabled()
    gc.enable()
    core_walk().Walk({"v": [1]}).walk()
    assert gc.isenabled()


def big():
    return [{"i": i, "s": f"x{i}", "l": [i, (i, [i])], "f": frozenset([i])} for i in range(20_000)]


def test_in_slices_gives_the_same_digest():
    value = big()
    walk = core_walk().Walk({"v": value, "w": [1]})
    slices, budget_us = 1, 500
    while walk.walk(["v", "w"], budget_us=budget_us) < 2:
        slices += 1
        budget_us += 100  # that the pauses changed nothing is proved in one slice, by a slow build too
    assert slices > 3 and walk.state("v")["content"] == content(value)


def test_a_change_between_slices_is_not_torn():
    value = big()
    walk = core_walk().Walk({"v": value})
    assert walk.walk(["v"], budget_us=500) == 0
    value[0]["i"] = -1
    del value[15_000:]
    while walk.walk(["v"], budget_us=5000) < 1:
        pass
    assert walk.state("v")["content"] == content(value)


@pytest.mark.parametrize("change", ["clear", "shrink", "rebind inner", "collect"])
def test_what_happens_between_slices_is_survived(change):
    value = big()
    walk = core_walk().Walk({"v": value})
    for step in range(60):
        if walk.walk(["v"], budget_us=300) == 1:
            break
        if change == "clear" and step == 2:
            value.clear()
        elif change == "shrink":
            del value[-200:]
        elif change == "rebind inner":
            value[step]["l"] = {step: [step]}
        else:
            value[step] = None
            if step % 20 == 0:
                gc.collect()
    walk.walk(["v"])
    assert walk.state("v")["content"] == content(value)


def test_the_logs_keep_to_their_budget():
    names = {f"v{i}": [[j] for j in range(5_000)] for i in range(10)}
    walk = core_walk().Walk(names, log_floor_bytes=500_000, log_share=0.0)
    walk.walk()
    assert 0 < walk.log_size_bytes <= 500_000
    changes = walk.recheck()
    assert set(changes.values()) == {"unchanged", "unknown"}
    assert changes["v9"] == "unchanged"


def test_sizes():
    assert 8_000_000 <= state_of(np.zeros(1_000_000))["size_bytes"] <= 8_001_000
    base = np.zeros(1_000_000)
    assert state_of({"a": base, "b": base[10:]})["size_bytes"] <= 8_002_000
    views = [np.zeros((500, 1000)).T, np.arange(1_000_000)[:500_000], np.frombuffer(bytes(4_000_000))]
    for view in views:  # whose owner nobody else holds
        assert 4_000_000 <= state_of(view)["size_bytes"] <= 4_001_000
        assert 4_000_000 <= state_of([view, view[1:], view[:-1]])["size_bytes"] <= 4_002_000
    windows = np.lib.stride_tricks.sliding_window_view(np.zeros(500_000), 1000)
    assert 4_000_000 <= state_of(windows)["size_bytes"] <= 4_001_000
    assert state_of(pd.DataFrame(np.zeros((500, 1000))))["size_bytes"] >= 4_000_000
    text = "x" * 100_000
    assert state_of([text])["size_bytes"] < 200_000
    assert 8_000_000 <= state_of([float(i) for i in range(250_000)])["size_bytes"] <= 9_000_000


def test_what_an_opaque_object_lets_go_of_is_not_looked_at_again():
    """It is gone by then, unless somebody keeps it as here: the record of the object that held it comes first
    and no longer holds."""
    groups = itertools.groupby(map(lambda number: [number], range(3)))
    first = next(groups)[0]
    looker = core_walk().Walk({"groups": groups})
    looker.walk()
    assert looker.recheck() == {"groups": "opaque"}
    next(groups)
    assert looker.recheck() == {"groups": "maybe_changed"} and first == [0]
