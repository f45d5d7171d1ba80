"""Classes of the session and their instances."""
from . import case

case("instance_of_a_session_class", """
class A:
    def __init__(self): self.x = [1]
    def f(self): return K
K = 8
a = A()
b = A()
""", """
assert type(a) is A and type(b) is A and a.f() == 8 and a.x == [1] and a.x is not b.x
assert A.f.__globals__ is globals()
""")
case("class_changed_afterwards_changes_instances", """
class A: pass
a = A()
""", """
A.new = 4
assert a.new == 4
""")
case("super_and_inheritance", """
class A:
    def f(self): return 1
class B(A):
    def f(self): return super().f() + 1
class C(B):
    def f(self): return super().f() + 1
c = C()
""", 'assert c.f() == 3 and C.__mro__[:3] == (C, B, A)')
case("diamond", """
class A:
    def f(self): return 'a'
class B(A):
    def f(self): return 'b' + super().f()
class C(A):
    def f(self): return 'c' + super().f()
class D(B, C): pass
d = D()
""", "assert d.f() == 'bca'")
case("dunder_class_cell", """
class A:
    def me(self): return __class__
a = A()
""", 'assert a.me() is A')
case("method_before_class", """
class A:
    def f(self): return super().__repr__() and __class__
a = A()
m = a.f
""", 'assert m() is A and m.__self__ is a', linked=[('a', 'm')])
case("properties", """
class A:
    def __init__(self): self._x = 1
    @property
    def x(self):
        'doc'
        return self._x
    @x.setter
    def x(self, v): self._x = v
a = A()
""", """
a.x = 5
assert a._x == 5 and A.x.__doc__ == 'doc'
""")
case("cached_property", """
from functools import cached_property
class A:
    @cached_property
    def x(self): return object()
a = A()
a.x
b = A()
""", "assert a.x is a.__dict__['x'] and b.x is b.x")
case("static_and_class_methods", """
class A:
    n = 3
    @staticmethod
    def s(x): return x
    @classmethod
    def c(cls): return cls.n
a = A()
""", 'assert a.s(2) == 2 and A.c() == 3')
case("class_attributes_in_order", """
class A:
    z = 1
    a = 2
    m = 3
""", "assert [k for k in vars(A) if len(k) == 1] == ['z', 'a', 'm']")
case("dataclass", """
from dataclasses import dataclass, field
@dataclass(order=True)
class P:
    x: int
    y: list = field(default_factory=list)
p = P(1, [2])
""", """
import dataclasses
assert p == P(1, [2]) and dataclasses.asdict(p) == {'x': 1, 'y': [2]} and P(0) < P(1)
assert [f.name for f in dataclasses.fields(P)] == ['x', 'y'] and P(3).y == []
""")
case("dataclass_frozen_slots", """
from dataclasses import dataclass
@dataclass(frozen=True, slots=True)
class P:
    x: int
p = P(1)
""", """
assert p.x == 1 and hash(p) == hash(P(1))
try: p.x = 2; raise SystemError
except AttributeError: pass
assert not hasattr(p, '__dict__')
""")
case("dataclass_with_init_var_and_kw_only", """
from dataclasses import dataclass, InitVar, KW_ONLY
from typing import ClassVar
@dataclass
class P:
    a: int
    s: InitVar[int] = 0
    n: ClassVar[int] = 4
    _: KW_ONLY
    k: int = 9
    def __post_init__(self, s): self.t = s
p = P(1, 2, k=3)
""", 'assert p.t == 2 and p.k == 3 and P.n == 4 and P(1, 5).t == 5')
case("slots", """
class A:
    __slots__ = ('x', '_y', '__z')
    def __init__(self): self.x = 1; self.__z = 3
    def z(self): return self.__z
a = A()
""", """
assert a.x == 1 and a.z() == 3 and not hasattr(a, '__dict__') and not hasattr(a, '_y')
a._y = 2
""")
case("slots_inherited_with_dict", """
class A:
    __slots__ = 'x'
class B(A): pass
b = B()
b.x = 1
b.y = 2
""", 'assert (b.x, b.y) == (1, 2)')
case("slots_of_a_frozen_class", """
class A:
    __slots__ = ('x',)
    def __init__(self, x): object.__setattr__(self, 'x', x)
    def __setattr__(self, *a): raise AttributeError('frozen')
a = A(4)
""", """
assert a.x == 4
try: a.x = 1; raise SystemError
except AttributeError: pass
""")
case("enum", """
from enum import Enum
class Color(Enum):
    RED = 1
    CRIMSON = 1
    BLUE = 'b'
    def f(self): return self.name
c = Color.RED
x = [Color.BLUE]
""", """
assert c is Color.RED and Color.CRIMSON is c and x[0] is Color('b') and c.f() == 'RED'
assert list(Color) == [Color.RED, Color.BLUE] and Color['BLUE'] is x[0] and len(Color) == 2
try: Color.RED = 2; raise SystemError
except AttributeError: pass
""")
case("enum_with_init", """
from enum import Enum
made = []
class Planet(Enum):
    A = (1.0, 2.0)
    B = (3.0, 4.0)
    def __init__(self, m, r):
        self.m = m
        made.append(m)
p = Planet.B
""", 'assert p.m == 3.0 and p is Planet((3.0, 4.0)) and len(made) == 2')
case("int_enum_and_str_enum", """
from enum import IntEnum, StrEnum, auto
class I(IntEnum):
    A = 5
    B = auto()
class S(StrEnum):
    X = auto()
i = I.B
s = S.X
""", """
assert i is I.B and i == 6 and i + 1 == 7 and s is S.X and s == 'x' and S('x') is s and isinstance(i, int)
""")
case("flag", """
from enum import Flag, IntFlag, auto
class F(Flag):
    A = auto()
    B = auto()
    AB = A | B
class G(IntFlag):
    X = 1
    Y = 2
f = F.A | F.B
g = G.X | G.Y
h = F.A
""", """
assert f is F.AB and g == 3 and G.X in g and h is F.A and (F.A | F.B) is f and ~F.A is F.B
""")
case("enum_functional", """
from enum import Enum
E = Enum('E', 'A B')
e = E.B
""", 'assert e is E.B and E(2) is e')
case("namedtuple", """
from collections import namedtuple
P = namedtuple('P', 'x y', defaults=[5])
p = P(1)
""", """
assert p == (1, 5) and type(p) is P and p._replace(x=2).x == 2 and p.y == 5 and P._fields == ('x', 'y')
""")
case("typing_named_tuple", """
from typing import NamedTuple
class P(NamedTuple):
    x: int
    y: str = 'a'
    def f(self): return self.x
p = P(3)
""", """
assert p.f() == 3 and p.y == 'a' and P.__annotations__ == {'x': int, 'y': str}
""")
case("typed_dict", """
from typing import TypedDict
class T(TypedDict, total=False):
    x: int
t: T = {'x': 1}
""", """
assert t == {'x': 1} and T.__annotations__ == {'x': int} and not T.__total__ and T(x=2) == {'x': 2}
""")
case("abstract_class", """
from abc import ABC, abstractmethod
class Base(ABC):
    @abstractmethod
    def f(self): ...
class Impl(Base):
    def f(self): return 1
@Base.register
class Virtual: pass
i = Impl()
""", """
assert i.f() == 1 and isinstance(i, Base) and issubclass(Virtual, Base)
try: Base(); raise SystemError
except TypeError: pass
""", linked=[('Base', 'Virtual')])
case("protocol", """
from typing import Protocol, runtime_checkable
@runtime_checkable
class P(Protocol):
    def f(self): ...
class A:
    def f(self): pass
a = A()
""", 'assert isinstance(a, P) and not isinstance(3, P)')
case("generic_class", """
from typing import Generic, TypeVar
T = TypeVar('T')
class Box(Generic[T]):
    def __init__(self, x: T): self.x = x
b = Box[int](3)
A = Box[int]
""", """
assert b.x == 3 and type(b) is Box and Box.__parameters__ == (T,)
assert A.__args__ == (int,) and b.__orig_class__ == A
""")
case("type_parameters", """
from typing import TypeVar, ParamSpec, NewType
N = TypeVar('N', int, float)
B = TypeVar('B', bound=str, covariant=True)
P = ParamSpec('P')
U = NewType('U', int)
u = U(5)
""", """
assert N.__constraints__ == (int, float) and B.__bound__ is str and B.__covariant__
assert P.__name__ == 'P' and U.__supertype__ is int and u == 5 and U.__module__ == '__main__'
""")
case("metaclass", """
made = []
class Meta(type):
    def __new__(m, name, bases, ns):
        made.append(name)
        ns['tag'] = name.lower()
        return super().__new__(m, name, bases, ns)
    def __len__(cls): return 3
class A(metaclass=Meta): pass
a = A()
""", """
assert type(A) is Meta and len(A) == 3 and A.tag == 'a' and made == ['A'], made
""")
case("metaclass_with_setattr", """
class Meta(type):
    def __setattr__(cls, k, v): raise TypeError('sealed')
class A(metaclass=Meta):
    x = 1
a = A()
""", """
assert a.x == 1
try: A.x = 2; raise SystemError
except TypeError: pass
""")
case("metaclass_of_abc", """
from abc import ABCMeta, abstractmethod
class Meta(ABCMeta):
    def __init__(cls, *a, **k): super().__init__(*a); cls.n = 1
class A(metaclass=Meta):
    @abstractmethod
    def f(self): ...
class B(A):
    def f(self): return 2
b = B()
""", 'assert b.f() == 2 and B.n == 1 and isinstance(b, A)')
case("init_subclass_does_not_run_again", """
plugins = []
class Plugin:
    def __init_subclass__(cls, *, key, **k):
        super().__init_subclass__(**k)
        plugins.append(key)
        cls.key = key
class A(Plugin, key='a'): pass
a = A()
""", """
assert plugins == ['a'] and a.key == 'a'
class B(Plugin, key='b'): pass
assert plugins == ['a', 'b']
""")
case("set_name_does_not_run_again", """
named = []
class D:
    def __set_name__(self, owner, name): named.append(name); self.name = name
    def __get__(self, o, t=None): return self.name
class A:
    x = D()
a = A()
""", "assert a.x == 'x' and named == ['x']")
case("nested_classes", """
class Outer:
    class Inner:
        def f(self): return Outer
    def make(self): return Outer.Inner()
i = Outer.Inner()
j = Outer().make()
""", """
assert type(i) is Outer.Inner and type(j) is Outer.Inner and i.f() is Outer
assert Outer.Inner.__qualname__ == 'Outer.Inner'
""",
     linked=[('Outer', 'i', 'j')])
case("nested_class_shared_by_groups", """
class Outer:
    class Inner: pass
i = Outer.Inner()
j = Outer.Inner()
""", 'assert type(i) is type(j)')
case("class_made_by_a_function", """
def make():
    class Local:
        def f(self): return super().__hash__() is not None and K
    return Local
K = 2
x = make()()
y = x.__class__()
""", 'assert type(x) is type(y) and x.f() == 2')
case("class_with_its_instances", """
class Node:
    all = []
    def __init__(self): Node.all.append(self)
n = Node()
m = Node()
""", 'assert Node.all[0] is n and Node.all[1] is m and type(n) is Node', linked=[('Node', 'n', 'm')])
case("subclass_of_builtin", """
class L(list):
    def f(self): return len(self)
class D(dict):
    def __missing__(self, k): return k
class I(int): pass
class S(str): pass
x = L([1, 2])
x.tag = 't'
y = D(a=1)
z = I(5)
z.u = 'm'
s = S('q')
""", """
assert x == [1, 2] and x.f() == 2 and x.tag == 't' and y['zz'] == 'zz'
assert z == 5 and z.u == 'm' and type(s) is S
""")
case("getstate_and_setstate", """
class A:
    def __init__(self): self.x = 1; self.cache = 2
    def __getstate__(self): return {'x': self.x}
    def __setstate__(self, s): self.__dict__.update(s); self.restored = True
a = A()
""", "assert a.x == 1 and a.restored and not hasattr(a, 'cache')", only_loaded=True)
case("reduce_of_the_users", """
class A:
    def __init__(self, n): self.n = n
    def __reduce__(self): return A, (self.n + 1,)
a = A(1)
""", 'assert a.n == 2', only_loaded=True)
case("singleton_reduced_by_name", """
class S:
    def __reduce__(self): return 'ONLY'
ONLY = S()
x = [ONLY]
""", 'assert type(ONLY) is S and x[0] is ONLY', references=('ONLY',))
case("copyreg_of_the_users", """
import copyreg
class A:
    def __init__(self, n): self.n = n
copyreg.pickle(A, lambda a: (A, (a.n * 2,)))
a = A(2)
""", 'assert a.n == 4', only_loaded=True)
case("getattr_that_recurses", """
class A:
    def __init__(self): self.inner = {'a': 1}
    def __getattr__(self, k): return self.inner[k]
a = A()
""", "assert a.inner == {'a': 1} and a.a == 1")
case("hash_by_attribute_in_a_set", """
class A:
    def __init__(self, n): self.n = n
    def __hash__(self): return hash(self.n)
    def __eq__(self, o): return self.n == o.n
s = {A(1), A(2)}
d = {A(3): 'x'}
""", "assert A(1) in s and d[A(3)] == 'x'")
case("operators_and_descriptors", """
class V:
    def __init__(self, x): self.x = x
    def __add__(self, o): return V(self.x + o.x)
    def __call__(self): return self.x
    def __bool__(self): return False
v = V(1)
""", 'assert (v + v)() == 2 and not v')
case("class_renamed", """
class A: pass
B = A
a = A()
""", 'assert B is A and type(a) is B')
case("class_redefined_old_instances_keep_theirs", """
class A:
    v = 1
old = A()
class A:
    v = 2
new = A()
""", """
assert old.v == 1 and new.v == 2 and type(new) is A and type(old) is not A
""")
case("class_with_module_docs_annotations", """
class A:
    'doc'
    x: int = 1
""", """
assert A.__doc__ == 'doc' and A.__module__ == '__main__' and A.__annotations__ == {'x': int}
""")
case("ctypes_structure", """
import ctypes
class P(ctypes.Structure):
    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_double)]
p = P(1, 2.5)
""", 'assert p.x == 1 and p.y == 2.5 and P(3).x == 3')
case("exception_classes", """
class Base(Exception): pass
class Sub(Base): pass
def f(): raise Sub('m')
""", """
try: f()
except Base as e: assert type(e) is Sub
""")
case("abstract_property_and_dict_methods", """
from collections.abc import Mapping
class M(Mapping):
    def __init__(self): self.d = {'a': 1}
    def __getitem__(self, k): return self.d[k]
    def __iter__(self): return iter(self.d)
    def __len__(self): return 1
m = M()
""", """
from collections.abc import Mapping
assert dict(m) == {'a': 1} and isinstance(m, Mapping)
""")
case("callbacks_between_instances", """
class Bus:
    def __init__(self): self.subs = []
class L:
    def __init__(self, b): self.got = []; b.subs.append(self.on)
    def on(self, e): self.got.append(e)
b = Bus()
l = L(b)
""", """
b.subs[0](1)
assert l.got == [1]
""", linked=[('b', 'l')])
case("tree_with_parents", """
class N:
    def __init__(self, p=None):
        self.p, self.kids = p, []
        p and p.kids.append(self)
r = N()
k = N(r)
""", 'assert r.kids[0] is k and k.p is r', linked=[('r', 'k')])
case("dataclass_can_be_derived_from", """
from dataclasses import dataclass, field
@dataclass
class A:
    x: int
a = A(1)
""", """
import dataclasses
assert dataclasses.fields(A)[0].default is dataclasses.MISSING
@dataclass
class B(A):
    y: int
assert B(1, 2).y == 2
try: B(1); raise SystemError
except TypeError: pass
""")
case("class_changed_in_its_registry", """
class Plugin:
    known = {}
    def __init_subclass__(cls): Plugin.known[cls.__name__] = cls
class A(Plugin): pass
class B(Plugin): pass
""", "assert Plugin.known == {'A': A, 'B': B}", linked=[('Plugin', 'A', 'B')])
case("dict_whose_keys_are_attributes", """
class Attributes(dict):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.__dict__ = self
a = Attributes(x=[1], y=2)
plain = Attributes(z=3)
plain.__dict__ = {'note': 'apart'}
""", """
assert a.x is a['x'] and a.__dict__ is a
a.new = 5
assert a['new'] == 5 and dict(plain) == {'z': 3} and plain.note == 'apart'
""")
case("subclass_of_defaultdict_with_an_init_of_its_own", """
from collections import defaultdict
class Bound(defaultdict):
    def __init__(self, owner, label='rows'):
        self.owner = owner
        super().__init__(list)
        self.label = label
b = Bound('sheet', 'columns')
b['k'].append(1)
""", """
assert (b.owner, b.label, dict(b)) == ('sheet', 'columns', {'k': [1]})
b['later'].append(2)
assert b['later'] == [2]
""")
case("class_whose_new_wants_arguments", """
class Template:
    calls = 0
    def __new__(cls, source, *more):
        Template.calls += 1
        self = super().__new__(cls)
        self.source = source
        return self
t = Template('a {{x}}')
nested = [t, t]
""", """
assert t.source == 'a {{x}}' and type(t) is Template and nested[0] is nested[1]
assert Template.calls == 1 and Template('b').source == 'b'
""")
case("containers_that_watch_what_is_put_into_them", """
class Watched(list):
    def __init__(self, owner):
        self.owner = owner
    def append(self, value):
        self.owner.append(value)
        super().append(value)
    def extend(self, values):
        for value in values: self.append(value)
class Lower(dict):
    seen = 0
    def __setitem__(self, key, value):
        Lower.seen += 1
        super().__setitem__(key.lower(), [value])
class Slotted(list):
    __slots__ = ('unit',)
    def append(self, value): super().append((value, self.unit))
log = []
w = Watched(log)
w.append(1); w.extend([2, 3])
low = Lower(); low['A'] = low
slotted = Slotted(); slotted.unit = 'm'; slotted.append(5)
""", """
assert list(w) == [1, 2, 3] and w.owner is log and log == [1, 2, 3]
assert list(low) == ['a'] and low['a'][0] is low and Lower.seen == 1
assert list(slotted) == [(5, 'm')] and slotted.unit == 'm'
w.append(4)
assert log == [1, 2, 3, 4]
""", linked=[("log", "w")])
