#include "pyobj/code_owner.hpp"

#include "elastic/pyobj/ref.hpp"
#include "pyobj/lookups.hpp"

namespace elastic::pyobj {
namespace {

// Extension modules make types on the heap too, some in modules without a file (Cython's functions): their
// instances go by C code of their own.
bool is_made_by_class_statement(PyTypeObject* type) {
  static const destructor dealloc = [] {
    const Owned made = Owned::steal(
        PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(){}", "elasticpython"));
    if (!made) PyErr_Clear();
    return made ? reinterpret_cast<PyTypeObject*>(made.get())->tp_dealloc : nullptr;
  }();
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) != 0 && (dealloc == nullptr || type->tp_dealloc == dealloc);
}

}  // namespace

bool is_this_package(std::string_view module) {
  return module == "elasticpython" || module.starts_with("elasticpython.");
}

bool is_session_type(PyTypeObject* type) {
  if (!is_made_by_class_statement(type)) return false;
  PyObject* module_name = dict_get(type->tp_dict, "__module__");
  if (module_name == nullptr || !PyUnicode_Check(module_name)) return false;
  if (text_equals(module_name, "__main__")) return true;
  PyObject* module = loaded_module(module_name);
  if (module == nullptr) return true;  // made by hand, under a name that is no module's
  return PyModule_Check(module) && is_own_module(module);
}

bool is_own_module(PyObject* module) {
  PyObject* dict = PyModule_Check(module) ? PyModule_GetDict(module) : module;
  // This package itself, which tests import from the tree it is built in.
  if (is_this_package(text_of(dict_get(dict, "__name__")))) return false;
  PyObject* file = dict_get(dict, "__file__");
  if (file == nullptr || !PyUnicode_Check(file)) {
    // Built in, frozen, or a namespace package: all have a spec. A module made by hand has none.
    PyObject* spec = dict_get(dict, "__spec__");
    return spec == nullptr || spec == Py_None;
  }
  return !is_library_path(text_of(file));
}

}  // namespace elastic::pyobj
