"""Makes values of the standard library's C types. Written by `pickling_stdlib`."""
import itertools
import types
import weakref

from elasticpython.unpickling_written import written


@written
def json_scanner(strict, object_hook, object_pairs_hook, parse_float, parse_int, parse_constant):
    from json import scanner
    return scanner.make_scanner(types.SimpleNamespace(
        strict=strict, object_hook=object_hook, object_pairs_hook=object_pairs_hook, parse_float=parse_float,
        parse_int=parse_int, parse_constant=parse_constant, memo={}))


@written
def ended_pairs():
    pairs = itertools.pairwise(())
    next(pairs, None)
    return pairs


@written
def set_iterator(whole):
    return iter(whole)


@written
def sqlite_row(kind, names, values):
    """By a cursor of an empty database whose columns have these names: that is what a row remembers."""
    import sqlite3
    connection = sqlite3.connect(":memory:")
    columns = ", ".join('NULL AS "{}"'.format(name.replace('"', '""')) for name in names)
    cursor = connection.execute(f"SELECT {columns}")
    row = kind(cursor, values)
    connection.close()
    return row


@written
def sort_key(comparison, value):
    import functools
    key = functools.cmp_to_key(comparison)
    return key(*value) if value else key


@written
def weak_method(kind, owner, function):
    return kind(types.MethodType(function, owner))


@written
def weak_subclass(kind, referent, callback):
    return weakref.ref.__new__(kind, referent, callback)


@written
def dead_finalizer():
    return object.__new__(weakref.finalize)
