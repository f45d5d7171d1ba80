"""Cells that another run cannot repeat: what their records, plans and restores say of it."""

from notebook import named


def test_a_clock_or_randomness_is_a_reason_not_to_run_again(notebook):
    notebook.run("import os, time, random\nimport numpy as np")
    assert not notebook.last()["no_rerun_reason"]
    for cell, reason in {
        "y = os.urandom(8)": "draws from the system's randomness (os.urandom)",
        "y = time.time()": "reads the clock (time.time)",
        "y = np.datetime64('now')": "reads the clock (numpy.datetime64)",
        "y = np.array(['today'], dtype='datetime64[D]')": "reads the clock (numpy.datetime64)",
        "%timeit -n1 -r1 y": "reads the clock (time.perf_counter)",
        "y = os.getpid()": "asks for facts of this process or machine (os.getpid)",
        "import numpy; rng = numpy.random.default_rng()": "draws from the system's randomness (os.urandom)",
    }.items():
        assert notebook.run(cell).success
        assert notebook.last()["no_rerun_reason"].startswith(reason), notebook.last()
        assert notebook.last()["effects"], cell


def test_what_measures_a_cell_from_outside_is_no_reason(notebook):
    notebook.run("import time, numpy as np")
    for cell in (
        "%%time\ny = sum(range(10))",
        "%time y = 1",
        "%%capture\nprint(1)",
        "time.sleep(0)",
        "z = np.datetime64('2020-01-01')",
        "rng = np.random.RandomState(3)",
        "rng.rand()",
        "print(y)",
        "{'a': y}",
    ):
        assert notebook.run(cell).success
        assert not notebook.last()["no_rerun_reason"], (cell, notebook.last())


def test_a_value_that_no_run_gives_again_is_stored(round_trip):
    process, checkpoint, report = round_trip(
        "import os, time, datetime, uuid",
        "y = os.urandom(8); text = y.hex()",
        "now = datetime.datetime.now()",
        "name = uuid.uuid4()",
        "big = [time.time()] * 100000",
        plan="recompute-all",
    )
    for variable in ("y", "text", "now", "name", "big"):
        assert checkpoint["variables"][variable]["action"] == "store", checkpoint["variables"][variable]
        assert report["variables"].get(variable, {"status": "same"})["status"] == "same"
    assert process.value("y.hex() == text")


def test_what_comes_of_it_is_recomputed_from_what_is_stored(round_trip):
    process, checkpoint, _ = round_trip(
        "import os",
        "seed = os.urandom(4)",
        "wide = seed * 20_000_000",
    )
    assert checkpoint["variables"]["seed"]["action"] == "store"
    assert checkpoint["variables"]["wide"]["action"] == "recompute"
    assert process.value("wide[:4] == seed")


def test_a_cell_whose_input_file_has_changed_is_not_run_again(start):
    first = start()
    first.run("open('in.txt', 'w').write('one')", "text = open('in.txt').read() * 100000", "kept = [1]")
    assert first.checkpoint(plan="recompute-all")["variables"]["text"]["action"] == "recompute"
    first.run("x = open('in.txt', 'w').write('other')")
    report = first.checkpoint(plan="recompute-all")
    assert report["variables"]["text"]["action"] == "store"
    assert "in.txt, which has changed since" in str(report["variables"]["text"]["why"]), report
    second = start()
    assert second.restore()["variables"].get("text", {"status": "same"})["status"] == "same"
    assert second.value("text[:3]") == "one"


def test_a_restore_names_the_input_that_has_changed(start, tmp_path):
    first = start()
    first.run("open('in.txt', 'w').write('one')", "text = open('in.txt').read() * 100000")
    first.checkpoint(plan="recompute-all")
    second = start()
    second.run("x = open('in.txt', 'w').write('other')")
    report = second.restore()
    assert report["variables"]["text"]["status"] == "differs"
    assert "in.txt, which has changed since" in report["variables"]["text"]["why"]


def test_a_directory_that_was_listed_is_an_input(notebook, tmp_path):
    (tmp_path / "a.csv").write_text("1")
    notebook.run(f"import os, glob\nhere = {str(tmp_path)!r}")
    notebook.run("files = os.listdir(here)")
    effects = notebook.last()["effects"]
    assert [effect["kind"] for effect in effects] == ["file-read"] and str(tmp_path) in effects[0]["detail"]
    notebook.run("files = glob.glob(here + '/*.csv')")
    assert notebook.last()["effects"] == effects
    (tmp_path / "b.csv").write_text("1")
    notebook.run("files = [entry.name for entry in os.scandir(here)]")
    assert notebook.last()["effects"] != effects and not named(notebook.last(), "deletes")


def test_what_comes_of_an_earlier_cells_result_is_not_run_again(round_trip):
    second, checkpoint, _ = round_trip("1 + 2", "x = _ * 3", "y = [x]", "z = Out[1]", plan="recompute-all")
    assert {"x": "store", "y": "store", "z": "store"} == {
        name: entry["action"] for name, entry in checkpoint["variables"].items()
    }
    assert "Out" in checkpoint["variables"]["x"]["why"]
    assert second.value("x, y, z") == [9, [9], 3]


def test_an_underscore_of_the_cells_own_is_no_reason(notebook):
    for cell in ("total = [0 for _ in range(3)]", "_, kept = 1, 2"):
        assert notebook.run(cell).success
        assert not notebook.last()["no_rerun_reason"], cell
