"""sys.stdout and sys.stderr of a session: text streams that end in the notebook."""

import io
import os
import sys
from contextlib import contextmanager, nullcontext

from elasticpython import parents
from elasticpython.known_as import known_as


@known_as("OutStream", "ipykernel.iostream")
class NotebookStream(io.TextIOBase):
    """A text stream whose text appears in the cell that wrote it.

    `fileno()` is that of the process's own stdout or stderr, which is captured as well, so that a child
    process which is given this stream writes into the notebook too.
    """

    def __init__(self, server, name: str, descriptor: int):
        self._server = server
        self._name = name
        self._descriptor = descriptor
        self._diverted_to = None

    @contextmanager
    def diverted(self, stream):
        """What is written meanwhile goes to `stream`. `sys.stdout` stays what it is: a cell may keep it."""
        before, self._diverted_to = self._diverted_to, stream
        try:
            yield
        finally:
            self._diverted_to = before

    def undiverted(self) -> "NotebookStream":
        """Another one, that goes on to the notebook while this one is diverted."""
        return NotebookStream(self._server, self._name, self._descriptor)

    @property
    def name(self) -> str:
        return self._name

    @property
    def encoding(self) -> str:
        return "UTF-8"

    @property
    def errors(self) -> str:
        return "backslashreplace"

    @property
    def buffer(self):
        """The binary stream below, as print-to-bytes code expects it."""
        self._server.flush()
        return io.FileIO(os.dup(self._descriptor), "w")

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self._diverted_to is not None:
            return self._diverted_to.write(text)
        self._server.write(self._name, text, parents.current())
        return len(text)

    def flush(self) -> None:
        self._server.flush()

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def __getstate__(self):
        raise TypeError(f"cannot pickle <{self.name}>: it belongs to this kernel")


def shown_already(wurlitzer) -> None:
    """What C code writes is in the notebook without the pipes of `wurlitzer`, which refuses to lay them from
    a stream to itself."""
    wurlitzer.sys_pipes = lambda *_, **options: nullcontext((sys.stdout, sys.stderr))
