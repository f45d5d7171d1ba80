"""Transports, Curve keys, and messages that are not what they should be."""

import json
import os
import socket
import subprocess

import pytest
import zmq
from client import Client
from launching import DoorMissing, door_argv, make_connection_file, scratch_environment


@pytest.mark.parametrize("transport, curve", [("ipc", False), ("tcp", True), ("ipc", True)])
def test_all_channels_work_over(launch, door, transport, curve):
    kernel = launch(door, transport=transport, curve=curve)
    assert kernel.execute("print('over'); 6 * 7").result == "42"
    assert kernel.execute("input()", answers=["stdin"]).result == "'stdin'"
    assert kernel.request("kernel_info_request", channel="control").content["status"] == "ok"
    assert kernel.heartbeat()
    cell = kernel.submit("print('go', flush=True)\nimport time; time.sleep(30)")
    cell.wait_for(lambda c: "go" in c.stdout)
    kernel.drain(0.1)
    kernel.interrupt("message").wait()
    assert cell.wait(5).content["ename"] == "KeyboardInterrupt"
    kernel.send("shutdown_request", {"restart": False}, channel="control")
    assert kernel.process.wait(5) == 0


def test_the_debugger_works_over_curve(launch, door):
    kernel = launch(door, curve=True)
    content = {
        "type": "request",
        "seq": 1,
        "command": "initialize",
        "arguments": {"clientID": "jupyterlab", "adapterID": "python", "pathFormat": "path"},
    }
    assert kernel.request("debug_request", content, channel="control").content["success"] is True
    kernel.stop()


def test_a_kernel_manager_that_requires_encryption_gets_it(own_door, tmp_path, monkeypatch):
    from jupyter_client.manager import KernelManager

    if own_door != "elasticpython":
        pytest.skip("only the installed kernelspec says that Curve is supported")
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    manager = KernelManager(kernel_name="elasticpython", transport_encryption="auto")
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=30)
        assert manager.curve_publickey
        reply = client.execute_interactive(
            "encrypted = 6 * 7", user_expressions={"e": "encrypted"}, timeout=10
        )
        assert reply["content"]["user_expressions"]["e"]["data"]["text/plain"] == "42"
        assert client.is_alive()
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def test_the_installed_kernelspec_says_what_the_kernel_can(own_door):
    from pathlib import Path

    from jupyter_client.kernelspec import KernelSpecManager

    if own_door != "elasticpython":
        pytest.skip("the kernelspec starts the module door")
    spec = KernelSpecManager().get_kernel_spec("elasticpython")
    assert spec.display_name == "ElasticPython"
    assert (spec.language, spec.interrupt_mode) == ("python", "message")
    assert spec.metadata["debugger"] is True
    assert "curve" in spec.metadata["supported_encryption"]
    assert any(Path(spec.resource_dir).glob("logo-*"))


def test_a_client_without_the_curve_keys_gets_nothing(launch, door):
    kernel = launch(door, curve=True)
    connection = {k: v for k, v in kernel.connection.items() if not k.startswith("curve_")}
    stranger = Client(connection)
    stranger.send("kernel_info_request")
    stranger.drain(1.0)
    assert not any(stranger.received.values())
    stranger.close()
    assert kernel.execute("1").result == "1"
    kernel.stop()


def test_ipc_sockets_are_private_to_the_user_or_in_a_private_directory(launch, door):
    kernel = launch(door, transport="ipc")
    assert os.path.exists(f"{kernel.connection['ip']}-{kernel.connection['shell_port']}")
    kernel.stop()


def raw_frames(kernel, message_type="kernel_info_request", **changes):
    """The frames of a correct message, some of them replaced."""
    message = kernel.session.msg(message_type, {})
    frames = kernel.session.serialize(message)
    delimiter, signature, header, parent, metadata, content = frames
    parts = {"delimiter": delimiter, "signature": signature, "header": header}
    parts |= {"parent": parent, "metadata": metadata, "content": content}
    parts |= changes
    if changes and "signature" not in changes:
        parts["signature"] = kernel.session.sign(
            [parts[k] for k in ("header", "parent", "metadata", "content")]
        )
    return [parts[k] for k in ("delimiter", "signature", "header", "parent", "metadata", "content")]


BAD_MESSAGES = {
    "bad signature": lambda k: raw_frames(k, signature=b"0" * 64),
    "no signature": lambda k: raw_frames(k, signature=b""),
    "header is not JSON": lambda k: raw_frames(k, header=b"{not json"),
    "content is not JSON": lambda k: raw_frames(k, content=b"\xff\xfe\x00"),
    "header is a list": lambda k: raw_frames(k, header=b"[1, 2]"),
    "header is empty": lambda k: raw_frames(k, header=b"{}"),
    "content is a number": lambda k: raw_frames(k, content=b"5"),
    "type is a number": lambda k: raw_frames(
        k, header=json.dumps({"msg_id": "x", "session": "s", "msg_type": 5, "version": "5.3"}).encode()
    ),
    "too few frames": lambda k: raw_frames(k)[:3],
    "only a delimiter": lambda k: [b"<IDS|MSG>"],
    "no delimiter": lambda k: [b"hello", b"world"],
    "one empty frame": lambda k: [b""],
    "deeply nested": lambda k: raw_frames(k, content=b"[" * 100_000 + b"]" * 100_000),
    "half a request": lambda k: raw_frames(k, "execute_request", content=b"{}"),
    "code is a number": lambda k: raw_frames(
        k, "execute_request", content=b'{"code": 5, "silent": false, "store_history": true}'
    ),
    "half a completion": lambda k: raw_frames(k, "complete_request", content=b'{"code": "x"}'),
    "half a comm": lambda k: raw_frames(k, "comm_msg", content=b"{}"),
    "cursor beyond the end": lambda k: raw_frames(
        k, "complete_request", content=b'{"code": "x", "cursor_pos": 99}'
    ),
    "cursor before the start": lambda k: raw_frames(
        k, "inspect_request", content=b'{"code": "x", "cursor_pos": -5, "detail_level": 0}'
    ),
}


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_a_bad_message_is_dropped_and_the_kernel_lives(kernel, name, channel):
    kernel.sockets[channel].send_multipart(BAD_MESSAGES[name](kernel))
    kernel.execute("pass", timeout=5)  # may be aborted, should the bad message be answered with an error
    assert kernel.execute("'alive'", timeout=5).result == "'alive'"
    assert kernel.request("kernel_info_request", channel="control", timeout=5).content["status"] == "ok"


def test_a_bad_signature_is_logged(own_kernel):
    own_kernel.sockets["shell"].send_multipart(raw_frames(own_kernel, signature=b"0" * 64))
    assert own_kernel.execute("1").result == "1"
    assert "signature" in own_kernel.process.log.lower()


def test_a_message_sent_twice_is_run_once(kernel):
    kernel.execute("replayed = 0")
    frames = kernel.session.serialize(
        kernel.session.msg(
            "execute_request", {"code": "replayed += 1", "silent": True, "store_history": False}
        )
    )
    for _ in range(2):
        kernel.sockets["shell"].send_multipart(frames)
    assert kernel.execute("replayed").result == "1"


def test_random_bytes_on_a_port_do_not_hurt(kernel):
    for name in ("shell_port", "control_port", "iopub_port", "hb_port", "stdin_port"):
        with socket.create_connection((kernel.connection["ip"], kernel.connection[name])) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n" + os.urandom(500))
    assert kernel.execute("'alive'").result == "'alive'"


def test_an_input_reply_nobody_asked_for_is_ignored(kernel):
    message = kernel.session.msg("input_reply", {"value": "unasked", "status": "ok"})
    kernel.session.send(kernel.sockets["stdin"], message)
    kernel.drain(0.1)
    assert kernel.execute("input()", answers=["asked"]).result == "'asked'"


def test_a_message_with_many_buffers_passes(kernel):
    exchange = kernel.send(
        "comm_open", {"comm_id": "b", "target_name": "none", "data": {}}, buffers=[b"x"] * 1000
    )
    exchange.wait_for(lambda e: "idle" in e.states)


# Connection files that are not right


def start_with(door, directory, arguments):
    """Run a kernel with these arguments in place of its connection file; returns status and stderr."""
    try:
        argv = door_argv(door)
    except DoorMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    argv = [part for part in argv if part != "{connection_file}" and part != "-f"]
    directory.mkdir(exist_ok=True)
    done = subprocess.run(
        [*argv, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        cwd=directory,
        env=scratch_environment(directory),
        start_new_session=True,
    )
    return done.returncode, done.stdout + done.stderr


def connection_with(path, **changes):
    """A connection file with some entries changed, or left out where the change is None."""
    connection = make_connection_file(path) | changes
    path.write_text(json.dumps({k: v for k, v in connection.items() if v is not None}))
    return path


BAD_FILES = {
    "missing": (lambda p: p, "no such file|not found|does not exist|cannot be"),
    "directory": (lambda p: p.mkdir() or p, "directory|not a JSON object|cannot be"),
    "empty": (lambda p: p.write_text("") and p or p, "JSON|empty"),
    "not JSON": (lambda p: p.write_text("{'ip': 1") and p, "JSON"),
    "a list": (lambda p: p.write_text("[]") and p, "object|shell_port|JSON"),
    "a port missing": (lambda p: connection_with(p, shell_port=None), "shell_port"),
    "a port that is text": (lambda p: connection_with(p, iopub_port="many"), "iopub_port"),
    "a port out of range": (lambda p: connection_with(p, hb_port=70000), "hb_port|port"),
    "an unknown transport": (lambda p: connection_with(p, transport="pigeon"), "transport|pigeon"),
    "an unknown signature scheme": (
        lambda p: connection_with(p, signature_scheme="rot13"),
        "signature|rot13",
    ),
    "half a curve key": (
        lambda p: connection_with(p, curve_secretkey="short", curve_publickey="short"),
        "curve",
    ),
    "an address of another machine": (lambda p: connection_with(p, ip="192.0.2.1"), "192.0.2.1|address"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_connection_file_is_one_line_and_a_status(own_door, tmp_path, name):
    import re

    make, pattern = BAD_FILES[name]
    path = make(tmp_path / "connection.json")
    status, output = start_with(own_door, tmp_path / "home", ["-f", str(path)])
    assert status not in (0, None) and status > 0
    lines = [line for line in output.splitlines() if line.strip()]
    assert len(lines) == 1, output
    assert "Traceback" not in output
    assert re.search(pattern, output, re.IGNORECASE), output


@pytest.mark.parametrize("taken", ["shell_port", "control_port", "iopub_port", "stdin_port", "hb_port"])
def test_a_taken_port_is_one_line_and_a_status(own_door, tmp_path, taken):
    path = tmp_path / "connection.json"
    connection = make_connection_file(path)
    context = zmq.Context()
    occupant = context.socket(zmq.ROUTER)
    occupant.bind(f"tcp://127.0.0.1:{connection[taken]}")
    try:
        status, output = start_with(own_door, tmp_path / "home", ["-f", str(path)])
    finally:
        context.destroy(linger=0)
    assert status > 0
    lines = [line for line in output.splitlines() if line.strip()]
    assert len(lines) == 1, output
    assert str(connection[taken]) in output and "use" in output.lower()


@pytest.mark.parametrize("arguments", [[], ["-f"]])
def test_bad_arguments_show_the_usage(own_door, tmp_path, arguments):
    status, output = start_with(own_door, tmp_path / "home", arguments)
    assert status > 0
    assert "-f" in output and "Traceback" not in output


def test_help_and_version_are_answered(own_door, tmp_path):
    status, output = start_with(own_door, tmp_path / "home", ["--help"])
    assert (status, "-f" in output) == (0, True)
