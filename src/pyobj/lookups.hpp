// Look-ups in Python's texts and dicts that borrow, run no code and leave no exception behind.
#pragma once
#include <Python.h>

#include <string>

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

inline PyObject* dict_get(PyObject* dict, const char* key) {
  PyObject* value = dict != nullptr && PyDict_Check(dict) ? PyDict_GetItemString(dict, key) : nullptr;
  if (value == nullptr) PyErr_Clear();
  return value;
}

}  // namespace elastic::pyobj
