"""Changes in place: recheck() sees each, a second walk gives another digest; nothing else counts as one."""

import array
import builtins
import collections
import functools
import gc
import io
import itertools
import pickle
import tempfile
import types

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from walk_values import (
    Colour,
    DictChild,
    IntChild,
    ListChild,
    Pair,
    Plain,
    core_walk,
    cyclic_list,
    make_closure,
    plain_function,
    slotted,
)


def setitem(*path):
    """A change: the last element of `path` is put where the others lead."""

    def change(value):
        for key in path[:-2]:
            value = value[key]
        value[path[-2]] = path[-1]

    return change


def call(name, *arguments):
    return lambda value: getattr(value, name)(*arguments)


def attribute(name, new):
    return lambda value: setattr(value, name, new)


def new_function(default=None, **attributes):
    def function(a=default if default is not None else [1], *, b={"k": 1}):
        return a, b

    function.__dict__.update(attributes)
    return function


def new_class(**namespace):
    return type("Local", (), {"__module__": "__main__", **namespace})


def closing_over(cell_value):
    def function():
        return cell_value

    def change(new):
        nonlocal cell_value
        cell_value = new

    function.change = None
    return [function, change]


def counting():
    total = [0]
    for i in range(10):
        total.append(i)
        yield i


def sparse(kind):
    def make():
        import scipy.sparse

        return getattr(scipy.sparse, kind + "_matrix")(np.eye(3))

    return make


def two_maps():
    """The same file mapped twice: what is written through one is read through the other."""
    file = tempfile.NamedTemporaryFile()
    file.truncate(4096)
    first = np.memmap(file.name, dtype="i4", mode="r+")
    return [first, np.memmap(file.name, dtype="i4", mode="r+"), file]


def view_of(base, *index):
    return lambda value: value.__setitem__(*index)


STRIDED = np.arange(100.0)
CHANGES = {
    "list element": (lambda: [1, 2], setitem(0, 5)),
    "list append": (lambda: [1], call("append", 2)),
    "list sort": (lambda: [2, 1], call("sort")),
    "nested list": (lambda: [[[1]]], setitem(0, 0, 0, 2)),
    "dict value": (lambda: {"a": 1}, setitem("a", 2)),
    "dict delete": (lambda: {"a": 1, "b": 2}, call("pop", "a")),
    "dict order": (lambda: {"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
    "dict of int keys": (lambda: {1: [2]}, lambda v: v[1].append(3)),
    "nested dict": (lambda: {"a": {"b": {"c": 1}}}, setitem("a", "b", "c", 2)),
    "set add": (lambda: {1, 2}, call("add", 3)),
    "set swap": (lambda: {1, 2}, lambda v: (v.remove(1), v.add(9))),
    "list in a tuple": (lambda: ((1, [2]), 3), lambda v: v[0][1].append(3)),
    "list in a frozen set's tuple": (
        lambda: [frozenset([Plain(a=[1])])],
        lambda v: next(iter(v[0])).a.append(2),
    ),
    "attribute": (lambda: Plain(a=1), attribute("a", 2)),
    "new attribute": (lambda: Plain(a=1), attribute("b", 2)),
    "deleted attribute": (lambda: Plain(a=1, b=2), lambda v: delattr(v, "a")),
    "attribute through __dict__": (lambda: Plain(a=1), lambda v: v.__dict__.update(a=2)),
    "class of an instance": (lambda: Plain(a=1), attribute("__class__", type("Other", (), {}))),
    "slot": (lambda: slotted(x=1), attribute("x", 2)),
    "slot deleted": (lambda: slotted(x=1), lambda v: delattr(v, "x")),
    "inherited slot": (lambda: slotted(z=[1]), lambda v: v.z.append(2)),
    "list subclass": (lambda: ListChild([1]), call("append", 2)),
    "attribute of a list subclass": (lambda: ListChild([1]), attribute("a", 2)),
    "dict subclass": (lambda: DictChild(a=1), setitem("b", 2)),
    "named tuple": (lambda: Pair(1, []), lambda v: v.b.append(1)),
    "attribute of an int": (lambda: IntChild(3), attribute("a", 1)),
    "default argument": (new_function, lambda v: v.__defaults__[0].append(2)),
    "keyword default": (new_function, lambda v: v.__kwdefaults__["b"].update(k=2)),
    "rebound defaults": (new_function, attribute("__defaults__", (5,))),
    "code of a function": (new_function, attribute("__code__", (lambda a, *, b: 5).__code__)),
    "attribute of a function": (new_function, attribute("note", 1)),
    "cell rebound": (lambda: closing_over(1), lambda v: v[1](2)),
    "cell emptied": (types.CellType, attribute("cell_contents", 1)),
    "list in a cell": (lambda: make_closure([1]), lambda v: v().append(2)),
    "annotations": (new_function, lambda v: v.__annotations__.update(a=int)),
    "class attribute": (lambda: new_class(a=1), attribute("a", 2)),
    "method": (lambda: new_class(), attribute("f", len)),
    "list in a class": (lambda: new_class(a=[]), lambda v: v.a.append(1)),
    "class reached from an instance": (lambda: new_class(a=1)(), lambda v: setattr(type(v), "a", 2)),
    "enum member's list": (lambda: [Colour.BLUE], lambda v: v[0].value.append(1)),
    "self of a bound method": (lambda: Plain(a=1).__init__, lambda v: v(a=2)),
    "self of a builtin method": (lambda: [1].append, lambda v: v(2)),
    "partial's argument": (lambda: functools.partial(len, [1]), lambda v: v.args[0].append(2)),
    "attribute of a partial": (lambda: functools.partial(len), attribute("note", 1)),
    "static method": (
        lambda: staticmethod(new_function()),
        lambda v: v.__wrapped__.__defaults__[0].append(1),
    ),
    "property": (lambda: property(new_function()), lambda v: v.fget.__defaults__[0].append(1)),
    "bytearray": (lambda: bytearray(b"abc"), setitem(0, 0)),
    "array": (lambda: array.array("i", [1]), setitem(0, 2)),
    "memoryview": (lambda: memoryview(bytearray(b"abcd"))[::2], setitem(1, 0)),
    "bytes io": (lambda: io.BytesIO(b"abc"), call("write", b"x")),
    "deque": (lambda: collections.deque([1]), call("append", 2)),
    "deque rotated": (lambda: collections.deque([1, 2]), call("rotate")),
    "list in a deque": (lambda: collections.deque([[1]]), lambda v: v[0].append(2)),
    "ordered dict moved": (lambda: collections.OrderedDict(a=1, b=2), call("move_to_end", "a")),
    "ordered dict": (lambda: collections.OrderedDict(a=[1]), lambda v: v["a"].append(2)),
    "default dict made": (lambda: collections.defaultdict(list), lambda v: v["x"]),
    "default factory": (lambda: collections.defaultdict(list), attribute("default_factory", int)),
    "counter": (lambda: collections.Counter("ab"), call("update", "a")),
    "namespace": (lambda: types.SimpleNamespace(a=1), attribute("a", 2)),
    "mapping proxy": (
        lambda: [d := {"a": 1}, types.MappingProxyType(d)][1:],
        lambda v: gc.get_referents(v[0])[0].update(a=2),
    ),
    "list iterator": (lambda: iter([1, 2]), next),
    "dict iterator": (lambda: iter({1: 2, 3: 4}), next),
    "range iterator": (lambda: iter(range(5)), next),
    "generator": (counting, next),
    "generator's list": (
        lambda: [g := counting(), next(g)][0],
        lambda v: v.gi_frame.f_locals["total"].append(7),
    ),
    "count": (itertools.count, next),
    "islice": (lambda: itertools.islice([1, 2, 3], 3), next),
    "enumerate": (lambda: enumerate([1]), next),
    "zip": (lambda: zip([1, 2], [3, 4]), next),
    "exception": (lambda: ValueError([1]), lambda v: v.args[0].append(2)),
    "note of an exception": (lambda: ValueError(1), call("add_note", "x")),
    "os error": (lambda: OSError(2, "a"), attribute("errno", 3)),
    "cycle": (cyclic_list, setitem(0, 2)),
    "big array": (lambda: np.zeros(2_000_000), setitem(1_234_567, 1.0)),
    "array": (lambda: [np.zeros(10)], lambda v: v[0].__setitem__(3, 1)),
    "array in a dict": (lambda: {"w": np.zeros(4)}, lambda v: v["w"].__setitem__(0, 1)),
    "array in a list of dicts": (lambda: [{"w": np.zeros(4)}], lambda v: v[0]["w"].__setitem__(0, 1)),
    "bytearray in a dict": (lambda: {"w": bytearray(4)}, lambda v: v["w"].__setitem__(0, 1)),
    "base of a view": (lambda: np.arange(100.0)[::7], lambda v: v.base.__setitem__(14, -1)),
    "reversed view": (lambda: np.arange(100.0)[::-1], lambda v: v.base.__setitem__(99, -1)),
    "object array": (lambda: np.array([1, [2]], object), lambda v: v[1].append(3)),
    "object array element": (lambda: np.array([10**6, [2]], object), setitem(0, 10**6 + 1)),
    "strided object array": (lambda: np.array([1, [2], 3, [4]], object)[1::2], lambda v: v[1].append(3)),
    "structured": (lambda: np.zeros(3, dtype=[("a", "i4")]), lambda v: v["a"].__setitem__(1, 5)),
    "object in a record": (
        lambda: np.array([(1, [2])], dtype=[("a", "i4"), ("b", "O")]),
        lambda v: v["b"][0].append(1),
    ),
    "shape": (lambda: np.zeros(6), attribute("shape", (2, 3))),
    "dtype": (lambda: np.zeros(6), attribute("dtype", "i8")),
    "writeable flag": (lambda: np.zeros(6), call("setflags", False)),
    "mask": (lambda: np.ma.array([1, 2], mask=[0, 0]), setitem(0, np.ma.masked)),
    "datetime array": (lambda: np.array(["2020-01-01"], "M8[s]"), setitem(0, np.datetime64("2021-01-01"))),
    "frame value": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v.loc.__setitem__((0, "a"), 9)),
    "new column": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v.__setitem__("b", 3)),
    "string in a frame": (
        lambda: pd.DataFrame({"a": ["x", "y"]}),
        lambda v: v.loc.__setitem__((0, "a"), "z"),
    ),
    "object in a frame": (lambda: pd.DataFrame({"a": [[1], 2]}), lambda v: v["a"][0].append(2)),
    "index name": (lambda: pd.DataFrame({"a": [1]}), lambda v: setattr(v.index, "name", "x")),
    "columns": (lambda: pd.DataFrame({"a": [1]}), attribute("columns", ["b"])),
    "attrs": (lambda: pd.DataFrame({"a": [1]}), lambda v: v.attrs.update(k=1)),
    "category": (
        lambda: pd.DataFrame({"a": pd.Categorical(["x", "y"])}),
        lambda v: v.loc.__setitem__((0, "a"), "y"),
    ),
    "sparse value": (sparse("csr"), lambda v: v.data.__setitem__(0, 9)),
    "sparse structure": (sparse("csr"), lambda v: v.indices.__setitem__(0, 1)),
    "sparse by columns": (sparse("csc"), setitem((0, 0), 9)),
    "sparse coordinates": (sparse("coo"), lambda v: v.row.__setitem__(0, 1)),
    "sparse lists": (sparse("lil"), setitem((0, 1), 9)),
    "sparse keys": (sparse("dok"), setitem((0, 1), 9)),
    "memory-mapped": (
        lambda: np.memmap(tempfile.TemporaryFile(), dtype="i4", mode="w+", shape=(4,)),
        setitem(1, 5),
    ),
    "memory-mapped by another": (two_maps, lambda v: v[1].__setitem__(1, 5)),
    "masked data": (lambda: np.ma.array([1, 2], mask=[0, 1]), lambda v: v.data.__setitem__(1, 9)),
    "fill value": (lambda: np.ma.array([1, 2], mask=[0, 1]), attribute("fill_value", 9)),
    "shared mask": (lambda: np.ma.array([1, 2], mask=[0, 1]), lambda v: v.mask.__setitem__(0, True)),
    "windows": (
        lambda: np.lib.stride_tricks.as_strided(np.arange(6), (4, 3), (8, 8)),
        setitem((1, 2), 9),
    ),
    "field of a record": (
        lambda: np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])["b"],
        setitem(1, 5),
    ),
    "arrow string column": (
        lambda: pd.DataFrame({"a": pd.array(["x", "y"], dtype="string[pyarrow]")}),
        lambda v: v.loc.__setitem__((0, "a"), "z"),
    ),
    "nullable": (lambda: pd.Series([1, 2], dtype="Int64"), setitem(0, None)),
    "categories renamed": (
        lambda: [pd.Series(["x", "y"], dtype="category")],
        lambda v: v.__setitem__(0, v[0].cat.rename_categories(["p", "q"])),
    ),
    "column's order": (lambda: pd.DataFrame({"a": [1], "b": [2]}), lambda v: v.insert(0, "b", v.pop("b"))),
    "flags": (lambda: pd.DataFrame({"a": [1]}), lambda v: setattr(v.flags, "allows_duplicate_labels", False)),
    "arrow over an array": (
        lambda: [a := np.arange(5), pa.array(a)][::-1],
        lambda v: v[1].__setitem__(0, 9),
    ),
    "variable-width string": (
        lambda: np.array(["a", "b"], dtype=np.dtypes.StringDType()),
        setitem(0, "z" * 50),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_is_seen(name):
    make, change = CHANGES[name]
    value = make()
    walk = core_walk().Walk({"v": value})
    walk.walk()
    before = walk.state("v")
    assert walk.recheck()["v"] in ("unchanged", "opaque")
    change(value)
    after_change = walk.recheck()["v"]
    walk.walk()
    assert after_change == "maybe_changed"
    assert walk.state("v")["content"] != before["content"]


def warm(function):
    for _ in range(100):
        function(1)


SAME = {
    "reading a frame": (
        lambda: pd.DataFrame({"a": [1, 2], "s": ["x", "y"]}),
        lambda v: (v["a"].sum(), v.loc[0], repr(v)),
    ),
    "looking an index up": (
        lambda: pd.Index(range(0, 100, 7)).astype("i8"),
        lambda v: (v.get_loc(7), v.is_unique, len(v)),
    ),
    "a view of a frame": (lambda: pd.DataFrame({"a": [1, 2]}), lambda v: v[["a"]]),
    "calling a function": (lambda: plain_function, warm),
    "its annotations": (lambda: new_function(), lambda v: v.__annotations__),
    "vars": (lambda: Plain(a=1), vars),
    "hash of a path": (lambda: __import__("pathlib").PurePath("/a"), hash),
    "hash of a str": (lambda: ["ab" * 10], lambda v: hash(v[0])),
    "iterating": (lambda: {1: 2}, list),
    "a weak reference": (lambda: Plain(a=1), lambda v: __import__("weakref").ref(v)),
    "a view of an array": (lambda: np.arange(10), lambda v: v[2:5].sum()),
    "equal element": (lambda: [10**6], lambda v: v.__setitem__(0, int("1000000"))),
}


@pytest.mark.parametrize("name", SAME)
def test_is_no_change_of_content(name):
    make, use = SAME[name]
    value = make()
    walk = core_walk().Walk({"v": value})
    walk.walk()
    before = walk.state("v")
    kept = use(value)
    walk.walk()
    assert walk.state("v")["content"] == before["content"]
    del kept


def test_an_equal_object_in_its_place_changes_the_identity():
    value = [[1], [1]]
    walk = core_walk().Walk({"v": value})
    walk.walk()
    before = walk.state("v")
    value[0] = [1]
    walk.walk()
    after = walk.state("v")
    assert after["content"] == before["content"] and after["identity"] != before["identity"]


REPLACED = {
    "int": lambda k: k,
    "tuple": lambda k: (k, "a"),
    "named tuple": lambda k: Pair(k, 2),
    "int subclass": IntChild,
    "frozenset": lambda k: frozenset([k]),
    "dict": lambda k: {"a": k},
    "list": lambda k: [k],
    "float": float,
    "str": lambda k: f"s{k}",
    "nested tuple": lambda k: ((k,), [k]),
    "instance": lambda k: Plain(a=k),
}


@pytest.mark.parametrize("name", REPLACED)
def test_an_address_used_again_does_not_hide_a_change(name):
    make = REPLACED[name]
    value = [make(10**6)]
    walk = core_walk().Walk({"v": value})
    walk.walk()
    address = id(value[0])
    value[0] = None
    kept = []
    for k in range(50):
        value[0] = make(10**6 + 7 + k)
        if id(value[0]) == address:
            break
        kept.append(value[0])
    assert walk.recheck() == {"v": "maybe_changed"}


class Attributes:
    """They are kept without a dict until somebody asks for it, as pickling does."""

    def __init__(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)


def looked_at(value):
    assert vars(value)
    return value


AFTER_A_LOOK = {
    "another value": lambda v: setattr(v, "b", 3),
    "one more": lambda v: setattr(v, "c", 3),
    "one less": lambda v: delattr(v, "b"),
    "another order": lambda v: (delattr(v, "a"), setattr(v, "a", 1)),
    "through the dict": lambda v: vars(v).update(b=3),
    "another dict": lambda v: setattr(v, "__dict__", {"a": 1, "b": 3}),
    "a key that is no name": lambda v: vars(v).update({1: 2}),
}


@pytest.mark.parametrize("looks", ["before", "after", "never"])
@pytest.mark.parametrize("name", AFTER_A_LOOK)
def test_a_look_at_the_attributes_is_no_change_and_hides_none(name, looks):
    value = Attributes(a=1, b=2)
    if looks == "before":
        looked_at(value)
    walk = core_walk().Walk({"v": value})
    walk.walk()
    if looks == "after":
        looked_at(value)
    Attributes(a=1, b=2, more=3)  # the names of attributes are shared by all instances
    assert walk.recheck() == {"v": "unchanged"}
    AFTER_A_LOOK[name](value)
    assert walk.recheck() == {"v": "maybe_changed"}


@pytest.mark.parametrize("name", REPLACED)
def test_an_address_used_again_in_attributes_that_were_looked_at_does_not_hide_a_change(name):
    make = REPLACED[name]
    value = looked_at(Attributes(a=make(10**6)))
    walk = core_walk().Walk({"v": value})
    walk.walk()
    address = id(value.a)
    value.a = None
    kept = []
    for k in range(50):
        value.a = make(10**6 + 7 + k)
        if id(value.a) == address:
            break
        kept.append(value.a)
    assert walk.recheck() == {"v": "maybe_changed"}


def test_a_set_element_of_equal_hash_at_the_same_address_is_seen():
    assert hash((-1,)) == hash((-2,))
    value = {(-1,)}
    walk = core_walk().Walk({"v": value})
    walk.walk()
    value.remove((-1,))
    value.add((-2,))
    assert walk.recheck() == {"v": "maybe_changed"}


def test_rebinding_is_a_change_and_an_unknown_name_is_unknown():
    names = {"v": [1]}
    walk = core_walk().Walk(names)
    assert walk.recheck() == {"v": "unknown"}
    walk.walk()
    names["v"] = [1]
    assert walk.recheck() == {"v": "maybe_changed"}


def test_a_class_that_loses_its_name_belongs_to_its_instances():
    """`del C` leaves the class to its instances: from then on its changes are theirs."""
    class_object = new_class(counter=0)
    class_object.__qualname__ = "Local"
    names = {"Local": class_object, "v": class_object()}
    walk = core_walk().Walk(names)
    walk.walk()
    class_object.counter = 1
    assert walk.recheck() == {"Local": "maybe_changed", "v": "unchanged"}
    walk.walk()
    del names["Local"]
    assert walk.recheck(["v"]) == {"v": "maybe_changed"}
    walk.walk()
    class_object.counter = 2
    assert walk.recheck(["v"]) == {"v": "maybe_changed"}


def test_an_opaque_object_is_told_and_what_it_refers_to_is_followed():
    inner = [1]
    opaque = itertools.tee(iter([inner]))[0]
    walk = core_walk().Walk({"v": opaque})
    walk.walk()
    assert walk.state("v")["opaque_type"].startswith("itertools.")
    assert walk.recheck() == {"v": "opaque"}


def watched(value):
    walk = core_walk().Walk({"v": value})
    walk.walk()
    return walk


@pytest.mark.parametrize("largest", [None, 4, 0])
def test_a_call_of_a_cached_function_is_a_change_and_the_cache_no_content(largest):
    """A restored cache is empty, which is no difference; here a call changes it, and so does its result."""
    cached = functools.lru_cache(largest)(lambda number: [np.zeros(number)])
    walk = watched(cached)
    before = walk.state("v")
    assert not before["opaque"] and walk.recheck() == {"v": "unchanged"}

    def is_changed():
        was = walk.state("v")["identity"]
        assert walk.recheck() == {"v": "maybe_changed"}
        walk.walk()
        now = walk.state("v")
        assert now["content"] == before["content"] and now["identity"] != was
        assert walk.recheck() == {"v": "unchanged"}

    [kept] = cached(3)
    is_changed()
    cached(3)
    is_changed()
    if largest == 0:
        return
    kept[1] = 5  # in the cache, and by another name
    is_changed()
    cached(3).append("more")
    is_changed()
    cached.cache_clear()
    is_changed()


@pytest.mark.parametrize("largest", [None, 4])
def test_what_a_cached_function_returned_is_linked_with_it(largest):
    cached = functools.lru_cache(largest)(lambda number: [number])
    first = cached(1)
    walk = core_walk().Walk({"cached": cached, "first": first, "other": cached(2)[:]})
    walk.walk()
    assert walk.co_variables() == [["cached", "first"], ["other"]]


def test_attributes_of_a_cached_function_are_content():
    cached = functools.lru_cache(lambda number: number)
    walk = watched(cached)
    before = walk.state("v")["content"]
    cached.note = 1
    assert walk.recheck() == {"v": "maybe_changed"}
    walk.walk()
    assert walk.state("v")["content"] != before


def grown(depth=2):
    from sklearn.tree import DecisionTreeRegressor

    numbers = np.arange(60.0).reshape(-1, 2) % 7
    return DecisionTreeRegressor(max_depth=depth, random_state=0).fit(numbers, numbers[:, 0] ** 2)


def test_a_decision_tree_is_read_and_not_changed_by_predicting():
    model = grown()
    walk = watched(model)
    assert not walk.state("v")["opaque"]
    model.predict(np.zeros((3, 2)))
    assert walk.recheck() == {"v": "unchanged"}
    assert walk.state("v")["content"] == watched(pickle.loads(pickle.dumps(model))).state("v")["content"]
    assert walk.state("v")["content"] != watched(grown(3)).state("v")["content"]


@pytest.mark.parametrize("field", ["threshold", "feature", "children_left", "impurity", "n_node_samples",
                                   "weighted_n_node_samples", "missing_go_to_left", "value"])
def test_a_write_into_the_memory_of_a_decision_tree_is_seen(field):
    model = grown()
    walk = watched(model)
    before = walk.state("v")["content"]
    getattr(model.tree_, field)[-1] += 1
    assert walk.recheck() == {"v": "maybe_changed"}
    walk.walk()
    assert walk.state("v")["content"] != before
    view = getattr(model.tree_, field)
    both = core_walk().Walk({"model": model, "view": view})
    both.walk()
    assert both.co_variables() == [["model", "view"]]


def test_a_function_of_a_namespace_of_its_own_does_not_hold_all_builtins():
    names = {"kept": [1]}
    exec("def f(): return len(kept)", names)
    walk = watched(names["f"])
    assert not walk.state("v")["opaque"] and walk.state("v")["references"] < 50
    names["kept"].append(2)
    assert walk.recheck() == {"v": "maybe_changed"}


def test_the_builtins_themselves_and_others_in_their_place_are_looked_through():
    own = {"len": [len]}
    for value, table in ((vars(builtins), vars(builtins)), ({"__builtins__": own}, own)):
        walk = watched(value)
        table["added_by_a_test"] = 1
        assert walk.recheck() == {"v": "maybe_changed"}
        del table["added_by_a_test"]


def test_the_cache_of_a_single_dispatch_function_is_followed_and_not_the_library_behind_it():
    function = functools.singledispatch(lambda value: value)
    walk = watched(function)
    assert not walk.state("v")["opaque"]
    function.register(list, lambda value: "list")
    assert walk.recheck() == {"v": "maybe_changed"}
