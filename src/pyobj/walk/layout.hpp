// How CPython 3.11 lays its objects out, where its public API would run user code, allocate, or change what
// is read.
//
// Everything about one interpreter version stands here: a port to 3.12 replaces this file. Two examples of
// why the API does not do: _PyObject_GetDictPtr materialises the dict of an instance that has inline values,
// and PyObject_ GetAttr runs descriptors. REQUIRES of every function: the GIL is held, and `object` is of the
// type named.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030C0000
#error "the walk knows the object layouts of CPython 3.11 only"
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#define Py_BUILD_CORE 1
extern "C" {
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
}
#undef Py_BUILD_CORE
#pragma GCC diagnostic pop

namespace elastic::pyobj::walk {

// ---- dictionaries

inline PyDictObject* as_dict(PyObject* object) { return reinterpret_cast<PyDictObject*>(object); }

inline PyDictUnicodeEntry* unicode_entries(PyDictKeysObject* keys) {
  return reinterpret_cast<PyDictUnicodeEntry*>(keys->dk_indices +
                                               (std::size_t{1} << keys->dk_log2_index_bytes));
}
inline PyDictKeyEntry* general_entries(PyDictKeysObject* keys) {
  return reinterpret_cast<PyDictKeyEntry*>(keys->dk_indices + (std::size_t{1} << keys->dk_log2_index_bytes));
}
inline std::size_t keys_size_bytes(PyDictKeysObject* keys) {
  const std::size_t usable = (std::size_t{2} << keys->dk_log2_size) / 3;
  const std::size_t entry =
      keys->dk_kind == DICT_KEYS_GENERAL ? sizeof(PyDictKeyEntry) : sizeof(PyDictUnicodeEntry);
  return sizeof(PyDictKeysObject) + (std::size_t{1} << keys->dk_log2_index_bytes) + usable * entry;
}

// The attribute values an instance (or a split dict) keeps outside a hash table. Before them, growing
// downwards, stand the insertion order and the number of values in use.
struct SplitValues {
  const PyDictValues* values;
  std::size_t used() const { return reinterpret_cast<const std::uint8_t*>(values)[-2]; }
  std::size_t prefix_size_bytes() const { return reinterpret_cast<const std::uint8_t*>(values)[-1]; }
  // The index, in keys and values, of the n-th attribute that was set.
  std::size_t position(std::size_t n) const {
    return reinterpret_cast<const std::uint8_t*>(values)[-3 - static_cast<std::ptrdiff_t>(n)];
  }
};

// REQUIRES: the type has Py_TPFLAGS_MANAGED_DICT.
inline PyDictValues* inline_values(PyObject* object) { return reinterpret_cast<PyDictValues**>(object)[-4]; }
inline PyObject* managed_dict(PyObject* object) { return reinterpret_cast<PyObject**>(object)[-3]; }
inline PyDictKeysObject* cached_keys(PyTypeObject* type) {
  return reinterpret_cast<PyHeapTypeObject*>(type)->ht_cached_keys;
}

// What a dict holds under a str key; null if absent. Where not all of its keys are exact strings it is found
// by comparing the text, in time linear in the dict's size: a hash look-up could run another key's __eq__.
PyObject* find_text_key(PyObject* dict, std::string_view key);

// The module of that name if it has been imported; null otherwise. Never imports.
PyObject* loaded_module(std::string_view name);
// The attribute in a loaded module's own dict; null if the module is not loaded or has none.
PyObject* loaded_attribute(std::string_view module, std::string_view attribute);

// ---- strings

inline bool is_compact_ascii(PyObject* str) {
  const auto state = reinterpret_cast<PyASCIIObject*>(str)->state;
  return state.compact && state.ascii;
}
// The text of an ASCII str; empty for any other object.
std::string_view ascii_text(PyObject* object);

// ---- other builtins whose structs are private

struct ModuleLayout {
  PyObject_HEAD PyObject* dict;
  PyModuleDef* definition;
  void* state;
  PyObject* weaklist;
  PyObject* name;
};
struct StaticMethodLayout {  // classmethod is the same
  PyObject_HEAD PyObject* callable;
  PyObject* dict;
};
struct PropertyLayout {
  PyObject_HEAD PyObject *getter, *setter, *deleter, *doc, *name;
  int getter_doc;
};
struct MappingProxyLayout {
  PyObject_HEAD PyObject* mapping;
};
struct MethodWrapperLayout {
  PyObject_HEAD PyObject* descriptor;
  PyObject* self;
};

// Bytes of the object itself, without what hangs on it. Not __sizeof__, which may be the user's.
inline std::size_t basic_size_bytes(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  std::size_t size = static_cast<std::size_t>(type->tp_basicsize) + (PyType_IS_GC(type) ? 16 : 0);
  if (type->tp_itemsize > 0) {
    const Py_ssize_t count = reinterpret_cast<PyVarObject*>(object)->ob_size;
    size +=
        static_cast<std::size_t>(type->tp_itemsize) * static_cast<std::size_t>(count < 0 ? -count : count);
  }
  return size;
}

inline void prefetch(const void* address) { __builtin_prefetch(address, 0, 3); }

}  // namespace elastic::pyobj::walk
