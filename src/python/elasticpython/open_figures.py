"""The figures that pyplot has open (`plt.gcf()`, `plt.figure(7)`): under which numbers, and which is current.

The inline backend closes its figures when the cell ends; all others keep them. Where a variable leads to a
figure, also by an attribute of a library's object (an `Axes`), the way there is kept: it is one figure again.
"""

import sys
from collections import deque

from elasticpython import inside
from elasticpython.by_type import is_a, name_of

_LIMIT = 5_000  # objects looked at among the variables
_STEPS = 3  # at most, into a variable
_NUMBERS = {"_number", "number"}  # a figure's own, in newer and older versions
_CONTAINERS = (list, tuple, dict, deque)


def _registry():
    """pyplot's, of the managers of open figures; None without pyplot."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    return None if helpers is None else helpers.Gcf


def taken(variables: dict) -> dict:
    """{number: (variable, steps, None) or ("", (), figure)}, the current one last."""
    registry = _registry()
    managers = registry.figs if registry else {}
    figures = {int(number): manager.canvas.figure for number, manager in managers.items()
               if hasattr(number, "__index__")}
    held = _ways_to({id(figure) for figure in figures.values()}, variables) if figures else {}
    return {number: (*held[id(figure)], None) if id(figure) in held else ("", (), figure)
            for number, figure in figures.items()}


def open_again(figure, number) -> None:
    """As it was, once more. Where another figure has its number, it is open under the next one until `put`,
    which knows them all; what the figure itself says its number is stays as it was."""
    from matplotlib import pyplot

    registry, own = _registry(), {name: vars(figure)[name] for name in _NUMBERS & vars(figure).keys()}
    key = number if number not in registry.figs else max(registry.figs) + 1
    registry._set_new_active_manager(pyplot._get_backend_mod().new_figure_manager_given_figure(key, figure))
    vars(figure).update(own)
    pyplot.draw_if_interactive()


def put(numbers: list, places: dict, variables: dict) -> list:
    """Opens these and no others; returns what could not be, as sentences."""
    registry = _registry()
    if not numbers and not (registry and registry.figs):
        return []
    from matplotlib import pyplot

    registry, problems, wanted = _registry(), [], {}
    there = {id(manager.canvas.figure): manager for manager in registry.figs.values()}
    for number in numbers:
        try:
            figure = _at(variables, *places[number])
        except (LookupError, TypeError):
            problems.append(f"figure {number}, which pyplot had open, did not come back")
            continue
        wanted[number] = there.pop(id(figure), None) or \
            pyplot._get_backend_mod().new_figure_manager_given_figure(number, figure)
    for manager in there.values():
        registry.destroy(manager)
    registry.figs.clear()
    for number, manager in wanted.items():
        manager.num = number
        registry._set_new_active_manager(manager)
    return problems


def _at(variables, name, steps, figure):
    if figure is not None:
        return figure
    value = variables[name]
    for step in steps:
        value = _parts(value)[step]
    return value


def _parts(value) -> dict:
    """What is directly inside, by attribute or place; no code of the user's runs."""
    if type(value) in _CONTAINERS:
        return dict(enumerate(inside.parts_of(value)))
    if name_of(type(value)) == "numpy.ndarray":
        return dict(enumerate(value.flat)) if value.dtype.hasobject and not value.dtype.names else {}
    return inside.attributes_of(value)


def _ways_to(wanted: set, variables: dict) -> dict:
    """{id of a figure: (variable, steps)}, the shortest."""
    found, seen = {}, set()
    queue = deque((value, name, ()) for name, value in sorted(variables.items()))
    while queue and len(found) < len(wanted) and len(seen) < _LIMIT:
        value, name, steps = queue.popleft()
        if id(value) in seen or is_a(value, (type, type(sys))):
            continue
        seen.add(id(value))
        if id(value) in wanted:
            found[id(value)] = name, steps
        elif len(steps) < _STEPS:
            queue.extend((part, name, (*steps, step)) for step, part in _parts(value).items())
    return found
