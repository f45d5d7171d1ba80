#include "elastic/pyobj/ambient.hpp"

#include <array>
#include <string_view>

#include "elastic/pyobj/effects.hpp"
#include "pyobj/ambient_libraries.hpp"
#include "pyobj/ambient_machine.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/own_modules.hpp"

namespace elastic::pyobj {
namespace {

Owned pickled(const Owned& value) {
  const Owned pickle = Owned::steal(PyImport_ImportModule("_pickle"));
  return pickle && value ? Owned::steal(PyObject_CallMethod(pickle.get(), "dumps", "Oi", value.get(), 4))
                         : Owned();
}

std::string bytes_of(const Owned& bytes) {
  if (!bytes || !PyBytes_Check(bytes.get())) return {};
  return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

void append(std::string& token, const void* data, std::size_t size) {
  token.append(static_cast<const char*>(data), size);
}

// The versions of a dict and of the dicts in it. Values that are changed in place are not seen; options are
// not.
void append_versions(std::string& token, PyObject* dict, int depth = 0) {
  if (dict == nullptr || !PyDict_Check(dict) || depth > 8) return;
  const auto version = reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
  append(token, &version, sizeof version);
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (PyDict_Check(value)) append_versions(token, value, depth + 1);
  }
}

void append_items(std::string& token, PyObject* list) {
  if (list == nullptr || !PyList_Check(list)) return;
  append(token, reinterpret_cast<PyListObject*>(list)->ob_item,
         sizeof(PyObject*) * static_cast<std::size_t>(Py_SIZE(list)));
}

// One piece: a token that is cheap and differs when the value may; the value; and how it is put back. `take`
// gives null with or without an exception where the library does not play along.
struct Piece {
  const char* name;
  const char* module;  // that must be imported; "" for none
  std::string (*token)(const Owned& module);
  Owned (*take)(const Owned& module);
  Owned (*put)(const Owned& module, const Owned& value);
};

// random.Random in C: the state of MT19937, read in place. Checked by its size: another layout takes the slow
// way.
struct RandomLayout {
  PyObject_HEAD int index;
  std::uint32_t state[624];
};

std::string random_token(const Owned& module) {
  const Owned generator = attribute(module, "_inst");
  if (!generator) return {};
  PyTypeObject* base = Py_TYPE(generator.get())->tp_base;
  std::string token;
  if (base == nullptr || base->tp_basicsize != static_cast<Py_ssize_t>(sizeof(RandomLayout))) {
    return bytes_of(pickled(call(module, "getstate")));
  }
  const auto* layout = reinterpret_cast<const RandomLayout*>(generator.get());
  append(token, &layout->index, sizeof layout->index + sizeof layout->state);
  const Owned spare = attribute(generator, "gauss_next");
  const bool present = spare && PyFloat_Check(spare.get());
  const double value = present ? PyFloat_AS_DOUBLE(spare.get()) : 0.0;
  token.push_back(present ? 1 : 0);
  append(token, &value, sizeof value);
  return token;
}

std::string numpy_token(const Owned& module) {
  // (name, key array, position, has_gauss, gauss): the array by its bytes, the rest by a pickle.
  const Owned state = call(module, "get_state");
  if (!state || !PyTuple_Check(state.get()) || PyTuple_GET_SIZE(state.get()) < 5)
    return bytes_of(pickled(state));
  std::string token;
  Py_buffer view;
  if (PyObject_GetBuffer(PyTuple_GET_ITEM(state.get(), 1), &view, PyBUF_SIMPLE) == 0) {
    append(token, view.buf, static_cast<std::size_t>(view.len));
    PyBuffer_Release(&view);
  }
  for (Py_ssize_t i = 2; i < 5; ++i) {
    const double value = PyFloat_AsDouble(PyTuple_GET_ITEM(state.get(), i));
    append(token, &value, sizeof value);
  }
  return token;
}

Owned torch_take(const Owned& module) {
  const Owned tensor = call(module, "get_rng_state");
  const Owned array = call(tensor, "numpy");
  return call(array, "tobytes");
}

Owned torch_put(const Owned& module, const Owned& value) {
  const Owned bytes = Owned::steal(PyByteArray_FromObject(value.get()));
  const Owned uint8 = attribute(module, "uint8");
  const Owned from_buffer = attribute(module, "frombuffer");
  if (!bytes || !uint8 || !from_buffer) return {};
  const Owned arguments = Owned::steal(Py_BuildValue("(O)", bytes.get()));
  const Owned keywords = Owned::steal(Py_BuildValue("{s:O}", "dtype", uint8.get()));
  const Owned tensor = Owned::steal(PyObject_Call(from_buffer.get(), arguments.get(), keywords.get()));
  return call(module, "set_rng_state", tensor);
}

// A function of the session as an option (`float_format`) pickles by a name that may not be there yet, or not
// at all. It comes back when all else has (elasticpython.library_places), and the other options without it.
bool is_of_session(PyObject* value) {
  return PyFunction_Check(value) &&
         text_equals(reinterpret_cast<PyFunctionObject*>(value)->func_module, "__main__");
}

// {"a": {"b": 1}} to {"a.b": 1}, the form in which pandas takes options.
void flatten(PyObject* options, const std::string& prefix, PyObject* into) {
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(options, &position, &key, &value)) {
    const char* text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (text == nullptr) continue;
    if (PyDict_Check(value)) {
      flatten(value, prefix + text + ".", into);
    } else if (!is_of_session(value)) {
      PyDict_SetItemString(into, (prefix + text).c_str(), value);
    }
  }
}

Owned pandas_take(const Owned& module) {
  const Owned options = attribute(module, "_global_config");
  if (!options || !PyDict_Check(options.get())) return {};
  Owned flat = Owned::steal(PyDict_New());
  flatten(options.get(), "", flat.get());
  return flat;
}

Owned pandas_put(const Owned& module, const Owned& value) {
  const Owned now = pandas_take(module);
  if (!now || !PyDict_Check(value.get())) return {};
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* option = nullptr;
  while (PyDict_Next(value.get(), &position, &key, &option)) {
    PyObject* current = PyDict_GetItemWithError(now.get(), key);
    if (current == nullptr || PyObject_RichCompareBool(current, option, Py_EQ) == 1) continue;
    const Owned done = Owned::steal(PyObject_CallMethod(module.get(), "set_option", "OO", key, option));
    if (!done) return {};
  }
  return Owned::share(Borrowed(Py_None));
}

// The backend is the process's, and asking for it would choose one.
Owned matplotlib_take(const Owned& module) {
  const Owned parameters = attribute(module, "rcParams");
  if (!parameters || !PyDict_Check(parameters.get())) return {};
  Owned copy = Owned::steal(PyDict_New());
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(parameters.get(), &position, &key, &value)) {
    const char* text = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : "";
    if (std::string_view(text) != "backend") PyDict_SetItem(copy.get(), key, value);
  }
  return copy;
}

Owned matplotlib_put(const Owned& module, const Owned& value) {
  const Owned parameters = attribute(module, "rcParams");
  if (!parameters || !PyDict_Check(parameters.get())) return {};
  PyObject *key = nullptr, *wanted = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(value.get(), &position, &key, &wanted);) {
    // What is as it should be stays: artists share a list with it, and with one another.
    PyObject* current = PyDict_GetItemWithError(parameters.get(), key);
    if (current && PyObject_RichCompareBool(current, wanted, Py_EQ) == 1) continue;
    PyErr_Clear();
    if (PyDict_SetItem(parameters.get(), key, wanted) < 0) return {};
  }
  return Owned::share(Borrowed(Py_None));
}

Owned warnings_put(const Owned& module, const Owned& value) {
  const Owned filters = attribute(module, "filters");
  if (!filters || !PyList_Check(filters.get()) || !PyList_Check(value.get())) return {};
  if (PyList_SetSlice(filters.get(), 0, PyList_GET_SIZE(filters.get()), value.get()) < 0) return {};
  return call(module, "_filters_mutated");
}

Owned errors_put(const Owned& module, const Owned& value) {
  const Owned set = attribute(module, "seterr");
  const Owned none = Owned::steal(PyTuple_New(0));
  return set ? Owned::steal(PyObject_Call(set.get(), none.get(), value.get())) : Owned();
}

Owned print_options_take(const Owned& module) {
  Owned options = call(module, "get_printoptions");
  if (!options || !PyDict_Check(options.get())) return {};
  PyObject* formatters = PyDict_GetItemString(options.get(), "formatter");
  PyObject *key = nullptr, *value = nullptr;
  bool of_session = false;
  for (Py_ssize_t position = 0;
       formatters && PyDict_Check(formatters) && PyDict_Next(formatters, &position, &key, &value);)
    of_session = of_session || is_of_session(value);
  if (of_session) PyDict_DelItemString(options.get(), "formatter");
  return options;
}

Owned print_options_put(const Owned& module, const Owned& value) {
  const Owned set = attribute(module, "set_printoptions");
  const Owned none = Owned::steal(PyTuple_New(0));
  return set ? Owned::steal(PyObject_Call(set.get(), none.get(), value.get())) : Owned();
}

// Into the context that there is: a variable may hold it.
Owned decimal_put(const Owned& module, const Owned& value) {
  const Owned context = call(module, "getcontext");
  if (!context) return {};
  for (const char* name : {"prec", "rounding", "Emin", "Emax", "capitals", "clamp", "flags", "traps"}) {
    const Owned wanted = attribute(value, name);
    if (!wanted || PyObject_SetAttrString(context.get(), name, wanted.get()) < 0) return {};
  }
  return Owned::share(Borrowed(Py_None));
}

// set_config ignores None, which is what some options are at first. The options are the thread's.
Owned sklearn_put(const Owned& module, const Owned& value) {
  const Owned options = call(module, "_get_threadlocal_config");
  if (!options || !PyDict_Check(options.get()) || !PyDict_Check(value.get())) return {};
  PyObject *key = nullptr, *wanted = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(value.get(), &position, &key, &wanted);) {
    const int known = PyDict_Contains(options.get(), key);  // in another version some are not
    if (known < 0 || (known == 1 && PyDict_SetItem(options.get(), key, wanted) < 0)) return {};
  }
  return Owned::share(Borrowed(Py_None));
}

// How deep calls may go, and how many digits a number that is printed may have.
Owned limits_take(const Owned& module) {
  const Owned depth = call(module, "getrecursionlimit");
  const Owned digits = call(module, "get_int_max_str_digits");
  return depth && digits ? Owned::steal(PyTuple_Pack(2, depth.get(), digits.get())) : Owned();
}

Owned limits_put(const Owned& module, const Owned& value) {
  int depth = 0, digits = 0;
  if (!PyTuple_Check(value.get()) || !PyArg_ParseTuple(value.get(), "ii", &depth, &digits)) return {};
  const Owned done = Owned::steal(PyObject_CallMethod(module.get(), "setrecursionlimit", "i", depth));
  return done ? Owned::steal(PyObject_CallMethod(module.get(), "set_int_max_str_digits", "i", digits))
              : Owned();
}

std::string token_of_repr(const Owned& object) {
  const Owned text = object ? Owned::steal(PyObject_Repr(object.get())) : Owned();
  const char* data = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  return data != nullptr ? data : "";
}

const std::array kPieces = {
    Piece{"<random>", "random", &random_token, [](const Owned& m) { return call(m, "getstate"); },
          [](const Owned& m, const Owned& v) { return call(m, "setstate", v); }},
    Piece{"<numpy.random>", "numpy.random", &numpy_token, [](const Owned& m) { return call(m, "get_state"); },
          [](const Owned& m, const Owned& v) { return call(m, "set_state", v); }},
    Piece{"<torch>", "torch", [](const Owned& m) { return bytes_of(torch_take(m)); }, &torch_take,
          &torch_put},
    Piece{"<os.environ>", "os",
          [](const Owned& m) {
            std::string token;
            append_versions(token, attribute(attribute(m, "environ"), "_data").get());
            return token;
          },
          &environment_take, &environment_put},
    Piece{"<cwd>", "os", [](const Owned&) { return working_directory(); }, &directory_take, &directory_put},
    Piece{"<sys.path>", "sys",
          [](const Owned& m) {
            std::string token;
            const Owned path = attribute(m, "path");
            append_items(token, path.get());
            return token;
          },
          &path_take, &path_put},
    Piece{"<pandas options>", "pandas._config.config",
          [](const Owned& m) {
            std::string token;
            const Owned options = attribute(m, "_global_config");
            append_versions(token, options.get());
            return token;
          },
          &pandas_take, &pandas_put},
    Piece{"<sklearn config>", "sklearn._config",
          [](const Owned& m) { return token_of_repr(call(m, "get_config")); },
          [](const Owned& m) { return call(m, "get_config"); }, &sklearn_put},
    Piece{"<sys limits>", "sys", [](const Owned& m) { return token_of_repr(limits_take(m)); }, &limits_take,
          &limits_put},
    Piece{"<matplotlib rcParams>", "matplotlib",
          [](const Owned& m) {
            std::string token;
            const Owned parameters = attribute(m, "rcParams");
            append_versions(token, parameters.get());
            return token;
          },
          &matplotlib_take, &matplotlib_put},
    Piece{"<warnings filters>", "warnings",
          [](const Owned& m) {
            std::string token;
            const Owned filters = attribute(m, "filters");
            append_items(token, filters.get());
            return token;
          },
          [](const Owned& m) { return attribute(m, "filters"); }, &warnings_put},
    Piece{"<numpy errstate>", "numpy", [](const Owned& m) { return token_of_repr(call(m, "geterr")); },
          [](const Owned& m) { return call(m, "geterr"); }, &errors_put},
    Piece{"<numpy printoptions>", "numpy",
          [](const Owned& m) { return token_of_repr(call(m, "get_printoptions")); }, &print_options_take,
          &print_options_put},
    Piece{"<decimal context>", "decimal", [](const Owned& m) { return token_of_repr(call(m, "getcontext")); },
          [](const Owned& m) { return call(m, "getcontext"); }, &decimal_put},
    Piece{"<locale>", "", [](const Owned&) { return current_locale(); },
          [](const Owned&) { return text_object(current_locale()); }, &locale_put},
};

}  // namespace

Ambient::Ambient(const GilHeld& gil, Borrowed user_namespace)
    : modules_(std::make_unique<OwnModules>(gil, user_namespace)),
      libraries_(std::make_unique<LibrarySettings>(gil)) {}
Ambient::~Ambient() = default;

std::map<std::string, std::string> Ambient::changes(const GilHeld& gil, ModuleLook look) {
  const PendingError pending(gil);
  const EffectsPaused paused;
  std::map<std::string, std::string> changed = modules_->changes(gil, look);
  for (const Piece& piece : kPieces) {
    const Owned module = piece.module[0] != '\0' ? module_named(piece.module) : Owned();
    if (piece.module[0] != '\0' && !module) continue;
    std::string token = piece.token(module);
    PyErr_Clear();
    const auto known = known_.find(piece.name);
    if (known != known_.end() && known->second.token == token) continue;
    const Owned value = piece.take(module);
    std::string bytes = bytes_of(pickled(value));
    PyErr_Clear();
    const bool same = known != known_.end() && known->second.value == bytes;
    known_[piece.name] = Known{std::move(token), bytes};
    if (!same && !bytes.empty()) changed.emplace(piece.name, std::move(bytes));
  }
  for (auto& [name, value] : libraries_->taken()) {
    Known& known = known_[name];
    if (known.value == value) continue;
    known.value = value;
    changed.emplace(name, std::move(value));
  }
  return changed;
}

std::vector<ModuleAttribute> Ambient::module_attributes(const GilHeld& gil) {
  const PendingError pending(gil);
  return modules_->shared(gil);
}

std::map<std::string, std::string> Ambient::module_files(const GilHeld& gil) {
  const PendingError pending(gil);
  return modules_->files(gil);
}

void Ambient::share_with_modules(const GilHeld& gil, const std::vector<ModuleAttribute>& attributes) {
  const PendingError pending(gil);
  const EffectsPaused paused;
  for (const ModuleAttribute& each : attributes) modules_->share(gil, each);
}

Result<> Ambient::put(const GilHeld& gil, const std::string& name, const std::string& value) {
  const PendingError pending(gil);
  const EffectsPaused paused;
  if (OwnModules::is_piece(name)) return modules_->put(gil, name, value);
  for (const Piece& piece : kPieces) {
    if (name != piece.name) continue;
    const Owned module = piece.module[0] != '\0' ? module_named(piece.module) : Owned();
    if (piece.module[0] != '\0' && !module)
      return Error(ErrorCode::kNotFound, name + ": its library is not imported");
    const Owned pickle = Owned::steal(PyImport_ImportModule("_pickle"));
    const Owned object = pickle ? Owned::steal(PyObject_CallMethod(pickle.get(), "loads", "y#", value.data(),
                                                                   static_cast<Py_ssize_t>(value.size())))
                                : Owned();
    const Owned done = object ? piece.put(module, object) : Owned();
    PyErr_Clear();
    if (!done) return Error(ErrorCode::kPythonRaised, name + " was not accepted");
    return success();
  }
  return libraries_->put(name, value);
}

}  // namespace elastic::pyobj
