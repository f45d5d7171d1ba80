"""Random notebooks against an oracle: whatever a cell changed, bound or read must be in its record.

The oracle pickles every variable before and after each cell and knows what each generated statement
reads. One run is ELASTICPYTHON_PROGRAMS programs (default 2000) from the seed it prints; ELASTICPYTHON_SEED
replays it.
"""

import gc
import os
import pickle
import random
import sys
import time
import types

import numpy as np
import pytest
from elasticpython._core import tracker as core

from notebook import named

PROGRAMS = int(os.environ.get("ELASTICPYTHON_PROGRAMS", "2000"))
SEED = int(os.environ.get("ELASTICPYTHON_SEED", str(time.time_ns() % 10**9)))
NAMES = list("abcdefgh")


class Program:
    """Makes cells one at a time, looking at the live namespace for what can be done with it."""

    def __init__(self, rng, names):
        self.rng = rng
        self.names = names
        self.reads = {}  # what calling a function reads
        self.serial = 0

    def of(self, *kinds):
        """A variable of one of these types, or None."""
        found = [name for name in NAMES if type(self.names.get(name)) in kinds]
        return self.rng.choice(found) if found else None

    def statement(self):
        """(source, names it reads for certain)."""
        rng = self.rng
        target = rng.choice(NAMES)
        some = self.of(list, dict, set, np.ndarray, self.names["Box"], int, str)
        choice = rng.randrange(22)
        number = rng.randrange(100)
        if choice == 0 or some is None:
            return f"{target} = [{number}, [{number}]]", set()
        if choice == 1:
            return f"{target} = {{'k': {number}, 'l': []}}", set()
        if choice == 2:
            return f"{target} = {some}", {some}
        if choice == 3:
            return f"{target} = [{some}, {number}]", {some}
        if choice == 4:
            return f"{target} = {{'k': {some}}}", {some}
        if choice == 5:
            return f"{target} = np.arange({number % 5 + 2})", {"np"}
        if choice == 6:
            return f"{target} = Box({some})", {"Box", some}
        if choice == 7:
            return f"del {some}", set()
        if choice == 8:
            return f"{target} = {number}", set()
        if choice == 9 and (name := self.of(list)):
            return f"{name}.append({number})", {name}
        if choice == 10 and (name := self.of(list)):
            return f"if len({name}) > 2: {name}.pop()", {name}
        if choice == 11 and (name := self.of(dict)):
            return f"{name}[{number % 3}] = {some}", {name, some}
        if choice == 12 and (name := self.of(np.ndarray)):
            return f"{name}[-1:] += {number}", {name}
        if choice == 13 and (name := self.of(np.ndarray)):
            return f"{target} = {name}[1:]", {name}
        if choice == 14 and (name := self.of(self.names["Box"])):
            return f"{name}.value = {some}", {name, some}
        if choice == 15 and (name := self.of(self.names["Box"])):
            return f"{name}.touch()", {name}
        if choice == 16 and (name := self.of(list)):
            self.serial += 1
            function = f"f{self.serial}"
            self.reads[function] = name
            return f"def {function}(): {name}.append({number})", set()
        if choice == 17 and self.reads:
            function = rng.choice(list(self.reads))
            used = self.reads[function]
            if type(self.names.get(used)) is list:
                return f"{function}()", {function, used}
        if choice == 18 and (name := self.of(list)):
            return f"{name}.append({number}); 1 / 0; {target} = 1", {name}
        if choice == 19:
            return f"globals()[{target!r}] = [{number}]", set()
        if choice == 20 and (name := self.of(list)):
            return f"{name}[:] = [{some}]", {name, some}
        if choice == 21 and (name := self.of(list)):
            return f"{target} = (lambda q={name}: q.append({number}))", {name}
        return f"{target} = random.random()", {"random"}


def image(value):
    """What the value is, as bytes: equal for equal states, aliases within it included."""
    if isinstance(value, types.FunctionType):
        return pickle.dumps((value.__code__.co_code, value.__defaults__), 4)
    try:
        return pickle.dumps(value, 4)
    except Exception:
        return b"?"


def images(names):
    """The image and identity of every variable of the program."""
    return {name: (image(value), id(value)) for name, value in names.items() if name in NAMES}


def run_program(seed, figures):
    """Runs one program plain, watched; fails on the first thing missed."""
    rng = random.Random(seed)
    main = types.ModuleType("__main__")
    saved = sys.modules["__main__"]
    sys.modules["__main__"] = main
    names = main.__dict__
    try:
        tracker = core.Tracker(names)
        setup = (
            "import random\nimport numpy as np\n"
            "class Box:\n  def __init__(self, value): self.value = value; self.n = 0\n"
            "  def touch(self): self.n += 1\n"
        )
        program = None
        truth = []
        for index in range(rng.randrange(6, 16)):
            if program is None:
                source, reads = setup, set()
            else:
                source, reads = program.statement()
            before = images(names)
            existed = set(names)
            tracker.before_cell(source, source, index + 1)
            outcome = "ok"
            try:
                exec(compile(source, "<cell>", "exec"), names)
            except ZeroDivisionError:
                outcome = "error"
            tracker.after_cell(outcome)
            after = images(names)
            changed = {name for name in after if name in before and after[name] != before[name]} | (
                set(after) - set(before)
            )
            truth.append((source, reads & existed, changed, set(before) - set(after)))
            if rng.random() < 0.5:
                tracker.settle()
            program = program or Program(rng, names)
        tracker.settle()
        tracker.verify()
        check(tracker, truth, seed, figures)
    finally:
        sys.modules["__main__"] = saved


def check(tracker, truth, seed, figures):
    """Compares the records with what really happened."""
    import json

    entries = [entry for entry in json.loads(tracker.history()) if not entry["outside_cell"]]
    assert len(entries) == len(truth)
    for entry, (source, reads, changed, deleted) in zip(entries, truth):
        about = f"seed {seed}: {source!r} in {[t[0] for t in truth]}"
        assert reads <= named(entry, "reads"), f"missed reads {reads - named(entry, 'reads')}, {about}"
        assert changed <= named(
            entry, "writes"
        ), f"missed writes {changed - named(entry, 'writes')}, {about}"
        assert deleted == named(entry, "deletes"), about
        figures["writes"] += len(changed)
        figures["false writes"] += len((named(entry, "writes") & set(NAMES)) - changed)
        figures["reads"] += len(named(entry, "reads"))


@pytest.mark.timeout(60 + PROGRAMS)
def test_random_programs(record_property):
    figures = {"writes": 0, "false writes": 0, "reads": 0}
    print("seed", SEED)
    gc.freeze()  # escaped code is looked for among all objects: not among those of pytest
    try:
        for n in range(PROGRAMS):
            run_program(SEED + n, figures)
    finally:
        gc.unfreeze()
    print(figures)
    record_property("figures", str(figures))
