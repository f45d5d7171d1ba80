#include "pyobj/own_modules.hpp"

#include <cstring>
#include <unordered_map>

#include "elastic/pyobj/user_names.hpp"
#include "pyobj/code_owner.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::string_view kPrefix = "<module ";
constexpr std::uint64_t kKeptBytes = 256 << 10;  // of an attribute, for every cell that changes it
constexpr int kDeepest = 32;
constexpr std::size_t kLongestPath = 1000;  // functions in closures of functions

std::string piece_of(const std::string& module) { return std::string(kPrefix) + module + ">"; }

bool is_dunder(const std::string& name) { return name.starts_with("__") && name.ends_with("__"); }

// What importing gives: modules, and the functions and classes found under their own name in one.
bool comes_by_import(PyObject* value) {
  if (PyModule_Check(value)) return true;
  std::string module, name;
  if (PyType_Check(value)) {
    auto* type = reinterpret_cast<PyTypeObject*>(value);
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) return true;
    module = text_of(PyDict_GetItemString(type->tp_dict, "__module__"));
    name = text_of(reinterpret_cast<PyHeapTypeObject*>(value)->ht_name);
  } else if (PyFunction_Check(value)) {
    module = text_of(reinterpret_cast<PyFunctionObject*>(value)->func_module);
    name = text_of(reinterpret_cast<PyFunctionObject*>(value)->func_name);
  } else {
    return PyCFunction_Check(value);
  }
  PyObject* home = PyDict_GetItemString(PyImport_GetModuleDict(), module.c_str());
  return home != nullptr && PyModule_Check(home) &&
         PyDict_GetItemString(PyModule_GetDict(home), name.c_str()) == value;
}

// An array without objects in it. By name, since numpy may not be there.
bool is_numeric_array(PyObject* value) {
  if (std::strcmp(Py_TYPE(value)->tp_name, "numpy.ndarray") != 0) return false;
  Py_buffer view;
  if (PyObject_GetBuffer(value, &view, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    return false;
  }
  const bool numeric = view.format != nullptr && std::strlen(view.format) == 1 && *view.format != 'O';
  PyBuffer_Release(&view);
  return numeric;
}

bool is_atom(PyObject* value) {
  return value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
         PyComplex_CheckExact(value) || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value);
}

// Whether pickling it runs no code of the user's.
bool is_plain(PyObject* value, int depth = 0) {
  if (depth > kDeepest) return false;
  if (is_atom(value) || PyByteArray_CheckExact(value)) return true;
  if (PyList_CheckExact(value) || PyTuple_CheckExact(value)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); ++i)
      if (!is_plain(PySequence_Fast_GET_ITEM(value, i), depth + 1)) return false;
    return true;
  }
  Py_ssize_t position = 0;
  if (PyDict_CheckExact(value)) {
    PyObject *key = nullptr, *item = nullptr;
    while (PyDict_Next(value, &position, &key, &item))
      if (!is_plain(key, depth + 1) || !is_plain(item, depth + 1)) return false;
    return true;
  }
  if (PySet_CheckExact(value) || PyFrozenSet_CheckExact(value)) {
    PyObject* key = nullptr;
    Py_hash_t hash = 0;
    while (_PySet_NextEntry(value, &position, &key, &hash))
      if (!is_plain(key, depth + 1)) return false;
    return true;
  }
  return is_numeric_array(value);
}

Owned pickle_module() { return Owned::steal(PyImport_ImportModule("_pickle")); }

Owned pickled(Borrowed value) {
  const Owned pickle = pickle_module();
  return pickle ? Owned::steal(PyObject_CallMethod(pickle.get(), "dumps", "Oi", value.get(), 4)) : Owned();
}
Owned loaded(const char* bytes, Py_ssize_t size) {
  const Owned pickle = pickle_module();
  return pickle ? Owned::steal(PyObject_CallMethod(pickle.get(), "loads", "y#", bytes, size)) : Owned();
}

constexpr std::string_view kClosure = "__closure__";

// The variables of a function's closure: name and cell.
std::vector<std::pair<std::string, PyObject*>> closure_of(PyObject* function) {
  std::vector<std::pair<std::string, PyObject*>> variables;
  auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
  PyObject* cells = reinterpret_cast<PyFunctionObject*>(function)->func_closure;
  const Py_ssize_t first = code->co_nlocalsplus - code->co_nfreevars;
  for (Py_ssize_t i = 0; cells != nullptr && i < PyTuple_GET_SIZE(cells); ++i)
    variables.emplace_back(text_of(PyTuple_GET_ITEM(code->co_localsplusnames, first + i)),
                           PyTuple_GET_ITEM(cells, i));
  return variables;
}

// The variable of that name in a function's closure; null if there is none.
Owned closure_cell(PyObject* function, const std::string& name) {
  if (PyMethod_Check(function)) function = PyMethod_GET_FUNCTION(function);
  if (!PyFunction_Check(function)) return {};
  for (const auto& [variable, cell] : closure_of(function))
    if (variable == name) return Owned::share(Borrowed(cell));
  return {};
}

// What a path such as "Config.load.__defaults__" or "count.__closure__.n.cell_contents" is an attribute of,
// null if it is not there; and its name.
std::pair<Owned, std::string> holder_of(Borrowed module, const std::string& path) {
  Owned holder = Owned::share(module);
  std::size_t begin = 0;
  bool in_closure = false;
  for (std::size_t dot = path.find('.'); holder && dot != std::string::npos; dot = path.find('.', begin)) {
    const std::string name = path.substr(begin, dot - begin);
    begin = dot + 1;
    if (in_closure) holder = closure_cell(holder.get(), name);
    const bool passed = in_closure;
    in_closure = !passed && name == kClosure;
    if (!passed && !in_closure) holder = Owned::steal(PyObject_GetAttrString(holder.get(), name.c_str()));
  }
  return {std::move(holder), path.substr(begin)};
}

// Whether a call can change what is in it.
bool holds_state(PyObject* value) {
  if (PyTuple_CheckExact(value)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i)
      if (holds_state(PyTuple_GET_ITEM(value, i))) return true;
    return false;
  }
  return !is_atom(value) && !comes_by_import(value) && !PyFunction_Check(value);
}

// What the functions of one module keep from call to call.
class FunctionState {
 public:
  explicit FunctionState(std::vector<OwnModules::Attribute>& attributes) : attributes_(attributes) {}

  // Default values that a call can change, attributes, and the variables of the closure.
  void add(const std::string& path, PyObject* function) {
    if (path.size() > kLongestPath || !met_.insert(function).second) return;
    auto* code = reinterpret_cast<PyFunctionObject*>(function);
    if (code->func_defaults != nullptr && holds_state(code->func_defaults))
      attributes_.push_back({path + ".__defaults__", code->func_defaults});
    Py_ssize_t position = 0;
    PyObject *key = nullptr, *value = nullptr;
    bool kept = false;
    while (code->func_kwdefaults != nullptr && PyDict_Next(code->func_kwdefaults, &position, &key, &value))
      kept = kept || holds_state(value);
    if (kept) attributes_.push_back({path + ".__kwdefaults__", code->func_kwdefaults});
    position = 0;
    while (code->func_dict != nullptr && PyDict_Next(code->func_dict, &position, &key, &value)) {
      const std::string name = text_of(key);  // of a decorated function, __wrapped__ is the other one
      if (!name.empty() && !is_dunder(name)) attributes_.push_back({path + "." + name, value});
    }
    add_closure(path, function);
  }

  // A function or what wraps one in a class; anything else has none.
  void add_member(const std::string& path, PyObject* member) {
    if (PyFunction_Check(member)) return add(path, member);
    const bool is_property = Py_IS_TYPE(member, &PyProperty_Type);
    const bool is_method =
        Py_IS_TYPE(member, &PyStaticMethod_Type) || Py_IS_TYPE(member, &PyClassMethod_Type);
    if (!is_property && !is_method) return;
    for (const char* part : {"fget", "fset", "fdel", "__func__"}) {
      const Owned function =
          (part[0] == '_') == is_method ? Owned::steal(PyObject_GetAttrString(member, part)) : Owned();
      if (function && PyFunction_Check(function.get()))
        add(is_method ? path : path + "." + part, function.get());
    }
    PyErr_Clear();
  }

 private:
  void add_closure(const std::string& path, PyObject* function) {
    for (const auto& [name, cell] : closure_of(function)) {
      PyObject* value = PyCell_Check(cell) ? PyCell_GET(cell) : nullptr;
      if (value == nullptr || !met_.insert(cell).second) continue;  // functions share their variables
      const std::string place = path + "." + std::string(kClosure) + "." + name + ".cell_contents";
      if (PyFunction_Check(value)) {
        if (text_of(reinterpret_cast<PyFunctionObject*>(value)->func_module) != "__main__") add(place, value);
      } else if (!comes_by_import(value)) {
        attributes_.push_back({place, value});
      }
    }
  }

  std::vector<OwnModules::Attribute>& attributes_;
  std::set<PyObject*> met_;
};

}  // namespace

OwnModules::OwnModules(const GilHeld& gil, Borrowed user_namespace)
    : namespace_(user_namespace), walk_(gil, user_namespace) {}

bool OwnModules::is_piece(const std::string& name) { return name.starts_with(kPrefix); }

const std::vector<std::pair<std::string, Borrowed>>& OwnModules::modules() {
  PyObject* loaded_modules = PyImport_GetModuleDict();
  const std::uint64_t version = reinterpret_cast<PyDictObject*>(loaded_modules)->ma_version_tag;
  if (version == version_) return modules_;
  version_ = version;
  modules_.clear();
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *module = nullptr;
  while (PyDict_Next(loaded_modules, &position, &key, &module)) {
    if (!PyModule_Check(module) || PyModule_GetDict(module) == namespace_.get()) continue;
    const std::string name = text_of(key);
    PyObject* file = PyDict_GetItemString(PyModule_GetDict(module), "__file__");
    // What was made by hand cannot be imported where the session is restored.
    if (!name.empty() && name != "__main__" && !text_of(file).empty() && is_own_module(module))
      modules_.emplace_back(name, module);
  }
  return modules_;
}

std::vector<OwnModules::Attribute> OwnModules::attributes_of(Borrowed module) {
  std::vector<Attribute> attributes;
  FunctionState functions(attributes);
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *value = nullptr;
  while (PyDict_Next(PyModule_GetDict(module.get()), &position, &key, &value)) {
    const std::string name = text_of(key);
    if (name.empty() || is_dunder(name)) continue;
    if (!comes_by_import(value)) {
      attributes.push_back({name, value});
      continue;
    }
    if (PyFunction_Check(value)) {
      if (text_of(reinterpret_cast<PyFunctionObject*>(value)->func_module) == PyModule_GetName(module.get()))
        functions.add(name, value);
      continue;
    }
    if (!PyType_Check(value)) continue;
    auto* type = reinterpret_cast<PyTypeObject*>(value);
    PyObject* home = PyDict_GetItemString(type->tp_dict, "__module__");
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) || text_of(home) != PyModule_GetName(module.get()))
      continue;
    Py_ssize_t place = 0;
    PyObject *attribute = nullptr, *held = nullptr;
    while (PyDict_Next(type->tp_dict, &place, &attribute, &held)) {
      const std::string inner = text_of(attribute);
      functions.add_member(name + "." + inner, held);
      // Methods, properties and slots are descriptors; _abc_impl is a cache.
      if (inner.empty() || is_dunder(inner) || inner == "_abc_impl" || PyType_Check(held) ||
          Py_TYPE(held)->tp_descr_get != nullptr)
        continue;
      attributes.push_back({name + "." + inner, held});
    }
  }
  PyErr_Clear();
  return attributes;
}

std::map<std::string, Digest> OwnModules::digests_of(const GilHeld& gil, const std::string& module,
                                                     const std::vector<Attribute>& attributes,
                                                     const Known& known) {
  std::vector<WalkTarget> targets, to_walk;
  for (const Attribute& attribute : attributes)
    targets.push_back({module + ":" + attribute.path, attribute.value});
  const std::vector<Change> changes = walk_.recheck(gil, targets);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const bool as_it_was = changes[i] == Change::kUnchanged || changes[i] == Change::kOpaque;
    if (!as_it_was || !known.attributes.contains(attributes[i].path)) to_walk.push_back(targets[i]);
  }
  walk_.walk(gil, to_walk);
  std::map<std::string, Digest> digests;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (const VariableState* state = walk_.state(targets[i].name))
      digests.emplace(attributes[i].path, state->content);
  return digests;
}

std::string OwnModules::value_of(const std::string& module, const std::vector<Attribute>& attributes,
                                 const Known& known) const {
  const Owned value = Owned::steal(PyDict_New());
  for (const Attribute& attribute : attributes) {
    const auto digest = known.attributes.find(attribute.path);
    const VariableState* state = walk_.state(module + ":" + attribute.path);
    if (!value || digest == known.attributes.end() || state == nullptr) return {};
    Owned bytes = Owned::share(Borrowed(Py_None));
    if (state->size_bytes <= kKeptBytes && is_plain(attribute.value.get())) {
      bytes = pickled(attribute.value);
    } else if (const auto first = known.imported.find(attribute.path);
               first == known.imported.end() || first->second != digest->second) {
      return {};
    }
    const Owned entry =
        bytes ? Owned::steal(Py_BuildValue("(sO)", digest->second.to_hex().c_str(), bytes.get())) : Owned();
    if (!entry || PyDict_SetItemString(value.get(), attribute.path.c_str(), entry.get()) < 0) return {};
  }
  for (const std::string& path : known.gone)
    if (PyDict_SetItemString(value.get(), path.c_str(), Py_None) < 0) return {};
  const Owned bytes = pickled(value);
  if (!bytes || !PyBytes_Check(bytes.get())) return {};
  return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

bool OwnModules::is_passed_by(const std::string& module, std::uint64_t version, ModuleLook look) {
  const auto known = known_.find(module);
  if (known != known_.end()) return look == ModuleLook::kRebound && known->second.version == version;
  if (look == ModuleLook::kAll) {
    dormant_.erase(module);
    return false;
  }
  if (!begun_) dormant_.insert(module);
  return dormant_.contains(module);
}

std::map<std::string, std::string> OwnModules::changes(const GilHeld& gil, ModuleLook look) {
  std::map<std::string, std::string> changed;
  for (const auto& [name, module] : modules()) {
    const auto version = reinterpret_cast<PyDictObject*>(PyModule_GetDict(module.get()))->ma_version_tag;
    if (is_passed_by(name, version, look)) continue;
    const bool first = !known_.contains(name);
    Known& known = known_[name];
    known.version = version;
    const std::vector<Attribute> attributes = attributes_of(module);
    if (attributes.empty() && known.attributes.empty()) continue;
    auto digests = digests_of(gil, name, attributes, known);
    if (!first && digests == known.attributes) continue;
    for (const auto& [path, digest] : digests) {
      known.gone.erase(path);
      if (first) known.imported.emplace(path, digest);
    }
    for (const auto& [path, digest] : known.attributes) {
      if (digests.contains(path)) continue;
      known.gone.insert(path);
      walk_.forget(gil, name + ":" + path);
    }
    known.attributes = std::move(digests);
    changed.emplace(piece_of(name), value_of(name, attributes, known));
    PyErr_Clear();
  }
  begun_ = true;
  return changed;
}

namespace {

// Empty, or why it is not as it was.
std::string put_attribute(Borrowed module, const std::string& path, Borrowed entry,
                          const std::map<std::string, Digest>& now) {
  const auto [holder, name] = holder_of(module, path);
  const auto current = now.find(path);
  if (entry.get() == Py_None) {
    if (current != now.end() && (!holder || PyObject_DelAttrString(holder.get(), name.c_str()) < 0))
      return path + " could not be deleted";
    return {};
  }
  const char *digest = nullptr, *bytes = nullptr;
  Py_ssize_t size = 0;
  if (!PyArg_ParseTuple(entry.get(), "sz#", &digest, &bytes, &size)) return path + " is damaged";
  if (current != now.end() && current->second.to_hex() == digest) return {};
  if (bytes == nullptr) return path + " is not as it was, and was not stored";
  const Owned value = loaded(bytes, size);
  if (!value || !holder || PyObject_SetAttrString(holder.get(), name.c_str(), value.get()) < 0)
    return path + " could not be set";
  return {};
}

}  // namespace

Result<> OwnModules::put(const GilHeld& gil, const std::string& piece, const std::string& value) {
  const std::string name = piece.substr(kPrefix.size(), piece.size() - kPrefix.size() - 1);
  const Owned module = Owned::steal(PyImport_ImportModule(name.c_str()));
  const Owned entries = loaded(value.data(), static_cast<Py_ssize_t>(value.size()));
  if (!module || !PyModule_Check(module.get()) || !entries || !PyDict_Check(entries.get())) {
    PyErr_Clear();
    return Error(ErrorCode::kPythonRaised, "the module " + name + " cannot be imported");
  }
  const std::vector<Attribute> attributes = attributes_of(Borrowed(module));
  const auto now = digests_of(gil, name, attributes, {});
  std::string problems;
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *entry = nullptr;
  while (PyDict_Next(entries.get(), &position, &key, &entry)) {
    const std::string problem = put_attribute(Borrowed(module), text_of(key), entry, now);
    PyErr_Clear();
    if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + name + "." + problem;
  }
  if (!problems.empty()) return Error(ErrorCode::kPythonRaised, problems);
  return success();
}

std::map<std::string, std::string> OwnModules::files(const GilHeld&) {
  std::map<std::string, std::string> found;
  for (const auto& [name, module] : modules())
    found.emplace(name, text_of(PyDict_GetItemString(PyModule_GetDict(module.get()), "__file__")));
  return found;
}

std::vector<ModuleAttribute> OwnModules::shared(const GilHeld&) {
  std::unordered_map<PyObject*, std::string> variables;
  Py_ssize_t position = 0;
  PyObject *key = nullptr, *value = nullptr;
  while (PyDict_Next(namespace_.get(), &position, &key, &value)) {
    const std::string name = text_of(key);
    if (is_user_name(name) && !is_atom(value) && !comes_by_import(value)) variables.emplace(value, name);
  }
  std::vector<ModuleAttribute> found;
  for (const auto& [name, module] : modules()) {
    for (const Attribute& attribute : attributes_of(module)) {
      const auto variable = variables.find(attribute.value.get());
      if (variable != variables.end()) found.push_back({name, attribute.path, variable->second});
    }
  }
  return found;
}

void OwnModules::share(const GilHeld& gil, const ModuleAttribute& shared) {
  PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), shared.module.c_str());
  PyObject* variable = PyDict_GetItemString(namespace_.get(), shared.variable.c_str());
  if (module == nullptr || !PyModule_Check(module) || variable == nullptr) return;
  const auto [holder, name] = holder_of(Borrowed(module), shared.path);
  const Owned current = holder ? Owned::steal(PyObject_GetAttrString(holder.get(), name.c_str())) : Owned();
  if (current && current.get() != variable) {
    const WalkTarget targets[] = {{"module's", Borrowed(current)}, {"variable", Borrowed(variable)}};
    walk_.walk(gil, targets);
    if (walk_.state("module's")->content == walk_.state("variable")->content)
      PyObject_SetAttrString(holder.get(), name.c_str(), variable);
    for (const WalkTarget& target : targets) walk_.forget(gil, target.name);
  }
  PyErr_Clear();
}

}  // namespace elastic::pyobj
