"""State in modules of the user's own: a cell changes it, a checkpoint holds it, a restore sets it."""

import re
import textwrap

import pytest

SETTINGS = """
    import functools, threading

    debug = False
    counter = 0
    cache = {"a": [1]}
    lock = threading.Lock()

    class Config:
        level = 1
        names = ["first"]

        def method(self):
            return self.level

        def collect(self, value, *, into=[]):
            into.append(value)
            return into

    class Point:
        def __init__(self, x):
            self.x = x

    origin = Point(0)

    def count():
        global counter
        counter += 1
        return counter

    def remember(value, seen=[]):
        remember.calls = getattr(remember, "calls", 0) + 1
        seen.append(value)
        return seen

    def keep(value):
        cache["kept"] = value

    def counter_and_list():
        n, seen = 0, []
        def tick():
            nonlocal n
            n += 1
            seen.append(n)
            return n
        def ticks():
            return [n, seen]
        return tick, ticks

    tick, ticks = counter_and_list()

    def counted(function):
        calls = 0
        @functools.wraps(function)
        def wrapper(*arguments):
            nonlocal calls
            calls += 1
            return [function(*arguments), calls]
        return wrapper

    @counted
    @counted
    def twice(x):
        return 2 * x

    class Meter:
        @property
        @counted
        def level(self):
            return 1

        @staticmethod
        @counted
        def reset():
            return 2

        @classmethod
        @counted
        def made(cls):
            return cls.__name__

        @counted
        def method(self):
            return 3
"""


@pytest.fixture
def begin(start, tmp_path):
    """Starts sessions beside the module settings.py."""
    (tmp_path / "settings.py").write_text(textwrap.dedent(SETTINGS))
    return lambda: start(PYTHONPATH=str(tmp_path))


def writers(process, name="<module settings>"):
    return [cell["index"] for cell in process.call("history") if name in cell["writes"]]


RUNS = re.compile(r"count|tick\(|twice|Meter")  # looking changes it


@pytest.mark.parametrize(
    ("cell", "look", "value"),
    [
        ("settings.debug = True", "settings.debug", True),
        ("settings.new = {'k': (1, 2)}", "settings.new['k'] == (1, 2)", True),
        ("settings.cache['a'].append(2)", "settings.cache", {"a": [1, 2]}),
        ("settings.count(); settings.count()", "settings.count()", 3),
        ("settings.Config.level = 5", "settings.Config().method()", 5),
        ("settings.Config.names.append('second')", "settings.Config.names", ["first", "second"]),
        ("del settings.debug", "hasattr(settings, 'debug')", False),
        ("vars(settings)['debug'] = 'on'", "settings.debug", "on"),
        ("from settings import count as f\nn = f()", "settings.counter", 1),
        ("settings.remember(1); settings.remember(2)", "settings.remember(3)", [1, 2, 3]),
        ("from settings import remember as r\nn = r(1)", "(r(2), r.calls)[::-1]", [2, [1, 2]]),
        ("settings.Config().collect('x')", "settings.Config().collect('y')", ["x", "y"]),
        ("settings.tick(); settings.tick()", "settings.ticks()", [2, [1, 2]]),
        ("from settings import tick\ntick(); tick()", "[settings.tick(), settings.ticks()]",
         [3, [3, [1, 2, 3]]]),
        ("settings.twice(4); settings.twice(5)", "settings.twice(3)", [[6, 3], 3]),
        ("settings.Meter().level", "settings.Meter().level", [1, 2]),
        ("settings.Meter.reset(); settings.Meter.reset()", "settings.Meter().reset()", [2, 3]),
        ("settings.Meter.made()", "settings.Meter.made()", ["Meter", 2]),
        ("settings.Meter().method()", "settings.Meter().method()", [3, 2]),
        ("import numpy as np; settings.table = np.arange(3)", "settings.table.tolist()", [0, 1, 2]),
    ],
)
def test_what_a_cell_changes_in_a_module_comes_back(begin, tmp_path, cell, look, value):
    first = begin()
    first.run("import settings", "x = [1]", cell)
    assert writers(first)[-1] == first.call("history")[-1]["index"]
    first.checkpoint(tmp_path / "here")
    second = begin()
    report = second.restore(tmp_path / "here")
    assert report["ambient"].get("<module settings>", {}).get("status") != "differs"
    assert second.value(look) == value
    if not RUNS.search(look):
        assert first.value(look) == value


def test_importing_and_changing_in_one_cell(begin, tmp_path):
    first = begin()
    first.run("import settings; settings.debug = True")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value("settings.debug") is True


def test_a_module_that_only_functions_use(begin, tmp_path):
    first = begin()
    first.run("def f():\n    import settings\n    return settings.count()", "f()", "f()")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.run("n = f()")["error"] is None
    assert second.value("n") == 3


def test_each_rerun_sees_the_module_as_it_was(begin, tmp_path):
    first = begin()
    first.run("import settings", "settings.debug = 1", "early = (each for each in [settings.debug])",
              "settings.debug = 2", "late = (each for each in [settings.debug])", "settings.debug = 3")
    first.checkpoint(tmp_path / "here")
    second = begin()
    assert second.restore(tmp_path / "here")["variables"]["early"]["status"] in ("recomputed", "same")
    assert second.value("[list(early), list(late), settings.debug]") == [[1], [2], 3]


def test_what_cannot_be_kept_comes_back_with_its_cell(begin, tmp_path):
    first = begin()
    first.run("import settings", "settings.debug = lambda: 7", "y = 2")
    first.checkpoint(tmp_path / "here")
    second = begin()
    report = second.restore(tmp_path / "here")
    assert second.value("settings.debug()") == 7 and report["cells_rerun"]


def test_what_cannot_come_back_is_named(begin, tmp_path):
    first = begin()
    first.run("import settings, time", "settings.origin.x = time.time()", "y = 2")
    planned = first.checkpoint(tmp_path / "here")
    assert planned["ambient"]["<module settings>"]["action"] == "lost"
    report = begin().restore(tmp_path / "here")
    assert report["ambient"]["<module settings>"]["status"] == "lost"
    assert report["variables"]["y"]["status"] == "same"


def test_a_module_is_changed_between_cells(begin, tmp_path):
    first = begin()
    first.run("import settings, threading, time\n"
              "def later():\n    time.sleep(0.2); settings.debug = 'timer'\n"
              "threading.Thread(target=later).start()")
    first.run("time.sleep(0.4)")
    first.run("x = 1")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value("settings.debug") == "timer"


def test_a_module_of_the_user_is_written_once_while_nothing_changes(begin):
    first = begin()
    first.run("import settings", "x = settings.counter", "y = settings.Config().method()", "z = 1")
    assert writers(first) == [first.call("history")[-4]["index"]]


@pytest.mark.parametrize("cell", ["from settings import cache", "mine = settings.cache",
                                  "names = settings.Config.names"])
def test_an_object_of_a_module_that_is_a_variable_stays_one_object(begin, tmp_path, cell):
    name, path = {"f": ("cache", "cache"), "m": ("mine", "cache"), "n": ("names", "Config.names")}[cell[0]]
    first = begin()
    first.run("import settings", cell)
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value(f"{name} is settings.{path}")
    first.run(f"{name}.clear()")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value(f"{name} is settings.{path} and len({name})") == 0


def test_what_a_module_changes_of_a_variable_is_written_by_the_cell_that_had_it_do_so(begin, tmp_path):
    """The cells come back to back: the module's function, and no name in the cell, leads to the variable."""
    first = begin()
    first.run("from settings import cache, keep", "keep(1)", "keep(2)", "size = len(cache)")
    first.checkpoint(tmp_path / "here", plan="recompute-all")
    indices = [cell["index"] for cell in first.call("history")]
    assert set(indices[1:3]) <= set(writers(first, "cache"))
    second = begin()
    assert second.restore(tmp_path / "here")["variables"]["cache"]["status"] in ("same", "recomputed")
    assert second.value("[cache, size]") == first.value("[cache, size]")


def test_a_restore_that_fails_leaves_the_module_as_it_was(begin, tmp_path):
    first = begin()
    first.run("import settings", "settings.debug = 1")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.run("import settings", "settings.debug = 2")
    second.call("restore", path=str(tmp_path / "here"), dry_run=True)
    assert second.value("settings.debug") == 2
    second.call("restore", path=str(tmp_path / "here"), only=["settings"])
    assert second.value("settings.debug") == 2


def test_generations(begin, tmp_path):
    process = begin()
    process.run("import settings")
    for generation in range(3):
        process.run("settings.count()", "settings.Config.names.append(settings.counter)")
        process.checkpoint(tmp_path / "here")
        process = begin()
        process.restore(tmp_path / "here")
    assert process.value("[settings.counter, settings.Config.names]") == [3, ["first", 1, 2, 3]]


def test_a_library_that_pip_put_beside_the_users_modules_is_a_library(begin, tmp_path):
    """`pip install --target`: its state is made by importing it, as that of one in `site-packages` is."""
    place = tmp_path / "work"
    place.mkdir(exist_ok=True)
    source = "made = []\ndef make(): made.append(1)\n"
    (place / "bundled.py").write_text(source)
    (place / "edited.py").write_text(source)
    record = place / "bundled-1.0.dist-info" / "RECORD"
    record.parent.mkdir()
    record.write_text("bundled.py,sha256=x,10\nbundled-1.0.dist-info/RECORD,,\n../../bin/edited.py,,\n")
    first = begin()
    first.run("import bundled, edited", "bundled.make(), edited.make()")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value("[bundled.made, edited.made]") == [[], [1]]


def test_a_list_that_two_modules_share_stays_one_with_objects_in_it(begin, tmp_path):
    (tmp_path / "work").mkdir(exist_ok=True)
    (tmp_path / "work/kept.py").write_text("known = []\n")
    (tmp_path / "work/kinds.py").write_text(
        "from kept import known\nclass Kind:\n    def __init__(self): known.append(self)\n"
    )
    first = begin()
    first.run("import kept, kinds\nkept.known.append(5)\nkind = kinds.Kind()")
    first.checkpoint(tmp_path / "here", plan="store-all")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value("kept.known is kinds.known and kept.known == [5, kind]")


@pytest.fixture
def package_comes_back(start, tmp_path):
    """Runs cells beside a package whose modules share what they hold, and gives the session restored."""
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/__init__.py").write_text("from .core import Model, STATE, names\nextra = None\n")
    (tmp_path / "pkg/core.py").write_text(textwrap.dedent("""
        STATE = {'n': 0}
        names = []
        class Model:
            known = STATE
            def __init__(self, name):
                STATE['n'] += 1
                names.append(name)
        def told(into=names): return into
    """))

    def comes_back(*cells, plan):
        first = start(PYTHONPATH=str(tmp_path))
        first.run(*cells)
        first.checkpoint(tmp_path / "here", plan=plan)
        second = start(PYTHONPATH=str(tmp_path))
        second.restore(tmp_path / "here")
        return second

    return comes_back


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
def test_modules_that_share_what_they_hold_share_it_still(package_comes_back, plan):
    second = package_comes_back("import pkg.core", "m = pkg.Model('a')",
                                "pkg.Model('b'); pkg.extra = pkg.core.names", plan=plan)
    assert second.value("[pkg.STATE, pkg.names]") == [{"n": 2}, ["a", "b"]]
    second.run("pkg.Model('c')")
    assert second.value("[pkg.STATE, pkg.core.STATE, pkg.Model.known]") == [{"n": 3}] * 3
    assert second.value("[pkg.names, pkg.core.names, pkg.extra, pkg.core.told()]") == [["a", "b", "c"]] * 4


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
def test_modules_that_share_no_more_what_they_shared_stay_apart(package_comes_back, plan):
    second = package_comes_back("import pkg.core", "pkg.STATE = {'own': 1}; pkg.Model('a')",
                                "pkg.names = ['mine']", plan=plan)
    second.run("pkg.Model('b'); pkg.STATE['own'] += 1")
    assert second.value("[pkg.STATE, pkg.core.STATE, pkg.Model.known]") == [{"own": 2}, {"n": 2}, {"n": 2}]
    assert second.value("[pkg.names, pkg.core.names]") == [["mine"], ["a", "b"]]
