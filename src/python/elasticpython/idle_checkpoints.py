"""When a kernel that has nothing to do writes its session down, so that one that is killed loses little."""

import os
import time
from pathlib import Path

from elasticpython import CheckpointError

_QUIET_SECONDS = 30.0
_SHARE = 20  # of the time, one part in so many at most goes into it


def is_switched_off() -> bool:
    """Whether the user wants no checkpoint that nobody asked for, at shutdown neither."""
    return os.environ.get("ELASTICPYTHON_AUTOSAVE") == "0"


def _quiet_seconds() -> float:
    """After how long without a cell; infinite: never. A number that is none counts as not given."""
    if is_switched_off():
        return float("inf")
    try:
        seconds = float(os.environ.get("ELASTICPYTHON_IDLE_SECONDS", _QUIET_SECONDS))
    except ValueError:
        return _QUIET_SECONDS
    return seconds if seconds > 0 else float("inf")


class IdleTime:
    """Says when the next checkpoint is due: once it has been quiet for a while, and not so soon after the one
    before that a large session would do little else."""

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._quiet_seconds = _quiet_seconds()
        self._due = float("inf")
        self._not_before = 0.0

    def cell_ended(self) -> None:
        self._due = self._clock() + self._quiet_seconds

    def left(self) -> float:
        """Seconds until the next one is due."""
        return max(0.0, max(self._due, self._not_before) - self._clock())

    def given_up(self) -> None:
        """It failed and would fail again: not before there is something new."""
        self._due = float("inf")

    def spent(self, seconds: float) -> None:
        """One was made or broken off, which took so long."""
        self._not_before = self._clock() + _SHARE * seconds
        self._due = max(self._due, self._clock() + self._quiet_seconds)


def check_room(directory: str) -> None:
    """Raises CheckpointError where a checkpoint that nobody asked for could leave others without room: where
    less is free than twice what this process holds."""
    import shutil  # and what it brings, which no kernel needs to start

    from elasticpython.reports import describe_bytes

    place = next(each for each in (Path(directory), *Path(directory).parents) if each.exists())
    free = shutil.disk_usage(place).free
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if free < 2 * held:
        raise CheckpointError(
            f"{directory} has {describe_bytes(free)} free, less than twice the {describe_bytes(held)} "
            "of this kernel: %checkpoint writes there all the same"
        )
