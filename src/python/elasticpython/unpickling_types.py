"""Makes objects of the standard library's types. Written by `pickling_types`."""
import importlib
import logging
import weakref

from elasticpython import library_settings
from elasticpython.unpickling_written import written


@written
def dict_view(mapping, kind):
    return getattr(type(mapping), kind)(mapping)


@written
def dict_iterator(mapping, kind, is_reversed, taken):
    """`taken`: how many it has given out; None: it has come to its end and let go of its dict."""
    view = getattr(dict, kind)(mapping)
    iterator = reversed(view) if is_reversed else iter(view)
    if taken is None:
        next(iterator, None)
    for _ in range(taken or 0):
        next(iterator)
    return iterator


@written
def make_logger(name, level, propagate, disabled, handlers):
    logger = logging.getLogger(name)
    library_settings.put_logger(logger, (level, propagate, disabled, handlers))
    return logger


@written
def find_match(pattern, how, text, start, end, found_at):
    if how != "finditer":
        return getattr(pattern, how)(text, start, end)
    return next((match for match in pattern.finditer(text, start, end) if match.start() == found_at), None)


@written
def set_soup_state(soup, state):
    attributes, parser = state
    soup.__dict__.update(attributes)
    if parser is not None:
        soup.builder = parser()


@written
def set_traits_state(instance, state):
    attributes, connected = state
    instance.__setstate__(attributes)
    for handler, name, event in connected:
        instance._add_notifiers(handler, name, event)


@written
def set_figure_state(figure, state):
    attributes, number = state
    figure.__setstate__(dict(attributes))
    from elasticpython import open_figures
    open_figures.open_again(figure, number)


@written
def fill_container(container, state):
    held, attributes = state   # True: its `__dict__` is itself
    if isinstance(container, dict):
        dict.update(container, held)
    else:
        list.extend(container, held)
    if attributes is None:
        return
    if attributes is True:
        container.__dict__ = container
    elif hasattr(container, "__setstate__"):
        container.__setstate__(attributes)
    else:
        set_attributes(container, attributes if isinstance(attributes, tuple) else (attributes, None))


@written
def set_default_dict_state(mapping, state):
    mapping.default_factory, attributes = state
    if attributes:
        mapping.__dict__.update(attributes)


@written
def bare_object(cls):
    return object.__new__(cls)


@written
def process_object(module, path):
    name, *keys = path.split("/")
    found = getattr(importlib.import_module(module), name)
    for key in keys:
        found = found[key]
    return found


def marker(module, name, text):
    """The library's own string, where it still is that."""
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return text
    return found if found == text else text


@written
def decimal_context():
    import decimal
    return decimal.getcontext()


@written
def derived(cls, base, arguments):
    """As `base` makes its instances: `cls` is the session's, and its `__new__` and `__init__` have run."""
    instance = base.__new__(cls, *arguments)
    if base.__init__ is not object.__init__:
        base.__init__(instance, *arguments)
    return instance


@written
def set_derived_state(instance, state):
    base, attributes, own, items, pairs = state
    if attributes is not None:
        set_attributes(instance, attributes)
    if own is not None:
        base.__setstate__(instance, own)
    if items is not None:
        base.extend(instance, items)
    for key, value in pairs or ():
        base.__setitem__(instance, key, value)


@written
def adopt_dict(instance, state):
    """The very dict becomes its `__dict__`, since others hold that too."""
    attributes, slots = state
    object.__setattr__(instance, "__dict__", attributes)
    for name, value in (slots or {}).items():
        object.__setattr__(instance, name, value)


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
def set_exception_members(error, state):
    """`members`: what the builtin's constructor takes by keyword only, or the interpreter alone sets."""
    own, members = state
    set_exception_state(error, own)
    for name, value in members.items():
        BaseException.__setattr__(error, name, value)


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
def make_constrained_type(name, module, constraints, covariant, contravariant):
    import typing
    parameter = typing.TypeVar(name, *constraints, covariant=covariant, contravariant=contravariant)
    parameter.__module__ = module
    return parameter


@written
def field_kind(name):
    """What sort of field of a dataclass: compared by identity."""
    import dataclasses
    return next(kind for kind in (dataclasses._FIELD, dataclasses._FIELD_CLASSVAR, dataclasses._FIELD_INITVAR)
                if kind.name == name)
