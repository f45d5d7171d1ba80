"""The loading half of the serialiser: what a checkpoint's pickles call by name.

Every function marked `@written` stands in checkpoints under "elasticpython.unpickling.<its name>": it is part
of the checkpoint format. Never rename one or change what its arguments mean; add a new one beside it.

A `Session` is one restore: all groups loaded through it share classes, and functions are bound to its
namespace. Loading runs code of the pickle's author: the caller has checked the bytes (`store`) before.
"""
import abc
import builtins
import enum
import importlib
import importlib.util
import pickle
import sys
import types
import weakref

import cloudpickle.cloudpickle as field

WRITTEN = {}
MAGIC = importlib.util.MAGIC_NUMBER


class IncompatibleByteCode(Exception):
    """Code of another Python version: to be had from its cell's source instead."""


class MissingVariable(Exception):
    """The pickle refers to a variable of another group that could not be had."""


def written(function):
    WRITTEN[function.__name__] = function
    return function


class Session:
    """One restore into `namespace`; `resolve(name)` gives the object of a variable of another group."""

    def __init__(self, namespace, resolve):
        self.namespace = namespace
        self.resolve = resolve
        self.classes = {}   # tracker id -> class: one class object per class over all groups
        self.bound = {name: getattr(self, name)
                      for name in ("variable", "tracked", "make_class", "make_enum")}

    def variable(self, name):
        return self.resolve(name)

    def persistent_load(self, reference):
        kind, name = reference
        if kind == "namespace":
            return self.namespace
        if kind == "variable":
            return self.resolve(name)
        if kind == "module_dict":
            return importlib.import_module(name).__dict__
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


class GroupUnpickler(pickle.Unpickler):
    """Loads what `pickling.GroupPickler` wrote."""

    def __init__(self, session, file, buffers):
        super().__init__(file, buffers=buffers)
        self.persistent_load = session.persistent_load
        self._bound = session.bound

    def find_class(self, module, name):
        if module == __name__:
            found = self._bound.get(name) or WRITTEN.get(name)
            if found is None:
                raise pickle.UnpicklingError(f"this checkpoint needs {name}, which a newer version writes")
            return found
        return super().find_class(module, name)


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


@written
def set_enum_state(cls, state):
    attributes, member_states, by_value = state
    for name, value in attributes.items():
        type.__setattr__(cls, name, value)
    for name, member_state in member_states.items():
        cls._member_map_[name].__dict__.update(member_state)
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


@written
def dict_view(mapping, kind):
    return getattr(type(mapping), kind)(mapping)


@written
def make_weakref(referent, callback):
    return weakref.ref(referent, callback) if callback is not None else weakref.ref(referent)


@written
def make_proxy(referent):
    return weakref.proxy(referent)


@written
def dead_weakref():
    class Gone:
        pass
    return weakref.ref(Gone())


@written
def make_memoryview(owner, offset, size, item_format, shape, readonly):
    view = memoryview(owner).cast("B")[offset:offset + size]
    if item_format != "B" or len(shape) != 1:
        view = view.cast(item_format, shape) if len(shape) != 1 else view.cast(item_format)
    return view.toreadonly() if readonly and not view.readonly else view


@written
def slice_memoryview(owner, start, stop, step):
    return memoryview(owner)[start:stop:step]


@written
def make_exception(cls, arguments):
    error = cls.__new__(cls, *arguments)
    builtin = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    if builtin.__init__ is not BaseException.__init__:
        builtin.__init__(error, *arguments)   # OSError's errno and the like, not the session's __init__
    error.args = arguments
    return error


@written
def set_exception_state(error, state):
    attributes, cause, context, suppress = state
    error.__dict__.update(attributes)
    error.__cause__ = cause
    error.__context__ = context
    error.__suppress_context__ = suppress


@written
def make_lru_cache(function, maxsize, typed):
    import functools
    return functools.lru_cache(maxsize=maxsize, typed=typed)(function)


@written
def set_attributes(instance, state):
    """State of an object whose own `__setattr__` must not run (a frozen class)."""
    attributes, slots = state
    if attributes:
        instance.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(instance, name, value)


@written
def make_new_type(name, supertype, module):
    import typing
    kind = typing.NewType(name, supertype)
    kind.__module__ = module
    return kind


@written
def make_type_parameter(kind, name, module, options):
    import typing
    parameter = getattr(typing, kind)(name, **options)
    parameter.__module__ = module
    return parameter


@written
def array_view(owner, dtype, shape, strides, offset, writeable):
    """An array over the memory of `owner`, which is an array, a bytearray or a memoryview."""
    import numpy
    if isinstance(owner, numpy.ndarray):
        if dtype.hasobject:
            view = _object_view(numpy, owner, dtype, shape, strides, offset)
        else:
            flat = owner if owner.dtype.kind in "biufc" else _as_bytes(numpy, owner)
            view = numpy.ndarray(shape, dtype, flat, offset, strides)
    else:
        view = numpy.ndarray(shape, dtype, owner, offset, strides)
    if view.flags.writeable != writeable:
        view.flags.writeable = writeable
    return view


def _as_bytes(numpy, owner):
    flat = owner.ravel(order="K")
    return flat.view(numpy.uint8) if numpy.shares_memory(flat, owner) else owner


def _object_view(numpy, owner, dtype, shape, strides, offset):
    flat = owner.ravel(order="K")
    start = flat[offset // dtype.itemsize:]
    return numpy.lib.stride_tricks.as_strided(start, shape, strides)


@written
def field_kind(name):
    """What sort of field of a dataclass: compared by identity."""
    import dataclasses
    return next(kind for kind in (dataclasses._FIELD, dataclasses._FIELD_CLASSVAR, dataclasses._FIELD_INITVAR)
                if kind.name == name)


@written
def readonly_array(array):
    array.flags.writeable = False
    return array


@written
def array_subclass(cls, array, attributes):
    instance = array.view(cls)
    if attributes:
        instance.__dict__.update(attributes)
    return instance


@written
def share_references(block, references):
    """pandas' copy-on-write: blocks and indexes over one memory know of each other."""
    if hasattr(block, "refs"):
        block.refs = references
        references.add_reference(block)
    else:
        block._references = references
        references.add_index_reference(block)


@written
def set_single_manager(manager, state):
    own, references = state
    manager.__setstate__(own)
    share_references(manager.blocks[0], references)


@written
def make_block_references():
    from pandas._libs.internals import BlockValuesRefs
    return BlockValuesRefs()


def untyped_storage(tensor):
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage().untyped()   # torch 1


@written
def torch_storage(memory, device):
    """All bytes of a storage as a tensor of bytes, on its device, or on the CPU where there is none such."""
    import torch
    if not memoryview(memory).nbytes:
        return torch.empty(0, dtype=torch.uint8)
    tensor = torch.frombuffer(memory, dtype=torch.uint8)
    try:
        return tensor if device == "cpu" else tensor.to(device)
    except (RuntimeError, AssertionError):
        return tensor


@written
def torch_tensor(memory, dtype, offset, size, stride, requires_grad, attributes):
    import torch
    tensor = torch.empty(0, dtype=dtype, device=memory.device)
    tensor.set_(untyped_storage(memory), offset, size, stride)
    tensor.requires_grad_(requires_grad)
    tensor.__dict__.update(attributes)
    return tensor


@written
def make_constrained_type(name, module, constraints, covariant, contravariant):
    import typing
    parameter = typing.TypeVar(name, *constraints, covariant=covariant, contravariant=contravariant)
    parameter.__module__ = module
    return parameter
