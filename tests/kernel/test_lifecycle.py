"""The beginning and the end of a kernel: welcome, shutdown, restart, signals, a parent that dies."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

RESTART = pytest.mark.parametrize("restart", [False, True])


@RESTART
def test_shutdown_replies_on_control_and_iopub_and_ends_the_process(own_kernel, stopwatch, restart):
    stopwatch()
    exchange = own_kernel.send("shutdown_request", {"restart": restart}, channel="control")
    own_kernel.wait(lambda: exchange.replies, 5, "the shutdown_reply")
    assert exchange.content == {"status": "ok", "restart": restart}
    assert own_kernel.process.wait(5) == 0
    assert stopwatch() < 3.0
    own_kernel.drain(0.2)
    assert [
        m["content"]["restart"] for m in exchange.iopub if m["header"]["msg_type"] == "shutdown_reply"
    ] == [restart]


def test_shutdown_while_a_cell_runs(own_kernel, stopwatch):
    own_kernel.submit("import time\ntime.sleep(60)").wait_for(lambda c: c.of_type("execute_input"))
    time.sleep(0.1)
    stopwatch()
    own_kernel.interrupt("message")
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(5) is not None
    assert stopwatch() < 2.6


def test_cells_queued_behind_a_shutdown_do_not_run(own_kernel, tmp_path):
    own_kernel.submit("import time\ntime.sleep(60)").wait_for(lambda c: c.of_type("execute_input"))
    for i in range(3):
        own_kernel.submit(f"open({str(tmp_path / f'ran{i}')!r}, 'w')")
    time.sleep(0.1)
    own_kernel.interrupt("message")
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(5) is not None
    assert list(tmp_path.iterdir()) == []


def test_sigterm_while_idle_ends_the_kernel(own_kernel, stopwatch):
    stopwatch()
    own_kernel.process.signal_group(signal.SIGTERM)
    assert own_kernel.process.wait(5) is not None
    assert stopwatch() < 2.5


def test_sigterm_while_a_cell_runs_ends_the_kernel(own_kernel, stopwatch):
    own_kernel.submit("while True: pass").wait_for(lambda c: c.of_type("execute_input"))
    time.sleep(0.1)
    stopwatch()
    own_kernel.process.signal_group(signal.SIGTERM)
    assert own_kernel.process.wait(5) is not None
    assert stopwatch() < 2.5


def test_the_whole_sequence_of_a_client_that_shuts_down(own_kernel, stopwatch):
    own_kernel.submit("while True: pass").wait_for(lambda c: c.of_type("execute_input"))
    time.sleep(0.1)
    stopwatch()
    own_kernel.interrupt("message")
    own_kernel.send("shutdown_request", {"restart": True}, channel="control")
    assert own_kernel.process.wait(2.5) is not None


def test_atexit_functions_run_at_shutdown(own_kernel, tmp_path):
    marker = tmp_path / "left"
    own_kernel.execute(f"import atexit\natexit.register(lambda: open({str(marker)!r}, 'w').close())")
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(5) is not None
    assert marker.exists()


def lines_in_history(file):
    """The cells that IPython's history file holds, in order."""
    with closing(sqlite3.connect(file)) as database:
        return [source for (source,) in database.execute("SELECT source FROM history ORDER BY line")]


def test_the_history_file_holds_a_cell_soon_after_it_began(own_kernel):
    file = own_kernel.execute("print(get_ipython().history_manager.hist_file)").stdout.strip()
    own_kernel.submit("import time\nwhile True: time.sleep(0.1)")
    deadline = time.monotonic() + 10
    while not any("while True" in line for line in lines_in_history(file)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_history_is_written_to_the_last_line_at_shutdown(own_kernel):
    file = own_kernel.execute("print(get_ipython().history_manager.hist_file)").stdout.strip()
    for number in range(20):
        own_kernel.execute(f"'line {number}'")
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(5) is not None
    assert lines_in_history(file)[-20:] == [f"'line {number}'" for number in range(20)]


def test_a_new_history_file_is_written_twice_to_start(own_kernel):
    if not own_kernel.is_ours:
        pytest.skip("each table is a transaction of its own")
    cell = own_kernel.execute("get_ipython().history_manager.hist_file", store_history=False)
    content = Path(cell.result.split("'")[1]).read_bytes()
    assert int.from_bytes(content[24:28], "big") == 2  # the tables, the session
    with closing(sqlite3.connect(cell.result.split("'")[1])) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"sessions", "history", "output_history"} <= tables


def test_a_history_file_that_is_none_is_put_aside(launch, door, tmp_path):
    profile = tmp_path / "profile_default"
    profile.mkdir()
    (profile / "history.sqlite").write_bytes(b"no database at all" * 2000)
    kernel = launch(door, environment={"IPYTHONDIR": str(tmp_path)})
    kernel.execute("'kept'")
    deadline = time.monotonic() + 10
    while "'kept'" not in lines_in_history(profile / "history.sqlite"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [each.read_bytes()[:11] for each in profile.glob("history-corrupt*")] == [b"no database"]


def test_garbage_is_collected_from_the_first_cell_on(own_kernel):
    cell = own_kernel.execute(
        "import gc, weakref\nclass Knot: pass\nknot = Knot(); knot.itself = knot; seen = weakref.ref(knot)\n"
        "del knot\nlots = [[] for _ in range(100_000)]\nprint(gc.isenabled(), gc.get_freeze_count(), seen())"
    )
    assert cell.stdout == "True 0 None\n"


def test_a_kernel_with_threads_still_running_shuts_down(own_kernel, stopwatch):
    own_kernel.execute(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    stopwatch()
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert own_kernel.process.wait(5) is not None


def test_shutdown_is_also_accepted_on_shell(own_kernel):
    own_kernel.send("shutdown_request", {"restart": False}, channel="shell")
    assert own_kernel.process.wait(5) is not None


def test_the_first_status_is_starting_or_idle(own_kernel):
    states = [
        m["content"]["execution_state"]
        for m in own_kernel.received["iopub"]
        if m["header"]["msg_type"] == "status"
    ]
    assert states and states[0] in ("starting", "busy", "idle")


def test_the_first_subscription_is_welcomed(own_kernel):
    first = own_kernel.received["iopub"][0]
    assert first["header"]["msg_type"] == "iopub_welcome"
    assert first["content"] == {"subscription": ""}
    assert first["parent_header"] == {}


@pytest.mark.differs("every-subscription-welcomed")
def test_every_new_subscription_is_welcomed(kernel):
    import zmq
    from client import Client

    second = Client(kernel.connection)
    try:
        second.wait(lambda: second.received["iopub"], 5, "the welcome")
        assert second.received["iopub"][0]["header"]["msg_type"] == "iopub_welcome"
        topical = second.open_socket(zmq.SUB, "iopub_port")
        topical.unsubscribe(b"")
        topical.subscribe(b"elastic-topic")
        deadline = time.monotonic() + 5
        contents = []
        while time.monotonic() < deadline and {"subscription": "elastic-topic"} not in contents:
            if topical.poll(100):
                _, parts = second.session.feed_identities(topical.recv_multipart())
                contents.append(second.session.deserialize(parts)["content"])
        assert {"subscription": "elastic-topic"} in contents
    finally:
        second.close()


def test_two_clients_share_a_kernel(kernel):
    from client import Client

    second = Client(kernel.connection)
    try:
        second.connect()
        second.execute("from_second = 'shared'")
        cell = kernel.execute("from_second")
        assert cell.result == "'shared'"
        second.wait(lambda: second.children("iopub", cell.id), 5, "the output of the other client's cell")
    finally:
        second.close()


def test_heartbeat_answers_while_idle_and_while_busy(kernel):
    assert kernel.heartbeat()
    cell = kernel.submit("end = __import__('time').time() + 1\nwhile __import__('time').time() < end: pass")
    cell.wait_for(lambda c: c.of_type("execute_input"))
    assert kernel.heartbeat(0.9)
    cell.wait()


def test_an_idle_kernel_uses_next_to_no_processor_time(own_kernel):
    import psutil

    own_kernel.execute("1")
    time.sleep(0.3)
    process = psutil.Process(own_kernel.process.process.pid)
    before = sum(process.cpu_times()[:2])
    time.sleep(1.5)
    assert sum(process.cpu_times()[:2]) - before < 0.1


ORPHAN = """
import os, sys, time
sys.path.insert(0, {here!r})
from pathlib import Path
from launching import KernelProcess
parent = {{"JPY_PARENT_PID": str(os.getpid())}}
kernel = KernelProcess.start({door!r}, Path({directory!r}), environment=parent)
print(kernel.process.pid, kernel.connection_file, flush=True)
time.sleep(60)
"""


def test_the_death_of_the_parent_ends_the_kernel(door, tmp_path):
    import json

    from client import Client
    from launching import DoorMissing, door_argv

    try:
        door_argv(door)
    except DoorMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    here = os.path.dirname(__file__)
    code = ORPHAN.format(here=here, door=door, directory=str(tmp_path / "home"))
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, connection_file = parent.stdout.readline().split()
    client = Client(json.loads(open(connection_file).read()))
    try:
        client.connect(20)
        client.execute("left_behind = 1")
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and os.path.exists(f"/proc/{pid}") and not zombie(pid):
            time.sleep(0.05)
        assert not os.path.exists(f"/proc/{pid}") or zombie(pid)
    finally:
        parent.kill()
        client.close()
        if os.path.exists(f"/proc/{pid}") and not zombie(pid):
            os.kill(int(pid), signal.SIGKILL)


def zombie(pid):
    """Whether a process has ended and only waits to be reaped."""
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_kernel_leaves_no_process_behind(own_kernel):
    import psutil

    own_kernel.execute("1")
    children = psutil.Process(own_kernel.process.process.pid).children(recursive=True)
    own_kernel.send("shutdown_request", {"restart": False}, channel="control")
    own_kernel.process.wait(5)
    assert [child for child in children if child.is_running()] == []


def test_the_session_name_is_visible(launch, door):
    kernel = launch(door, environment={"JPY_SESSION_NAME": "/some/notebook.ipynb"})
    assert kernel.execute("__session__").result == "'/some/notebook.ipynb'"
    kernel.stop()
