"""Marks, tags and limits: what people ask of a plan, and what it says when not all can hold."""

SLOW = "import time; time.sleep(0.3)\n"  # dearer to run again than anything small is to store


def test_a_never_store_variable_is_recomputed_and_comes_back(start):
    first = start()
    first.run(SLOW + "x = list(range(5))", "y = 2", "%elastic mark x never-store")
    report = first.checkpoint()
    assert report["variables"]["x"] == report["variables"]["x"] | {
        "action": "recompute",
        "why": "marked never-store",
    }
    second = start()
    assert second.restore()["variables"]["x"]["status"] == "recomputed"
    assert second.value("x, y") == [[0, 1, 2, 3, 4], 2]
    assert second.call("marks") == {"x": ["never-store"]}, "a restored session keeps them"


def test_an_always_store_variable_is_stored_whatever_it_costs(start):
    process = start()
    process.run("x = 'a' * 3_000_000", "y = 'b' * 3_000_000")
    report = process.checkpoint(plan="recompute-all", always_store="x")
    assert report["variables"]["x"]["action"] == "store" and "always" in report["variables"]["x"]["why"]
    assert report["variables"]["y"]["action"] == "recompute"


def test_never_rerun_is_about_the_cells_that_write_it(start):
    process = start()
    process.run("x = 'a' * 3_000_000", "y = 'b' * 3_000_000", "%elastic mark x never-rerun")
    report = process.checkpoint(plan="recompute-all", never_rerun=["y"])
    assert {name: report["variables"][name]["action"] for name in "xy"} == {"x": "store", "y": "store"}
    assert "never-rerun" in report["variables"]["x"]["why"]


def test_never_rerun_of_one_checkpoint_holds_where_that_is_restored(start, tmp_path):
    first = start()
    first.run("numbers = (i for i in range(3))", "y = 1")
    report = first.checkpoint(tmp_path / "asked", never_rerun=["numbers"])
    assert report["variables"]["numbers"]["action"] == "lost"
    first.checkpoint(tmp_path / "plain")
    second = start()
    assert second.restore(tmp_path / "asked")["variables"]["numbers"]["status"] == "lost"
    assert second.value("'numbers' in globals()") is False
    assert second.restore(tmp_path / "plain")["variables"]["numbers"]["status"] == "recomputed"


def test_wishes_that_leave_no_way_are_named_before_anything_is_written(start, tmp_path):
    process = start()
    process.run("x = [1]", "%elastic mark x never-rerun", "gen = (i for i in x)", "y = 1")
    report = process.checkpoint(tmp_path / "here", plan_only=True, never_store="x", always_store="gen")
    lost = report["variables"]["x"]
    assert lost["action"] == "lost" and "never-store" in lost["why"] and "never-rerun" in lost["why"]
    assert any("gen" in line and "always-store" in line for line in report["gave_up"])
    assert not (tmp_path / "here").exists()


def test_what_refers_to_a_never_store_class_is_not_stored_either(start):
    first = start()
    first.run("class A:\n    pass", SLOW + "a = A()")
    report = first.checkpoint(never_store="A")
    assert report["variables"]["a"]["action"] == "recompute"
    second = start()
    second.restore()
    assert second.value("type(a) is A") is True


def test_a_limit_on_bytes_holds_where_it_can(start):
    process = start()
    process.run(SLOW + "x = bytes(3_000_000)", SLOW + "import os; y = os.urandom(1_000_000)")
    report = process.checkpoint(max_bytes=2_000_000, plan_only=True)
    assert report["variables"]["x"]["action"] == "recompute" and report["gave_up"] == []
    assert report["bytes_to_write"] <= 2_000_000
    report = process.checkpoint(max_bytes=10, plan_only=True, never_rerun=[0])
    assert report["variables"]["x"]["action"] == "store"
    assert "10 B" in report["gave_up"][0]


def test_a_deadline_that_no_plan_keeps_is_given_up(start):
    process = start()
    process.run(SLOW + "x = [1]")
    report = process.checkpoint(restore_within=0.0, plan_only=True)
    assert "restored in" in report["gave_up"][0]


def test_tags_of_a_cell_are_wishes(start):
    process = start()
    process.run("x = [1]", tags=["never-store"])
    process.run(SLOW + "y = [2]", tags=["never-rerun", "always-store"])
    report = process.checkpoint(plan="recompute-all", plan_only=True)
    assert report["variables"]["x"]["action"] == "recompute"
    assert report["variables"]["y"]["action"] == "store"


def test_the_magic_lists_marks_and_refuses_what_it_does_not_know(start):
    process = start()
    process.run("x = 1")
    assert "no marks" in process.run("%elastic mark")["output"]
    process.run("%elastic mark x, y never-store")
    assert process.run("%elastic mark")["output"] == "x: never-store\ny: never-store\n"
    process.run("%elastic mark x none")
    assert process.call("marks") == {"y": ["never-store"]}
    assert "always-store" in process.run("%elastic mark x sometimes", fails=True)["error"]
    assert "mark" in process.run("%elastic markk", fails=True)["error"]
    assert "never-rerun" in process.run("%elastic")["output"]
    assert [cell["source"] for cell in process.call("history")] == ["x = 1"], "%elastic leaves no trace"


def test_the_magic_takes_what_the_function_takes(start, tmp_path):
    process = start()
    process.run(SLOW + "x = [1]")
    shown = process.run(
        f"%checkpoint {tmp_path}/here --alpha 0.5 --max-bytes 2kB --deadline 5 --restore-within 9 "
        "--never-store x --cpu-ratio 2 --plan-only"
    )
    assert "recomputed" in shown["output"]
    assert "max-bytes" in process.run("%checkpoint --max-bytes much", fails=True)["error"]
