// Leaves of the exact builtin types, digested in place: no frame, no allocation, no visited entry.
//
// Atoms are immutable and hold no references, so aliasing them cannot be observed but through `is`: the
// content digest ignores which of two equal atoms it is, the identity digest does not.
#pragma once
#include "pyobj/walk/hash.hpp"
#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj::walk {

// Strings of the old wchar_t form, and those with characters above U+007F.
Token other_str_token(PyObject* str);
Token rare_long_token(PyObject* integer);

inline Token str_token(PyObject* str) {
  auto* text = reinterpret_cast<PyASCIIObject*>(str);
  if (text->state.compact && text->state.ascii) [[likely]] {
    return short_bytes_token(text + 1, static_cast<std::size_t>(text->length), Tag::kStr);
  }
  return other_str_token(str);
}

inline std::size_t str_size_bytes(PyObject* str) {
  auto* text = reinterpret_cast<PyASCIIObject*>(str);
  const auto length = static_cast<std::size_t>(text->length);
  if (text->state.compact && text->state.ascii) [[likely]]
    return sizeof(PyASCIIObject) + length + 1;
  return sizeof(PyCompactUnicodeObject) +
         (length + 1) * (text->state.kind ? text->state.kind : sizeof(wchar_t));
}

inline Token long_token(PyObject* integer) {
  auto* number = reinterpret_cast<PyLongObject*>(integer);
  const Py_ssize_t size = Py_SIZE(number);
  if (size < -2 || size > 2) [[unlikely]]
    return rare_long_token(integer);
  std::uint64_t magnitude = size == 0 ? 0 : number->ob_digit[0];
  if (size == 2 || size == -2) magnitude |= static_cast<std::uint64_t>(number->ob_digit[1]) << PyLong_SHIFT;
  return word_token(magnitude, size < 0 ? Tag::kNegativeInt : Tag::kInt);
}

inline Token float_token(PyObject* number) {  // by bits: -0.0 and every NaN are values of their own
  return word_token(load8(&reinterpret_cast<PyFloatObject*>(number)->ob_fval), Tag::kFloat);
}

inline Token bytes_object_token(PyObject* bytes) {
  return short_bytes_token(PyBytes_AS_STRING(bytes), static_cast<std::size_t>(Py_SIZE(bytes)), Tag::kBytes);
}

inline bool is_atom_type(PyTypeObject* type) {
  return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type ||
         type == &PyBytes_Type || type == &PyComplex_Type || type == Py_TYPE(Py_None);
}

struct Atom {
  Token token;
  std::size_t size_bytes;
};

// None, bool, bytes, complex, Ellipsis, NotImplemented. False: not an atom.
bool rare_atom(PyObject* object, PyTypeObject* type, Atom& atom);

// False if the object is not an atom.
inline bool read_atom(PyObject* object, Atom& atom) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyUnicode_Type) {
    atom = {str_token(object), str_size_bytes(object)};
  } else if (type == &PyLong_Type) {
    const Py_ssize_t digits = Py_SIZE(object) < 0 ? -Py_SIZE(object) : Py_SIZE(object);
    atom = {long_token(object), 24 + 4 * static_cast<std::size_t>(digits)};
  } else if (type == &PyFloat_Type) {
    atom = {float_token(object), 24};
  } else {
    return rare_atom(object, type, atom);
  }
  return true;
}

}  // namespace elastic::pyobj::walk
