"""What counts as the same after a restore, and how a difference is told."""

import pickle

import numpy as np
import pytest
import sympy
from elasticpython import comparing, unpickling


class Thing:
    """An instance to fill."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def written(value):
    """Its pickle, and the memory beside it."""
    buffers = []
    content = pickle.dumps(value, 5, buffer_callback=buffers.append)
    return content, [buffer.raw() for buffer in buffers]


def difference(before, after):
    return comparing.first_difference(["v"], written(before), written(after))


def expressions_of_other_caches():
    """Twice 2*x in each: one object, and two."""
    x = sympy.Symbol("x")
    one = 2 * x
    sympy.core.cache.clear_cache()
    other = 2 * x
    return (one, one), (one, other)


def interned_differently():
    return {"".join(["a", "b"]): "".join(["c", "d"]), "x": "".join(["c", "d"])}, {"ab": "cd", "x": "cd"}


@pytest.mark.parametrize(
    "before, after",
    [
        interned_differently(),
        expressions_of_other_caches(),
        ({"one", "two", ("three", 4)}, {("three", 4), "two", "one"}),
        (float("nan"), float("nan")),
        (Thing(a=1, b=[2]), Thing(b=[2], a=1)),
        (np.arange(4.0), np.arange(4.0)),
        (np.ma.array([1.0, 2.0]), np.ma.array([1.0, 2.0], fill_value=1e20)),
    ],
)
def test_equal_state_is_the_same(before, after):
    assert difference(before, after) is None


@pytest.mark.parametrize(
    "before, after, text",
    [
        ([1, 2], [1, 3], "v[1] is 3, was 2"),
        (1, True, "v is True, was 1"),
        ([1], (1,), "v is a tuple, was a list"),
        ([1], [1, 2], "v has 2 elements, had 1"),
        ({"a": 1}, {"b": 1}, "a key of v is 'b', was 'a'"),
        ({"a": 1, "c": 2}, {"a": 1}, "now without 'c'"),
        (Thing(a=[{2}]), Thing(a=[{3}]), "v.a[0] is without 2"),
        (Thing(), ValueError(), "the type of v is builtins.ValueError, was test_comparing.Thing"),
        (0.0, -0.0, "v is -0.0, was 0.0"),
        (np.arange(4), np.array([0, 1, 9, 3]), "differs in 1 of 4 elements, first in number 2: 9, was 2"),
        (np.arange(4), np.arange(6), "v is int64 (6,), was int64 (4,)"),
    ],
)
def test_a_difference_is_told(before, after, text):
    assert text in difference(before, after)


def test_what_is_too_large_to_be_read_is_compared_by_its_bytes():
    numbers = list(range(comparing.MAX_OBJECTS + 1))
    assert "bytes that are not the" in difference(numbers, [*numbers[1:], -1])
    text = "x" * (5 << 20)   # large, and one object
    assert difference([text, {1, 2}], [text, {2, 1}]) is None


def test_lost_aliasing_is_a_difference():
    shared = [1]
    assert "shared" in difference([shared, shared], [[1], [1]])
    assert difference([shared, shared], [shared, shared]) is None


def test_circles_are_followed_once():
    circle, other = [1], [1]
    circle.append(circle)
    other.append(other)
    assert difference(circle, other) is None


def test_figures_come_back_the_same(round_trip):
    _, _, report = round_trip(
        "import matplotlib; matplotlib.use('agg')\nimport matplotlib.pyplot as plt, numpy as np",
        "fig, ax = plt.subplots()\nim = ax.imshow(np.eye(4)); fig.colorbar(im); ax.set_title('t')",
        "line, = plt.figure().add_subplot().plot([1, 2, 3])\nfig.canvas.draw()",
        plan="store-all",
    )
    entries = report["variables"]
    assert {name: entries[name]["status"] for name in ("fig", "ax", "im", "line")} == dict.fromkeys(
        ("fig", "ax", "im", "line"), "same"
    )
    assert entries["fig"]["why"] == "compared by what its type stores"


def test_a_picture_whose_memory_was_mapped_comes_back_the_same(round_trip):
    """It owned its memory, and looks at a buffer that was restored now."""
    _, _, report = round_trip(
        "import matplotlib; matplotlib.use('agg')\nimport matplotlib.pyplot as plt, numpy as np",
        "pixels = np.random.default_rng(0).integers(0, 255, (303, 384), dtype='u1')",
        "fig, axes = plt.subplots(1, 2)\nim = axes[0].imshow(pixels)\nleft, right = axes",
        "other = axes[1].imshow(pixels * 2.5); axes[1].autoscale(False)",
        plan="store-all",
    )
    statuses = {name: report["variables"][name] for name in ("fig", "axes", "im", "left", "right", "other")}
    assert {entry["status"] for entry in statuses.values()} == {"same"}, statuses


def test_memory_is_compared_by_who_shows_which_part_of_it(round_trip):
    """Neither the shape of what nobody sees counts, nor which of two arrays the memory belongs to."""
    _, _, report = round_trip(
        """
        import numpy as np
        class Cached:
            def __init__(self, **parts): self.parts = parts; self.cache = {'seen': 1}
            def __getstate__(self): return {'parts': self.parts}
            def __setstate__(self, state): self.__dict__.update(state, cache={})
        index, = np.nonzero(np.arange(5000) % 3)
        selected = Cached(index=index, last=index[-1:])
        whole = np.arange(6000.).reshape(60, 100)
        apart = Cached(whole=whole, row=whole[3], rest=whole[7:, ::2])
        records = np.zeros(900, [("a", "i4"), ("b", "f8")])
        fields = Cached(records=records, b=records["b"])
        same = Cached(many=np.broadcast_to(np.arange(3000.), (10**9, 3000)))
        """,
        plan="store-all",
    )
    statuses = {name: report["variables"][name] for name in ("selected", "apart", "fields", "same")}
    assert {entry["status"] for entry in statuses.values()} == {"same"}, statuses
    assert {entry["why"] for entry in statuses.values()} == {"compared by what its type stores"}, statuses


class View:
    """Part of an array's memory, as a group's pickler writes it."""

    def __init__(self, owner, array):
        offset = array.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        self.reduced = owner, array.dtype, array.shape, array.strides, offset, array.flags.writeable

    def __reduce__(self):
        return unpickling.array_view, self.reduced


def test_memory_that_is_shared_otherwise_is_a_difference():
    first, second = np.arange(10), np.arange(10)
    before = [first, View(first, first[2:4]), View(first, first[4:6])]
    assert difference(before, [second, View(second, second[2:4]), View(second, second[4:6])]) is None
    apart = [second, second[2:4].copy(), second[4:6].copy()]
    assert "v[1] does not share its memory" in difference(before, apart)
    assert "v[1] does not share its memory" in difference(apart, before)
    zeros = np.zeros(10, int)
    before = [zeros, View(zeros, zeros[2:4])]
    assert "v[1] does not share its memory" in difference(before, [zeros, View(zeros, zeros[3:5])])
    frozen = zeros[2:4]
    frozen.flags.writeable = False
    assert "v[1] is read-only" in difference(before, [zeros, View(zeros, frozen)])


def test_an_arrow_array_without_missing_elements_needs_no_bitmap(round_trip):
    _, _, report = round_trip(
        "import pandas as pd",
        "index = pd.MultiIndex.from_product([['a', 'b'], pd.date_range('2015', periods=3)], names=[*'xy'])",
        plan="store-all",
    )
    assert report["variables"]["index"]["status"] == "same", report["variables"]["index"]


def test_what_a_type_leaves_out_is_no_difference_and_what_it_changes_is(round_trip):
    _, _, report = round_trip(
        """
        class Cached:
            def __init__(self): self.value = 1; self.cache = {'seen': 1}
            def __getstate__(self): return {'value': self.value}
            def __setstate__(self, state): self.__dict__.update(state, cache={})
        class Odd:
            def __init__(self): self.value = 1
            def __setstate__(self, state): self.value = state['value'] + 1
        cached, odd = Cached(), Odd()
        """,
        plan="store-all",
    )
    assert report["variables"]["cached"]["status"] == "same"
    assert report["variables"]["odd"]["status"] == "differs"
    assert report["variables"]["odd"]["difference"] == "odd.value is 2, was 1"


def test_pickles_inside_pickles_are_compared_as_such(round_trip):
    _, _, report = round_trip(
        """
        import pickle
        class Wrapped:
            def __init__(self): self.names, self.step = {'a', 'b', 'c', 'd', 'e'}, 0
            def __reduce__(self): return rebuild, (pickle.dumps(sorted(self.names, key=hash)), self.step)
        class Sets(Wrapped):
            def __reduce__(self): return rebuild, (pickle.dumps(set(self.names)), self.step)
        def rebuild(content, step):
            made = Sets()
            made.names, made.step = set(pickle.loads(content)), step + 0
            return made
        sets, other = Sets(), Wrapped()
        """,
        plan="store-all",
    )
    assert report["variables"]["sets"]["status"] == "same"
    assert report["variables"]["other"]["status"] == "differs"


@pytest.mark.parametrize(("cell", "said"), [
    ("x = [1, 2, hash('a')]", "[2] is another"),
    ("x = {'k': 1, 'l': hash('a')}", "['l'] is another"),
    ("x = list(range(1000)) + [hash('a')]", "[1000:1001] is another"),
    ("x = 'ab' * (hash('a') % 10**6 + 1)", "characters, had "),
    ("x = [0] * (hash('a') % 10**6)", "elements, had "),
    ("x = {hash('a'): 1}", "was not there"),
    ("class A: pass\nx = A()\nx.n = 1\nx.m = hash('a')", ".m is another"),
    ("import numpy as np\nx = np.zeros((600, 2))\nx[437, 1] = hash('a')", "[435:438] is another"),
    ("import pandas as pd\nx = pd.DataFrame({'a': [1, 2], 'b': [3, hash('a')]})", ".iloc[:, 1] is another"),
])
def test_where_a_recomputed_variable_differs(round_trip, cell, said):
    _, _, report = round_trip(cell, plan="recompute-all")
    entry = report["variables"]["x"]
    assert entry["status"] == "differs" and entry["difference"] in entry["why"]
    assert said in entry["difference"]
