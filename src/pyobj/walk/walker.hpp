// The walk of one variable: everything its object reaches, in an order that depends on the state alone.
//
// Iterative: the stack is on the heap, and the walk can stop at a deadline and go on later. No user code
// runs: types are read from their structs, sets by their tables, nothing is compared, hashed or asked. A leaf
// allocates nothing.
//
// An object that is met again in the same variable is digested as a reference back to its ordinal, so that
// aliasing and cycles are part of the content. Only objects with a reference count above one can be met
// again, so only those enter the visited table. Immutable containers that reach nothing mutable have no
// identity a program could rely on: they get no ordinal, and equal ones are equal whether shared or not.
//
// REQUIRES: the GIL. Between run() calls other code may run; what the walk is standing on is held meanwhile,
// and the caller finds out through the change log whether what was read before the pause still holds.
#pragma once
#include <string>
#include <unordered_map>

#include "elastic/pyobj/memory_look.hpp"
#include "pyobj/walk/change_log.hpp"
#include "pyobj/walk/frame_stack.hpp"
#include "pyobj/walk/numpy_abi.hpp"
#include "pyobj/walk/visited.hpp"

namespace elastic::pyobj::walk {

// What the walk of one variable found.
struct Finding {
  Token content;
  std::uint64_t identity = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t references = 0;  // how many were followed
  std::uint64_t opaque_count = 0;
  std::string opaque_type;  // the first opaque type met
  bool unstable = false;
  bool unhashed = false;        // `content` is of marks for memory
  std::vector<Meeting> shared;  // mutable objects that something else may refer to
  std::vector<Extent> extents;
};

class Walker {
 public:
  Walker() = default;
  ~Walker() { abandon(); }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  // Begins with `root`, whose reference the caller holds until the walk ends. `log` receives records unless
  // null.
  void start(PyObject* user_namespace, PyObject* root, ChangeLog* log);
  // True when the variable is finished; false at the deadline. `at_once`: until when large memory is looked
  // at of which no half can be remembered (hashed_memory.hpp).
  bool run(const Deadline& deadline, const Deadline& at_once, MemoryLook look);
  Finding take_finding() { return std::move(finding_); }
  bool under_way() const { return under_way_; }
  // Gives up a walk that is under way.
  void abandon();
  TypeCache& types() { return types_; }
  // Forgets what was learned about types and names: after any Python code may have run.
  void forget();

 private:
  enum class Step { kDone, kChild, kPause };

  // walker.cpp: the loop, and entering an object. True: `token` is its token; false: a frame has been pushed.
  bool visit(PyObject* object, Token& token);
  bool visit_named(PyObject* object, const TypeInfo& info, Token& token);
  bool visit_again(PyObject* object, const TypeInfo& info, Token& token);
  void enter(PyObject* object, const TypeInfo& info, bool registers);
  void enter_instance(Frame& frame, const TypeInfo& info);
  void enter_parts(Frame& frame, Show show);
  void enter_array(Frame& frame);
  bool owned_by_namespace(PyTypeObject* type);
  bool is_library_function(PyObject* function);
  bool is_module_globals(PyObject* globals);
  bool is_builtins_of_globals(PyObject* dict);
  bool is_made_by_hand(PyObject* module) const;
  void take_parts(Frame& frame, const Parts& parts, PyObject* object);
  void finish_frame();
  void finish(Token token);
  void suspend();
  bool go_on(const Deadline& deadline, const Deadline& at_once);
  bool pause_before(PyObject* child, const Deadline& deadline, const Deadline& at_once);

  // walker_steps.cpp: one step of the top frame.
  Step advance(Frame& frame, PyObject*& child);
  Step step_sequence(Frame& frame, PyObject** items, std::uint64_t count, bool pins, PyObject*& child);
  Step step_dict(Frame& frame, PyObject* dict, const TypeInfo* owner, PyObject*& child);
  Step step_split(Frame& frame, PyDictKeysObject* keys, const PyDictValues* values, bool pins,
                  const TypeInfo* owner, PyObject*& child);
  Step step_unicode(Frame& frame, PyDictKeysObject* keys, const TypeInfo* owner, PyObject*& child);
  Step step_general(Frame& frame, PyDictKeysObject* keys, PyObject*& child);
  Step step_set(Frame& frame, PyObject*& child);
  void order_set_elements(Frame& frame);
  std::uint64_t element_order_key(PyObject* element);
  bool flat_tuple(PyObject* object, Token& token);
  Step step_queue(Frame& frame, PyObject*& child);
  Step step_instance(Frame& frame, PyObject*& child);
  Step step_slots(Frame& frame, const TypeInfo& info, PyObject*& child);
  Step step_base(Frame& frame, Kind kind, PyObject*& child);
  Step step_array(Frame& frame, PyObject*& child);

  // One reference followed.
  void edge(PyObject* object) {
    finding_.identity = (std::rotl(finding_.identity, 5) ^ reinterpret_cast<std::uint64_t>(object)) * kOdd1;
  }
  bool atom(PyObject* object, Token& token) {
    edge(object);
    Atom read;
    if (!read_atom(object, read)) return false;
    token = read.token;
    count_size(object, read.size_bytes);
    return true;
  }
  // An atom that many refer to is shared out among them.
  void count_size(PyObject* object, std::size_t bytes) {
    const Py_ssize_t references = Py_REFCNT(object);
    if (references == 1) [[likely]] {
      finding_.size_bytes += bytes;
    } else {
      finding_.size_bytes +=
          static_cast<std::uint32_t>(bytes) / static_cast<std::uint32_t>(references & 0x7fffffff);
    }
  }
  // `object` is pure: an atom, a name, an immutable that reaches nothing mutable. Its holder is top of the
  // stack.
  void pin_pure(PyObject* object);
  void record(PyObject* object, const TypeInfo& info, bool registered);
  void record_immutable(Frame& frame);
  void note_opaque(PyTypeObject* type);

  PyObject *namespace_ = nullptr, *builtins_ = nullptr;
  ChangeLog* log_ = nullptr;
  TypeCache types_;
  Visited visited_;
  FrameStack stack_;
  std::vector<PyObject*> queue_;                           // children queued by frames, a stack like theirs
  std::unordered_map<PyObject*, Token> immutable_tokens_;  // of shared immutables that reach nothing mutable
  std::unordered_map<PyTypeObject*, bool> owned_types_;
  std::unordered_map<PyObject*, bool> library_globals_;
  std::uint32_t ordinal_ = 0;
  std::uint32_t quiet_depth_ = 0;  // frames on the stack that quiet what is below them
  std::int64_t fuel_ = 0;          // elements until the clock is read again
  std::vector<PyObject*> held_;    // what suspensions have taken references to, until the end
  std::size_t held_frames_ = 0;
  std::size_t held_queue_ = 0;
  Finding finding_;
  MemoryLook look_ = MemoryLook::kHash;
  bool under_way_ = false;
  PyObject* root_ = nullptr;     // not yet entered
  PyObject* waiting_ = nullptr;  // the child that comes next, where the deadline came before it
};

}  // namespace elastic::pyobj::walk
