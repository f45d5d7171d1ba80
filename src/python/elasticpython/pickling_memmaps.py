"""numpy's arrays over files: the file is mapped again, where it is still there. Its content is the file's,
not the session's; that it has changed since the checkpoint is found when the restore is verified."""
import os
import sys

from elasticpython import unpickling
from elasticpython.pickling_refusals import NotSerializable


def can_be_mapped_again(array):
    """True for a whole mapping that shows what is in the file, and all of it."""
    return _is_memmap(array) and _reason_against(array) is None


def refuse_unless_it_can(array, owner):
    """Raises for `array`, of a memory map's type, over the mapping `owner`."""
    reason = _reason_against(owner) if _is_memmap(owner) else "that was not made by numpy"
    if reason is not None:
        raise NotSerializable(array, f"memory-mapped array {reason}")


def reduce_whole(array):
    refuse_unless_it_can(array, array)
    order = "C" if array.flags.c_contiguous else "F"
    return unpickling.memmap, (array.filename, array.dtype, array.mode, array.offset, array.shape, order)


def _is_memmap(array):
    numpy = sys.modules["numpy"]
    return type(array) is numpy.memmap and array._mmap is not None and array.base is array._mmap


def _reason_against(array):
    if array.mode == "c":
        return "that keeps its changes from the file"
    if array.filename is None:
        return "of a file without a name"
    try:
        size = os.stat(array.filename).st_size
    except OSError:
        return "of a file that is gone"
    return None if size >= array.offset + array.nbytes else "of a file that has become shorter"
