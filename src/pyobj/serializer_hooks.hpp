// What the pickler calls for every object it meets, in C++ because it is called for every object.
//
// `persistent_id` sees each object, `reducer_override` each that is not an exact builtin. Both answer from
// tables that live as long as the checkpoint; Python's reducers are asked once a type. The object last seen
// is remembered: when pickling fails it is the one that was refused.
#pragma once
#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "elastic/pyobj/serializer.hpp"

namespace elastic::pyobj {

class Hooks {
 public:
  // `context` is elasticpython.pickling.Context. Null with a pending exception on failure.
  static std::unique_ptr<Hooks> create(const GilHeld& gil, std::size_t out_of_band_min_bytes);
  // Reads the tables of `context`. False with a pending exception on failure.
  bool adopt(const GilHeld& gil, Borrowed context);

  void start_group(const std::vector<std::string>& names);
  // Whether an object of the group had a reducer: only then is the context told of the group.
  bool context_knows_group() const { return context_knows_group_; }
  bool met_own_code() const { return met_own_code_; }
  // The Python object whose methods the pickler calls. It must not be called after this object is gone.
  Borrowed object() const { return object_; }
  Borrowed last_seen() const { return last_; }

  std::vector<PinnedBuffer> take_pickle() { return std::exchange(pickle_, {}); }
  std::vector<PinnedBuffer> take_buffers() { return std::exchange(buffers_, {}); }
  const std::set<std::string>& used_references() const { return used_; }
  const std::set<std::string>& modules() const { return modules_; }
  void forget_group();

  // Another thread writes while this one waits for signals: it is told to stop by this.
  std::atomic<bool> cancelled{false};
  bool on_other_thread = false;

  PyObject* persistent_id(PyObject* object);
  PyObject* reducer_override(PyObject* object);
  PyObject* buffer_callback(PyObject* buffer);
  PyObject* write(PyObject* bytes);

 private:
  struct Reducer {
    Owned type;      // keeps the key alive
    Owned callable;  // None: the object's own `__reduce_ex__`; NotImplemented: whatever pickle does
    std::string module;
    bool own = false;  // code of the user's may run
    unsigned group = 0;
  };
  struct Reference {
    std::string variable;  // empty: not a variable (the namespace, a module's dict, os.environ)
    Owned answer;          // what the hook returns
  };

  // Tells the context of the group that is pickled. False with a pending exception.
  bool tell_context();
  Reducer* reducer_of(PyTypeObject* type);
  // Takes `reduction`: the same, or one that shares the object's `__dict__` with whoever else holds that.
  PyObject* adopting(PyObject* reduction, PyObject* object);
  bool stop_asked();

  std::size_t out_of_band_min_bytes_ = 0;
  Owned object_;
  Owned context_;
  Owned last_;
  Owned reduce_ex_;
  Owned protocol_;
  std::unordered_map<PyTypeObject*, Reducer> reducers_;
  std::unordered_map<PyObject*, Reference> persistent_;
  std::unordered_map<PyObject*, Reference> variables_;
  std::unordered_set<std::string> group_;
  bool context_knows_group_ = false;
  bool met_own_code_ = false;  // in this group
  std::set<std::string> used_;
  std::set<std::string> modules_;
  std::vector<PinnedBuffer> pickle_;
  std::vector<PinnedBuffer> buffers_;
  unsigned group_number_ = 0;
  unsigned seen_ = 0;
};

}  // namespace elastic::pyobj
