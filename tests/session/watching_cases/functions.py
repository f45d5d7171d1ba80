"""Functions and what calling them reaches: closures, defaults, partials, decorators, containers."""

from watching_cases import case

COUNTER = "def make():\n  n = 0\n  def inc():"
COUNTER += "\n    nonlocal n\n    n += 1\n    return n\n  return inc\nc = make()"
F = ("x = [1]", "def f(): x.append(2)")

CASES = {
    "function reads a global": case(("x = 1", "def f(): return x"), "y = f()", "f x", "y"),
    "function changes a global": case(F, "f()", "f x", "x"),
    "function binds a global": case(("x = 1", "def f():\n  global x\n  x = 2"), "f()", "f", "x"),
    "function makes a new global": case("def f():\n  global z\n  z = 2", "f()", "f", "z"),
    "function that is not called": case(F, "g = f", "f", "g", also_reads="x"),
    "function calls a function": case((*F, "def g(): f()"), "g()", "g f x", "x"),
    "three deep": case((*F, "def g(): f()", "def h(): g()"), "h()", "h g f x", "x"),
    "mutual recursion": case(("x = [1]", "def a(n):\n  x.append(n)\n  if n: b(n - 1)",
                              "def b(n):\n  if n: a(n - 1)"), "a(2)", "a b x", "x"),
    "local hides the global": case(("x = [1]", "def f():\n  x = [2]\n  x.append(3)\n  return x"), "y = f()",
                                   "f", "y"),
    "argument is changed": case(("x = [1]", "def f(v): v.append(2)"), "f(x)", "f x", "x"),
    "returned alias": case(("x = [1]", "def f(): return x"), "y = f()\ny.append(2)", "f x", "x y"),
    "closure cell": case(COUNTER, "c()", "c", "c"),
    "closure cell shared by two": case(
        "def make():\n  v = []\n  def put(i): v.append(i)\n  def get(): return v\n  return put, get\n"
        "put, get = make()", "put(1)", "put", "put get"),
    "closure over a variable's value": case(("x = [1]",
        "def make(v):\n  return lambda: v.append(2)\nf = make(x)"),
                                            "f()", "f", "f x"),
    "closure cell set by hand": case(COUNTER, "c.__closure__[0].cell_contents = 9", "c", "c"),
    "default argument": case("def f(a=[]): a.append(1)", "f()", "f", "f"),
    "default argument is a variable's value": case(("x = [1]", "def f(a=x): a.append(2)"), "f()", "f", "f x"),
    "keyword default": case("def f(*, a={}): a['k'] = 1", "f()", "f", "f"),
    "defaults replaced": case("def f(a=1): return a", "f.__defaults__ = (2,)", "f", "f"),
    "code replaced": case("def f(): return 1\ndef g(): return 2", "f.__code__ = g.__code__", "f g", "f"),
    "function attribute": case("def f(): pass", "f.calls = 1", "f", "f"),
    "function that counts on itself": case("def f(): f.n += 1\nf.n = 0", "f()", "f", "f"),
    "annotations": case("def f(a): pass", "f.__annotations__['a'] = int", "f", "f"),
    "lambda in a list": case(("x = [1]", "fs = [lambda: x.append(2)]"), "fs[0]()", "fs x", "x"),
    "lambda in a dict": case(("x = [1]", "d = {'go': lambda: x.append(2)}"), "d['go']()", "d x", "x"),
    "function in a tuple": case((*F, "t = (f, 1)"), "t[0]()", "t x", "x", also_writes="t f"),
    "function as a dict key": case((*F, "d = {f: 1}"), "for g in d: g()", "d x", "x g"),
    "dispatch table": case(("a = [1]\nb = [2]", "t = {'a': lambda: a.append(1), 'b': lambda: b.append(1)}"),
                           "t['a']()", "t a", "a", also_reads="b"),
    "partial": case(("import functools", "x = [1]", "p = functools.partial(x.append, 2)"), "p()", "p", "p x"),
    "partial of a function": case(("import functools", *F, "p = functools.partial(f)"), "p()", "p x", "x"),
    "partialmethod": case(("g = []", "import functools\nclass K:\n  def put(s, v): g.append(v)\n"
                           "  one = functools.partialmethod(put, 1)\nk = K()"), "k.one()", "k g", "g"),
    "lru_cache": case("import functools\n@functools.lru_cache\ndef f(n): return n", "f(3)", "f", "f"),
    "lru_cache not called": case("import functools\n@functools.lru_cache\ndef f(n): return n",
                                 "g = f.__name__", "f", "g"),
    "lru_cache called by another name": case(("import functools\n@functools.lru_cache(8)\ndef f(n): return n",
                                             "class K: f = staticmethod(f)"), "K.f(3)", "K f", "K f"),
    "lru_cache holds what is changed": case(
        ("import functools\n@functools.cache\ndef f(n): return [n]", "a = f(1)"), "a.append(2)", "a", "a f"),
    "lru_cache reads a global": case(("x = [1]", "import functools\n@functools.cache\ndef f(n): return x[0]"),
                                     "y = f(3)", "f x", "y f"),
    "singledispatch": case(("g = []", "import functools\n@functools.singledispatch\ndef f(v): pass",
                            "@f.register\ndef _f_int(v: int): g.append(v)"), "f(3)", "f g", "g",
                           also_writes="f", also_reads="_f_int"),
    "wraps": case(("x = [1]", "import functools\ndef deco(g):\n  @functools.wraps(g)\n  def w(*a):\n"
                   "    x.append(1)\n    return g(*a)\n  return w\n@deco\ndef f(): return 1"), "f()", "f x",
        "x"),
    "decorated with state": case(
        "def counted(g):\n  def w():\n    w.n += 1\n    return g()\n  w.n = 0\n  return w\n"
        "@counted\ndef f(): pass",
        "f()", "f", "f"),
    "class as decorator": case(
        "class Counted:\n  def __init__(s, g): s.g = g; s.n = 0\n  def __call__(s): s.n += 1; return s.g()\n"
        "@Counted\ndef f(): return 1", "f()", "f", "f"),
    "registry decorator": case(("handlers = {}", "def on(name):\n  def d(g):\n    handlers[name] = g\n"
                                "    return g\n  return d"), "@on('a')\ndef go(): pass", "on handlers",
                               "go handlers"),
    "registry called": case(("x = [1]", "handlers = {}", "def go(): x.append(2)\nhandlers['a'] = go\ndel go"),
                            "handlers['a']()", "handlers x", "x"),
    "nested def reads": case(("x = [1]", "def f():\n  def g():\n    return x\n  return g()"), "y = f()",
        "f x",
                             "y"),
    "comprehension in a function": case(("x = [1]", "def f(): return [i for i in range(2) if i in x]"),
                                        "y = f()", "f x", "y"),
    "lambda in a function": case(("x = [1]", "def f(): return sorted([2], key=lambda i: x[0])"), "y = f()",
                                 "f x", "y"),
    "class in a function": case(("x = [1]", "def f():\n  class K:\n    v = x\n  return K.v"), "y = f()",
        "f x",
                                "y"),
    "generator function": case(("x = [1]", "def g():\n  x.append(2)\n  yield"), "for i in g(): pass", "g x",
                               "x i"),
    "generator made, not run": case(("x = [1]", "def g():\n  x.append(2)\n  yield"), "it = g()", "g", "it",
                                    also_reads="x"),
    "generator of before": case(("x = [1]", "def g():\n  while 1:\n    x.append(2)\n    yield", "it = g()"),
                                "next(it)", "it x", "it x", also_reads="g"),
    "send to a generator": case("def g():\n  v = []\n  while 1: v.append((yield v))\nit = g(); next(it)",
                                "y = it.send(3)", "it", "it y", also_reads="g"),
    "coroutine awaited": case(("x = [1]", "async def f(): x.append(2)"), "await f()", "f x", "x"),
    "coroutine of before": case(("x = [1]", "async def f(): x.append(2)", "co = f()"), "await co", "co x",
                                "co x", also_reads="f"),
    "async for": case(("x = [1]", "async def g():\n  for i in x: yield i"), "async for i in g(): y = i",
                      "g x", "i y"),
    "async with": case(("g = []", "import contextlib\n@contextlib.asynccontextmanager\nasync def ctx():\n"
                        "  g.append(1)\n  yield 5"), "async with ctx() as v: pass", "ctx g", "g v"),
    "context manager function": case(("g = []", "import contextlib\n@contextlib.contextmanager\ndef ctx():\n"
                                      "  g.append(1)\n  yield 5"), "with ctx() as v: pass", "ctx g", "g v"),
    "map with a function": case(F + ("def h(v): x.append(v)",), "list(map(h, [1]))", "h x", "x"),
    "sorted with a key": case(("w = {'a': 1}", "def key(v): return w[v]"), "y = sorted(['a'], key=key)",
                              "key w", "y"),
    "reduce": case(("import functools\nx = [1]", "def add(a, b): x.append(b); return a"),
                   "y = functools.reduce(add, [1, 2])", "functools add x", "x y"),
    "callback of re.sub": case(("import re\nx = [1]", "def rep(m): x.append(1); return ''"),
                               "y = re.sub('a', rep, 'aa')", "re rep x", "x y"),
    "iter with a sentinel": case(("x = [1, 2]", "def take(): return x.pop()"), "y = list(iter(take, 1))",
                                 "take x", "x y"),
    "getattr by a computed name": case(("x = [1]", "class K:\n  def go(s): x.append(2)\nk = K()"),
                                       "getattr(k, 'g' + 'o')()", "k x", "x"),
    "methodcaller": case("import operator\nx = [1]", "operator.methodcaller('append', 2)(x)", "operator x",
        "x"),
    "contextvar": case("import contextvars\nv = contextvars.ContextVar('v', default=0)", "tok = v.set(5)",
        "v",
                       "v tok"),
    "function of a made namespace": case(
        "import types\nns = {'n': [1]}\nexec('def g(): n.append(2)', ns)\ng = ns['g']", "g()", "g", "g ns"),
    "function with other globals": case(
        ("import types\nbox = {'x': [1], '__builtins__': __builtins__}", "def f(): x.append(2)",
         "h = types.FunctionType(f.__code__, box)"), "h()", "h", "h box"),
    "unittest.mock": case("from unittest.mock import Mock\nm = Mock()", "m.go(1)", "m", "m"),
    "atexit registers": case(("x = [1]", "import atexit\ndef bye(): x.append(2)"), "atexit.register(bye); "
                             "atexit.unregister(bye)", "atexit bye", "", also_reads="x"),
}
