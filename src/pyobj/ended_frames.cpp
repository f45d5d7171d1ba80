#include "pyobj/ended_frames.hpp"

#include <unordered_set>

#include "pyobj/reach.hpp"
#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj {
namespace {

constexpr std::size_t kEntered = 100000;  // objects; what is held beyond counts as held by a library

bool has_callback(PyObject* object) {
  return PyWeakref_Check(object) && reinterpret_cast<PyWeakReference*>(object)->wr_callback != nullptr;
}

class Counter {
 public:
  Counter(const std::vector<Owned>& ended, const ReferenceCounts& followed, ReferenceCounts& counts)
      : followed_(followed), counts_(counts) {
    for (const Owned& object : ended) stack_.push_back(object.get());
  }

  void run() {
    while (!stack_.empty() && left_ > 0) {
      PyObject* object = stack_.back();
      stack_.pop_back();
      if (followed_.contains(object) || !entered_.insert(object).second) continue;
      --left_;
      Py_TYPE(object)->tp_traverse(object, &Counter::visit, this);
    }
  }

 private:
  static int visit(PyObject* object, void* self) {
    static_cast<Counter*>(self)->take(object);
    return 0;
  }

  void take(PyObject* object) {
    if (PyObject_IS_GC(object) == 0 || has_callback(object) || runs_session_code_at_end(object)) return;
    const auto followed = followed_.find(object);
    const Py_ssize_t count = ++counts_[object] + (followed == followed_.end() ? 0 : followed->second);
    const bool is_held_by_others = Py_REFCNT(object) > count;
    if (!is_held_by_others && !PyFrame_Check(object) && !PyType_Check(object)) stack_.push_back(object);
  }

  const ReferenceCounts& followed_;
  ReferenceCounts& counts_;
  std::unordered_set<PyObject*> entered_;
  std::vector<PyObject*> stack_;
  std::size_t left_ = kEntered;
};

}  // namespace

bool is_ended_frame(PyObject* object) {
  return PyFrame_Check(object) &&
         reinterpret_cast<PyFrameObject*>(object)->f_frame->owner == FRAME_OWNED_BY_FRAME_OBJECT;
}

void count_from_ended(const std::vector<Owned>& ended, const ReferenceCounts& followed,
                      ReferenceCounts& counts) {
  Counter(ended, followed, counts).run();
}

}  // namespace elastic::pyobj
