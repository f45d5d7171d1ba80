"""What code asks the person at the notebook: `input()` and `getpass.getpass()`."""

import builtins
import getpass
from contextlib import contextmanager

from IPython.core.error import StdinNotImplementedError

from elasticpython import parents
from elasticpython.messages import jsonable


class Questions:
    """Asks the client whose cell runs, where that one can be asked."""

    def __init__(self, server):
        self._server = server
        self._allowed = False

    @contextmanager
    def allowed(self, allowed: bool):
        """Around a cell: `input()` and `getpass.getpass()` are those of its client."""
        saved = builtins.input, getpass.getpass
        self._allowed = allowed
        builtins.input, getpass.getpass = self.raw_input, self.getpass
        try:
            yield
        finally:
            builtins.input, getpass.getpass = saved

    def raw_input(self, prompt=""):
        """`input()`: asks the client for a line."""
        return self._ask("raw_input", prompt, password=False)

    def getpass(self, prompt="", stream=None):
        """`getpass.getpass()`: asks the client for a line that it does not show."""
        if stream is not None:
            import warnings

            warnings.warn(
                "The `stream` parameter of `getpass.getpass` will have no effect in a notebook", stacklevel=2
            )
        return self._ask("getpass", prompt, password=True)

    def _ask(self, function: str, prompt, password: bool) -> str:
        if not self._allowed:
            raise StdinNotImplementedError(
                f"{function} was called, but this frontend does not support input requests."
            )
        self._server.drain_output()
        try:
            line = self._server.read_line(jsonable(str(prompt)), password, parents.current())
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Interrupted by user") from None
        if line == "\x04":
            raise EOFError
        return line
