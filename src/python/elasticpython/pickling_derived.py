"""Reducers of instances whose class is the session's and derives from a builtin or a class of the standard
library that says itself how it is pickled: `class Money(float)`, `class LRU(OrderedDict)`.

Those bases pickle a call of the class with what they hold. But the session's `__new__` and `__init__` want
other arguments, or change what they are given, and most bases know nothing of attributes. So the base's own
`__new__` and `__init__` make the object, and contents and attributes are set past the session's methods."""
import collections
import enum
import sys
import types

from elasticpython import unpickling

_VALUES = (int, float, complex, str, bytes, tuple)   # they are reduced by `object`, and made by `__new__`


def reducer_for(context, kind):
    """None where `kind` is pickled well as it is."""
    if issubclass(kind, (enum.Enum, BaseException, types.ModuleType)) or context.is_importable(kind):
        return None
    reducing = _giver(kind, "__reduce_ex__")
    if reducing is object:
        reducing = _giver(kind, "__reduce__")
    if reducing is object:
        base = next((base for base in _VALUES if issubclass(kind, base)), None)
        return None if base is None or not _is_made_otherwise(kind, base) else reduce_value(base)
    own = kind.__mro__[:kind.__mro__.index(reducing)]
    maker = next((base for base in (*own, reducing)
                  if issubclass(base, reducing) and context.is_importable(base)), None)
    if maker is None or _has_own_state(own):
        return None
    of_python = maker.__module__.partition(".")[0] in ("builtins", *sys.stdlib_module_names)
    return _reduce_by(maker) if of_python else None


def _giver(kind, name):
    return next(base for base in kind.__mro__ if name in vars(base))


def _is_made_otherwise(kind, base):
    """Whether a class below the one that says what `__new__` gets has a `__new__` of its own."""
    order = kind.__mro__
    says = _giver(kind, "__getnewargs__") if not hasattr(kind, "__getnewargs_ex__") else kind
    return isinstance(kind.__new__, types.FunctionType) \
        and order.index(_giver(kind, "__new__")) < order.index(says)


def _has_own_state(classes):
    """Whether they take part in how an instance is pickled."""
    return any(name in vars(base) for base in classes
               for name in ("__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"))


def reduce_value(base):
    """A reducer by what the builtin `base` holds, and attributes."""
    def reduce(context, value):
        state = value.__reduce_ex__(5)[2]
        made = unpickling.derived, (type(value), base, base.__getnewargs__(value))
        if state is None or hasattr(type(value), "__setstate__"):
            return *made, state
        if not isinstance(state, tuple):
            state = (state, None)
        return *made, state, None, None, unpickling.set_attributes
    return reduce


def _reduce_by(base):
    def reduce(context, value):
        reduction = value.__reduce_ex__(5)
        if isinstance(reduction, str):
            return reduction
        make, arguments, state, items, pairs = (*reduction, None, None, None)[:5]
        if make is not type(value) or reduction[5:]:
            return reduction
        attributes = attributes_below(value, base)
        if _holds(state, attributes):
            state = None
        filler = base
        if issubclass(base, collections.Counter):   # its `__init__` calls what the class may have changed
            filler, arguments, pairs = dict, (), dict.items(value)
        made = unpickling.derived, (type(value), filler, tuple(arguments))
        contents = tuple(None if part is None else list(part) for part in (items, pairs))
        if attributes is None and state is None and contents == (None, None):
            return made
        return *made, (filler, attributes, state, *contents), None, None, unpickling.set_derived_state
    return reduce


def attributes_below(value, base):
    """(dict, slots) of what the classes that derive from `base` add to it, or None."""
    try:
        attributes = dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        attributes = {}
    slots = {}
    kinds = type(value).__mro__
    for name, slot in [each for kind in kinds[:kinds.index(base)] for each in vars(kind).items()]:
        if isinstance(slot, types.MemberDescriptorType):
            try:
                slots[name] = slot.__get__(value)
            except AttributeError:
                pass
    return (attributes, slots) if attributes or slots else None


def _holds(state, attributes):
    """Whether the base's own state is the attributes, or nothing."""
    if isinstance(state, tuple) and len(state) == 2 and type(state[1]) is dict:
        return True
    return state is None or (type(state) is dict and attributes is not None
                             and state.keys() == attributes[0].keys())
