"""Where in a variable the object is that could not be pickled: "model.cache['x']".

Looks at the objects as they are (`__dict__`, slots, items), breadth first, so that the shortest path is
found; runs no code of the user's. Bounded: an object a `__getstate__` made up is not there to be found.
"""
import gc
import types

from elasticpython.by_type import is_a

_MAX_OBJECTS = 500_000
_ATOMS = (int, float, complex, bool, str, bytes, type(None))


def path_to(name, root, culprit):
    """The path as an expression, or `name` alone where there is none to find."""
    if root is culprit:
        return name
    parents = {id(root): None}
    level = [root]
    while level and len(parents) < _MAX_OBJECTS:
        below = []
        for holder in level:
            for label, value in _edges(holder):
                if id(value) in parents:
                    continue
                parents[id(value)] = (id(holder), label)
                if value is culprit:
                    return name + _spell(parents, id(value))
                if not is_a(value, _ATOMS) and not _is_static_type(value):
                    below.append(value)
        level = below
    return name


def _spell(parents, at):
    labels = []
    while parents[at] is not None:
        at, label = parents[at]
        labels.append(label)
    return "".join(reversed(labels))


def _edges(holder):
    kind = type(holder)
    yield from _attributes(kind, holder)
    if is_a(holder, dict):
        for key, value in dict.items(holder):
            yield f"[{_key(key)}]", value
    elif is_a(holder, (list, tuple)):
        for index, value in enumerate(_items(holder)):
            yield f"[{index}]", value
    elif is_a(holder, types.FunctionType):
        yield from _function_edges(holder)
    elif is_a(holder, types.MethodType):
        yield ".__self__", holder.__self__
    elif is_a(holder, type):
        for name, value in vars(holder).items():
            yield f".{name}", value
    elif is_a(holder, types.ModuleType):
        return
    else:
        yield from _referents(holder)


def _items(holder):
    return list.__iter__(holder) if is_a(holder, list) else tuple.__iter__(holder)


def _is_static_type(value):
    return is_a(value, type) and value.__module__ != "__main__"


def _key(key):
    plain = type(key) in (str, int, float, bool, bytes, type(None))
    return repr(key) if plain else f"<{type(key).__name__}>"


def _function_edges(function):
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield f".<closure {variable}>", cell.cell_contents
        except ValueError:
            pass
    for index, value in enumerate(function.__defaults__ or ()):
        yield f".__defaults__[{index}]", value


def _attributes(kind, holder):
    try:
        attributes = object.__getattribute__(holder, "__dict__")
    except Exception:
        attributes = None
    if type(attributes) is dict:
        for name, value in attributes.items():
            yield f".{name}", value
    for base in kind.__mro__:
        for name, slot in vars(base).items():
            if isinstance(slot, types.MemberDescriptorType) and not name.startswith("__"):
                try:
                    yield f".{name}", slot.__get__(holder)
                except AttributeError:
                    pass


def _referents(holder):
    """What a C type holds: it has no names for it."""
    own = getattr(type(holder), "__dictoffset__", 0)
    for value in gc.get_referents(holder):
        if type(value) in (type, types.ModuleType) or (own and type(value) is dict):
            continue
        yield f".<{type(value).__name__}>", value
