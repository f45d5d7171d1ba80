#include "pyobj/outside_inputs.hpp"

#include <array>
#include <cstring>
#include <utility>

#include "pyobj/doer.hpp"

namespace elastic::pyobj {
namespace {

enum class When : std::uint8_t {
  kAlways,
  kNoSeed,   // no argument, or None
  kNoTime,   // the time of now where none is given
  kNoTime2,  // the same, after a format
  kSeed,     // an argument that is not None
};

struct Source {
  EffectKind kind;
  const char* module;  // where the C function lives; imported by us only where that is cheap
  const char* type;    // null: a function of the module
  const char* name;
  const char* shown;
  When when = When::kAlways;
  Asked asked = Asked::kValue;
  bool import = true;
};

constexpr EffectKind kClock = EffectKind::kClockRead;
constexpr EffectKind kRandom = EffectKind::kRandomnessDrawn;
constexpr EffectKind kProcess = EffectKind::kProcessAsked;

constexpr std::array kSources = {
    Source{kClock, "time", nullptr, "time", "time.time"},
    Source{kClock, "time", nullptr, "time_ns", "time.time_ns"},
    Source{kClock, "time", nullptr, "clock_gettime", "time.clock_gettime"},
    Source{kClock, "time", nullptr, "clock_gettime_ns", "time.clock_gettime_ns"},
    Source{kClock, "time", nullptr, "localtime", "time.localtime", When::kNoTime},
    Source{kClock, "time", nullptr, "gmtime", "time.gmtime", When::kNoTime},
    Source{kClock, "time", nullptr, "ctime", "time.ctime", When::kNoTime},
    Source{kClock, "time", nullptr, "asctime", "time.asctime", When::kNoTime},
    Source{kClock, "time", nullptr, "strftime", "time.strftime", When::kNoTime2},
    Source{kClock, "time", nullptr, "perf_counter", "time.perf_counter", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "perf_counter_ns", "time.perf_counter_ns", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "monotonic", "time.monotonic", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "monotonic_ns", "time.monotonic_ns", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "process_time", "time.process_time", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "process_time_ns", "time.process_time_ns", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "thread_time", "time.thread_time", When::kAlways, Asked::kTimer},
    Source{kClock, "time", nullptr, "thread_time_ns", "time.thread_time_ns", When::kAlways, Asked::kTimer},
    Source{kClock, "posix", nullptr, "times", "os.times", When::kAlways, Asked::kTimer},
    Source{kClock, "_datetime", "datetime", "now", "datetime.now"},
    Source{kClock, "_datetime", "datetime", "utcnow", "datetime.utcnow"},
    Source{kClock, "_datetime", "date", "today", "date.today"},
    Source{kClock, "_uuid", nullptr, "generate_time_safe", "uuid.uuid1"},
    Source{kRandom, "posix", nullptr, "urandom", "os.urandom"},
    Source{kRandom, "posix", nullptr, "getrandom", "os.getrandom"},
    Source{kRandom, "_random", "Random", "seed", "random.seed", When::kNoSeed},
    Source{kRandom, "numpy.random._mt19937", "MT19937", "_legacy_seeding", "seed", When::kSeed,
           Asked::kReseeded, false},
    Source{kRandom, "_ssl", nullptr, "RAND_bytes", "ssl.RAND_bytes", When::kAlways, Asked::kValue, false},
    Source{kRandom, "torch._C", "Generator", "seed", "torch.seed", When::kAlways, Asked::kValue, false},
    Source{kProcess, "posix", nullptr, "getpid", "os.getpid", When::kAlways, Asked::kTimer},
    Source{kProcess, "posix", nullptr, "getppid", "os.getppid", When::kAlways, Asked::kTimer},
    Source{kProcess, "posix", nullptr, "uname", "os.uname", When::kAlways, Asked::kTimer},
    Source{kProcess, "posix", nullptr, "getloadavg", "os.getloadavg", When::kAlways, Asked::kTimer},
    Source{kProcess, "_socket", nullptr, "gethostname", "socket.gethostname", When::kAlways, Asked::kTimer,
           false},
    Source{kProcess, "_thread", nullptr, "get_ident", "threading.get_ident", When::kAlways, Asked::kTimer},
    Source{kProcess, "_thread", nullptr, "get_native_id", "threading.get_native_id", When::kAlways,
           Asked::kTimer},
};

// The original of each, and the entry that stands in for it. They live as long as the process: function
// objects point at them.
struct Replaced {
  PyMethodDef stand_in{};
  PyCFunction original = nullptr;  // of whatever signature the flags say
};
std::array<Replaced, kSources.size()> replaced;
std::size_t remaining = kSources.size();
OutsideInputSink sink = nullptr;

constexpr int kConventions =
    METH_VARARGS | METH_KEYWORDS | METH_NOARGS | METH_O | METH_FASTCALL | METH_METHOD;

void note(std::size_t index, Py_ssize_t given, PyObject* first) {
  const Source& source = kSources[index];
  const bool counts = source.when == When::kAlways ||
                      (source.when == When::kNoSeed && (given == 0 || first == Py_None)) ||
                      (source.when == When::kNoTime && (given == 0 || first == Py_None)) ||
                      (source.when == When::kNoTime2 && given < 2) ||
                      (source.when == When::kSeed && given > 0 && first != Py_None);
  if (counts && sink != nullptr) sink(source.kind, source.shown, source.asked);
}

template <class Function>
Function original_of(std::size_t index) {
  return reinterpret_cast<Function>(reinterpret_cast<void (*)()>(replaced[index].original));
}

// One stand-in for each calling convention; `Index` tells whose it is.
template <std::size_t Index>
struct StandIn {
  static PyObject* no_arguments(PyObject* self, PyObject* nothing) {
    note(Index, 0, nullptr);
    return replaced[Index].original(self, nothing);
  }
  static PyObject* one_argument(PyObject* self, PyObject* argument) {
    note(Index, 1, argument);
    return replaced[Index].original(self, argument);
  }
  static PyObject* tuple(PyObject* self, PyObject* arguments) {
    const Py_ssize_t given = PyTuple_GET_SIZE(arguments);
    note(Index, given, given > 0 ? PyTuple_GET_ITEM(arguments, 0) : nullptr);
    return replaced[Index].original(self, arguments);
  }
  static PyObject* keywords(PyObject* self, PyObject* arguments, PyObject* named) {
    const Py_ssize_t given = PyTuple_GET_SIZE(arguments);
    note(Index, given, given > 0 ? PyTuple_GET_ITEM(arguments, 0) : nullptr);
    return original_of<PyCFunctionWithKeywords>(Index)(self, arguments, named);
  }
  static PyObject* fast(PyObject* self, PyObject* const* arguments, Py_ssize_t given) {
    note(Index, given, given > 0 ? arguments[0] : nullptr);
    return original_of<_PyCFunctionFast>(Index)(self, arguments, given);
  }
  static PyObject* fast_keywords(PyObject* self, PyObject* const* arguments, Py_ssize_t given,
                                 PyObject* named) {
    note(Index, given, given > 0 ? arguments[0] : nullptr);
    return original_of<_PyCFunctionFastWithKeywords>(Index)(self, arguments, given, named);
  }

  template <class Function>
  static PyCFunction as_method(Function function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
  }
  static PyCFunction of(int flags) {
    switch (flags & kConventions) {
      case METH_NOARGS:
        return &no_arguments;
      case METH_O:
        return &one_argument;
      case METH_VARARGS:
        return &tuple;
      case METH_VARARGS | METH_KEYWORDS:
        return as_method(&keywords);
      case METH_FASTCALL:
        return as_method(&fast);
      case METH_FASTCALL | METH_KEYWORDS:
        return as_method(&fast_keywords);
      default:
        return nullptr;
    }
  }
};

// A function that Cython compiled, in an extension built for this very version: it begins like a C function.
bool is_like_c_function(PyObject* object, const Source& source) {
  if (std::strcmp(Py_TYPE(object)->tp_name, "cython_function_or_method") != 0 &&
      std::strstr(Py_TYPE(object)->tp_name, ".cython_function_or_method") == nullptr)
    return false;
  const Owned name = Owned::steal(PyUnicode_FromString(source.module));
  const Owned module = Owned::steal(PyImport_GetModule(name.get()));
  PyObject* file = module ? PyDict_GetItemString(PyModule_GetDict(module.get()), "__file__") : nullptr;
  return Py_TYPE(object)->tp_basicsize >= static_cast<Py_ssize_t>(sizeof(PyCMethodObject)) &&
         text_or_bytes(file).find(".cpython-311-") != std::string::npos;
}

// Where the function object keeps its method table entry; null for what is not a C function (the user has
// put something of their own there).
PyMethodDef** entry_of(PyObject* object, const Source& source) {
  if (object == nullptr) return nullptr;
  if (PyCFunction_CheckExact(object) || is_like_c_function(object, source))
    return &reinterpret_cast<PyCFunctionObject*>(object)->m_ml;
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyMethodDescr_Type || type == &PyClassMethodDescr_Type)
    return &reinterpret_cast<PyMethodDescrObject*>(object)->d_method;
  return nullptr;
}

PyObject* function_of(const Source& source) {  // borrowed; null without an exception
  const Owned name = Owned::steal(PyUnicode_FromString(source.module));
  Owned module = name ? Owned::steal(PyImport_GetModule(name.get())) : Owned();
  if (!module && source.import) module = Owned::steal(PyImport_ImportModule(source.module));
  PyErr_Clear();
  if (!module || !PyModule_Check(module.get())) return nullptr;
  PyObject* holder = PyModule_GetDict(module.get());
  if (source.type != nullptr) {
    PyObject* type = PyDict_GetItemString(holder, source.type);
    if (type == nullptr || !PyType_Check(type)) return nullptr;
    holder = reinterpret_cast<PyTypeObject*>(type)->tp_dict;
  }
  return PyDict_GetItemString(holder, source.name);
}

template <std::size_t Index>
void replace() {
  Replaced& mine = replaced[Index];
  if (mine.original != nullptr) return;
  PyMethodDef** entry = entry_of(function_of(kSources[Index]), kSources[Index]);
  if (entry == nullptr || std::strcmp((*entry)->ml_name, kSources[Index].name) != 0) return;
  const PyCFunction stand_in = StandIn<Index>::of((*entry)->ml_flags);
  if (stand_in == nullptr) return;
  mine.stand_in = **entry;
  mine.original = (*entry)->ml_meth;
  mine.stand_in.ml_meth = stand_in;
  *entry = &mine.stand_in;
  --remaining;
}

template <std::size_t... Index>
void replace_all(std::index_sequence<Index...>) {
  (replace<Index>(), ...);
}

}  // namespace

void watch_outside_inputs(const GilHeld& gil) {
  if (remaining == 0) return;
  const PendingError pending(gil);
  const EffectsPaused paused;
  replace_all(std::make_index_sequence<kSources.size()>());
}

void set_outside_input_sink(OutsideInputSink to) { sink = to; }

}  // namespace elastic::pyobj
