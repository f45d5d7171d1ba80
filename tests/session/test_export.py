"""%checkpoint --export FILE and %restore FILE; what becomes of old checkpoints; what damage is found."""

import math
import os
import subprocess
import sys

import pytest

from conftest import BUILD

# `b` is noise: what can be compressed may be, where the disk is slow, and is then nowhere in a pack.
ARRAYS = ("import numpy as np", "a = np.arange(1_000_000); small = [1, 2]\n"
          "b = np.random.default_rng(3).integers(1 << 60, size=1_000_000)")


def names_in(directory):
    return sorted(entry.name for entry in (directory / "manifests").iterdir())


def flip_a_byte_of(directory, value):
    """In the middle of where `value` (bytes) lies in a pack."""
    for pack in (directory / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        at = data.find(value)
        if at >= 0:
            data[at + len(value) // 2] ^= 1
            pack.write_bytes(data)  # in place: the same file
            return
    raise AssertionError("it is in no pack")


# --- one file -----------------------------------------------------------------------------------------------


def test_a_session_goes_into_one_file_and_comes_back(start, tmp_path):
    first = start()
    first.run(*ARRAYS, "def twice(x): return 2 * x",
              f"%checkpoint {tmp_path}/store --plan store-all --export {tmp_path}/session.ep")
    assert os.stat(tmp_path / "session.ep").st_mode & 0o777 == 0o600
    first.kill()
    second = start()
    answer = second.run(f"%restore {tmp_path}/session.ep")
    assert answer["error"] is None
    again = "np.random.default_rng(3).integers(1 << 60, size=1_000_000)"
    assert second.value(f"[int(a.sum()), bool((b == {again}).all()), small, twice(4)]") == [
        499999500000, True, [1, 2], 8]
    report = second.restore(tmp_path / "session.ep")
    assert {entry["status"] for entry in report["variables"].values()} <= {"same"}


def test_a_file_that_is_there_is_not_replaced_unasked(start, tmp_path):
    process = start()
    process.run("x = 1")
    (tmp_path / "mine").write_text("thesis")
    answer = process.run(f"%checkpoint {tmp_path}/store --export {tmp_path}/mine", fails=True)
    assert "exists" in answer["error"] and (tmp_path / "mine").read_text() == "thesis"
    assert not (tmp_path / "store").exists()  # found out before anything was written
    process.run(f"%checkpoint {tmp_path}/store --export {tmp_path}/mine --force", "x = 2",
                f"%restore {tmp_path}/mine")
    assert process.value("x") == 1


def test_somebody_elses_file_is_restored_only_when_trusted(start, tmp_path):
    first = start()
    first.run("x = 'theirs'", f"%checkpoint {tmp_path}/store --export {tmp_path}/file")
    other = start(ELASTICPYTHON_KEY=str(tmp_path / "other-key"))
    other.run("x = 'mine'")
    answer = other.run(f"%restore {tmp_path}/file", fails=True)
    assert "--trust" in answer["error"] and other.value("x") == "mine"
    other.run(f"%restore {tmp_path}/file --trust")
    assert other.value("x") == "theirs"


def test_a_damaged_file_is_one_line_and_nothing_is_loaded(start, tmp_path):
    process = start()
    process.run("x = ['payload of a pickle' * 9]", f"%checkpoint {tmp_path}/store --export {tmp_path}/file")
    whole = (tmp_path / "file").read_bytes()
    process.run("x = 'mine'")
    for at in (3, 100, 200):  # header and manifest
        (tmp_path / "file").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        message = process.failing_call("restore", path=str(tmp_path / "file"))
        assert "\\n" not in message and process.value("x") == "mine"
    (tmp_path / "file").write_bytes(whole[: len(whole) // 2])
    assert "\\n" not in process.failing_call("restore", path=str(tmp_path / "file"))
    assert process.value("x") == "mine"


# --- what is kept -------------------------------------------------------------------------------------------


def test_as_many_are_kept_as_asked_for(start, tmp_path):
    process = start()
    store = tmp_path / "store"
    for i in range(10):
        process.run(f"x = {i}")
        process.checkpoint(store)
    assert len(names_in(store)) == 8
    process.run(f"%checkpoint {store} --keep 3")
    assert len(names_in(store)) == 3
    process.checkpoint(store, keep_days=0)
    assert len(names_in(store)) == 1  # the newest always stays
    process.checkpoint(store)
    process.checkpoint(store, keep_bytes=10)
    assert len(names_in(store)) == 1
    process.restore(store)
    assert process.value("x") == 9


LIMITS = ("keep", "keep_days", "keep_bytes", "max_bytes", "deadline", "restore_within")


def test_a_limit_of_infinity_is_none(start, tmp_path):
    process = start()
    count = 0
    for limit in LIMITS:
        for value in (math.inf, 1e300, None):
            process.run(f"x = {count}")
            process.checkpoint(tmp_path / "store", **({"keep": 1000} | {limit: value}))
            count += 1
            assert len(names_in(tmp_path / "store")) == count, (limit, value)


def test_what_is_no_limit_removes_nothing(start, tmp_path):
    process = start()
    for i in range(2):
        process.run(f"x = {i}")
        process.checkpoint(tmp_path / "store")
    for limit in LIMITS:
        for value in (-1, -math.inf, math.nan, "8", [8]):
            with pytest.raises(Exception, match=f"{limit} has to be a number"):
                process.checkpoint(tmp_path / "store", **{limit: value})
    assert len(names_in(tmp_path / "store")) == 2


def test_a_checkpoint_for_which_there_is_no_room_leaves_nothing(start, tmp_path):
    """Of 2,000 variables the manifest is what is too large: by then their new pickles are in place."""
    process, store = start(), tmp_path / "store"
    process.run("for i in range(2000): globals()[f'v{i}'] = [i]")
    process.checkpoint(store)
    before = sorted((store / "packs").iterdir())
    process.run("from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit\n"
                "setrlimit(RLIMIT_FSIZE, (100_000, RLIM_INFINITY)); v7.append('new')")
    with pytest.raises(Exception, match="large"):
        process.checkpoint(store)
    assert sorted((store / "packs").iterdir()) == before
    assert list((store / "temp").iterdir()) == []
    process.run("setrlimit(RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))")
    process.checkpoint(store)
    process.restore(store)
    assert process.value("v7") == [7, "new"]


def test_two_sessions_write_and_collect_in_one_store(start, tmp_path):
    """Neither ever takes what the other needs."""
    pair = [start(), start()]
    for i in range(6):
        for number, process in enumerate(pair):
            process.run(f"import numpy as np; x = ({number}, {i}); data = np.full(200_000, {i}.5)")
        for process in pair:
            print('{"call": "checkpoint", "options": {"path": "%s", "keep": 1}}' % (tmp_path / "store"),
                  file=process._process.stdin, flush=True)
        for process in pair:
            assert '"value"' in process._process.stdout.readline()
        other = start()
        other.restore(tmp_path / "store")
        assert other.value("x")[1] == i and other.value("float(data[77])") == i + 0.5
        other.kill()
    command = BUILD.parents[1] / "src/store/elasticpython"
    if command.exists():
        listing = subprocess.run([command, "verify", tmp_path / "store"], capture_output=True, text=True,
                                 env=os.environ | {"XDG_DATA_HOME": str(tmp_path / "xdg")})
        assert listing.returncode == 0 and "is whole" in listing.stdout


# --- what damage is found -----------------------------------------------------------------------------------


def damaged_store(start, tmp_path):
    first = start()
    # Not to be compressed, which a slow disk has done, or the bytes are not found.
    first.run(ARRAYS[0], "a = np.arange(1_000_000); small = [1, 2]",
              "b = np.random.default_rng(1).integers(0, 2**62, 1_000_000)")
    first.checkpoint(tmp_path / "store", plan="store-all")
    marker = bytes(first.value("list(b[600_000:600_100].tobytes())"))
    first.kill()
    flip_a_byte_of(tmp_path / "store", marker)
    return tmp_path / "store"


def test_a_damaged_buffer_is_named_soon_after_the_restore(start, tmp_path):
    store = damaged_store(start, tmp_path)
    process = start()
    process.restore(store)
    line = None
    for _ in range(600):
        line = process.call("damage")
        if line:
            break
        process.run("import time; time.sleep(0.1)")
    assert "rely on b:" in line
    assert process.call("damage") is None  # said once
    assert process.value("[int(a.sum()), small]") == [499999500000, [1, 2]]


def test_verify_finds_it_before_anything_is_loaded(start, tmp_path):
    store = damaged_store(start, tmp_path)
    process = start()
    report = process.restore(store, verify=True)
    assert report["checked"] is True
    assert report["variables"]["b"]["status"] == "recomputed"
    assert "did not load" in report["variables"]["b"]["why"]
    assert report["variables"]["a"]["status"] == "same"
    assert process.call("damage") is None


@pytest.mark.parametrize("found_by", ["restore", "verifying restore", "command"])
def test_what_was_found_damaged_is_written_anew_by_the_next_checkpoint(start, tmp_path, found_by):
    first = start()
    first.run(ARRAYS[0], "a = np.arange(1_000_000); small = 'a text that is in no other place'",
              "b = np.random.default_rng(1).integers(0, 2**62, 1_000_000)")
    first.checkpoint(tmp_path / "store", plan="store-all")
    for place in (100_000, 900_000):  # in different chunks
        flip_a_byte_of(tmp_path / "store", bytes(first.value(f"list(b[{place}:{place + 100}].tobytes())")))
    flip_a_byte_of(tmp_path / "store", b"a text that is in no other place")
    if found_by == "command":
        command = os.path.join(os.path.dirname(sys.executable), "elasticpython")
        environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "xdg")}
        checked = subprocess.run([command, "verify", tmp_path / "store"], env=environment)
        assert checked.returncode == 1
    else:
        other = start()
        other.restore(tmp_path / "store", verify=found_by == "verifying restore")
        for _ in range(600):
            if found_by == "verifying restore" or other.call("damage"):
                break
            other.run("import time; time.sleep(0.1)")
        other.kill()
    first.run("c = 1")
    report = first.checkpoint(tmp_path / "store", plan="store-all")
    assert 2 << 20 < report["bytes_written"] < 4 << 20
    other = start()
    report = other.restore(tmp_path / "store", verify=True)
    assert {entry["status"] for entry in report["variables"].values()} <= {"same"}
    assert other.value("[int(a.sum()), small, c]") == [499999500000, "a text that is in no other place", 1]


def test_a_damaged_pickle_is_never_loaded(start, tmp_path):
    first = start()
    first.run("text = 'a text that is %s'", "x = text % 'in no other place'", "y = 2")
    first.checkpoint(tmp_path / "store", plan="store-all")
    first.kill()
    flip_a_byte_of(tmp_path / "store", b"a text that is in no other place")
    process = start()
    report = process.restore(tmp_path / "store")
    assert report["variables"]["x"]["status"] == "recomputed"
    assert process.value("[x, y]") == ["a text that is in no other place", 2]


def test_a_damaged_history_costs_only_what_needs_it(start, tmp_path):
    first = start()
    first.run(
        "x = {'words': 1}; y = [x, 2]; import numpy as np",
        "cheap = np.ones(3_000_000)",
        "class Pair:\n    def __init__(self): self.both = (y, 3)",
        "pair = Pair(); import random; random.seed(3)",
        "import time; gone = (i for i in [time.time()])",
        "'words that only a cell says'[:0]",
    )
    entries = first.checkpoint(tmp_path / "store", never_store="cheap")["variables"]
    assert entries["cheap"]["action"] == "recompute" and entries["gone"]["action"] == "lost"
    number = first.value("random.random()")
    first.kill()
    flip_a_byte_of(tmp_path / "store", b"words that only a cell says")

    process = start()
    process.run("mine = 1; x = 'mine'")
    report = process.restore(tmp_path / "store")
    status = {name: entry["status"] for name, entry in report["variables"].items()}
    assert {name for name, each in status.items() if each == "lost"} == {"cheap", "gone"}, status
    assert set(status.values()) == {"same", "lost"} and report["cells_rerun"] == []
    assert "history" in report["variables"]["cheap"]["why"]
    assert "generator" in report["variables"]["gone"]["why"]
    assert report["history_damage"] and report["replaced"] == ["x"]
    assert process.value("[x, y[0] is x, pair.both[0] is y, type(pair) is Pair, mine]") == [
        {"words": 1}, True, True, True, 1]
    assert process.value("random.random()") == number

    history = process.call("history")
    assert all(entry["outside_cell"] and entry["no_rerun_reason"] for entry in history)
    assert "damaged" in history[0]["source"] and {"x", "y", "pair", "Pair"} <= set(history[0]["writes"])
    process.run("y.append(x['words'] + 1)", "cheap = np.ones(3_000_000)")
    again = process.checkpoint(tmp_path / "store", never_store="cheap")
    assert again["variables"]["cheap"]["action"] == "recompute"  # its cell is known again
    process.kill()
    other = start()
    report = other.restore(tmp_path / "store")
    assert report["history_damage"] is None
    assert {entry["status"] for entry in report["variables"].values()} <= {"same", "recomputed"}
    assert other.value("[y, y[0] is x, pair.both[0] is y, float(cheap.sum())]") == [
        [{"words": 1}, 2, 2], True, True, 3e6]


def test_a_damaged_history_is_said_in_one_line_and_an_older_checkpoint_can_be_named(start, tmp_path):
    first = start()
    first.run("x = 1")
    older = first.checkpoint(tmp_path / "store")["checkpoint"]
    first.run("y = 'words that only a cell says'[:0]")
    first.checkpoint(tmp_path / "store")
    flip_a_byte_of(tmp_path / "store", b"words that only a cell says")
    process = start()
    shown = process.run(f"%restore {tmp_path}/store")["output"]
    assert sum("history of this checkpoint" in line for line in shown.splitlines()) == 1, shown
    assert process.value("[x, y]") == [1, ""]
    process.run("del y; x = 3")
    assert process.restore(tmp_path / "store", at=older)["history_damage"] is None
    assert process.value("[x, 'y' in dir()]") == [1, False]


def test_where_nothing_can_be_read_the_session_stays_as_it_is(start, tmp_path):
    """The history and all that is stored: a pack that is gone."""
    first = start()
    first.run("x = [1, 2]")
    first.checkpoint(tmp_path / "store")
    first.kill()
    for pack in (tmp_path / "store" / "packs").iterdir():
        pack.unlink()
    process = start()
    process.run("x = 'mine'")
    message = process.failing_call("restore", path=str(tmp_path / "store"))
    assert "history" in message and "--at" in message and "\\n" not in message
    assert process.value("x") == "mine"
    process.run("x = ['mine']")
    process.checkpoint(tmp_path / "store")
    other = start()
    other.restore(tmp_path / "store")
    assert other.value("x") == ["mine"]


def test_a_damaged_piece_of_ambient_state_costs_nothing_else(start, tmp_path):
    first = start()
    first.run("import os; os.environ['LONGISH'] = 'words in %s place' % 'no other'", "x = 1")
    first.checkpoint(tmp_path / "store")
    first.kill()
    flip_a_byte_of(tmp_path / "store", b"words in no other place")
    process = start()
    report = process.restore(tmp_path / "store")
    assert process.value("x") == 1
    assert report["ambient"]["<os.environ>"]["status"] != "same", report["ambient"]


# --- the disk -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB, where mounting is allowed."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_one_line_and_the_former_checkpoint_stands(start, small_disk):
    process = start()
    process.run("x = 1")
    process.checkpoint(small_disk / "store")
    process.run("x = 2; import os; data = os.urandom(3_000_000)")
    message = process.failing_call("checkpoint", path=str(small_disk / "store"), plan="store-all")
    assert "full" in message or "space" in message.lower()
    assert "\\n" not in message and "Traceback" not in message
    assert os.listdir(small_disk / "store" / "temp") == []  # nothing is left that fills it
    other = start()
    other.restore(small_disk / "store")
    assert other.value("x") == 1
    process.run("del data")
    process.checkpoint(small_disk / "store")  # the next one works
    other.restore(small_disk / "store")
    assert other.value("x") == 2


def test_a_directory_removed_under_it_is_made_again(start, tmp_path):
    import shutil

    process = start()
    process.run("x = 1")
    process.checkpoint(tmp_path / "store")
    shutil.rmtree(tmp_path / "store")
    process.run("x = 2")
    process.checkpoint(tmp_path / "store")
    other = start()
    other.restore(tmp_path / "store")
    assert other.value("x") == 2


def test_a_store_one_may_only_read_restores_and_refuses_to_be_written(start, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    process = start()
    process.run("x = 1")
    process.checkpoint(tmp_path / "store")
    for directory, _, _ in os.walk(tmp_path / "store"):
        os.chmod(directory, 0o500)
    process.run("x = 2")
    try:
        assert "\\n" not in process.failing_call("checkpoint", path=str(tmp_path / "store"))
        process.restore(tmp_path / "store")
        assert process.value("x") == 1
    finally:
        for directory, _, _ in os.walk(tmp_path / "store"):
            os.chmod(directory, 0o700)
