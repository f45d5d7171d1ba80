"""Real servers on loopback, for stores at URLs: S3 as moto speaks it, SFTP as OpenSSH does."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process that listens; `environment` is what a client needs to find it and log in. `prepare()` is
    called each time it has started."""

    def __init__(self, command, port, url, environment, log, prepare=lambda: None):
        self.command, self.port, self.url, self.environment, self.log = command, port, url, environment, log
        self.prepare = prepare
        self.process = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(600):
            assert self.process.poll() is None, Path(self.log).read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self.prepare()
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{self.command[0]} does not listen: {Path(self.log).read_text()}")

    def stop(self):
        self.process.kill()
        self.process.wait()


def s3_server(directory):
    pytest.importorskip("moto", reason="moto is not installed")
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    port = free_port()

    def make_bucket():
        request = urllib.request.Request(f"http://127.0.0.1:{port}/checkpoints", method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    return Server(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        port,
        "s3://checkpoints",
        {
            "FSSPEC_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        directory / "s3.log",
        make_bucket,
    )


def sftp_server(directory):
    pytest.importorskip("paramiko", reason="paramiko is not installed")
    sshd = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if sshd is None:
        pytest.skip("there is no sshd here")
    for key in ("host", "client"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key], check=True)
    shutil.copy(directory / "client.pub", directory / "authorized")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    port = free_port()
    (directory / "sshd_config").write_text(f"""
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/authorized
PidFile {directory}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
""")
    client = {"key_filename": str(directory / "client"), "look_for_keys": False, "allow_agent": False}
    return Server(
        [sshd, "-D", "-e", "-f", str(directory / "sshd_config")],
        port,
        f"sftp://{getpass.getuser()}@127.0.0.1:{port}{directory}/store",
        {"FSSPEC_SFTP": json.dumps(client)},
        directory / "sshd.log",
    )
