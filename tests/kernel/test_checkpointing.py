"""A checkpoint of size in a running kernel: what it shows, what is answered, and how it is stopped."""

import pytest

SLOW = """
import time, numpy as np
from elasticpython import progress
progress.AFTER = progress.EVERY = 0
show = progress.Progress._show
def slowly(self, text):
    show(self, text)
    time.sleep(0.1)
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


def lines(cell):
    texts = [content["data"].get("text/plain", "")
             for content in cell.of_type("display_data", "update_display_data")]
    return [text for text in texts if text.startswith("checkpoint: ")]


def test_a_long_checkpoint_shows_how_far_it_is_and_the_kernel_answers(slow, tmp_path):
    slow.execute("data = np.random.default_rng(1).random(25_000_000)")
    cell = slow.submit(f"%checkpoint --plan store-all {tmp_path}/here")
    cell.wait_for(lambda it: len(lines(it)) > 2)
    info = slow.request("kernel_info_request", channel="control", timeout=0.9)
    assert info.content["status"] == "ok" and not cell.done
    cell.wait(60)
    assert cell.content["status"] == "ok"
    first = cell.of_type("display_data")[0]["transient"]
    assert all(each["transient"] == first for each in cell.of_type("update_display_data"))
    assert any(" of 200.0 MB, " in line and line.endswith(" left") for line in lines(cell))
    assert lines(cell)[-1].endswith("written")


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
