"""What a re-run cell sees, shows and may not spoil."""

import pytest


def test_output_of_rerun_cells_is_shown_on_request(start):
    first = start()
    first.run("print('loud')\nimport sys; n = sys.stderr.write('louder')\ngen = (i for i in range(3))")
    first.checkpoint()
    second = start()
    answer = second.run("report = get_ipython().run_line_magic('restore', '')")
    assert "loud\n" not in answer["output"]
    assert "--show-output" in answer["output"]
    entry = second.value("list(report.to_dict()['cells_output'].values())")[0]
    assert (entry["stdout"], entry["stderr"]) == ("loud\n", "louder")
    assert "loud\n" in second.run("report.show_output()")["output"]
    third = start()
    assert "loud\n" in third.run("%restore --show-output")["output"]


def test_each_rerun_sees_the_ambient_state_of_its_time(start, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.txt").write_text(name)
    first = start()
    first.run(
        f"import os\nos.chdir({str(tmp_path / 'one')!r}); os.environ['STEP'] = 'first'",
        "where = (each for each in [open('data.txt').read(), os.environ['STEP']])",
        f"os.chdir({str(tmp_path / 'two')!r}); os.environ['STEP'] = 'second'",
        "later = (each for each in [open('data.txt').read(), os.environ['STEP']])\n"
        "os.environ['TOUCHED'] = 'once'",
        "os.environ['TOUCHED'] = 'twice'",
    )
    first.checkpoint()
    second = start()
    report = second.restore()
    assert len(report["cells_rerun"]) >= 2
    assert second.value("[list(where), list(later)]") == [["one", "first"], ["two", "second"]]
    assert second.value("[os.getcwd(), os.environ['STEP'], os.environ['TOUCHED']]") == [
        str(tmp_path / "two"),
        "second",
        "twice",
    ]


@pytest.mark.parametrize(
    "accident",
    ["kept = 'spoilt'", "kept.append('spoilt')", "del kept", "fresh = 1", "os.environ['NEW'] = '1'"],
)
def test_what_a_rerun_changes_by_accident_is_put_back(start, tmp_path, accident):
    first = start()
    first.run(
        "import os\nkept = [1, 2]; alias = kept",
        f"if os.path.exists('accident'): {accident}\ngen = (i for i in range(3))",
    )
    first.checkpoint(plan="store-all")
    (tmp_path / "work" / "accident").touch()
    second = start()
    report = second.restore()
    assert len(report["cells_rerun"]) == 1
    assert second.value("[kept, kept is alias, os.environ.get('NEW')]") == [[1, 2], True, None]
    assert "NameError" in second.error_of("fresh")
    assert report["variables"]["kept"]["status"] == "same"


def test_effects_are_left_out_unless_asked_for(start, tmp_path):
    log = tmp_path / "log.txt"
    first = start()
    first.run(
        "keep = [1]",
        f"with open({str(log)!r}, 'a') as f:\n    n = f.write('line')\nticket = (i for i in range(3))",
        "chained = map(str, ticket)",
    )
    checkpoint = first.checkpoint()
    assert checkpoint["variables"]["ticket"]["action"] == "lost"
    second = start()
    report = second.restore()
    assert log.read_text() == "line"
    assert report["variables"]["ticket"]["status"] == "lost"
    assert set(report["effects_left_out"]["variables"]) >= {"ticket", "chained"}
    assert [cell["cell"] for cell in report["effects_left_out"]["cells"]] == [2]
    assert "--rerun-effects" in start().run("%restore")["output"]
    third = start()
    report = third.restore(rerun_effects=True)
    assert report["variables"]["ticket"]["status"] == "recomputed"
    assert log.read_text() == "lineline"
    assert third.value("list(chained)") == ["0", "1", "2"]
    # It is not forgotten that the cell had effects.
    assert third.checkpoint()["variables"]["ticket"]["action"] == "lost"


def test_a_changed_input_is_named(start, tmp_path):
    (tmp_path / "data.txt").write_text("then")
    first = start()
    first.run(f"gen = (c for c in open({str(tmp_path / 'data.txt')!r}).read())")
    first.checkpoint()
    (tmp_path / "data.txt").write_text("now!!")
    report = start().restore()
    assert [(entry["path"], entry["why"]) for entry in report["inputs_changed"]] == [
        (str(tmp_path / "data.txt"), "has 5 bytes, had 4")
    ]


def test_verify_compares_what_is_large_too(start):
    first = start()
    first.run("import numpy as np\nbig = np.arange(3_000_000.)")
    first.checkpoint(plan="store-all")
    assert start().restore()["variables"]["big"]["verified"] is False
    assert start().restore(verify=True)["variables"]["big"]["verified"] is True


def test_verify_finds_damage_before_anything_is_loaded(start, tmp_path):
    first = start()
    first.run("import numpy as np\nseed = 7", "big = np.arange(3_000_000.) + seed")
    first.checkpoint(tmp_path / "place", plan="store-all")
    pack = max((tmp_path / "place").rglob("*"), key=lambda path: path.stat().st_size)
    with open(pack, "r+b") as file:
        file.seek(pack.stat().st_size // 2)
        file.write(b"damage")
    second = start()
    report = second.restore(tmp_path / "place", verify=True)
    assert report["variables"]["big"]["status"] == "recomputed"
    assert second.value("float(big[-1])") == 3_000_006.0


def test_what_is_linked_with_a_class_stays_linked_when_the_class_is_made_again(start):
    """`names` is loaded with Box; the cells that make both are run again for `gen` and `later`."""
    first = start()
    first.run(
        "class Box:\n    names = []\ngen = (i for i in range(3))",
        "names = Box.names\nlater = (i for i in range(4))",
    )
    first.checkpoint(always_store=["names"])
    second = start()
    second.restore()
    assert second.value("names is Box.names and list(gen) == [0, 1, 2] and list(later) == [0, 1, 2, 3]")


def test_two_names_of_one_function_stay_one_function(start):
    first = start()
    first.run("f = lambda: 1\ngen = (i for i in range(3))", "g = f", "h = [f]")
    assert first.checkpoint(always_store=["g"])["variables"]["g"]["linked_with"] == ["f"]
    second = start()
    second.restore()
    assert second.value("g is f and h[0] is f")


def test_a_cell_that_raised_for_want_of_a_name_finds_none_again(start):
    first = start()
    first.run("f = 1\nkept = (i for i in range(2))", "del f")
    first.run("late = (i for i in range(3)); asked = 'f' in globals()\nf()", fails=True)
    first.checkpoint(plan="recompute-all")
    second = start()
    report = second.restore()
    assert report["cells_failed"] == []
    assert second.value("[list(kept), list(late)]") == [[0, 1], [0, 1, 2]]
    assert second.value("[asked, 'f' in globals()]") == [False, False]


def test_figures_of_several_cells_share_what_they_share_with_the_settings(start, tmp_path):
    first = start()
    first.run("import matplotlib.pyplot as plt", "figure, axes = plt.subplots()",
              "plt.rcParams['lines.linewidth'] = 3",
              "a, = axes.plot([1, 2])", "b, = axes.plot([2, 1])\nplt.close(figure)")
    first.checkpoint(tmp_path / "here", plan="recompute-all")
    second = start()
    report = second.restore(tmp_path / "here")
    assert {entry["status"] for entry in report["variables"].values()} == {"recomputed"}
    assert second.value("[a._path_effects is b._path_effects, a.get_linewidth()]") == [True, 3]


def test_what_a_cell_shows_is_made_again_and_kept(start, tmp_path):
    first = start()
    shy = """
    class Shy:
        seen = 0
        def __repr__(self):
            Shy.seen += 1
            return "shown"
    """
    first.run(shy, "shy = Shy()\nshy", "shy", "made = (v for v in [Shy.seen])")
    first.checkpoint(tmp_path / "here", plan="recompute-all")
    second = start()
    report = second.restore(tmp_path / "here")
    assert {entry["status"] for entry in report["variables"].values()} == {"recomputed"}
    assert second.value("[Shy.seen, list(made), len(In)]") == [2, [2], 5]
    assert sum(each["displays"] for each in report["cells_output"].values()) == 2


def test_a_traceback_names_cells_run_again_by_their_numbers(start, tmp_path):
    first, second = start(), start()
    first.run("1", "def f():\n    raise ValueError")
    first.checkpoint(tmp_path / "here", plan="recompute-all")
    second.restore(tmp_path / "here")
    output = second.run("f()", fails=True)["output"]
    assert "Cell In[3], line 1" in output and "Cell In[2], line 2" in output
