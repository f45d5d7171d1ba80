"""Objects inside variables, by paths that a checkpoint can hold: y, 0, 2 is the third part of y's first.

An output that shows part of a variable (`Out[3]` where a later cell says `y = {"k": Out[3]}`) is stored with
a reference to that part, so that both are one object again. Parts are the elements of lists, tuples and
dicts (their values) and the attributes of instances of the session's own classes. No code of the user's runs.
"""

from collections import deque

_SEQUENCES = (list, tuple, deque)
_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
_STEP = "\x1f"  # between the steps of a path; a name may have any other character, by way of globals()
_LIMIT = 50_000  # objects looked at among the outputs, and among the variables: some milliseconds


def parts_of(value):
    """What is directly inside, in an order that a copy of the value has too."""
    kind = type(value)
    if kind in _SEQUENCES:
        return list(value)
    if issubclass(kind, dict):
        return list(dict.values(value))
    if kind.__module__ == "__main__" and not issubclass(kind, type):
        return list(attributes_of(value).values())
    return ()


def attributes_of(value) -> dict:
    """The attributes of an instance, without asking its class for them."""
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return attributes if type(attributes) is dict else {}


def at(path: str, variable):
    """The object at `path`; `variable(name)` gives a variable. LookupError where there is no such part."""
    name, *steps = path.split(_STEP)
    value = variable(name)
    for step in steps:
        value = parts_of(value)[int(step)]
    return value


def shared(outputs, variables: dict) -> list:
    """Paths into `variables`, by name, to the mutable objects that the values in `outputs` hold too."""
    wanted = {id(value) for value, _ in _walked(("", value) for value in outputs)
              if type(value) not in (tuple, frozenset)}
    wanted.difference_update(map(id, variables.values()))  # those are references by name
    if not wanted:
        return []
    found = {}
    for value, path in _walked(sorted(variables.items())):
        if id(value) in wanted:
            found.setdefault(id(value), path)
            if len(found) == len(wanted):
                break
    return list(found.values())


def _walked(roots):
    """(object, path) of the roots and what is inside them, each object once, nearest first."""
    queue, seen = deque((value, path) for path, value in roots), set()
    while queue and len(seen) < _LIMIT:
        value, path = queue.popleft()
        if type(value) in _ATOMS or id(value) in seen:
            continue
        seen.add(id(value))
        yield value, path
        queue.extend((part, f"{path}{_STEP}{place}") for place, part in enumerate(parts_of(value)))
