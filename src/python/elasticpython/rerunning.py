"""How a cell is run once more without a trace."""

import io
import sys
from contextlib import contextmanager

from elasticpython import library_settings
from elasticpython.streams import NotebookStream


@contextmanager
def quietly(shell):
    """Nothing that runs in here shows in the notebook."""
    from IPython.utils.capture import CapturedIO, capture_output

    def show_nothing(*_, **__):
        return None

    patched = {name: show_nothing for name in ("showtraceback", "showsyntaxerror")}
    before = {name: shell.__dict__[name] for name in patched if name in shell.__dict__}
    output, errors = io.StringIO(), io.StringIO()
    with (
        capture_output(stdout=False, stderr=False) as shown,
        _diverted("stdout", output),
        _diverted("stderr", errors),
    ):
        shell.__dict__.update(patched)
        try:
            yield CapturedIO(output, errors, shown._outputs)
        finally:
            for name in patched:
                shell.__dict__.pop(name, None)
            shell.__dict__.update(before)


@contextmanager
def _diverted(name: str, to):
    """`sys.stdout` or `sys.stderr` writes there. Where it is not ours, `to` takes its place meanwhile."""
    stream = getattr(sys, name)
    if isinstance(stream, NotebookStream):
        with stream.diverted(to):
            yield
        return
    setattr(sys, name, to)
    library_settings.STREAMS.setdefault(name, stream)
    try:
        yield
    finally:
        setattr(sys, name, stream)
        if library_settings.STREAMS[name] is stream:
            del library_settings.STREAMS[name]


def run_again(shell, source: str, execution_count: int) -> tuple:
    """(what a recorded cell raised, what it showed) as it runs once more, which In and Out do not show.

    What it shows is made as it was then: a `__repr__` can change things, and figures are drawn.
    """
    hook, result_of_running = shell.displayhook, getattr(shell.displayhook, "exec_result", None)
    number = shell.execution_count
    with quietly(shell) as captured:
        trap, displayed = shell.display_trap, shell.display_trap.hook
        trap.hook = sys.displayhook  # which captures
        try:
            shell.execution_count = execution_count or number  # tracebacks name the cell by it
            result = _run(shell, source)
        finally:
            shell.execution_count = number
            trap.hook = displayed
    hook.exec_result = result_of_running
    return result.error_before_exec or result.error_in_exec, captured


def _run(shell, source: str):
    transformed = shell.transform_cell(source)
    if not shell.should_run_async(source, transformed_cell=transformed):
        return shell.run_cell(source, store_history=False)
    from elasticpython.running_loop import lent

    with lent() as loop:  # by the cell that asked for the restore, and holds the thread
        result = loop.run_until_complete(
            shell.run_cell_async(source, store_history=False, transformed_cell=transformed)
        )
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
        return result
