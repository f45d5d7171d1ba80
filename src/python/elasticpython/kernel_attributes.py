"""What libraries read of ipykernel's kernel object and the kernel itself does without, made when asked for.

`session.send(iopub_socket, ...)` and `send_response` publish through the kernel's own server; there are no
other sockets that Python could use.
"""

from elasticpython import _core, parents
from elasticpython.messages import jsonable


def attribute(kernel, name: str):
    """The value of `kernel.name` where the kernel has no such attribute of its own."""
    if name in _LASTING:
        return vars(kernel).setdefault(name, _LASTING[name](kernel))
    if name in _MOMENTARY:
        return _MOMENTARY[name](kernel)
    raise AttributeError(f"{type(kernel).__name__!r} object has no attribute {name!r}")


class _IopubSocket:
    """Stands for the socket that everybody hears, in calls of `session.send`."""


def _session(kernel):
    import json

    from jupyter_client.session import Session, extract_header

    class PublishingSession(Session):
        """Makes messages as ipykernel's session does, and publishes those for the iopub socket."""

        def send(
            self, stream, msg_or_type, content=None, parent=None, ident=None, buffers=None, track=False,
            header=None, metadata=None,
        ):
            if stream is not kernel.iopub_socket:
                return super().send(
                    stream, msg_or_type, content, parent, ident, buffers, track, header, metadata
                )
            message = msg_or_type
            if not isinstance(message, dict):
                message = self.msg(msg_or_type, content or {}, parent, header, metadata)
            head = extract_header(parent) if parent else message["parent_header"]
            kernel.server.publish(
                message["msg_type"],
                jsonable(message["content"]),
                jsonable(message["metadata"]),
                buffers or message.get("buffers"),
                _core.kernel.Request(jsonable(head)) if head else None,
            )
            return message

    with open(kernel.connection_file) as file:
        connection = json.load(file)
    return PublishingSession(
        key=connection["key"].encode(), signature_scheme=connection["signature_scheme"]
    )


def _send_response(kernel):
    def send_response(
        stream, msg_or_type, content=None, ident=None, buffers=None, track=False, header=None,
        metadata=None, channel="shell",
    ):
        """Sends a message whose parent is the request that is being answered."""
        parent = kernel.get_parent(channel)
        return kernel.session.send(
            stream, msg_or_type, content, parent, ident, buffers, track, header, metadata
        )

    return send_response


def _io_loop(kernel):
    from tornado.ioloop import IOLoop
    from tornado.platform.asyncio import BaseAsyncIOLoop

    return IOLoop._ioloop_for_asyncio.get(kernel.loop) or BaseAsyncIOLoop(kernel.loop, make_current=False)


def _set_parent(kernel):
    return lambda ident, parent, channel="shell": parents.set_current(parents.request_of(parent))


def _of_info(name):
    return lambda kernel: kernel.kernel_info()[name]


_LASTING = {
    "session": _session,
    "iopub_socket": lambda kernel: _IopubSocket(),
    "send_response": _send_response,
    "set_parent": _set_parent,
    "io_loop": _io_loop,
    # For those who put execute requests off while they let comm messages be handled (jupyter_ui_poll), as
    # `do_one_iteration` does: what is put here instead is never called.
    "shell_handlers": lambda kernel: dict.fromkeys(kernel.handled_types, kernel.handle),
    "_parent_ident": lambda kernel: [],
}
_MOMENTARY = {
    "_parent_header": lambda kernel: kernel.get_parent(),
    "config": lambda kernel: kernel.shell.config,
    "do_one_iteration": lambda kernel: kernel.server.handle_waiting_comms,
    "eventloop": lambda kernel: None,
    "execution_count": lambda kernel: kernel.shell.execution_count,
    "help_links": _of_info("help_links"),
    "ident": lambda kernel: kernel.session.session,
    "implementation_version": _of_info("implementation_version"),
    "language_info": _of_info("language_info"),
    "log": lambda kernel: kernel.shell.parent.log,
    "parent": lambda kernel: kernel.shell.parent,
    "profile_dir": lambda kernel: kernel.shell.profile_dir,
    "user_module": lambda kernel: kernel.shell.user_module,
    "user_ns": lambda kernel: kernel.shell.user_ns,
}
