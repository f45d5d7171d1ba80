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
