"""Polars' frames and series: none is opaque, each way of changing one is seen, and what a pickle brings back
has the same content."""

import copy
import datetime
import gc
import pickle
import sys

import numpy as np
import pytest
from test_walk_of_libraries import check_no_change, check_seen, content_of
from walk_values import core_walk

pl = pytest.importorskip("polars")

LONG = "a text that is too long to be inside of a view "
COLUMNS = {
    "int": pl.Series("c", [1, 2, 3]),
    "int8": pl.Series("c", [1, 2, 3], dtype=pl.Int8),
    "nulls": pl.Series("c", [1, None, 3]),
    "float": pl.Series("c", [1.5, 2.5, float("nan")]),
    "bool": pl.Series("c", [True, False, None]),
    "text": pl.Series("c", ["a", LONG + "1", None]),
    "bytes": pl.Series("c", [b"a", b"b" * 20, None]),
    "date": pl.Series("c", [datetime.date(2020, 1, day) for day in (1, 2, 3)]),
    "time": pl.Series("c", [datetime.datetime(2020, 1, 1, h) for h in (1, 2, 3)]).dt.replace_time_zone("UTC"),
    "span": pl.Series("c", [datetime.timedelta(days) for days in (1, 2, 3)]),
    "decimal": pl.Series("c", [1, 2, 3]).cast(pl.Decimal(10, 2)),
    "list": pl.Series("c", [[1], [2, 3], None]),
    "array": pl.Series("c", [[1, 2], [3, 4], [5, 6]], dtype=pl.Array(pl.Int64, 2)),
    "struct": pl.Series("c", [{"p": p, "q": "z"} for p in (1, 2, 3)]),
    "texts": pl.Series("c", [["a", LONG], [], None]),
    "enum": pl.Series("c", ["u", "v", "u"], dtype=pl.Enum(["v", "u"])),
    "category": pl.Series("c", ["u", "v", "u"], dtype=pl.Categorical),
    "null": pl.Series("c", [None] * 3),
    "two chunks": pl.concat([pl.Series("c", [1, 2]), pl.Series("c", [3])], rechunk=False),
    "slice": pl.Series("c", [True, False] * 9 + [None]).slice(3, 13),
}


def other_value(series):
    """The same column with another value in the place of the first."""
    return series.slice(1).append(series.slice(1, 1))


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_are_read(kind):
    series = COLUMNS[kind].clone()
    seen = {content_of(series._s), content_of(series.rename("e")._s), content_of(series.slice(1)._s),
            content_of(series.clear()._s)}
    assert len(seen) == 4
    whole = pl.DataFrame({"c": series, "d": range(len(series))}).rechunk()  # a pickle is of one chunk
    assert content_of(whole) == content_of(pickle.loads(pickle.dumps(whole))) == content_of(copy.copy(whole))
    check_no_change(whole, lambda v: (v.to_dicts(), v.shape, v.filter(pl.col("d") > 0), v["c"], repr(v),
                                      v.clone(), v.lazy().collect(), v.with_columns(x=1), v.estimated_size()))
    if kind != "null":
        check_seen(whole, lambda v: v.replace_column(0, other_value(series).rechunk()))


ON_FRAMES = {
    "cell": lambda v: v.__setitem__((1, "a"), 9),
    "text": lambda v: v.__setitem__((1, "s"), LONG),
    "null": lambda v: v.__setitem__((1, "a"), None),
    "new column": lambda v: v.insert_column(0, pl.Series("n", [7, 8, 9])),
    "replaced": lambda v: v.replace_column(0, pl.Series("a", [7, 8, 9])),
    "dropped": lambda v: v.drop_in_place("a"),
    "extended": lambda v: v.extend(v.clone()),
    "stacked": lambda v: v.vstack(v.clone(), in_place=True),
    "beside": lambda v: v.hstack([pl.Series("n", [7, 8, 9])], in_place=True),
    "names": lambda v: setattr(v, "columns", ["p", "q"]),
    "name": lambda v: v.__setattr__("columns", ["a", "q"]),
    "type": lambda v: v.replace_column(0, v["a"].cast(pl.Int32)),
    "order": lambda v: v.insert_column(0, v.drop_in_place("s")),
    "of the core": lambda v: v._df.set_column_names(["x", "s"]),
    "emptied": lambda v: [v.drop_in_place("a"), v.drop_in_place("s")],
}


@pytest.mark.parametrize("name", ON_FRAMES)
def test_a_change_of_a_frame_is_seen(name):
    def make():
        return pl.DataFrame({"a": [1, 2, 3], "s": ["x", LONG + "x", "z"]})

    check_seen(make(), ON_FRAMES[name])
    check_seen({"k": [make()]}, lambda v: ON_FRAMES[name](v["k"][0]))


ON_SERIES = {
    "item": lambda v: v.__setitem__(1, 9),
    "scatter": lambda v: v.scatter([0, 1], [7, 8]),
    "null": lambda v: v.__setitem__(1, None),
    "append": lambda v: v.append(pl.Series("a", [1])),
    "extend": lambda v: v.extend(pl.Series("a", [1])),
    "sorted": lambda v: v.sort(descending=True, in_place=True),
    "core renamed": lambda v: v._s.rename("b"),
    "chunks": lambda v: v.append(v.clone()).rechunk(in_place=True),
}


@pytest.mark.parametrize("name", ON_SERIES)
def test_a_change_of_a_series_is_seen(name):
    check_seen(pl.Series("a", [1, 2, 3]), ON_SERIES[name])
    check_seen([pl.Series("a", range(2_000_000))], lambda v: ON_SERIES[name](v[0]))


def test_a_text_changed_where_it_is_is_seen():
    series = pl.Series("a", [LONG + "1", LONG + "2"])
    check_seen(series, lambda v: v.__setitem__(0, LONG + "3"))
    check_seen(pl.Series("a", ["x", "y"]), lambda v: v.__setitem__(0, "z"))


def test_categories_that_others_add_are_no_change():
    check_no_change([COLUMNS["category"]], lambda _: pl.Series(["new", "newer"], dtype=pl.Categorical))


def test_reading_frames_leaks_nothing():
    frame = pl.DataFrame({"a": range(1000), "s": [LONG] * 1000, "l": [[1], [2]] * 500})
    walk = core_walk().Walk({"frame": frame, "series": frame["s"], "objects": [pl.Series([object()])]})
    counts = []
    for _ in range(3):
        walk.walk()
        walk.recheck()
        gc.collect()
        counts.append((len(gc.get_objects()), sys.getrefcount(frame._df), sys.getrefcount(type(frame._df))))
    assert counts[1][1:] == counts[2][1:] and counts[2][0] - counts[1][0] < 5


def test_what_a_frame_shares_with_another_does_not_link_them():
    frame = pl.DataFrame({"a": range(1000), "s": ["x"] * 1000})
    names = {"frame": frame, "part": frame.select("a"), "series": frame["s"], "same": [frame]}
    walk = core_walk().Walk(names)
    walk.walk()
    assert sorted(map(sorted, walk.co_variables())) == [["frame", "same"], ["part"], ["series"]]
    names["series"][0] = "y"
    frame[0, "a"] = 7
    assert walk.recheck() == {"frame": "maybe_changed", "same": "maybe_changed", "series": "maybe_changed",
                              "part": "unchanged"}


def test_a_frame_over_the_memory_of_an_array_is_seen_to_change_with_it():
    pa = pytest.importorskip("pyarrow")
    array = np.arange(1000)
    frame = pl.from_arrow(pa.table({"a": pa.array(array)}))
    shares = frame["a"].to_numpy(allow_copy=False).__array_interface__["data"][0] == array.ctypes.data
    assert shares
    check_seen([frame], lambda _: array.__setitem__(5, -1))
    walk = core_walk().Walk({"frame": frame, "array": array})
    walk.walk()
    assert len(walk.co_variables()) == 1 and not walk.stands_apart("frame")


@pytest.mark.parametrize("make", [
    lambda: pl.Series("o", [object()], dtype=pl.Object),
    lambda: pl.DataFrame({"a": [1], "o": pl.Series([object()], dtype=pl.Object)}),
    lambda: pl.DataFrame({"a": [1]}).lazy(),
    lambda: pl.col("a") + 1,
    lambda: pl.Series([1], dtype=pl.Int128)])
def test_what_cannot_be_exported_stays_opaque(make, capfd):
    walk = core_walk().Walk({"v": make()})
    walk.walk()
    assert walk.state("v")["opaque"] and walk.recheck() == {"v": "opaque"}
    assert capfd.readouterr() == ("", "")
