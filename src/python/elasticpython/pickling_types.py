"""Reducers of the standard library's types that pickle and cloudpickle lose, copy or refuse."""
import copyreg
import dataclasses
import enum
import functools
import gc
import inspect
import io
import logging
import re
import sys
import types
import typing
import weakref
from collections import OrderedDict, defaultdict

import cloudpickle.cloudpickle as field

from elasticpython import (
    library_settings, pickling_derived, pickling_lenders, pickling_libraries, pickling_stdlib, unpickling,
)
from elasticpython.by_type import is_a
from elasticpython.pickling_code import HEAP_TYPE, reduce_enum_member
from elasticpython.pickling_exceptions import reduce_exception
from elasticpython.pickling_refusals import NotSerializable, is_ctypes
from elasticpython.pickling_spent import reduce_memory_file


def reduce_weakref(context, reference):
    referent = reference()
    if referent is None:
        return unpickling.dead_weakref, ()
    return unpickling.make_weakref, (referent, reference.__callback__)


def reduce_proxy(context, proxy):
    referent = context.native.weak_referent(proxy)
    if referent is None:
        raise NotSerializable(proxy, "weak proxy of an object that is gone")
    return unpickling.make_proxy, (referent,)


def reduce_weak_dict(context, mapping):
    return type(mapping), (), None, None, iter(list(mapping.items()))


def reduce_dict_view(kind):
    def reduce(context, view):
        [mapping] = gc.get_referents(view)   # `view.mapping` is a proxy
        return unpickling.dict_view, (mapping, kind)
    return reduce


def reduce_dict_iterator(kind, is_reversed=False):
    """It stays one of its dict: what a loop that was left half-way has yet to see."""
    def reduce(context, iterator):
        mapping = next((each for each in gc.get_referents(iterator) if is_a(each, dict)), None)
        if mapping is None:
            return unpickling.dict_iterator, ({}, kind, is_reversed, None)
        left = iterator.__length_hint__()
        # Where the dict has changed its size since, this raises, as the next step would. A namespace has
        # another size once all is loaded.
        if left == 0 or "__builtins__" in mapping:
            plain = iterator.__reduce__()
            if "__builtins__" in mapping:
                return plain
        return unpickling.dict_iterator, (mapping, kind, is_reversed, len(mapping) - left)
    return reduce


def reduce_match(context, match):
    """By what finds it again, which is tried here."""
    text, pattern = match.string, match.re
    if type(text) not in (str, bytes):
        raise NotSerializable(match, "match in something that can change")
    for how in ("search", "match", "fullmatch", "finditer"):
        arguments = pattern, how, text, match.pos, match.endpos, match.start()
        found = unpickling.find_match(*arguments)
        if found is not None and found.regs == match.regs and found.lastindex == match.lastindex:
            return unpickling.find_match, arguments
    raise NotSerializable(match, "match that its pattern does not find again")


def reduce_memoryview(context, view):
    """A view stays a view of its owner: what is written through one is seen through the other."""
    try:
        owner = view.obj
        readonly = view.readonly
    except ValueError:
        raise NotSerializable(view, "released memoryview") from None
    if owner is None:
        raise NotSerializable(view, "memoryview of memory without an owner")
    if not view.c_contiguous or view.format.lstrip("@") not in _FORMATS:
        return _reduce_strided(context, view, owner)
    offset = context.native.buffer_address(view) - context.native.buffer_address(owner)
    return unpickling.make_memoryview, (owner, offset, view.nbytes, view.format, view.shape, readonly)


_FORMATS = frozenset("cbB?hHiIlLqQnNfdPe")   # what `memoryview.cast` knows


def _reduce_strided(context, view, owner):
    whole = memoryview(owner)
    if (view.format, view.shape, view.strides, view.readonly) == \
            (whole.format, whole.shape, whole.strides, whole.readonly):
        return memoryview, (owner,)
    if view.ndim != 1 or whole.ndim != 1 or whole.format != view.format:
        raise NotSerializable(view, "strided memoryview of several dimensions")
    start = (context.native.buffer_address(view) - context.native.buffer_address(owner)) // view.itemsize
    step = view.strides[0] // view.itemsize
    stop = start + step * len(view)
    return unpickling.slice_memoryview, (owner, start, stop if stop >= 0 else None, step)


def reduce_logger(context, logger):
    """By name: it is the process's. What the session set of it goes along, where another process can have
    handlers like its own; what libraries set of theirs they set again."""
    owner = logger.name.partition(".")[0]
    if owner in sys.modules and owner not in ("__main__", "root"):
        return logging.getLogger, (logger.name,)
    state = library_settings.logger_state(logger)
    if state is None:
        raise NotSerializable(logger, "logger with filters or handlers of its own kind")
    name = logger.name if logger is not logging.root else None
    if state == library_settings.UNSET_LOGGER:
        return logging.getLogger, (name,)
    return unpickling.make_logger, (name, *state)


def reduce_lru_cache(context, cached):
    if context.is_importable(cached):
        return NotImplemented
    options = cached.cache_parameters()
    if cached.cache_info().currsize:
        context.note(f"the cache of {cached.__qualname__} starts empty")
    attributes = {name: value for name, value in cached.__dict__.items() if name != "cache_parameters"}
    return (unpickling.make_lru_cache, (cached.__wrapped__, options["maxsize"], options["typed"]),
            (attributes, None), None, None, unpickling.set_attributes)


def reduce_cached_property(context, prop):
    state = {name: value for name, value in prop.__dict__.items() if name not in ("lock", "func")}
    return functools.cached_property, (prop.func,), state


def reduce_new_type(context, kind):
    if context.is_importable(kind):
        return NotImplemented
    return _tracked(kind, unpickling.make_new_type, (kind.__name__, kind.__supertype__, kind.__module__))


def _tracked(value, make, arguments):
    """One object over all groups of a restore, as a class is."""
    return unpickling.tracked, (field._get_or_create_tracker_id(value), make, arguments)


def reduce_type_parameter(context, parameter):
    module = sys.modules.get(parameter.__module__)
    if module is not None and context.is_importable_module(module) \
            and getattr(module, parameter.__name__, None) is parameter:
        return getattr, (module, parameter.__name__)
    options = {}
    if isinstance(parameter, typing.TypeVar) and parameter.__constraints__:
        return _tracked(parameter, unpickling.make_constrained_type,
                        (parameter.__name__, parameter.__module__, parameter.__constraints__,
                         parameter.__covariant__, parameter.__contravariant__))
    for option in ("bound", "covariant", "contravariant"):
        value = getattr(parameter, f"__{option}__", None)
        if value:
            options[option] = value
    return _tracked(parameter, unpickling.make_type_parameter,
                    (type(parameter).__name__, parameter.__name__, parameter.__module__, options))


def reduce_custom(context, value):
    """An object of the session with a `__reduce__` of its own. One that names a global ("SINGLETON") names a
    variable here, and where that variable is the one being written it would be its own definition."""
    reduction = value.__reduce_ex__(5)
    if isinstance(reduction, str) and context.namespace.get(reduction) is value:
        if reduction not in context.names_in_group:
            return context.variable(reduction)
        return copyreg.__newobj__, (type(value),), getattr(value, "__dict__", None)
    return reduction


def reduce_guarded(context, value):
    """An object whose class forbids assignment or answers for any attribute: its state is set past both."""
    reduction = value.__reduce_ex__(5)
    make, arguments, state = (*reduction, None)[:3]
    if state is None or make not in (copyreg.__newobj__, copyreg.__newobj_ex__):
        return reduction
    if not isinstance(state, tuple):
        state = (state, None)
    if arguments == (type(value),) and _is_made_by_new(type(value)):
        make = unpickling.bare_object
    return make, arguments, state, None, None, unpickling.set_attributes


def _is_made_by_new(kind):
    """Whether a library's `__new__` makes a class of the same name for each instance, as that of mocks does:
    called again, it would derive another one from it."""
    base = kind.__base__
    return isinstance(kind.__new__, types.FunctionType) and kind is not base \
        and (kind.__module__, kind.__qualname__) == (base.__module__, base.__qualname__)


def reduce_field_kind(context, kind):
    return unpickling.field_kind, (kind.name,)


def reduce_default_dict(context, mapping):
    """An instance of a subclass, without a call of its `__init__` and with its attributes, which pickle
    drops."""
    state = mapping.default_factory, dict(getattr(mapping, "__dict__", {}))
    return (copyreg.__newobj__, (type(mapping),), state, None, iter(list(dict.items(mapping))),
            unpickling.set_default_dict_state)


def reduce_container(context, container):
    """One whose class changes what is put into it is filled with what it holds, past those methods, which may
    want attributes that it has not got yet. A dict that is the `__dict__` of itself, so that its keys are
    attributes, stays one: pickle makes two of it."""
    kind, is_dict = type(container), isinstance(container, dict)
    if is_dict and _is_dict_of_itself(container) and not hasattr(kind, "__setstate__"):
        state = True
    elif not _watches_what_is_put_in(kind):
        return container.__reduce_ex__(5)
    else:
        state = container.__reduce_ex__(5)[2]
    held = list(dict.items(container)) if is_dict else list(list.__iter__(container))
    return copyreg.__newobj__, (kind,), (held, state), None, None, unpickling.fill_container


def _is_dict_of_itself(mapping):
    return type(mapping).__dictoffset__ and object.__getattribute__(mapping, "__dict__") is mapping


def _watches_what_is_put_in(kind):
    if issubclass(kind, list):
        return kind.append is not list.append or kind.extend is not list.extend
    return kind.__setitem__ is not dict.__setitem__


def reduce_without_new(context, value):
    """An object whose class wants arguments for `__new__` and does not say which: without calling it."""
    make, arguments, *rest = value.__reduce_ex__(5)
    return (unpickling.bare_object if make is copyreg.__newobj__ else make, arguments, *rest)


def _wants_arguments(kind):
    """Whether pickle would call the class's own `__new__`, in Python, without arguments that it needs."""
    new = kind.__new__
    plain = all(base.__flags__ & HEAP_TYPE for base in kind.__mro__[:-1]) and _is_reduced_by_object(kind)
    if not plain or not isinstance(new, types.FunctionType) or hasattr(kind, "__getnewargs__") \
            or hasattr(kind, "__getnewargs_ex__"):
        return False
    _, *parameters = inspect.signature(new).parameters.values()
    return any(each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
               for each in parameters)


def _is_reduced_by_object(kind):
    return kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__


def _answers_for_all(kind):
    """Whether pickle would ask a library's `__getattr__` for a `__setstate__` while the object has no
    attributes yet, which such methods often do not survive."""
    return _is_reduced_by_object(kind) and not hasattr(kind, "__setstate__") \
        and any("__getattr__" in vars(base) for base in kind.__mro__)


def reduce_sentinel(context, value):
    """A module's object without state, which is compared by identity (`dataclasses.MISSING`)."""
    module = sys.modules[type(value).__module__]
    for name, found in vars(module).items():
        if found is value:
            return getattr, (module, name)
    return value.__reduce_ex__(5)


def _makes_sentinels(kind):
    module = sys.modules.get(kind.__module__)
    if module is None or any(vars(base).get("__slots__") for base in kind.__mro__) \
            or not _is_reduced_by_object(kind):
        return False
    return any(type(value) is kind and not getattr(value, "__dict__", None)
               for value in list(vars(module).values()))


REDUCERS = {
    dataclasses._FIELD_BASE: reduce_field_kind,
    weakref.ReferenceType: reduce_weakref,
    weakref.ProxyType: reduce_proxy,
    weakref.CallableProxyType: reduce_proxy,
    weakref.WeakValueDictionary: reduce_weak_dict,
    weakref.WeakKeyDictionary: reduce_weak_dict,
    type({}.keys()): reduce_dict_view("keys"),
    type({}.values()): reduce_dict_view("values"),
    type({}.items()): reduce_dict_view("items"),
    type(OrderedDict().keys()): reduce_dict_view("keys"),
    type(OrderedDict().values()): reduce_dict_view("values"),
    type(OrderedDict().items()): reduce_dict_view("items"),
    type(iter({}.keys())): reduce_dict_iterator("keys"),
    type(iter({}.values())): reduce_dict_iterator("values"),
    type(iter({}.items())): reduce_dict_iterator("items"),
    type(reversed({}.keys())): reduce_dict_iterator("keys", True),
    type(reversed({}.values())): reduce_dict_iterator("values", True),
    type(reversed({}.items())): reduce_dict_iterator("items", True),
    re.Match: reduce_match,
    memoryview: reduce_memoryview,
    io.BytesIO: reduce_memory_file,
    io.StringIO: reduce_memory_file,
    logging.Logger: reduce_logger,
    logging.RootLogger: reduce_logger,
    functools._lru_cache_wrapper: reduce_lru_cache,
    functools.cached_property: reduce_cached_property,
    typing.NewType: reduce_new_type,
    typing.TypeVar: reduce_type_parameter,
    typing.ParamSpec: reduce_type_parameter,
    **({typing.TypeVarTuple: reduce_type_parameter} if hasattr(typing, "TypeVarTuple") else {}),
}


def reducer_for(context, kind):
    """By what `kind` derives from, where no exact type decided."""
    if issubclass(kind, enum.Enum):
        return reduce_enum_member
    if issubclass(kind, BaseException):
        return reduce_exception
    of_c = pickling_stdlib.reducer_for(kind)
    if of_c is not None:
        return of_c
    if issubclass(kind, logging.Logger):
        return reduce_logger
    if is_ctypes(kind):
        from elasticpython import pickling_ctypes  # imports ctypes, which most sessions do without
        return pickling_ctypes.reducer_for(kind)
    if issubclass(kind, types.ModuleType):
        from elasticpython.pickling_code import reduce_module
        return reduce_module
    of_library = pickling_libraries.reducer_for(kind)
    if of_library is not None:
        return of_library
    if not kind.__flags__ & HEAP_TYPE:
        return pickling_lenders.reduce_lender if pickling_lenders.may_lend(kind) else None
    if issubclass(kind, defaultdict) and kind.__reduce__ is defaultdict.__reduce__ \
            and kind.__reduce_ex__ is object.__reduce_ex__:
        return reduce_default_dict
    if issubclass(kind, (dict, list)) and _is_reduced_by_object(kind):
        return reduce_container
    derived = pickling_derived.reducer_for(context, kind)
    if derived is not None:
        return derived
    without_new = reduce_without_new if _wants_arguments(kind) else None
    if context.is_importable(kind):
        if _makes_sentinels(kind):
            return reduce_sentinel
        return reduce_guarded if _answers_for_all(kind) else without_new
    if not _is_reduced_by_object(kind):
        return reduce_custom
    own = [vars(base) for base in kind.__mro__[:-1]]
    guarded = any(name in attributes for attributes in own
                  for name in ("__setattr__", "__getattr__", "__getattribute__"))
    if guarded and not any("__setstate__" in attributes for attributes in own) \
            and not issubclass(kind, (list, dict, set, types.ModuleType)):
        return reduce_guarded
    return without_new
