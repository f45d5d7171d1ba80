"""A co-variable with a variable that cannot be stored: what becomes of the others."""

# Cells that draw from the system's random numbers cannot be run again, so what they make is stored or lost.
ROWS = "import os\nrows = [[os.urandom(4)] for _ in range(5)]"
ITERATOR = "it = (row for row in rows); first = next(it)"


def statuses(report):
    return {name: entry["status"] for name, entry in report["variables"].items()}


def test_what_can_be_stored_comes_back_without_what_cannot(start):
    first = start()
    first.run(ROWS, "alias = rows; inner = rows[3]", ITERATOR)
    report = first.checkpoint()
    assert {name: entry["action"] for name, entry in report["variables"].items()} == {
        **dict.fromkeys(["rows", "alias", "inner", "first"], "store"),
        "os": report["variables"]["os"]["action"],
        "it": "lost",
    }
    assert "generator" in report["variables"]["it"]["why"]
    then = first.value("[row[0].hex() for row in rows]")
    first.kill()
    second = start()
    report = second.restore()
    assert statuses(report)["it"] == "lost" and "generator" in report["variables"]["it"]["why"]
    assert {statuses(report)[name] for name in ("rows", "alias", "inner", "first")} == {"same"}
    assert second.value("[row[0].hex() for row in rows]") == then
    assert second.value("[alias is rows, inner is rows[3], first is rows[0], 'it' in globals()]") == [
        True, True, True, False]


def test_a_frame_survives_the_iterator_over_it(round_trip):
    second, _, report = round_trip(
        "import os, pandas as pd\ndf = pd.DataFrame({'a': list(os.urandom(50)), 'b': 'text'})",
        "it = df.iterrows(); _, row = next(it)",
    )
    assert statuses(report)["df"] == "same"
    assert second.value("[len(df), list(df.columns), 'it' in globals()]") == [50, ["a", "b"], False]


def test_what_can_be_made_again_is_made_again_as_a_whole(round_trip):
    second, checkpoint, report = round_trip("rows = [[n] for n in range(5)]", ITERATOR)
    assert {entry["action"] for entry in checkpoint["variables"].values()} == {"recompute"}
    assert set(statuses(report).values()) == {"recomputed"}
    assert second.value("[next(it) is rows[1], first is rows[0]]") == [True, True]


def test_a_restore_that_may_run_cells_with_effects_makes_the_whole_again(start):
    first = start()
    first.run("import os\nos.system('true'); rows = [[n] for n in range(5)]", ITERATOR)
    assert first.checkpoint()["variables"]["rows"]["action"] == "store"
    careful, daring = start(), start()
    assert statuses(careful.restore())["it"] == "lost" and careful.value("rows[4]") == [4]
    report = daring.restore(rerun_effects=True)
    assert statuses(report)["it"] == "recomputed"
    assert daring.value("next(it) is rows[1]") is True


def test_the_restored_session_is_stored_again(start):
    first = start()
    first.run(ROWS, ITERATOR)
    first.checkpoint()
    then = first.value("[row[0].hex() for row in rows]")
    second = start()
    second.restore()
    second.run("rows.append([b'more'])")
    report = second.checkpoint()
    assert "it" not in report["variables"] and report["variables"]["rows"]["action"] == "store"
    third = start()
    assert statuses(third.restore())["rows"] == "same"
    assert third.value("[row[0].hex() for row in rows]") == [*then, b"more".hex()]
    assert third.value("first is rows[0]") is True


def test_what_refers_to_what_is_not_stored_is_left_out_too(round_trip):
    second, checkpoint, report = round_trip(
        "import os\nclass Odd:\n    kept = (n for n in range(3))\n    salt = os.urandom(2)",
        "data = [os.urandom(2)]; odd = Odd(); odd.data = data",
    )
    assert checkpoint["variables"]["odd"]["action"] == "lost"
    assert statuses(report)["odd"] == "lost" and statuses(report)["data"] == "same"
    assert second.value("['odd' in globals(), len(data)]") == [False, 1]


def test_code_stays_one_with_what_refers_to_it(round_trip):
    second, _, report = round_trip(
        "import os\nclass Kind:\n    made = []\n    salt = os.urandom(2)",
        "Kind.made.append(os.urandom(2)); it = (each for each in [Kind, Kind.made]); next(it)",
        "one = Kind(); one.tag = os.urandom(2)",
    )
    assert statuses(report)["Kind"] == statuses(report)["one"] == "same" and statuses(report)["it"] == "lost"
    assert second.value("[type(one) is Kind, type(one).made is Kind.made]") == [True, True]


def test_what_must_never_be_stored_takes_the_rest_with_it(start):
    """The others may hold it."""
    first = start()
    first.run(ROWS, ITERATOR)
    report = first.checkpoint(never_store="first")
    assert {report["variables"][name]["action"] for name in ("rows", "it", "first")} == {"lost"}


def test_nothing_is_left_of_a_group_without_a_member_that_pickles(round_trip):
    _, checkpoint, report = round_trip(
        "import os\nseed = os.urandom(2)",
        "one = (each for each in [os.urandom(2)]); two = (each for each in [one]); next(two)",
    )
    assert statuses(report)["one"] == statuses(report)["two"] == "lost"
    assert statuses(report)["seed"] == "same"


def test_lazily_too(start):
    first = start()
    first.run(ROWS, ITERATOR)
    first.checkpoint()
    second = start()
    report = second.restore(lazy=True)
    assert statuses(report)["it"] == "lost"
    second.run("count = len(rows)")
    assert second.value("[count, first is rows[0]]") == [5, True]
