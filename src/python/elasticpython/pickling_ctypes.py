"""Reducers of ctypes' objects that look at memory of others: a field of a structure, an element of an array,
a pointer, what `from_buffer` made. What is written through one is seen through the other afterwards, too."""
import ctypes

from elasticpython import unpickling
from elasticpython.pickling_refusals import NotSerializable, is_ctypes


def reducer_for(kind):
    return _reduce_pointer if issubclass(kind, ctypes._Pointer) else _reduce_data


def _reduce_data(context, value):
    base = value._b_base_
    if base is not None:
        if isinstance(base, ctypes._Pointer):
            base = _target(base)
        offset = ctypes.addressof(value) - ctypes.addressof(base)
        if 0 <= offset <= ctypes.sizeof(base) - ctypes.sizeof(value):
            return unpickling.ctypes_part, (type(value), base, offset, value.__dict__)
        raise NotSerializable(value, "ctypes object in memory that cannot be found again")
    held = value._objects
    memory = held.get("ffffffff") if type(held) is dict else None
    if type(memory) is memoryview:
        offset = ctypes.addressof(value) - context.native.buffer_address(memory)
        return unpickling.ctypes_part, (type(value), memory, offset, value.__dict__)
    return value.__reduce__()


def _reduce_pointer(context, pointer):
    if not pointer:
        return type(pointer), ()
    return unpickling.ctypes_pointer, (type(pointer), _target(pointer))


def _target(pointer):
    """The object that it points to the beginning of."""
    address = ctypes.addressof(pointer.contents)
    todo, seen = [pointer._objects], set()
    while todo:
        held = todo.pop()
        if type(held) is dict and id(held) not in seen:
            seen.add(id(held))
            todo += held.values()
        elif is_ctypes(type(held)) and not isinstance(held, ctypes._Pointer):
            if ctypes.addressof(held) == address:
                return held
    raise NotSerializable(pointer, "pointer to memory of a C library")
