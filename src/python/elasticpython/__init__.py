"""ElasticPython: a Jupyter kernel whose session comes back."""

__all__ = ["CheckpointError", "checkpoint", "history", "restore"]


class CheckpointError(Exception):
    """A checkpoint or restore could not be made; the message says what is wrong and what to do."""


def checkpoint(path=None, *, plan="optimal", plan_only=False):
    """Writes the session down, at `path` or where the notebook's checkpoints are; returns a report.

    `plan`: "optimal", "paper", "store-all" or "recompute-all". `plan_only`: reports, and writes nothing.
    Raises CheckpointError; the former checkpoint is then as it was.
    """
    from elasticpython.session import current

    return current().checkpoint(path, plan=plan, plan_only=plan_only)


def restore(path=None, *, trust=False, safe=False, only=None, skip=None, dry_run=False, at=None):
    """Brings back the session of the newest checkpoint at `path`, a directory or an exported file; reports.

    `trust`: also one that somebody else wrote: restoring runs its code. `safe`: re-runs no cell. `only`,
    `skip`: names of variables. `dry_run`: reports, and changes nothing. `at`: the name of an older
    checkpoint. Variables of the same name are replaced. Raises CheckpointError; the session is as it was
    then.
    """
    from elasticpython.session import current

    return current().restore(path, trust=trust, safe=safe, only=only, skip=skip, dry_run=dry_run, at=at)


def history():
    """The cell executions of this session, oldest first, as dicts."""
    from elasticpython.session import current

    return current().history()
