"""Values of the standard library's C types that pickle cannot."""
from . import case

case("layouts_of_structs", """
import struct
layout = struct.Struct('<ih')
""", "assert layout.format == '<ih' and layout.unpack(layout.pack(1, 2)) == (1, 2)")
case("json_decoders", """
import decimal, json
def pairs(items): return dict(items, seen=len(items))
plain = json.JSONDecoder()
own = json.JSONDecoder(object_pairs_hook=pairs, parse_float=decimal.Decimal, strict=False)
scan = own.scan_once
""", """
import decimal
assert plain.decode('{"a": [1, NaN]}')['a'][0] == 1 and own.scan_once is scan
assert own.decode('{"a": 1.50}') == {'a': decimal.Decimal('1.50'), 'seen': 1} and own.decode('"\\t"') == '\\t'
assert str(own.decode('{"a": 1.50}')['a']) == '1.50'
""", linked=[("own", "scan")])
case("pairs_half_consumed", """
import itertools
source = iter([1, 2, 3, 4, 5])
fresh, half, ended = itertools.pairwise('abc'), itertools.pairwise(source), itertools.pairwise([1])
next(half), list(ended)
""", """
assert type(half) is itertools.pairwise and next(half) == (2, 3) and next(source) == 4
assert list(half) == [(3, 5)] and list(fresh) == [('a', 'b'), ('b', 'c')] and list(ended) == []
""", linked=[("source", "half")])
case("iterators_of_sets", """
words = {'a', 'b', 'c', 'd'}
fresh, half, ended = iter(words), iter(words), iter(words)
taken = {next(half), next(half)}
list(ended)
numbers = frozenset([7])
one = iter(numbers)
grown = {1}
stale = iter(grown)
grown.add(2)
""", """
assert type(half) is type(iter(set())) and taken | set(half) == words and list(ended) == []
assert list(one) == [7] and set(fresh) == words
again = iter(words)
words.add('e')
try: next(again)
except RuntimeError: pass
else: assert False
""", linked=[("words", "fresh", "half", "ended")], refuses={"stale": "python_raised: stale"})
case("rows_of_sqlite", """
import sqlite3
connection = sqlite3.connect(':memory:')
connection.row_factory = sqlite3.Row
rows = connection.execute('SELECT 1 AS a, \\'x\\' AS "b c", NULL AS a, x\\'00\\' AS "q""t"').fetchall()
class Named(sqlite3.Row): pass
connection.row_factory = Named
named = connection.execute('SELECT 2 AS n').fetchone()
""", """
[row] = rows
assert row['a'] == 1 and row['b c'] == 'x' and tuple(row) == (1, 'x', None, b'\\x00')
assert row.keys() == ['a', 'b c', 'a', 'q"t'] and row == row and len({row, row}) == 1
assert type(named) is Named and named['n'] == 2
""", refuses={"connection": "not_serializable: connection: database connection"})
case("keys_of_comparisons", """
import functools
key = functools.cmp_to_key(lambda a, b: b - a)
keys = [key(1), key(2)]
""", "assert sorted([1, 3, 2], key=key) == [3, 2, 1] and keys[1] < keys[0] and keys[0].obj == 1")
case("weak_references_of_other_classes", """
import weakref
class Thing:
    def call(self): return self
class Labelled(weakref.ref):
    __slots__ = ('label', '__dict__')
    def __new__(cls, thing, label): return super().__new__(cls, thing)
    def __init__(self, thing, label):
        super().__init__(thing)
        self.label, self.more = label, [label]
thing = Thing()
labelled, method = Labelled(thing, 'l'), weakref.WeakMethod(thing.call)
""", """
assert labelled() is thing and labelled.label == 'l' and labelled.more == ['l'] and method()() is thing
import gc
del thing
gc.collect()
assert labelled() is None and method() is None
""", linked=[("thing", "labelled", "method")])
case("finalizers_are_not_made_again", """
import weakref
class Thing: pass
thing, log = Thing(), []
live, gone = weakref.finalize(thing, log.append, 'gone'), weakref.finalize(thing, print)
gone.detach()
""", "assert not gone.alive and log == []", refuses={"live": "not_serializable: live: finalizer"})
