"""Two machines: a session goes from one to the other and back.

Each has a network, a host name, a user, a home, a working directory and a path of the environment of its own
(Linux name spaces). A checkpoint goes from one to the other as bytes, as a tar of its directory.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from processes import Process

ENVIRONMENT = Path(sys.prefix)
USERS = {"alpha": 0, "beta": 65534}


def in_name_spaces(directory, name):
    """The command that starts Python on the machine `name`."""
    environment = directory / f"env-{name}"
    environment.mkdir()
    user = f"--reuid={USERS[name]} --regid={USERS[name]} --clear-groups"
    script = (
        f"hostname {name} && mount --bind {ENVIRONMENT} {environment} && "
        f"exec setpriv {user} {environment}/bin/python \"$@\""
    )
    return ["unshare", "--net", "--uts", "--mount", "sh", "-c", script, "sh"]


def name_spaces_are_allowed():
    """Whether this process may make them, and become another user."""
    probe = ["unshare", "--net", "--uts", "--mount", "setpriv", "--reuid=65534", "--clear-groups", "true"]
    try:
        return subprocess.run(probe, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def tmp_path():
    """A place that the other user may enter: pytest keeps its own to one user."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield Path(place)


@pytest.fixture
def machines(tmp_path):
    """Starts Python on one of two machines; ends what it started."""
    if not name_spaces_are_allowed():
        pytest.skip("name spaces of its own are not allowed to this user")
    if ENVIRONMENT == Path(sys.base_prefix):
        pytest.skip("there is no environment that could be at another path")
    processes, commands = [], {}

    def start(name):
        home = tmp_path / name
        if name not in commands:
            home.mkdir()
            (home / "work").mkdir()
            commands[name] = in_name_spaces(tmp_path, name)
            for place in (home, home / "work"):
                os.chown(place, USERS[name], USERS[name])
                place.chmod(0o700)
        processes.append(Process(home, commands[name], HOME=str(home), USER=name))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


def move(source, target, owner):
    """The directory's bytes to another place and owner."""
    target.mkdir()
    packed = subprocess.run(["tar", "-C", source, "-c", "."], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-C", target, "-x", "--no-same-owner"], input=packed, check=True)
    subprocess.run(["chown", "-R", f"{USERS[owner]}:{USERS[owner]}", target], check=True)


CELLS = [
    "import os, socket, sys, random\nimport numpy as np\nimport pandas as pd",
    "random.seed(4)\nframe = pd.DataFrame({'x': np.arange(2000.0), 'k': list('ab') * 1000})",
    "alias = {'frame': frame, 'row': [1, 2]}\nrow = alias['row']",
    """
    class Model:
        def __init__(self): self.seen = []
        def learn(self, n): self.seen.append(n); return self
    """,
    "model = Model().learn(random.random())\nticket = (i for i in range(5))\nnext(ticket)",
    "def where(): return socket.gethostname(), os.getuid(), os.path.basename(os.getcwd())",
]
LOOK = (
    "[float(frame['x'].sum()), alias['frame'] is frame, alias['row'] is row, row, type(model) is Model,"
    " model.seen, where.__globals__ is get_ipython().user_ns]"
)


def test_a_session_goes_to_another_machine_and_back(machines, tmp_path):
    first = machines("alpha")
    first.run(*CELLS)
    here, before = first.value("where()"), first.value(LOOK)
    prefix = first.value("sys.prefix")
    first.checkpoint(tmp_path / "alpha/saved")
    first.run("after = (next(ticket), random.random())")
    expected = first.value("after")
    first.kill()
    move(tmp_path / "alpha/saved", tmp_path / "beta-inbox", "beta")

    second = machines("beta")
    report = second.restore(tmp_path / "beta-inbox", trust=True)
    assert {entry["status"] for entry in report["variables"].values()} <= {"same", "recomputed"}
    assert second.value(LOOK) == before
    there = second.value("where()")
    assert here[:2] == ["alpha", 0] and there[:2] == ["beta", USERS["beta"]]
    assert second.value("sys.prefix") != prefix
    second.run("after = (next(ticket), random.random())", "model.learn(2); row.append(3)")
    assert second.value("after") == expected
    second.checkpoint(tmp_path / "beta/saved")
    second.kill()
    move(tmp_path / "beta/saved", tmp_path / "alpha/inbox", "alpha")

    third = machines("alpha")
    report = third.restore(tmp_path / "alpha/inbox", trust=True)
    assert {entry["status"] for entry in report["variables"].values()} <= {"same", "recomputed"}
    assert third.value("[row, alias['row'] is row, len(model.seen), list(after), next(ticket)]") == [
        [1, 2, 3], True, 2, expected, expected[0] + 1
    ]


def test_somebody_else_s_checkpoint_is_refused_without_trust(machines, tmp_path):
    first = machines("alpha")
    first.run("x = 1")
    first.checkpoint(tmp_path / "alpha/saved")
    move(tmp_path / "alpha/saved", tmp_path / "inbox", "beta")
    second = machines("beta")
    assert "--trust" in second.failing_call("restore", path=str(tmp_path / "inbox"))
