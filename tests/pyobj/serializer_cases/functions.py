"""Functions, closures and what decorates them, bound to the live namespace."""
from . import case

case("function_globals_are_the_namespace", """
def f(): return K
K = 1
""", """
assert f.__globals__ is globals()
K = 2
assert f() == 2
""")
case("function_writes_globals", """
def f():
    global made
    made = 3
""", """
f()
assert made == 3
""")
case("function_defined_after_use", """
def f(): return g()
def g(): return 4
""", """
assert f() == 4
def g(): return 5
assert f() == 5
""")
case("function_defaults_and_annotations", """
def f(a: int, b=[1], *, c={'k': 2}) -> str:
    'doc'
    return b, c
""", """
assert f.__annotations__ == {'a': int, 'return': str} and f.__doc__ == 'doc' and f(0) == ([1], {'k': 2})
f(0)[0].append(2)
assert f(0)[0] == [1, 2]
""")
case("function_attributes", """
def f(): pass
f.calls = [1]
""", 'assert f.calls == [1]')
case("function_is_its_own_variable", """
def f(): return 1
x = {'f': f}
y = [f]
""", "assert x['f'] is f and y[0] is f")
case("function_alias", """
def f(): return 1
g = f
""", 'assert g is f')
case("lambda", """
f = lambda x: x + K
K = 2
""", 'assert f(1) == 3 and f.__globals__ is globals()')
case("lambdas_in_a_list", 'fs = [lambda i=i: i for i in range(3)]', 'assert [f() for f in fs] == [0, 1, 2]')
case("recursive_function", 'def fact(n): return 1 if n < 2 else n * fact(n - 1)', 'assert fact(5) == 120')
case("local_recursive_function", """
def make():
    def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)
    return fib
fib = make()
""", 'assert fib(10) == 55 and fib.__closure__[0].cell_contents is fib')
case("mutually_recursive_locals", """
def make():
    def even(n): return True if n == 0 else odd(n-1)
    def odd(n): return False if n == 0 else even(n-1)
    return even, odd
even, odd = make()
""", """
assert even(10) and odd(7)
assert even.__closure__[0].cell_contents is odd
""", linked=[('even', 'odd')])
case("shared_cells_stay_shared", """
def make():
    n = 0
    def inc():
        nonlocal n
        n += 1
    def get(): return n
    return inc, get
inc, get = make()
inc()
""", """
assert get() == 1
inc()
assert get() == 2
""", linked=[('inc', 'get')])
case("cell_shared_by_several_levels", """
def make():
    log = []
    def outer():
        def inner(x): log.append(x)
        return inner
    return outer, lambda: log
outer, log = make()
""", """
outer()(1)
assert log() == [1]
""", linked=[('outer', 'log')])
case("empty_cell", """
def make():
    def f(): return later
    if False: later = 1
    return f
f = make()
""", """
try: f(); raise SystemError
except NameError: pass
""")
case("decorated_function", """
import functools
def deco(g):
    @functools.wraps(g)
    def wrapper(*a): return g(*a) + 1
    return wrapper
@deco
def f(x): return x * 2
""", "assert f(3) == 7 and f.__wrapped__(3) == 6 and f.__name__ == 'f'")
case("decorator_with_state", """
def counted(g):
    def wrapper(*a):
        wrapper.calls += 1
        return g(*a)
    wrapper.calls = 0
    return wrapper
@counted
def f(): return 1
f(); f()
""", """
f()
assert f.calls == 3
""")
case("lru_cache", """
from functools import lru_cache
@lru_cache(maxsize=50)
def fib(n): return n if n < 2 else fib(n-1) + fib(n-2)
fib(5)
""", 'assert fib(30) == 832040 and fib.cache_info().maxsize == 50', notes='cache')
case("cache_of_a_method", """
from functools import cache
class C:
    @cache
    def f(self): return 5
c = C()
""", 'assert c.f() == 5')
case("singledispatch", """
from functools import singledispatch
@singledispatch
def show(x): return 'any'
@show.register
def _(x: int): return 'int'
show(1)
""", """
assert show(1) == 'int' and show('') == 'any'
@show.register(str)
def _s(x): return 'str'
assert show('') == 'str'
""")
case("singledispatchmethod", """
from functools import singledispatchmethod
class C:
    @singledispatchmethod
    def f(self, x): return 'any'
    @f.register
    def _(self, x: int): return 'int'
c = C()
""", "assert c.f(1) == 'int' and c.f('') == 'any'")
case("contextmanager", """
from contextlib import contextmanager
@contextmanager
def cm():
    yield 5
""", 'with cm() as x: assert x == 5')
case("generator_function", """
def g(n):
    yield from range(n)
""", 'assert list(g(3)) == [0, 1, 2]')
case("async_function", 'async def f(): return 3', """
import asyncio
assert asyncio.run(f()) == 3
""")
case("bound_method", """
class C:
    def __init__(self): self.n = 0
    def inc(self): self.n += 1
c = C()
m = c.inc
""", """
m()
assert c.n == 1 and m.__self__ is c
""", linked=[('c', 'm')])
case("class_method_bound", """
class C:
    @classmethod
    def make(cls): return cls()
m = C.make
""", 'assert type(m()) is C')
case("function_of_a_module", """
import os.path, json
f = os.path.join
g = json.dumps
""", """
import json
assert g is json.dumps
""")
case("function_of_a_user_module", """
import user_module
f = user_module.helper
x = user_module.Thing(3)
""", """
import user_module
assert f is user_module.helper and type(x) is user_module.Thing and x.n == 3
""")
case("closure_made_by_a_user_module", """
import user_module
add = user_module.adder(4)
""", """
import user_module
assert add(1) == 5 and add.__globals__ is vars(user_module)
""")
case("module_and_its_parts", """
import xml.dom.minidom
import os
""", """
assert xml.dom.minidom.parseString('<a/>').documentElement.tagName == 'a'
assert os.getcwd()
""")
case("module_alias", 'import collections.abc as cabc', """
import collections.abc
assert cabc is collections.abc
""")
case("module_made_by_hand", """
import types
m = types.ModuleType('made')
exec('def f(): return z', m.__dict__)
m.z = 5
""", """
assert m.f() == 5
m.z = 6
assert m.f() == 6
""")
case("functions_of_another_dict", """
d = {}
exec('def f(): return z', d)
d['z'] = 1
""", """
d['z'] = 7
assert d['f']() == 7
""")
case("namespace_as_a_value", """
g = globals()
x = 1
""", 'assert g is globals()')
case("function_with_a_default_that_is_a_variable", """
class C: pass
def f(kind=C): return kind()
""", 'assert type(f()) is C')
case("nested_code_sees_globals", """
def f(): return [K + i for i in range(2)], (lambda: K)()
K = 3
""", 'assert f() == ([3, 4], 3)')
case("overload_and_final", """
import typing
@typing.final
class C: pass
def f(x: 'C') -> typing.Optional[C]: return C()
""", """
import typing
assert typing.get_type_hints(f)['x'] is C
""")
case("two_functions_of_one_factory_share_code", """
def make(n):
    def f(): return n
    return f
a = make(1)
b = make(2)
""", 'assert a() == 1 and b() == 2')
case("doctest_like_source_position", """
def f():
    return 1
line = f.__code__.co_firstlineno
""", 'assert f.__code__.co_firstlineno == line')
