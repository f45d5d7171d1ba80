"""A plain driver of the tracker: cells run in IPython's shell, in this process."""

import atexit
import json
import sys
import types

from elasticpython._core import tracker as core
from IPython.core.interactiveshell import InteractiveShell


class Notebook:
    """One session. `run` runs a cell; `reads`, `writes`, `deletes` give what was recorded of the n-th."""

    def __init__(self):
        self.main = types.ModuleType("__main__")
        self.saved = sys.modules["__main__"]
        sys.modules["__main__"] = self.main
        self.shell = InteractiveShell(user_module=self.main, user_ns=self.main.__dict__)
        self.shell.history_manager.enabled = False
        self.names = self.main.__dict__
        self.tracker = core.Tracker(self.names, self.shell.transform_cell)
        self.count = 0

    def close(self):
        """Gives the process its own main module back."""
        sys.modules["__main__"] = self.saved
        InteractiveShell.clear_instance()
        atexit.unregister(self.shell.atexit_operations)  # a garbage collection or two for each shell

    def run(self, source, idle=True):
        """Runs a cell as a kernel would; `idle` gives the tracker time afterwards."""
        self.count += 1
        self.tracker.before_cell(source, self.shell.transform_cell(source), self.count)
        result = self.shell.run_cell(source, store_history=False, silent=False)
        outcome = "ok" if result.success else "error"
        if isinstance(result.error_in_exec, KeyboardInterrupt):
            outcome = "interrupted"
        self.tracker.after_cell(outcome)
        if idle:
            self.tracker.settle()
        return result

    def history(self):
        """The entries of the history, as ep.history() has them."""
        return json.loads(self.tracker.history())

    def cells(self):
        """The entries of cells only."""
        return [entry for entry in self.history() if not entry["outside_cell"]]

    def last(self):
        """The entry of the last cell."""
        return self.cells()[-1]


def named(entry, key):
    """The user's variables in one of an entry's lists."""
    return {name for name in entry[key] if not name.startswith("<")}


def session_code(notebook):
    """The variables that are functions and classes of the session: each cell that uses a value which leads
    to one reads it, whether it names it or not."""
    return {name for name, value in notebook.names.items() if isinstance(value, (type, types.FunctionType))}
