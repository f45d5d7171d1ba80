"""What checkpoints there are, and finding an older one among them."""

import re

WORD = re.compile(r"[0-9a-f]{4,}")


def listed(process, path=None):
    return process.call("checkpoints", path=path)["checkpoints"]


def test_each_checkpoint_is_listed_with_what_it_holds_and_what_it_is_called(start):
    first = start()
    first.run("x = [1]", "gen = (n for n in range(3))", "y = 2")
    first.checkpoint()
    first.run("z = 'more'")
    first.checkpoint(never_rerun=["gen"])
    older, newer = listed(first)
    assert older["created"] < newer["created"] and older["bytes"] > 0 and older["trusted"] is True
    assert {"x", "y"} <= set(older["variables"]) and "z" in newer["variables"]
    assert "gen" not in newer["variables"], "what is lost does not come back"
    assert older["automatic"] is newer["automatic"] is False
    assert WORD.fullmatch(older["at"]) and older["at"] in older["name"]
    second = start()
    assert set(second.restore(at=older["at"])["variables"]) == {"x", "gen", "y"}


def test_what_nobody_asked_for_is_said_to_be_automatic(start):
    process = start()
    process.run("x = [1]")
    process.checkpoint()
    process.run("y = 2")
    process.call("going_down")
    assert [entry["automatic"] for entry in listed(process)] == [False, True]


def test_the_magic_shows_a_table(start):
    first = start()
    first.run(*(f"v{n} = {n}" for n in range(12)))
    first.checkpoint()
    second = start()
    answer = second.run("%restore --list")
    shown = second.value("repr(Out[1])")
    (entry,) = listed(second)
    assert entry["at"] in shown and "asked for" in shown and "12: v0 v1" in shown, answer
    assert second.value("Out[1].to_dict()['checkpoints'][0]['name']") == entry["name"]
    assert second.value("'<table>' in Out[1]._repr_html_()")
    assert second.call("history") == [], "looking is not a part of the session"


def test_an_exported_file_is_a_list_of_one(start, tmp_path):
    process = start()
    process.run("x = [1]")
    process.checkpoint(export=str(tmp_path / "handed.elastic"))
    (entry,) = listed(process, str(tmp_path / "handed.elastic"))
    assert entry["variables"] == ["x"] and entry["trusted"] is True


def test_a_damaged_one_is_listed_with_its_damage(start, tmp_path):
    process = start()
    process.run("x = [1]")
    process.checkpoint(tmp_path / "here")
    process.run("y = 2")
    process.checkpoint(tmp_path / "here")
    oldest = min((tmp_path / "here" / "manifests").iterdir())
    oldest.write_bytes(oldest.read_bytes()[:-1])
    damaged, whole = listed(process, str(tmp_path / "here"))
    assert damaged["name"] in oldest.name and damaged["damage"] and "variables" not in damaged
    assert whole["variables"] == ["x", "y"]


def test_where_there_is_none_one_line_says_so(start, tmp_path):
    process = start()
    (tmp_path / "notes.txt").write_text("no checkpoint")
    for path, said in ((None, "there are no checkpoints"), (tmp_path / "notes.txt", "not a checkpoint")):
        line = process.failing_call("checkpoints", path=path and str(path))
        assert said in line and "\n" not in line
