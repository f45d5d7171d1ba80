"""Paths that will not do: one line that says what is wrong, and nothing touched."""

import inspect
import os

import pytest

import elasticpython
from elasticpython import session_magics


def one_line(message):
    return "\\n" not in message and "Traceback" not in message


def test_a_checkpoint_onto_a_file_is_refused(start, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    process = start()
    process.run("x = 1")
    message = process.failing_call("checkpoint", path=str(tmp_path / "notes.txt"))
    assert "is a file" in message and one_line(message)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_directory_with_other_things_in_it_is_refused(start, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("mine")
    process = start()
    process.run("x = 1")
    assert one_line(process.failing_call("checkpoint", path=str(tmp_path / "full")))
    assert one_line(process.failing_call("restore", path=str(tmp_path / "full")))
    assert os.listdir(tmp_path / "full") == ["thesis.tex"]


@pytest.mark.parametrize("path", ["/proc/nowhere", "/dev/full"])
def test_a_place_that_cannot_be_written_is_refused(start, path):
    process = start()
    process.run("x = 1")
    assert one_line(process.failing_call("checkpoint", path=path))


@pytest.mark.parametrize("path", ["a\0b", "bad\udcff"])
@pytest.mark.parametrize(("call", "as_what"), [("checkpoint", "path"), ("checkpoint", "export"),
                                               ("restore", "path"), ("checkpoints", "path")])
def test_what_no_path_can_be_is_refused(start, tmp_path, path, call, as_what):
    process = start()
    process.run("x = 1")
    message = process.failing_call(call, **{"path": str(tmp_path / "here"), as_what: path})
    assert "CheckpointError" in message and "UTF-8" in message and one_line(message)
    assert os.listdir(tmp_path / "work") == []


def test_where_no_key_can_be_made_the_key_is_named(start, tmp_path):
    process = start(ELASTICPYTHON_KEY="/proc/nowhere/key")
    process.run("x = 1")
    message = process.failing_call("checkpoint", path=str(tmp_path / "here"))
    assert "the key that checkpoints are signed with" in message and "cannot write to" not in message


def test_restoring_what_is_not_there_is_refused(start, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("not a checkpoint")
    process = start()
    process.run("x = 1")
    for name in ("missing", "empty", "file"):
        message = process.failing_call("restore", path=str(tmp_path / name))
        assert "checkpoint" in message and one_line(message)
    assert process.value("x") == 1


def test_a_truncated_checkpoint_is_passed_over(start, tmp_path):
    process = start()
    process.run("x = 1")
    process.checkpoint(tmp_path / "here")
    process.run("x = 2")
    process.checkpoint(tmp_path / "here")
    newest = max((tmp_path / "here" / "manifests").iterdir())
    newest.write_bytes(newest.read_bytes()[:100])
    other = start()
    report = other.restore(tmp_path / "here")
    assert other.value("x") == 1
    assert len(report["passed_over"]) == 1
    newest.unlink()
    [only] = (tmp_path / "here" / "manifests").iterdir()
    only.write_bytes(b"")
    message = other.failing_call("restore", path=str(tmp_path / "here"))
    assert one_line(message)


def test_magics_answer_with_one_line(start, tmp_path):
    process = start()
    process.run("x = 1")
    for cell in (
        "%restore /no/such/place",
        "%checkpoint --plan best",
        "%checkpoint a b c",
        "%restore 'unclosed",
    ):
        answer = process.run(cell, fails=True)
        assert "UsageError" in answer["error"] and one_line(answer["error"])


def test_help_and_completion(start):
    process = start()
    assert "--plan" in process.run("%checkpoint --help")["output"]
    assert "--trust" in process.run("%restore --help")["output"]
    matches = process.value("get_ipython().complete('--pl', '%checkpoint --pl')[1]")
    assert "--plan" in matches and "--plan-only" in matches


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_the_function_says_what_the_magic_takes(command):
    function = inspect.signature(getattr(elasticpython, command))
    names = dict(function.parameters)
    assert names.pop("path").default is None
    assert {each.kind for each in names.values()} == {inspect.Parameter.KEYWORD_ONLY}
    options = vars(getattr(session_magics, f"{command}_parser")().parse_args([]))
    del options["path"], options["explain"]
    options.pop("show_output", None)
    options.pop("list", None)  # elasticpython.checkpoints
    assert options.keys() == names.keys()
    for name, value in options.items():  # an option without a value may be None, False, "" or ()
        assert (value or None) == (names[name].default or None), name


@pytest.mark.parametrize(("what", "then", "said"), [("byteorder", "big", "byte order"),
                                                    ("word_bits", "32", "word size")])
def test_a_checkpoint_of_another_kind_of_machine_is_refused(start, tmp_path, what, then, said):
    first = start()
    first.run("x = 1")
    first.run("from elasticpython import pickling\nfacts = pickling.environment()\n"
              f"pickling.environment = lambda: facts | {{{what!r}: {then!r}}}")
    first.checkpoint(tmp_path / "here")
    second = start()
    second.run("x = 2")
    message = second.failing_call("restore", path=str(tmp_path / "here"))
    assert said in message and then in message and one_line(message)
    assert second.value("x") == 2
