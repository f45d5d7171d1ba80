"""Figures of matplotlib once they were drawn: not opaque, and what is drawn on them is seen."""

import pickle

import numpy as np
import pytest
from test_walk_of_libraries import check_no_change, check_seen, content_of
from walk_values import core_walk

backend = pytest.importorskip("matplotlib.backends.backend_agg")
from matplotlib.figure import Figure  # noqa: E402


def drawn():
    figure = backend.FigureCanvasAgg(Figure(figsize=(2, 1))).figure
    axes = figure.add_subplot()
    axes.plot([1, 3, 2], label="a")
    axes.set_title("t")
    figure.canvas.draw()
    return figure


def state_of(walk):
    walk.walk()
    return walk.state("v")


ON_PIXELS = {
    "array over them": lambda v: np.asarray(v.canvas.renderer._renderer).__setitem__((0, 0, 0), 7),
    "cleared": lambda v: v.canvas.renderer.clear(),
    "an artist alone": lambda v: v.axes[0].draw_artist(v.axes[0].text(0, 2, "x")),
    "a region put back": lambda v: v.canvas.restore_region(v.canvas.copy_from_bbox(v.bbox), v.bbox, (3, 3)),
}


@pytest.mark.parametrize("name", ON_PIXELS)
def test_what_is_drawn_without_a_change_of_the_figure_is_one_of_its_identity(name):
    figure = drawn()
    figure.axes[0].text(0, 2, "x")  # made beforehand: what is drawn is all that changes
    figure.canvas.draw()
    walk = core_walk().Walk({"v": figure.canvas.renderer._renderer})
    before = state_of(walk)
    assert not before["opaque"] and walk.recheck() == {"v": "unchanged"}
    ON_PIXELS[name](figure)
    assert walk.recheck() == {"v": "maybe_changed"}
    after = state_of(walk)
    assert after["content"] == before["content"] and after["identity"] != before["identity"]


CHANGES = {
    "line style": lambda v: v.axes[0].lines[0].set_linestyle("--"),
    "data": lambda v: v.axes[0].lines[0].set_ydata([3, 1, 2]),
    "data in place": lambda v: v.axes[0].lines[0].get_ydata().__setitem__(0, 9),
    "title": lambda v: v.axes[0].set_title("u"),
    "new artist": lambda v: v.axes[0].plot([1, 2]),
    "removed artist": lambda v: v.axes[0].lines[0].remove(),
    "limits": lambda v: v.axes[0].set_xlim(0, 9),
    "size": lambda v: v.set_size_inches(3, 3),
    "axes": lambda v: v.add_subplot(111),
    "legend": lambda v: v.axes[0].legend(),
    "method replaced": lambda v: setattr(v.canvas.renderer, "draw_image", len),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_figure_that_was_drawn_is_seen(name):
    check_seen(drawn(), CHANGES[name])
    check_seen({"k": [drawn()]}, lambda v: CHANGES[name](v["k"][0]))


def test_looking_at_a_figure_is_no_change_and_drawing_again_none_of_the_content():
    figure = drawn()
    check_no_change(figure, lambda v: (v.canvas.buffer_rgba(), v.axes, v.axes[0].get_title(), v.dpi))
    before = content_of(figure)
    figure.canvas.draw()
    assert content_of(figure) == before


def test_functions_that_pybind_made_are_told_by_name(monkeypatch):
    kind = type(drawn().canvas.renderer._renderer)
    draw, clear = vars(kind)["draw_image"].__func__, vars(kind)["clear"].__func__
    assert content_of([draw]) != content_of([clear])
    monkeypatch.setattr(kind, "clear", None)  # one that nobody's name leads to may hold anything
    walk = core_walk().Walk({"v": clear})
    assert state_of(walk)["opaque"] and walk.recheck() == {"v": "opaque"}


def test_a_figure_that_is_loaded_is_opaque_no_more_than_the_one_that_was_stored():
    figure = drawn()
    content_of(pickle.loads(pickle.dumps(figure)))
