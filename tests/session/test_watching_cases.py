"""Named cases: what is missed fails, what is false is counted (docs/watching.md has the figure)."""

from pathlib import Path

import pytest

from notebook import named, session_code
from watching_cases import all_cases

CASES = all_cases()
OWN = str(Path(__file__).resolve().parents[2])  # the modules of this process, inputs of cells that reach all
figures = {"cases": 0, "true": 0, "false reads": 0, "false writes": 0}
late = {"cases": 0, "true": 0, "false": 0}


def check(about, expected, also, found):
    """Nothing missed; nothing beyond what the case allows. Returns the number of false ones."""
    missed, false = expected - found, found - expected
    assert not missed, (f"missed {about}", missed)
    assert false <= also, (f"false {about}", false - also)
    return len(false)


def run(notebook, case, idle):
    """Runs the case; returns the entry of its cell."""
    for source in case.before:
        assert notebook.run(source, idle).success, source
    notebook.run(case.cell, idle)
    if not case.between:
        notebook.tracker.settle()
    else:
        notebook.tracker.settle()
        exec(case.between, notebook.names)
        notebook.tracker.settle()
    notebook.tracker.verify()
    return notebook.last()


@pytest.mark.parametrize("name", CASES)
def test_case(notebook, name):
    case = CASES[name]
    entry = run(notebook, case, idle=True)
    assert entry["outcome"] == case.outcome
    reads, writes = named(entry, "reads"), named(entry, "writes")
    false_writes = check("writes", case.writes, case.also_writes, writes)
    # What it changes in place it reads, by whatever name; and with an object, the code it leads to.
    implied = (writes | session_code(notebook)) - case.reads
    false_reads = check("reads", case.reads, case.also_reads | implied, reads)
    assert named(entry, "deletes") == case.deletes
    effects = {effect["kind"] for effect in entry["effects"]
               if not (effect["kind"] == "file-read" and effect["detail"].startswith(OWN))}
    assert effects == case.effects, entry["effects"]
    if case.outside:
        outside = notebook.history()[-1]
        assert outside["outside_cell"] and outside["no_rerun_reason"]
        written = set().union(*(named(e, "writes") for e in notebook.history()[entry["index"] :]
                                if e["outside_cell"]))
        assert case.outside <= written, ("missed between cells", case.outside - written)
    figures["cases"] += 1
    figures["true"] += len(reads) + len(writes) - false_reads - false_writes
    figures["false reads"] += len(reads - case.reads - implied)
    figures["false writes"] += false_writes


# The topics in which variables share objects: what waits is not known to.
SHARING = [
    name
    for name in CASES
    if not CASES[name].between
    and name.split(":")[0] in ("arrays", "functions", "in_place", "meanwhile", "objects", "what_ran")
]


@pytest.mark.parametrize("name", SHARING)
def test_nothing_is_missed_when_everything_waits(notebook, name):
    """Cells back to back and a reply that waits for nothing: coarser, but as sound."""
    case = CASES[name]
    notebook.tracker.set_reply_budget(0.0)
    entry = run(notebook, case, idle=False)
    missed = case.reads - named(entry, "reads"), case.writes - named(entry, "writes")
    assert missed == (set(), set()), entry["why"]
    late["cases"] += 1
    late["true"] += len(case.reads) + len(case.writes)
    late["false"] += len(named(entry, "writes") - case.writes)


def test_there_are_enough_and_few_are_false(record_property):
    """At least 250; the figure is of the cases that ran in this process."""
    assert len(CASES) >= 250
    print(figures, late)
    record_property("figures", str((figures, late)))
