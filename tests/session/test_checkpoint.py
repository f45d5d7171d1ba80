"""What a checkpoint says and leaves behind."""

import json
from xml.etree import ElementTree

import pytest


def test_the_report_has_the_keys_scripts_depend_on(start, tmp_path):
    process = start()
    process.run("x = [1]; y = x", "gen = (i for i in range(3))")
    report = process.checkpoint(tmp_path / "here")
    assert report["path"] == str(tmp_path / "here") and report["plan"] == "optimal"
    assert report["seconds"] > 0 and 0 < report["bytes_written"] and 0 < report["bytes_total"]
    assert report["variables"]["x"] == report["variables"]["x"] | {"action": "store", "linked_with": ["y"]}
    assert set(report["cost_us"]) == {"plan", "store_all", "recompute_all"}
    assert all(isinstance(index, int) for index in report["cells_to_rerun"])
    json.dumps(report)


def test_plan_only_writes_nothing(start, tmp_path):
    process = start()
    process.run("x = [1]")
    report = process.checkpoint(tmp_path / "here", plan_only=True)
    assert report["variables"]["x"]["action"] in ("store", "recompute")
    assert not (tmp_path / "here").exists()


def test_a_plan_is_a_table_a_picture_and_json(start, tmp_path):
    process = start()
    process.run("x = [1]", "import time; time.sleep(0.2); y = [2, x]", "gen = 5")
    process.run("lost = (i for i in [input])", tags=["never-rerun"])
    for line in (f"%checkpoint --plan {tmp_path}/here", f"%checkpoint {tmp_path}/here --plan"):
        shown = process.run(line)["output"]
        assert "nothing was written" in shown and "cost: " in shown and "store all" in shown
        assert "lost" in shown and "never-rerun" in shown
    assert not (tmp_path / "here").exists()
    report = process.checkpoint(tmp_path / "here", plan_only=True)
    picture = ElementTree.fromstring(report["svg"])
    assert picture.tag.endswith("svg") and "never-rerun" in report["svg"]
    assert report["variables"]["lost"]["action"] == "lost" and report["costs"]["plan"]["total_us"] > 0
    assert "svg" not in process.checkpoint(tmp_path / "here")


def test_a_plan_of_a_hundred_cells_can_be_looked_at(start):
    process = start()
    process.run(*(f"v{i % 30} = [{i}, {f'v{(i - 1) % 30}' if i else 0}]" for i in range(100)))
    picture = process.checkpoint(plan_only=True)["svg"]
    size = ElementTree.fromstring(picture)
    assert float(size.get("width")) < 2000 and float(size.get("height")) < 1200
    process.run("import elasticpython as ep")
    assert process.value("'<svg' in ep.checkpoint(plan_only=True)._repr_html_()")


def test_an_unknown_plan_names_those_there_are(start):
    process = start()
    process.run("x = 1")
    assert "store-all" in process.failing_call("checkpoint", plan="best")


def test_a_checkpoint_in_the_middle_of_a_cell_saves_the_state_as_of_that_line(start):
    first = start()
    first.run("before = 1", "x = [1]\n%checkpoint\nx.append(2)\nlate = 3")
    second = start()
    report = second.restore()
    assert second.value("before, x") == [1, [1]]
    assert "late" not in report["variables"]
    assert second.call("history")[-1]["outcome"] == "unfinished"


def test_a_checkpoint_in_the_middle_of_a_cell_has_the_ambient_state_of_that_line(start):
    first = start()
    first.run("import decimal, logging, os, random",
              "random.seed(3); os.environ['MINE'] = '1'; decimal.getcontext().prec = 5\n"
              "logging.getLogger('mine').setLevel(10)\n%checkpoint\n"
              "drawn = random.random(); os.environ['MINE'] = '2'", "decimal.getcontext().prec = 7")
    state = "[os.environ['MINE'], decimal.getcontext().prec, logging.getLogger('mine').level]"
    second = start()
    second.restore()
    assert second.value(state) == ["1", 5, 10]
    assert second.value("random.random()") == first.value("drawn")
    first.checkpoint()
    third = start()
    third.restore()
    assert third.value(state) == ["2", 7, 10]


def test_commands_leave_no_trace_in_the_history(start):
    process = start()
    process.run(
        "x = 1", "%checkpoint", "import elasticpython as ep", "ep.checkpoint()", "ep.history()", "%restore"
    )
    assert [cell["source"] for cell in process.call("history")] == ["x = 1", "import elasticpython as ep"]


def test_the_history_says_what_each_cell_read_and_wrote(start):
    process = start()
    process.run("a = 1; b = 2", "c = a + 1", "del b", "1/0", fails=True)
    cells = process.call("history")
    assert [cell["outcome"] for cell in cells] == ["ok", "ok", "ok", "error"]
    assert cells[0]["writes"] == ["a", "b"] and cells[1]["reads"] == ["a"] and cells[1]["writes"] == ["c"]
    assert cells[2]["deletes"] == ["b"]
    assert cells[1] == cells[1] | {
        "index": cells[0]["index"] + 1,
        "execution_count": 2,
        "source": "c = a + 1",
        "effects": [],
    }


def test_a_second_checkpoint_writes_only_what_changed(start, tmp_path):
    process = start()
    process.run("import numpy as np\nbig = np.random.rand(500_000)", "small = 1")
    first = process.checkpoint(tmp_path / "here")
    process.run("small = 2")
    second = process.checkpoint(tmp_path / "here")
    assert first["bytes_written"] > 3_000_000 and second["bytes_written"] < 100_000


def test_classes_that_refer_to_each_other_come_back(start):
    first = start()
    first.run(
        "class Base:\n    registry = []", "class Sub(Base):\n    pass\nBase.registry.append(Sub)", "s = Sub()"
    )
    first.checkpoint(plan="store-all")
    second = start()
    second.restore()
    assert second.value("Base.registry[0] is Sub, Sub.__mro__[1] is Base, type(s) is Sub") == [
        True,
        True,
        True,
    ]


def test_a_lost_handle_is_lost_for_the_cell_that_opened_it(start):
    """Nobody can see into `w`, and the later cells have it as a word in a string: they may have written to
    it, but that they cannot be re-run is not why it is lost."""
    process = start()
    process.run(
        "import csv, mmap",
        "out = open('out.csv', 'w', newline='')\nw = csv.writer(out)",
        "f = open('big.dat', 'w+b'); f.truncate(99); mm = mmap.mmap(f.fileno(), 99); f.close(); f = None",
        "w.writerow([1, 2]); part = memoryview(mm)[10:20]",
        "log = open('log.txt', 'w')",
    )
    variables = process.checkpoint()["variables"]
    why = {name: variables[name]["why"] for name in ("w", "out", "mm", "part", "log")}
    assert {variables[name]["action"] for name in why} == {"lost"}
    for name, reason, cell, path in (
        ("w", "open file", 2, "out.csv"),
        ("out", "open file", 2, "out.csv"),
        ("mm", "memory map", 3, "big.dat"),
        ("part", "memory map", 3, "big.dat"),
        ("log", "open file", 5, "log.txt"),
    ):
        assert reason in why[name] and why[name].endswith(path), (name, why)
        assert f"cell {cell} cannot be re-run" in why[name], (name, why)


@pytest.mark.parametrize(
    ("cells", "variables"),
    [
        # Looking at x takes longer than the reply waits: that y shares with it is found later, unchanged.
        (["x = [[i] for i in range(400_000)]", "y = {0: x[0]}"], ["x", "y"]),
        # y is reached by a way that does not name x.
        (["class K: pass\nx = [K()]", "import weakref\nr = weakref.ref(x[0])", "1", "y = r()"], ["x", "y"]),
    ],
)
def test_what_is_found_to_share_later_is_linked(start, tmp_path, cells, variables):
    first, second = start(), start()
    first.run(*cells)
    report = first.checkpoint(tmp_path / "here", plan="store-all")
    linked = {name: set(report["variables"][name]["linked_with"]) & set(variables) for name in variables}
    assert linked == {name: set(variables) - {name} for name in variables}
    second.restore(tmp_path / "here")
    assert second.value("x[0] is (y[0] if isinstance(y, dict) else y)")
