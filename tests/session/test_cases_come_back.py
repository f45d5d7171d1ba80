"""The cases of watching as round trips: run, checkpoint, restore in a new process, and run the case's cell
once more in both. Values, aliases and what the cell then does must be the same; the latter also where the
restore was lazy.

Each case is under one plan, chosen by its name. Where nothing can be the same (what the clock or the system's
randomness gave in the second run of the cell), only what came back is compared.
"""

import zlib

import pytest
from fork_server import HEAVY, SESSION, ForkServer, names_a_library
from portrait import differences
from watching_cases import all_cases

# Where the portrait sees more than the session: the shell itself (behind threads and sys.displayhook), what
# `functools` makes anew in each process, how far a figure has been drawn, and what pickling itself runs. An
# output that is a Mock does not load, as the report says; an array over a tree's memory has its own then; an
# Arrow buffer's repr says where it lies.
NOT_COMPARED = {
    "functions: unittest.mock",
    "meanwhile: a thread within the cell",
    "meanwhile: a pool within the cell",
    "names_unseen: globals() kept",
    "names_unseen: the shell kept",
    "names_unseen: sys.displayhook",
    "functions: lru_cache",
    "by_other_ways: functools.cache",
    "frames: sklearn tree's memory",
    "frames: arrow buffer over bytes",
    "meanwhile: pyplot sets a label",
    "names_unseen: exec in another namespace",
    "objects: __reduce__ is not run",
    "what_ran: a hit of a cache in a class",
    "what_ran: a thread in the middle of a function",
    "what_ran: a key of the namespace is one",
}
PLANS = ["optimal", "optimal", "store-all", "recompute-all"]
CASES = {name: each for name, each in all_cases().items() if not each.between}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Where cases run, and where they are restored: a pair for cells that name no library, and one for the
    others."""
    pairs = {heavy: [ForkServer(tmp_path_factory.mktemp(name), HEAVY if heavy else SESSION)
                     for name in ("original", "restored")] for heavy in (False, True)}
    yield pairs
    for server in (*pairs[False], *pairs[True]):
        server.close()


@pytest.mark.parametrize("name", CASES)
def test_a_case_comes_back(name, servers, fast_path):
    case = CASES[name]
    cells = [*case.before, case.cell]
    plan = PLANS[zlib.crc32(name.encode()) % len(PLANS)]
    task = {"cells": [*cells, case.cell], "cut": len(cells), "plans": [plan], "pauses": True,
            "directory": str(fast_path)}
    first, second = servers[names_a_library(task["cells"])]
    original = first.run("random_rounds", plan=None, **task)
    restored = second.run("random_rounds", plan=plan, **task)
    variables = restored["report"]["variables"]
    lost = {each for each, entry in variables.items() if entry["status"] == "lost"}
    assert lost == set(original["lost"][plan])
    differing = {each for each, entry in variables.items() if entry["status"] == "differs"}
    assert differing == set()
    if name in NOT_COMPARED:
        return
    if lost:  # numbers in a portrait depend on every name before
        assert set(restored["portrait"]) == set(original["portrait"]) - lost
        return
    assert differences(original["portrait"], restored["portrait"]) == []
    if case.effects & {"clock-read", "randomness-drawn", "process-asked"}:
        return
    assert differences(original["end"], restored["end"]) == []
    if name == "objects: __repr__ as the result":
        return  # the first portrait calls it too, and a lazy restore has none
    lazily = second.run("random_rounds", plan=plan, lazy=True, **task)
    assert differences(original["end"], lazily["end"]) == []
