"""Reference counts, checked exactly: in a debug build of Python, which knows the sum of them all, nothing
that looks at objects may take or leave one. `make test-pydebug` runs these and all else beside them there."""

import contextlib
import gc
import sys
import types

import pytest
import walk_values
from serializer_fixtures import package_path, serializer  # noqa: F401

pytestmark = pytest.mark.skipif(
    not hasattr(sys, "gettotalrefcount"), reason="only a debug build of Python counts all references"
)

ROUNDS = 6  # of which the first fill caches, ours and Python's

# What numpy and pandas take and give back they do not count, being built for a Python that keeps no sum; a
# walk goes through numpy's objects without a call into it. test_walk_safety counts pandas' object by object.
LIBRARIES = walk_values.numpy_states() | walk_values.pandas_states()
PLAIN = {name: value for name, value in walk_values.states().items() if name not in LIBRARIES}


def growth(step):
    """By how much each of ROUNDS calls of `step` moved the sum of all reference counts, garbage collected."""
    totals = [0] * (ROUNDS + 1)
    gc.collect()
    gc.freeze()  # what is there already is no garbage: each of the collections below takes a moment only
    for i in range(ROUNDS + 1):
        totals[i] = sys.gettotalrefcount()
        step()
        gc.collect()
    idle = [0] * 3
    for i in range(3):
        idle[i] = sys.gettotalrefcount()
        gc.collect()
    gc.unfreeze()
    return [after - before - (idle[2] - idle[1]) for before, after in zip(totals, totals[1:])]


def assert_steady(step):
    steps = growth(step)
    assert steps[-2:] == [0, 0], f"references gained by each round: {steps}"


@pytest.mark.parametrize("name", [*PLAIN, *walk_values.numpy_states()])
def test_a_walk(name):
    walk = walk_values.core_walk().Walk({"v": walk_values.states()[name]})

    def look():
        walk.walk()
        walk.recheck()
        walk.state("v")
        walk.forget("v")

    assert_steady(look)


def test_a_walk_made_and_thrown_away():
    core_walk = walk_values.core_walk()
    names = {f"v{i}": value for i, value in enumerate(PLAIN.values())}
    assert_steady(lambda: core_walk.Walk(names).walk())


def test_a_walk_of_what_changes():
    value = {"list": [], "bytes": bytearray(10), "set": set()}
    walk = walk_values.core_walk().Walk(value)

    def change():
        value["list"].append([1.5])
        value["bytes"][3] += 1
        value["set"].add(len(value["list"]))
        walk.walk()
        del value["list"][:]
        value["set"].clear()
        walk.recheck()
        walk.walk()

    assert_steady(change)


CELLS = {
    "names": "a + b\nc = [f(x) for x in a]",
    "functions": "def g(x, *, y=a): return f(x) + y\ng(b)",
    "classes": "class C(B):\n    def m(self): return super().m() + b\nC().m()",
    "source in strings": "exec('a = 1'); globals()['b']; eval(c)",
    "await": "async def go():\n    await f(a)\nawait go()",
    "statements": "import json as j\nfor a in b: pass\ntry:\n    del c\nexcept E as e: print(e)",
    "a magic": "%time f(a)",
    "no Python": "this does not compile (",
}


@pytest.mark.parametrize("name", CELLS)
def test_what_a_cell_reads(name):
    from IPython.core.inputtransformer2 import TransformerManager

    from elasticpython._core import analysis

    transform = TransformerManager().transform_cell
    main = types.ModuleType("__main__")
    exec("a, b, c = [1], 2, '3'\nimport functools\ndef f(x=a): return b\n"
         "class B:\n    def m(self): return f()\nh = functools.partial(f, x=[B()])", main.__dict__)
    reads = analysis.Reads(main.__dict__)

    def analyse():
        with contextlib.suppress(SyntaxError):
            reads.of_source(transform(CELLS[name]), transform)

    assert_steady(analyse)


def dumped_and_loaded(serializer, namespace):  # noqa: F811
    """One round: every variable by itself, those that are refused too."""
    dumper = serializer.Dumper(namespace)
    restored = {"__name__": "__main__"}
    loader = serializer.Loader(restored, restored.__getitem__)
    for name in namespace:
        try:
            pickled = dumper.dump([name])
        except serializer.SerializerError:
            continue
        buffers = [bytearray(buffer) for buffer in pickled.buffers]
        try:
            restored.update(loader.load(pickled.names, pickled.pickle, buffers))
        except serializer.SerializerError:
            continue


def test_a_dump_and_a_load(serializer):  # noqa: F811
    gained = {name: growth(lambda: dumped_and_loaded(serializer, {"v": PLAIN[name]})) for name in PLAIN}
    assert not {name: steps for name, steps in gained.items() if steps[-2:] != [0, 0]}
