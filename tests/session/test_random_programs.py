"""Random notebooks against an oracle: whatever a cell changed, bound or read must be in its record.

The oracle pickles every variable before and after each cell and knows what each generated statement
reads. One run is ELASTICPYTHON_PROGRAMS programs (default 2000) from the seed it prints; ELASTICPYTHON_SEED
replays it. A twentieth as many have memory whose pages are watched, or would be. How a program runs is drawn
with it: how long a reply may wait, how long the pauses between its cells are.
"""

import gc
import io
import os
import pickle
import random
import sys
import time
import types

import numpy as np
import pandas as pd  # noqa: F401  before what is there is set aside for the search for escaped code
import pytest
from elasticpython._core import tracker as core
from elasticpython._core import walk

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


class LargeProgram(Program):
    """With arrays, frames and bytearrays of 4 to 20 MB, written by whatever writes memory."""

    def statement(self):
        rng = self.rng
        if rng.random() < 0.35:
            return super().statement()
        target, number = rng.choice(NAMES), rng.randrange(1, 100)
        large = [name for name in NAMES if is_large(self.names.get(name))]
        count = rng.choice([530_000, 530_000, 1_100_000, 2_300_000])
        choice = rng.randrange(40)
        name = rng.choice(large) if large else None
        if choice < 6 or name is None:
            made = rng.choice(["np.zeros({})", "np.arange({}, dtype=float)", "bytearray(8 * {})",
                               "np.full({}, 7.0)", "np.ones({}, dtype=np.int64)"]).format(count)
            return f"{target} = {made}", {"np"} if "np" in made else set()
        value = self.names[name]
        at = rng.choice([0, 1, 511, 512, 4096, -1, -2, -600, len(value) // 2, rng.randrange(len(value))])
        if isinstance(value, bytearray):
            return rng.choice([
                (f"{name}[{at}] = {number}", {name}),
                (f"{target} = np.frombuffer({name}, dtype=np.uint8)", {name, "np"}),
                (f"{target} = memoryview({name})", {name}),
                (f"memoryview({name})[8:80] = bytes([{number}]) * 72", {name}),
                (f"try: {name}.extend(b'abc')\nexcept BufferError: pass", {name}),
                (f"try: del {name}[:9]\nexcept BufferError: pass", {name}),
                (f"{target} = {{'k': [{name}]}}", {name}),
            ])
        return rng.choice([
            (f"{name}[{at}] = {number}", {name}),
            (f"{name}[{at}] = {name}[{at}]", {name}),
            (f"{name}[{at}] += 1", {name}),
            (f"{name}[{at}:] = {number}", {name}),
            (f"{name} += 1", {name}),
            (f"{name}.fill({number})", {name}),
            (f"np.copyto({name}, {number})", {name, "np"}),
            (f"{name}.sort()", {name}),
            (f"np.put({name}, [{at}], {number})", {name, "np"}),
            (f"np.add.at({name}, [0, {at}], 1)", {name, "np"}),
            (f"np.add({name}, 1, out={name})", {name, "np"}),
            (f"memoryview({name}).cast('B')[{at}] = {number}", {name}),
            (f"ctypes.memset({name}.ctypes.data + 9 * {name}.strides[0], {number}, 1)", {name, "ctypes"}),
            (f"t = threading.Thread(target={name}.fill, args=({number},)); t.start(); t.join(); del t",
             {name, "threading"}),
            (f"random.Random({number}).shuffle({name}[:9])", {name, "random"}),
            (f"{name}[{at}] = {number}; {name}[{at}] = 1", {name}),
            (f"{name}[3] = {number}; 1 / 0", {name}),
            (f"{target} = {name}[1:]", {name}),
            (f"{target} = {name}[:600_000]", {name}),
            (f"{target} = {name}[::-1]", {name}),
            (f"{target} = {name}.view(np.uint8)", {name, "np"}),
            (f"{target} = {name}.copy()", {name}),
            (f"{target} = {name} + 1", {name}),
            (f"{target} = [{name}, {number}]", {name}),
            (f"{target} = {{'k': [{name}]}}", {name}),
            (f"{target} = Box({name})", {name, "Box"}),
            (f"{target} = {name}", {name}),
            (f"{target} = (lambda q={name}: q.fill({number}))", {name}),
            (f"{target} = pd.DataFrame({{'x': {name}}}, copy=False)", {name, "pd"}),
            (f"{target} = pd.Series({name})", {name, "pd"}),
            (f"{target} = np.array([None, {name}], dtype=object)", {name, "np"}),
            (f"{name} = {name} * 2", {name}),
            (f"{name} = np.zeros({count})", {"np"}),
            (f"del {name}; {name} = np.zeros({count})", {"np"}),
            (f"del {name}", set()),
            *self.through(target, number, at),
        ])

    def through(self, target, number, at):
        """By way of what holds a large one."""
        def holds(value):
            return isinstance(value, list) and value and is_large(value[0])

        def frame(value):
            return type(value).__name__ in ("DataFrame", "Series")

        for name in self.rng.sample(NAMES, len(NAMES)):
            value = self.names.get(name)
            if holds(value) and len(value[0]) > 4096:
                return [(f"{name}[0][{at % 4096}] = {number}", {name}), (f"{target} = {name}[0]", {name})] * 4
            if frame(value):
                return [(f"{name}.iloc[{at % 4096}] = {number}", {name}), (f"{target} = {name}[3:]", {name}),
                        (f"{target} = {name}.to_numpy()", {name}), (f"{name} *= 2", {name}),
                        (f"{name}.sort_index(ascending=False, inplace=True)", {name})] * 2
            if isinstance(value, types.FunctionType) and value.__defaults__:
                return [(f"{name}()", {name})] * 4
        return []


def is_large(value):
    """Whether a program may write to it as it would to an array."""
    if isinstance(value, bytearray):
        return len(value) > 1 << 20
    return isinstance(value, np.ndarray) and value.nbytes > 1 << 20 and value.flags.writeable


WEIGHTS = np.random.default_rng(1).integers(1, 1 << 62, 1 << 20, dtype=np.uint64) | np.uint64(1)


class Imager(pickle.Pickler):
    """Stands in for large arrays by sums that differ where these do."""

    def reducer_override(self, value):
        if isinstance(value, np.ndarray) and value.nbytes > 1 << 20 and value.dtype != object:
            return str, (summary(value), str(value.dtype) + str(value.shape))
        if isinstance(value, memoryview):
            return str, (summary(np.asarray(value)),)
        return NotImplemented

    def persistent_id(self, value):
        return summary(np.frombuffer(value, np.uint8)) if type(value) is bytearray and len(value) > 1 << 20 \
            else None


def summary(array):
    """A sum over the array's bytes, each weighed by its place."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    words = data[: len(data) // 8 * 8].view(np.uint64)
    total = 0
    for at in range(0, len(words), len(WEIGHTS)):
        part = words[at : at + len(WEIGHTS)]
        total = (total * 3 + int(np.dot(part, WEIGHTS[: len(part)]))) % (1 << 64)
    return f"{len(data)} {total} {bytes(data[len(words) * 8 :]).hex()}"


def image(value):
    """What the value is, as bytes: equal for equal states, aliases within it included."""
    if isinstance(value, types.FunctionType):
        value = value.__code__.co_code, value.__defaults__
    try:
        out = io.BytesIO()
        Imager(out, 4).dump(value)
        return out.getvalue()
    except Exception:
        return b"?"


def images(names):
    """The image and identity of every variable of the program."""
    return {name: (image(value), id(value)) for name, value in names.items() if name in NAMES}


def pause(tracker, rng, longest):
    """What may come between two cells."""
    choice = rng.random()
    if choice < longest / 2:
        tracker.settle()
    elif choice < longest * 0.7:
        tracker.catch_up(rng.choice([0.0, 0.0005, 0.005]))
    elif choice < longest * 0.8:
        tracker.catch_up(0.01, wanted=True)


def run_program(seed, figures, kind=Program):
    """Runs one program plain, watched; fails on the first thing missed."""
    rng = random.Random(seed)
    longest = rng.choice([0, 0.5, 1, 1])
    main = types.ModuleType("__main__")
    saved = sys.modules["__main__"]
    sys.modules["__main__"] = main
    names = main.__dict__
    try:
        tracker = core.Tracker(names)
        if rng.random() < 0.3:
            tracker.set_reply_budget(rng.choice([0, 0.0001]))
        setup = (
            "import ctypes, random, threading\nimport numpy as np\nimport pandas as pd\n"
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
            except Exception:
                outcome = "error"
            tracker.after_cell(outcome)
            after = images(names)
            changed = {name for name in after if name in before and after[name] != before[name]} | (
                set(after) - set(before)
            )
            truth.append((source, reads & existed, changed, set(before) - set(after)))
            pause(tracker, rng, longest)
            program = program or kind(rng, names)
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


def run_programs(count, kind, record_property):
    """Counts what was true and false."""
    figures = {"writes": 0, "false writes": 0, "reads": 0}
    print("seed", SEED)
    gc.freeze()  # escaped code is looked for among all objects: not among those of pytest
    try:
        for n in range(count):
            run_program(SEED + n, figures, kind)
    finally:
        gc.unfreeze()
    print(figures)
    record_property("figures", str(figures))


@pytest.mark.timeout(60 + PROGRAMS)
def test_random_programs(record_property):
    run_programs(PROGRAMS, Program, record_property)


@pytest.mark.timeout(60 + PROGRAMS)
@pytest.mark.parametrize("pages", ["watched", "hashed"])
def test_random_programs_with_large_memory(pages, record_property):
    before = walk.page_tracking()["on"]
    walk.set_page_tracking(pages == "watched")
    try:
        run_programs(PROGRAMS // 40, LargeProgram, record_property)
    finally:
        walk.set_page_tracking(before)
