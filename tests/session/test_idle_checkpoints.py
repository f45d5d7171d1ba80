"""When a checkpoint that nobody asked for is due, and when it is left out."""

import shutil
import types

import pytest

import elasticpython
from elasticpython import idle_checkpoints


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def idle_time(monkeypatch, **environment):
    for name in ("ELASTICPYTHON_AUTOSAVE", "ELASTICPYTHON_IDLE_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(f"ELASTICPYTHON_{name}", value)
    clock = Clock()
    return idle_checkpoints.IdleTime(clock), clock


def test_it_is_due_when_it_has_been_quiet(monkeypatch):
    time, clock = idle_time(monkeypatch)
    assert time.left() == float("inf")  # no cell has run
    time.cell_ended()
    assert time.left() == 30
    clock.now += 29
    time.cell_ended()
    assert time.left() == 30
    clock.now += 31
    assert time.left() == 0


def test_a_long_one_is_not_made_again_soon(monkeypatch):
    time, clock = idle_time(monkeypatch, IDLE_SECONDS="1")
    time.cell_ended()
    clock.now += 5
    time.spent(4)
    time.cell_ended()
    assert time.left() == 80
    clock.now += 80
    assert time.left() == 0


def test_one_that_failed_waits_for_the_next_cell(monkeypatch):
    time, clock = idle_time(monkeypatch)
    time.cell_ended()
    time.given_up()
    time.spent(0.1)
    assert time.left() == float("inf")
    time.cell_ended()
    assert time.left() == 30


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"AUTOSAVE": "0"}, float("inf")),
        ({"IDLE_SECONDS": "0"}, float("inf")),
        ({"IDLE_SECONDS": "2.5"}, 2.5),
        ({"IDLE_SECONDS": "soon"}, 30),
        ({"AUTOSAVE": "1"}, 30),
    ],
)
def test_what_the_environment_says(monkeypatch, environment, seconds):
    time, _ = idle_time(monkeypatch, **environment)
    time.cell_ended()
    assert time.left() == seconds


def test_a_disk_is_not_filled_up_unasked(monkeypatch, tmp_path):
    place = tmp_path / "not" / "there yet"
    free = {}
    usage = lambda path: types.SimpleNamespace(free=free[path])  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", usage)
    free[tmp_path] = 1 << 40
    idle_checkpoints.check_room(str(place))
    free[tmp_path] = 1 << 20
    with pytest.raises(elasticpython.CheckpointError, match="1.0 MB free, less than twice"):
        idle_checkpoints.check_room(str(place))
