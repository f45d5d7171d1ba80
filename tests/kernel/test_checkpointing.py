"""A checkpoint or restore of size in a running kernel: what it shows, what is answered, how it is stopped."""

import pytest

SLOW = """
import time, numpy as np
from elasticpython import progress
progress.AFTER = progress.EVERY = 0
show = progress.Progress._show
def slowly(self, text, show=show, sleep=time.sleep):  # a restore takes the names out
    show(self, text)
    sleep(0.1)
progress.Progress._show = slowly
"""


@pytest.fixture
def slow(own_kernel):
    """A kernel whose checkpoints pause for 0.1 s after every 8 MB, with 200 MB to write."""
    if not own_kernel.is_ours:
        pytest.skip("only ours makes checkpoints")
    own_kernel.execute("kept = 'before'")
    own_kernel.execute(SLOW)
    return own_kernel


def lines(cell, what="checkpoint"):
    texts = [content["data"].get("text/plain", "")
             for content in cell.of_type("display_data", "update_display_data")]
    return [text for text in texts if text.startswith(f"{what}: ")]


def answers_while_it_shows(kernel, cell, what):
    """Waits for a cell that shows in one display how far it is, and asks for the kernel meanwhile; returns
    what it showed."""
    cell.wait_for(lambda it: len(lines(it, what)) > 2)
    info = kernel.request("kernel_info_request", channel="control", timeout=0.9)
    assert info.content["status"] == "ok" and not cell.done
    cell.wait(60)
    assert cell.content["status"] == "ok"
    first = cell.of_type("display_data")[0]["transient"]
    assert all(each["transient"] == first for each in cell.of_type("update_display_data"))
    return lines(cell, what)


def test_a_long_checkpoint_shows_how_far_it_is_and_the_kernel_answers(slow, tmp_path):
    slow.execute("data = np.random.default_rng(1).random(25_000_000)")
    cell = slow.submit(f"%checkpoint --plan store-all {tmp_path}/here")
    shown = answers_while_it_shows(slow, cell, "checkpoint")
    assert any(" of 200.0 MB, " in line and line.endswith(" left") for line in shown)
    assert shown[-1].endswith("written")


@pytest.mark.parametrize("how", ["message", "signal"])
def test_an_interrupt_stops_it_and_the_checkpoint_before_stands(slow, tmp_path, how):
    assert slow.execute(f"%checkpoint --plan store-all {tmp_path}/here").content["status"] == "ok"
    slow.execute("data = np.random.default_rng(1).random(25_000_000)")
    cell = slow.submit(f"%checkpoint --plan store-all {tmp_path}/here")
    cell.wait_for(lambda it: len(lines(it)) > 2)
    slow.interrupt(how)
    cell.wait(10)
    assert cell.content["status"] == "error" and cell.content["ename"] == "KeyboardInterrupt"
    assert lines(cell)[-1].endswith("the checkpoint before it stands")
    report = slow.execute(f"report = get_ipython().run_line_magic('restore', '--dry-run {tmp_path}/here')\n"
                          "print(sorted(report.to_dict()['variables']))")
    assert "kept" in report.stdout and "'data'" not in report.stdout
    assert slow.execute(f"%checkpoint --plan store-all {tmp_path}/here").content["status"] == "ok"


@pytest.fixture
def stored(slow, tmp_path):
    """A checkpoint in tmp_path/here, which is read: what is pickled is not mapped."""
    slow.execute("import random; data = [random.randbytes(1000) for _ in range(60_000)]; kept = 'stored'")
    assert slow.execute(f"%checkpoint --plan store-all {tmp_path}/here").content["status"] == "ok"
    slow.execute("del data; kept = 'later'")
    slow.execute("""
from elasticpython.session import ShellSession
def pausing(self, done, total, told=ShellSession.reads, sleep=time.sleep):
    told(self, done, total)
    sleep(0.1)
ShellSession.reads = pausing
""")
    return slow


def test_a_long_restore_shows_how_far_it_is_and_the_kernel_answers(stored, tmp_path):
    cell = stored.submit(f"%restore {tmp_path}/here")
    shown = answers_while_it_shows(stored, cell, "restore")
    assert any("MB of 6" in line and line.endswith(" left") for line in shown), shown
    assert shown[-1].endswith("done")
    assert "60000 stored" in stored.execute("print(len(data), kept)").stdout


@pytest.mark.parametrize("how", ["message", "signal"])
def test_an_interrupt_stops_a_restore_that_is_reading(stored, tmp_path, how):
    cell = stored.submit(f"%restore {tmp_path}/here")
    cell.wait_for(lambda it: len(lines(it, "restore")) > 2)
    stored.interrupt(how)
    cell.wait(10)
    assert cell.content["status"] == "error" and cell.content["ename"] == "KeyboardInterrupt"
    assert lines(cell, "restore")[-1].endswith("the session is as it was")
    assert "later False" in stored.execute("print(kept, 'data' in globals())").stdout


def idle_kernel(launch, door, tmp_path, seconds="0.3", **environment):
    """A kernel that writes its session down after so long without a cell; its checkpoints are in tmp_path."""
    if door == "ipykernel":
        pytest.skip("only ours makes checkpoints")
    environment |= {"ELASTICPYTHON_IDLE_SECONDS": seconds, "JUPYTER_DATA_DIR": str(tmp_path),
                    "JPY_SESSION_NAME": str(tmp_path / "idle.ipynb"), "HOME": str(tmp_path)}
    return launch(door, environment=environment)


def manifests(tmp_path):
    return {path.name for path in tmp_path.glob("elasticpython/checkpoints/*/manifests/*")}


def wait_for_manifest(kernel, tmp_path, known=frozenset()):
    """The manifests once there is one that was not known."""
    kernel.wait(lambda: manifests(tmp_path) - known, 30, "checkpoint")
    return manifests(tmp_path)


def test_what_was_written_while_idle_is_there_after_a_kill(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("import numpy as np\nx = np.arange(100_000)\nwith_it = [x[:5]]")
    kernel.drain(0.1)
    published = len(kernel.received["iopub"])
    wait_for_manifest(kernel, tmp_path)
    kernel.drain(0.1)
    assert len(kernel.received["iopub"]) == published
    kernel.process.kill()
    again = idle_kernel(launch, door, tmp_path)
    cell = again.execute("%restore")
    assert cell.content["status"] == "ok", cell.content
    assert again.execute("x[0] = 7\nint(with_it[0][0]), int(x.sum())").result == "(7, 4999950007)"


def test_a_checkpoint_while_idle_replaces_the_last_one_and_no_other(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("a = 1")
    idle = wait_for_manifest(kernel, tmp_path)
    kernel.execute("b = 2\nget_ipython().run_line_magic('checkpoint', '')")
    [asked_for] = manifests(tmp_path) - idle
    for number in range(3):
        before = manifests(tmp_path)
        kernel.execute(f"c = {number}")
        wait_for_manifest(kernel, tmp_path, before)
        kernel.wait(lambda: len(manifests(tmp_path)) == 2, 30, "removal of the one before")
        assert asked_for in manifests(tmp_path)


def test_a_checkpoint_while_idle_gives_way_to_a_cell(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    started, goes_on = tmp_path / "started", tmp_path / "goes on"
    kernel.execute(
        "import time, pathlib\nclass Slow:\n    def __reduce__(self):\n"
        f"        with open({str(started)!r}, 'a') as file: file.write('.')\n"
        f"        while not pathlib.Path({str(goes_on)!r}).exists(): time.sleep(0.01)\n"
        "        return (Slow, ())\n"
        "s1, s2, s3, s4 = [Slow() for _ in range(4)]"
    )
    kernel.wait(started.exists, 30, "pickling")
    cell = kernel.submit("s1 = s2 = s3 = s4 = None")
    kernel.drain(0.5)  # until the message has arrived
    assert not cell.done
    goes_on.touch()
    cell.wait(30)
    assert cell.content["status"] == "ok" and started.read_text() == "." and not manifests(tmp_path)


def test_an_interrupt_ends_a_checkpoint_while_idle_that_does_not_end(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    started = tmp_path / "started"
    kernel.execute(
        "import time, pathlib\nclass Endless:\n    def __reduce__(self):\n"
        f"        with open({str(started)!r}, 'a') as file: file.write('.')\n"
        "        while True: time.sleep(0.01)\n"
        "endless = Endless()"
    )
    kernel.wait(started.exists, 30, "pickling")
    cell = kernel.submit("endless = 'ended'")
    kernel.drain(0.3)
    assert not cell.done
    kernel.interrupt()
    cell.wait(30)
    assert kernel.execute("endless").result == "'ended'"
    wait_for_manifest(kernel, tmp_path)
    assert started.read_text() == "."


def test_a_thread_loses_no_output_to_a_checkpoint_while_idle(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    cell = kernel.execute(
        "import threading, time\nclass Slow:\n    def __reduce__(self): time.sleep(0.5); return (Slow, ())\n"
        "slow = Slow()\ndef count():\n    for i in range(150): time.sleep(0.01); print(i)\n"
        "threading.Thread(target=count).start()"
    )
    wait_for_manifest(kernel, tmp_path)
    cell.wait_for(lambda it: it.stdout.endswith("149\n"))
    assert cell.stdout == "".join(f"{i}\n" for i in range(150))


def test_a_checkpoint_while_idle_waits_for_tasks(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("import asyncio\nended = asyncio.Event()\ntask = asyncio.create_task(ended.wait())")
    kernel.drain(1)
    assert not manifests(tmp_path)


@pytest.mark.parametrize("how", [{"seconds": "0"}, {"ELASTICPYTHON_AUTOSAVE": "0"}])
def test_no_checkpoint_while_idle_where_none_is_wanted(launch, door, tmp_path, how):
    kernel = idle_kernel(launch, door, tmp_path, **how)
    kernel.execute("a = 1")
    kernel.drain(1)
    assert not manifests(tmp_path)


def test_a_place_that_cannot_be_written_is_named_once_and_the_kernel_goes_on(launch, door, tmp_path):
    (tmp_path / "elasticpython").write_text("in the way")
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("a = 1")
    kernel.wait(lambda: "no checkpoint while idle" in kernel.process.log, 30, "line in the log")
    kernel.drain(1)
    assert kernel.process.log.count("no checkpoint while idle") == 1
    assert kernel.execute("a").result == "1"


def test_a_restore_brings_the_session_before_not_what_was_written_while_idle(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("kept = [1, 2]")
    before = wait_for_manifest(kernel, tmp_path)
    kernel.process.kill()
    again = idle_kernel(launch, door, tmp_path)
    again.execute("import math")
    wait_for_manifest(again, tmp_path, before)
    cell = again.execute("%restore")
    assert cell.content["status"] == "ok", cell.content
    assert again.execute("kept").result == "[1, 2]"


def test_the_history_has_each_cell_once_though_a_restore_counts_from_before(own_kernel, tmp_path):
    if not own_kernel.is_ours:
        pytest.skip("only ours makes checkpoints")
    own_kernel.execute(f"kept = 1\n%checkpoint {tmp_path}/here")
    for _ in range(2):
        own_kernel.execute(f"%restore {tmp_path}/here")
        own_kernel.execute("kept += 1")
    cell = own_kernel.execute("history = get_ipython().history_manager\nhistory.writeout_cache()")
    assert (cell.stdout, cell.stderr, cell.content["status"]) == ("", "", "ok")
    last_two = "[line[2] for session in (-1, 0) for line in history.get_range(session)].count('kept += 1')"
    assert own_kernel.execute(last_two).result == "2"


@pytest.mark.parametrize("plan", ["store-all", "recompute-all"])
def test_what_holds_the_stream_of_the_notebook_holds_it_after_a_restore(launch, door, tmp_path, plan):
    first = idle_kernel(launch, door, tmp_path, seconds="0")
    first.execute(
        "import logging, sys\nlog = logging.getLogger('mine'); log.setLevel(10); kept = sys.stdout\n"
        "logging.basicConfig(stream=sys.stdout, format='%(levelname)s %(message)s'); log.debug('once')"
    )
    first.execute(f"%checkpoint --plan {plan} {tmp_path}/here")
    again = idle_kernel(launch, door, tmp_path, seconds="0")
    cell = again.execute(f"%restore {tmp_path}/here")
    assert cell.content["status"] == "ok" and "once" not in cell.stdout
    cell = again.execute("log.debug('twice'); print('thrice', file=kept); kept is sys.stdout")
    assert (cell.stdout, cell.result) == ("DEBUG twice\nthrice\n", "True")


def test_a_thread_is_not_taken_to_reach_all_that_the_shell_does(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("only ours watches cells")
    own_kernel.execute("import threading, elasticpython\nother = []\nend = threading.Event()")
    own_kernel.execute("thread = threading.Thread(target=end.wait, daemon=True); thread.start()")
    own_kernel.execute("name = thread.name")
    own_kernel.execute("cell = elasticpython.history()[2]; end.set()")
    assert own_kernel.execute("'other' in cell['reads'], cell['writes']").result == "(False, ['name'])"


def texts(cell):
    return [content["data"]["text/plain"] for content in cell.of_type("display_data")]


def shut_down(kernel):
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    kernel.process.wait(30)


def test_a_new_kernel_says_once_that_there_are_checkpoints_and_lists_them(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path, seconds="0")
    assert texts(kernel.execute("a = 1")) == []
    assert kernel.execute("%checkpoint").content["status"] == "ok"
    shut_down(kernel)
    again = idle_kernel(launch, door, tmp_path, seconds="0")
    [line] = texts(again.execute("b = 2"))
    assert "has a checkpoint of this notebook" in line and line.endswith("%restore brings the session back.")
    assert texts(again.execute("b")) == []
    shut_down(again)
    third = idle_kernel(launch, door, tmp_path, seconds="0")
    [line] = texts(third.execute("c = 3"))
    assert line.endswith("%restore --list.")
    shown = third.execute("%restore --list").result.splitlines()
    assert "asked for" in shown[2] and shown[2].endswith("1: a")
    assert "automatic" in shown[3] and shown[3].endswith("1: b")
    third.execute(f"%restore --at {shown[2].split()[0]}")
    assert third.execute("a, 'b' in globals()").result == "(1, False)"


def test_the_checkpoint_at_shutdown_replaces_the_last_one_while_idle(launch, door, tmp_path):
    kernel = idle_kernel(launch, door, tmp_path)
    kernel.execute("a = 1")
    idle = wait_for_manifest(kernel, tmp_path)
    kernel.execute("b = 2")
    shut_down(kernel)
    kernel.wait(lambda: manifests(tmp_path) and not manifests(tmp_path) & idle, 30, "the one at shutdown")
    again = idle_kernel(launch, door, tmp_path, seconds="0")
    again.execute("%restore")
    assert again.execute("a, b").result == "(1, 2)"
    assert len(manifests(tmp_path)) == 1
