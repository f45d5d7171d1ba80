#include "pyobj/young_garbage.hpp"

#include <unordered_map>

namespace elastic::pyobj {
namespace {

constexpr int kYoungGenerations = 2;
constexpr std::size_t kObjects = 50000;  // more, and the collector has been told to wait: nothing is known

// The same subtraction as the collector's: what has more references than its like account for is reached from
// outside, and all that it leads to with it.
class Subtraction {
 public:
  // Each object has one reference more, of the list it came in.
  void add(PyObject* object) { outside_[object] = Py_REFCNT(object) - 1; }

  std::vector<Owned> garbage() {
    for (const auto& [object, count] : outside_)
      Py_TYPE(object)->tp_traverse(object, &Subtraction::subtract, this);
    for (const auto& [object, count] : outside_)
      if (count > 0 || Py_TYPE(object)->tp_finalize || Py_TYPE(object)->tp_del) stack_.push_back(object);
    for (PyObject* root : stack_) outside_.erase(root);
    while (!stack_.empty()) {
      PyObject* object = stack_.back();
      stack_.pop_back();
      Py_TYPE(object)->tp_traverse(object, &Subtraction::reach, this);
    }
    std::vector<Owned> found;
    for (const auto& [object, count] : outside_) found.push_back(Owned::share(Borrowed(object)));
    return found;
  }

 private:
  static int subtract(PyObject* object, void* self) {
    auto& outside = static_cast<Subtraction*>(self)->outside_;
    if (const auto found = outside.find(object); found != outside.end()) --found->second;
    return 0;
  }
  static int reach(PyObject* object, void* self) {
    auto& subtraction = *static_cast<Subtraction*>(self);
    if (subtraction.outside_.erase(object) != 0) subtraction.stack_.push_back(object);
    return 0;
  }

  std::unordered_map<PyObject*, Py_ssize_t> outside_;
  std::vector<PyObject*> stack_;
};

}  // namespace

std::vector<Owned> young_garbage(PyObject* gc) {
  const Owned get = Owned::steal(PyObject_GetAttrString(gc, "get_objects"));
  const Owned none = Owned::steal(PyTuple_New(0));
  std::vector<Owned> lists;
  Subtraction subtraction;
  std::size_t count = 0;
  for (int generation = 0; get && none && generation < kYoungGenerations; ++generation) {
    const Owned which = Owned::steal(Py_BuildValue("{s:i}", "generation", generation));
    Owned objects = which ? Owned::steal(PyObject_Call(get.get(), none.get(), which.get())) : Owned();
    if (!objects || !PyList_CheckExact(objects.get())) break;
    count += static_cast<std::size_t>(PyList_GET_SIZE(objects.get()));
    lists.push_back(std::move(objects));
  }
  PyErr_Clear();
  if (lists.size() != kYoungGenerations || count > kObjects) return {};
  for (const Owned& objects : lists)
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects.get()); ++i)
      subtraction.add(PyList_GET_ITEM(objects.get(), i));
  return subtraction.garbage();
}

}  // namespace elastic::pyobj
