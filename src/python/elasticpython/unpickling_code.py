"""Makes what the session's own code made: functions, cells, classes, enums, modules. Written by
`pickling_code`."""
import abc
import builtins
import enum
import importlib
import importlib.util
import sys
import types

from elasticpython.unpickling_written import written

MAGIC = importlib.util.MAGIC_NUMBER


class IncompatibleByteCode(Exception):
    """Code of another Python version: to be had from its cell's source instead."""


def _is_session_made(cls):
    """True for a class no import can bring: one whose code is the session's."""
    if not cls.__flags__ & (1 << 9):
        return False
    module = sys.modules.get(getattr(cls, "__module__", None))
    return module is None or cls.__module__ == "__main__" or getattr(module, cls.__name__, None) is not cls \
        and "." not in cls.__qualname__


def new_class(meta, name, bases, head):
    """A class without its attributes, and without the side effects of defining one.

    Code of the session (a metaclass's `__new__`, a base's `__init_subclass__`) ran when the class was first
    defined, and what it did to other variables is in those variables. Libraries' code does run: what it did
    to the library's state is not in the checkpoint.
    """
    maker = next(kind for kind in meta.__mro__ if kind is type or not _is_session_made(kind))
    hooked = [base for base in _ancestors(bases) if "__init_subclass__" in vars(base) and base is not object]
    try:
        with _Muted([base for base in hooked if _is_session_made(base)]):
            return _call_maker(maker, meta, name, bases, head)
    except Exception:
        # The library's hook wants arguments that only the class statement had.
        with _Muted([base for base in hooked if base.__flags__ & (1 << 9)]):
            return type.__new__(meta, name, bases, dict(head))


def _call_maker(maker, meta, name, bases, head):
    if maker is type:
        return type.__new__(meta, name, bases, dict(head))
    cls = maker.__new__(meta, name, bases, dict(head))
    maker.__init__(cls, name, bases, dict(head))
    return cls


def _ancestors(bases):
    return dict.fromkeys(ancestor for base in bases for ancestor in base.__mro__)


class _Muted:
    """Within it the classes' `__init_subclass__` does nothing: `type.__new__` always calls it."""

    def __init__(self, classes):
        self._saved = [(cls, vars(cls)["__init_subclass__"]) for cls in classes]

    def __enter__(self):
        for cls, _ in self._saved:
            type.__setattr__(cls, "__init_subclass__", classmethod(lambda cls, **_: None))

    def __exit__(self, *_):
        for cls, original in self._saved:
            type.__setattr__(cls, "__init_subclass__", original)


@written
def set_class_state(cls, state):
    attributes, registered = state
    # The metaclass's own `__setattr__` is the session's code; the library's below it (ctypes) is needed.
    maker = next(kind for kind in type(cls).__mro__ if kind is type or not _is_session_made(kind))
    setter = maker.__setattr__
    if issubclass(cls, enum.Enum):
        setter = type.__setattr__
    for name, value in attributes.items():
        setter(cls, name, value)
    for subclass in registered or ():
        abc.ABCMeta.register(cls, subclass)
    generic = attributes.get("__pydantic_generic_metadata__")
    if generic and generic["origin"] and generic["args"]:
        _tell_pydantic(cls, generic["origin"], generic["args"])


def _tell_pydantic(cls, origin, arguments):
    """It makes one class of `Box[int]`, as long as it knows of that."""
    try:
        generics = importlib.import_module("pydantic._internal._generics")
        generics.set_cached_generic_type(origin, arguments, cls, origin, arguments)
    except (ImportError, AttributeError, TypeError):  # of another version
        pass


@written
def set_enum_state(cls, state):
    attributes, member_states, by_value = state
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    for name, member_state in member_states.items():
        own = cls._member_map_[name].__dict__
        own.clear()   # of the name it was made with, whose place among the attributes may be another
        own.update(member_state)
    type.__setattr__(cls, "_value2member_map_", {value: cls._member_map_[name] for value, name in by_value})


@written
def enum_member(cls, name):
    return cls._member_map_[name]


@written
def make_code(magic, *arguments):
    if magic != MAGIC:
        raise IncompatibleByteCode(f"byte code of another Python version: {arguments[11]}")
    return types.CodeType(*arguments)


@written
def make_function(code, namespace, name, closure):
    return types.FunctionType(code, namespace, name, None, closure)


@written
def make_globals(name):
    """The globals of code that was run in a dict of its own, filled by the functions that need them."""
    return {"__name__": name, "__builtins__": builtins.__dict__}


@written
def set_function_state(function, state):
    attributes, slots, own_globals = state
    function.__dict__.update(attributes)
    for name, value in own_globals.items():
        function.__globals__.setdefault(name, value)
    for name, value in slots.items():
        setattr(function, name, value)


@written
def make_cell():
    return types.CellType()


@written
def set_cell(cell, state):
    [cell.cell_contents] = state   # in a tuple: pickle takes a state of None for none


@written
def import_module(name, submodules):
    module = importlib.import_module(name)
    for submodule in submodules:
        try:
            importlib.import_module(submodule)
        except ImportError:   # another version of the package has no such part: what needs it says so itself
            pass
    return module


@written
def make_module(name):
    return types.ModuleType(name)


@written
def set_module_state(module, state):
    module.__dict__.update(state)


@written
def module_dict(module):
    return module.__dict__


@written
def class_dict(cls):
    return cls.__dict__


WRAPPED = ("__func__", "fget", "fset", "fdel")  # what methods of all kinds and properties are made of


@written
def class_member(cls, path):
    """A function or class in the dict of `cls`, or of a class in there."""
    member = cls
    for name in path:
        member = vars(member)[name] if isinstance(member, type) else getattr(member, name)
    return member
