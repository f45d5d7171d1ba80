"""ElasticPython: a Jupyter kernel whose session comes back."""

__all__ = ["CheckpointError", "checkpoint", "checkpoints", "history", "mark", "restore"]


class CheckpointError(Exception):
    """A checkpoint or restore could not be made; the message says what is wrong and what to do."""


def checkpoint(
    path=None,
    *,
    plan="optimal",
    plan_only=False,
    alpha=1.0,
    max_bytes=None,
    deadline=None,
    restore_within=None,
    never_store=(),
    always_store=(),
    never_rerun=(),
    cpu_ratio=None,
    keep=8,
    keep_days=None,
    keep_bytes=None,
    export=None,
    force=False,
):
    """Writes the session down, at `path` or where the notebook's checkpoints are; returns a report.

    `plan`: "optimal", "paper", "store-all" or "recompute-all". `plan_only`: reports, and writes nothing.
    `alpha`: what a second of writing counts against one of restoring, from 0 to 1000. `max_bytes`: to be
    written; `deadline`, `restore_within`: seconds for writing and for restoring. A limit that no plan keeps
    is given up, and the report says so. `never_store`, `always_store`: names of variables; `never_rerun`:
    names, for the cells that write them, or indices of cells; for this checkpoint, `mark` is for all.
    `cpu_ratio`: how many times as long a cell takes where the session will be restored.
    `keep`, `keep_days`, `keep_bytes`: older checkpoints of the place that are more, older or together larger
    are removed, automatic ones counted apart; this one stays. `export`: also one file that holds this
    checkpoint, to hand to somebody; `force`: it may replace a file.
    Raises CheckpointError; the former checkpoint is then as it was.
    """
    options = {name: value for name, value in locals().items() if name != "path"}
    from elasticpython.session import current

    return current().checkpoint(path, **options)


def restore(
    path=None,
    *,
    trust=False,
    safe=False,
    only=None,
    skip=None,
    dry_run=False,
    verify=False,
    rerun_effects=False,
    lazy=False,
    at=None,
):
    """Brings back the session of the newest checkpoint at `path`, a directory or an exported file; reports.

    `trust`: also one that somebody else wrote: restoring runs its code. `safe`:
    re-runs no cell. `only`, `skip`: names of variables. `dry_run`: reports, and changes nothing. `verify`:
    reads and compares everything before it returns, however large. `rerun_effects`: re-runs also cells that
    wrote files, connected or started processes. `lazy`: what no re-run needs is loaded when a cell reads
    it, or while the kernel is idle. `at`: the name of an older checkpoint. Variables of the same
    name are replaced. Raises CheckpointError; the session is as it was then.
    """
    options = {name: value for name, value in locals().items() if name != "path"}
    from elasticpython.session import current

    return current().restore(path, **options)


def checkpoints(path=None):
    """The checkpoints at `path`, a directory, a URL or an exported file, or of this notebook: oldest first.

    The list prints as a table; `to_dict()` has for each its name, `at` (what `restore(at=...)` takes),
    `created` (seconds since 1970), `bytes`, `variables`, and `automatic`: made at shutdown or while idle.
    Raises CheckpointError.
    """
    from elasticpython.checkpoint_list import CheckpointList

    return CheckpointList.at(path)


def mark(names, wish):
    """How checkpoints treat these variables, in this session and those restored from it.

    `wish`: "never-store"; "always-store"; "never-rerun", the cells that write them are not run again on
    restore; "none" takes their marks away. Cells can carry the first three as tags.
    """
    from elasticpython.session import current

    current().mark(names, wish)


def history():
    """The cell executions of this session, oldest first, as dicts."""
    from elasticpython.session import current

    return current().history()
