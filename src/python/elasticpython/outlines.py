"""The outline of a value: its type, its size, and its parts, so that two of them can be told apart by a word.

Kept for variables that are not stored: when one has been recomputed and differs, the report says where. Runs
library code (pandas, numpy) and none of the user's.
"""

import sys
from collections import deque

from elasticpython import inside
from elasticpython.by_type import name_of

_SEQUENCES = (list, tuple, deque)
_MOST = 256  # parts; what has more is cut into so many pieces
_PLAIN = (int, float, bool, str, bytes, type(None))


def outline(value) -> tuple:
    """(type, size as a phrase or "", [(where, part)])."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else name_of(kind)
    size, parts = _inside(value, kind)
    return name, size, parts


def _inside(value, kind):
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if issubclass(kind, dict):
        return f"{dict.__len__(value)} keys", _of_dict(value)
    if kind in _SEQUENCES:
        return f"{len(value)} elements", _pieces(value if kind is not deque else list(value), len(value))
    if kind in (set, frozenset):
        return f"{len(value)} elements", []
    if kind in (str, bytes):
        return f"{len(value)} {'characters' if kind is str else 'bytes'}", _pieces(value, len(value))
    if numpy and kind is numpy.ndarray:
        return f"shape {value.shape} of {value.dtype}", _pieces(value, len(value)) if value.ndim else []
    if pandas and kind is pandas.DataFrame:
        columns = [(f".columns[{at}]", label) for at, label in enumerate(value.columns[:_MOST])
                   if type(label) in _PLAIN]
        values = [(f".iloc[:, {at}]", value.iloc[:, at].array) for at in range(min(value.shape[1], _MOST))]
        return f"shape {value.shape}", [*columns, (".index", value.index), *values]
    if pandas and kind is pandas.Series:
        pieces = [(f".iloc{where}", part) for where, part in _pieces(value.array, len(value))]
        return f"{len(value)} elements of {value.dtype}", [(".index", value.index), *pieces]
    if kind.__module__ == "__main__" and not issubclass(kind, type):
        return "", [(f".{name}", part) for name, part in inside.attributes_of(value).items()][:_MOST]
    return "", []


def _of_dict(value):
    items = list(dict.items(value))[:_MOST]
    keys = [f"[{key!r}]" if type(key) in _PLAIN else f"[key {at}]" for at, (key, _) in enumerate(items)]
    return [(f"{where}, the key", key) for where, (key, _) in zip(keys, items) if type(key) in _PLAIN] + [
        (where, part) for where, (_, part) in zip(keys, items)]


def _pieces(value, length):
    """Each element, or pieces of several."""
    step = -(-length // _MOST)
    if step <= 1:
        return [(f"[{at}]", value[at : at + 1]) for at in range(length)]
    return [(f"[{at}:{min(at + step, length)}]", value[at : at + step]) for at in range(0, length, step)]
