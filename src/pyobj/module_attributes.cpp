#include "pyobj/module_attributes.hpp"

#include <set>

#include "pyobj/lookups.hpp"
#include "pyobj/module_values.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::size_t kLongestPath = 1000;  // functions in closures of functions
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

bool is_dunder(const std::string& name) { return name.starts_with("__") && name.ends_with("__"); }

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
  explicit FunctionState(std::vector<ModuleValue>& attributes) : attributes_(attributes) {}

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

  std::vector<ModuleValue>& attributes_;
  std::set<PyObject*> met_;
};

}  // namespace

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

std::vector<ModuleValue> module_values_of(Borrowed module) {
  std::vector<ModuleValue> attributes;
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

}  // namespace elastic::pyobj
