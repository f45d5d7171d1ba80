"""Reducers of what the session's own code makes: functions, cells, classes, enums, modules."""
import abc
import enum
import gc
import sys
import types

import cloudpickle
import cloudpickle.cloudpickle as field

from elasticpython import unpickling, unpickling_code
from elasticpython.pickling_refusals import NotSerializable

HEAP_TYPE = 1 << 9


def reduce_function(context, function):
    if context.is_importable(function):
        return NotImplemented
    reference = context.reference_name(function)
    if reference is not None:
        return unpickling.variable, (reference,)
    member = _as_member(context, function)
    if member is not None:
        return member
    slots = {name: getattr(function, name) for name in
             ("__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__")}
    if sys.version_info >= (3, 12):
        slots["__type_params__"] = function.__type_params__
    # The namespace dict goes in as it is: a persistent reference where it is the session's or a module's.
    namespace = context.globals_of(function)
    own = {}
    if type(namespace) is OwnGlobals:
        own = {name: function.__globals__[name] for name in field._extract_code_globals(function.__code__)
               if name in function.__globals__}
    arguments = (function.__code__, namespace, function.__name__, function.__closure__)
    return (unpickling.make_function, arguments, (function.__dict__, slots, own), None, None,
            unpickling.set_function_state)


def _as_member(context, value):
    """How a class that is a variable of another group gives `value`, a method or class of it; else None.

    A copy would be another function than the class's, and other than the one a re-run cell makes.
    """
    first, *names = value.__qualname__.split(".")
    owner = found = context.namespace.get(first)
    for name in names:
        found = vars(found).get(name) if isinstance(found, type) else None
    if not names or not isinstance(owner, type):
        return None
    path = names
    if type(found) in (staticmethod, classmethod, property):
        path = [*names, next((part for part in unpickling_code.WRAPPED
                              if getattr(found, part, None) is value), "")]
        found = getattr(found, path[-1], None)
    if found is not value or context.reference_name(owner) is None:
        return None
    return unpickling.class_member, (owner, path)


def reduce_code(context, code):
    _, arguments = cloudpickle.CloudPickler._dispatch_table[types.CodeType](code)
    return unpickling.make_code, (unpickling_code.MAGIC, *arguments)


def reduce_cell(context, cell):
    """The cell first, its contents after: shared cells stay shared, and a function may be in its own cell."""
    try:
        contents = cell.cell_contents
    except ValueError:
        return unpickling.make_cell, ()
    return unpickling.make_cell, (), (contents,), None, None, unpickling.set_cell


def reduce_module(context, module):
    if context.is_importable_module(module):
        return unpickling.import_module, (module.__name__, _loaded_submodules(module))
    if module is sys.modules.get("__main__") or module.__dict__ is context.namespace:
        return unpickling.import_module, ("__main__", [])
    reference = context.reference_name(module)
    if reference is not None:
        return unpickling.variable, (reference,)
    context.add_module(module)
    state = {name: value for name, value in module.__dict__.items() if name != "__builtins__"}
    return unpickling.make_module, (module.__name__,), state, None, None, unpickling.set_module_state


def _loaded_submodules(module):
    """Public submodules that were imported: `import xml.dom.minidom` binds `xml` alone."""
    if not hasattr(module, "__path__"):
        return []
    prefix = module.__name__ + "."
    loaded = []
    for name in sorted(name for name in sys.modules if name.startswith(prefix)):
        parent, _, last = name.rpartition(".")
        if "._" not in name and getattr(sys.modules.get(parent), last, None) is sys.modules[name]:
            loaded.append(name)
    return loaded


def reduce_class(context, cls):
    if cls in field._BUILTIN_TYPE_NAMES:
        return field._builtin_type, (field._BUILTIN_TYPE_NAMES[cls],)
    if cls in (type(None), type(Ellipsis), type(NotImplemented)) or context.is_importable(cls):
        return NotImplemented
    reference = context.reference_name(cls)
    if reference is not None:
        return unpickling.variable, (reference,)
    member = _as_member(context, cls)
    if member is not None:
        return member
    if not cls.__flags__ & HEAP_TYPE:
        raise NotSerializable(cls, "type of a C library that no module names")
    if issubclass(cls, enum.Enum) and "_member_map_" in vars(cls):
        return _reduce_enum(cls)
    head = _head(cls)
    attributes = {name: value for name, value in vars(cls).items()
                  if name not in head and not _made_by_type(cls, name, value)}
    registered = None
    if isinstance(cls, abc.ABCMeta):
        for name in ("_abc_impl", "_abc_registry", "_abc_cache", "_abc_negative_cache",
                     "_abc_negative_cache_version"):
            attributes.pop(name, None)
        subclasses = [link() for link in abc._get_dump(cls)[0]]
        registered = [subclass for subclass in subclasses if subclass is not None]
    meta = type(cls)
    if not meta.__flags__ & HEAP_TYPE and meta is not type and not context.is_importable(meta):
        meta = None
    tracker = field._get_or_create_tracker_id(cls)
    return (unpickling.make_class, (meta, cls.__name__, cls.__bases__, head, tracker),
            (attributes, registered), None, None, unpickling.set_class_state)


# What `type.__new__` has to see: it makes descriptors of slots, and ctypes lays the structure out.
_AT_CREATION = ("__module__", "__qualname__", "__slots__", "__orig_bases__",
                "_pack_", "_anonymous_", "_fields_", "_type_", "_length_")


def _head(cls):
    own = vars(cls)
    names = _AT_CREATION if type(cls).__module__ == "_ctypes" else _AT_CREATION[:4]
    head = {name: own[name] for name in names if name in own}
    head["__qualname__"] = cls.__qualname__
    if "__slots__" in own and not isinstance(own["__slots__"], (str, tuple, list, dict)):
        head["__slots__"] = tuple(name for name, value in own.items()
                                  if isinstance(value, types.MemberDescriptorType))
    return head


def _made_by_type(cls, name, value):
    """True for what creating the class makes anew: slots' descriptors, `__dict__`, ctypes' fields."""
    if isinstance(value, types.MemberDescriptorType):
        return value.__objclass__ is cls
    if isinstance(value, types.GetSetDescriptorType):
        return name in ("__dict__", "__weakref__") and value.__objclass__ is cls
    return type(value).__module__ == "_ctypes" and type(value).__name__ == "CField"


_RAW_VALUE = {int: int.__index__, str: str.__str__, float: float.__float__, bytes: lambda value: bytes(value)}


def _reduce_enum(cls):
    """Members are rebuilt as they are, attributes and all: replaying their values would run `__init__`."""
    kind = cls._member_type_
    raw_value = _raw_value_of(cls, kind)
    members = [(name, member._name_, raw_value(member)) for name, member in cls._member_map_.items()]
    skipped = {"_member_map_", "_value2member_map_", "_member_type_", "__module__", "__qualname__"}
    own = {name: value for name, value in vars(cls).items() if not _made_by_type(cls, name, value)}
    attributes = {name: value for name, value in own.items() if name not in skipped}
    # The names alone, so that `vars(cls)` keeps its order however the values come in.
    head = dict.fromkeys(own) | {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    states = {name: _state_of_member(cls, member) for name, member in cls._member_map_.items()
              if member._name_ == name}
    by_value = [(value, member._name_) for value, member in cls._value2member_map_.items()
                if cls._member_map_.get(member._name_) is member]
    return (unpickling.make_enum,
            (type(cls), cls.__name__, cls.__bases__, head, field._get_or_create_tracker_id(cls), kind,
             members),
            (attributes, states, by_value), None, None, unpickling.set_enum_state)


def _state_of_member(cls, member):
    """Without the flag's complement that `~` has left in it where that is a combination, which needs the
    whole class to be made; `~` makes it again."""
    state = dict(member.__dict__)
    inverted = state.get("_inverted_")
    if inverted is not None and cls._member_map_.get(inverted._name_) is not inverted:
        state["_inverted_"] = None
    return state


def _raw_value_of(cls, kind):
    if kind is object or kind.__new__ is object.__new__:
        return lambda member: None
    for base, extract in _RAW_VALUE.items():
        if issubclass(kind, base):
            return extract
    if issubclass(kind, tuple):
        return lambda member: tuple.__getitem__(member, slice(None))
    raise NotSerializable(cls, f"enum over {kind.__qualname__}")


def reduce_enum_member(context, member):
    cls = type(member)
    if context.is_importable(cls):
        return NotImplemented
    if cls._member_map_.get(member._name_) is member:
        return unpickling.enum_member, (cls, member._name_)
    return cls, (member._value_,)   # a combination of flags


def reduce_method(context, method):
    return types.MethodType, (method.__func__, method.__self__)


def reduce_mappingproxy(context, proxy):
    [mapping] = gc.get_referents(proxy)
    if isinstance(mapping, dict):
        owner = next((cls for cls in gc.get_referrers(mapping) if isinstance(cls, type)
                      and gc.get_referents(vars(cls))[0] is mapping), None)
        if owner is not None:
            return unpickling.class_dict, (owner,)
    return types.MappingProxyType, (mapping,)


class ModuleDict:
    """Stands for the dict of a module that was made by hand, so that its functions share it."""

    def __init__(self, module):
        self.module = module


def reduce_module_dict(context, stand_in):
    return unpickling.module_dict, (stand_in.module,)


class OwnGlobals:
    """Stands for the globals of code that a library ran in a dict of its own (sympy's lambdify): only what
    the functions use is kept of it, since such a dict may hold a library's whole namespace."""

    def __init__(self, namespace):
        self.namespace = namespace


def reduce_own_globals(context, stand_in):
    return unpickling.make_globals, (stand_in.namespace.get("__name__"),)


REDUCERS = {
    OwnGlobals: reduce_own_globals,
    ModuleDict: reduce_module_dict,
    types.FunctionType: reduce_function,
    types.CodeType: reduce_code,
    types.CellType: reduce_cell,
    types.ModuleType: reduce_module,
    types.MethodType: reduce_method,
    types.MappingProxyType: reduce_mappingproxy,
}
