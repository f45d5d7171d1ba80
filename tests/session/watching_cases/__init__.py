"""Small notebooks as data, by topic: what the last cell of each reads, writes, deletes and does outside.

`reads` and `writes` are exact: nothing of them may be missed, and more is allowed only where `also_reads` and
`also_writes` state it (a superset that is known and counted as false). What a cell changes in place counts as
read without being listed.
"""

import importlib
import pkgutil
from dataclasses import dataclass

NUMPY = "import numpy as np"
PANDAS = "import numpy as np\nimport pandas as pd"


@dataclass(frozen=True)
class Case:
    """One notebook: the cells `before`, and `cell`, of which the rest speaks."""

    before: tuple
    cell: str
    reads: frozenset
    writes: frozenset
    deletes: frozenset
    effects: frozenset  # kinds
    also_reads: frozenset
    also_writes: frozenset
    outcome: str
    between: str  # runs after the cell, with no cell running
    outside: frozenset  # what the entry of its own then wrote


def case(before, cell, reads="", writes="", deletes="", *, effects="", also_reads="", also_writes="",
         outcome="ok", between="", outside=""):
    """Lists of names as words."""
    def words(text):
        return frozenset(text.split())

    before = (before,) if isinstance(before, str) else tuple(before)
    return Case(tuple(filter(None, before)), cell, words(reads), words(writes), words(deletes),
        words(effects),
                words(also_reads), words(also_writes), outcome, between, words(outside))


def all_cases():
    """{"topic: name": Case} of every module here."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        topic = importlib.import_module(f"{__name__}.{module.name}")
        for name, each in topic.CASES.items():
            found[f"{module.name}: {name}"] = each
    return found
