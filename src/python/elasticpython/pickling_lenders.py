"""Arrays over memory that belongs to an object of an extension type: a fitted tree of scikit-learn lends its
nodes as `children_left`. Such an array is written as the attribute it can be had from, so that what is put
into one after a restore is seen through the other."""
import sys
import types

from elasticpython import unpickling, unpickling_arrays
from elasticpython.by_type import is_a
from elasticpython.pickling_code import HEAP_TYPE

_STATE = ("__getstate__", "__reduce__", "__reduce_ex__")


def may_lend(kind):
    """True for a library's type, written in C, that says itself what its state is. Python's and numpy's own,
    of which there may be millions, do not lend."""
    if kind.__flags__ & HEAP_TYPE:
        return False
    own, library = vars(kind), kind.__module__.partition(".")[0]
    return library != "numpy" and library not in sys.stdlib_module_names \
        and any(name in own for name in _STATE) and bool(_attributes(kind))


def reduce_lender(context, value):
    """As the type says; the arrays of its own state are its content, and not lent."""
    reduced = value.__reduce_ex__(5)
    for array in _arrays_in(reduced):
        context.own_arrays[id(array)] = array
    return reduced


def reduce_lent(context, array, owner, lender):
    """None where nobody else has the lender, or no attribute of it shows that memory."""
    held_by_others = sys.getrefcount(lender) > 4   # its array, two names of our callers' and the argument
    if id(array) in context.own_arrays or not held_by_others or not may_lend(type(lender)):
        return None
    start = owner.__array_interface__["data"][0]
    for name, first, end in _lent_by(context, lender):
        if first <= start and start + owner.nbytes <= end:
            offset = array.__array_interface__["data"][0] - first
            view = array.dtype, array.shape, array.strides, offset, array.flags.writeable
            return unpickling.array_over_lender, (lender, name, *view)
    return None


def _lent_by(context, lender):
    """[(attribute, first address, end)] of the memory that can be had from an object."""
    known = context.lent.get(id(lender))
    if known is None:
        found = []
        for name in _attributes(type(lender)):
            try:
                owner = unpickling_arrays.lent_memory(lender, name)
            except Exception:  # not all attributes of an object can be had at all times
                continue
            if owner is not None:
                first = owner.__array_interface__["data"][0]
                found.append((name, first, first + owner.nbytes))
        known = context.lent[id(lender)] = lender, found
    return known[1]


def _attributes(kind):
    return [name for base in kind.__mro__[:-1] for name, value in vars(base).items()
            if type(value) is types.GetSetDescriptorType and not name.startswith("__")]


def _arrays_in(reduced):
    numpy = sys.modules.get("numpy")
    todo = [each for each in reduced[1:3] if each is not None] if numpy and isinstance(reduced, tuple) else []
    while todo:
        part = todo.pop()
        if is_a(part, numpy.ndarray):
            yield part
        elif type(part) in (tuple, list):
            todo.extend(part)
        elif type(part) is dict:
            todo.extend(part.values())
