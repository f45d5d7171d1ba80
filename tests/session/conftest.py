"""Fixtures of the session's tests; lets them import `elasticpython` from the build if not installed."""
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ELASTICPYTHON_BUILD", ROOT / "build/release")) / "python/elasticpython"

if BUILD.exists():
    sys.path.insert(0, str(ROOT / "src/python"))
    import elasticpython

    elasticpython.__path__.append(str(BUILD))


import pytest  # noqa: E402


@pytest.fixture
def notebook():
    """A session of its own."""
    from notebook import Notebook

    book = Notebook()
    yield book
    book.close()
    pandas = sys.modules.get("pandas")
    if pandas is not None and hasattr(pandas.DataFrame, "geo"):
        del pandas.DataFrame.geo  # a test registered it


@pytest.fixture
def fast_path(tmp_path):
    """A directory in memory where there is room, for tests that make many checkpoints and are not about the
    disk: a third of their time is spent in fsync. Removed afterwards."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30
    with tempfile.TemporaryDirectory(dir=memory if roomy else tmp_path) as directory:
        yield Path(directory)


@pytest.fixture
def start(tmp_path):
    """Starts sessions that share a data directory and a working directory."""
    processes = []

    def start_process(**environment):
        from processes import Process

        processes.append(Process(tmp_path, **environment))
        return processes[-1]

    yield start_process
    for process in processes:
        process.kill()


@pytest.fixture
def round_trip(start):
    """Cells, a checkpoint, a kill, a restore: (the new process, checkpoint report, restore report)."""
    def run(*cells, plan="optimal", fails=False):
        first = start()
        first.run(*cells, fails=fails)
        checkpoint = first.checkpoint(plan=plan)
        first.kill()
        second = start()
        return second, checkpoint, second.restore()

    return run


@pytest.fixture
def comes_back(start):
    """Cells, a checkpoint, and a restore in a process in which `expression` gives the same: (the new process,
    restore report). `look(process)`: at the new process, before its restore."""
    def check(expression, *cells, plan, look=None):
        first = start()
        first.run(*cells)
        before = first.value(expression)
        first.checkpoint(plan=plan)
        second = start()
        if look is not None:
            look(second)
        report = second.restore()
        assert second.value(expression) == before, report
        return second, report

    return check
