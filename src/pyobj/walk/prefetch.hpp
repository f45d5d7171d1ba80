// Fetching the memory of containers that are about to be entered. Objects made at different times lie
// anywhere, and waiting for memory is most of what going through them costs: two to three times as fast on
// shuffled lists.
#pragma once
#include <algorithm>

#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj::walk {

// Fetches what a container's header points to, then what that points to, ahead of entering it.
inline void prefetch_body(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (type == &PyDict_Type) {
    const char* keys = reinterpret_cast<const char*>(as_dict(object)->ma_keys);
    prefetch(keys);
    prefetch(keys + 64);
  } else if (type == &PyList_Type) {
    prefetch(reinterpret_cast<PyListObject*>(object)->ob_item);
  } else if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
    if (const char* values = reinterpret_cast<const char*>(inline_values(object))) prefetch(values - 16);
  }
}

inline void prefetch_elements(PyObject* object) {
  constexpr Py_ssize_t kMost = 6;
  PyTypeObject* type = Py_TYPE(object);
  PyObject** items = nullptr;
  Py_ssize_t count = 0, step = 1;
  if (type == &PyTuple_Type) {
    items = reinterpret_cast<PyTupleObject*>(object)->ob_item;
    count = Py_SIZE(object);
  } else if (type == &PyList_Type) {
    items = reinterpret_cast<PyListObject*>(object)->ob_item;
    count = Py_SIZE(object);
  } else if (type == &PyDict_Type) {
    PyDictObject* dict = as_dict(object);
    // The keys of an empty dict are the interpreter's own, too short for an entry at its right place.
    if (dict->ma_values || dict->ma_keys->dk_kind != DICT_KEYS_UNICODE || dict->ma_keys->dk_nentries == 0)
      return;
    items = &unicode_entries(dict->ma_keys)->me_value;
    count = dict->ma_keys->dk_nentries;
    step = 2;
  } else if (type->tp_flags & Py_TPFLAGS_MANAGED_DICT) {
    if (PyDictValues* values = inline_values(object)) {
      items = values->values;
      count = static_cast<Py_ssize_t>(SplitValues{values}.used());
    }
  }
  for (Py_ssize_t i = 0; i < std::min(count, kMost); ++i) prefetch(items[i * step]);
}

}  // namespace elastic::pyobj::walk
