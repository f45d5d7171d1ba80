"""A realistic notebook in percent format, and what is done with it in one process.

    # %% [markdown]                     prose
    # %%                                a cell
    # %% tags=["raises-exception"]      a cell that raises
    # %% tags=["next"]                  a cell that comes after the last checkpoint
    # order: 1 2 3 2 1 4                in the prose: the order in which people ran the cells (counted from 1)

The original runs in one process, which is checkpointed at a third, two thirds and the end. For each point a
new process restores it and runs the cells that are left: their outputs, and the portraits of both processes
there and at the end, must be the same.
"""

import os
import re
import shutil
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import elasticpython

MARK = re.compile(r"^# %%(.*)$", re.MULTILINE)
ORDER = re.compile(r"^# order: ([\d ]+)$", re.MULTILINE)
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@dataclass
class Cell:
    source: str
    raises: bool


class Book:
    """The cells of one file, in the order in which they are run."""

    def __init__(self, path):
        self.name = Path(path).stem
        text = Path(path).read_text()
        parts = MARK.split(text)
        order, cells, self.following = ORDER.search(text), [], []
        for head, body in zip(parts[1::2], parts[2::2]):
            if "[markdown]" in head:
                continue
            cell = Cell(body.strip("\n"), "raises-exception" in head)
            (self.following if '"next"' in head else cells).append(cell)
        numbers = map(int, order[1].split()) if order else range(1, len(cells) + 1)
        self.cells = [cells[number - 1] for number in numbers]
        count = len(self.cells)
        self.points = [count // 3, 2 * count // 3, count]
        # Half of the books run with a pause after each cell, half as "Run all" does.
        self.pauses = zlib.crc32(self.name.encode()) % 2 == 0


class Reader:
    """Runs a book in this process, a fork that nobody else uses, as the kernel does."""

    def __init__(self, pauses):
        from elasticpython import session_magics
        from elasticpython.session import ShellSession
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        class Shell(InteractiveShell):
            def enable_gui(self, gui=None):
                pass

        Shell.xmode = "Plain"
        self.pauses = pauses  # for the idle work, after each cell
        without_history = Config({"HistoryManager": {"enabled": False}})
        self.shell = Shell.instance(colors="nocolor", config=without_history)
        self.session = ShellSession(self.shell)
        session_magics.register(self.shell)
        if "matplotlib.pyplot" in sys.modules:
            from matplotlib_inline.backend_inline import _enable_matplotlib_integration

            _enable_matplotlib_integration()  # what the import of pyplot would have done here

    def try_cell(self, source):
        """Runs a cell as the kernel does; returns what it raised, or None, and what it showed."""
        from IPython.utils.capture import capture_output

        with capture_output() as captured:
            with self.session.cell(source, self.shell.transform_cell(source)) as running:
                result = self.shell.run_cell(source, store_history=True)
                error = result.error_before_exec or result.error_in_exec
                running.ended(error)
        while self.pauses and not self.session.idle():
            pass
        shown = [captured.stdout, *(each.data.get("text/plain", "") for each in captured.outputs)]
        return error, [ADDRESS.sub("0x", text) for text in shown]

    def run(self, cell):
        """Runs a cell, which must raise if it is marked so, and only then; returns what it shows."""
        error, shown = self.try_cell(cell.source)
        if cell.raises != (error is not None):
            raise AssertionError(f"{cell.source}\n{error!r}\n{shown}")
        return shown

    def portrait(self):
        from portrait import portrait

        return portrait(self.shell)


def run_original(book, directory, plan):
    """Runs all of `book`; returns the portrait at each point and at the end, and what each cell showed."""
    reader = Reader(book.pauses)
    shown, portraits, checkpoints = [], [], []
    for count, cell in enumerate(book.cells, 1):
        shown.append(reader.run(cell))
        for number in [number for number, point in enumerate(book.points) if point == count]:
            report = elasticpython.checkpoint(str(directory / f"point{number}"), plan=plan)
            checkpoints.append(report.to_dict())
            portraits.append(reader.portrait())
            shutil.copytree(directory / "work", directory / f"work{number}")
    shown += [reader.run(cell) for cell in book.following]
    return {"shown": shown, "portraits": portraits, "checkpoints": checkpoints, "end": reader.portrait()}


def run_restored(book, directory, number):
    """Restores a point of `book` and runs what is left of it."""
    reader = Reader(book.pauses)
    report = elasticpython.restore(str(directory / f"point{number}")).to_dict()
    there = reader.portrait()
    cells = book.cells[book.points[number]:] + book.following
    return {"report": report, "portrait": there, "shown": [reader.run(cell) for cell in cells],
            "end": reader.portrait()}


def run_task(task):
    """What the fork server's child does for a book."""
    directory = Path(task["directory"])
    work = directory / "work"
    if task["point"] is not None:  # the files are as they were at the checkpoint
        shutil.rmtree(work)
        shutil.copytree(directory / f"work{task['point']}", work)
    work.mkdir(exist_ok=True)
    os.chdir(work)
    os.environ |= {"JUPYTER_DATA_DIR": str(directory / "jupyter"), "IPYTHONDIR": str(directory / "ipython"),
                   "XDG_DATA_HOME": str(directory / "xdg")}
    book = Book(task["book"])
    if task["point"] is None:
        return run_original(book, directory, task["plan"])
    return run_restored(book, directory, task["point"])
