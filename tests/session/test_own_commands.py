"""A cell that only asks something of the session is no part of its history."""

import pytest

import elasticpython
from elasticpython import own_commands

NAMES = {"elasticpython": elasticpython, "ep": elasticpython, "other": pytest}
MAGIC = "get_ipython().run_line_magic"


@pytest.mark.parametrize(
    "source",
    [
        f"{MAGIC}('checkpoint', '')",
        f"{MAGIC}('restore', '--lazy')\n{MAGIC}('elastic', 'history')",
        "elasticpython.checkpoint()",
        "ep.restore('place', lazy=True)",
        "ep.history()",
    ],
)
def test_commands(source):
    assert own_commands.is_command(source, NAMES)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1  # checkpoint",
        f"{MAGIC}('checkpoint', '')\nx = 1",
        f"{MAGIC}('checkpoint', place)",
        f"{MAGIC}('history', '')",
        f"{MAGIC}(magic_name='restore', line='')",
        f"{MAGIC}(['elastic'], '')",
        f"{MAGIC}()  # restore",
        "report = ep.restore()",
        "other.checkpoint()",
        "ep.restore(place)",
        "ep.restore(",
    ],
)
def test_cells_of_the_users(source):
    assert not own_commands.is_command(source, NAMES)


@pytest.mark.parametrize(
    "source, ends",
    [
        (f"{MAGIC}('restore', '')", True),
        ("x = 1\nreport = ep.restore()", True),
        ("ep.restore()\nx = 1", False),
        ("print(ep.restore())", False),
        ("ep.restore(); ep.restore()", False),
        ("ep.restore(", False),
        ("", False),
    ],
)
def test_whether_a_restore_comes_last(source, ends):
    assert own_commands.ends_with_restore(source) is ends
