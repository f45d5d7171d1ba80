"""numba's compiled functions: known by what was compiled, not by the tables of the compiler. numba itself is
not among the packages of the tests: a class stands where it has its own."""

import sys
import types

import pytest
from test_walk_of_libraries import content_of
from walk_values import core_walk


@pytest.fixture
def njit(monkeypatch):
    for name in ("numba", "numba.core", "numba.core.registry"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    class CPUDispatcher:
        def __init__(self, py_func):
            self.py_func = py_func
            self.targetoptions = {"nopython": True}
            self.locals = {}
            self.overloads = {}
            self.typingctx = compiler

    compiler = {"tables": [1]}
    sys.modules["numba.core.registry"].CPUDispatcher = CPUDispatcher
    return CPUDispatcher


def double(x):
    return 2 * x


def triple(x):
    return 3 * x


def look_after(dispatcher, change):
    """What a walk says of the dispatcher after the change: (content, identity) the same as before?"""
    walk = core_walk().Walk({"v": dispatcher})
    walk.walk()
    before = walk.state("v")
    change(dispatcher)
    walk.walk()
    after = walk.state("v")
    return [before[what] == after[what] for what in ("content", "identity")]


def test_what_the_compiler_keeps_is_no_part_of_it(njit):
    assert look_after(njit(double), lambda v: v.typingctx["tables"].append(2)) == [True, True]


def test_compiling_it_for_other_types_leaves_the_content(njit):
    assert look_after(njit(double), lambda v: v.overloads.update(int64="machine code")) == [True, False]


@pytest.mark.parametrize("change", [
    lambda v: setattr(v, "py_func", triple),
    lambda v: v.targetoptions.update(nopython=False),
    lambda v: v.locals.update(x="int64"),
], ids=["function", "option", "local"])
def test_what_is_compiled_is_its_content(njit, change):
    assert look_after(njit(double), change)[0] is False


def test_functions_of_the_same_source_are_equal(njit):
    assert content_of(njit(double)) == content_of(njit(double)) != content_of(njit(triple))
