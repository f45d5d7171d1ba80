"""Sessions and kernels on Debian's own packages (.venv-debian) beside those of .venv."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DEBIAN = ROOT / ".venv-debian/bin/python"
sys.path.insert(0, str(ROOT / "tests/session"))


@pytest.fixture
def start(tmp_path):
    """Starts a session in a process of its own: `start("debian")`, `start("pypi")`."""
    import processes

    running = []

    def start_process(stack):
        interpreter = str(DEBIAN) if stack == "debian" else sys.executable
        running.append(processes.Process(tmp_path, (interpreter,)))
        return running[-1]

    assert os.access(DEBIAN, os.X_OK), "make test-debian makes it"
    yield start_process
    for process in running:
        process.kill()
