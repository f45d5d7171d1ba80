// Look-ups in Python's texts and dicts that borrow, run no code and leave no exception behind.
#pragma once
#include <Python.h>

#include <string>
#include <string_view>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

inline bool text_equals(PyObject* unicode, const char* text) {
  return unicode != nullptr && PyUnicode_Check(unicode) &&
         PyUnicode_CompareWithASCIIString(unicode, text) == 0;
}

// Empty where it is no text, or none in UTF-8.
inline std::string text_of(PyObject* unicode) {
  const char* data = unicode != nullptr && PyUnicode_Check(unicode) ? PyUnicode_AsUTF8(unicode) : nullptr;
  if (data == nullptr) PyErr_Clear();
  return data != nullptr ? data : "";
}

inline PyObject* dict_get(PyObject* dict, std::string_view key) {
  if (dict == nullptr || !PyDict_Check(dict)) return nullptr;
  const Owned name =
      Owned::steal(PyUnicode_FromStringAndSize(key.data(), static_cast<Py_ssize_t>(key.size())));
  PyObject* value = name ? PyDict_GetItemWithError(dict, name.get()) : nullptr;
  if (value == nullptr) PyErr_Clear();
  return value;
}

// What sys.modules has under that name, which need not be a module; null where it is no text or not there.
inline PyObject* loaded_module(PyObject* name) {
  PyObject* module = name != nullptr && PyUnicode_Check(name)
                         ? PyDict_GetItemWithError(PyImport_GetModuleDict(), name)
                         : nullptr;
  if (module == nullptr) PyErr_Clear();
  return module;
}

}  // namespace elastic::pyobj
