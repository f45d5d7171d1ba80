"""Code that a cell leads to and that did not run in it, and what has to count all the same."""

from watching_cases import NUMPY, PANDAS, case

X = "x = [1]"
K = "class K:\n  def put(s): x.append(1)\n  def get(s): return y\n  @property\n  def p(s): return x"
TWO = (X, "y = [2]", K, "k = K()")
CACHED = ("import functools", X, "def inner(n): return x[0] + n")
MEMO = "@functools.cache\ndef f(n): return inner(n)"
KEPT = "store = {}\ndef keep(g):\n  def call(n):\n    if n not in store: store[n] = g(n)\n"
KEPT += "    return store[n]\n  return call"
ABC = "import abc\nclass B(abc.ABC):\n  @classmethod\n  def __subclasshook__(c, d): return bool(x)\n"
ABC += "class D: pass"
SLOW = ("import threading", X, "go, done = threading.Event(), threading.Event()",
        "def wait():\n  go.wait()\n  x.append(2)\n  done.set()",
        "t = threading.Thread(target=wait)\nt.start()")
WORKER = "import os\nr, w = os.pipe()\ndef f(): os.write(w, bytes(x))\npid = os.fork()\nif not pid:\n  f()\n"
WORKER += "  os._exit(0)\nos.waitpid(pid, 0)"
DB = ("import sqlite3", "db = sqlite3.connect(':memory:')\ndb.execute('create table x (a)');", X)
CATCHES = "def g():\n  try: yield 0\n  except ValueError: yield x[0]\ni = g()\nnext(i)"
CLOSES = "def g(out):\n  try: yield 0\n  finally: out.append(x[0])\no = []\ni = g(o)\nnext(i)"
WAITS_FOR = "def inner():\n  try: yield 0\n  except ValueError: return\ndef g():\n  yield from inner()\n"
WAITS_FOR += "  yield x[0]\ni = g()\nnext(i)"
OTHER = "class Engine:\n  def execute(s, text): return eval(text)\ndb = Engine()"

CASES = {
    "a method that is not called": case(TWO, "z = k.get()", "k y", "z"),
    "one that is": case(TWO, "k.put()", "k x", "x"),
    "a property": case(TWO, "z = k.p", "k x", "z"),
    "a function that is only named": case((X, "def f(): return x"), "z = f.__name__", "f", "z"),
    "a function whose call fails": case((X, "def f(a): return x"), "f()", "f", outcome="error"),
    "a branch of a function": case((X, "y = [2]", "def f(): return x", "def g(): return f() if y else 0"),
                                   "z = g()", "g f x y", "z"),
    "a branch not taken": case((X, "y = []", "def f(): return x", "def g(): return f() if y else 0"),
                               "z = g()", "g y f", "z"),
    "a callback": case((X, "def key(v): return x[0] * v"), "z = sorted([2, 1], key=key)", "key x", "z"),
    "a callback that is not called": case((X, "def key(v): return x[0] * v"), "z = sorted([], key=key)",
                                          "key", "z"),
    "by a profiler's eyes": case((X, "def f(): return x", "import sys"),
                                 "sys.setprofile(lambda *a: None)\nz = f()\nsys.setprofile(None)", "f x sys",
                                 "z"),
    "traced": case((X, "def f(): return x", "import sys"),
                   "sys.settrace(lambda *a: None)\nz = f()\nsys.settrace(None)", "f x sys", "z"),
    "a generator goes on": case((X, "def g():\n  yield 0\n  yield x", "i = g()\nnext(i)"), "z = next(i)",
                                "i x", "z i", also_reads="g"),
    "a generator waits": case((X, "def g():\n  yield 0\n  yield x", "i = g()\nnext(i)"), "z = [i]", "i", "z",
                              also_reads="g x"),
    "a generator is thrown into": case((X, CATCHES), "z = i.throw(ValueError())", "i x", "z i",
                                       also_reads="g"),
    "a generator is closed": case((X, CLOSES), "i.close()", "i x", "i o", also_reads="g"),
    "what a generator waits for is thrown into": case((X, WAITS_FOR), "z = i.throw(ValueError())", "i x",
                                                      "z i", also_reads="g inner"),
    "a coroutine": case((X, "async def f(): return x"), "z = await f()", "f x", "z"),
    "a lambda of a function": case((X, "def f(): return lambda: x", "l = f()"), "z = l()", "l x", "z",
                                   also_reads="f"),
    "a comprehension of a function": case((X, "def f(): return [v + x[0] for v in (1,)]"), "z = f()", "f x",
                                          "z"),
    "code that is warm": case((X, "def f(): return x", "for _ in range(50): f()"), "z = f()", "f x", "z"),
    "warm code that is not called": case((X, "def f(): return x", "for _ in range(50): f()"), "z = [f]", "f",
                                         "z", also_reads="x"),
    "a hit of a cache": case((*CACHED, MEMO, "f(3)"), "z = f(3)", "f inner x", "z f"),
    "a hit of a cache in a class": case(
        (*CACHED, "class C:\n  @functools.lru_cache\n  def m(s, n): return inner(n)\nc = C()", "c.m(3)"),
        "z = c.m(3)", "c C inner x", "z C", also_writes="c"),
    "a hit of a cache of the session's": case((*CACHED, KEPT, "f = keep(inner)", "f(3)"), "z = f(3)",
                                              "f store", "z", also_reads="inner x keep"),
    "an answer that a class keeps": case((X, ABC, "isinstance(D(), B)"), "z = isinstance(D(), B)", "B D x",
                                         "z", also_writes="B"),
    "a function that somebody looks into": case((X, "def f(): return x", "import inspect"),
                                                "z = inspect.signature(f).parameters", "f x inspect", "z"),
    "a thread in the middle of a function": case(SLOW, "go.set()\ndone.wait()\nt.join()", "go done t x wait",
                                                 "x", also_reads="threading", also_writes="go done t"),
    "what another process may run": case((X, WORKER), "z = [f]", "f x os w", "z"),
    "vectorized": case((NUMPY, X, "def f(v): return v + x[0]", "g = np.vectorize(f)"), "z = g([1])", "g f x",
                       "z", also_writes="g f", also_reads="np"),
    "DataFrame.apply": case((PANDAS, X, "def f(v): return v + x[0]", "df = pd.DataFrame({'a': [1]})"),
                            "z = df.apply(f)", "df f x", "z"),
    "a key is no name": case(("k = 1", "d = {'k': 2}"), "z = d['k']", "d", "z"),
    "a key that is set is none": case(("k = 1", "d = {}"), "d['k'] = 2\ndel d['k']", "d"),
    "a key of the namespace is one": case(("k = 1", "ns = globals()"), "z = ns['k']", "k ns", "z"),
    "a key of the shell's namespace": case("k = 1", "z = get_ipython().user_ns['k']", "k", "z"),
    "a key that is evaluated": case(("k = 1", "class E:\n  def __getitem__(s, t): return eval(t)\ne = E()"),
                                    "z = e['k']", "e k E", "z"),
    "an expression as a key": case(("k = 1", "d = {'k + 1': 2}"), "z = d['k + 1']", "d", "z", also_reads="k"),
    "SQL names no variable": case(DB, "db.execute('insert into x values (1)');", "db", also_writes="db",
                                  also_reads="sqlite3"),
    "SQL that calls a function": case(
        (*DB, "db.create_function('f', 1, lambda v: x[0] + v)"), "z = db.execute('select f(1)').fetchone()",
        "db x", "z", also_writes="db", also_reads="sqlite3"),
    "SQL that evaluates": case((*DB, "db.create_function('f', 1, eval)"),
                               "z = db.execute(\"select f('x[0]')\").fetchone()", "db x", "z",
                               also_writes="db", also_reads="sqlite3"),
    "what executes may be another": case((X, OTHER), "z = db.execute('x')", "db x Engine", "z"),
    "what executes is another by now": case((*DB, OTHER.replace("db =", "e =")),
                                            "db = e\nz = db.execute('x')", "e x Engine", "db z",
                                            also_reads="db sqlite3"),
    "what executes is made another": case(
        (*DB, OTHER.replace("db =", "e ="), "def swap():\n  global db\n  db = e"),
        "swap()\nz = db.execute('x')", "swap e x Engine", "db z", also_reads="db sqlite3"),
}
