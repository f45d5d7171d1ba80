"""What differs from process to process, or by being looked at, and is no part of a value's content."""

import functools
import inspect
import pickle
import subprocess
import sys

import pytest
from walk_values import content

PLOT = """
import sys
sys.path[:0] = {path!r}
import matplotlib.pyplot as plt
from walk_values import content
held = [object() for _ in range({held})]  # what follows has other addresses
figure, axes = plt.subplots(2, 1)
axes[0].plot([1, 2, 3], label="a")
axes[0].legend()
axes[1].semilogy([1, 10])
plt.close(figure)
print(content(figure), content(axes[0]))
"""


def test_a_figure_is_the_same_in_every_process():
    programs = [PLOT.format(path=sys.path, held=held) for held in (0, 100_000)]
    shown = {subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True).stdout
             for each in programs}
    assert len(shown) == 1


def test_pickling_a_figure_does_not_change_it():
    plt = pytest.importorskip("matplotlib.pyplot")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    plt.close(figure)
    before = content(figure)
    pickle.dumps(figure)
    assert content(figure) == before


def test_looking_at_the_locals_of_a_generator_does_not_change_it():
    def count(limit):
        for number in range(limit):
            yield number

    generator = count(5)
    next(generator)
    before = content(generator)
    assert inspect.getgeneratorlocals(generator)["number"] == 0
    assert content(generator) == before
    next(generator)
    assert content(generator) != before


def test_asking_a_partial_for_its_attributes_does_not_change_it():
    partial = functools.partial(int, base=8)
    before = content(partial)
    assert partial.__dict__ == {}
    assert content(partial) == before
    partial.note = 1
    assert content(partial) != before
