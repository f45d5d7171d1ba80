"""What is refused: the error names the culprit, and nothing was disturbed by trying."""
from . import case

W = "class Holder:\n    def __init__(self, **k): self.__dict__.update(k)\n"

for name, make, what in [
    ("generator", "(i for i in [1])", "generator object"),
    ("coroutine", "asyncio.sleep(0)", "coroutine object"),
    ("lock", "threading.Lock()", "lock"), ("rlock", "threading.RLock()", "lock"),
    ("event", "threading.Event()", "lock"),
    ("thread", "threading.Thread()", "thread"), ("thread_local", "threading.local()", "thread-local data"),
    ("socket", "socket.socket()", "socket"),
    ("connection", "sqlite3.connect(':memory:')", "database connection"),
    ("cursor", "sqlite3.connect(':memory:').cursor()", "database cursor"),
    ("process", "subprocess.Popen(['true'])", "process"),
    ("executor", "concurrent.futures.ThreadPoolExecutor(1)", "executor"),
    ("memory_map", "mmap.mmap(-1, 10)", "memory map"),
    ("event_loop", "asyncio.new_event_loop()", "event loop"),
    ("queue", "queue.Queue()", "queue"),
    ("context_variable", "contextvars.ContextVar('v')", "context variable"),
    ("frame", "sys._getframe()", "frame object"),
    ("temporary_directory", "tempfile.TemporaryDirectory()", "temporary directory"),
    ("widget", "__import__('ipywidgets').IntSlider()", "widget"),
    ("regex_match", "re.match(b'a', bytearray(b'a'))", "match in something that can change"),
]:
    imports = ("import asyncio, threading, socket, sqlite3, subprocess, concurrent.futures, mmap\n"
               "import queue, contextvars, sys, tempfile, re\n")
    case(f"refuses_{name}", W + imports + f"bad = Holder(cache={{'x': [1, {make}]}})\ngood = [1]",
         "assert good == [1]",
         refuses={"bad": f"not_serializable: bad.cache['x'][1]: {what}"})

case("refuses_an_open_file_and_leaves_it", """
f = open('written.txt', 'w')
f.write('kept')
f.flush()
r = open('written.txt')
r.read(2)
good = 1
""", refuses={'f': 'not_serializable: f: open file', 'r': 'not_serializable: r: open file'})
case("refuses_binary_and_wrapped_files", """
import gzip, tempfile, os
open('raw', 'wb').write(b'x')
a = open('raw', 'rb')
b = open('raw', 'rb', buffering=0)
c = gzip.open('z.gz', 'wb')
d = tempfile.NamedTemporaryFile()
x = {'log': [a]}
""",
     refuses={'a': 'not_serializable: a: open file', 'b': 'not_serializable: b: open file',
              'c': 'not_serializable: c: open file', 'd': 'not_serializable: d: temporary file',
              'x': "not_serializable: x['log'][0]: open file"})
case("refuses_a_detached_file_and_the_users_own_kind", """
import io
open('raw', 'wb').write(b'x')
t, b = open('raw'), open('raw', 'rb')
kept = [t.detach(), b.detach()]
class Asked(io.FileIO):
    @property
    def closed(self):
        asked.append(1)
        return io.FileIO.closed.__get__(self)
m = Asked('raw')
w = io.TextIOWrapper(io.BufferedReader(Asked('raw')))
asked = []
""", "assert asked == []",
     refuses={'t': 'not_serializable: t: open file', 'b': 'not_serializable: b: open file',
              'm': 'not_serializable: m: open file', 'w': 'not_serializable: w: open file',
              'kept': 'not_serializable: kept[0]: open file'})
case("refuses_a_memmap_whose_file_does_not_hold_it", """
import numpy as np, os, tempfile
gone = np.memmap('gone', dtype='f8', mode='w+', shape=(5,))
os.remove('gone')
unnamed = np.memmap(tempfile.TemporaryFile(), dtype='f8', mode='w+', shape=(5,))
whole = np.memmap('kept', dtype='f8', mode='w+', shape=(5,))
private = np.memmap('kept', dtype='f8', mode='c', shape=(5,))
part = private[1:]
private[0] = 3
whole = None
""", refuses={'gone': 'not_serializable: gone: memory-mapped array of a file that is gone',
              'unnamed': 'not_serializable: unnamed: memory-mapped array of a file',
              'private': 'not_serializable: private: memory-mapped array that keeps its changes',
              'part': 'not_serializable: part: memory-mapped array that keeps its changes'},
     linked=[])
case("refuses_a_configured_logger", """
import logging
log = logging.getLogger('mine')
log.addFilter(logging.Filter('x'))
x = {'log': log}
""", refuses={'log': 'not_serializable: log: logger with', 'x': "not_serializable: x['log']: logger with"})
case("refuses_what_a_closure_holds", """
import threading
def make():
    guard = threading.Lock()
    def f():
        with guard: return 1
    return f
f = make()
""", refuses={'f': 'not_serializable: f.<closure guard>: lock'})
case("refuses_what_a_slot_holds", """
class S:
    __slots__ = ('g',)
s = S()
s.g = (i for i in ())
""", refuses={'s': 'not_serializable: s.g: generator object'})
case("refuses_what_an_object_array_holds", """
import numpy as np
a = np.array([None, (i for i in ())], dtype=object)
""", refuses={'a': 'not_serializable: a'})
case("refuses_a_class_that_holds_a_lock", """
import threading
class C:
    guard = threading.Lock()
c = 1
""", 'assert c == 1', refuses={'C': 'not_serializable: C.guard: lock'})
case("reduce_that_raises", """
class R:
    def __reduce__(self): raise ValueError('boo')
r = {'k': R()}
g = 2
""", 'assert g == 2', refuses={'r': "python_raised: r['k']: R object raised ValueError: boo"})
case("getstate_that_raises", """
class R:
    def __getstate__(self): return 1 / 0
r = R()
""", refuses={'r': 'python_raised: r: R object raised ZeroDivisionError'})
case("getstate_that_raises_what_cannot_be_shown", """
class E(Exception):
    def __str__(self): raise E
class R:
    def __getstate__(self): raise E
r = R()
""", refuses={'r': 'python_raised: r: R object raised'})
case("reduce_that_exits", """
class R:
    def __reduce__(self): raise SystemExit(3)
r = R()
""", refuses={'r': 'python_raised: r: R object raised SystemExit'})
case("reduce_that_prints", """
class R:
    def __init__(self): self.x = 1
    def __reduce__(self):
        print('pickling')
        return R, ()
r = R()
""", 'assert r.x == 1')
case("reduce_that_returns_nonsense", """
class R:
    def __reduce__(self): return 5
r = [R()]
""", refuses={'r': 'not_serializable: r[0]: R object'})
case("endless_nesting_by_reduce", """
class R:
    def __reduce__(self): return R, (R(),)
r = R()
""", refuses={'r': 'limit_exceeded: r: nested too deeply'})
case("released_memoryview", """
m = memoryview(b'ab')
m.release()
""", refuses={'m': 'not_serializable: m: released memoryview'})
case("pickles_but_does_not_load", """
class R:
    def __setstate__(self, s): raise ValueError('no')
    def __init__(self): self.x = 1
r = R()
g = 3
""", "assert g == 3 and 'r' not in globals()", only_loaded=True)
case("constructor_with_arguments_that_reduce_forgets", """
class R(dict):
    def __init__(self, need): self.need = need
    def __reduce__(self): return R, ()
r = R(1)
g = 3
""", "assert g == 3 and 'r' not in globals()", only_loaded=True)
