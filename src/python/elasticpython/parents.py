"""Which request an output belongs to.

A task that was created in a cell and a thread that was started in one go on printing into that cell, whatever
runs by then. Tasks are told apart by a context variable (they copy their creator's), threads by an attribute
that is set when they are started; what neither knows belongs to the latest cell.
"""

import contextvars
import functools
import signal
import threading
from contextlib import contextmanager

from elasticpython import _core

_request = contextvars.ContextVar("elasticpython_request")
_latest = None


def current():
    """The request that output of the calling thread or task belongs to; None before the first one."""
    try:
        return _request.get()
    except LookupError:
        return getattr(threading.current_thread(), "_elasticpython_request", _latest)


def set_current(request) -> None:
    """Makes `request` the one for this context, and for whoever does not know better."""
    global _latest
    _latest = request
    _request.set(request)


@contextmanager
def within(request):
    """What is printed meanwhile belongs to `request`, and what nobody can say of to the cell as before."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def has_threads() -> bool:
    """Whether a thread lives that was started in a request."""
    return any(getattr(each, "_elasticpython_request", None) for each in threading.enumerate())


class Message(dict):
    """A request as other libraries know it, which remembers what it was made from."""

    request = None


def as_message(request) -> Message:
    """`request` as a message; an empty one for None."""
    message = Message(request.message if request else {})
    message.request = request
    return message


def request_of(message):
    """The request behind what `as_message` returned, or behind a message of a library's own."""
    if isinstance(message, Message):
        return message.request
    return _core.kernel.Request(message.get("header", {}))


def follow_threads() -> None:
    """From now on a thread belongs to the request in which it is started."""
    start = threading.Thread.start

    @functools.wraps(start)
    def start_in_request(self):
        self._elasticpython_request = current()
        # SIGINT to the process is for the main thread, which alone can be waiting in a call it must end.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            start(self)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    threading.Thread.start = start_in_request
