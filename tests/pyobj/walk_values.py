"""States whose digests must not depend on the process: each is built in two orders; and a tool to walk one.

Run as a program it prints {name: content digest} as JSON: `walk_values.py forward|backward`.
"""

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import json
import os
import pathlib
import re
import sys
import tempfile
import types
import uuid
import weakref


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Slotted:
    __slots__ = ("x", "y", "__weakref__")


class SlottedChild(Slotted):
    __slots__ = ("z",)


class ListChild(list):
    pass


class DictChild(dict):
    pass


class IntChild(int):
    pass


class Colour(enum.Enum):
    RED = 1
    BLUE = [2]


Pair = collections.namedtuple("Pair", "a b")


def plain_function(a, b=(1, 2), *, c={"k": 1}) -> int:
    """Has a docstring, defaults, annotations."""
    return [x for x in (a, b, c)]


def make_closure(value):
    def inner():
        return value

    return inner


def slotted(**values):
    result = SlottedChild()
    for name, value in values.items():
        setattr(result, name, value)
    return result


def cyclic_list():
    result = [1]
    result.append(result)
    return result


def cyclic_tuple():
    result = ([],)
    result[0].append(result)
    return result


def started_generator():
    def count():
        total = [0]
        for i in range(5):
            total.append(i)
            yield i

    generator = count()
    next(generator)
    return generator


def states(backward=False):
    """{name: state}; `backward` builds them in another order, warms code up, materialises dicts."""

    def ordered(items):
        items = list(items)
        return items[::-1] if backward else items

    def a_set(items):
        result = set()
        for item in ordered(items):
            result.add(item)
        return result

    with_hole = {"a": 1, "tmp": 0, "b": 2}
    del with_hole["tmp"]
    instance = Plain(a=1, b={"k": [1, 2.5, "s"]})
    function = make_closure([3])
    if backward:
        vars(instance)
        for _ in range(50):
            plain_function(1)
            function()
        plain_function.__annotations__
    shared = [1]
    ordered_dict = collections.OrderedDict(b=2, a=1) if backward else collections.OrderedDict(a=1, b=2)
    if backward:
        ordered_dict.move_to_end("b")
    path = pathlib.PurePosixPath("/a/b")
    if backward:
        str(path), hash(path), path.parts
    result = {
        "ints": [0, 1, -1, 2**30, -(2**45), 2**70, -(2**70), True, False, None],
        "floats": [0.0, -0.0, 1.5, float("inf"), float("nan")],
        "strings": ["", "a", "abcdefgh", "abcdefghi", "x" * 15, "x" * 16, "ab" * 40, "é", "ж" * 5, "😀"],
        "bytes": [b"", b"abc", b"x" * 15, b"x" * 100],
        "complex": 1 + 2j,
        "ellipsis": [..., NotImplemented],
        "tuple": (1, ("a", 2.0), ()),
        "shared tuple": [(1, 2)] * 3,
        "dict": with_hole if backward else {"a": 1, "b": 2},
        "general dict": {1: "a", (1, 2): [3], "k": {2: 3}},
        "set of ints": a_set(range(1000)),
        "set of strings": a_set(f"k{i}" for i in range(500)),
        "set of tuples": a_set((i, str(i)) for i in range(300)),
        "set of frozensets": a_set(frozenset({f"a{i}", f"b{i}"}) for i in range(40)),
        "set of instances": a_set(Plain(i=i, s=f"s{i}") for i in range(50)),
        "set of functions": a_set([make_closure, plain_function, cyclic_list]),
        "frozenset": frozenset(a_set(["a", "b", frozenset({"c", "d"})])),
        "cyclic list": cyclic_list(),
        "cyclic tuple": cyclic_tuple(),
        "alias": [shared, shared],
        "instance": instance,
        "slots": slotted(x=1, z=[2]),
        "list subclass": ListChild([1, 2]),
        "dict subclass": DictChild(a=1),
        "int subclass": IntChild(7),
        "named tuple": Pair(1, [2]),
        "enum member": Colour.RED,
        "enum class": Colour,
        "function": plain_function,
        "closure": function,
        "lambda": lambda x: x + 1,
        "class": Slotted,
        "module": os,
        "builtin": len,
        "bound method": instance.__init__,
        "builtin method": [1].append,
        "partial": functools.partial(int, "7", base=8),
        "static method": staticmethod(plain_function),
        "property": property(plain_function),
        "code": plain_function.__code__,
        "type": int,
        "slice": slice(1, None),
        "range": range(1, 10, 2),
        "bytearray": bytearray(b"abc"),
        "memoryview": memoryview(b"abcdef")[::2],
        "array": array.array("d", [1, 2]),
        "deque": collections.deque([1, [2]], maxlen=5),
        "ordered dict": ordered_dict,
        "default dict": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("abca"),
        "chain map": collections.ChainMap({"a": 1}, {"b": 2}),
        "datetime": datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc, fold=1),
        "date": datetime.date(2020, 1, 2),
        "time": datetime.time(1, 2),
        "timedelta": datetime.timedelta(1, 2, 3),
        "decimal": [decimal.Decimal("1.50"), decimal.Decimal("-Infinity"), decimal.Decimal(10) ** 50],
        "fraction": fractions.Fraction(1, 3),
        "pattern": re.compile("a+b", re.I),
        "match": re.match("(a+)b", "aab"),
        "path": path,
        "uuid": uuid.UUID(int=5),
        "namespace": types.SimpleNamespace(a=1, b=[2]),
        "mapping proxy": types.MappingProxyType({"a": 1}),
        "list iterator": iter([1, 2]),
        "dict iterator": iter({"a": 1}),
        "range iterator": iter(range(5)),
        "zip": zip([1], [2]),
        "enumerate": enumerate([1], 5),
        "count": itertools.count(3),
        "cycle": itertools.cycle([1, 2]),
        "islice": itertools.islice([1, 2, 3], 1, 3),
        "generator": started_generator(),
        "exception": ValueError("x", 1),
        "os error": OSError(2, "no", "name"),
        "bytes io": io.BytesIO(b"abc"),
        "weak reference": weakref.ref(instance),
        "generic alias": list[int],
        "union": int | str,
        "object": object(),
        "unset cell": types.CellType(),
    }
    result |= numpy_states() | pandas_states()
    return result


def numpy_states():
    import numpy as np

    rng = np.arange(24.0).reshape(4, 6)
    record = np.zeros(3, dtype=[("a", "i4"), ("b", "O")])
    record["b"] = [[1], "x", None]
    result = {
        "array of floats": rng,
        "fortran": np.asfortranarray(rng),
        "strided": rng[::2, ::-3],
        "zero-dimensional": np.array(5),
        "empty": np.zeros((0, 3)),
        "object array": np.array([1, "a", [2]], object),
        "structured": np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,))]),
        "structured with objects": record,
        "datetimes": np.array(["2020-01-01", "NaT"], "M8[s]"),
        "unicode": np.array(["a", "bcd"]),
        "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
        "big-endian": np.array([1, 2], ">i4"),
        "scalar": np.float32(1.5),
        "datetime scalar": np.datetime64("2020-01-01", "ms"),
        "bool scalar": np.bool_(True),
        "string scalar": np.str_("ab"),
        "record scalar": np.zeros(1, dtype=[("a", "i4")])[0],
        "ufunc": np.add,
        "dtype": np.dtype("f4"),
        "read-only": np.broadcast_to(np.arange(3), (2, 3)),
    }
    mapped = np.memmap(tempfile.TemporaryFile(), dtype="i4", mode="w+", shape=(4,))
    mapped[:] = [1, 2, 3, 4]
    masked_record = np.ma.zeros(2, dtype=[("a", "i4"), ("b", "f8")])
    masked_record["a"][1] = np.ma.masked
    windows = np.lib.stride_tricks.sliding_window_view(np.arange(6), 3)
    result |= {
        "memory-mapped": mapped,
        "part of a memory-mapped": mapped[1::2],
        "masked record": masked_record,
        "overlapping windows": windows,
        "field of a record": np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])["b"],
        "packed record": np.zeros(2, dtype=np.dtype({"names": ["x"], "formats": ["u2"], "itemsize": 6})),
        "record array": np.rec.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("s", "U1")]),
        "complex array": np.array([1 + 2j, -0.0]),
        "void": np.array([b"ab", b"c"], "V4"),
    }
    if hasattr(np.dtypes, "StringDType"):
        result["variable-width strings"] = np.array(["a", "b" * 100, ""], dtype=np.dtypes.StringDType())
    return result


def pandas_states():
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import scipy.sparse

    frame = pd.DataFrame({"i": [1, 2, 3], "f": [0.5, None, 2], "s": ["x", None, "yy"], "o": [[1], 2, "z"]})
    return {
        "frame": frame,
        "series": frame["f"],
        "string column": frame["s"],
        "index": pd.Index([3, 1, 2]),
        "string index": pd.Index(["a", "b"]),
        "multi-index": pd.MultiIndex.from_product([[1, 2], ["a", "b"]]),
        "timestamps": pd.Series(pd.date_range("2020", periods=3)),
        "timestamp": pd.Timestamp("2020-01-01", tz="UTC"),
        "missing values": [pd.NA, pd.NaT],
        "arrow array": pa.array(["a", None, "ccc"])[1:],
        "arrow table": pa.table({"i": [1, 2], "s": ["x", None], "l": [[1], []], "b": [True, None]}),
        "arrow types": [pa.int32(), pa.list_(pa.string())],
        "arrow dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "arrow struct": pa.array([{"a": 1, "b": "x"}, None]),
        "arrow time": pa.array([1, 2], pa.timestamp("us", tz="UTC")),
        "sparse": scipy.sparse.csr_matrix(np.eye(4)),
        "sparse by columns": scipy.sparse.csc_matrix(np.eye(4)),
        "sparse coordinates": scipy.sparse.coo_matrix(np.eye(4)),
        "sparse lists": scipy.sparse.lil_matrix(np.eye(4)),
        "sparse keys": scipy.sparse.dok_matrix(np.eye(4)),
        "sparse diagonals": scipy.sparse.dia_matrix(np.eye(4)),
        "sparse array": scipy.sparse.csr_array(np.eye(4)),
        "categorical": pd.Series(["x", "y", "x"], dtype="category"),
        "ordered categorical": pd.Categorical(["x", "y", None], categories=["y", "x"], ordered=True),
        "arrow strings": pd.Series(["x", None, "z" * 50], dtype="string[pyarrow]"),
        "default strings": pd.Series(["x", None, "z" * 50], dtype="str"),
        "arrow ints": pd.Series([1, None], dtype="int64[pyarrow]"),
        "nullable ints": pd.Series([1, None], dtype="Int64"),
        "intervals": pd.Series(pd.interval_range(0, 3)),
        "periods": pd.period_range("2020", periods=2, freq="M"),
        "range of dates": pd.date_range("2020", periods=3),
        "range of hours": pd.date_range("2020", periods=3, freq="h"),
        "range of times": pd.timedelta_range(0, periods=3),
        "frame by dates": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2)),
        "frequencies": [pd.offsets.Day(2), pd.offsets.MonthEnd(), pd.offsets.Week(weekday=1),
                        pd.offsets.BusinessDay(), pd.offsets.YearEnd(month=3)],
        "date offset": pd.DateOffset(months=1),
        "other date offset": pd.DateOffset(months=2),
        "period": pd.Period("2020-01", "M"),
        "sparse column": pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        "sparse blocks": pd.Series(pd.arrays.SparseArray([0, 0, 1], kind="block")),
        "attributes of a frame": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        "arrow chunks": pa.chunked_array([["a"], ["b", None]]),
        "arrow batch": pa.record_batch({"i": [1, 2]}),
        "arrow schema": pa.schema([("a", pa.int32())], metadata={"k": "v"}),
        "arrow buffer": pa.py_buffer(b"abc"),
        "arrow scalar": pa.scalar(5),
    }


def core_walk():
    """The extension's walk; the same module conftest finds."""
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    import conftest  # noqa: F401
    from elasticpython._core import walk

    return walk


def state_of(value):
    """What a walk of one variable finds."""
    walk = core_walk().Walk({"v": value})
    walk.walk()
    return walk.state("v")


def content(value):
    return state_of(value)["content"]


if __name__ == "__main__":
    json.dump(
        {name: content(state) for name, state in states(sys.argv[1] == "backward").items()}, sys.stdout
    )
