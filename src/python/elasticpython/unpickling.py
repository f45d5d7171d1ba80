"""The loading half of the serialiser: a restore, and what a checkpoint's pickles call by name.

Every function marked `@written`, here and in `unpickling_{code,types,arrays,files}`, stands in checkpoints
under "elasticpython.unpickling.<its name>": it is part of the checkpoint format. Never rename one or change
what its arguments mean; add a new one beside it.

A `Session` is one restore: all groups loaded through it share classes, and functions are bound to its
namespace. Loading runs code of the pickle's author: the caller has checked the bytes (`store`) before.
"""
import builtins
import importlib
import pickle
import types
import weakref

import cloudpickle.cloudpickle as field

from elasticpython import inside, unpickling_arrays, unpickling_code, unpickling_files  # noqa: F401
from elasticpython import unpickling_ctypes, unpickling_stdlib, unpickling_types  # noqa: F401
from elasticpython.unpickling_code import IncompatibleByteCode, new_class
from elasticpython.unpickling_written import WRITTEN, written


class MissingVariable(Exception):
    """The pickle refers to a variable of another group that could not be had."""


class Session:
    """One restore into `namespace`; `resolve(name)` gives the object of a variable of another group."""

    def __init__(self, namespace, resolve):
        self.namespace = namespace
        self.resolve = resolve
        # Tracker id -> class: one class object per class over all groups. Weak: a class that something
        # besides the variables refers to counts as handed to a library.
        self.classes = weakref.WeakValueDictionary()
        self.call_deep = types.FunctionType(_call_deep.__code__, _Caller(self))
        self.bound = {name: getattr(self, name)
                      for name in ("variable", "tracked", "make_class", "make_enum")}

    def variable(self, name):
        try:
            return inside.at(name, self.resolve)
        except LookupError as error:
            raise MissingVariable(f"there is no {name!r}, which it refers to") from error

    def persistent_load(self, reference):
        kind, name = reference
        if kind == "namespace":
            return self.namespace
        if kind == "variable":
            return self.variable(name)
        if kind == "module_dict":
            return importlib.import_module(name).__dict__
        if kind == "attribute":
            return WRITTEN["process_object"](*name.split(":"))
        if kind == "text":
            return unpickling_types.marker(*name.split(":", 2))
        raise pickle.UnpicklingError(f"unknown kind of reference: {kind!r}")

    def make_class(self, meta, name, bases, head, tracker):
        if meta is None:   # a C type without a name: the bases bring it
            meta = type(max(bases, key=lambda base: len(type(base).__mro__)))
        known = self.classes.get(tracker)
        return known if known is not None else self._track(tracker, new_class(meta, name, bases, head))

    def make_enum(self, meta, name, bases, head, tracker, member_type, members):
        """An enum with its members but without attributes; EnumType's own machinery, which would run the
        members' `__new__` and `__init__` again, is not involved."""
        known = self.classes.get(tracker)
        if known is not None:
            return known
        cls = type.__new__(meta, name, bases, head)
        by_name = {}
        for member_name, canonical, raw in members:
            if canonical != member_name:
                by_name[member_name] = by_name[canonical]
                continue
            plain = member_type is object or member_type.__new__ is object.__new__
            member = object.__new__(cls) if plain else member_type.__new__(cls, raw)
            member._name_ = member_name
            by_name[member_name] = member
        type.__setattr__(cls, "_member_map_", by_name)
        type.__setattr__(cls, "_member_type_", member_type)
        return self._track(tracker, cls)

    def tracked(self, tracker, make, arguments):
        known = self.classes.get(tracker)
        return known if known is not None else self._track(tracker, make(*arguments))

    def _track(self, tracker, cls):
        # Registered with cloudpickle's tracker too, so that the class keeps its identity in later
        # checkpoints; but not beside a live class of that identity, which would be taken for the same.
        self.classes[tracker] = cls
        if field._DYNAMIC_CLASS_TRACKER_BY_ID.get(tracker) is None:
            field._lookup_class_or_track(tracker, cls)
        return cls


class _Caller(dict):
    """Globals of the frames that a group is loaded from: the session's variables, loaded when asked for."""

    def __init__(self, session):
        super().__init__(__builtins__=builtins)
        self._session = session

    def __missing__(self, name):
        if name in self._session.namespace:
            return self._session.namespace[name]
        try:
            return self._session.variable(name)
        except MissingVariable:
            raise KeyError(name) from None


def _call_deep(call, load, depth):
    return call(call, load, depth - 1) if depth else load()


class GroupUnpickler(pickle.Unpickler):
    """Loads what `pickling.GroupPickler` wrote."""

    def __init__(self, session, file, buffers):
        super().__init__(file, buffers=buffers)
        self.persistent_load = session.persistent_load
        self._bound = session.bound
        self._call_deep = session.call_deep

    def load(self):
        """Libraries that look for names in the frames of whoever unpickles (the formulas of statsmodels) find
        the session's: some look one frame out, some further."""
        return self._call_deep(self._call_deep, super().load, 3)

    def find_class(self, module, name):
        if module == __name__:
            found = self._bound.get(name) or WRITTEN.get(name)
            if found is None:
                raise pickle.UnpicklingError(f"this checkpoint needs {name}, which a newer version writes")
            return found
        try:
            return super().find_class(module, name)
        except ModuleNotFoundError:
            if not module.startswith("numpy._core."):
                raise
            return super().find_class(module.replace("numpy._core", "numpy.core", 1), name)   # numpy 1


@written
def variable(name):
    raise pickle.UnpicklingError("bound to a session when loaded")


@written
def tracked(tracker, make, arguments):
    raise pickle.UnpicklingError("bound to a session when loaded")


@written
def make_class(meta, name, bases, head, tracker):
    raise pickle.UnpicklingError("bound to a session when loaded")


@written
def make_enum(meta, name, bases, head, tracker, member_type, members):
    raise pickle.UnpicklingError("bound to a session when loaded")


# As the pickler looks for them, and as checkpoints name them.
vars().update(WRITTEN)

__all__ = ["GroupUnpickler", "IncompatibleByteCode", "MissingVariable", "Session", "WRITTEN"]
