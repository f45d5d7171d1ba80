"""A restore that is broken off, anywhere: the old session or the whole new one, never half of one."""

import pytest

POINTS = 40
KILLS = 5

# Counts calls of Python functions on the main thread, and does something at the n-th: the same points each
# time, unlike a signal from outside.
STRIKE = """
import sys
def strike(number, act):
    import os, signal
    count = [0]
    def profile(frame, event, argument):
        count[0] += event == 'call'
        if count[0] == number and event == 'call':
            act(os, signal)
    sys.setprofile(profile)
    return count
"""

RESTORE = """
import sys
struck = strike({number}, lambda os, signal: {act})
try:
    get_ipython().run_line_magic('restore', {path!r})
finally:
    __import__('sys').setprofile(None)
    __import__('sys').struck = struck[0]
"""


@pytest.fixture
def place(start, tmp_path):
    """A checkpoint with something of everything: loads, classes, a re-run, outputs, another directory."""
    (tmp_path / "elsewhere").mkdir()
    first = start()
    first.run(
        "x = 1; kept = [1, 2]; alias = kept",
        "class Point:\n    def __init__(self): self.at = kept\n"
        "    def __setstate__(self, state): self.at = state['at']",
        "p = Point()",
        "gen = (i for i in range(3))",
        "kept",
        f"import os; os.chdir({str(tmp_path / 'elsewhere')!r})\n%alias show echo shown",
    )
    first.checkpoint(tmp_path / "place")
    first.kill()
    return tmp_path / "place"


def state_of(process):
    return process.value(
        "[x, 'other' in globals() and other, 'gen' in globals(), 'p' in globals() and p.at is kept is alias,"
        " __import__('os').getcwd().rpartition('/')[2], In[1], len(Out),"
        " get_ipython().alias_manager.is_alias('show')]"
    )


def test_an_interrupt_at_any_point_leaves_one_of_the_two_sessions(start, place):
    second = start()
    second.run("x = 'mine'; other = 2" + STRIKE)
    old = state_of(second)
    second.run(RESTORE.format(number=-1, act="None", path=str(place)))
    calls = second.value("__import__('sys').struck")
    new = state_of(second)
    assert new[0] == 1 and new[2] and new[3] and new[-1]
    second.kill()

    seen = set()
    process = None
    for point in range(POINTS):
        if process is None:
            process = start()
            process.run("x = 'mine'; other = 2" + STRIKE)
        number = 1 + calls * point // POINTS
        strike = RESTORE.format(number=number, act="signal.raise_signal(signal.SIGINT)", path=str(place))
        process.run(strike, fails=True)
        found = state_of(process)
        if found == old:
            seen.add("old")
            continue
        assert found == new, f"interrupted at call {number} of {calls}"
        seen.add("new")
        process.kill()
        process = None
    assert "old" in seen


def test_a_kill_at_any_point_leaves_the_checkpoint_restorable(start, place):
    second = start()
    second.run("x = 'mine'" + STRIKE, RESTORE.format(number=-1, act="None", path=str(place)))
    calls = second.value("__import__('sys').struck")
    expected = state_of(second)
    for point in range(KILLS):
        victim = start()
        victim.run("x = 'mine'" + STRIKE)
        number = 1 + calls * point // KILLS
        with pytest.raises(AssertionError, match="process died"):
            victim.run(
                RESTORE.format(number=number, act="os.kill(os.getpid(), signal.SIGKILL)", path=str(place))
            )
    following = start()
    following.run("x = 'mine'" + STRIKE)
    following.run(RESTORE.format(number=-1, act="None", path=str(place)))
    assert state_of(following) == expected
