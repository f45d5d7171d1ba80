"""Makes ctypes' objects over memory that they share. Written by `pickling_ctypes`."""
from elasticpython.unpickling_written import written


@written
def ctypes_part(kind, owner, offset, attributes):
    """Over the memory of `owner`: one of ctypes' objects, or a memoryview."""
    part = kind.from_buffer(owner, offset)
    part.__dict__.update(attributes)
    return part


@written
def ctypes_pointer(kind, target):
    if type(target) is kind._type_:
        return kind(target)
    import ctypes  # not where a session has none of its objects
    return ctypes.cast(ctypes.pointer(target), kind)
