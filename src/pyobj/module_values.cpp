#include "pyobj/module_values.hpp"

#include <cstring>

namespace elastic::pyobj {
namespace {

constexpr int kDeepest = 32;

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

bool is_plain(PyObject* value, int depth) {
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

}  // namespace

bool is_atom(PyObject* value) {
  return value == Py_None || PyBool_Check(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
         PyComplex_CheckExact(value) || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value);
}

bool is_plain(PyObject* value) { return is_plain(value, 0); }

Owned pickled(Borrowed value) {
  const Owned pickle = pickle_module();
  return pickle ? Owned::steal(PyObject_CallMethod(pickle.get(), "dumps", "Oi", value.get(), 4)) : Owned();
}
Owned loaded(const char* bytes, Py_ssize_t size) {
  const Owned pickle = pickle_module();
  return pickle ? Owned::steal(PyObject_CallMethod(pickle.get(), "loads", "y#", bytes, size)) : Owned();
}

bool is_refillable(PyObject* value) {
  return PyList_CheckExact(value) || PyDict_CheckExact(value) || PySet_CheckExact(value) ||
         PyByteArray_CheckExact(value);
}

bool refill(PyObject* container, PyObject* contents) {
  if (PyList_CheckExact(container))
    return PyList_SetSlice(container, 0, PyList_GET_SIZE(container), contents) == 0;
  if (PyDict_CheckExact(container)) {
    PyDict_Clear(container);
    return PyDict_Update(container, contents) == 0;
  }
  if (PySet_CheckExact(container))
    return PySet_Clear(container) == 0 &&
           Owned::steal(PyObject_CallMethod(container, "update", "O", contents));
  const Py_ssize_t size = PyByteArray_GET_SIZE(contents);
  if (PyByteArray_Resize(container, size) < 0) return false;  // something looks at its memory
  std::memcpy(PyByteArray_AS_STRING(container), PyByteArray_AS_STRING(contents),
              static_cast<std::size_t>(size));
  return true;
}

}  // namespace elastic::pyobj
