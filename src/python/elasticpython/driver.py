"""What the C++ half of a session asks of Python while it writes or restores (session/driver.hpp)."""

import sys

from elasticpython import heir, interrupts, rerunning
from elasticpython.streams import NotebookStream


class Driver:
    """Of one session. Before a checkpoint or restore: `begins`; after it: `ended`."""

    def __init__(self, shell):
        self._shell = shell
        self._progress = None  # of the checkpoint or restore that is under way
        self._notebook_output = None  # where a restore may say, once, that it waits for a writer
        self._objects = {}  # of the shell's, loaded by the restore that is under way
        self._state = {}  # the shell's, of the checkpoint that is restored
        self._put_before = 0  # libraries have what cells before this one set there
        self._put_early = []  # and had this in its place
        self.interrupts = interrupts.HeldInterrupts()
        self.rerun_output = {}  # what re-run cells of the last restore showed, by cell
        self.says = None  # of the heir, to the kernel
        self.is_wanted = lambda: False  # whether a checkpoint that is made while idle has to give way
        self.gave_way = False

    def begins(self, work: str, silent=False) -> None:
        """`work`: "checkpoint" or "restore"."""
        from elasticpython import progress

        stream = sys.stdout
        self._notebook_output = stream.undiverted() if isinstance(stream, NotebookStream) else stream
        self._progress = progress.Progress(self._shell.display_pub, work, silent=silent)

    def ended(self, how: str) -> None:
        """Says how, where it was said that it was under way."""
        self._objects = {}
        self._progress.end(how)

    def put_shell_state(self, state: dict) -> list:
        """Puts what a restore found of the shell's; returns what could not be put, as sentences."""
        from elasticpython import shell_back

        return shell_back.put(self._shell, state, self._objects)

    # --- asked by the C++ half ------------------------------------------------------------------------------

    def waits_for_writer(self, bytes_done: int, bytes_total: int) -> None:
        """Says so once, where the cell's output goes; an interrupt ends the wait."""
        from elasticpython.reports import describe_bytes

        self._progress.waits()
        output, self._notebook_output = self._notebook_output, None
        if output is None:
            return
        far = f", {describe_bytes(bytes_done)} of {describe_bytes(bytes_total)} done" if bytes_total else ""
        print(
            f"another kernel is still writing the checkpoint{far}: waiting for it",
            file=output,
            flush=True,
        )

    def goes_on(self) -> None:
        """Breaks a checkpoint off that is made while idle, when that is over."""
        if self.is_wanted():
            self.gave_way = True
            raise KeyboardInterrupt

    def writes(self, bytes_done: int, bytes_total: int) -> None:
        """Shows how far the checkpoint is."""
        self.goes_on()
        self._progress(bytes_done, bytes_total)

    def announced(self) -> None:
        """To the heir: another kernel that is to restore waits for it from now on."""
        self.says("announced")

    def pickled(self, takes_long: bool) -> None:
        """To the heir: nothing of the user's runs any more."""
        self.says(heir.ONLY_TO_WRITE if takes_long else "pickled")

    def reads(self, bytes_done: int, bytes_total: int) -> None:
        """Shows how far the restore is."""
        self._progress(bytes_done, bytes_total)

    def reruns(self, cell: int, number: int, count: int, left: float) -> None:
        """Shows which cell runs again, where that may take longer."""
        self._progress.runs(cell, number, count, left)

    def restore_begins(self, state: dict) -> None:
        """Before anything is loaded or run: figures need the backend they had."""
        from elasticpython import shell_back

        self.rerun_output = {}
        self._objects = {}
        self._state, self._put_before, self._put_early = state, 0, []
        try:
            shell_back.choose_backend(self._shell, state.get("matplotlib_backend"))
        except Exception:
            pass  # said by shell_back.put, which tries again

    def keep_object(self, name: str, value) -> None:
        """One of the shell's objects, for `put_shell_state`."""
        self._objects[name] = value

    def objects_before(self, execution_count: int) -> list:
        """Before a recorded cell runs again: what it found in libraries is put there; returns the names of
        the objects that `put_object` is to be given."""
        from elasticpython import library_places_back, shell_back

        if execution_count < self._put_before:  # the replay starts over
            library_places_back.put_back(self._put_early)
            self._put_early, self._put_before = [], 0
        first, self._put_before = self._put_before, execution_count
        return shell_back.put_before(self._shell, self._state, first, execution_count, self._put_early)

    def put_object(self, name: str, value) -> None:
        """Puts one of them into the library where the cell found it."""
        from elasticpython import shell_back

        shell_back.put_object(self._shell, name, value, self._put_early)

    def restore_commits(self) -> None:
        """From here on an interrupt waits until all is done."""
        self.interrupts.hold()

    def run_cell(self, index: int, source: str, execution_count: int):
        """Runs a recorded cell once more; returns what it raised, and keeps what it showed for the report."""
        error, self.rerun_output[index] = rerunning.run_again(self._shell, source, execution_count)
        if isinstance(error, KeyboardInterrupt):
            raise error
        return error
