"""The user's IPython configuration: profile, startup files, extensions, as ipykernel applies it."""

import gc
import logging
import random  # noqa: F401  so that no cell brings its state about: IPython's start does, by way of tempfile
import sys

from IPython.core.application import BaseIPythonApplication
from IPython.core.shellapp import InteractiveShellApp
from traitlets import Any, Unicode
from traitlets.config import Config

from elasticpython import heir
from elasticpython.known_as import known_as
from elasticpython.late_imports import stand_ins
from elasticpython.shell import NotebookShell


class _FirstRecord(logging.Handler):
    """Has the logging of `application` configured when there is something to be said: what a start says is
    below the level that is shown, and `logging.config` with what it imports is 4 % of it."""

    def __init__(self, application):
        super().__init__()
        self._application = application

    def emit(self, record):
        log = self._application.log
        log.removeHandler(self)
        self._application._configure_logging()
        log.handle(record)


@known_as("IPKernelApp")
class Application(BaseIPythonApplication, InteractiveShellApp):
    """Reads `ipython_config.py` and `ipython_kernel_config.py` of the user's profile, and makes the shell."""

    name = "ipython-kernel"
    kernel = Any()
    connection_file = Unicode(help="The file that a client wrote for the kernel.").tag(config=True)
    collects_garbage = True
    classes = [NotebookShell]

    def initialize(self, argv=None):
        with stand_ins("tempfile"):  # for directories that cannot be written to
            ipython_dir = self.ipython_dir
        super().initialize(argv)
        self.init_path()
        self.shell = NotebookShell.instance(
            parent=self, profile_dir=self.profile_dir, ipython_dir=ipython_dir, kernel=self.kernel
        )
        self.shell.configurables.append(self)
        heir.note_own_descriptors(self.kernel.connection_file)
        if self.collects_garbage:
            _start_collector()
        references = sys.getrefcount(self.shell.user_ns)
        self.init_extensions()
        self.init_code()
        # A function refers to the namespace it was defined in.
        self.shell.startup_left_code = sys.getrefcount(self.shell.user_ns) != references

    def _configure_logging(self):
        if self.logging_config or self.log.level:  # of the user's, or not the first time
            super()._configure_logging()
            self._log_outside()
        else:
            self.log.setLevel(self.log_level)
            self.log.addHandler(_FirstRecord(self))

    def _log_outside(self):
        """Lets the log go where the kernel was started, as ipykernel's does, and not into the notebook."""
        for handler in self.log.handlers:
            if getattr(handler, "stream", None) is sys.stderr:
                handler.setStream(open(self.kernel.server.original_stderr, "w", closefd=False))

    def parse_command_line(self, argv=None):
        """What a kernel is started with is the connection file. Making a parser of all that can be configured
        takes 2 % of its start."""
        self.update_config(Config({"IPKernelApp": {"connection_file": self.kernel.connection_file}}))

    def init_extensions(self):
        # IPython's own first, while the shell can still do without its completer.
        users, self.extensions = self.extensions, []
        super().init_extensions()
        self.shell.shows_completer = True
        self.extensions = users
        super().init_extensions()


def _start_collector() -> None:
    """Turns garbage collection on, with all there is now as what survived earlier ones: the first cell need
    not look through it."""
    gc.freeze()
    gc.unfreeze()
    gc.enable()


def make_shell(kernel, collects_garbage: bool) -> NotebookShell:
    """The shell of `kernel`, with the user's profile applied. The garbage collector, off while the kernel
    starts, goes on before the user's own startup code when it `collects_garbage`."""
    import os

    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    application = Application.instance(kernel=kernel)
    application.collects_garbage = collects_garbage
    application.initialize(argv=[])
    return application.shell
