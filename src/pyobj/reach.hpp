// What running code with an object in hand can come to run or touch: the value half of `reads`.
//
// A traversal over references (tp_traverse, and the slots that it does not show), iterative, without user
// code, that collects session code: functions whose globals are the user namespace. Library modules and
// classes are not entered, except that a library class is searched for methods that the session has put on
// it. REQUIRES: the GIL is held.
#pragma once
#include <Python.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elastic/pyobj/deadline.hpp"
#include "elastic/pyobj/ref.hpp"
#include "pyobj/code_names.hpp"
#include "pyobj/walk/visited.hpp"

namespace elastic::pyobj {

// Remembers what code objects do, which never changes. Keeps them alive, so that an address means one code
// object.
class CodeNamesCache {
 public:
  std::shared_ptr<const CodeNames> of(PyObject* code, CodeKind kind);

 private:
  static constexpr std::size_t kEntries = 20000;
  struct Entry {
    Owned code;
    std::shared_ptr<const CodeNames> names;
  };
  std::unordered_map<PyObject*, std::shared_ptr<const Entry>> entries_;
};

struct Reach {
  struct Code {
    std::string name;                        // qualified
    std::shared_ptr<const CodeNames> names;  // keeps the code object alive
    PyObject* observed = nullptr;            // the code object, where it will show whether it has run
  };
  std::vector<Code> codes;
  std::vector<std::string> texts;    // short strings it holds, which code may evaluate
  std::vector<std::string> modules;  // of those that hand out namespaces: sys, inspect, gc...
  std::set<std::string> own_files;   // of the user's own modules, whose code or state it leads to
  std::string everything;            // why it reaches the namespace itself; empty: it does not
  std::size_t visited = 0;           // objects entered, and references of containers looked at

  // Objects that may be variables of the session though what leads to them names none. Compared, never
  // followed.
  std::vector<PyObject*> session_code;  // functions and classes
  std::vector<PyObject*> on_drop;       // met only by way of what runs when an object goes
  std::vector<PyObject*> in_modules;    // met only in the globals of the user's own modules
  bool runs_when_dropped = false;       // session code: `__del__`, a generator's `finally`, a callback
};

class Reacher {
 public:
  Reacher(PyObject* user_namespace, CodeNamesCache& codes) : namespace_(user_namespace), codes_(codes) {}

  // Forgets what was learnt of types: they may have come and gone since.
  void start();

  // Everything reachable from `root`, whatever was reached before. False where that was more than `limit`
  // objects and references: then it is part of it.
  bool add(PyObject* root, Reach& reach, std::size_t limit = kNoLimit);
  static constexpr std::size_t kNoLimit = SIZE_MAX;

  // Whether `add` passes over frames that have ended: of what a library holds, since nothing but a debugger
  // looks into those of an exception.
  void pass_over_ended_frames(bool on) { passes_over_ended_frames_ = on; }

  // From now on `add` ends, with a part of the answer, once the deadline has passed; null: there is none.
  void end_at(const Deadline* deadline) {
    deadline_ = deadline;
    gave_up_ = false;
  }
  bool gave_up() const { return gave_up_; }

  // Between on and off, `add` enters each object once over all roots: it is in the share of the first. Roots
  // are counted from 0.
  void share(bool on);
  // The earlier roots into whose shares the last one has led.
  std::set<std::uint32_t> take_came_upon() { return std::exchange(came_upon_, {}); }
  // Whether an object is in a share, if it has more than one reference.
  bool has_entered(PyObject* object) const;
  // The same, and `references` gives the objects met with the number of references to each that were
  // followed.
  void count_references(bool on);
  const std::unordered_map<PyObject*, Py_ssize_t>& references() const { return references_; }

 private:
  enum class Kind : std::uint8_t;
  static int visit(PyObject* object, void* self);
  bool is_over() const { return gave_up_ || reach_->visited > limit_ || followed_ > limit_; }
  Kind kind_of(PyTypeObject* type);
  void push(PyObject* object);
  void push_unreferenced(PyObject* object);
  bool met(PyObject* object);
  void follow();
  void follow_aside();
  void look_at_end_of(PyObject* object);
  void look_at_rest_of(PyObject* generator);
  bool is_keeper(PyObject* object, Kind kind) const;
  bool is_plain_array(PyObject* object, Kind kind) const;
  bool set_aside(PyObject* object, Kind kind);
  void enter_keepers(std::size_t codes);
  void note_return(PyObject* object, std::uint32_t root);
  PyObject* observed(PyObject* code, const std::string& name) const;
  static bool is_cache_link(PyTypeObject* type);
  void enter_cache_link(PyObject* link);
  bool take_elements(PyObject* object);
  void take_element(PyObject* object, bool is_small);
  bool take_plain(PyObject* object, int depth);
  void take_text(PyObject* text);
  void fetch_ahead() const;
  void enter(PyObject* object, Kind kind);
  void enter_function(PyObject* function);
  void enter_type(PyTypeObject* type);
  void enter_library_type(PyTypeObject* type);
  void enter_module(PyObject* module);
  void push_globals(PyObject* dict);
  void note_file(PyObject* globals);
  void enter_object_array(PyObject* array);
  void note_instance_of(PyTypeObject* type);
  bool is_new(PyTypeObject* type);
  void take_code(PyObject* code, const std::string& name);
  void everything(const char* why);

  PyObject* namespace_;
  CodeNamesCache& codes_;
  Reach* reach_ = nullptr;
  bool shares_ = false;
  std::uint32_t roots_ = 0;
  std::set<std::uint32_t> came_upon_;
  bool counting_ = false;
  bool passes_over_ended_frames_ = false;
  std::size_t limit_ = kNoLimit;  // of the call of add() that is under way
  std::size_t followed_ = 0;      // references that tp_traverse has shown in it
  const Deadline* deadline_ = nullptr;
  bool gave_up_ = false;
  std::vector<PyObject*> stack_;
  bool splits_ = false;                      // keepers are set aside
  bool came_back_ = false;                   // keepers lead to something that was met past them
  std::vector<PyObject*> keepers_;           // met so far (reach_keepers.cpp)
  std::vector<PyObject*> callbacks_;         // of weak references to what was met
  std::vector<PyObject*> own_globals_;       // of the user's own modules that were met
  std::vector<PyObject*>* aside_ = nullptr;  // where what is met is noted
  walk::Visited visited_;
  std::unordered_map<PyTypeObject*, std::uint32_t> types_;  // entered ones, by the root that led there
  std::unordered_map<PyTypeObject*, Kind> kinds_;
  std::unordered_map<PyObject*, Py_ssize_t> references_;
  std::unordered_map<PyTypeObject*, unsigned>
      clean_types_;  // library types without session methods, by version tag
};

// Whether instances of the type, which is not the session's own, may know what code that they lead to returns
// without running it, or run it in another way than the interpreter does. In doubt, they do.
bool may_keep_results(PyTypeObject* type);

// Whether code of the session runs when the object goes: its `__del__`, or the rest of a generator.
bool runs_session_code_at_end(PyObject* object);

}  // namespace elastic::pyobj
