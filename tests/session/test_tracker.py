"""What the tracker records: small notebooks, each with the exact sets expected of its last cell."""

import gc
import random

import pytest
from elasticpython._core import walk

from notebook import named, session_code

SETUP = "import numpy as np\nimport pandas as pd\n"

# name: (cells before, cell, reads, writes, deletes)
CASES = {
    "bind": ([], "x = 1", set(), {"x"}, set()),
    "bind again to the same": (["x = 1"], "x = 1", set(), {"x"}, set()),
    "rebind": (["x = 1"], "x = 2", set(), {"x"}, set()),
    "rebind from itself": (["x = 1"], "x = x + 1", {"x"}, {"x"}, set()),
    "only read": (["x = [1]"], "len(x)", {"x"}, set(), set()),
    "delete": (["x = 1"], "del x", {"x"}, set(), {"x"}),
    "delete and bind": (["x = 1"], "del x; x = 2", set(), {"x"}, set()),
    "bind and delete": ([], "x = 1; del x", set(), set(), set()),
    "append": (["x = [1]"], "x.append(2)", {"x"}, {"x"}, set()),
    "append through an alias": (["x = [1]", "_y = x"], "_y.append(2)", {"_y"}, {"_y", "x"}, set()),
    "alias": (["x = [1]"], "y = x", {"x"}, {"y"}, set()),
    "nested change": (["x = {'k': [1, {'z': 2}]}"], "x['k'][1]['z'] = 3", {"x"}, {"x"}, set()),
    "change of an element held elsewhere": (
        ["e = [1]", "x = [e]"],
        "e.append(2)",
        {"e"},
        {"e", "x"},
        set(),
    ),
    "element replaced by an equal one": (["x = [[1]]"], "x[0] = [1]", {"x"}, {"x"}, set()),
    "in place, and back": (["x = [1]"], "x.append(2); x.pop()", {"x"}, set(), set()),
    "dict item": (["x = {}"], "x['a'] = 1", {"x"}, {"x"}, set()),
    "dict order": (["x = {'a': 1, 'b': 2}"], "x['a'] = x.pop('a')", {"x"}, {"x"}, set()),
    "set add": (["x = {1}"], "x.add(2)", {"x"}, {"x"}, set()),
    "bytearray": (["x = bytearray(b'ab')"], "x[0] = 65", {"x"}, {"x"}, set()),
    "deque": (["import collections", "x = collections.deque([1])"], "x.append(2)", {"x"}, {"x"}, set()),
    "attribute": (["class K: pass", "k = K()"], "k.a = 1", {"k"}, {"k"}, set()),
    "setattr": (["class K: pass", "k = K()"], "setattr(k, 'a', 1)", {"k"}, {"k"}, set()),
    "slot": (["class K:\n  __slots__ = ('a',)", "k = K()"], "k.a = 1", {"k"}, {"k"}, set()),
    "method changes its object": (
        ["class K:\n  def __init__(self): self.n = 0\n  def inc(self): self.n += 1", "k = K()"],
        "k.inc()",
        {"k"},
        {"k"},
        set(),
    ),
    "class attribute": (["class K: n = 0"], "K.n = 1", {"K"}, {"K"}, set()),
    "class attribute by a method": (
        ["class K:\n  n = 0\n  def inc(self): K.n += 1", "k = K()"],
        "k.inc()",
        {"k", "K"},
        {"K"},
        set(),
    ),
    "global in a function": (["x = 1", "def f():\n  global x\n  x = 2"], "f()", {"f"}, {"x"}, set()),
    "global list in a function": (["x = [1]", "def f(): x.append(2)"], "f()", {"f", "x"}, {"x"}, set()),
    "new global by a function": (["def f():\n  global z\n  z = 2"], "f()", {"f"}, {"z"}, set()),
    "globals()": (["x = 1"], "globals()['x'] = 2", {"x"}, {"x"}, set()),
    "exec": (["x = 1"], "exec('x = 2')", {"x"}, {"x"}, set()),
    "exec of computed text": (
        ["x = 1", "y = [1]"],
        "exec(''.join(['y.append', '(2)']))",
        {"x", "y"},
        {"y"},
        set(),
    ),
    "closure cell": (
        [
            "def make():\n  n = 0\n  def inc():\n    nonlocal n\n    n += 1\n    return n\n  return inc",
            "c = make()",
        ],
        "c()",
        {"c"},
        {"c"},
        set(),
    ),
    "default argument": (["def f(a=[]): a.append(1)"], "f()", {"f"}, {"f"}, set()),
    "function attribute": (["def f(): pass"], "f.calls = 1", {"f"}, {"f"}, set()),
    "generator advances": (["g = (i for i in range(3))"], "next(g)", {"g"}, {"g"}, set()),
    "iterator advances": (["it = iter([1, 2])"], "next(it)", {"it"}, {"it"}, set()),
    "array element": ([SETUP, "a = np.arange(5)"], "a[0] = 9", {"a"}, {"a"}, set()),
    "array element through a view": (
        [SETUP, "a = np.arange(5)", "v = a[1:3]"],
        "v[0] = 9",
        {"v"},
        {"v", "a"},
        set(),
    ),
    "view through its base": (
        [SETUP, "a = np.arange(5)", "v = a[1:3]"],
        "a[1] = 9",
        {"a"},
        {"v", "a"},
        set(),
    ),
    "array read": ([SETUP, "a = np.arange(5)"], "a.sum()", {"a"}, set(), set()),
    "array in place": ([SETUP, "a = np.arange(5)"], "a += 1", {"a"}, {"a"}, set()),
    "out argument": ([SETUP, "a = np.arange(5)"], "np.add(a, 1, out=a)", {"a", "np"}, {"a"}, set()),
    "column": ([SETUP, "df = pd.DataFrame({'x': [1]})"], "df['y'] = 2", {"df"}, {"df"}, set()),
    "frame item": ([SETUP, "df = pd.DataFrame({'x': [1]})"], "df.loc[0, 'x'] = 5", {"df"}, {"df"}, set()),
    "frame read": ([SETUP, "df = pd.DataFrame({'q': [1]})"], "df.describe()", {"df"}, set(), set()),
    "frame in a dict": (
        [SETUP, "d = {'f': pd.DataFrame({'q': [1]})}"],
        "d['f']['r'] = 1",
        {"d"},
        {"d"},
        set(),
    ),
    "query": (
        [SETUP, "df = pd.DataFrame({'q': [1]})", "limit = 0"],
        "df.query('q > @limit')",
        {"df", "limit"},
        set(),
        set(),
    ),
    "query of a text held": (
        [SETUP, "df = pd.DataFrame({'q': [1]})", "limit = 0", "text = 'q > @limit'"],
        "df.query(text)",
        {"df", "limit", "text"},
        set(),
        set(),
    ),
    "import": ([], "import json", set(), {"json"}, set()),
    "def": ([], "def f(): return 1", set(), {"f"}, set()),
    "decorated": (["def deco(g): return g"], "@deco\ndef f(): return 1", {"deco"}, {"f"}, set()),
    "class": ([], "class K: pass", set(), {"K"}, set()),
    "loop": (["x = [1]"], "for i in x: y = i", {"x"}, {"i", "y"}, set()),
    "comprehension": (["x = [1]"], "y = [i for i in x]", {"x"}, {"y"}, set()),
    "branch not taken": (["x = 0"], "if x: y = 1", {"x"}, set(), set()),
    "time magic": (["x = [1]"], "%%time\nx.append(2)\ny = 1", {"x"}, {"x", "y"}, set()),
    "line time magic": (["x = [1]"], "%time y = x + x", {"x"}, {"y"}, set()),
    "timeit magic": (["x = [1]"], "%timeit -n1 -r1 x.append(1)", {"x"}, {"x"}, set()),
    "capture magic": (["x = [1]"], "%%capture out\nx.append(1)", {"x"}, {"x", "out"}, set()),
    "await": (["import asyncio"], "x = await asyncio.sleep(0, 5)", {"asyncio"}, {"x"}, set()),
    "registered accessor": (
        [
            SETUP,
            "scale = [2]",
            "@pd.api.extensions.register_dataframe_accessor('geo')\nclass Geo:\n"
            "  def __init__(self, frame): pass\n  def scaled(self): return scale[0]",
            "df = pd.DataFrame({'q': [1]})",
        ],
        "q = df.geo.scaled()",
        {"df", "scale"},
        {"q"},
        set(),
    ),
    "underscore is no variable": ([], "_ = 1; x = 2", set(), {"x"}, set()),
    "augmented attribute": (["class K: n = 0", "k = K()"], "k.n += 1", {"k"}, {"k"}, set()),
    "partial's argument": (
        ["import functools", "x = [1]", "p = functools.partial(x.append, 2)"],
        "p()",
        {"p"},
        {"p", "x"},
        set(),
    ),
    "bound method": (["x = [1]", "m = x.append"], "m(2)", {"m"}, {"m", "x"}, set()),
    "sort in place": (["x = [2, 1]"], "x.sort()", {"x"}, {"x"}, set()),
    "swap": (["x, y = [1], [2]"], "x, y = y, x", {"x", "y"}, {"x", "y"}, set()),
    "walrus": (["x = [1]"], "if (n := len(x)): pass", {"x"}, {"n"}, set()),
    "with": (
        ["import contextlib"],
        "with contextlib.nullcontext(5) as v: pass",
        {"contextlib"},
        {"v"},
        set(),
    ),
    "object array": (
        [SETUP, "a = np.array([[1], None], dtype=object)"],
        "a[0].append(2)",
        {"a"},
        {"a"},
        set(),
    ),
    "structured array": (
        [SETUP, "a = np.zeros(2, dtype=[('u', int)])"],
        "a['u'][0] = 3",
        {"a"},
        {"a"},
        set(),
    ),
    "series of a frame": ([SETUP, "s = pd.Series([1, 2])"], "s[0] = 5", {"s"}, {"s"}, set()),
    "index rename": ([SETUP, "df = pd.DataFrame({'q': [1]})"], "df.columns = ['r']", {"df"}, {"df"}, set()),
    "defaultdict read inserts": (
        ["import collections", "x = collections.defaultdict(list)"],
        "x['new']",
        {"x"},
        {"x"},
        set(),
    ),
    "lru_cache counts its calls": (
        ["import functools", "@functools.lru_cache\ndef f(n): return n"],
        "f(3)",
        {"f"},
        {"f"},
        set(),
    ),
}


# Reading fills a cache inside the object, which the walk takes for a change.
FALSE_WRITES = {"frame read", "registered accessor"}
# The class is reached through the library that holds it, and is named beside what it uses.
FALSE_READS = {"registered accessor"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("idle", [True, False], ids=["idle between", "back to back"])
def test_cell(notebook, name, idle):
    before, cell, reads, writes, deletes = CASES[name]
    for source in before:
        assert notebook.run(source, idle).success
    assert notebook.run(cell, idle).success
    notebook.tracker.settle()
    notebook.tracker.verify()
    entry = notebook.last()
    assert reads <= named(entry, "reads"), ("missed reads", entry)
    assert writes <= named(entry, "writes"), ("missed writes", entry)
    assert named(entry, "deletes") == deletes
    if name not in FALSE_WRITES:
        assert named(entry, "writes") == writes, entry["why"]
    if name not in FALSE_READS:
        assert named(entry, "reads") <= reads | writes | session_code(notebook), entry["why"]


def test_names_that_come_and_go_in_any_order(notebook):
    """The table of names compares a dict's entries by their place, which a deletion moves."""
    chosen = random.Random(11)
    bound = {}
    for _ in range(150):
        lines, writes, deletes = [], set(), set()
        for name in chosen.sample([f"n{i}" for i in range(12)], 4):
            if name in bound and chosen.random() < 0.5:
                lines.append(f"del {name}")
                deletes.add(name)
                del bound[name]
            else:
                bound[name] = chosen.randrange(10)
                lines.append(f"{name} = {bound[name]}")
                writes.add(name)
            if chosen.random() < 0.3:  # not a variable, and yet a place in the dict
                lines.append(f"globals().pop('_{name}', None)" if chosen.random() < 0.5 else f"_{name} = 1")
        notebook.run("\n".join(lines), idle=chosen.random() < 0.2)
        entry = notebook.last()
        assert {each for each in named(entry, "writes") if each[0] == "n"} == writes, lines
        assert {each for each in named(entry, "deletes") if each[0] == "n"} == deletes, lines


def test_cell_that_raises(notebook):
    notebook.run("x = [1]")
    notebook.run("x.append(2)\ny = 1\n1 / 0\nz = 1")
    entry = notebook.last()
    assert entry["outcome"] == "error"
    assert named(entry, "writes") == {"x", "y"}


def test_cell_that_is_interrupted(notebook):
    notebook.run("x = [1]")
    notebook.run("x.append(2)\nraise KeyboardInterrupt\n")
    assert named(notebook.last(), "writes") == {"x"}


def test_cell_that_does_not_compile(notebook):
    notebook.run("x = 1")
    notebook.run("x = = 2")
    entry = notebook.last()
    assert entry["outcome"] == "error" and not named(entry, "writes") and not named(entry, "reads")


def test_debuggers_set_variable_is_an_entry_of_its_own(notebook):
    notebook.run("x = [1]")
    notebook.names["x"] = [2]
    notebook.names["y"] = 3
    notebook.run("z = 1")
    outside = [entry for entry in notebook.history() if entry["outside_cell"]][-1]
    assert named(outside, "writes") == {"x", "y"} and outside["no_rerun_reason"]


def test_change_while_no_cell_runs(notebook):
    notebook.run("x = [1]")
    notebook.names["x"].append(2)
    notebook.tracker.settle()
    outside = [entry for entry in notebook.history() if entry["outside_cell"]][-1]
    assert named(outside, "writes") == {"x"} and outside["no_rerun_reason"]


def test_unseen_change_is_attributed_to_every_cell_since(notebook):
    notebook.run("x = [1]")
    notebook.run("a = 1", idle=False)
    notebook.names["x"].append(2)
    notebook.run("b = 1", idle=False)
    notebook.tracker.settle()
    assert all("x" in entry["writes"] for entry in notebook.cells()[1:])


def test_change_through_a_callback(notebook):
    notebook.run("import atexit\nx = [1]\nregistry = __import__('types').SimpleNamespace()")
    notebook.run("def bump(): x.append(1)\nimport json\njson.decoder.elastic_test_hook = bump\ndel bump")
    notebook.run("json.decoder.elastic_test_hook()")
    entry = notebook.last()
    notebook.run("del json.decoder.elastic_test_hook")
    assert "x" in entry["reads"] and "x" in entry["writes"]


def test_random_state_is_a_variable(notebook):
    notebook.run("import random\nimport numpy as np")
    notebook.run("random.random()")
    assert "<random>" in notebook.last()["writes"]
    notebook.run("np.random.rand()")
    assert "<numpy.random>" in notebook.last()["writes"]
    index = notebook.last()["index"]
    value = notebook.tracker.ambient_value("<numpy.random>", index)
    first = notebook.run("np.random.rand()").result
    notebook.tracker.put_ambient("<numpy.random>", value)
    assert notebook.run("np.random.rand()").result == first


def test_environment_and_options_are_variables(notebook):
    notebook.run("import os, sys, warnings, decimal\nimport numpy as np\nimport pandas as pd")
    for cell, name in {
        "os.environ['ELASTIC_TEST'] = '1'": "<os.environ>",
        "sys.path.append('/elastic')": "<sys.path>",
        "pd.set_option('display.max_rows', 7)": "<pandas options>",
        "old = np.seterr(all='ignore')": "<numpy errstate>",
        "warnings.simplefilter('ignore')": "<warnings filters>",
        "decimal.getcontext().prec = 9": "<decimal context>",
        "sys.setrecursionlimit(sys.getrecursionlimit() + 1)": "<sys limits>",
        "old_cwd = os.getcwd(); os.chdir('/tmp')": "<cwd>",
    }.items():
        notebook.run(cell)
        assert name in notebook.last()["writes"], cell
        assert notebook.tracker.ambient_value(name, notebook.last()["index"]), cell
    notebook.run(
        "os.chdir(old_cwd); sys.path.remove('/elastic'); pd.reset_option('display.max_rows')\n"
        "sys.setrecursionlimit(1000); np.seterr(**old); del os.environ['ELASTIC_TEST']"
    )


def test_effects(notebook, tmp_path):
    notebook.run(f"path = {str(tmp_path / 'out.txt')!r}")
    notebook.run("with open(path, 'w') as handle: handle.write('a')")
    entry = notebook.last()
    assert {"kind": "file-written", "detail": str(tmp_path / "out.txt")} in entry["effects"]
    assert entry["no_rerun_reason"]
    notebook.run("text = open(path).read()")
    entry = notebook.last()
    assert [effect["kind"] for effect in entry["effects"]] == ["file-read"] and not entry["no_rerun_reason"]
    notebook.run("import os; os.remove(path)")
    assert notebook.last()["effects"][0]["kind"] == "file-removed"
    notebook.run("import subprocess; done = subprocess.run(['true'])")
    assert notebook.last()["effects"][0] == {"kind": "subprocess", "detail": "true"}
    notebook.run("1 + 1")
    assert notebook.last()["effects"] == []


def test_checkpoint_in_the_middle_of_a_cell(notebook):
    notebook.run("x = [1]")
    notebook.tracker.before_cell("x.append(2); ...; y = 1", "x.append(2)\ny = 1", 9)
    notebook.names["x"].append(2)
    notebook.tracker.unfinished()
    notebook.names["y"] = 1
    notebook.tracker.after_cell("ok")
    assert named(notebook.last(), "writes") == {"x", "y"}
    notebook.tracker.verify()


def test_why(notebook):
    notebook.run("x = [1]")
    notebook.run("y = x")
    text = notebook.tracker.why("x")
    assert "linked" in text and "written: bound" in text


def test_a_change_through_what_has_not_been_walked_is_not_lost_to_a_later_one(notebook):
    for cell in ("big = [[i] for i in range(600_000)]", "small = {'a': big[0]}", "big[0].append(1)",
                 "small['b'] = 2"):
        notebook.run(cell, idle=False)
    notebook.tracker.settle()
    written = [named(entry, "writes") for entry in notebook.cells()]
    assert written[0] == {"big"} and "small" in written[1]
    assert {"big", "small"} <= written[2] and {"big", "small"} <= written[3]
    assert named(notebook.cells()[3], "reads") >= {"small"}


@pytest.mark.parametrize("goes", ["small = 2", "del small", "if big: small = 2"])
def test_a_change_through_what_has_not_been_walked_is_not_lost_with_the_value(notebook, goes):
    for cell in ("big = [[i] for i in range(600_000)]", "small = {'a': big[0]}", "big[0].append(1)", goes):
        notebook.run(cell, idle=False)
    notebook.tracker.settle()
    assert "small" in notebook.cells()[2]["writes"]


HUGE = "list(range(3_000_000))"

# What each cell must be said to have written though some of it waits; nothing is looked at in between.
BACK_TO_BACK = {
    "by way of what such a cell may have changed": (
        ["y = [[]]\nh = [1]", "x = [y, " + HUGE + "]", "x[0].append(h)", "y[-1].append(2)", "h.append(3)"],
        3, {"h", "y"}),
    "by a cell that binds what waits": (
        ["y = [1]", "x = [y, " + HUGE + "]", "x[0].append(1); x = 3", "y.append(2)"], 2, {"x", "y"}),
    "by a cell that binds what waits, and that was read before": (
        ["y = [1]", "x = [y, " + HUGE + "]", "n = len(x)", "x[0].append(1); x = 3",
         "y.append(2)"], 3, {"x", "y"}),
    "in what a later cell binds under a name that no constant shows": (
        ["y = [1]", "x = [y, " + HUGE + "]", "x[0].append(1)", "def f(name):\n  globals()[name] = 3",
         "f('y')"], 2, {"y"}),
}


@pytest.mark.parametrize("name", BACK_TO_BACK)
def test_nothing_is_lost_between_cells_back_to_back(notebook, name):
    cells, index, written = BACK_TO_BACK[name]
    for cell in cells:
        assert notebook.run(cell, idle=False).success
    notebook.tracker.settle()
    assert written <= named(notebook.cells()[index], "writes")
    notebook.tracker.verify()


def test_what_comes_to_wait_later_may_have_been_changed_before(notebook):
    for cell, budget in {"a = [[1], " + HUGE + "]": 0, "h = [a[0], " + HUGE + "]": 60, "a[0].append(1)": 0,
                         "h.append(2)": 0}.items():
        notebook.tracker.set_reply_budget(budget)
        notebook.run(cell, idle=False)
    notebook.tracker.settle()
    assert {"a", "h"} <= named(notebook.cells()[2], "writes")


def test_a_pause_that_leaves_out_what_is_large_forgets_no_cell(notebook):
    """`h` takes too long for the idle time, in which it becomes known with what `x` is linked."""
    notebook.run("e = [1]\nh = [e, [[i] for i in range(4_000_000)]]")
    for cell in ("x = [e, " + HUGE + "]", "x[0].append(1)"):
        notebook.run(cell, idle=False)
    for _ in range(100):
        notebook.tracker.catch_up(0.05)
    notebook.run("h.append(2)")
    assert {"e", "h", "x"} <= named(notebook.cells()[2], "writes")


def test_a_checkpoint_in_the_middle_of_a_cell_blames_the_cells_before(notebook):
    for cell in ("y = [1]", "x = [y, " + HUGE + "]", "x[0].append(1)"):
        notebook.run(cell, idle=False)
    notebook.tracker.before_cell("y.append(2); ...", "y.append(2)", 9)
    notebook.names["y"].append(2)
    notebook.tracker.unfinished()
    notebook.tracker.after_cell("ok")
    assert {"x", "y"} <= named(notebook.cells()[2], "writes")
    notebook.tracker.verify()


@pytest.mark.parametrize("change", ["x[9] += 1", "x[:] = x", "frame.iloc[9, 1] = 5", "len(x)"])
def test_no_reply_waits_for_large_memory_to_be_hashed(notebook, change):
    """Its pages are watched from the cell on that makes it, and it is hashed when there is time."""
    if not walk.page_tracking()["on"]:
        pytest.skip("no page tracking")
    notebook.tracker.set_reply_budget(60.0)
    cells = ("import numpy as np, pandas as pd", "x = np.ones(1 << 23)",
             "frame = pd.DataFrame(np.ones((1 << 21, 4)), columns=list('abcd'))",
             "total = x.sum() + frame['b'].sum()", change, "total = x.sum(), frame.shape")
    before = walk.page_tracking()["hashed_bytes"]
    for cell in cells:
        notebook.run(cell, idle=False)
    hashed = walk.page_tracking()["hashed_bytes"] - before
    assert hashed < 1 << 25
    notebook.tracker.settle()
    assert walk.page_tracking()["hashed_bytes"] - before - hashed >= 1 << 26
    written = [named(entry, "writes") for entry in notebook.cells()]
    changed = {"x[9] += 1": {"x"}, "frame.iloc[9, 1] = 5": {"frame"}}.get(change, set())
    assert written[1:4] == [{"x"}, {"frame"}, {"total"}] and written[5] == {"total"}
    assert changed <= written[4] <= changed | ({"x"} if change == "x[:] = x" else set())
    notebook.tracker.verify()


def test_what_is_small_does_not_wait_behind_what_is_large(notebook):
    for cell in ("a_big = [[i] for i in range(600_000)]\nsmall = [1]", "1", "a_big and len(small)"):
        notebook.run(cell, idle=False)
    notebook.tracker.settle()
    assert ["small" in entry["writes"] for entry in notebook.cells()] == [True, False, False]


@pytest.mark.parametrize("watched", [True, False])
def test_idle_time_is_enough_for_large_memory_and_many_objects(notebook, watched):
    before = walk.page_tracking()["on"]
    walk.set_page_tracking(watched)
    try:
        make = "a = [np.zeros(5 << 23), [[i] for i in range(100_000)]]"
        for cell in ("import numpy as np", make, "a[0][9] = 1"):
            notebook.run(cell, idle=False)
            turns = 0
            while not notebook.tracker.catch_up(0.002):
                turns += 1
                assert turns < 2000
        assert [named(cell, "writes") for cell in notebook.cells()] == [{"np"}, {"a"}, {"a"}]
    finally:
        walk.set_page_tracking(before)


MANY = ("import json\ny = [1]\nz = [1]\nclass K:\n    def get(self): return y\n"
        "many = [K() for _ in range(20_000)]\ndef held(): return z")


def test_what_a_library_may_hold_counts_until_it_was_searched_for(notebook):
    """Beside a large value the cells of a "Run all" do not wait for the search."""
    for cell in (MANY, "json.kept = held", "1"):
        notebook.run(cell, idle=False)
    assert {"y", "z"} <= named(notebook.last(), "reads")
    notebook.tracker.settle()
    notebook.run("2", idle=False)
    assert named(notebook.last(), "reads") >= {"z"} and "y" not in named(notebook.last(), "reads")


def test_a_search_that_gives_way_is_made_up_for(notebook):
    for cell in (MANY, "json.kept = held"):
        notebook.run(cell, idle=False)
    assert not notebook.tracker.catch_up(0.02, wanted=True)
    notebook.run("1", idle=False)
    assert {"y", "z"} <= named(notebook.last(), "reads")
    notebook.tracker.settle()
    notebook.run("2", idle=False)
    assert "z" in named(notebook.last(), "reads") and "y" not in named(notebook.last(), "reads")


@pytest.mark.parametrize("shown", ["k", "k.fail()"])
def test_what_ipython_keeps_of_the_last_cells_is_not_handed_to_a_library(notebook, shown):
    notebook.run("y = [1]\nclass K:\n    def get(self): return y\n"
                 "    def fail(self): raise ValueError(self.get())")
    notebook.run("k = K()")
    notebook.run(shown)
    notebook.run("1")
    assert named(notebook.last(), "reads") == set()
    notebook.run("import functools, json; json.kept = functools.partial(k.get)")
    notebook.run("2")
    assert "y" in named(notebook.last(), "reads")


RAISING = ("import json\ny = [1]\nclass Empty(Exception): pass\n"
           "class K:\n    def get(self): return y\nk = K()\n"
           "def fail(given):\n    class Inner: n = 3\n    mine = [given.get]\n    raise Empty(len(mine))")


def reads_of_the_next(notebook, *cells):
    """What a cell is said to read that uses nothing, after these."""
    for cell in cells:
        notebook.run(cell)
    notebook.run("1")
    return named(notebook.last(), "reads")


def test_what_a_traceback_keeps_is_not_handed_to_a_library(notebook):
    assert reads_of_the_next(notebook, RAISING, "fail(k)", "z = 2") <= {"Empty"}
    # The first is IPython's no longer: garbage, for the most part, that waits for its collection.
    assert reads_of_the_next(notebook, "fail(k)", "z = 3") <= {"Empty"}
    # What a library keeps is, and the frames of an exception are no library's.
    keep = "json.kept = []\ntry: fail(k)\nexcept Empty as e: json.kept.append(e)"
    assert reads_of_the_next(notebook, keep) <= {"Empty"}
    assert {"K", "y"} <= reads_of_the_next(notebook, "json.kept.append(k.get)")


@pytest.mark.parametrize("dropped", [
    "class D:\n    def __del__(self): y.append(1)\ndef fail(d): raise ValueError\nd = D()",
    "def g():\n    try: yield\n    finally: y.append(1)\ndef fail(d): raise ValueError\nd = g()\nnext(d)"],
    ids=["__del__", "finally"])
def test_what_runs_when_a_traceback_goes_counts_before_each_cell(notebook, dropped):
    cells = "import json\ny = [1]", dropped, "try: fail(d)\nexcept ValueError as e: json.kept = e", "del d"
    assert "y" in reads_of_the_next(notebook, *cells)
    notebook.run("json.kept = None")
    assert "y" in named(notebook.last(), "writes")


CYCLE = "a = types.SimpleNamespace(held={held}); a.me = a; {then}del a"


@pytest.mark.parametrize("held", ["f", "[{'k': f}]", "f.__get__", "K().m", "functools.partial(K.m)"])
def test_what_waits_for_its_collection_is_not_handed_to_a_library(notebook, held):
    gc.disable()
    try:
        setup = ("import types, functools, json\ny = [1]\ndef f(): return y\n"
                 "class K:\n    def m(self): return y")
        assert reads_of_the_next(notebook, setup, CYCLE.format(held=held, then="")) == set()
        kept = CYCLE.format(held=held, then="json.kept = a; ")
        assert "y" in reads_of_the_next(notebook, kept)
        assert "y" in reads_of_the_next(notebook, "z = 2")
    finally:
        gc.enable()


@pytest.mark.parametrize("end", [
    "class D:\n    def __del__(self): y.append(1)\nd = D()",
    "def g():\n    try: yield\n    finally: y.append(1)\nd = g()\nnext(d)"], ids=["__del__", "finally"])
def test_what_runs_when_garbage_is_collected_counts_before_each_cell(notebook, end):
    gc.disable()
    try:
        cells = "import types\ny = [1]", end, CYCLE.format(held="d", then="del d; ")
        assert "y" in reads_of_the_next(notebook, *cells)
        gc.enable()
        notebook.run("import gc\n_ = gc.collect()")
        assert "y" in named(notebook.last(), "writes")
    finally:
        gc.enable()


WIDGETS = ("import ipywidgets as w, json\nlog = []\nk = w.IntText()\n"
           "def f(change): log.append(change['new'])\nk.observe(f, 'value')\n"
           "hidden = w.IntText()\nhidden.observe(f, 'value')\ndel hidden")


def test_a_widgets_callback_counts_where_the_widget_is_reached(notebook):
    """ipywidgets keeps all widgets for the messages of the browser, which come between cells."""
    pytest.importorskip("ipywidgets")
    assert reads_of_the_next(notebook, WIDGETS) == set()
    notebook.run("k.value = 3")
    assert named(notebook.last(), "writes") >= {"log"}
    assert named(notebook.last(), "reads") >= {"k", "f", "log"}
    assert reads_of_the_next(notebook, "box = w.HBox([k])") == set()
    notebook.run("box.children[0].value = 4")
    assert named(notebook.last(), "writes") >= {"log"} and named(notebook.last(), "reads") >= {"f", "log"}
    for cell in ("w.Widget.close_all", "getattr(w, 'Widget')", "[each for each in w.widgets.Widget.widgets]"):
        notebook.run(cell)
        assert named(notebook.last(), "reads") >= {"f", "log"}
    notebook.run("close = w.Widget.close_all")
    notebook.run("z = close")
    assert named(notebook.last(), "reads") >= {"f", "log"}
    notebook.run("del close, z")
    assert named(notebook.last(), "reads") >= {"close"}
    assert {"f", "log"} <= reads_of_the_next(notebook, "def g(): pass\njson.kept = k")
