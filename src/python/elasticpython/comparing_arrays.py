"""Arrays as pickles write them, by their elements: whether one owns its memory or is a view of an array that
nobody else holds is no difference that anybody could see."""

import sys

_RECONSTRUCT = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_FROM_BUFFER = ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")
_VIEW = "elasticpython.unpickling.array_view"


def owner_of(tree):
    """The tree of the array whose memory a view shows, or None."""
    return tree.arguments[0] if _maker(tree) == _VIEW else None


def is_array(tree):
    return _maker(tree) in (*_RECONSTRUCT, *_FROM_BUFFER, _VIEW)


def elements(tree):
    """A numpy array of what the tree describes, or None where that takes more than numbers and strings."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    try:
        return _elements(numpy, tree)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return None


def _elements(numpy, tree):
    maker = _maker(tree)
    if maker in _RECONSTRUCT:
        _, shape, kind, fortran, content = tree.state[0]
        flat = numpy.frombuffer(content, _dtype(numpy, kind))
        return flat.reshape(shape, order="F" if fortran else "C")
    if maker in _FROM_BUFFER:
        memory, kind, shape, order = tree.arguments
        return numpy.frombuffer(memory.memory, _dtype(numpy, kind)).reshape(shape, order=order)
    if maker == _VIEW:
        owner, kind, shape, strides, offset, _ = tree.arguments
        memory = _elements(numpy, owner).ravel(order="K").view("u1")
        return numpy.ndarray(shape, _dtype(numpy, kind), memory.data, offset, strides)
    return None


def _dtype(numpy, tree):
    """Of a plain dtype; one with fields raises."""
    code = tree.arguments[0]
    if not tree.state:  # one that all arrays share is written by its name alone
        return numpy.dtype(code)
    byteorder, subarray, names = tree.state[0][1:4]
    if subarray is not None or names is not None or code.startswith(("O", "V")):
        raise TypeError("not made of numbers")
    return numpy.dtype(code).newbyteorder(byteorder)


def _maker(tree):
    return getattr(getattr(tree, "maker", None), "text", None)
