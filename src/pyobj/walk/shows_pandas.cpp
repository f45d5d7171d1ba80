// pandas' Cython classes, through the C getters of their attributes: no descriptor protocol, no Python code.
#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

struct Collected {
  PyObject *slice = nullptr, *array = nullptr;
};
int collect_placement(PyObject* referent, void* argument) {
  auto* found = static_cast<Collected*>(argument);
  if (PySlice_Check(referent)) found->slice = referent;
  if (PyTypeObject* array = ndarray_type(); array && Py_TYPE(referent) == array) found->array = referent;
  return 0;
}

}  // namespace

void show_block_manager(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  show_attribute(object, "blocks", parts);
  show_attribute(object, "axes", parts);
}

void show_block(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  show_attribute(object, "_mgr_locs", parts);
  show_attribute(object, "ndim", parts);
  show_attribute(object, "values", parts);
}

// A slice or an array of positions, whichever was wanted first; the other is made when asked for. Both are
// the same state: the positions are shown.
void show_block_placement(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  Collected found;
  Py_TYPE(object)->tp_traverse(object, collect_placement, &found);
  Py_ssize_t start = 0, stop = 0, step = 0;
  if (found.slice && PySlice_Unpack(found.slice, &start, &stop, &step) == 0) {
    for (Py_ssize_t at = start; step > 0 ? at < stop : at > stop; at += step)
      parts.word(static_cast<std::uint64_t>(at));
  } else if (found.array) {
    for_each_element(*as_array(found.array), [&](const char* at) { parts.word(load8(at)); });
  } else {
    parts.opaque();
  }
}

void show_array_backed(PyObject* object, Parts& parts) {
  for (const std::string_view name : {"_ndarray", "_dtype"}) show_attribute(object, name, parts);
}

void show_interval(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  for (const std::string_view name : {"left", "right", "closed"}) show_attribute(object, name, parts);
}

void show_timestamp(PyObject* object, Parts& parts) {
  show_datetime(object, parts);
  for (const std::string_view name : {"_value", "_creso", "nanosecond"}) show_attribute(object, name, parts);
}

void show_pandas_timedelta(PyObject* object, Parts& parts) {
  show_timedelta(object, parts);
  for (const std::string_view name : {"_value", "_creso"}) show_attribute(object, name, parts);
}

void show_period_type(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  for (const std::string_view name : {"_dtype_code", "_n"}) show_attribute(object, name, parts);
}

void show_period(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  for (const std::string_view name : {"ordinal", "_dtype"}) show_attribute(object, name, parts);
}

// The frequency of an index of dates: how many of which unit, and what its class lists beside. The class of
// `DateOffset` lists nothing in order: what it has is in the instance's dict.
void show_offset(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  PyObject* names = nullptr;
  for (PyTypeObject* type = Py_TYPE(object); type && !names; type = type->tp_base)
    names = find_text_key(type->tp_dict, "_attributes");
  for (const std::string_view name : {"n", "normalize"}) show_attribute(object, name, parts);
  if (!names || !PyTuple_CheckExact(names)) return;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i)
    show_attribute(object, ascii_text(PyTuple_GET_ITEM(names, i)), parts);
}

// By position, or by blocks of positions.
void show_sparse_index(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  show_attribute(object, "length", parts);
  const Owned blocks = c_attribute(object, "blocs");
  if (!blocks) return show_attribute(object, "indices", parts);
  for (const std::string_view name : {"blocs", "blengths"}) show_attribute(object, name, parts);
}

}  // namespace elastic::pyobj::walk
