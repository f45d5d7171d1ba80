"""The heir: what a kernel that goes down leaves to a child of its own, and where it does not."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest
from test_life import END_SECONDS, comes_back, reply_to, start, told_to_wait  # noqa: F401

GRACE_SECONDS = 5  # of a client, until it kills the process group
SLOW = """
import time
class Slow:
    def __init__(self, value): self.value = value
    def __reduce__(self):
        time.sleep({seconds})
        return Slow, (self.value,)
"""


def heirs_of(kernel):
    """The processes that have the kernel's command line and a session of their own."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes() if entry.isdecimal() else b""
            if kernel.connection_file.encode() in words and os.getsid(int(entry)) == int(entry):
                found.append(int(entry))
        except (OSError, ProcessLookupError):
            pass  # it has ended
    return [each for each in found if each != kernel.process.pid]


def shut_down(kernel):
    """As Jupyter's clients do it, the kill included; returns after how many seconds the reply came."""
    began = time.monotonic()
    kernel.client.shutdown()
    replied = None
    try:
        assert kernel.client.get_control_msg(timeout=GRACE_SECONDS)["msg_type"] == "shutdown_reply"
        replied = time.monotonic() - began
        kernel.process.wait(GRACE_SECONDS)
    except Exception:  # no reply, or it does not go
        pass
    try:
        os.killpg(kernel.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody is left in it
    kernel.process.wait()
    return replied


def ends(pid, seconds=END_SECONDS):
    until = time.monotonic() + seconds
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_what_pickles_for_longer_than_a_client_waits_comes_back(start):
    kernel = start()
    cell = SLOW.format(seconds=8) + "import os; slow = Slow([1, 2]); name = 'all of it'; pid = os.getpid()"
    kernel.run(cell)
    kernel.run("%elastic mark slow always-store")
    replied = shut_down(kernel)
    assert replied < 3, "the reply came late"
    [heir] = heirs_of(kernel)
    os.kill(heir, signal.SIGSTOP)
    following = start()
    asked = told_to_wait(following)
    os.kill(heir, signal.SIGCONT)
    assert reply_to(following, asked)["status"] == "ok"
    assert following.value("[name, slow.value, pid]") == ["all of it", [1, 2], kernel.process.pid]
    assert heirs_of(kernel) == []


def manager_of(tmp_path, name="elasticpython"):
    """jupyter_client's own, which starts the kernel under test by its kernelspec."""
    from jupyter_client import KernelManager

    folder = tmp_path / "specs" / name
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "elasticpython", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": name, "language": "python", "interrupt_mode": "message"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    manager = KernelManager(kernel_name=name)
    manager.kernel_spec_manager.kernel_dirs = [str(folder.parent)]
    return manager


@pytest.mark.parametrize("restart", [False, True], ids=["shutdown", "restart"])
def test_jupyter_client_shuts_down_and_restarts_what_pickles_for_long(tmp_path, restart):
    environment = os.environ | {
        "JUPYTER_DATA_DIR": str(tmp_path / "jupyter"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "XDG_DATA_HOME": str(tmp_path / "xdg"),
        "JPY_SESSION_NAME": str(tmp_path / "analysis.ipynb"),
    }
    manager = manager_of(tmp_path)
    following = manager if restart else manager_of(tmp_path)

    def run(client, code):
        texts = []
        hook = lambda message: texts.append(message["content"].get("text", ""))  # noqa: E731
        assert client.execute_interactive(code, timeout=60, output_hook=hook)["content"]["status"] == "ok"
        return "".join(texts)

    def client_of(started):
        client = started.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return client

    try:
        manager.start_kernel(env=environment, cwd=tmp_path)
        client = client_of(manager)
        run(client, SLOW.format(seconds=8) + "slow = Slow('whole'); import os; pid = os.getpid()")
        run(client, "%elastic mark slow always-store")
        time.sleep(1)
        began = time.monotonic()
        if restart:
            manager.restart_kernel()
        else:
            manager.shutdown_kernel()
        assert time.monotonic() - began < manager.shutdown_wait_time, "it had to be killed"
        client.stop_channels()
        if not restart:
            following.start_kernel(env=environment, cwd=tmp_path)
        client = client_of(following)
        run(client, "%restore")
        assert run(client, "print(slow.value, pid != os.getpid())").strip() == "whole True"
        client.stop_channels()
    finally:
        for each in {manager, following}:
            each.shutdown_kernel(now=True)


def test_what_is_done_soon_is_there_when_the_reply_comes(start, tmp_path):
    kernel = start()
    kernel.run("x = 5")
    kernel.client.shutdown()
    kernel.client.get_control_msg(timeout=END_SECONDS)
    [directory] = (tmp_path / "jupyter/elasticpython/checkpoints").iterdir()
    assert len(list((directory / "manifests").iterdir())) == 1 and not list((directory / "writers").iterdir())
    kernel.wait()
    assert comes_back(start).value("x") == 5


def test_pickling_that_never_ends_is_ended_and_said(start):
    kernel = start(ELASTICPYTHON_PICKLING_SECONDS="10")
    kernel.run("name = 'former'")
    kernel.run("%checkpoint")
    kernel.run(SLOW.format(seconds=1e9) + "name = 'newer'; endless = Slow(1)")
    kernel.run("%elastic mark endless always-store")
    assert shut_down(kernel) < 3
    [heir] = heirs_of(kernel)
    following = start()
    reply, output = following.run("%restore")
    assert reply["status"] == "ok" and ends(heir, 0)
    texts = [content["text"] for kind, content in output if kind == "stream"]
    assert following.value("[name, 'endless' in globals()]") == ["former", False]
    said = following.value("__import__('elasticpython').restore().to_dict()['unfinished']")
    assert len(said) == 1 and "ran out of time" in said[0]["why"]
    assert any("unfinished" in text and "a newer checkpoint, begun" in text for text in texts)


def test_an_heir_that_is_killed_leaves_the_checkpoint_before(start):
    kernel = start()
    kernel.run("name = 'former'")
    kernel.run("%checkpoint")
    kernel.run(SLOW.format(seconds=60) + "name = 'newer'; slow = Slow(1)")
    kernel.run("%elastic mark slow always-store")
    assert shut_down(kernel) < 3
    [heir] = heirs_of(kernel)
    os.kill(heir, signal.SIGKILL)
    following = comes_back(start)
    assert following.value("name") == "former"
    following.run("name = 'next'")
    assert following.run("%checkpoint")[0]["status"] == "ok"
    assert following.value("__import__('elasticpython').restore().to_dict()['unfinished']") == []
    assert following.value("name") == "next"


def test_signals_to_the_kernel_do_not_end_the_heir_and_ports_are_free(start):
    kernel = start()
    kernel.run(SLOW.format(seconds=6) + "slow = Slow('whole')")
    kernel.run("%elastic mark slow always-store")
    of_kernel = {os.readlink(each) for each in Path(f"/proc/{kernel.process.pid}/fd").iterdir()}
    assert shut_down(kernel) < 3
    [heir] = heirs_of(kernel)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(heir, number)
    links = [os.readlink(each) for each in Path(f"/proc/{heir}/fd").iterdir()]
    pipes_of_kernel = {each for each in of_kernel if each.startswith("pipe:")}
    kept = [each for each in links if each.startswith("socket:") or each in pipes_of_kernel]
    assert not kept
    again = start(connection_file=kernel.connection_file)
    assert reply_to(again, again.client.execute("%restore"))["status"] == "ok"
    assert again.value("slow.value") == "whole"


def test_the_heir_has_the_state_of_the_kernel_and_leaves_no_trace_in_it(start, tmp_path):
    """Random numbers as they were, though a child is seeded anew; what runs at the end runs once."""
    kernel = start()
    kernel.run(
        "import random, atexit, gc, os\n"
        "random.seed(7); generator = random.Random(8); drawn = random.random\n"
        f"log = {str(tmp_path / 'log')!r}\n"
        "def note(text):\n"
        "    with open(log, 'a') as file: file.write(f'{text} {os.getpid()}\\n')\n"
        "atexit.register(note, 'end')\n"
        "class Noted:\n"
        "    def __reduce__(self):\n"
        "        print('pickled'); note('pickled')\n"
        "        return Noted, ()\n"
        "    def __del__(self): note('deleted')\n"
        "noted = Noted(); cycle = [Noted()]; cycle.append(cycle); del cycle\n"
    )
    expected = [random.Random(7).random(), random.Random(8).random()]
    kernel.run("%elastic mark noted always-store")
    shut_down(kernel)
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    by_heir = {what for what, pid in lines if int(pid) != kernel.process.pid}
    assert by_heir == {"pickled"} and [what for what, _ in lines].count("end") == 1, lines
    following = comes_back(start)
    assert following.value("[random.random(), generator.random()]") == expected
    assert following.value("gc.isenabled()") is True


@pytest.mark.parametrize(
    "cell",
    [
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import socket; pair = socket.socketpair()",
        "import os; ends = os.pipe()",
        "log = open('log.txt', 'w')",
        "import sqlite3; database = sqlite3.connect('data.sqlite'); database.execute('create table a (b)')",
        "import os; os.register_at_fork(after_in_child=lambda: values.clear())",
        "import multiprocessing as m; pool = m.get_context('fork').Pool(1)",
    ],
    ids=["thread", "socket", "pipe", "file", "database", "hook", "pool"],
)
def test_where_a_child_could_not_do_as_well_the_kernel_does_it_itself(start, cell):
    kernel = start()
    kernel.run("values = [1, 2]\n" + cell)
    kernel.run(
        "import os\nclass Where:\n    def __init__(self, pid=None): self.pid = pid\n"
        "    def __reduce__(self): return Where, (os.getpid(),)\nwhere = Where()"
    )
    kernel.run("%elastic mark where always-store")
    shut_down(kernel)
    following = comes_back(start)
    assert following.value("[values, where.pid]") == [[1, 2], kernel.process.pid]


def test_libraries_do_not_keep_it_from_being_made(start):
    kernel = start()
    kernel.run(
        "import numpy as np, pandas as pd, matplotlib.pyplot as plt, os\n"
        "product = np.ones((400, 400)) @ np.ones((400, 400))\n"
        "frame = pd.DataFrame({'a': range(5), 'b': list('abcde')}); plt.plot([1, 2]); plt.show()\n"
        "class Where:\n    def __init__(self, pid=None): self.pid = pid\n"
        "    def __reduce__(self): return Where, (os.getpid(),)\nwhere = Where()"
    )
    kernel.run("%elastic mark where always-store")
    shut_down(kernel)
    following = comes_back(start)
    assert following.value("where.pid") != kernel.process.pid
    assert following.value("[float(product[0, 0]), int(frame.a.sum())]") == [400.0, 10]


def test_it_does_not_hash_again_what_the_kernel_knows(start):
    kernel = start()
    kernel.run(
        "import numpy as np\nfrom elasticpython import _core\nlarge = np.arange(4_000_000.0)\n"
        "class Hashed:\n    def __init__(self, at_last=None): self.at_last = at_last\n"
        "    def __reduce__(self):\n"
        "        return Hashed, (_core.walk.page_tracking()['hashed_bytes'],)\nhashed = Hashed()"
    )
    if not kernel.value("_core.walk.page_tracking()['on']"):
        pytest.skip("this kernel does not offer PAGEMAP_SCAN")
    kernel.run("%elastic mark large hashed always-store")
    until = time.monotonic() + END_SECONDS
    while (before := kernel.value("_core.walk.page_tracking()['hashed_bytes']")) < 32_000_000 \
            and time.monotonic() < until:
        time.sleep(0.1)
    assert before >= 32_000_000
    shut_down(kernel)
    following = comes_back(start)
    assert following.value("[hashed.at_last, float(large[-1])]") == [before, 3_999_999.0]


def test_what_was_done_since_is_newer_than_what_the_heir_brings(start):
    kernel = start()
    kernel.run(SLOW.format(seconds=6) + "name = 'first'; slow = Slow(1)")
    kernel.run("%elastic mark slow always-store")
    shut_down(kernel)
    [heir] = heirs_of(kernel)
    os.kill(heir, signal.SIGSTOP)
    second = start()
    second.run("name = 'second'")
    assert second.run("%checkpoint")[0]["status"] == "ok"
    os.kill(heir, signal.SIGCONT)
    assert ends(heir)
    third = comes_back(start)
    assert third.value("name") == "second"


def test_it_is_not_made_where_memory_is_short(monkeypatch):
    from elasticpython import heir

    assert all(free > 0 for free in heir._free_bytes())
    monkeypatch.setattr(heir, "_free_bytes", lambda: [1 << 62])
    assert heir._lack_of_room() is None
    monkeypatch.setattr(heir, "_free_bytes", lambda: [1 << 62, 200 << 20])
    assert "bytes of memory are free" in heir._lack_of_room()


def test_what_a_writer_left_behind_is_not_believed():
    from elasticpython.reports import RestoreReport

    told = [{"begun": 1e300, "why": "x" * 10_000}]
    content = {"variables": {}, "cells_rerun": [], "path": "p", "seconds": 1, "unfinished": told}
    report = RestoreReport(content)
    assert "begun at no time there is" in str(report) and len(str(report)) < 1000
