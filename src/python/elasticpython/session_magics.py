"""%checkpoint and %restore."""

import argparse
import os
import shlex

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

import elasticpython
from elasticpython import CheckpointError, elastic_magic
from elasticpython.session import current

PLANS = ("optimal", "paper", "store-all", "recompute-all")


_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}


def _bytes(text: str) -> int:
    number = text.rstrip("bBkKMGT")
    unit = text[len(number) :].rstrip("bB").replace("K", "k")
    if unit not in _UNITS:
        raise ValueError
    return int(float(number) * _UNITS[unit])


class _Help(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    """argparse, without its way of ending the process."""

    def error(self, message):
        raise UsageError(f"{self.prog}: {message}; {self.prog} --help shows what there is")

    def exit(self, status=0, message=None):
        raise _Help


def checkpoint_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="%checkpoint", description="Writes this session down, so that %restore can bring it back."
    )
    parser.add_argument(
        "path",
        nargs="?",
        help="a directory or a URL; without it, the notebook's own under the Jupyter data directory",
    )
    parser.add_argument(
        "--plan",
        nargs="?",
        const="",
        default="optimal",
        metavar="NAME",
        help="how to choose between storing and recomputing: "
        + ", ".join(PLANS)
        + "; without a name: show the plan as a table and a picture, and write nothing",
    )
    parser.add_argument(
        "--alpha",
        type=float,
        default=1.0,
        metavar="X",
        help="what a second of writing counts against one of restoring; 0: only the restore counts",
    )
    parser.add_argument("--max-bytes", type=_bytes, metavar="SIZE", help="write at most this: 200MB, 1.5GB")
    parser.add_argument("--deadline", type=float, metavar="SECONDS", help="for the writing")
    parser.add_argument("--restore-within", type=float, metavar="SECONDS", help="for the restore")
    parser.add_argument("--never-store", default="", metavar="NAMES", help="with commas between them")
    parser.add_argument("--always-store", default="", metavar="NAMES", help="with commas between them")
    parser.add_argument(
        "--never-rerun",
        default="",
        metavar="NAMES",
        help="the cells that write these variables; or indices of cells",
    )
    parser.add_argument(
        "--cpu-ratio",
        type=float,
        metavar="X",
        help="how many times as long a cell takes where it is restored",
    )
    parser.add_argument("--keep", type=int, default=8, metavar="N", help="checkpoints that stay here")
    parser.add_argument("--keep-days", type=float, metavar="DAYS", help="older checkpoints are removed")
    parser.add_argument(
        "--keep-bytes", type=_bytes, metavar="SIZE", help="of all checkpoints here; the oldest go first"
    )
    parser.add_argument(
        "--export", metavar="FILE", help="also one file to hand to somebody, for %%restore FILE"
    )
    parser.add_argument("--force", action="store_true", help="--export may replace a file")
    parser.add_argument(
        "--plan-only",
        action="store_true",
        help="say what would be stored, recomputed and lost; write nothing",
    )
    parser.add_argument("--explain", action="store_true", help="say for each variable why")
    return parser


def restore_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="%restore",
        description="Brings back the session of the newest checkpoint. Variables of the "
        "same name are replaced, others stay.",
    )
    parser.add_argument(
        "path",
        nargs="?",
        help="a directory, a URL or an exported file; without it, the notebook's own checkpoints",
    )
    parser.add_argument(
        "--trust", action="store_true", help="also one that somebody else wrote: restoring runs its code"
    )
    parser.add_argument("--safe", action="store_true", help="run no cell again: what would need that is lost")
    parser.add_argument("--only", metavar="NAMES", help="these variables only, with commas between them")
    parser.add_argument("--skip", metavar="NAMES", help="not these variables")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would come back and how; change nothing"
    )
    parser.add_argument(
        "--verify", action="store_true", help="compare everything, however large, before it is done"
    )
    parser.add_argument(
        "--rerun-effects",
        action="store_true",
        help="run also cells again that wrote files, connected or started processes",
    )
    parser.add_argument(
        "--lazy",
        action="store_true",
        help="load what no re-run needs when a cell reads it, or while the kernel is idle",
    )
    parser.add_argument(
        "--show-output", action="store_true", help="show what cells that were run again showed"
    )
    parser.add_argument(
        "--list", action="store_true", help="what checkpoints there are, with what --at calls them"
    )
    parser.add_argument(
        "--at", metavar="NAME", help="an older checkpoint, by its name or the beginning of it"
    )
    parser.add_argument("--explain", action="store_true", help="say for each variable why")
    return parser


@magics_class
class SessionMagics(Magics):
    """%checkpoint and %restore."""

    @line_magic
    def checkpoint(self, line):
        """Writes this session down: %checkpoint [PATH] [--plan NAME] [--plan-only]. See %checkpoint
        --help."""

        def run(path, plan, **wishes):
            if plan == "" or plan not in PLANS and os.sep in plan:
                # "--plan" alone, which takes a path that follows it for a name.
                path, plan, wishes["plan_only"] = path or plan or None, "optimal", True
            return current().checkpoint(path, plan=plan, **wishes)

        return self._run(checkpoint_parser(), line, run)

    @line_magic
    def restore(self, line):
        """Brings a session back: %restore [PATH] [--trust] [--safe] [--only NAMES]. See %restore
        --help."""

        def run(path, **options):
            return current().restore(path, **options)

        return self._run(restore_parser(), line, run)

    def _run(self, parser, line, run):
        """Calls `run` with what the line asks of the session, and shows the report as it asks."""
        try:
            options = vars(parser.parse_args(shlex.split(line)))
        except ValueError as error:
            raise UsageError(f"{parser.prog}: {error}") from None
        except _Help:
            return None
        explain, show_output = options.pop("explain"), options.pop("show_output", False)
        try:
            if options.pop("list", False):
                return elasticpython.checkpoints(options["path"])
            report = run(**options)
        except (CheckpointError, OSError) as error:
            raise UsageError(f"{parser.prog}: {error}") from None
        report.print()
        if show_output:
            report.show_output()
        if explain:
            print(report.explanation())
        return report


def complete(shell, event):
    """IPython's `complete_command` hook: options, plans, and paths of the line."""
    words = event.line.split()
    magic = words[0].lstrip("%") if words else ""
    parser = checkpoint_parser() if magic == "checkpoint" else restore_parser()
    symbol = event.symbol
    last = words[-2] if len(words) > 1 and not event.line.endswith(" ") else words[-1] if words else ""
    if last == "--plan":
        return [plan for plan in PLANS if plan.startswith(symbol)]
    if last in ("--only", "--skip"):
        return []
    if symbol.startswith("-") or event.line.endswith("-"):
        return [
            option
            for action in parser._actions
            for option in action.option_strings
            if option.startswith("--") and option.startswith(symbol)
        ]
    return _paths(symbol) + (
        []
        if symbol
        else [
            option
            for action in parser._actions
            for option in action.option_strings
            if option.startswith("--")
        ]
    )


def _paths(beginning: str) -> list:
    directory, name = os.path.split(beginning)
    try:
        entries = sorted(os.listdir(os.path.expanduser(directory) or "."))
    except OSError:
        return []
    return [
        os.path.join(directory, entry)
        + ("/" if os.path.isdir(os.path.join(os.path.expanduser(directory), entry)) else "")
        for entry in entries
        if entry.startswith(name) and (name or not entry.startswith("."))
    ]


def register(shell) -> None:
    """Makes the magics known to `shell`."""
    shell.register_magics(SessionMagics)
    elastic_magic.register(shell)
    for command in ("%checkpoint", "%restore", "checkpoint", "restore"):
        shell.set_hook("complete_command", complete, str_key=command)
