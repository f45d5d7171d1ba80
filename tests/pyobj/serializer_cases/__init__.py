"""Round trips of the serialiser, as data: what a session did, and what its next cell must find.

`cell` runs in a namespace that is `__main__`'s; `check` runs in the restored one, in another process, and on
the original afterwards (a check that fails there is wrong itself). A variable is a group of its own unless
`linked` says otherwise; classes, functions and modules are references for the others, as in a session.
"""
from dataclasses import dataclass, field

CASES = []


@dataclass
class Case:
    name: str
    cell: str
    check: str = ""
    linked: list = field(default_factory=list)      # [("a", "b"), ...]
    refuses: dict = field(default_factory=dict)     # variable -> the error's beginning; the others come back
    references: tuple = ()                          # further variables that others refer to
    needs: tuple = ()                               # modules without which the case is skipped
    notes: str = ""                                 # a word some note has to hold
    modern: bool = False                            # holds for pandas 3 and numpy 2, not for Debian's
    only_loaded: bool = False                       # the check does not hold for the original


def case(name, cell, check="", **options):
    assert all(known.name != name for known in CASES), name
    CASES.append(Case(name, cell, check, **options))


from . import aliasing, arrays, builtin_values, classes  # noqa: E402,F401
from . import derived, files, functions, libraries, process, refusals, stdlib, traps  # noqa: E402,F401
