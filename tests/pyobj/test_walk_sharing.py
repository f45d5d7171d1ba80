"""Which variables are linked: those that share something one can change through the other, and no others."""

import enum
import functools
import itertools
import types
import weakref

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from walk_values import Plain, core_walk, make_closure, plain_function


class Shade(enum.Enum):
    DARK = 1


def partition(names):
    walk = core_walk().Walk(names)
    walk.walk()
    return walk.co_variables()


def inner_list():
    inner = [1]
    return inner, [inner]


def shared_tuple():
    pair = (0, [1])
    return [pair], [pair]


def closures():
    cell = [0]

    def read():
        return cell

    def write(value):
        nonlocal cell
        cell = value

    return read, write


def frame_and_values():
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    return frame, frame["a"].to_numpy()


def half_shared(shared, wrap_first, wrap_second):
    return wrap_first(shared), wrap_second(shared)


LINKED = {
    "an element": inner_list,
    "the same list": lambda: [[1]] * 2,
    "a list in a shared tuple": shared_tuple,
    "an attribute": lambda: half_shared([1], lambda x: Plain(a=x), lambda x: {"k": x}),
    "a dict of attributes": lambda: [p := Plain(a=1), p.__dict__],
    "a cell": closures,
    "a list in a closure": lambda: half_shared([1], make_closure, lambda x: x),
    "a default argument": lambda: half_shared(
        [1], lambda x: types.FunctionType(plain_function.__code__, {}, "f", (x,)), lambda x: x
    ),
    "self of a method": lambda: [p := Plain(a=1), p.__init__],
    "self of a builtin method": lambda: [x := [1], x.append],
    "a partial's argument": lambda: half_shared([1], lambda x: functools.partial(len, x), lambda x: x),
    "what an iterator reads": lambda: [x := [1, 2], iter(x)],
    "what a generator reads": lambda: [x := [1], (y for y in x)],
    "a weak reference": lambda: [p := Plain(a=1), weakref.ref(p)],
    "an opaque object": lambda: [itertools.tee([1])[0]] * 2,
    "what an opaque object holds": lambda: [x := [1], itertools.product(x, [x])],
    "a view": lambda: [a := np.arange(10), a[2:5]],
    "two views": lambda: [(a := np.arange(10))[:5], a[5:]],
    "a reshaped view": lambda: [a := np.arange(10), a.reshape(2, 5).T],
    "a view in a list": lambda: [a := np.arange(10), [{"k": a[:3]}]],
    "an array over bytes": lambda: [b := bytearray(80), np.frombuffer(b)],
    "a memoryview": lambda: [b := bytearray(8), memoryview(b)],
    "an object in an array": lambda: [x := [1], np.array([x, 2], object)],
    "a frame and its values": frame_and_values,
    "the same frame": lambda: [pd.DataFrame({"a": [1]})] * 2,
    "an object in a frame": lambda: [x := [1], pd.DataFrame({"a": [x, 2]})],
    "arrow over an array": lambda: [a := np.arange(10), pa.array(a)],
    "a frame over an array": lambda: [a := np.arange(10.0).reshape(5, 2), pd.DataFrame(a, copy=False)],
    "an index and its columns' owner": lambda: [f := pd.DataFrame({"a": [1]}), f.columns],
    "a class made on the spot": lambda: [type("C", (), {"__module__": "__main__", "a": (x := [1])}), x],
    "a cycle": lambda: [p := Plain(), setattr(p, "me", p), [p]][::2],
    "an object()": lambda: [object()] * 2,
}
APART = {
    "equal lists": lambda: ([1], [1]),
    "a str": lambda: ["x" * 50] * 2,
    "an int": lambda: [[10**9], [10**9]],
    "a tuple of atoms": lambda: half_shared((1, "a"), lambda t: [t], lambda t: [t]),
    "a class": lambda: (Plain(a=1), Plain(a=2)),
    "a class object": lambda: ([Plain], [Plain]),
    "a module": lambda: ([np], [np]),
    "a function": lambda: ([plain_function], [plain_function]),
    "a function made on the spot": lambda: half_shared(lambda x: x, lambda f: [f], lambda f: [f]),
    "an enum member": lambda: ([Shade.DARK], [Shade.DARK]),
    "a frozenset": lambda: half_shared(frozenset([1]), lambda s: [s], lambda s: [s]),
    "a dtype": lambda: (np.zeros(3), np.zeros(3)),
    "frames": lambda: (pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]})),
    "string frames": lambda: (pd.DataFrame({"a": ["x"]}), pd.DataFrame({"a": ["x"]})),
    "a filtered frame": lambda: [f := pd.DataFrame({"a": [1, 2], "s": ["x", "y"]}), f[f.a > 1]],
    "a copy of a frame": lambda: [f := pd.DataFrame({"a": [1, 2]}), f.copy()],
    "columns under copy-on-write": lambda: [f := pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]}), f[["a"]]],
    "missing values": lambda: ([pd.NA, pd.NaT], [pd.NA, pd.NaT]),
    "copies of an array": lambda: [a := np.arange(5), a.copy()],
    "neighbours in memory": lambda: (np.arange(5), np.arange(5)),
    "a ufunc": lambda: ([np.add], [np.add]),
    "a descriptor": lambda: ([str.upper], [str.upper]),
    "None": lambda: ([None], [None]),
}


@pytest.mark.parametrize("name", LINKED)
def test_links(name):
    first, second = LINKED[name]()
    assert partition({"a": first, "b": second, "c": [5]}) == [["a", "b"], ["c"]]


@pytest.mark.parametrize("name", APART)
def test_does_not_link(name):
    first, second = APART[name]()
    assert partition({"a": first, "b": second}) == [["a"], ["b"]]


def test_links_are_transitive():
    x, y = [1], [2]
    assert partition({"a": [x], "b": [x, y], "c": [y], "d": []}) == [["a", "b", "c"], ["d"]]


def test_a_reference_to_the_namespace_links_nothing():
    names = {"a": [1], "b": [2]}
    names["g"] = names
    assert partition(names) == [["a"], ["b"], ["g"]]


def test_what_becomes_shared_later_is_linked_without_another_walk_of_its_owner():
    names = {"a": [[1]], "b": [[2]]}
    walk = core_walk().Walk(names)
    walk.walk()
    assert walk.co_variables() == [["a"], ["b"]]
    names["b"].append(names["a"][0])
    assert walk.recheck() == {"a": "unchanged", "b": "maybe_changed"}
    walk.walk(["b"])
    assert walk.co_variables() == [["a", "b"]]


def linked(names, walk=None):
    """The groups of two and more."""
    walk = walk or core_walk().Walk(names)
    walk.walk()
    return [group for group in walk.co_variables() if len(group) > 1]


def test_an_arrow_buffer_is_linked_with_what_it_was_made_over():
    names = {"own": bytearray(16), "array": pa.array([1, 2])}
    names |= {"buffer": pa.py_buffer(names["own"]), "part": names["array"].buffers()[1]}
    names |= {"text": b"abc", "of_text": pa.py_buffer(b"abc")}
    walk = core_walk().Walk(names)
    assert linked(names, walk) == [["array", "part"], ["buffer", "own"]]
    names["own"][3] = 7
    assert walk.recheck(["buffer"]) == {"buffer": "maybe_changed"}
    assert not walk.state("buffer")["opaque"]


def test_large_variables_are_linked_like_small_ones():
    rows = [[i] for i in range(9000)]
    names = {"rows": rows, "others": [[i] for i in range(9000)], "small": [rows[4000]], "apart": [[1]]}
    names["index"] = dict(enumerate(rows[5000:] + [[i] for i in range(3000)]))
    assert linked(names) == [["index", "rows", "small"]]


def test_links_of_large_variables_are_found_anew_once_one_changes():
    rows = [[i] for i in range(9000)]
    names = {"rows": rows, "copy": list(rows), "x": 1}
    walk = core_walk().Walk(names)
    assert linked(names, walk) == linked(names, walk) == [["copy", "rows"]]
    names["copy"] = [[i] for i in range(9000)]
    assert linked(names, walk) == []
    names["x"] = [names["copy"], rows[0]]
    assert linked(names, walk) == [["copy", "rows", "x"]]


def test_large_variables_that_share_an_owner_of_memory_are_linked():
    import numpy as np

    base = np.zeros(9000 * 8)
    names = {"rows": [base[8 * i: 8 * i + 8] for i in range(9000)], "base": base}
    names["other"] = [np.zeros(8) for _ in range(9000)]
    assert linked(names) == [["base", "rows"]]


def test_a_forgotten_variable_is_in_no_group():
    names = {"a": [1], "b": [2]}
    walk = core_walk().Walk(names)
    walk.walk()
    walk.forget("a")
    assert walk.co_variables() == [["b"]] and walk.state("a") is None


def test_digests_do_not_depend_on_what_else_is_walked():
    shared = [[1], [2]]
    alone = core_walk().Walk({"b": [shared, 3]})
    alone.walk()
    together = core_walk().Walk({"a": [shared], "b": [shared, 3]})
    together.walk()
    assert alone.state("b")["content"] == together.state("b")["content"]


ALONE = {
    "a list": "[1, 'a', (2.0, b'c')]",
    "nested containers": "{'a': [1, {2}], 'b': ([],)}",
    "an array": "np.zeros(5)",
    "a long list of leaves": "[str(i) for i in range(60000)]",
    "a list of arrays": "[np.zeros(5), np.ones(3)]",
    "an array over one of its own": "np.zeros(6).reshape(2, 3)",
    "a deque": "collections.deque([1, [2]])",
    "a bytearray": "bytearray(5)",
    "a frame": "pd.DataFrame({'a': [1, 2], 'b': [1.0, 2.0]})",
    "a frame of text": "pd.DataFrame({'a': ['x', 'y'], 'b': pd.to_datetime(['2020-01-01', '2020-01-02'])})",
    "a series": "pd.Series(range(5))",
}
SHARED = {
    "a list in another": ("[]", "outer = [x]"),
    "what another refers to within": ("[[1]]", "outer = x[0]"),
    "an array with a view": ("np.zeros(5)", "outer = x[1:]"),
    "a view": ("np.zeros(5)[1:][1:]", "outer = x.base"),
    "an object array": ("np.array([[1], None], dtype=object)", "outer = x[0]"),
    "a bytearray with a view": ("bytearray(5)", "outer = memoryview(x)"),
    "a bytearray within": ("[bytearray(5)]", "outer = memoryview(x[0])"),
    "a frame and one made of it": ("pd.DataFrame({'a': [1, 2]})", "outer = x.assign(b=1)"),
    "a frame and its values": ("pd.DataFrame({'a': [1, 2]})", "outer = x.values"),
    "what is weakly referred to": ("{1, 2}", "import weakref; outer = weakref.ref(x)"),
    "an iterator over it": ("[1, 2]", "outer = iter(x)"),
    "a bound method": ("[1, 2]", "outer = x.append"),
    "a function": ("lambda: 1", ""),
    "a module": ("np", ""),
    "a container of a module's function": ("[np.linalg.norm]", ""),
    "more objects than are counted": ("[[] for _ in range(3000)]", ""),
    "more references than are followed": ("[0] * 600000", ""),
}


@pytest.mark.parametrize("name", [*ALONE, *SHARED])
def test_stands_apart(name):
    """Told without a walk; yes only where nothing else leads in."""
    names = {}
    exec("import collections, numpy as np, pandas as pd", names)
    source, other = SHARED.get(name, (ALONE.get(name), ""))
    exec(f"x = {source}\n{other}", names)
    assert core_walk().Walk(names).stands_apart("x") == (name in ALONE)


def test_what_is_shared_during_a_pause_of_the_walk_links():
    names = {"x": [[0]] + [[i] for i in range(200_000)]}
    walk = core_walk().Walk(names)
    assert walk.walk(["x"], budget_us=500) == 0
    names["alias"] = names["x"][0]
    budget_us = 5000
    while walk.walk(["x"], budget_us=budget_us) == 0:
        budget_us += 1000  # that the pauses changed nothing is proved in one slice, by a slow build too
    walk.walk(["alias"])
    assert walk.co_variables() == [["alias", "x"]]


def test_what_is_shared_is_not_forgotten_when_a_recheck_is_given_up():
    names = {"x": [[0]] + [[i] for i in range(200_000)]}
    walk = core_walk().Walk(names)
    walk.walk()
    names["alias"] = names["x"][0]
    assert walk.recheck(["x"], budget_us=1) == {"x": "given up"}
    assert walk.recheck(["x"]) == {"x": "unchanged"}
    walk.walk(["alias"])
    assert walk.co_variables() == [["alias", "x"]]
