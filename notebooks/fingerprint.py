"""A fingerprint for each variable of a session, independent of what ElasticPython itself thinks of them.

The demo runs this inside the kernel before it is killed and inside the new one after the restore, and
compares. It therefore shares no code with the kernel: it is plain Python that walks values by their type, by
`__reduce_ex__` where it does not know the type, and refuses (rather than skips) what it cannot see into. It
runs user code (`__reduce_ex__`), which is fine for a demo's own notebook and why the kernel does not work so.
"""

import hashlib
import io
import os
import sqlite3
import sys
import types

import numpy as np
import pandas as pd

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))


class _Walk:
    """Feeds one value into a hash, following references; cycles end at the distance to where they began."""

    def __init__(self, name_of):
        self.hash = hashlib.sha256()
        self.path = []
        self.name_of = name_of  # id of each class and function of the session -> the variable it stands in

    def add(self, *words):
        for word in words:
            self.hash.update(repr(word).encode() + b"\0")

    def value(self, value):
        if isinstance(value, _ATOMS):
            self.add(type(value).__name__, value)
            return
        if id(value) in self.path:
            self.add("cycle", len(self.path) - self.path.index(id(value)))
            return
        self.path.append(id(value))
        self.add(type(value).__module__, type(value).__qualname__)
        self.inside(value)
        self.path.pop()

    def values(self, values):
        for value in values:
            self.value(value)

    def inside(self, value):
        if isinstance(value, np.ma.MaskedArray):
            self.values((value.filled(), np.ma.getmaskarray(value)))
        elif isinstance(value, np.ndarray):
            self.add(value.dtype.str, value.shape)
            if value.dtype.hasobject:
                self.values(value.ravel().tolist())
            else:
                self.hash.update(value.tobytes())
        elif isinstance(value, (np.generic, np.dtype, range, slice)):
            self.add(value)
        elif isinstance(value, (list, tuple)):
            self.add(len(value))
            self.values(value)
        elif isinstance(value, (set, frozenset)):
            self.add(sorted(map(repr, value)))
        elif isinstance(value, dict):
            self.add(len(value))
            for key, item in value.items():
                self.values((key, item))
        elif isinstance(value, pd.DataFrame):
            self.values((value.columns, value.index, value.attrs))
            self.values(value.iloc[:, position] for position in range(value.shape[1]))
        elif isinstance(value, (pd.Series, pd.Index)):
            self.add(str(value.dtype), value.name)
            self.values(value.to_numpy(dtype=object).tolist())
        elif isinstance(value, (np.random.Generator, np.random.RandomState)):
            self.value(value.get_state() if hasattr(value, "get_state") else value.bit_generator.state)
        elif isinstance(value, types.ModuleType):
            self.add(value.__name__)
        elif isinstance(value, type):
            self.a_class(value)
        elif isinstance(value, types.FunctionType):
            self.a_function(value)
        elif isinstance(value, (staticmethod, classmethod)):
            self.value(value.__func__)
        elif isinstance(value, property):
            self.values((value.fget, value.fset, value.fdel))
        elif isinstance(value, types.CodeType):
            self.add(value.co_code, value.co_names, value.co_varnames)
            self.values(value.co_consts)
        elif isinstance(value, sqlite3.Connection):
            self.add(*value.iterdump())
        elif type(value).__module__.startswith("matplotlib."):
            self.a_picture(value)
        else:
            self.an_instance(value)

    def a_class(self, value):
        self.add(value.__module__, value.__qualname__)
        if value.__module__ == "__main__":
            # Less what Python adds by itself, __slotnames__ at the first pickling; in no order, as for
            # Python.
            own = {
                name: member
                for name, member in sorted(vars(value).items())
                if name not in ("__dict__", "__weakref__", "__slotnames__", "_abc_impl")
            }
            self.value(own)

    def a_function(self, value):
        self.add(value.__module__, value.__qualname__)
        if value.__module__ == "__main__":
            # A function whose globals are not the session's would look right and fail at its first call.
            self.add(value.__globals__ is sys.modules["__main__"].__dict__)
            self.values(
                (
                    value.__code__,
                    value.__defaults__,
                    value.__kwdefaults__,
                    [cell.cell_contents for cell in value.__closure__ or ()],
                )
            )

    def a_picture(self, value):
        """Figures and what is in them are equal when they draw the same picture."""
        figure = value if hasattr(value, "savefig") else value.get_figure()
        picture = io.BytesIO()
        figure.savefig(picture, format="raw", dpi=50)
        self.add(picture.getvalue())

    def an_instance(self, value):
        if type(value).__module__ == "__main__":
            # Of the class that the session's name for it means, not of a copy with the same source.
            self.add(self.name_of.get(id(type(value)), "a class that no variable names"))
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            self.add(reduced)
            return
        for part in reduced[1:3]:
            self.value(part)
        self.values(list(part) for part in reduced[3:5] if part is not None)


def fingerprints(namespace, hidden):
    """Each of the user's variables: the type's name, the digest of its value, the variables it *is*.

    namespace: the user namespace; hidden: the names in it that are IPython's. A value that cannot be walked
    has the reason in place of a digest, with the process's id in it, so that it never compares equal.
    """
    names = sorted(name for name in namespace if not name.startswith("_") and name not in hidden)
    name_of = {id(namespace[name]): name for name in names if isinstance(namespace[name], type)}
    result = {}
    for name in names:
        value = namespace[name]
        walk = _Walk(name_of)
        try:
            walk.value(value)
            digest = walk.hash.hexdigest()
        except Exception as error:
            digest = f"not comparable in process {os.getpid()}: {type(error).__name__}: {error}"
        twins = [other for other in names if other != name and namespace[other] is value]
        if isinstance(value, _ATOMS):
            twins = []
        result[name] = {"type": type(value).__name__, "digest": digest, "is": twins}
    return result
