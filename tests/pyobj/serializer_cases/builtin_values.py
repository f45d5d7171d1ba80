"""Values of the builtins and the standard library."""
from . import case

for name, expression in {
    "int": "-17", "big_int": "7 ** 900", "float": "0.1", "negative_zero": "-0.0", "complex": "1+2j",
    "none": "None",
    "bool": "True", "ellipsis": "...", "not_implemented": "NotImplemented", "str": "'h\\u00e9 \\U0001f600'",
    "lone_surrogate": "'\\ud800'", "bytes": "b'\\x00\\xff'", "big_bytes": "b'ab' * 100_000",
    "bytearray": "bytearray(b'xyz')", "tuple": "(1, (2, 3), ())", "list": "[1, [2], []]",
    "dict": "{'b': 1, 'a': 2, (1, 2): None}", "set": "{1, 2, 'x'}", "frozenset": "frozenset({1, 2})",
    "range": "range(3, 30, 4)", "slice": "slice(1, None, 2)", "generic_alias": "list[int]",
    "union": "int | None",
    "date": "__import__('datetime').datetime(2024, 2, 29, tzinfo=__import__('datetime').timezone.utc)",
    "decimal": "__import__('decimal').Decimal('1.10')", "fraction": "__import__('fractions').Fraction(1, 3)",
    "path": "__import__('pathlib').PurePosixPath('/a/b')", "uuid": "__import__('uuid').UUID(int=5)",
    "pattern": "__import__('re').compile('a+', 2)", "counter": "__import__('collections').Counter('abba')",
    "deque": "__import__('collections').deque([1, 2], maxlen=5)",
    "ordered": "__import__('collections').OrderedDict(b=1, a=2)",
    "chain_map": "__import__('collections').ChainMap({'a': 1}, {'b': 2})",
    "array": "__import__('array').array('d', [1, 2])",
    "namespace": "__import__('types').SimpleNamespace(a=1)",
    "item_getter": "__import__('operator').itemgetter(1)((5, 6))",
    "zone": "__import__('zoneinfo').ZoneInfo('Europe/Vienna')", "builtin_function": "len",
    "builtin_type": "dict",
    "type_of_none": "type(None)", "type_of_function": "type(lambda: 0)",
    "struct_time": "__import__('time').gmtime(0)",
    "ip_address": "__import__('ipaddress').ip_address('10.0.0.1')", "nan_is_nan": "float('nan')",
    "string_io_value": "__import__('io').StringIO('ab\\ncd').getvalue()",
}.items():
    compare = "x != x" if name == "nan_is_nan" else f"x == ({expression})"
    case(f"value_{name}", f"x = {expression}", f"assert {compare} and type(x) is type({expression})")

case("negative_zero_keeps_its_sign", 'x = -0.0', """
import math
assert math.copysign(1, x) == -1
""")
case("dict_keeps_insertion_order", "x = {k: 1 for k in 'zyxabc'}", "assert list(x) == list('zyxabc')")
case("string_io_keeps_its_position", """
import io
x = io.StringIO('hello')
x.read(2)
""", "assert x.read() == 'llo'")
case("bytes_io_keeps_its_position", """
import io
x = io.BytesIO(b'hello')
x.read(2)
""", "assert x.read() == b'llo'")
case("list_iterator_keeps_its_position", """
x = iter([1, 2, 3])
next(x)
""", 'assert list(x) == [2, 3]')
case("defaultdict_of_a_lambda", """
from collections import defaultdict
x = defaultdict(lambda: 7)
x['a'] += 1
""", "assert x['a'] == 8 and x['b'] == 7")
case("random_goes_on_where_it_was", """
import random
x = random.Random(3)
x.random()
y = random.Random(3)
y.random()
""", 'assert x.random() == y.random()')
case("dict_view_follows_its_dict", """
d = {'a': 1}
k = d.keys(); v = d.values(); i = d.items()
""", """
d['b'] = 2
assert list(k) == ['a', 'b'] and list(v) == [1, 2] and len(i) == 2
""", linked=[('d', 'k', 'v', 'i')])
case("ordered_dict_view_follows", """
from collections import OrderedDict
d = OrderedDict(a=1)
k = d.keys()
""", """
d['b'] = 2
assert list(k) == ['a', 'b']
""", linked=[('d', 'k')])
case("mapping_proxy_follows_its_dict", """
import types
d = {'a': 1}
p = types.MappingProxyType(d)
""", """
d['b'] = 2
assert p['b'] == 2
""", linked=[('d', 'p')])
case("mapping_proxy_of_a_class", """
class C:
    a = 1
p = C.__dict__
""", """
C.b = 2
assert p['b'] == 2
""")
case("partial", """
from functools import partial
def f(a, b): return a - b
x = partial(f, b=1)
""", 'assert x(5) == 4')
case("partial_method_of_builtin", """
x = [3]
y = x.append
""", """
y(4)
assert x == [3, 4]
""", linked=[('x', 'y')])
case("memoryview_of_a_bytearray", """
b = bytearray(range(10))
m = memoryview(b)[2:6]
""", """
m[0] = 99
assert b[2] == 99 and len(m) == 4
""", linked=[('b', 'm')])
case("memoryview_cast", """
b = bytearray(16)
m = memoryview(b).cast('i', (2, 2))
""", """
m[1, 0] = 7
assert b[8] == 7 and m.shape == (2, 2)
""", linked=[('b', 'm')])
case("memoryview_strided", """
b = bytearray(range(10))
m = memoryview(b)[1:8:3]
r = memoryview(b)[::-1]
""", """
b[4] = 44
assert m.tolist() == [1, 44, 7] and r.tolist()[0] == 9 and len(r) == 10
""", linked=[('b', 'm', 'r')])
case("memoryview_readonly", """
b = bytearray(4)
m = memoryview(b).toreadonly()
""", """
b[0] = 1
assert m.readonly and m[0] == 1
""", linked=[('b', 'm')])
case("memoryview_of_an_array", """
import numpy as np
a = np.arange(6.)
m = memoryview(a)[2:]
""", """
a[2] = 9
assert m[0] == 9
""", linked=[('a', 'm')])
case("weakref_to_a_live_object", """
import weakref
class C: pass
x = C()
r = weakref.ref(x)
""", 'assert r() is x', linked=[('x', 'r')])
case("weakref_to_the_dead", """
import weakref
class C: pass
r = weakref.ref(C())
""", 'assert r() is None')
case("weak_proxy", """
import weakref
class C: a = 5
x = C()
p = weakref.proxy(x)
""", """
x.a = 6
assert p.a == 6
""", linked=[('x', 'p')])
case("weak_value_dictionary", """
import weakref
class C: pass
x = C()
d = weakref.WeakValueDictionary(a=x)
""", """
assert d['a'] is x
del x
import gc; gc.collect()
assert 'a' not in d
""", linked=[('x', 'd')])
case("weak_key_dictionary", """
import weakref
class C: pass
x = C()
d = weakref.WeakKeyDictionary({x: 1})
""", 'assert d[x] == 1', linked=[('x', 'd')])
case("weak_set", """
import weakref
class C: pass
x = C()
d = weakref.WeakSet([x])
""", 'assert x in d', linked=[('x', 'd')])
case("exception_with_other_arguments", """
class E(Exception):
    def __init__(self, a, b):
        super().__init__(f'{a}-{b}')
        self.a = a
e = E(1, 2)
""", "assert e.a == 1 and e.args == ('1-2',) and type(e) is E")
case("exception_with_cause_and_notes", """
e = KeyError('k')
try:
    raise e from ValueError('v')
except KeyError as error:
    error.add_note('n')
""", """
assert type(e.__cause__) is ValueError and e.__notes__ == ['n'] and e.__suppress_context__
""", notes='traceback')
case("exception_of_the_system", "e = FileNotFoundError(2, 'no', 'f')",
     "assert e.errno == 2 and e.filename == 'f'")
case("exception_of_the_system_derived", """
class E(OSError):
    def __init__(self, n): super().__init__(n, 'bad')
e = E(5)
""", "assert e.errno == 5 and e.strerror == 'bad'")
case("exception_group", "e = ExceptionGroup('g', [ValueError(1), KeyError(2)])",
     'assert len(e.exceptions) == 2')
case("exception_of_unicode", "e = UnicodeDecodeError('utf-8', b'x', 0, 1, 'r')",
     "assert e.reason == 'r' and e.end == 1")
case("logger_with_what_was_set_of_it", """
import logging, sys
log = logging.getLogger('session.set')
log.setLevel(15)
log.propagate = False
handler = logging.StreamHandler(sys.__stderr__)
handler.setFormatter(logging.Formatter('%(message)s!'))
log.addHandler(handler)
del handler
top = logging.getLogger()
""", """
import logging, sys
assert log is logging.getLogger('session.set') and top is logging.root
assert (log.level, log.propagate) == (15, False)
assert log.handlers[0].stream is sys.__stderr__ and log.handlers[0].formatter._fmt == '%(message)s!'
""")
case("plain_logger_by_name", """
import logging
log = logging.getLogger('session.part')
""", """
import logging
assert log is logging.getLogger('session.part')
""")
case("standard_stream_by_name", """
import sys
out = [sys.stderr]
""", """
import sys
assert out[0] is sys.stderr
""")
case("recursive_list", """
x = [1]
x.append(x)
""", 'assert x[1] is x')
case("recursive_dict_and_tuple", """
d = {}
t = (d, 1)
d['t'] = t
""", "assert d['t'] is t and t[0] is d", linked=[('d', 't')])
case("deep_list", """
x = []
for _ in range(100_000): x = [x]
""", """
n = 0
while x: x = x[0]; n += 1
assert n == 100_000
""")
case("deep_objects", """
class N:
    def __init__(self, n): self.next = n
x = None
for _ in range(30_000): x = N(x)
""", """
n = 0
while x: x = x.next; n += 1
assert n == 30_000
""")
case("deep_tuple", """
x = ()
for _ in range(20_000): x = (x,)
""", """
n = 0
while x: x = x[0]; n += 1
assert n == 20_000
""")

for kind, steps in {
    "keys": ["b", "a", "c"], "values": [1, [2], 3], "items": [("b", 1), ("a", [2]), ("c", 3)],
}.items():
    for turned, order in (("iter", steps), ("reversed", steps[::-1])):
        case(f"{turned}_of_dict_{kind}", f"""
d = {{'b': 1, 'gone': 0, 'a': [2], 'c': 3}}
del d['gone']
fresh, half, last, ended = ({turned}(d.{kind}()) for _ in range(4))
next(half), [next(last) for _ in range(3)], list(ended)
""", f"""
steps = {order!r}
assert type(half) is type({turned}(d.{kind}())) and list(fresh) == steps and list(half) == steps[1:]
assert list(last) == list(ended) == []
stale = {turned}(d.{kind}())
d['more'] = 1
try: next(stale)
except RuntimeError: pass
else: assert False
""")
case("iterator_of_a_dict_that_has_grown", """
d = {'a': 1}
stale = iter(d)
d['b'] = 2
""", "assert d == {'a': 1, 'b': 2}", refuses={"stale": "python_raised: stale"})
case("iterator_of_the_namespace", """
import builtins
ns = {'__builtins__': builtins, 'x': 1}
names = iter(ns)
next(names)
""", "assert list(names) == ['x']")
case("values_that_an_iterator_has_yet_to_give_are_those_of_its_dict", """
d = {'a': [1], 'b': [2]}
it = iter(d.values())
next(it)
""", "assert next(it) is d['b']", linked=[("d", "it")])
case("regex_matches", """
import re
text = 'ab12 cd345 ef'
first = re.search(r'([a-z]+)(\\d+)', text)
begun = re.compile('cd').match(text, 5, 8)
whole = re.fullmatch(b'(?P<x>a)|b', b'a')
second = list(re.finditer(r'[a-z]+(\\d*)', text))[1]
empty = list(re.finditer('', 'ab'))[1]
""", """
assert first.groups() == ('ab', '12') and first.string == text and first.span(2) == (2, 4)
assert (begun.span(), begun.pos, begun.endpos) == ((5, 7), 5, 8) and begun.re.pattern == 'cd'
assert whole.lastgroup == 'x' and whole.group('x') == b'a'
assert second.group() == 'cd345' and second.pos == 0 and second.regs == ((5, 10), (7, 10))
assert empty.span() == (1, 1)
""")
