"""Magics that mean something else in a notebook than in a terminal."""

import sys
from pathlib import Path

from IPython.core import page
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.display import Javascript, display
from IPython.utils import openpy


@magics_class
class KernelMagics(Magics):
    """%edit, %less, %more, %man, %clear, %autosave, %connect_info, %qtconsole, %subshell."""

    @line_magic
    def edit(self, line, last_call=None):
        """Opens a file or the source of an object in the client's editor: %edit [-n LINE] [-p] [-r] NAME."""
        from IPython.core.magics.code import CodeMagics, MacroToEdit  # seldom asked for, and slow to import

        options, arguments = self.parse_options(line, "prn:")
        try:
            filename, line_number, _ = CodeMagics._find_edit_target(
                self.shell, arguments, options, last_call or ["", ""]
            )
        except MacroToEdit:
            print("Macro editing not yet implemented in 2-process model.")
            return
        self.shell.payload_manager.write_payload(
            {"source": "edit_magic", "filename": str(Path(filename).resolve()), "line_number": line_number}
        )

    @line_magic
    def less(self, line):
        """Shows a file in the pager: %less FILE. Python is shown in colour."""
        if not line:
            raise UsageError("Missing filename.")
        if line.endswith(".py"):
            page.page(self.shell.pycolorize(openpy.read_py_file(line, skip_encoding_cookie=False)))
        else:
            with open(line) as file:
                page.page(file.read())

    more = line_magic("more")(less)

    @line_magic
    def man(self, line):
        """Shows a manual page in the pager: %man COMMAND."""
        page.page(self.shell.getoutput(f"man {line} | col -b", split=False))

    @line_magic
    def clear(self, line):
        """Clears the terminal, where there is one."""
        self.shell.system("clear")

    @line_magic
    def autosave(self, line):
        """Sets how often the notebook is saved, in seconds; 0: never."""
        try:
            seconds = int(line)
        except ValueError:
            raise UsageError(f"%autosave requires an integer, got {line!r}") from None
        display(
            Javascript(f"IPython.notebook.set_autosave_interval({1000 * seconds})"),
            include=["application/javascript"],
        )
        print(f"Autosaving every {seconds} seconds" if seconds else "Autosave disabled")

    @line_magic
    def connect_info(self, line):
        """Prints what another client needs to connect to this kernel."""
        path = Path(self.shell.kernel.connection_file)
        print(path.read_text())
        print(
            "\nPaste the above JSON into a file, and connect with:\n    $> jupyter <app> --existing <file>\n"
            "or, if you are local, you can connect with just:\n"
            f"    $> jupyter <app> --existing {path.name}"
        )

    @line_magic
    def qtconsole(self, line):
        """Opens a Qt console that is connected to this kernel: %qtconsole [ARGUMENTS OF qtconsole]."""
        import subprocess
        from importlib.util import find_spec

        from IPython.utils.process import arg_split

        if find_spec("qtconsole") is None:
            raise UsageError("%qtconsole needs the package qtconsole: %pip install qtconsole")
        to_here = ["--existing", self.shell.kernel.connection_file, *arg_split(line)]
        subprocess.Popen([sys.executable, "-m", "qtconsole", *to_here], start_new_session=True)

    @line_magic
    def subshell(self, line):
        """Says that there are no subshells (docs/kernel.md)."""
        print("Kernel does not support subshells")
