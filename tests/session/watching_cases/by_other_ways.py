"""Changes by ways that code seldom takes: below Python, by way of types, contexts and things half used up."""

from watching_cases import NUMPY, PANDAS, case

CTYPES = "import ctypes"
META = (
    "class Meta(type):\n  made = []\n"
    "  def __call__(cls, *a):\n    cls.made.append(a); return super().__call__(*a)"
)

CASES = {
    "memmove into an array": case(
        (CTYPES, NUMPY, "a = np.zeros(4)\nb = a[:2]"),
        "ctypes.memmove(a.ctypes.data, bytes(8 * [1]), 8); r = 1",
        "ctypes a",
        "r a b",
    ),
    "a ctypes array over a bytearray": case(
        (CTYPES, "b = bytearray(8)", "v = (ctypes.c_int * 2).from_buffer(b)"), "v[1] = 7", "v", "b v"
    ),
    "a field of a ctypes structure": case(
        (CTYPES, "class P(ctypes.Structure): _fields_ = [('x', ctypes.c_int)]", "p = P(1)\nq = [p]"),
        "p.x = 5",
        "p",
        "p q",
        also_reads="P",
        also_writes="P",
    ),
    "through a ctypes pointer": case(
        (CTYPES, "n = ctypes.c_int(1)", "p = ctypes.pointer(n)"), "p[0] = 9", "p", "n p"
    ),
    "a cast of a memoryview": case(
        (NUMPY, "a = np.zeros(4)", "m = memoryview(a).cast('B')"), "m[0] = 1", "m", "a m"
    ),
    "an anonymous mapping": case(
        ("import mmap\nm = mmap.mmap(-1, 4096)", "v = memoryview(m)"), "v[0] = 1", "v", "m v"
    ),
    "array.array extended": case(
        "import array\na = array.array('i', [1])\nk = {'a': a}", "a.frombytes(bytes(4))", "a", "a k"
    ),
    "array.array swapped": case("import array\na = array.array('i', [1])", "a.byteswap()", "a", "a"),
    "a bytearray that cannot be resized": case(
        "b = bytearray(4)\nv = memoryview(b)", "try: b.append(1)\nexcept BufferError: b[0] = 1", "b", "b v"
    ),
    "an array resized": case((NUMPY, "a = np.zeros(3)"), "a.resize((5,), refcheck=False)", "a", "a"),
    "out=": case((NUMPY, "a = np.ones(3)\nl = [a]"), "r = np.cumsum(a, out=a).shape", "np a", "a l r"),
    "ufunc.at": case((NUMPY, "a = np.zeros(3)"), "np.add.at(a, [0, 0], 1)", "np a", "a"),
    "np.put and place": case(
        (NUMPY, "a = np.zeros(3)"), "np.put(a, [1], 5); np.place(a, a > 9, 0)", "np a", "a"
    ),
    "sorted in place through a slice": case((NUMPY, "a = np.array([3, 2, 1])"), "a[1:].sort()", "a", "a"),
    "partitioned": case((NUMPY, "a = np.array([3, 2, 1])"), "a.partition(1)", "a", "a"),
    "a field of a structured array": case(
        (NUMPY, "a = np.zeros(2, dtype=[('x', int), ('o', object)])"), "a['o'][1] = [1]", "a", "a"
    ),
    "a record by attribute": case(
        (NUMPY, "a = np.zeros(2, dtype=[('x', int)]).view(np.recarray)"), "a[1].x = 3", "a", "a"
    ),
    "flat and real": case((NUMPY, "a = np.zeros(2, complex)"), "a.real[0] = 1; a.flat[1] = 2", "a", "a"),
    "setflags": case((NUMPY, "a = np.zeros(2)"), "a.flags.writeable = False", "a", "a"),
    "a shape": case((NUMPY, "a = np.zeros(4)\nl = [a]"), "a.resize((2, 2), refcheck=False)", "a", "a l"),
    "an iterator that writes": case(
        (NUMPY, "a = np.zeros(4)"),
        "with np.nditer(a, op_flags=['readwrite']) as it:\n  for x in it: x[...] = 2",
        "np a",
        "a it x",
    ),
    "a masked array": case((NUMPY, "m = np.ma.array([1, 2], mask=[0, 1])"), "m.mask[0] = True", "m", "m"),
    "sparse data": case(
        ("import scipy.sparse as sp", "s = sp.csr_matrix([[0, 1], [2, 0]])\nd = s.data"),
        "d[0] = 9",
        "d",
        "s d",
    ),
    "sparse sorted": case(
        ("import scipy.sparse as sp", "s = sp.csr_matrix(([1, 2], [1, 0], [0, 2, 2]), shape=(2, 2))"),
        "s.sort_indices()",
        "s",
        "s",
    ),
    "the values of a column": case(
        (PANDAS, "df = pd.DataFrame({'x': [1.0, 2.0]})", "v = df['x'].array"),
        "df.iloc[0, 0] = 9",
        "df",
        "df",
        also_writes="v",
    ),
    "a frame's own block": case(
        (PANDAS, "df = pd.DataFrame({'x': [1.0, 2.0]})"), "df._mgr.blocks[0].values[0, 0] = 5", "df", "df"
    ),
    "an Arrow string": case((PANDAS, "s = pd.Series(['a', 'b'], dtype='str')"), "s.iloc[0] = 'z'", "s", "s"),
    "a categorical renamed": case(
        (PANDAS, "c = pd.Categorical(['a', 'b'])\ndf = pd.DataFrame({'c': [1, 2]})"),
        "df['c'] = c.rename_categories(['x', 'y'])",
        "df c",
        "df",
    ),
    "attrs of a frame": case((PANDAS, "df = pd.DataFrame({'x': [1]})"), "df.attrs['k'] = 1", "df", "df"),
    "names of an index": case(
        (PANDAS, "df = pd.DataFrame({'x': [1]})\ni = df.index"), "df.index.name = 'n'", "df", "df i"
    ),
    "a chain under copy-on-write": case(
        (PANDAS, "df = pd.DataFrame({'x': [1, 2]})", "part = df[['x']]"),
        "part.loc[0, 'x'] = 9",
        "part",
        "part",
    ),
    "deque rotated": case(
        "import collections\nd = collections.deque([1, 2, 3])\nv = iter(d)",
        "d.rotate(1)",
        "d",
        "d",
        also_writes="v",
    ),
    "move_to_end": case(
        "import collections\nd = collections.OrderedDict(a=1, b=2)\nv = d.items()",
        "d.move_to_end('a')",
        "d",
        "d v",
    ),
    "a Counter": case("import collections\nc = collections.Counter('ab')", "c.subtract('a')", "c", "c"),
    "a ChainMap's map": case(
        "import collections\nm = {}\nc = collections.ChainMap(m)", "c['k'] = 1", "c", "c m"
    ),
    "a UserList": case(
        "import collections\nu = collections.UserList([1])\nd = u.data", "u += [2]", "u", "u d"
    ),
    "a heap": case(
        "import heapq\nh = [5, 7, 9]\nk = (h,)", "r = heapq.heapreplace(h, 8)", "heapq h", "h k r"
    ),
    "a dict through a view of its class": case("d = {}\nkeys = d.keys()", "d['x'] = 1", "d", "d keys"),
    "a callback of a weak reference": case(
        ("import weakref\nlog = []\nclass K: pass\nk = K()", "w = weakref.ref(k, lambda r: log.append(1))"),
        "del k",
        "k log",
        "w log",
        "k",
        also_reads="w",
        also_writes="",
    ),
    "a finalizer of what is dropped": case(
        ("log = []\nclass K:\n  def __del__(self): log.append(1)", "box = [K()]"),
        "box.clear()",
        "box log",
        "box log",
    ),
    "a generator sent to": case(
        ("log = []\ndef g():\n  while True: log.append((yield))", "it = g(); next(it)"),
        "it.send(3)",
        "it log",
        "it log",
        also_reads="g",
    ),
    "a generator closed": case(
        ("log = []\ndef g():\n  try: yield\n  finally: log.append(1)", "it = g(); next(it)"),
        "it.close()",
        "it log",
        "it log",
        also_reads="g",
    ),
    "a coroutine stepped": case(
        ("log = []\nasync def co(): log.append(1)", "c = co()"),
        "try: c.send(None)\nexcept StopIteration: pass",
        "c log",
        "c log",
        also_reads="co",
    ),
    "a context variable": case(
        "import contextvars\nv = contextvars.ContextVar('v', default=None)\nx = [1]\ntoken = v.set(x)",
        "v.get().append(2)",
        "v",
        "x",
        also_reads="x token",
        also_writes="v token",
    ),
    "a run in a context": case(
        ("import contextvars\nv = contextvars.ContextVar('v')", "c = contextvars.copy_context()"),
        "r = c.run(v.set, 3) is None",
        "c v",
        "r c",
        also_writes="v",
    ),
    "threading.local": case(
        "import threading\nl = threading.local()\nl.x = [1]\nx = l.x", "l.x.append(2)", "l", "x l"
    ),
    "functools.cache": case(
        ("import functools", "log = []\n@functools.cache\ndef f(n): log.append(n); return n"),
        "r = f(3)",
        "f log",
        "r log",
        also_writes="f",
    ),
    "a cached list": case(
        ("import functools", "@functools.lru_cache\ndef f(): return []", "y = f()"),
        "f().append(1)",
        "f",
        "y",
        also_writes="f",
    ),
    "cached_property": case(
        ("import functools", "class K:\n  @functools.cached_property\n  def p(self): return [1]", "k = K()"),
        "p = k.p",
        "k",
        "p k",
        also_reads="K",
    ),
    "singledispatch": case(
        ("import functools", "@functools.singledispatch\ndef f(x): return 0"),
        "@f.register\ndef of_int(x: int): return 1",
        "f",
        "f of_int",
    ),
    "an enum's table": case(
        ("import enum\nclass E(enum.Enum): A = 1",), "E._member_map_['B'] = E.A", "E", "E"
    ),
    "a dataclass replaced": case(
        ("import dataclasses\n@dataclasses.dataclass\nclass D: x: list", "d = D([1])"),
        "e = dataclasses.replace(d); e.x.append(2)",
        "dataclasses d",
        "e d",
        also_reads="D",
    ),
    "__set_name__": case(
        ("log = []\nclass D:\n  def __set_name__(self, owner, name): log.append(name)",),
        "class K: attribute = D()",
        "D log",
        "K log",
    ),
    "__init_subclass__": case(
        ("class B:\n  made = []\n  def __init_subclass__(cls): B.made.append(cls.__name__)",),
        "class C(B): pass",
        "B",
        "B C",
    ),
    "a descriptor's own state": case(
        (
            "class D:\n  def __init__(self): self.values = {}\n"
            "  def __set__(self, k, v): self.values['v'] = v\n"
            "  def __get__(self, k, o): return self.values.get('v')",
            "class K: v = D()\nk = K()",
        ),
        "k.v = 5",
        "k D K",
        "K",
        also_writes="k",
    ),
    "a metaclass's own state": case(
        (META, "class K(metaclass=Meta):\n  def __init__(self, n): pass"),
        "k = K(3)",
        "K Meta",
        "k Meta",
        also_writes="K",
    ),
    "closures made in a loop": case(
        ("fs = []\nfor n in range(2):\n  def f(x, kept=[]): kept.append(x); return kept\n" "  fs.append(f)",),
        "r = len(fs[0](1))",
        "fs",
        "r fs",
        also_reads="f",
        also_writes="",
    ),
    "a walrus in a comprehension": case("x = [1]", "y = [last := n for n in x]", "x", "y last"),
    "what a match captures": case(
        "x = {'k': [1], 'l': 2}", "match x:\n  case {'k': [*inner], **rest}: rest['m'] = 1", "x", "inner rest"
    ),
    "a match that takes a part": case(
        "x = {'k': [1]}", "match x:\n  case {'k': inner}: inner.append(2)", "x", "inner x"
    ),
    "exec with a dict of its own": case("d = {'l': []}", "exec('l.append(1); m = l', d)", "d", "d"),
    "eval with the namespace's list": case("x = [1]", "eval('y.append(2)', {'y': x})", "x", "x"),
    "a star import": case(
        "",
        "from heapq import *",
        "",
        "heappush heappop heapify heapreplace merge nlargest nsmallest heappushpop",
    ),
    "a library's function replaced": case(
        ("import colorsys\nlog = []\ndef d(o): log.append(o); return 'x'", "colorsys.rgb_to_yiq = d"),
        "r = colorsys.rgb_to_yiq(1)",
        "colorsys log d",
        "r log",
    ),
    "a decimal context": case("import decimal\nc = decimal.Context(prec=5)", "c.prec = 7", "c", "c"),
    "flags of a decimal context": case(
        "import decimal\nc = decimal.Context(prec=3)", "r = c.divide(1, 3)", "c", "r c"
    ),
    "random.Random": case("import random\ng = random.Random(1)\nh = [g]", "r = g.random()", "g", "r g h"),
    "a generator that two share": case(
        (NUMPY, "g = np.random.default_rng(1)", "class S: pass\ns = S(); s.g = g"),
        "r = s.g.random()",
        "s",
        "r g s",
        also_reads="S",
    ),
    "a bit generator advanced": case(
        (NUMPY, "g = np.random.default_rng(1)\nb = g.bit_generator"), "r = b.advance(3) is b", "b", "r b g"
    ),
    "tee": case(
        "import itertools\na, b = itertools.tee(iter([1, 2, 3]))", "r = next(a)", "a", "r a", also_writes="b"
    ),
    "a copy of an iterator": case(
        "import itertools, copy\na = itertools.count(3)\nb = copy.copy(a)", "r = next(b)", "b", "r b"
    ),
    "an iterator over a list": case(
        "x = [1, 2]\nit = iter(x)", "r = next(it)", "it", "r it", also_writes="x"
    ),
    "groupby": case(
        "import itertools\ng = itertools.groupby([1, 1, 2])", "k, part = next(g)", "g", "k part g"
    ),
    "a chain": case(
        "import itertools\ni = iter([1, 2])\nc = itertools.chain(i, [3])", "r = next(c)", "c", "r c i"
    ),
    "a position in StringIO": case(
        "import io\nf = io.StringIO('abc')\nk = [f]", "r = f.read(1)", "f", "r f k"
    ),
    "a position in BytesIO": case("import io\nf = io.BytesIO(b'abc')", "r = f.seek(2)", "f", "r f"),
    "getbuffer": case(
        "import io\nf = io.BytesIO(b'abc')", "v = f.getbuffer(); v[0] = 65; v.release()", "f", "v f"
    ),
    "a csv writer": case(
        "import csv, io\nf = io.StringIO()\nw = csv.writer(f)", "r = w.writerow([1])", "w", "r w f"
    ),
    "a csv reader": case(
        "import csv\nlines = iter(['a,b', 'c,d'])\nr = csv.reader(lines)", "row = next(r)", "r", "row r lines"
    ),
    "a table of sqlite": case(
        "import sqlite3\ndb = sqlite3.connect(':memory:')\nc = db.cursor()",
        "r = c.execute('create table t (x)') is c",
        "c",
        "r c db",
        also_reads="sqlite3",
    ),
    "a hash object": case(
        "import hashlib\nh = hashlib.sha256()", "h.update(b'a')", "h", "h", also_reads="hashlib"
    ),
    "a compressor": case("import zlib\nz = zlib.compressobj()", "r = z.compress(b'a')", "z", "r z"),
    "a queue": case("import queue\nq = queue.Queue()\nl = q.queue", "q.put(1)", "q", "q l"),
    "a SimpleNamespace": case(
        "import types\nn = types.SimpleNamespace(l=[])\nm = n.__dict__", "m['k'] = 1", "m", "m n"
    ),
    "a class's annotations": case("class K: x: int", "K.__annotations__['y'] = str", "K", "K"),
    "bases of a class": case(
        "class A: pass\nclass B(A): pass\nclass C(A): pass\nk = C()",
        "C.__bases__ = (B,)",
        "C B",
        "C",
        also_reads="A k",
        also_writes="k",
    ),
    "the class of an instance": case(
        "class A: pass\nclass B: pass\nk = A()\nl = [k]", "k.__class__ = B", "k B", "k l", also_reads="A"
    ),
    "the code of a function": case(
        "def f(): return 1\ndef g(): return 2\nl = [f]",
        "f.__code__ = g.__code__",
        "f g",
        "f",
        also_writes="l",
    ),
    "a cell of a closure": case(
        "def make():\n  n = [1]\n  return lambda: n\nf = make()",
        "f.__closure__[0].cell_contents = 2",
        "f",
        "f",
        also_reads="make",
    ),
    "a bound method's object": case(
        "class K:\n  def __init__(self): self.l = []\n  def add(self): self.l.append(1)\n"
        "k = K()\nm = k.add",
        "m()",
        "m",
        "k m",
        also_reads="K",
    ),
    "an exception's notes": case("e = ValueError('x')\nl = [e]", "e.add_note('n')", "e", "e l"),
    "a partial's keywords": case(
        "import functools\np = functools.partial(dict, a=1)", "p.keywords['b'] = 2", "p", "p"
    ),
    "operator.iadd": case(
        "import operator\nx = [1]\ny = x", "r = operator.iadd(x, [2]) is y", "operator x y", "x y r"
    ),
    "a list while it is sorted": case(
        "x = [3, 1]\nseen = []", "x.sort(key=lambda v: seen.append(v) or v)", "x seen", "x seen"
    ),
    "map with a method": case("x = []", "r = list(map(x.append, [1, 2]))", "x", "x r"),
    "an async comprehension": case(
        ("x = []\nasync def a():\n  for n in [1]: x.append(n); yield n",),
        "y = [n async for n in a()]",
        "a x",
        "y x",
    ),
    "print to a file": case("import io\nf = io.StringIO()", "print('a', file=f)", "f", "f"),
    "redirect_stdout": case(
        "import io, contextlib\nf = io.StringIO()",
        "with contextlib.redirect_stdout(f): print('a')",
        "contextlib f",
        "f",
    ),
    "an ExitStack": case(
        ("import contextlib\nx = []", "s = contextlib.ExitStack(); _c = s.callback(x.append, 1)"),
        "s.close()",
        "s",
        "s x _c",
        also_reads="x",
    ),
    "warnings caught": case(
        "import warnings",
        "with warnings.catch_warnings(record=True) as w: warnings.warn('a')",
        "warnings",
        "w",
    ),
    "a struct packed into": case(
        "import struct\nb = bytearray(8)", "struct.pack_into('i', b, 0, 5)", "struct b", "b"
    ),
    "readinto": case(
        "import io\nb = bytearray(3)\nf = io.BytesIO(b'abc')", "r = f.readinto(b)", "f b", "r b f"
    ),
    "a pickle's memo": case(
        "import pickle, io\np = pickle.Pickler(io.BytesIO())\nx = [1]",
        "p.dump(x)",
        "p x",
        "p",
        also_reads="pickle",
        also_writes="x",
    ),
}
