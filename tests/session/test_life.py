"""The automatic checkpoint of a real kernel process, however it ends; and what the next kernel says."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

END_SECONDS = 15


class Kernel:
    """A kernel process, started as a server does it."""

    def __init__(self, directory, parent=None, connection_file=None, **environment):
        if connection_file is None:
            connection_file, _ = write_connection_file(str(directory / f"kernel-{time.monotonic_ns()}.json"))
        self.connection_file = connection_file
        self.environment = (
            os.environ
            | {
                "JUPYTER_DATA_DIR": str(directory / "jupyter"),
                "IPYTHONDIR": str(directory / "ipython"),
                "XDG_DATA_HOME": str(directory / "xdg"),
                "JPY_SESSION_NAME": str(directory / "analysis.ipynb"),
            }
            | environment
        )
        command = [sys.executable, "-m", "elasticpython", "-f", self.connection_file]
        self.process = subprocess.Popen(
            [*(parent or []), *command], env=self.environment, cwd=directory, start_new_session=True
        )
        self.client = BlockingKernelClient(connection_file=self.connection_file)
        self.client.load_connection_file()
        self.client.hb_channel.time_to_dead = 60  # a loaded machine is slow to start a process
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source):
        """Runs a cell; returns (reply's content, [(message type, content) of its output])."""
        output = []
        reply = self.client.execute_interactive(
            source,
            timeout=60,
            output_hook=lambda message: output.append((message["msg_type"], message["content"])),
        )
        return reply["content"], output

    def value(self, expression):
        reply = self.client.execute_interactive(
            "",
            silent=True,
            store_history=False,
            timeout=60,
            user_expressions={"value": f"__import__('json').dumps({expression})"},
        )
        answer = reply["content"]["user_expressions"]["value"]
        assert answer["status"] == "ok", answer
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def wait(self):
        return self.process.wait(END_SECONDS)

    def close(self):
        self.client.stop_channels()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@pytest.fixture
def start(tmp_path):
    kernels = []

    def start_kernel(**options):
        kernels.append(Kernel(tmp_path, **options))
        return kernels[-1]

    yield start_kernel
    for kernel in kernels:
        kernel.close()


def comes_back(start):
    kernel = start()
    reply, _ = kernel.run("%restore")
    assert reply["status"] == "ok", reply
    return kernel


@pytest.mark.parametrize("restart", [False, True])
def test_a_shutdown_or_restart_makes_a_checkpoint(start, restart):
    kernel = start()
    kernel.run("x = [1, 2]")
    started = time.monotonic()
    kernel.client.shutdown(restart=restart)
    kernel.wait()
    assert time.monotonic() - started < 5
    assert comes_back(start).value("x") == [1, 2]


@pytest.mark.parametrize("source", ["exit", "quit()"])
def test_exit_makes_a_checkpoint(start, source):
    kernel = start()
    kernel.run("x = 5")
    kernel.run(source)
    kernel.wait()
    assert comes_back(start).value("x") == 5


def test_sigterm_makes_a_checkpoint_also_while_a_cell_runs(start):
    kernel = start()
    kernel.run("x = 7")
    kernel.client.execute("y = 8\nimport time\ntime.sleep(60)")
    time.sleep(1)
    kernel.process.terminate()
    kernel.wait()
    after = comes_back(start)
    assert after.value("x") == 7 and after.value("y") == 8


def test_the_death_of_the_parent_makes_a_checkpoint(start, tmp_path):
    # A shell between us and the kernel is its parent; it waits for the kernel, which is why it is killed.
    kernel = start(parent=["/bin/sh", "-c", 'JPY_PARENT_PID=$$ "$@"; true', "sh"])
    kernel.run("x = 9")
    pid = kernel.value("__import__('os').getpid()")
    assert pid != kernel.process.pid
    kernel.process.kill()
    kernel.process.wait()
    until = time.monotonic() + END_SECONDS
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pid}")
    assert comes_back(start).value("x") == 9


def test_kill_9_leaves_the_last_checkpoint(start):
    kernel = start()
    kernel.run("x = 1")
    reply, output = kernel.run("%checkpoint")
    assert reply["status"] == "ok"
    assert any(kind == "stream" and "stored" in content["text"] for kind, content in output)
    assert any(kind == "execute_result" and "text/html" in content["data"] for kind, content in output)
    kernel.run("x = 2")
    kernel.process.kill()
    kernel.wait()
    assert comes_back(start).value("x") == 1


def test_a_new_kernel_says_once_that_there_is_a_checkpoint(start):
    kernel = start()
    _, output = kernel.run("x = 1")
    assert not [kind for kind, _ in output if kind == "display_data"]
    kernel.run("%checkpoint")
    second = start()
    _, output = second.run("1 + 1")
    lines = [content["data"]["text/plain"] for kind, content in output if kind == "display_data"]
    assert len(lines) == 1 and "%restore" in lines[0] and "\n" not in lines[0]
    _, output = second.run("1 + 1")
    assert not [kind for kind, _ in output if kind == "display_data"]


def test_a_session_with_nothing_new_is_not_written_again(start, tmp_path):
    kernel = start()
    kernel.run("x = 1")
    kernel.run("%checkpoint")
    kernel.client.shutdown()
    kernel.wait()
    [directory] = (tmp_path / "jupyter/elasticpython/checkpoints").iterdir()
    assert len(list((directory / "manifests").iterdir())) == 1
    idle = start()
    idle.client.shutdown()
    idle.wait()
    assert len(list((directory / "manifests").iterdir())) == 1


def test_a_large_session_is_written_after_the_kernel_has_gone(start):
    kernel = start()
    kernel.run(
        "import numpy as np\nbig = np.random.default_rng(1).random(30_000_000); total = float(big.sum())"
    )
    started = time.monotonic()
    kernel.client.shutdown()
    kernel.wait()
    assert time.monotonic() - started < 4
    after = comes_back(start)
    assert after.value("float(big.sum()) == total")


def writer_of(kernel):
    """The process id of the child that writes, once the kernel does not wait for it any more: it has the
    kernel's command line, a session of its own, and no pipe or socket."""
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        for entry in os.listdir("/proc"):
            if not entry.isdecimal() or int(entry) == kernel.process.pid:
                continue
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    words = file.read()
                if kernel.connection_file.encode() not in words or os.getsid(int(entry)) != int(entry):
                    continue
                held = [os.readlink(each) for each in Path(f"/proc/{entry}/fd").iterdir()]
                if not any(each.startswith(("pipe:", "socket:")) for each in held):
                    return int(entry)
            except (OSError, ProcessLookupError):
                pass  # it has ended
        time.sleep(0.005)
    raise AssertionError("no process writes")


def shut_down_with_its_writer_stopped(kernel):
    """As a client does it, who kills the process group at the end; returns the writer, which is stopped."""
    kernel.client.shutdown()
    writer = writer_of(kernel)
    os.kill(writer, signal.SIGSTOP)
    reply = kernel.client.get_control_msg(timeout=END_SECONDS)  # though nothing can have been written
    assert reply["msg_type"] == "shutdown_reply"
    kernel.wait()
    try:
        os.killpg(kernel.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody is left in it
    with open(f"/proc/{writer}/stat") as file:
        assert file.read().rpartition(")")[2].split()[0] == "T"
    return writer


def told_to_wait(kernel):
    """Asks for a restore; returns when the kernel has said that it waits."""
    asked = kernel.client.execute("%restore")
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != asked or message["msg_type"] != "stream":
            continue
        assert "another kernel is still writing the checkpoint" in message["content"]["text"]
        return asked


def reply_to(kernel, asked):
    while True:
        reply = kernel.client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") == asked:
            return reply["content"]


def next_kernel_waits(start, cell):
    """A kernel with a checkpoint and then `cell` is gone, its writer stopped: returns that, and the next
    kernel with the restore it has been asked for and that waits."""
    kernel = start()
    kernel.run("import numpy as np; name = 'former'")
    kernel.run("%checkpoint")
    kernel.run("name = 'newer'; " + cell)
    writer = shut_down_with_its_writer_stopped(kernel)
    waiting = start()
    return writer, waiting, told_to_wait(waiting)


def test_a_gigabyte_is_written_though_the_process_group_is_killed(start):
    cell = "big = np.random.default_rng(1).random(135_000_000); total = float(big.sum())"
    writer, second, asked = next_kernel_waits(start, cell)
    os.kill(writer, signal.SIGCONT)
    assert reply_to(second, asked)["status"] == "ok"
    assert second.value("[name, len(big), float(big.sum()) == total]") == ["newer", 135_000_000, True]


def test_a_writer_that_dies_leaves_the_checkpoint_before(start):
    writer, waiting, asked = next_kernel_waits(start, "big = np.random.default_rng(1).random(12_000_000)")
    os.kill(writer, signal.SIGKILL)
    assert reply_to(waiting, asked)["status"] == "ok"
    assert waiting.value("[name, 'big' in globals()]") == ["former", False]
    waiting.run("name = 'next'")
    reply, _ = waiting.run("%checkpoint")
    assert reply["status"] == "ok"
    assert comes_back(start).value("name") == "next"


def test_two_kernels_of_one_notebook_do_not_harm_each_other(start):
    first, second = start(), start()
    first.run("x = 1")
    second.run("x = 2")
    first.run("%checkpoint")
    second.run("%checkpoint")
    assert comes_back(start).value("x") == 2
