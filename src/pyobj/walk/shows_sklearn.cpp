// scikit-learn's trees: nodes and values in memory of their own, which C getters and what is pickled show as
// arrays.
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

// What a pickle of a KDTree or BallTree has, in its order.
enum InState : Py_ssize_t {
  kData,
  kOrder,
  kNodes,
  kBounds,
  kLeafSize,
  kLevels,
  kNodeCount,
  kTrims,
  kLeaves,
  kSplits,
  kCalls,
  kMetric,
  kWeights,
  kStateSize
};

Owned state_of(PyObject* object) {
  const Owned none = Owned::steal(PyTuple_New(0));
  Owned state = none ? c_call(object, "__getstate__", none.get()) : Owned();
  return state && PyTuple_CheckExact(state.get()) ? std::move(state) : Owned();
}

bool show_parts_of_neighbours(PyObject* object, Parts& parts) {
  const Owned state = state_of(object);
  if (!state || PyTuple_GET_SIZE(state.get()) != kStateSize) return false;
  const auto at = [&](Py_ssize_t index) { return PyTuple_GET_ITEM(state.get(), index); };
  for (const Py_ssize_t index : {kData, kOrder, kNodes, kBounds, kLeafSize, kLevels, kNodeCount, kWeights})
    if (!show_made(at(index), parts)) return false;
  // An array that it was made of may be what it reads ever since.
  for (const Py_ssize_t index : {kData, kWeights})
    if (is_array(at(index))) parts.extent(extent_of(at(index)));
  parts.child(at(kMetric));                                          // which the tree keeps
  for (const Py_ssize_t index : {kTrims, kLeaves, kSplits, kCalls})  // each query counts
    parts.word_aside(static_cast<std::uint64_t>(PyLong_AsLongLong(at(index))));
  PyErr_Clear();
  return Py_REFCNT(at(kMetric)) > 1;
}

}  // namespace

// A query counts, which is all of a tree that ever changes by itself: identity, and no content.
void show_neighbours_tree(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  if (show_parts_of_neighbours(object, parts)) return;
  parts.opaque();
  show_opaque(object, parts);
}

// One that calls a function of Python has that in its state, and stays opaque.
void show_distance(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  const Owned state = state_of(object);
  bool known = static_cast<bool>(state);
  for (Py_ssize_t i = 0; known && i < PyTuple_GET_SIZE(state.get()); ++i)
    known = show_made(PyTuple_GET_ITEM(state.get(), i), parts);
  if (known) return;
  parts.opaque();
  show_opaque(object, parts);
}

void show_tree(PyObject* object, Parts& parts) {
  parts.size(basic_size_bytes(object));
  if (!show_parts_of_tree(object, parts)) parts.opaque();
}

}  // namespace elastic::pyobj::walk
