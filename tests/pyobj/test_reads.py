"""What a cell reads, by its code alone: each case is a namespace, a cell, and the exact expected set."""

import sys
import types

import pytest

from elasticpython._core import analysis
from IPython.core.inputtransformer2 import TransformerManager

transform = TransformerManager().transform_cell


def access_of(setup, cell, names=None):
    """The Access of `cell` in a namespace made by running `setup` as the module __main__ would."""
    import sys

    main = types.ModuleType("__main__")
    namespace = main.__dict__ if names is None else names
    namespace["get_ipython"] = lambda: None
    saved = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        exec(compile(transform(setup), "<setup>", "exec"), namespace)
        return analysis.Reads(namespace).of_source(transform(cell), transform)
    finally:
        sys.modules["__main__"] = saved


A = "a, b, c = [1], [2], [3]\n"
FUNCTIONS = A + "def f(): return a\ndef g(): return f()\ndef h(x=b): return x\n"

# name: (setup, cell, reads)
CASES = {
    "plain name": (A, "a", {"a"}),
    "two names": (A, "a + b", {"a", "b"}),
    "assignment reads nothing": (A, "a = 1", set()),
    "augmented assignment reads": (A, "a += b", {"a", "b"}),
    "bound before it is read": (A, "a = 1\nprint(a)", set()),
    "bound in a branch only": (A, "if b: a = 1\nprint(a)", {"a", "b"}),
    "bound in both branches is still uncertain": (A, "if b:\n  a = 1\nelse:\n  a = 2\na", {"a", "b"}),
    "bound in a loop": (A, "for i in b: a = i\na", {"a", "b"}),
    "loop variable": (A, "for a in b: pass", {"b"}),
    "bound in while true": (A, "while True:\n  a = 1\n  break\na", set()),
    "bound in try": (A, "try:\n  a = 1\nexcept E: pass\na", {"a"}),
    "bound in finally": (A, "try:\n  b\nfinally:\n  a = 1\na", {"a", "b"}),
    "bound after with": (A, "with b: pass\na = 1\na", {"b"}),
    "bound inside with": (A, "with b: a = 1\na", {"a", "b"}),
    "deleted": (A, "del a", {"a"}),
    "bound by import": (A, "import json as a\na", set()),
    "bound by from import": (A, "from json import loads as a\na", set()),
    "import word is no read": (A, "from a import b", set()),
    "bound by def": (A, "def a(): pass\na()", set()),
    "bound by class": (A, "class a: pass\na()", set()),
    "walrus": (A, "(a := b)\na", {"b"}),
    "walrus in a condition": (A, "if (a := b): a", {"b"}),
    "unpacking": (A, "a, *b = c\na, b", {"c"}),
    "subscript store reads": (A, "a[0] = b", {"a", "b"}),
    "attribute store reads": (A, "a.x = 1", {"a"}),
    "attribute names are no reads": (A, "a.b.c", {"a"}),
    "keyword names are no reads": (A, "print(a, b=1)", {"a"}),
    "f-string": (A, "f'{a} is not'", {"a"}),
    "f-string with format spec": (A, "f'{a:{b}}'", {"a", "b"}),
    "comprehension": (A, "[x + b[0] for x in a]", {"a", "b"}),
    "comprehension variable hides": (A, "[a for a in b]", {"b"}),
    "generator expression": (A, "sum(x for x in a if x in b)", {"a", "b"}),
    "dict comprehension": (A, "{k: c for k in a}", {"a", "c"}),
    "lambda called": (A, "(lambda: a)()", {"a"}),
    "lambda given a name is not called": (A, "k = lambda: a", set()),
    "lambda given a name and called": (A, "k = lambda: a\nk()", {"a"}),
    "lambda in a list": (A, "k = [lambda: a]", {"a"}),
    "def alone reads nothing": (A, "def k(): return a", set()),
    "def and call": (A, "def k(): return a\nk()", {"a"}),
    "def handed on": (A, "def k(): return a\nprint(k)", {"a"}),
    "def called by another": (A, "def k(): return a\ndef m(): return k()\nm()", {"a"}),
    "name bound before the call": (A, "def k(): return a\na = 1\nk()", set()),
    "name bound after the call": (A, "def k(): return a\nk()\na = 1", {"a"}),
    "default argument": (A, "def k(x=a): pass", {"a"}),
    "keyword default": (A, "def k(*, x=a): pass", {"a"}),
    "decorator": (FUNCTIONS, "@f\ndef k(): return b", {"a", "b", "f"}),
    "annotation": (A, "def k(x: a): pass", {"a"}),
    "variable annotation": (A, "k: a = 1", {"a"}),
    "class without bases": (A, "class K:\n  def m(self): return a", set()),
    "class body runs": (A, "class K:\n  x = a", {"a"}),
    "class body name of its own": (A, "class K:\n  a = 1\n  x = a", set()),
    "class with a base may run its methods": (
        A + "class B: pass",
        "class K(B):\n  def m(self): return a",
        {"B", "a"},
    ),
    "class used": (A, "class K:\n  def m(self): return a\nK().m()", {"a"}),
    "nested function": (A, "def k():\n  def m(): return a\n  return m\nk()()", {"a"}),
    "global statement": (A, "def k():\n  global a\n  a = 1\nk()", set()),
    "async def": (A, "async def k(): return a\nawait k()", {"a"}),
    "top-level await": (A, "await a", {"a"}),
    "async for": (A, "async for x in a: b", {"a", "b"}),
    "async with": (A, "async with a as x: b", {"a", "b"}),
    "match": (A, "match a:\n  case [x]: b", {"a", "b"}),
    "star arguments": (A, "print(*a, **b)", {"a", "b"}),
    "conditional expression": (A, "a if b else c", {"a", "b", "c"}),
    "chained comparison": (A, "a < b < c", {"a", "b", "c"}),
    "slice": (A, "a[b:c]", {"a", "b", "c"}),
    "raise": (A, "raise a from b", {"a", "b"}),
    "assert": (A, "assert a, b", {"a", "b"}),
    "except clause": (A, "try: pass\nexcept a: b", {"a", "b"}),
    "return value of a function": (FUNCTIONS, "f()", {"a", "f"}),
    "through two functions": (FUNCTIONS, "g()", {"a", "f", "g"}),
    "default argument of a function": (FUNCTIONS, "h()", {"h"}),
    "function mentioned": (FUNCTIONS, "k = f", {"a", "f"}),
    "function in a list": (FUNCTIONS + "fs = [f]", "fs[0]()", {"a", "fs"}),
    "function in a nested dict": (FUNCTIONS + "d = {'k': {'m': (f,)}}", "d", {"a", "d"}),
    "function in a set": (FUNCTIONS + "s = {f}", "s", {"a", "s"}),
    "lambda in a list of the session": (A + "fs = [lambda: a]", "fs[0]()", {"a", "fs"}),
    "partial": (FUNCTIONS + "from functools import partial\np = partial(f)", "p()", {"a", "p"}),
    "partial's arguments": (
        FUNCTIONS + "from functools import partial\np = partial(print, f)",
        "p()",
        {"a", "p"},
    ),
    "closure": (
        FUNCTIONS + "def make(q):\n  def inner(): return q()\n  return inner\nk = make(f)",
        "k()",
        {"a", "k"},
    ),
    "wrapped": (
        FUNCTIONS + "import functools\n@functools.wraps(f)\ndef w(): return b",
        "w()",
        {"a", "b", "w"},
    ),
    "lru_cache": (A + "import functools\n@functools.lru_cache\ndef w(): return a", "w()", {"a", "w"}),
    "singledispatch": (
        A + "import functools\n@functools.singledispatch\ndef w(x): return a\n"
        "@w.register\ndef w_int(x: int): return b",
        "w(1)",
        {"a", "b", "w"},
    ),
    "method of an instance": (A + "class K:\n  def m(self): return a\nk = K()", "k.m()", {"a", "k"}),
    "bound method": (A + "class K:\n  def m(self): return a\nm = K().m", "m()", {"a", "m"}),
    "method of a base class": (
        A + "class B:\n  def m(self): return a\nclass K(B): pass\nk = K()",
        "k.m()",
        {"a", "k"},
    ),
    "property": (A + "class K:\n  @property\n  def p(self): return a\nk = K()", "k.p", {"a", "k"}),
    "static method": (A + "class K:\n  @staticmethod\n  def p(): return a", "K.p()", {"K", "a"}),
    "class method": (A + "class K:\n  @classmethod\n  def p(cls): return a", "K.p()", {"K", "a"}),
    "callable instance": (A + "class K:\n  def __call__(self): return a\nk = K()", "k()", {"a", "k"}),
    "operator method": (A + "class K:\n  def __add__(self, o): return a\nk = K()", "k + 1", {"a", "k"}),
    "instance in a list": (A + "class K:\n  def m(self): return a\nk = [K()]", "k", {"a", "k"}),
    "instance attribute holds a function": (
        FUNCTIONS + "class K: pass\nk = K()\nk.cb = f",
        "k.cb()",
        {"a", "k"},
    ),
    "slot holds a function": (
        FUNCTIONS + "class K:\n  __slots__ = 'cb'\nk = K()\nk.cb = f",
        "k.cb()",
        {"a", "k"},
    ),
    "metaclass": (
        A + "class M(type):\n  def __call__(cls): return a\nclass K(metaclass=M): pass",
        "K()",
        {"K", "a"},
    ),
    "class attribute": (FUNCTIONS + "class K:\n  cb = f", "K.cb", {"K", "a"}),
    "dataclass": (
        A
        + "from dataclasses import dataclass\n@dataclass\nclass K:\n"
        "  x: int\n  def m(self): return a\nk = K(1)",
        "k",
        {"a", "k"},
    ),
    "namedtuple subclass": (
        A + "from typing import NamedTuple\nclass K(NamedTuple):\n  x: int\n  def m(self): return a\n"
        "k = K(1)",
        "k.m()",
        {"a", "k"},
    ),
    "generator object": (A + "def gen():\n  yield a\nk = gen()", "next(k)", {"a", "k"}),
    "generator that is suspended": (
        FUNCTIONS + "def gen(q):\n  yield 1\n  yield q()\nk = gen(f); next(k)",
        "next(k)",
        {"a", "k"},
    ),
    "iterator over functions": (FUNCTIONS + "k = iter([f])", "next(k)()", {"a", "k"}),
    "map object": (FUNCTIONS + "k = map(f, b)", "next(k)", {"a", "k"}),
    "deque": (FUNCTIONS + "import collections\nk = collections.deque([f])", "k", {"a", "k"}),
    "defaultdict's factory": (
        FUNCTIONS + "import collections\nk = collections.defaultdict(f)",
        "k[0]",
        {"a", "k"},
    ),
    "weak reference": (FUNCTIONS + "import weakref\nk = weakref.ref(f)", "k()()", {"a", "k"}),
    "context variable": (
        FUNCTIONS + "import contextvars\nk = contextvars.ContextVar('k')\nk.set(f)",
        "k.get()()",
        {"a", "k"},
    ),
    "append method of a list": (A + "k = a.append", "k(1)", {"k"}),
    "sort key": (FUNCTIONS + "k = {'key': f}", "sorted(b, **k)", {"a", "b", "k"}),
    "object array": (
        FUNCTIONS + "import numpy as np\nk = np.array([f, None], dtype=object)",
        "k[0]()",
        {"a", "k"},
    ),
    "view of an object array": (
        FUNCTIONS + "import numpy as np\nk = np.array([None, f], dtype=object)[1:]",
        "k[0]()",
        {"a", "k"},
    ),
    "object column of a frame": (
        FUNCTIONS + "import pandas as pd\nk = pd.DataFrame({'x': [f]}, dtype=object)",
        "k.x[0]()",
        {"a", "k"},
    ),
    "exec'd function's own globals": (
        FUNCTIONS + "ns = {'f': f}\nexec('def q(): return f()', ns)\nk = ns.pop('q')",
        "k()",
        {"a", "k"},
    ),
    "string word": (A, "df = 'x > @a'", {"a"}),
    "string word in a tuple": (A, "k = ('a', ('b',))", {"a", "b"}),
    "string word in a set": (A, "x in {'a', 'zz'}", {"a"}),
    "string word in bytes": (A, "k = b'a'", {"a"}),
    "string word of a function": (A + "def f(q): return q.query('x > @a')", "f(b)", {"a", "b", "f"}),
    "part of a longer word": (A, "k = 'abc a1 _a'", set()),
    "docstring of a function": (A, "def k():\n  'a'\nk()", set()),
    "docstring of a class": (A, "class k:\n  'a'", set()),
    "docstring of a cell": (A, "'a is the first'\n", set()),
    "eval of a constant": (A, "eval('a + b[0]')", {"a", "b"}),
    "exec of a constant": (A, "exec('k = a')", {"a"}),
    "eval with a namespace": (A, "eval('a', b)", {"a", "b"}),
    "text held by a variable": (A + "q = 'x > @a'", "b.query(q)", {"a", "b", "q"}),
    "text held by a variable, not evaluated": (A + "q = 'x > @a'", "b.append(q)", {"b", "q"}),
    "format of a constant": (A, "'{a}'.format(a=1)", {"a"}),
    "names of IPython are no reads": ("In = ['']; _i = ''; exit = None", "In, _i, exit, __name__", set()),
    "underscore name": ("_x = [1]", "_x", {"_x"}),
    "module": ("import json", "json.dumps(1)", {"json"}),
    "builtins": (A, "len(a), print, int", {"a"}),
    "one of globals": (A, "globals()['a'].append(1)", {"a"}),
    "one of globals with get": (A, "globals().get('a'), globals().get('b', 3)", {"a", "b"}),
    "one of globals, else another": (A, "globals().get('zzz', c)", {"c"}),
    "one of globals, in a function": (A, "def k(d): return globals().get('a', d), 'b' in globals()\nk(c)",
                                      {"a", "b", "c"}),
    "asked for by name": (A, "if 'a' not in globals(): z = 1\nif 'b' in vars() or 'c' in dir(): z = 2",
                          {"a", "b", "c"}),
    "one of two of globals asked for": (A, "('a' if c else 'b') in globals()", {"a", "b", "c"}),
    "one of globals that the cell has bound": (A, "a = 1\nglobals()['a']", set()),
    "what one of globals uses": (FUNCTIONS, "globals()['g']()", {"a", "f", "g"}),
    "a builtin shadowed": ("vars = [1]", "vars[0]", {"vars"}),
    "undefined": (A, "zzz", set()),
    "vars of an object": (A, "vars(a)", {"a"}),
    "dir of an object": (A, "dir(a)", {"a"}),
    "locals in a function": (A, "def k(): return locals()\nk()", set()),
    "model.eval()": (A, "a.eval()", {"a"}),
    "np.stack": ("import numpy as np\na = [1]", "np.stack(a)", {"a", "np"}),
    "main guard": (A, "if __name__ == '__main__': a", {"a"}),
    "magic time": (A, "%time a", {"a"}),
    "magic time assigns": (A, "%time k = a\nk", {"a"}),
    "magic timeit": (A, "%timeit -n 1 -r1 a", {"a"}),
    "magic timeit assigned": (A, "k = %timeit -o a", {"a"}),
    "magic prun": (A, "%prun -l 5 a", {"a"}),
    "cell magic time": (A, "%%time\na = 1\na, b", {"b"}),
    "cell magic time with a function": (FUNCTIONS, "%%time\ng()", {"a", "f", "g"}),
    "cell magic timeit": (A, "%%timeit k = c\na + b", {"a", "b", "c"}),
    "cell magic capture": (A, "%%capture out\nprint(a)", {"a"}),
    "cell magic prun": (A, "%%prun -q\nprint(a)", {"a"}),
    "magic in a cell magic": (A, "%%capture\n%time a\n!echo {b}", {"a", "b"}),
    "cell magic with a string": (A, "%%time\nk = 'a'", {"a"}),
    "shell command": (A, "!echo {a} $b", {"a", "b"}),
    "shell assignment": (A, "k = !ls {a}", {"a"}),
    "unknown magic": (A, "%sql select * from a", {"a"}),
    "unknown cell magic": (A, "%%sql\nselect * from a", {"a"}),
    "matplotlib magic": (A + "inline = 1", "%matplotlib inline", set()),
    "run without -i": (A, "%run a.py", {"a"}),
    "help": (A, "a?", {"a"}),
}


def session_code(names):
    """The variables that are functions and classes."""
    return {name for name, value in names.items() if isinstance(value, (type, types.FunctionType))}


@pytest.mark.parametrize("name", CASES)
def test_reads(name):
    setup, cell, expected = CASES[name]
    names = {}
    access = access_of(setup, cell, names)
    assert access["compiled"] and access["everything"] == ""
    # A value's functions and classes are read with it: test_session_code_is_read_by_what_leads_to_it.
    assert expected <= set(access["reads"]) <= expected | session_code(names), access["reads"]


EVERYTHING = {
    "globals": "globals()[b]",
    "globals of a computed name": "globals()['a' + b]",
    "globals handed on": "len(globals())",
    "globals looked through": "[n for n in globals() if n == 'a']",
    "get of globals with a computed name": "globals().get('a' + b)",
    "get of globals with a computed default": "globals().get('a', b.x())",
    "get of globals by star": "globals().get(*b)",
    "get of globals kept": "k = globals().get",
    "pop of globals": "globals().pop('a')",
    "item of globals set": "globals()['a'] = 1",
    "item of globals deleted": "del globals()['a']",
    "the namespace's own name in globals": "globals()['__builtins__']['eval'](b)",
    "output history in globals": "globals()['_3'].append(1)",
    "output history in globals with get": "globals().get('Out', 1)",
    "computed name in globals": "b in globals()",
    "vars of a computed name": "vars()[b]",
    "globals in a function": "def k(): return globals()\nk()",
    "globals as a value": "k = globals",
    "vars without arguments": "vars()",
    "vars in a function": "def k(): return vars()['a']\nk()",
    "vars as a value": "k = vars",
    "locals at top level": "k = locals()",
    "dir without arguments": "dir()",
    "eval of computed text": "eval('a' + b)",
    "exec of computed text": "exec(b)",
    "eval of a text that reaches": "eval('globals()')",
    "eval handed on": "list(map(eval, ['a']))",
    "import of main": "import __main__",
    "from main import": "from __main__ import a",
    "main by name": "import importlib\nimportlib.import_module('__main__')",
    "sys.modules": "import sys\nsys.modules['x']",
    "frame": "import sys\nsys._getframe()",
    "currentframe": "import inspect\ninspect.currentframe()",
    "inspect.stack": "import inspect\ninspect.stack()",
    "inspect.stack by another name": "import inspect as i\ni.stack()",
    "from inspect": "from inspect import stack\nstack()",
    "function globals": "def k(): pass\nk.__globals__['a']",
    "builtins module": "import builtins\nbuiltins.eval(b)",
    "builtins name": "__builtins__",
    "gc": "import gc\ngc.get_objects()",
    "traceback's frame": "e.__traceback__.tb_frame",
    "user namespace": "get_ipython().user_ns['a']",
    "shell kept": "ip = get_ipython()",
    "shell ev": "get_ipython().ev('a')",
    "shell run_cell of computed text": "get_ipython().run_cell(b)",
    "magic with computed text": "get_ipython().run_line_magic('time', b)",
    "run -i": "%run -i x.py",
    "debug": "%debug",
    "who": "%who",
    "reset": "%reset -f",
    "breakpoint": "breakpoint()",
    "globals in time": "%%time\nglobals()[b]",
    "getattr on sys": "import sys\ngetattr(sys, b)['__main__']",
    "timeit with main": "import timeit\ntimeit.timeit('f()', setup='from __main__ import f')",
    "subclasses": "object.__subclasses__()",
    "ctypes": "import ctypes\nctypes.py_object.from_address(1)",
    "doctest": "import doctest\ndoctest.testmod()",
    "class body locals": "class K:\n  x = locals()",
    "lambda in a container calling globals": "k = [lambda: globals()]",
    "comprehension of globals": "[globals()[n] for n in b]",
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_reaches_everything(name):
    assert access_of("a, b = [1], 'x'\n", EVERYTHING[name])["everything"] != ""


# As sympy.lambdify makes them.
LAMBDIFIED = "made = {}\nexec('import builtins\\ndef f(x): return x + 1', made)\nf = made['f']\ndel made"

EVERYTHING_BY_VALUE = {
    "namespace kept": ("ns = globals()", "ns['a']"),
    "namespace in a list": ("ns = [globals()]", "ns[0]['a']"),
    "globals kept": ("g = globals", "g()['a']"),
    "eval kept": ("g = {'e': eval}", "g['e']('a')"),
    "main module kept": ("import __main__ as m", "m.a"),
    "sys by another name": ("import sys as s", "s.modules"),
    "function using globals": ("def f(): return globals()", "f()"),
    "method using globals": ("class K:\n  def m(self): return globals()\nk = K()", "k.m()"),
    "function using eval": ("def f(t): return eval(t)", "f('a')"),
    "frame kept": ("import sys\nfr = sys._getframe()", "fr"),
    "stack kept": ("from inspect import stack as st", "st()"),
    "output history": ("_ = [1]", "_"),
    "output by number": ("_3 = [1]", "_3.append(1)"),
    "Out": ("Out = {}", "Out[3]"),
    "builtins kept": ("import builtins as b", "b.eval('a')"),
    "builtins kept in a list": ("import builtins\nb = [builtins]", "b[0].exec('a.append(1)')"),
    "dictionary of builtins": ("import builtins as b", "b.__dict__['ev' + 'al']('a')"),
    "getattr on builtins": ("import builtins as b", "getattr(b, 'ev' + 'al')('a')"),
    "vars of builtins": ("import builtins as b", "vars(b)['ev' + 'al']('a')"),
    "getattr that builtins hand out": ("import builtins as b", "b.getattr(b, 'ev' + 'al')('a')"),
    "attrgetter on builtins": ("import builtins as b, operator", "operator.attrgetter('ev' + 'al')(b)('a')"),
    "builtins in a function's globals": (LAMBDIFIED, "f.__call__.__self__.__dict__"),
}


@pytest.mark.parametrize("name", EVERYTHING_BY_VALUE)
def test_reaches_everything_by_value(name):
    setup, cell = EVERYTHING_BY_VALUE[name]
    assert access_of("a = [1]\n" + setup, cell)["everything"] != ""


def test_builtins_that_a_value_leads_to_are_what_every_cell_has():
    access = access_of("a, b = [1], [2]\n" + LAMBDIFIED, "b.append(f(1)).diff")
    assert access["everything"] == "" and set(access["reads"]) == {"b", "f"}


BINDS = {
    "assignment": ("x = 1", {"x"}, set()),
    "branch": ("if a: x = 1", set(), {"x"}),
    "loop": ("for x in a: y = x", set(), {"x", "y"}),
    "import": ("import json", {"json"}, set()),
    "def": ("def f(): pass", {"f"}, set()),
    "class": ("class C: pass", {"C"}, set()),
    "class attribute is no binding": ("class C:\n  x = 1", {"C"}, set()),
    "global in a function called": ("def f():\n  global x\n  x = 1\nf()", {"f"}, {"x"}),
    "global in a function not called": ("def f():\n  global x\n  x = 1", {"f"}, set()),
    "global in a function of before": ("setter()", set(), {"z"}),
    "cell magic": ("%%time\nx = 1", {"x"}, set()),
    "IPython's names are no variables": ("_ = 1; In = 2; __name__ = 3", set(), set()),
    "with": ("with open('x') as fh: pass", set(), {"fh"}),
    "async": ("x = await a", {"x"}, set()),
}


@pytest.mark.parametrize("name", BINDS)
def test_binds(name):
    cell, surely, maybe = BINDS[name]
    access = access_of("a = [1]\ndef setter():\n  global z\n  z = 1\n", cell)
    assert set(access["surely_binds"]) == surely
    assert set(access["maybe_binds"]) - surely == maybe


def test_deletes():
    assert access_of("a = b = 1", "del a\nif b: del b")["maybe_deletes"] == ["a", "b"]


def test_syntax_error_is_not_compiled():
    assert not access_of("", "a = = 1")["compiled"]


def test_why_names_the_function():
    reads = access_of(FUNCTIONS, "g()")["reads"]
    assert reads == {"g": "named in the cell", "f": "used by g", "a": "used by f"}


def test_warnings_of_the_second_compilation_are_not_shown(recwarn):
    assert analysis.Reads({}).of_source("x = '\\d'\nassert (1, 'x')\n")["compiled"]
    assert len(recwarn) == 0


def test_a_pending_cell_leaves_no_exception():
    analysis.Reads({}).of_source("a = = 1")
    analysis.Reads({}).of_source("'\\ud800'")


def test_a_module_that_only_the_table_of_modules_refers_to_is_entered_once(tmp_path, monkeypatch):
    """Each function leads to its module and the module to each: with no mark, for ever."""
    (tmp_path / "mine_alone.py").write_text("def f(): return g()\ndef g(): return f()\ndef h(): return f\n")
    monkeypatch.syspath_prepend(tmp_path)
    access = access_of("from mine_alone import f\na = [1]", "f(a)")
    assert {"f", "a"} <= set(access["reads"])


def test_a_context_variable_that_its_own_value_holds_is_entered_once():
    access = access_of(
        "import contextvars\nv = contextvars.ContextVar('v')\nv.set([v])\ndef f(): return v.get()", "f()"
    )
    assert {"f", "v"} <= set(access["reads"])


# What is put into, or taken out of, `rows`, which is too large to be looked through: setup, the cell, and
# what the cell reads beside what it names.
LARGE = {
    "records": ("", "len(rows)", ""),
    "a function by its own name too": ("rows.append(f)", "rows[-1]()", "y"),
    "a function that nothing else holds": ("rows.append(lambda: y)", "rows[-1]()", "y"),
    "one that is gone again": ("rows.append(lambda: y); rows.pop()", "len(rows)", ""),
    "what holds a function": ("pair = (f, 1); rows.append(pair)", "rows[-1][0]()", "y"),
    "a list that holds a function": ("inner = [f]; rows.append(inner)", "rows[-1][0]()", "y"),
    "a partial": ("import functools; p = functools.partial(f); rows.append(p)", "rows[-1]()", "y"),
    "a bound method": ("class C:\n  def m(self): return y\nc = C(); rows.append(c.m)", "rows[-1]()", "y"),
    "instances": ("class C:\n  def m(self): return y\nrows.append(C())", "rows[-1].m()", "y"),
    "instances of a class that has no name": ("class C:\n  def m(self): return y\nrows.append(C()); del C",
                                              "rows[-1].m()", "y"),
    "instances of a class without methods": ("class C: pass\nrows.append(C())", "rows[-1].x", ""),
    "instances of a subclass": ("class B:\n  def m(self): return y\nclass C(B): pass\nrows.append(C())",
                                "rows[-1].m()", "y"),
    "a method put on a library class": ("import fractions; fractions.Fraction.m = lambda self: y\n"
                                        "rows.append(fractions.Fraction(1))", "rows[-1].m()", "y"),
    "a generator": ("rows.append(y for _ in range(3))", "next(rows[-1])", "y"),
    "a generator of a function": ("def g():\n  yield y\nrows.append(g())", "next(rows[-1])", "y"),
    "a closure's cell": ("def make():\n  def inner(): return y\n  return lambda: inner()\n"
                         "rows.append(make()); del make", "rows[-1]()", "y"),
    "a weak reference": ("import weakref; rows.append(weakref.ref(f))", "rows[-1]()()", "y"),
    "the callback of a weak reference": (
        "import weakref\nclass C: pass\nrows.append(C())\nr = weakref.ref(rows[-1], lambda gone: y)",
        "rows.pop()", "y"),
    "a default argument": ("def h(g=f): return g()\nrows.append(h); del h", "rows[-1]()", "y"),
    "a context variable": ("import contextvars; v = contextvars.ContextVar('v'); v.set(f); rows.append(v)",
                           "rows[-1].get()()", "y"),
    "a context": ("import contextvars; v = contextvars.ContextVar('v'); c = contextvars.Context()\n"
                  "c.run(v.set, f); rows.append(c)", "list(rows[-1].values())[0]()", "y"),
    "an object array": ("import numpy; rows = numpy.array([f] * 9000, dtype=object)", "rows[0]()", "y"),
    "a key": ("rows = {i: i for i in range(9000)}; rows[f] = 1", "list(rows)[-1]()", "y"),
    "the namespace": ("rows.append(globals())", "rows[-1][k]", None),
    "a frame": ("import sys; rows.append(sys._getframe())", "rows[-1]", None),
    "text that is evaluated": ("rows.append(['y > 1'])", "frame.query(rows[-1][0])", "y"),
    "a module": ("import sys; rows.append(sys); del sys", "rows[-1].modules", None),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_a_large_value_leads_to(name):
    """Told from reference counts, it is all that looking through it tells; where it is plain, no more."""
    setup, source, also = LARGE[name]
    names = {"__name__": "__main__"}
    reads = analysis.Reads(names)
    before = lambda source: reads.of_source(source, before_cell=True)  # noqa: E731
    before("1")
    for cell in ("y = 2\ndef f(): return y\nrows = [{'i': [i]} for i in range(9000)]", setup):
        access = before(cell)
        exec(cell, names)
        reads.forget("rows")
    del access
    told = before(source)
    reads.forget_all()
    known = reads.of_source(source)
    assert set(known["reads"]) <= set(told["reads"])
    assert bool(known["everything"]) == bool(told["everything"]) == (also is None)
    if also is not None:
        assert {"rows", *also.split()} == set(told["reads"]) - session_code(names)


# Modules without a file that a cell brings, and whether what large values lead to can still be counted.
MADE_MODULES = {
    "a module of types written in C": ("m.T = type(json.scanner.make_scanner)", True),
    "an empty one": ("", True),
    "code of the user's": ("exec('def g(): return 1', vars(m))", False),
    "code that comes later": ("late = lambda: exec('class C: pass', vars(m))", False),
}


@pytest.mark.parametrize("name", MADE_MODULES)
def test_large_values_are_counted_beside_modules_without_code(name):
    """Each Cython library makes one. That it is counted shows in what only a count takes for possible: `rows`
    might hold the function that something unknown holds."""
    setup, counted = MADE_MODULES[name]
    names = {"__name__": "__main__"}
    reads = analysis.Reads(names)
    before = lambda source: reads.of_source(source, before_cell=True)  # noqa: E731
    before("1")
    exec("import json.scanner, sys, types\n"
         "m = sys.modules['made_by_hand'] = types.ModuleType('made_by_hand')\n" + setup, names)
    m = names.pop("m")
    try:
        before("2")
        if "late" in names:
            m.C = type("C", (), {"__module__": "made_by_hand"})
            del names["late"]
        exec("y = 2\ndef f(): return y\nrows = [{'i': [i]} for i in range(9000)]", names)
        unknown = iter([names["f"]])
        assert ("y" in before("len(rows)")["reads"]) == counted
        del unknown
    finally:
        del sys.modules["made_by_hand"]


# setup, the cell, what it reads beside what it names: what a value leads to without a name for it.
LED_TO = {
    "a function in a list": ("def f(): pass\nfs = [f]", "fs[0]()", "f"),
    "a function by two names": ("def f(): pass\ng = f\nfs = [f]", "fs[0]()", "f g"),
    "a class through an instance": ("class K: n = 1\nk = K()", "k.n", "K"),
    "a base class": ("class B: n = 1\nclass K(B): pass\nk = K()", "k.n", "K B"),
    "a metaclass": ("class M(type): pass\nclass K(metaclass=M): pass\nks = [K]", "ks[0].n", "K M"),
    "a default factory": ("import collections\ndef f(): pass\nd = collections.defaultdict(f)", "d[1]", "f"),
    "a class that has another name": ("class K: n = 1\nL = K\nk = K()\ndel K", "k.n", "L"),
    "an earlier class of the name": ("class K: n = 1\nk = K()\nclass K: n = 2", "k.n", ""),
    "the callback of a weak reference": (
        "import weakref\nlog = []\nclass K: pass\nk = K()\nks = [k]\n"
        "r = weakref.ref(k, lambda gone: log.append(1))\ndel k", "ks.clear()", "K log"),
    "a dictionary that forgets": (
        "import weakref\nclass K: pass\nks = [K()]\nd = weakref.WeakValueDictionary(a=ks[0])", "ks.clear()",
        "K d"),
    "weakref.finalize": ("import weakref\nlog = []\nclass K: pass\nks = [K()]\n"
                         "f = weakref.finalize(ks[0], log.append, 1)", "ks.clear()", "K f log"),
}


@pytest.mark.parametrize("name", LED_TO)
def test_session_code_is_read_by_what_leads_to_it(name):
    """`K.n = 2` changes what `k.n` gives: K is read by each cell that uses k."""
    setup, cell, also = LED_TO[name]
    access = access_of(setup, cell)
    named = cell.replace("[", ".").replace("(", ".").split(".")[0]
    assert set(access["reads"]) == {named, *also.split()}


# setup, and whether a cell that binds the name `x` anew depends on what it held.
DROPPED = {
    "a number": ("x = 1", False),
    "a list": ("x = [[1]]", False),
    "an instance": ("class K: pass\nx = K()", False),
    "__del__": ("class K:\n  def __del__(self): log.append(1)\nx = K()", True),
    "__del__ of an element": ("class K:\n  def __del__(self): log.append(1)\nx = [{'k': K()}]", True),
    "__del__ of a base": ("class B:\n  def __del__(self): log.append(1)\nclass K(B): pass\nx = K()", True),
    "the class itself": ("class x:\n  def __del__(self): log.append(1)", False),
    "a generator that ends": (
        "def g():\n  try:\n    yield\n  finally: log.append(1)\nx = g(); next(x)", True),
    "a generator not begun": ("def g():\n  try:\n    yield\n  finally: log.append(1)\nx = g()", False),
    "a generator without an end": ("def g(): yield\nx = g(); next(x)", False),
    "a weak reference's callback": (
        "import weakref\nclass K: pass\nx = K()\nr = weakref.ref(x, lambda gone: log.append(1))", True),
    "a weak set": ("import weakref\nclass K: pass\nx = K()\ns = weakref.WeakSet([x])", True),
    "a weak reference": ("import weakref\nclass K: pass\nx = K()\nr = weakref.ref(x)", False),
}


@pytest.mark.parametrize("name", DROPPED)
@pytest.mark.parametrize("cell", ["x = 2", "def rebind():\n  global x\n  x = 2\nrebind()"])
def test_what_a_name_held_is_read_where_its_end_runs_code(name, cell):
    setup, expected = DROPPED[name]
    reads = access_of("log = []\n" + setup, cell)["reads"]
    assert ("x" in reads) == expected, reads
    assert ("log" in reads) == (expected and name != "a weak set")
