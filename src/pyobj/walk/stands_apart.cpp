#include "pyobj/walk/stands_apart.hpp"

#include <algorithm>
#include <unordered_map>

#include "pyobj/walk/atoms.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/prefetch.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

// More are not worth the time that a reply waits.
constexpr std::size_t kObjects = 2000;
constexpr std::size_t kReferences = std::size_t{1} << 19;
constexpr Py_ssize_t kPrefetchDistance = 16;  // elements ahead

// What a functools.lru_cache, a function of numpy, or an image made over the memory of another object holds,
// no traversal tells.
bool hides_references(const TypeInfo& info) {
  constexpr Show kHiding[] = {show_lru_cache, show_array_function, show_image, show_image_reference};
  return info.show && std::find(std::begin(kHiding), std::end(kHiding), info.show) != std::end(kHiding);
}

class Counter {
 public:
  Counter(PyObject* user_namespace, TypeCache& types) : namespace_(user_namespace), types_(types) {}

  bool run(PyObject* root) {
    meet(root);
    while (fine_ && !stack_.empty()) {
      PyObject* object = stack_.back();
      stack_.pop_back();
      enter(object);
    }
    for (auto at = references_.begin(); fine_ && at != references_.end(); ++at)
      fine_ = Py_REFCNT(at->first) <= at->second && !is_weakly_held(at->first);
    return fine_;
  }

 private:
  static int visit(PyObject* object, void* self) {
    auto& counter = *static_cast<Counter*>(self);
    counter.meet(object);
    return counter.fine_ ? 0 : 1;  // a list of a million is not looked through to the end
  }

  void meet(PyObject* object) {
    if (!fine_ || object == nullptr) return;
    fine_ = ++looked_at_ <= kReferences;
    if (is_atom_type(Py_TYPE(object))) return;
    // A tuple that the collector has let go of holds atoms only.
    if (PyTuple_CheckExact(object) && !PyObject_GC_IsTracked(object)) return;
    if (PyType_Check(object)) {
      fine_ = !is_session_class(reinterpret_cast<PyTypeObject*>(object));
      return;
    }
    if (PyFunction_Check(object) || PyModule_Check(object) || object == namespace_) {
      fine_ = false;
      return;
    }
    const bool weak = PyWeakref_CheckRefExact(object);
    const TypeInfo& info = types_.of(Py_TYPE(object));
    if ((info.kind == Kind::kOpaque && !weak) || hides_references(info)) {
      fine_ = false;
      return;
    }
    const bool leaf = PyObject_IS_GC(object) == 0 && info.kind != Kind::kArray;
    if (leaf && (info.immutable || !info.links || info.kind == Kind::kNamed || info.kind == Kind::kAtomValue))
      return;
    if (++references_[object] == 1) stack_.push_back(object);
    fine_ = references_.size() <= kObjects;
  }

  // Lists of leaves are what is long.
  void enter_list(PyObject* list) {
    const Py_ssize_t count = PyList_GET_SIZE(list);
    fine_ = looked_at_ + static_cast<std::size_t>(count) <= kReferences;
    PyObject** items = reinterpret_cast<PyListObject*>(list)->ob_item;
    for (Py_ssize_t i = 0; fine_ && i < count; ++i) {
      if (i + kPrefetchDistance < count) prefetch(items[i + kPrefetchDistance]);
      meet(items[i]);
    }
  }

  void enter(PyObject* object) {
    if (PyList_CheckExact(object)) return enter_list(object);
    if (types_.of(Py_TYPE(object)).kind == Kind::kArray) {
      fine_ = fine_ && !read_dtype(as_array(object)->dtype).has_references;
      meet(as_array(object)->base);
    } else if (PyWeakref_CheckRefExact(object)) {
      ++weak_references_[PyWeakref_GET_OBJECT(object)];
      Py_TYPE(object)->tp_traverse(object, &Counter::visit, this);  // a callback
    } else if (PyObject_IS_GC(object) != 0) {
      Py_TYPE(object)->tp_traverse(object, &Counter::visit, this);
    }
  }

  // By a weak reference that is not inside (pandas' blocks know each other by such).
  bool is_weakly_held(PyObject* object) const {
    const Py_ssize_t offset = Py_TYPE(object)->tp_weaklistoffset;
    if (offset <= 0) return false;
    auto* first = *reinterpret_cast<PyWeakReference**>(reinterpret_cast<char*>(object) + offset);
    const auto inside = weak_references_.find(object);
    return _PyWeakref_GetWeakrefCount(first) > (inside == weak_references_.end() ? 0 : inside->second);
  }

  PyObject* namespace_;
  TypeCache& types_;
  bool fine_ = true;
  std::size_t looked_at_ = 0;
  std::vector<PyObject*> stack_;
  std::unordered_map<PyObject*, Py_ssize_t> references_;
  std::unordered_map<PyObject*, Py_ssize_t> weak_references_;
};

}  // namespace

bool stands_apart(PyObject* root, PyObject* user_namespace, TypeCache& types) {
  return Counter(user_namespace, types).run(root);
}

}  // namespace elastic::pyobj::walk
