"""Starting and stopping kernel processes the way Jupyter clients do.

A *door* is one way into a kernel: `ipykernel` (the reference, from PyPI), `elasticpython` (`python -m
elasticpython`, what the kernelspec starts) and `elasticpython-embedded` (the executable that embeds CPython).
A kernel gets a process group of its own, since clients signal the group, and a scratch home of its own, so
that neither history nor checkpoints of the person running the tests are read or written.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

DOORS = ("ipykernel", "elasticpython", "elasticpython-embedded")


class DoorMissing(Exception):
    """The kernel behind a door is not installed in this environment."""


def door_argv(door):
    """The command line of a door, with `{connection_file}` still in it."""
    if door == "ipykernel":
        return [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    if door == "elasticpython":
        try:
            argv = KernelSpecManager().get_kernel_spec("elasticpython").argv
        except NoSuchKernel:
            raise DoorMissing("no kernelspec 'elasticpython': run `make setup`") from None
        return [sys.executable if argv[0] in ("python", "python3") else argv[0], *argv[1:]]
    if door == "elasticpython-embedded":
        path = os.environ.get("ELASTICPYTHON_KERNEL") or shutil.which(
            "elasticpython-kernel", path=os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]])
        )
        if not path:
            raise DoorMissing("no executable 'elasticpython-kernel' in the environment: run `make setup`")
        return [path, "-f", "{connection_file}"]
    raise ValueError(f"unknown door {door!r}")


def scratch_environment(directory):
    """The environment variables of a kernel whose home, history and checkpoints live under `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.pop("PYTHONUNBUFFERED", None)
    bin_directory = str(Path(sys.prefix, "bin"))
    environment.update(
        HOME=str(directory),
        IPYTHONDIR=str(directory / "ipython"),
        JUPYTER_DATA_DIR=str(directory / "jupyter-data"),
        JUPYTER_RUNTIME_DIR=str(directory / "jupyter-runtime"),
        MPLCONFIGDIR=str(directory.parent / "matplotlib"),
        PATH=os.pathsep.join([bin_directory, environment["PATH"]]),
        VIRTUAL_ENV=sys.prefix,
    )
    # PYTEST_CURRENT_TEST makes ipykernel leave file descriptors 1 and 2 alone.
    for name in ("JPY_PARENT_PID", "JPY_SESSION_NAME", "MPLBACKEND", "PYTEST_CURRENT_TEST", "PYTEST_VERSION"):
        environment.pop(name, None)
    return environment


def make_connection_file(path, *, transport="tcp", curve=False, **ports):
    """Write a connection file as jupyter_client does and return what it says."""
    curve_keys = {}
    if curve:
        public, secret = zmq.curve_keypair()
        curve_keys = {"curve_publickey": public, "curve_secretkey": secret}
    ip = "127.0.0.1" if transport == "tcp" else str(Path(path).with_suffix("")) + "-ipc"
    write_connection_file(
        str(path), ip=ip, key=uuid.uuid4().hex.encode(), transport=transport, **curve_keys, **ports
    )
    return json.loads(Path(path).read_text())


@dataclass
class KernelProcess:
    """A running kernel process, its connection information and where its own stdout and stderr went."""

    door: str
    directory: Path
    process: subprocess.Popen
    connection: dict
    connection_file: Path
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(
        cls,
        door,
        directory,
        *,
        environment=None,
        transport="tcp",
        curve=False,
        connection=None,
        interpreter=None,
    ):
        """Start a kernel in a process group of its own; does not wait until it answers."""
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        connection_file = directory / f"kernel-{uuid.uuid4().hex[:8]}.json"
        if connection is None:
            connection = make_connection_file(connection_file, transport=transport, curve=curve)
        else:
            connection_file.write_text(json.dumps(connection))
        variables = scratch_environment(directory)
        variables.update(environment or {})
        argv = [part.replace("{connection_file}", str(connection_file)) for part in door_argv(door)]
        if interpreter:
            argv[0] = interpreter
        with open(directory / "kernel.log", "ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env=variables,
                start_new_session=True,
            )
        return cls(door, directory, process, connection, connection_file)

    @property
    def log(self):
        """What the kernel process wrote to its own stdout and stderr."""
        return (self.directory / "kernel.log").read_text(errors="replace")

    @property
    def alive(self):
        """Whether the process still runs."""
        return self.process.poll() is None

    def signal_group(self, number):
        """Send a signal to the kernel's process group, as jupyter_client's LocalProvisioner does."""
        os.killpg(self.process.pid, number)

    def wait(self, timeout):
        """Wait for the end of the process and return its exit status, or None when it goes on."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        """End the process and its group, whatever their state."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
