"""The source of a module of the user's own is an input of every cell that runs its code, as it was loaded."""

import os
import textwrap

import pytest

FIRST = """
    LIMIT = 10
    cache = []

    def f(x):
        cache.append(x)
        return x + LIMIT

    class Point:
        kind = "old"

    def decorate(function):
        return lambda *args: function(*args)
"""
SECOND = FIRST.replace("x + LIMIT", "x - LIMIT").replace('"old"', '"new"')


@pytest.fixture
def begin(start, tmp_path):
    """Starts sessions beside the module tools.py."""
    write(tmp_path, FIRST)
    return lambda: start(PYTHONPATH=str(tmp_path))


def write(tmp_path, source):
    """Edits the module, later than whatever was loaded: Python compares times in whole seconds."""
    path = tmp_path / "tools.py"
    later = path.stat().st_mtime + 10 if path.exists() else None
    path.write_text(textwrap.dedent(source))
    if later:
        os.utime(path, (later, later))


def sources(entry, name="tools.py"):
    """The digests of the module that an entry of the history has as its input."""
    return [effect["detail"].rsplit("digest ", 1)[1].rstrip(")") for effect in entry["effects"]
            if effect["kind"] == "file-read" and f"/{name} (" in effect["detail"]]


def wrote_settings(entry):
    return "<module tools>" in entry["writes"]


@pytest.mark.parametrize(
    ("imported", "cell", "writes"),
    [
        ("import tools", "y = tools.f(1)", True),
        ("import tools as t", "y = t.f(1)", True),
        ("import tools as t", "y = t.LIMIT", False),
        ("import tools as t", "t.LIMIT = 3", True),
        ("import tools as t", "t.cache.append(1)", True),
        ("from tools import f", "y = f(1)", True),
        ("from tools import f as g", "y = list(map(g, [1]))", True),
        ("from tools import Point", "p = Point()", False),
        ("from tools import Point\np = Point()", "k = p.kind", False),
        ("from tools import Point\nrows = [Point() for _ in range(9000)]", "k = rows[0].kind", False),
        ("from tools import *", "y = f(1)", True),
        ("import tools\nd = {'f': tools.f}", "y = d['f'](1)", True),
        ("import functools, tools\nh = functools.partial(tools.f, 1)", "y = h()", True),
        ("import tools\n@tools.decorate\ndef mine(x): return x", "y = mine(1)", False),
        ("import tools\ndef mine(x): return tools.f(x)", "y = mine(1)", True),
        ("def mine(x):\n    from tools import f\n    return f(x)", "y = mine(1)", True),
        ("import importlib", "y = importlib.import_module('tools').f(1)", True),
        ("", "import tools\ny = tools.f(1)", True),
    ],
)
def test_a_cell_depends_on_the_module_whose_code_it_runs(begin, tmp_path, imported, cell, writes):
    first = begin()
    first.run(imported, "x = 1", cell)
    entry = first.call("history")[-1]
    assert len(sources(entry)) == 1, entry
    assert wrote_settings(entry) == writes
    first.checkpoint(tmp_path / "here")
    second = begin()
    report = second.restore(tmp_path / "here")
    assert "modules_changed" not in report
    assert {each["status"] for each in report["variables"].values()} <= {"same", "recomputed"}
    look = "[__import__('tools').cache, __import__('tools').LIMIT, globals().get('y')]"
    assert second.value(look) == first.value(look)


def test_a_cell_that_changes_what_a_module_holds_too(begin, tmp_path):
    first = begin()
    first.run("from tools import cache, f", "cache.append(1)",
              "import tools\ngen = (c for c in [len(tools.cache)])", "cache.append(2)")
    entries = first.call("history")[-3:]
    assert [wrote_settings(entry) for entry in entries] == [True, False, True]
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.restore(tmp_path / "here")
    assert second.value("[list(gen), cache, cache is tools.cache]") == [[1], [1, 2], True]


def test_a_cell_that_does_not_use_a_module_does_not_depend_on_it(begin):
    process = begin()
    process.run("from tools import f, Point", "x = [1]", "y = x + [2]")
    assert sources(process.call("history")[-1]) == []


def test_the_source_is_the_one_that_was_loaded(begin, tmp_path):
    process = begin()
    process.run("from tools import f", "a = f(1)")
    write(tmp_path, SECOND)
    process.run("b = f(1)")
    before, after = process.call("history")[-2:]
    assert sources(before) == sources(after) != []
    assert process.value("b") == 11


def test_cells_of_an_older_source_are_not_run_again(begin, tmp_path):
    first = begin()
    first.run("from tools import f", "gen = (c for c in [f(1)])")
    write(tmp_path, SECOND)
    report = first.checkpoint(tmp_path / "here")
    assert report["variables"]["gen"]["action"] == "lost"
    assert "tools.py, which has changed since" in report["variables"]["gen"]["why"]


@pytest.mark.parametrize("holder", ["from tools import f as mine", "import tools as mine",
                                    "from tools import Point\nmine = Point()",
                                    "from tools import Point as mine"])
def test_a_restore_names_a_module_with_another_source(begin, tmp_path, holder):
    first = begin()
    first.run(holder, "x = 1")
    first.checkpoint(tmp_path / "here")
    write(tmp_path, SECOND)
    second = begin()
    report = second.restore(tmp_path / "here")
    [changed] = report["modules_changed"]
    assert changed["module"] == "tools" and "mine" in changed["variables"]
    assert report["variables"]["mine"]["status"] == "differs"
    assert "not what the session had loaded" in report["variables"]["mine"]["why"]
    assert report["variables"]["x"]["status"] == "same"
    assert "tools.py" in begin().run(f"%restore {tmp_path / 'here'}")["output"]
    dry = begin().restore(tmp_path / "here", dry_run=True)
    assert dry["modules_changed"][0]["module"] == "tools"


def test_what_is_loaded_counts_and_not_what_is_in_the_file(begin, tmp_path):
    first = begin()
    first.run("from tools import f")
    first.checkpoint(tmp_path / "here")
    second = begin()
    second.run("import tools")
    write(tmp_path, SECOND)
    assert "modules_changed" not in second.restore(tmp_path / "here")


def test_reload(begin, tmp_path):
    first = begin()
    first.run("import tools, importlib", "a = tools.f(1)")
    write(tmp_path, SECOND)
    first.run("importlib.reload(tools)", "b = (c for c in [tools.f(1), list(tools.cache)])")
    entries = first.call("history")[-3:]
    assert sources(entries[0]) != sources(entries[2])
    assert set(sources(entries[1])) == {*sources(entries[0]), *sources(entries[2])}
    assert entries[1]["no_rerun_reason"] == "" and wrote_settings(entries[1])
    report = first.checkpoint(tmp_path / "here")
    assert report["variables"]["b"]["action"] == "recompute"
    second = begin()
    report = second.restore(tmp_path / "here")
    assert second.value("[a, list(b), tools.cache, tools.Point.kind]") == [11, [-9, [1]], [1], "new"]
    assert "modules_changed" not in report


def test_autoreload(begin, tmp_path):
    first = begin()
    first.run("%load_ext autoreload", "%autoreload 2", "from tools import f, Point\np = Point()", "a = f(1)")
    write(tmp_path, SECOND)
    first.run("b = [f(1), p.kind]", "c = (each for each in [f(2), p.kind])")
    before, after, last = first.call("history")[-3:]
    # Whatever it found before, autoreload changed it: nobody could run it again from there.
    assert "%autoreload" in after["no_rerun_reason"] and not last["no_rerun_reason"]
    assert len(sources(before)) == len(sources(after)) == 1
    assert sources(before) != sources(after)
    report = first.checkpoint(tmp_path / "here")
    assert report["variables"]["c"]["action"] == "recompute", report["variables"]["c"]
    second = begin()
    report = second.restore(tmp_path / "here")
    assert second.value("[a, b, list(c)]") == [11, [-9, "new"], [-8, "new"]]
    assert "modules_changed" not in report
    assert {each["status"] for each in report["variables"].values()} <= {"same", "recomputed"}


@pytest.mark.parametrize("edit", ['"old"', "x + LIMIT", "cache = []", "LIMIT = 10"])
def test_autoreload_that_patches(begin, tmp_path, edit):
    """IPython patches what differs where it can, and runs the whole module elsewhere."""
    first = begin()
    first.run("%load_ext autoreload", "%autoreload 2", "import tools", "a = tools.f(1)")
    write(tmp_path, FIRST.replace(edit, {'"old"': '"o"', "x + LIMIT": "x", "cache = []": "cache = [7]  # new",
                                         "LIMIT = 10": "LIMIT = 20"}[edit]))
    first.run("b = tools.f(1)", "c = tools.Point.kind")
    entries = first.call("history")[-3:]
    assert [len(sources(entry)) for entry in entries] == [1, 1, 1]
    assert sources(entries[0]) != sources(entries[1]) == sources(entries[2])
    first.checkpoint(tmp_path / "here")
    second = begin()
    report = second.restore(tmp_path / "here")
    assert "modules_changed" not in report
    look = "[a, b, c, tools.cache, tools.LIMIT, tools.Point.kind]"
    assert second.value(look) == first.value(look)


def test_a_module_of_a_package(begin, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/__init__.py").write_text("from .inner import g\n")
    (tmp_path / "pack/inner.py").write_text("from . import deep\ndef g(): return deep.V\n")
    (tmp_path / "pack/deep.py").write_text("V = 1\n")
    process = begin()
    process.run("from pack import g", "y = g()")
    entry = process.call("history")[-1]
    assert sources(entry, "pack/inner.py") and sources(entry, "pack/deep.py")
