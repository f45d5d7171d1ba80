"""The session of an IPython shell: what the kernel tells it, and what people ask of it.

The work is C++ (`_core.session`), which asks Python by way of `driver`. Here is what only Python can say:
where a notebook's checkpoints are, and what IPython itself remembers. Nothing heavy is imported before the
first checkpoint or restore.
"""

import sys
import threading
import time
from contextlib import contextmanager, nullcontext

import elasticpython
from elasticpython import (
    CheckpointError, _core, driver, heir, idle_checkpoints, own_commands, parents, places, rerunning,
)

MARKS = ("never-store", "never-rerun", "always-store", "none")

_current = None


def current():
    """The session of this process."""
    if _current is None:
        raise CheckpointError("there is no ElasticPython session here: choose the kernel ElasticPython")
    return _current


def ask(call, *arguments):
    """What the C++ half answers; its errors as CheckpointError, in one line."""
    try:
        return call(*arguments)
    except _core.session.SessionError as error:
        raise CheckpointError(" ".join(str(error).split())) from None


class ShellSession:
    """The session of `shell`. One a process."""

    def __init__(self, shell, interruptible=nullcontext):
        """`interruptible`: makes a context in which an interrupt raises KeyboardInterrupt."""
        global _current
        self.shell = shell
        self._driver = driver.Driver(shell)
        self._session = _core.session.Session(shell.user_ns, self._driver, shell.transform_cell)
        if not getattr(shell, "startup_left_code", True):
            self._session.no_code_yet()
        self._announced = False
        self._gone = False
        self._interruptible = interruptible
        self._again = None  # the last restore without its laziness, while no code of the user's has run since
        self._lines = []  # to say with the output of the next cell
        self._running = None  # the cell that runs, as Python
        self.idle_time = idle_checkpoints.IdleTime()
        _current = self

    # --- what the kernel tells ------------------------------------------------------------------------------

    @contextmanager
    def cell(self, source: str, transformed: str, *, silent=False, cell_id=None, tags=()):
        """Around the run of a cell; what is yielded takes the outcome."""
        running = RunningCell()
        watched = bool(source.strip()) and not own_commands.is_command(transformed, self.shell.user_ns)
        self._running = transformed
        if watched:
            self._load_before_code(self._session.load_for_cell, _utf8(transformed))
            count = 0 if silent else self.shell.execution_count
            self._session.cell_starting(_utf8(source), _utf8(transformed), count, cell_id or "", list(tags))
        try:
            yield running
        finally:
            self._running = None
            if watched:
                self._session.cell_finished(running.outcome)
                self.idle_time.cell_ended()

    def idle(self, wake_descriptor: int = -1) -> bool:
        """After a reply, while nothing else is to do: what could wait. True when nothing is left.

        Ends at once when there is something to read from `wake_descriptor`."""
        if not self._session.idle(0.02, wake_descriptor):
            return False
        self._load_deferred(self._session.load_next)
        return not self._session.deferred

    def load_rest(self) -> None:
        """Before code runs or looks that no cell is: completion, a comm message, the debugger."""
        try:
            self._load_before_code(self._session.load_rest)
        except KeyboardInterrupt:
            pass  # what is still away is loaded another time

    def _load_before_code(self, load, *arguments) -> None:
        """Loads what code of the user's that is about to run may look at. What did not load is recomputed as
        long as no such code has run since the restore."""
        if not self._session.deferred and not self._again:
            return
        with self._interruptible():
            self._load_deferred(load, *arguments)
            again, self._again = self._again, None
            lost = self._session.lost_late
            if again and lost:
                self._restore_again(again, lost)

    def _load_deferred(self, load, *arguments) -> None:
        """Loads some of what a lazy restore left, quietly: that may run code of the session's."""
        if self._session.deferred:
            with rerunning.quietly(self.shell):
                load(*arguments)

    def _restore_again(self, options: dict, lost: set) -> None:
        try:
            report = self._carry_out(options, self._put_outputs)
        except CheckpointError:  # the checkpoint is out of reach by now
            return
        entries = report["variables"]
        back = sorted(name for name in lost if entries.get(name, {}).get("status") == "recomputed")
        if back:
            self._lines.append(
                f"ElasticPython: did not load, and was made by running its cells again: {', '.join(back)}"
            )

    def going_down(self) -> None:
        """The automatic checkpoint, once; whatever goes wrong is logged and keeps nobody from going."""
        if self._gone or not self._session.has_news or idle_checkpoints.is_switched_off():
            return
        self._gone = True
        with rerunning.quietly(self.shell):
            if not heir.takes_over(self._checkpoint_as_heir, self.shell):
                self._checkpoint_unasked(in_background=True)

    def _checkpoint_as_heir(self, say, seconds: float) -> None:
        self._driver.says = say
        self._checkpoint_unasked(as_heir_seconds=seconds)

    def _checkpoint_unasked(self, **how) -> None:
        """To the notebook's own place, whatever the writing costs: nobody waits for it."""
        self._checkpoint(None, **how, **elasticpython.checkpoint.__kwdefaults__ | {"alpha": 0.0})

    def seconds_to_store(self) -> float | None:
        """How long nothing has to be done before `store_while_idle` is due; None: nothing is to be stored."""
        left = self.idle_time.left()
        return left if self._session.has_news and left != float("inf") else None

    def store_while_idle(self, is_wanted) -> None:
        """A checkpoint that shows nothing and ends as soon as `is_wanted` says that something else is to do;
        that is asked between variables and every few megabytes. It takes the place of the one before.

        An interrupt ends it too: a value whose `__reduce__` does not return would keep the next cell away."""
        began = time.monotonic()
        self._driver.is_wanted, self._driver.gave_way = is_wanted, False
        try:
            idle_checkpoints.check_room(places.default_directory())
            with self._interruptible():
                self._checkpoint_unasked(while_idle=True)
        except KeyboardInterrupt:
            if not self._driver.gave_way:
                self.idle_time.given_up()
        except Exception:
            self.idle_time.given_up()
            raise
        finally:
            self._driver.is_wanted = lambda: False
            self.idle_time.spent(time.monotonic() - began)

    def announcement(self, source: str):
        """One line, once, for the first cell of a notebook that has a checkpoint; else None."""
        if self._announced:
            return None
        self._announced = True
        # Only a notebook server names the notebook: nbconvert and papermill get no line of ours.
        if not places.NOTEBOOK or "restore" in source:
            return None
        try:
            return places.describe_checkpoint(places.default_directory())
        except Exception:  # an unreadable directory, no jupyter_core: no reason to fail the cell
            return None

    def damage(self):
        """One line on restored variables that turned out not to be what was stored; else None."""
        if self._again and self._session.lost_late:
            return None  # they are recomputed before the cell runs
        if self._lines:
            return self._lines.pop(0)
        found = self._session.take_damage()
        if not found:
            return None
        return (
            f"ElasticPython: not as in the checkpoint, do not rely on {', '.join(sorted(found))}: "
            f"{next(iter(found.values()))}"
        )

    # --- what people ask ------------------------------------------------------------------------------------

    def checkpoint(self, path, **options):
        """See elasticpython.checkpoint."""
        return self._checkpoint(path, **options)

    def _checkpoint(
        self,
        path,
        *,
        in_background=False,
        while_idle=False,
        as_heir_seconds=0.0,
        plan,
        plan_only,
        alpha,
        max_bytes,
        deadline,
        restore_within,
        never_store,
        always_store,
        never_rerun,
        cpu_ratio,
        keep,
        keep_days,
        keep_bytes,
        export,
        force,
    ):
        """`in_background`: the process ends. `as_heir_seconds`: this process is the heir, and done pickling
        within that time."""
        from elasticpython import limits, reports, shell_state

        directory = places.directory_of(path)
        options = {
            "directory": directory,
            "label": places.notebook_name() if path is None else "",
            "plan": plan,
            "alpha": alpha,
            "plan_only": plan_only,
            "max_bytes": limits.whole("max_bytes", max_bytes, limits.BYTES),
            "deadline": limits.limit("deadline", deadline, limits.SECONDS),
            "restore_within": limits.limit("restore_within", restore_within, limits.SECONDS),
            "cpu_ratio": cpu_ratio,
            "marks": [
                *((name, "never-store") for name in _names(never_store)),
                *((name, "always-store") for name in _names(always_store)),
                *((name, "never-rerun") for name in _names(never_rerun) if not name.isdecimal()),
            ],
            "never_rerun_cells": {int(name) for name in _names(never_rerun) if name.isdecimal()},
            "keep": limits.count("keep", keep),
            "keep_seconds": limits.days("keep_days", keep_days),
            "keep_bytes": limits.whole("keep_bytes", keep_bytes, limits.BYTES),
            "export": "" if export is None else places.local_path(export),
            "force": force,
            "in_background": in_background,
            "while_idle": while_idle,
            "as_heir_seconds": as_heir_seconds,
        }
        held = self._held_elsewhere()
        options["shell"], options["objects"] = shell_state.taken(
            self.shell, lambda value: isinstance(value, reports.Report), held,
            set(self._session.stopped_cells),
        )
        self._driver.begins("checkpoint", silent=while_idle or as_heir_seconds > 0)
        written = False
        # Nothing of the user's would print by itself meanwhile, but for what runs in threads.
        beside = while_idle and parents.has_threads()
        try:
            with nullcontext() if beside else rerunning.quietly(self.shell):
                report = reports.CheckpointReport(ask(self._session.checkpoint, options))
            written = True
        finally:
            self._driver.ended("written" if written else "stopped; the checkpoint before it stands")
        return report

    def restore(
        self,
        path,
        *,
        trust,
        safe,
        only,
        skip,
        dry_run,
        verify,
        rerun_effects,
        lazy,
        at,
    ):
        """See elasticpython.restore."""
        from elasticpython import reports

        options = {
            "directory": places.directory_of(path),
            "label": "",
            "at": at or "",
            "trust": trust,
            "safe": safe,
            "dry_run": dry_run,
            "verify": verify,
            "rerun_effects": rerun_effects,
            "lazy": lazy and self._may_load_later(),
            "only": None if only is None else _names(only),
            "skip": _names(skip or ()),
        }
        report = self._carry_out(options, self._driver.put_shell_state)
        if not dry_run:
            eagerly = {**options, "lazy": False, "at": report["checkpoint"]}
            self._again = eagerly if report["deferred"] else None
        return reports.RestoreReport(report, self._driver.rerun_output)

    def _carry_out(self, options: dict, put_shell_state) -> dict:
        """Restores. `put_shell_state(state)` follows, and returns what could not be put, as sentences."""
        from json.decoder import JSONDecoder

        from elasticpython import shell_back, shell_state
        from elasticpython.environment_changes import environment_changes

        backend = shell_state.matplotlib_backend()
        self._driver.begins("restore")
        ended = "stopped; the session is as it was"
        try:
            with self._driver.interrupts, rerunning.quietly(self.shell):
                report = JSONDecoder().decode(ask(self._session.restore, options))
                state = report.pop("shell", None)
                if not options["dry_run"]:
                    if state is not None:
                        report["shell_problems"] = put_shell_state(state)
                    report["hooks_not_here"] = shell_back.unseen_hooks(
                        self._session.history_so_far(), report["cells_rerun"], self._no_longer_held(state)
                    )
                report["environment_changes"] = environment_changes(
                    report["environment"], report.pop("modules"), report["variables"]
                )
            ended = "done"
        except BaseException:
            shell_back.choose_backend(self.shell, backend)
            raise
        finally:
            self._driver.ended(ended)
        return report

    def _no_longer_held(self, state) -> list:
        then = set((state or {}).get("held_elsewhere", ()))
        return sorted(then - set(self._held_elsewhere())) if then else []

    def _held_elsewhere(self) -> list:
        """Names of the session's functions and classes. Those that Cython makes say they are of __main__."""
        return [name for name in self._session.code_held_elsewhere() if not name.startswith("__Pyx_")]

    def _put_outputs(self, state: dict) -> list:
        from elasticpython import shell_back

        shell_back.put_outputs(self.shell, state)
        return []

    def _may_load_later(self) -> bool:
        """Whether nothing but the cells to come can read variables: no thread or task of the user's, no
        debugger, and nothing after the restore in the cell that runs."""
        ours = (threading.main_thread(), self.shell.history_manager.save_thread)
        if any(thread not in ours for thread in threading.enumerate()):
            return False
        asyncio, kernel = sys.modules.get("asyncio"), getattr(self.shell, "kernel", None)
        if kernel and asyncio.all_tasks(kernel.loop) - {asyncio.current_task(kernel.loop)}:
            return False
        return self._running is None or own_commands.ends_with_restore(self._running)

    def mark(self, names, wish) -> None:
        """See elasticpython.mark."""
        for name in _names(names):
            ask(self._session.mark, name, wish)

    def marks(self) -> dict:
        """The marks by variable."""
        return self._session.marks()

    def history(self) -> list:
        """See elasticpython.history."""
        return ask(self._session.history)

    def why(self, name: str) -> str:
        """Why a variable is linked, opaque, or attributed to its cells."""
        return self._session.why(name)


class RunningCell:
    """How a cell ends: `ended(error)` once it has."""

    outcome = "interrupted"  # what it is when nobody could say

    def ended(self, error) -> None:
        interrupted = isinstance(error, KeyboardInterrupt) or type(error).__name__ == "CancelledError"
        self.outcome = "ok" if error is None else "interrupted" if interrupted else "error"


def _utf8(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _names(names) -> list:
    return names.replace(",", " ").split() if isinstance(names, str) else [str(name) for name in names]
