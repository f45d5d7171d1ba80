// scikit-learn's decision trees: nodes and values in memory of their own, which C getters show as arrays.
#include <algorithm>

#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

constexpr std::string_view kNumbers[] = {"n_features", "n_outputs", "max_n_classes", "max_depth",
                                         "node_count"};
constexpr std::string_view kArrays[] = {"n_classes", "value"};
// Views of one field each of the array of nodes, sums over it, and how much memory is set aside.
constexpr std::string_view kOfNodes[] = {
    "children_left",           "children_right",     "feature",  "threshold", "impurity", "n_node_samples",
    "weighted_n_node_samples", "missing_go_to_left", "n_leaves", "capacity"};

constexpr Py_ssize_t kTreeBytes = 104;  // with what the numbers and arrays are kept in as of 1.9

// A version of scikit-learn that says more of a tree may keep more in it.
bool is_as_known(const PyTypeObject* type) {
  const auto has = [](const auto& names, std::string_view name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  for (const PyGetSetDef* entry = type->tp_getset; entry && entry->name; ++entry)
    if (!has(kNumbers, entry->name) && !has(kArrays, entry->name) && !has(kOfNodes, entry->name))
      return false;
  return type->tp_basicsize == kTreeBytes && type->tp_getset && !type->tp_traverse && !type->tp_members;
}

bool is_array(PyObject* object) { return object && ndarray_type() && Py_TYPE(object) == ndarray_type(); }

bool show_parts_of_tree(PyObject* object, Parts& parts) {
  if (!is_as_known(Py_TYPE(object))) return false;
  for (const std::string_view name : kNumbers) {
    const Owned number = c_attribute(object, name);
    if (!number || !PyLong_CheckExact(number.get())) return false;
    parts.atom(number.get());
  }
  for (const std::string_view name : kArrays)
    if (const Owned array = c_attribute(object, name); !show_elements(array.get(), parts)) return false;
  // All fields of the nodes, whatever their names.
  const Owned left = c_attribute(object, "children_left");
  return is_array(left.get()) && show_elements(as_array(left.get())->base, parts);
}

}  // namespace

void show_tree(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  if (!show_parts_of_tree(object, parts)) parts.opaque();
}

}  // namespace elastic::pyobj::walk
