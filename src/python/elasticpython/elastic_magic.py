"""%elastic: what to say to, and to ask of, the session. A subcommand is a function in SUBCOMMANDS."""

import shlex
from collections.abc import Callable
from typing import NamedTuple

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from elasticpython import CheckpointError
from elasticpython.session import MARKS, current


class Subcommand(NamedTuple):
    """`run` takes the words after the subcommand and returns what is printed, or None."""

    run: Callable
    usage: str
    help: str


def mark(words):
    """%elastic mark [NAME... WISH]."""
    if not words:
        marks = current().marks()
        return "\n".join(f"{name}: {', '.join(each)}" for name, each in sorted(marks.items())) or "no marks"
    *names, wish = words
    if not names:
        raise UsageError(f"%elastic mark: of which variable? {SUBCOMMANDS['mark'].usage}")
    return current().mark([name for word in names for name in word.split(",") if name], wish)


def why(words):
    """%elastic why NAME..."""
    if not words:
        raise UsageError(f"%elastic why: which variable? {SUBCOMMANDS['why'].usage}")
    return "\n".join(current().why(name) for name in words)


def history(words):
    """%elastic history [LAST]: a cell execution a paragraph."""
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        raise UsageError(f"%elastic history: how many cells? {SUBCOMMANDS['history'].usage}")
    cells = current().history()
    last = int(words[0]) if words else len(cells)
    return "\n".join(map(_described, cells[max(0, len(cells) - last) :])) or "no cell has run"


def _described(cell) -> str:
    first, *more = cell["source"].strip().splitlines() or [""]
    prompt = f"[{cell['execution_count']}]" if cell["execution_count"] else "[ ]"
    outcome = "" if cell["outcome"] == "ok" else f", {cell['outcome']}"
    head = f"{cell['index']:4} {prompt:>6} {first[:60]}{' ...' if more or len(first) > 60 else ''}"
    lines = [f"{head}  ({cell['seconds']:.3f} s{outcome})"]
    for key in ("reads", "writes", "deletes"):
        if cell[key]:
            lines.append(f"{'':12}{key + ':':9}{' '.join(sorted(cell[key]))}")
    for effect in cell["effects"]:
        lines.append(f"{'':12}{'effect:':9}{effect['kind']} {effect['detail']}")
    if cell["no_rerun_reason"]:
        lines.append(f"{'':12}not re-run: {cell['no_rerun_reason']}")
    return "\n".join(lines)


SUBCOMMANDS = {
    "history": Subcommand(
        history, "history [LAST]", "the cells that ran, with what each read, wrote, deleted and did outside"
    ),
    "why": Subcommand(
        why, "why NAME...", "why a variable is linked to others, opaque, or attributed to the cells it is"
    ),
    "mark": Subcommand(
        mark,
        f"mark [NAME... {'|'.join(MARKS)}]",
        "how checkpoints treat a variable (never-rerun: the cells that write it); without words: all marks",
    ),
}


@magics_class
class ElasticMagics(Magics):
    """%elastic."""

    @line_magic
    def elastic(self, line):
        """%elastic SUBCOMMAND ...; %elastic alone says which there are."""
        words = shlex.split(line)
        if not words or words[0] in ("-h", "--help", "help"):
            print("\n".join(f"%elastic {each.usage}\n    {each.help}" for each in SUBCOMMANDS.values()))
            return
        subcommand = SUBCOMMANDS.get(words[0])
        if subcommand is None:
            raise UsageError(f"%elastic: there is no {words[0]!r}; there are: {', '.join(SUBCOMMANDS)}")
        try:
            said = subcommand.run(words[1:])
        except CheckpointError as error:
            raise UsageError(f"%elastic {words[0]}: {error}") from None
        if said:
            print(said)


def complete(shell, event):
    """IPython's `complete_command` hook: subcommands, marks, names of variables."""
    words = event.line.split()
    before = words[1:] if event.line.endswith(" ") else words[1:-1]
    if not before:
        choices = list(SUBCOMMANDS)
    else:
        choices = [name for name in shell.user_ns if not name.startswith("_")]
        if before[0] == "mark" and len(before) > 1:
            choices = [*MARKS, *choices]
        if before[0] == "history":
            choices = []
    return [choice for choice in choices if choice.startswith(event.symbol)]


def register(shell) -> None:
    """Makes the magic known to `shell`."""
    shell.register_magics(ElasticMagics)
    for command in ("%elastic", "elastic"):
        shell.set_hook("complete_command", complete, str_key=command)
