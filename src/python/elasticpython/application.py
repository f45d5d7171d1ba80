"""The user's IPython configuration: profile, startup files, extensions, as ipykernel applies it."""

from IPython.core.application import BaseIPythonApplication
from IPython.core.shellapp import InteractiveShellApp
from traitlets import Any

from elasticpython.shell import NotebookShell


class Application(BaseIPythonApplication, InteractiveShellApp):
    """Reads `ipython_config.py` and `ipython_kernel_config.py` of the user's profile, and makes the shell."""

    name = "ipython-kernel"
    kernel = Any()
    classes = [NotebookShell]

    def initialize(self, argv=None):
        super().initialize(argv)
        self.init_path()
        self.shell = NotebookShell.instance(parent=self, profile_dir=self.profile_dir, kernel=self.kernel)
        self.shell.configurables.append(self)
        self.init_extensions()
        self.init_code()


def make_shell(kernel) -> NotebookShell:
    """The shell of `kernel`, with the user's profile applied."""
    import os

    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    application = Application.instance(kernel=kernel)
    application.initialize(argv=[])
    return application.shell
