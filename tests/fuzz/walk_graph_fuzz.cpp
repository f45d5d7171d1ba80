// Any bytes as a program that builds Python objects which refer to one another as it says, in circles too.
// The walk goes over them without touching them, says the same twice, and sees a change.
#include "elastic/pyobj/walk.hpp"

#include <Python.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

// The interpreter keeps what it interned until the process is gone.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace {

using elastic::pyobj::Borrowed;
using elastic::pyobj::Change;
using elastic::pyobj::GilHeld;
using elastic::pyobj::Owned;
using elastic::pyobj::VariableState;
using elastic::pyobj::Walk;
using elastic::pyobj::WalkTarget;

constexpr std::size_t kMostObjects = 200;
constexpr std::size_t kVariables = 8;

constexpr const char* kMakers = R"(
import collections, datetime, decimal, functools, re, weakref
class Plain: pass
class Slotted:
    __slots__ = ('a', 'b', '__weakref__')
class Listed(list): pass
class Mapped(dict): pass
def counting(value):
    held = [value]
    for each in held: yield each
def started(value):
    made = counting(value); next(made); return made
def default(value):
    def inner(x=value): return value, x
    return inner
def raised(value):
    try: raise ValueError(value)
    except ValueError as error: return error
def put(target, value, where):
    if isinstance(target, (list, collections.deque)): target.append(value)
    elif isinstance(target, dict): target[where] = value
    elif isinstance(target, Plain): setattr(target, 'n%d' % (where % 5), value)
    elif isinstance(target, Slotted): setattr(target, 'ab'[where % 2], value)
    elif isinstance(target, bytearray): target.append(where % 256)
    elif isinstance(target, set): target.add(where)
    else: return False
    return True
makers = [
    lambda v, n: n, lambda v, n: n * 1e300, lambda v, n: 'text%d' % n, lambda v, n: bytes([n % 256]) * (n % 40),
    lambda v, n: [], lambda v, n: [v], lambda v, n: {}, lambda v, n: {n: v}, lambda v, n: {'k%d' % n: v, 'l': v},
    lambda v, n: (v, v), lambda v, n: set(), lambda v, n: frozenset([n, 'x']), lambda v, n: Plain(),
    lambda v, n: Slotted(), lambda v, n: Listed([v]), lambda v, n: Mapped(a=v), lambda v, n: bytearray(n % 50),
    lambda v, n: memoryview(bytearray(n % 50)), lambda v, n: started(v), lambda v, n: default(v),
    lambda v, n: raised(v), lambda v, n: collections.deque([v], maxlen=n % 4 or None),
    lambda v, n: collections.OrderedDict([(n, v)]), lambda v, n: functools.partial(default, v),
    lambda v, n: datetime.timedelta(n), lambda v, n: decimal.Decimal(n), lambda v, n: re.compile('a{%d}' % n),
    lambda v, n: weakref.ref(v) if isinstance(v, (Plain, Slotted, set)) else None, lambda v, n: iter([v, n]),
    lambda v, n: type('Made', (Plain,), {'held': v}), lambda v, n: property(default(v)), lambda v, n: range(n),
    lambda v, n: v.__init__, lambda v, n: slice(v, n), lambda v, n: collections.defaultdict(list, {n: v}),
    lambda v, n: (x for x in [v]), lambda v, n: True, lambda v, n: None, lambda v, n: 2.5 + n * 1j,
]
)";

// The input, read as numbers.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  unsigned next() { return left_ > 0 ? (--left_, *data_++) : 0; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

struct Interpreter {
  Interpreter() {
    setenv("PYTHONMALLOC", "malloc", 1);  // so that the address sanitizer sees each object
    Py_InitializeEx(0);
    globals = PyDict_New();
    PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
    PyDict_SetItemString(globals, "__name__", Owned::steal(PyUnicode_FromString("makers")).get());
    expect(static_cast<bool>(Owned::steal(PyRun_String(kMakers, Py_file_input, globals, globals))),
           "the makers could not be made");
    makers = PyDict_GetItemString(globals, "makers");
    put = PyDict_GetItemString(globals, "put");
  }
  PyObject *globals = nullptr, *makers = nullptr, *put = nullptr;
};

// The objects that the program makes, and the variables bound to the last of them.
struct Graph {
  Graph(const Interpreter& interpreter, Bytes bytes) : names(Owned::steal(PyDict_New())) {
    const auto count = static_cast<unsigned>(PyList_GET_SIZE(interpreter.makers));
    while (!bytes.empty() && pool.size() < kMostObjects) {
      const unsigned what = bytes.next(), number = bytes.next();
      PyObject* from = pool.empty() ? Py_None : pool[bytes.next() % pool.size()].get();
      if (what % 4 == 3 && !pool.empty()) {  // a reference backwards: circles
        PyObject* target = pool[number % pool.size()].get();
        const Owned done = Owned::steal(PyObject_CallFunction(interpreter.put, "OOI", target, from, number));
      } else {
        Owned made = Owned::steal(PyObject_CallFunction(
            PyList_GET_ITEM(interpreter.makers, what / 4 * 3 % count), "OI", from, number));
        if (made) pool.push_back(std::move(made));
      }
      PyErr_Clear();
    }
    for (std::size_t i = 0; i < std::min(kVariables, pool.size()); ++i)
      PyDict_SetItemString(names.get(), ("v" + std::to_string(i)).c_str(), pool[pool.size() - 1 - i].get());
  }
  // Of each object, how many references there are.
  std::vector<Py_ssize_t> counts() const {
    std::vector<Py_ssize_t> all;
    for (const Owned& each : pool) all.push_back(Py_REFCNT(each.get()));
    return all;
  }

  Owned names;
  std::vector<Owned> pool;
};

void looks_and_leaves_alone(const GilHeld& gil, const Graph& graph) {
  Walk walk(gil, graph.names), again(gil, graph.names);
  const std::vector<WalkTarget> targets = walk.all_targets(gil);
  expect(walk.walk(gil, targets) == targets.size(), "a walk without a deadline did not end");
  again.walk(gil, targets);
  for (const WalkTarget& target : targets) {
    const VariableState *one = walk.state(target.name), *other = again.state(target.name);
    expect(one && other && one->content == other->content && one->identity == other->identity,
           "two walks say two things");
  }
  for (const Change change : walk.recheck(gil, targets))
    expect(change == Change::kUnchanged || change == Change::kOpaque, "nothing changed, and it says so");
  expect(walk.co_variables(gil) == again.co_variables(gil), "two walks link otherwise");
}

void sees_a_list_grow(const GilHeld& gil, const Graph& graph) {
  Walk walk(gil, graph.names);
  const std::vector<WalkTarget> targets = walk.all_targets(gil);
  walk.walk(gil, targets);
  const auto list = std::find_if(targets.begin(), targets.end(), [](const WalkTarget& target) {
    return PyList_CheckExact(target.object.get());
  });
  if (list == targets.end()) return;
  const VariableState before = *walk.state(list->name);
  PyList_Append(list->object.get(), Py_None);
  expect(walk.recheck(gil, std::span(&*list, 1)).front() != Change::kUnchanged, "a list grew unseen");
  walk.walk(gil, std::span(&*list, 1));
  expect(walk.state(list->name)->content != before.content, "a list grew, and its content is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Interpreter interpreter;
  const GilHeld gil = GilHeld::assume();
  {
    const Graph graph(interpreter, Bytes(data, size));
    const auto before = graph.counts();
    looks_and_leaves_alone(gil, graph);
    const auto after = graph.counts();
    for (std::size_t i = 0; i < before.size(); ++i) {
      PyObject* object = graph.pool[i].get();
      const bool is_shared = PyLong_Check(object) || PyUnicode_Check(object) || object == Py_None;
      if (!is_shared && before[i] != after[i]) {
        std::fprintf(stderr, "%s: %zd references became %zd\n", Py_TYPE(object)->tp_name, before[i],
                     after[i]);
        std::abort();
      }
    }
    sees_a_list_grow(gil, graph);
  }
  static unsigned runs = 0;
  if (++runs % 64 == 0) PyGC_Collect();
  PyErr_Clear();
  return 0;
}
