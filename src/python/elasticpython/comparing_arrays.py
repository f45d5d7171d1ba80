"""Arrays as pickles write them, by their elements: whether one owns its memory or is a view of an array that
nobody else holds is no difference that anybody could see."""

import math
import sys

_RECONSTRUCT = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_FROM_BUFFER = ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")
_VIEW = "elasticpython.unpickling.array_view"


def is_array(tree):
    return _maker(tree) in (*_RECONSTRUCT, *_FROM_BUFFER, _VIEW)


class Comparison:
    """Of the arrays of two trees, and of who shows which part of whose memory."""

    def __init__(self):
        # By the owner of the memory: the other's owner, and how far the first view of it has moved.
        self._memories = ({}, {})

    def run(self, path, before, after):
        """A sentence, [] for equal ones, or None where only the way they are written can be compared."""
        mine, other = _elements(before), _elements(after)
        if mine is None or other is None:
            return None
        if mine.dtype != other.dtype or mine.shape != other.shape:
            return f"{path} is {other.dtype} {other.shape}, was {mine.dtype} {mine.shape}"
        if not self._is_shared_as_before(before, after):
            return f"{path} does not share its memory as it did"
        writeable = _is_writeable(after)
        if writeable != _is_writeable(before):
            return f"{path} is {'writeable' if writeable else 'read-only'}"
        if mine.tobytes() == other.tobytes():
            return []
        pairs = enumerate(zip(mine.ravel(), other.ravel()))
        unequal = [i for i, (one, new) in pairs if one.tobytes() != new.tobytes()]
        place = unequal[0]
        return f"{path} differs in {len(unequal)} of {mine.size} elements, first in number {place}: " \
            f"{other.ravel()[place]}, was {mine.ravel()[place]}"

    def _is_shared_as_before(self, before, after):
        """Whether two arrays show the memory of partners, as far apart as the others that show it."""
        (mine, start), (other, new_start) = map(_place_of, (before, after))
        forth, back = self._memories
        partner, moved = forth.setdefault(id(mine), (id(other), new_start - start))
        return partner == id(other) and moved == new_start - start and \
            back.setdefault(id(other), id(mine)) == id(mine)


def _place_of(tree):
    """The tree of the array whose memory is shown, and from which byte on; itself where it is no view."""
    return (tree.arguments[0], tree.arguments[4]) if _maker(tree) == _VIEW else (tree, 0)


def _is_writeable(tree):
    if _maker(tree) == _VIEW:
        return tree.arguments[5]
    return not (_maker(tree) in _FROM_BUFFER and tree.arguments[0].readonly)


def _elements(tree):
    """A numpy array of what the tree describes, or None where that takes more than numbers and strings."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    try:
        return _elements_with(numpy, tree)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return None


def _elements_with(numpy, tree):
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
        memory = _elements_with(numpy, owner).ravel(order="K").view("u1")
        if math.prod(shape) > memory.nbytes:
            raise ValueError("one that repeats elements may be larger than any memory")
        return numpy.ndarray(shape, _dtype(numpy, kind), memory.data, offset, strides)
    return None


def _dtype(numpy, tree):
    """Of numbers, dates, text and records of these; one of objects raises."""
    code = tree.arguments[0]
    if code.startswith("O"):
        raise TypeError("made of objects")
    if not tree.state:  # one that all arrays share is written by its name alone
        return numpy.dtype(code)
    byteorder, subarray, names, fields, size = tree.state[0][1:6]
    if subarray is not None or len(tree.state[0]) > 8:  # with a unit, or metadata
        raise TypeError("not made of numbers")
    if names is None:
        return numpy.dtype(code).newbyteorder(byteorder)
    return numpy.dtype({"names": names, "formats": [_dtype(numpy, fields[name][0]) for name in names],
                        "offsets": [fields[name][1] for name in names], "itemsize": size})


def _maker(tree):
    return getattr(getattr(tree, "maker", None), "text", None)
