#include "pyobj/walk/c_attributes.hpp"

namespace elastic::pyobj::walk {

Owned c_attribute(PyObject* object, std::string_view name) {
  for (PyTypeObject* type = Py_TYPE(object); type; type = type->tp_base) {
    for (PyGetSetDef* entry = type->tp_getset; entry && entry->name; ++entry) {
      if (name != entry->name || !entry->get) continue;
      PyObject* value = entry->get(object, entry->closure);
      if (!value) PyErr_Clear();
      return Owned::steal(value);
    }
  }
  return {};
}

Owned c_call(PyObject* object, std::string_view method, PyObject* arguments) {
  for (PyTypeObject* type = Py_TYPE(object); type; type = type->tp_base) {
    PyObject* descriptor = find_text_key(type->tp_dict, method);
    if (!descriptor || (Py_TYPE(descriptor) != &PyMethodDescr_Type &&
                        !(Py_TYPE(descriptor)->tp_flags & Py_TPFLAGS_METHOD_DESCRIPTOR)))
      continue;
    if (PyFunction_Check(descriptor)) return {};  // somebody has put Python code there
    const Owned bound = Owned::steal(PyTuple_New(PyTuple_GET_SIZE(arguments) + 1));
    if (!bound) break;
    PyTuple_SET_ITEM(bound.get(), 0, Py_NewRef(object));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
      PyTuple_SET_ITEM(bound.get(), i + 1, Py_NewRef(PyTuple_GET_ITEM(arguments, i)));
    }
    PyObject* result = PyObject_Call(descriptor, bound.get(), nullptr);
    if (!result) PyErr_Clear();
    return Owned::steal(result);
  }
  PyErr_Clear();
  return {};
}

}  // namespace elastic::pyobj::walk
