"""Puts what cells put into libraries there again (`library_places`), for a re-run cell or at the end of a
restore, and takes it out again where a restore breaks off."""
import types
from contextlib import suppress

from elasticpython.library_places import follow


def put(module: str, path, value, is_variable=False) -> None:
    """Sets what is at a place, unless that is there; imports the module, which was loaded then. A variable's
    value is set as the same object."""
    __import__(module)
    *before, (kind, name) = path
    holder = follow(module, before)
    if kind == "list":
        if not any(_is_as(each, value) for each in holder):
            holder.insert(name, value)
        return
    try:
        present = follow(module, path)
    except (AttributeError, LookupError):
        pass
    else:
        if present is value or (not is_variable and _is_as(present, value)):
            return
        if type(value) in (list, dict, set) and type(present) is type(value) and not is_variable:
            return _fill(present, value)
    if kind == "attr":
        setattr(holder, name, value)
    else:
        holder[name] = value


def present(module: str, path) -> tuple:
    """(place, what is there, whether anything is, what a table there holds), for `put_back`."""
    __import__(module)
    try:
        value = follow(module, path)
    except (AttributeError, LookupError):
        return (module, path), None, False, None
    return (module, path), value, True, value.copy() if type(value) in (list, dict, set) else None


def put_back(replaced: list) -> None:
    """Makes places what they were, the latest first."""
    for (module, (*before, (kind, name))), value, was_there, held in reversed(replaced):
        with suppress(Exception):
            if held is not None:
                _fill(value, held)
            holder = follow(module, before)
            if kind == "attr":
                setattr(holder, name, value) if was_there else delattr(holder, name)
            elif kind == "item" and was_there:
                holder[name] = value
            elif kind == "item":
                holder.pop(name, None)


def _fill(table, value) -> None:
    """Others have the same list: a library's modules, by `from config import path`."""
    if isinstance(table, list):
        table[:] = value
    else:
        table.clear()
        table.update(value)


def _is_as(present, value) -> bool:
    """Whether it is there. A cell that was run again has put another one there that is its like."""
    if present is value:
        return True
    if isinstance(value, types.FunctionType) and isinstance(present, types.FunctionType):
        return (present.__code__, present.__module__) == (value.__code__, value.__module__)
    plain = (str, int, float, bool, bytes, list, tuple, dict, set, frozenset)
    return type(present) is type(value) and type(value) in plain and present == value
