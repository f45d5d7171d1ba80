"""Classes of the session that derive from builtins and the standard library; attributes that are shared."""
from . import case

case("values_whose_new_wants_other_arguments", """
from collections import namedtuple
import datetime, decimal, fractions
class Point(tuple):
    def __new__(cls, x, y): return super().__new__(cls, (x, y))
    @property
    def x(self): return self[0]
class Money(float):
    def __new__(cls, amount, currency):
        self = super().__new__(cls, amount)
        self.currency = currency
        return self
class Tag(str):
    def __new__(cls, text, *, lang):
        self = super().__new__(cls, text)
        self.lang = lang
        return self
class Members(frozenset):
    def __new__(cls, *members): return super().__new__(cls, members)
class Joined(bytes):
    def __new__(cls, a, b): return super().__new__(cls, a + b)
class Day(datetime.date):
    def __new__(cls, text): return super().__new__(cls, *map(int, text.split('-')))
class Sevenths(fractions.Fraction):
    def __new__(cls, number): return super().__new__(cls, number, 7)
class Measure(decimal.Decimal):
    def __new__(cls, value, unit):
        self = super().__new__(cls, value)
        self.unit = unit
        return self
p, m, t = Point(1, 2), Money(3, 'EUR'), Tag('x', lang=['en'])
f, b, d, s, w = Members(1, 2), Joined(b'a', b'b'), Day('2020-01-02'), Sevenths(3), Measure('1.50', 'm')
""", """
import fractions
assert p == (1, 2) and p.x == 1 and m == 3.0 and m.currency == 'EUR' and t == 'x' and t.lang == ['en']
assert f == {1, 2} and b == b'ab' and d.isoformat() == '2020-01-02' and s == fractions.Fraction(3, 7)
assert str(w) == '1.50' and w.unit == 'm'
assert [type(each).__name__ for each in (p, f, b, d, s)] == ['Point', 'Members', 'Joined', 'Day', 'Sevenths']
""")
case("values_whose_new_changes_what_it_is_given", """
from collections import namedtuple
class Loud(str):
    def __new__(cls, text): return super().__new__(cls, text.upper() + '!')
class Double(int):
    def __new__(cls, value): return super().__new__(cls, value * 2)
class Pair(namedtuple('Pair', 'a b')):
    def __new__(cls, a, b=None): return super().__new__(cls, a + 1, b)
loud, double, pair = Loud('a'), Double(2), Pair(1, 2)
""", "assert (loud, double, pair) == ('A!', 4, (2, 2)) and Pair(1).a == 2 and Loud('b') == 'B!'")
case("attributes_of_classes_that_derive_from_the_standard_library", """
import collections, datetime, decimal, fractions, ipaddress, pathlib, random
shared = [1]
kinds = {}
for base, arguments in ((collections.Counter, ('aab',)), (datetime.datetime, (2020, 1, 2)),
                        (datetime.timedelta, (3,)), (fractions.Fraction, (1, 3)), (decimal.Decimal, ('1.5',)),
                        (ipaddress.IPv4Address, ('1.2.3.4',)), (pathlib.PurePosixPath, ("a/b",)),
                        (set, ([1],))):
    kind = kinds[base.__name__] = type('My' + base.__name__, (base,), {})
    value = kinds[base.__name__ + '_value'] = kind(*arguments)
    value.attribute = shared
class Dice(random.Random): pass
class Slotted(fractions.Fraction): __slots__ = ('slot', 'unset')
slotted = Slotted(1, 3)
slotted.slot = shared
dice, same = Dice(3), random.Random(3)
dice.attribute = shared
dice.random(), same.random()
""", """
import collections
values = {name[:-6]: value for name, value in kinds.items() if name.endswith('_value')}
assert all(value.attribute is shared for value in values.values()) and slotted.slot is shared
assert values['Counter'] == collections.Counter('aab') and values['datetime'].day == 2
assert values['timedelta'].days == 3 and str(values['Fraction']) == '1/3' and str(values['Decimal']) == '1.5'
assert str(values['IPv4Address']) == '1.2.3.4' and values['PurePosixPath'].parts == ('a', 'b')
assert values['set'] == {1} and type(values['set']) is kinds['set']
assert dice.attribute is shared and dice.random() == same.random()
""", linked=[("shared", "kinds", "kind", "value", "slotted", "dice", "same")])
case("containers_whose_init_wants_arguments_and_that_watch_what_is_put_in", """
import collections, datetime
class Last(collections.deque):
    def __init__(self, count, label):
        super().__init__([], count)
        self.label = label
    def append(self, item): super().append((self.label, item))
class Recent(collections.OrderedDict):
    def __init__(self, capacity):
        super().__init__()
        self.capacity = capacity
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if len(self) > self.capacity: self.popitem(last=False)
class Tags(set):
    def __init__(self, owner):
        super().__init__()
        self.owner = owner
class Weighted(collections.Counter):
    def __init__(self, weight, text):
        self.weight = weight
        super().__init__(text)
    def update(self, *args, **options):
        super().update(*args, **options)
        for key in self: self[key] *= self.weight
class Zone(datetime.tzinfo):
    def __init__(self, hours): self.hours = hours
    def utcoffset(self, when): return datetime.timedelta(hours=self.hours)
    def dst(self, when): return None
last, recent, tags, weighted, zone = Last(2, 'l'), Recent(2), Tags('me'), Weighted(3, 'aab'), Zone(2)
last.append(1)
for name in 'abc': recent[name] = name
tags.add(recent['c'])
when = datetime.datetime(2020, 1, 1, tzinfo=zone)
""", """
assert list(last) == [('l', 1)] and last.maxlen == 2 and list(recent) == ['b', 'c'] and recent.capacity == 2
recent['d'] = 4
assert list(recent) == ['c', 'd'] and tags == {'c'} and tags.owner == 'me'
assert dict(weighted) == {'a': 6, 'b': 3} and when.utcoffset().seconds == 7200
""")
case("a_class_that_says_itself_how_its_counter_is_pickled", """
import collections
class Plain(collections.Counter):
    def __getstate__(self): return {'kept': 1}
    def __setstate__(self, state): self.kept = 2
x = Plain('ab')
""", "assert x == {'a': 1, 'b': 1}")
case("instances_that_share_one_dict_of_attributes", """
class Borg:
    state = {}
    def __init__(self): self.__dict__ = self.state
a, b = Borg(), Borg()
a.x = [1]
""", """
b.y = 2
assert a.y == 2 and a.x is b.x and Borg().x is a.x and Borg.state is vars(a)
""", linked=[("Borg", "a", "b")])
case("instances_that_share_their_attributes_and_answer_for_any", """
class Settings:
    shared = {}
    def __init__(self): self.__dict__ = self.shared
    def __getattr__(self, name): return 'default'
    def __setattr__(self, name, value): object.__setattr__(self, name, value)
a, b = Settings(), Settings()
a.x = [1]
""", """
b.y = 2
assert a.y == 2 and a.x is b.x and Settings().x is a.x and a.other == 'default'
""", linked=[("Settings", "a", "b")])
case("the_attributes_of_an_object_as_a_variable", """
class Plain: pass
first, second, slotted = Plain(), Plain(), type('S', (), {'__slots__': ('slot', '__dict__')})()
first.a, slotted.b, slotted.slot = 1, 2, 3
attributes, of_slotted = vars(first), vars(slotted)
second.__dict__ = attributes
""", """
attributes['new'] = of_slotted['other'] = 5
assert first.new == second.new == slotted.other == 5 and slotted.slot == 3 and vars(first) is attributes
""", linked=[("attributes", "first", "second"), ("slotted", "of_slotted")])
case("attributes_that_cannot_be_shared_are_refused", """
import types
ns = types.SimpleNamespace(a=1)
other = types.SimpleNamespace(a=1)
attributes = vars(ns)
""", "assert other.a == 1", refuses={"ns": "not_serializable: ns: object whose attributes"})
case("flags_whose_complement_was_asked_for", """
from enum import Flag
class Mode(Flag):
    READ = 1
    WRITE = 2
    RUN = 4
rest = ~Mode.READ
""", """
assert rest == Mode.WRITE | Mode.RUN and ~rest is Mode.READ and ~Mode.READ is rest
""")
