"""Reducers of the standard library's C types that hold plain values, or stand at a place in them, and say
nothing of it to pickle."""
import gc
import itertools
import sys
import weakref

from elasticpython import unpickling
from elasticpython.by_type import is_a, name_of
from elasticpython.pickling_derived import attributes_below
from elasticpython.pickling_refusals import NotSerializable


def reduce_struct(context, layout):
    return type(layout), (layout.format,)


def reduce_json_scanner(context, scanner):
    """What `json.JSONDecoder` has in C: its options, and nothing else."""
    return unpickling.json_scanner, (scanner.strict, scanner.object_hook, scanner.object_pairs_hook,
                                     scanner.parse_float, scanner.parse_int, scanner.parse_constant)


def reduce_pairwise(context, pairs):
    """The element that the next pair begins with goes before the iterator, which others may have, too."""
    held = [each for each in gc.get_referents(pairs) if each is not type(pairs)]
    if not held:
        return unpickling.ended_pairs, ()
    iterator, *before = held[:2]
    return type(pairs), (itertools.chain(before, iterator) if before else iterator,)


def reduce_set_iterator(context, iterator):
    """One that has not begun stays one of its set. Later there is only the rest to be had: what has been
    given out cannot be told from a set in another order."""
    whole = next((each for each in gc.get_referents(iterator) if is_a(each, (set, frozenset))), None)
    left = iterator.__length_hint__()
    if whole is not None and left == len(whole):
        return unpickling.set_iterator, (whole,)
    _, (rest,) = iterator.__reduce__()[:2]
    return unpickling.set_iterator, (set(rest),)


def reduce_row(context, row):
    return unpickling.sqlite_row, (type(row), tuple(row.keys()), tuple(row))


def reduce_sort_key(context, key):
    """What `functools.cmp_to_key` gives, and what that gives for an object."""
    [comparison] = [each for each in gc.get_referents(key) if each is not type(key)][:1]
    try:
        return unpickling.sort_key, (comparison, (key.obj,))
    except AttributeError:
        return unpickling.sort_key, (comparison, ())


def reduce_weak_method(context, reference):
    method = reference()
    if method is None:
        raise NotSerializable(reference, "weak reference to a method of an object that is gone")
    return unpickling.weak_method, (type(reference), method.__self__, method.__func__)


def reduce_weak_subclass(context, reference):
    referent = reference()
    if referent is None:
        raise NotSerializable(reference, "weak reference to an object that is gone")
    made = unpickling.weak_subclass, (type(reference), referent, reference.__callback__)
    state = attributes_below(reference, weakref.ReferenceType)
    return made if state is None else (*made, state, None, None, unpickling.set_attributes)


def reduce_finalizer(context, finalizer):
    """A live one is never made again: a copy's object may go at once, and what is called then may remove what
    the session's own still stands for."""
    if finalizer.alive:
        raise NotSerializable(finalizer, "finalizer")
    return unpickling.dead_finalizer, ()


# By name: the module need not be imported.
_BY_NAME = {
    "_struct.Struct": reduce_struct,
    "_json.Scanner": reduce_json_scanner,
    "itertools.pairwise": reduce_pairwise,
    "builtins.set_iterator": reduce_set_iterator,
    "sqlite3.Row": reduce_row,
    "functools.KeyWrapper": reduce_sort_key,
    "weakref.finalize": reduce_finalizer,
}


def reducer_for(kind):
    known = _BY_NAME.get(name_of(kind))
    if known is not None:
        return known
    if issubclass(kind, weakref.ReferenceType) and kind is not weakref.ReferenceType:
        if issubclass(kind, weakref.WeakMethod):
            return reduce_weak_method
        return reduce_weak_subclass if kind.__reduce_ex__ is object.__reduce_ex__ else None
    row = getattr(sys.modules.get("sqlite3"), "Row", None)
    return reduce_row if row is not None and issubclass(kind, row) else None
