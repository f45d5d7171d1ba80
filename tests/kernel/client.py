"""A small blocking Jupyter client that keeps every message it saw.

jupyter_client's own clients hide the iopub welcome, raw header dates and messages without a known parent;
those are what these tests look at. Each received message is checked against the rules that hold for all
(signature, date format, known types); breaches gather in `Client.violations`, which the fixtures turn into
failures of the test during which they came.
"""

import json
import re
import time
from dataclasses import dataclass

import zmq
from jupyter_client.session import Session

TIMEOUT_S = 40.0

IOPUB_TYPES = {
    "status",
    "execute_input",
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "error",
    "clear_output",
    "comm_open",
    "comm_msg",
    "comm_close",
    "debug_event",
    "iopub_welcome",
    "shutdown_reply",
}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
SOCKET_TYPES = {"shell": zmq.DEALER, "control": zmq.DEALER, "stdin": zmq.DEALER, "iopub": zmq.SUB}


def plain(text):
    """A text without its terminal colours."""
    return ANSI.sub("", text)


@dataclass
class Exchange:
    """A request and all that came back for it so far."""

    client: "Client"
    request: dict
    channel: str

    @property
    def id(self):
        """The message id of the request."""
        return self.request["header"]["msg_id"]

    def messages(self, channel):
        """The messages of one channel whose parent is this request, in the order of arrival."""
        return self.client.children(channel, self.id)

    @property
    def replies(self):
        """All replies; a correct kernel sends exactly one."""
        return self.messages(self.channel)

    @property
    def reply(self):
        """The reply message."""
        replies = self.replies
        assert len(replies) == 1, f"{len(replies)} replies to {self.request['header']['msg_type']}"
        return replies[0]

    @property
    def content(self):
        """The content of the reply."""
        return self.reply["content"]

    @property
    def iopub(self):
        """The iopub messages of this request."""
        return self.messages("iopub")

    def of_type(self, *types):
        """The contents of the iopub messages of these types."""
        return [message["content"] for message in self.iopub if message["header"]["msg_type"] in types]

    @property
    def states(self):
        """The execution states that were published."""
        return [content["execution_state"] for content in self.of_type("status")]

    @property
    def done(self):
        """Whether both the reply and the idle status have come."""
        return bool(self.replies) and "idle" in self.states

    def stream(self, name):
        """All text of one stream."""
        return "".join(content["text"] for content in self.of_type("stream") if content["name"] == name)

    @property
    def stdout(self):
        """All text printed to stdout."""
        return self.stream("stdout")

    @property
    def stderr(self):
        """All text printed to stderr."""
        return self.stream("stderr")

    @property
    def result(self):
        """The `text/plain` of the execute_result, or None."""
        results = self.of_type("execute_result")
        return results[0]["data"]["text/plain"] if results else None

    @property
    def error(self):
        """The content of the error message on iopub, or None."""
        errors = self.of_type("error")
        return errors[0] if errors else None

    def wait(self, timeout=TIMEOUT_S):
        """Wait for reply and idle, and return self."""
        self.client.wait(
            lambda: self.done,
            timeout,
            f"the end of {self.request['header']['msg_type']} {self.request['content']!r}",
        )
        return self

    def wait_for(self, condition, timeout=TIMEOUT_S, what="an output"):
        """Wait until `condition(self)` holds, and return self."""
        self.client.wait(lambda: condition(self), timeout, what)
        return self


class Client:
    """Connects to all channels of a kernel and exchanges messages with it."""

    def __init__(self, connection):
        self.connection = connection
        self.session = Session(
            key=connection["key"].encode(), signature_scheme=connection["signature_scheme"]
        )
        self.context = zmq.Context()
        self.sockets = {}
        self.poller = zmq.Poller()
        self.received = {channel: [] for channel in SOCKET_TYPES}
        self.by_parent = {}
        self.violations = []
        for channel, socket_type in SOCKET_TYPES.items():
            self.sockets[channel] = self.open_socket(socket_type, f"{channel}_port")
            self.poller.register(self.sockets[channel], zmq.POLLIN)

    def open_socket(self, socket_type, port_name):
        """A connected socket, as a Curve client when the connection file carries keys."""
        socket = self.context.socket(socket_type)
        socket.linger = 0
        socket.rcvhwm = socket.sndhwm = 0
        socket.reconnect_ivl = 10
        if socket_type == zmq.DEALER:
            socket.identity = self.session.bsession
        if socket_type == zmq.SUB:
            socket.subscribe(b"")
        if "curve_publickey" in self.connection:
            socket.curve_serverkey = self.connection["curve_publickey"].encode()
            socket.curve_publickey = self.connection["curve_publickey"].encode()
            socket.curve_secretkey = self.connection["curve_secretkey"].encode()
        separator = ":" if self.connection["transport"] == "tcp" else "-"
        socket.connect(
            f"{self.connection['transport']}://{self.connection['ip']}{separator}{self.connection[port_name]}"
        )
        return socket

    def close(self):
        """Close all sockets."""
        self.context.destroy(linger=0)

    def connect(self, timeout=TIMEOUT_S):
        """Wait until the kernel answers and its iopub messages arrive, and return a kernel_info exchange."""
        deadline = time.monotonic() + timeout
        while True:
            exchange = self.send("kernel_info_request")
            try:
                return exchange.wait(0.5)
            except TimeoutError:
                # Without a welcome, an iopub subscription may take effect only after the first answers.
                if time.monotonic() > deadline:
                    raise

    def children(self, channel, parent_id):
        """The messages of one channel with this parent."""
        return self.by_parent.get((channel, parent_id), [])

    def send(self, message_type, content=None, *, channel="shell", metadata=None, buffers=None):
        """Send a request and return its exchange at once."""
        message = self.session.msg(message_type, content or {}, metadata=metadata)
        self.session.send(self.sockets[channel], message, buffers=buffers)
        return Exchange(self, message, channel)

    def request(self, message_type, content=None, *, channel="shell", timeout=TIMEOUT_S, **extra):
        """Send a request and wait for reply and idle."""
        return self.send(message_type, content, channel=channel, **extra).wait(timeout)

    def submit(self, code, *, metadata=None, **content):
        """Send an execute_request and return its exchange at once."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        } | content
        return self.send("execute_request", content, metadata=metadata)

    def execute(self, code, *, timeout=TIMEOUT_S, answers=None, **content):
        """Run a cell; `answers` are given to its input requests in turn."""
        if answers is not None:
            content["allow_stdin"] = True
        exchange = self.submit(code, **content)
        for answer in answers or ():
            self.answer(exchange, answer, timeout)
        return exchange.wait(timeout)

    def answer(self, exchange, value, timeout=TIMEOUT_S):
        """Wait for the next unanswered input request of a cell, answer it and return its content."""
        answered = getattr(exchange, "answered", 0)
        self.wait(lambda: len(exchange.messages("stdin")) > answered, timeout, "an input_request")
        request = exchange.messages("stdin")[answered]
        exchange.answered = answered + 1
        self.session.send(
            self.sockets["stdin"], "input_reply", {"value": value, "status": "ok"}, parent=request
        )
        return request["content"]

    def wait(self, condition, timeout=TIMEOUT_S, what="a condition"):
        """Receive until `condition()` holds; raises TimeoutError saying what was waited for."""
        deadline = time.monotonic() + timeout
        while not condition():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(f"no {what} within {timeout} s; last messages: {self.tail()}")
            self.receive(min(remaining, 0.2))

    def drain(self, seconds=0.05):
        """Receive whatever comes within the given time."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0:
            self.receive(remaining)

    def receive(self, timeout):
        """Receive what is there, waiting at most `timeout` seconds for the first message."""
        for socket, _ in self.poller.poll(max(1, int(timeout * 1000))):
            channel = next(name for name, candidate in self.sockets.items() if candidate is socket)
            for _ in range(1000):
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                self.record(channel, frames)

    def record(self, channel, frames):
        """Check a raw message against the rules that hold for all, and keep it."""
        identities, parts = self.session.feed_identities(frames)
        header = json.loads(parts[1])
        message = self.session.deserialize(parts)
        message["identities"] = identities
        message["raw_header"] = header
        if not DATE.fullmatch(header.get("date", "")):
            self.violations.append(f"date {header.get('date')!r} of {header['msg_type']} is not ISO 8601")
        if channel == "iopub" and header["msg_type"] not in IOPUB_TYPES:
            self.violations.append(f"iopub message of a type of its own: {header['msg_type']}")
        if not str(header.get("version", "")).startswith("5."):
            self.violations.append(f"protocol version {header.get('version')!r} of {header['msg_type']}")
        self.received[channel].append(message)
        parent_id = message["parent_header"].get("msg_id")
        self.by_parent.setdefault((channel, parent_id), []).append(message)

    def tail(self, count=6):
        """The last messages of each channel in short, for failure messages."""
        return {
            channel: [(m["header"]["msg_type"], str(m["content"])[:120]) for m in messages[-count:]]
            for channel, messages in self.received.items()
            if messages
        }

    def heartbeat(self, timeout=5.0):
        """Send a heartbeat and return whether the same bytes came back."""
        socket = self.open_socket(zmq.REQ, "hb_port")
        try:
            socket.send(b"ping")
            return bool(socket.poll(int(timeout * 1000))) and socket.recv() == b"ping"
        finally:
            socket.close()
