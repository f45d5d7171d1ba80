"""SIGINT: a cell's while user code runs, nobody's between cells."""

import importlib
import os
import signal
import sys
import threading
from contextlib import contextmanager

from elasticpython import on_import


class Interrupts:
    """The handlers of SIGINT on the main thread; the C++ half (kernel/signals.hpp) says when it can come."""

    def __init__(self, server):
        self._server = server
        self._open = False
        signal.signal(signal.SIGINT, _between_cells)
        on_import.change("subprocess", _unblock_in_children)
        os.register_at_fork(after_in_child=_unblock)
        on_import.change("IPython.core.debugger", _debug_with)
        on_import.change("pdb", lambda _: importlib.import_module("IPython.core.debugger"))

    @contextmanager
    def allowed(self, in_a_cell=False):
        """Around user code: SIGINT means what it means in Python, or what this cell makes of it: a handler
        that one leaves behind would keep all later ones from being interrupted. Between cells it means
        nothing, also when a thread of the user's takes it. `in_a_cell`: what runs may be run while a cell
        awaits, which is then what is interrupted."""
        if in_a_cell and self._open:
            yield
            return
        self._open = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            self._server.begin_cell()  # an interrupt that waited for the cell strikes here
            yield
        finally:
            self._server.end_cell()
            self._open = False
            _forget_in_pdb(signal.signal(signal.SIGINT, _between_cells))


@contextmanager
def held():
    """Around code of a library's that an interrupt in its middle would break for good, such as the setting of
    a `threading.Event`, whose lock stays taken. One that comes strikes afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    struck = []
    handler = signal.signal(signal.SIGINT, lambda *_: struck.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if struck:
            signal.raise_signal(signal.SIGINT)


def _unblock():
    return signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _unblock_in_children(subprocess):
    """A child inherits the mask of the thread that starts it: threads have SIGINT blocked (parents.py), and
    the main thread between cells. Without it, nobody could interrupt the child."""
    fork_exec = subprocess._fork_exec

    def fork_exec_unblocked(*arguments):
        mask = _unblock()
        try:
            return fork_exec(*arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    subprocess._fork_exec = fork_exec_unblocked


def _debug_with(debugger):
    """pdb's own command loop swallows KeyboardInterrupt; IPython's ends."""
    import pdb

    pdb.Pdb = debugger.Pdb = debugger.InterruptiblePdb
    pdb.set_trace = debugger.set_trace


def _between_cells(signal_number, frame):
    """An interrupt that was meant for no cell."""


def _forget_in_pdb(handler):
    """pdb's `continue` leaves a handler of its own behind, and would put back later what was there before."""
    pdb = sys.modules.get("pdb")
    if pdb is not None and isinstance(getattr(handler, "__self__", None), pdb.bdb.Bdb):
        pdb.Pdb._previous_sigint_handler = None


class HeldInterrupts:
    """Within it, once `hold()` was called, an interrupt does nothing: what it would break off is done."""

    def __enter__(self):
        self._holding = False
        self._before = signal.getsignal(signal.SIGINT)
        self._installed = callable(self._before) and threading.current_thread() is threading.main_thread()
        if self._installed:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def hold(self) -> None:
        self._holding = True

    def _handle(self, number, frame):
        return None if self._holding else self._before(number, frame)

    def __exit__(self, *_):
        if self._installed and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._before)
