#include "pyobj/walk/atoms.hpp"

#include <vector>

namespace elastic::pyobj::walk {
namespace {

template <class Narrow>
Token narrowed_token(const wchar_t* text, std::size_t length, Tag tag) {
  std::vector<Narrow> narrow(text, text + length);
  return bytes_token(narrow.data(), length * sizeof(Narrow), tag);
}

Tag wide_tag(unsigned bytes_per_character) {
  return static_cast<Tag>(static_cast<std::uint64_t>(Tag::kWideStr) + 256 * bytes_per_character);
}

// A str made by the old API that nobody has looked at yet has only a wchar_t buffer. PyUnicode_READY would
// change it, so the token it will have once ready is computed from a narrowed copy.
Token legacy_str_token(PyObject* str) {
  auto* legacy = reinterpret_cast<PyCompactUnicodeObject*>(str);
  const wchar_t* text = legacy->_base.wstr;
  const auto length = static_cast<std::size_t>(legacy->wstr_length);
  if (!text) return word_token(0, Tag::kLegacyStr);
  wchar_t widest = 0;
  for (std::size_t i = 0; i < length; ++i) widest = text[i] > widest ? text[i] : widest;
  if (widest < 0x80 && length < 16) {
    char padded[16] = {};
    for (std::size_t i = 0; i < length; ++i) padded[i] = static_cast<char>(text[i]);
    return short_bytes_token(padded, length, Tag::kStr);
  }
  if (widest < 0x80) return narrowed_token<std::uint8_t>(text, length, Tag::kStr);
  if (widest < 0x100) return narrowed_token<std::uint8_t>(text, length, wide_tag(1));
  if (widest < 0x10000) return narrowed_token<std::uint16_t>(text, length, wide_tag(2));
  return narrowed_token<std::uint32_t>(text, length, wide_tag(4));
}

}  // namespace

Token other_str_token(PyObject* str) {
  auto* text = reinterpret_cast<PyASCIIObject*>(str);
  if (!text->state.ready) return legacy_str_token(str);
  const unsigned width = text->state.kind;
  const auto size = static_cast<std::size_t>(text->length) * width;
  const void* data = text->state.compact
                         ? (text->state.ascii ? static_cast<const void*>(text + 1)
                                              : reinterpret_cast<PyCompactUnicodeObject*>(str) + 1)
                         : reinterpret_cast<PyUnicodeObject*>(str)->data.any;
  if (!text->state.ascii) return bytes_token(data, size, wide_tag(width));
  char padded[16] = {};  // an ASCII str that is not compact has no guaranteed 16 bytes
  if (size >= sizeof padded) return bytes_token(data, size, Tag::kStr);
  std::memcpy(padded, data, size);
  return short_bytes_token(padded, size, Tag::kStr);
}

Token rare_long_token(PyObject* integer) {
  auto* number = reinterpret_cast<PyLongObject*>(integer);
  const Py_ssize_t size = Py_SIZE(number);
  const auto digits = static_cast<std::size_t>(size < 0 ? -size : size);
  return bytes_token(number->ob_digit, digits * sizeof(digit),
                     size < 0 ? Tag::kNegativeBigInt : Tag::kBigInt);
}

bool rare_atom(PyObject* object, PyTypeObject* type, Atom& atom) {
  if (object == Py_None) {
    atom = {word_token(0, Tag::kNone), 0};
  } else if (type == &PyBool_Type) {
    atom = {word_token(object == Py_True, Tag::kBool), 0};
  } else if (type == &PyBytes_Type) {
    atom = {bytes_object_token(object), static_cast<std::size_t>(33 + Py_SIZE(object))};
  } else if (type == &PyComplex_Type) {
    atom = {bytes_token(&reinterpret_cast<PyComplexObject*>(object)->cval, 16, Tag::kComplex), 32};
  } else if (object == Py_Ellipsis || object == Py_NotImplemented) {
    atom = {word_token(object == Py_Ellipsis, Tag::kSingleton), 0};
  } else {
    return false;
  }
  return true;
}

}  // namespace elastic::pyobj::walk
