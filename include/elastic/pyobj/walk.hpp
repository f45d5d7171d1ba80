// The walk over a session's variables: what each one holds, whether it has changed, and which belong
// together.
//
// For a variable (a name and its object) a walk gives a content digest (the same for the same state in any
// process, whatever PYTHONHASHSEED is), an identity digest (so that swapping an equal object is seen), its
// size, and whether all of it could be read. From the walks of several follows which share a mutable object
// or memory: these are linked, and stored or recomputed together. Sharing a class, a module, a function or an
// immutable object does not link.
//
// A Walk is kept between cells. It remembers of each variable a change log, so that recheck() answers "did it
// change?" in a fraction of a walk's time; see docs/fingerprinting.md for what is seen, what is opaque and
// what that costs.
//
// Invariants: no user code runs in here, nothing is imported, no reference count differs afterwards but those
// of pinned atoms while their log lives. Only forget(), walk() and the destructor let go of pinned objects.
// REQUIRES of everything: the GIL. Not re-entrant: a finalizer that runs in here must not come back.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elastic/core/digest.hpp"
#include "elastic/pyobj/deadline.hpp"
#include "elastic/pyobj/memory_look.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

struct WalkTarget {
  std::string name;  // the variable's
  Borrowed object;   // what it is bound to now
};

struct VariableState {
  Digest content;
  std::uint64_t identity = 0;    // this process only
  std::uint64_t size_bytes = 0;  // of everything reached; an atom many refer to is shared out among them
  std::uint64_t references = 0;  // how many were followed
  bool opaque =
      false;  // something in it cannot be read: treat as written whenever it could have been reached
  std::string opaque_type;  // the first such type, "module.Name"
  bool unstable = false;    // equal states may have different content digests (sets of look-alike objects)
  bool unhashed = false;    // `content` is of marks for memory: this process only
};

enum class Change {
  kUnchanged,     // as walked, to the last leaf
  kMaybeChanged,  // rebound, or something in it is not as it was; a walk tells whether the content differs
  kOpaque,        // what can be read is as it was
  kUnknown,       // never walked, or its change log was dropped: only a walk can tell
  kGivenUp,       // the deadline came first
};

struct WalkOptions {
  // The change logs of all variables together: the greater of a floor and a share of what they cover.
  std::uint64_t log_floor_bytes = std::uint64_t{64} << 20;
  double log_share = 0.02;
};

class Walk {
 public:
  // `user_namespace`: the dict whose variables are walked; a reference to it stands for no variable's
  // content.
  Walk(const GilHeld&, Borrowed user_namespace, WalkOptions options = {});
  ~Walk();  // REQUIRES: the GIL
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // Every variable of the namespace whose name is a str.
  std::vector<WalkTarget> all_targets(const GilHeld&) const;

  // Walks the targets in order until the deadline and returns how many are done. Called again with the ones
  // left, it goes on where it stopped; a variable that changed meanwhile is begun anew. The deadline is kept
  // to about 0.5 ms, except in a huge string or an array that is not contiguous; what could not go on where
  // it stopped (memory whose pages nobody watches, the proof that a pause changed nothing) has until
  // `at_once`.
  std::size_t walk(const GilHeld&, std::span<const WalkTarget> targets, const Deadline& deadline,
                   const Deadline& at_once, MemoryLook look = MemoryLook::kHash);
  std::size_t walk(const GilHeld& gil, std::span<const WalkTarget> targets, const Deadline& deadline = {}) {
    return walk(gil, targets, deadline, deadline);
  }

  // What became of each target since it was last walked. Linear in its containers, at a few ns each; arrays
  // are hashed, but for large buffers whose pages the kernel watches (page_tracking.hpp). Begun anew each
  // time.
  std::vector<Change> recheck(const GilHeld&, std::span<const WalkTarget> targets,
                              const Deadline& deadline = {});

  // As of the last walk; null if never walked.
  const VariableState* state(const std::string& name) const;

  // The variables known here, in groups that share mutable state; a variable that shares nothing is a group
  // of one. Names are sorted within a group, groups by their first name.
  std::vector<std::vector<std::string>> co_variables(const GilHeld&) const;

  // Another one once co_variables() may give other groups.
  std::uint64_t sharing_version() const;

  // Whether the value shares nothing that can change with anything else, told from reference counts in
  // microseconds and without a walk; false where that cannot be told. One variable refers to it.
  bool stands_apart(const GilHeld&, Borrowed value) const;

  // About how long the walk of a value takes that is not known yet, as far as a few of its elements show.
  static std::chrono::microseconds estimate(const GilHeld&, Borrowed value);

  // Forgets a variable, when its name is deleted.
  void forget(const GilHeld&, const std::string& name);

  // How many bytes recheck() has to read to answer for the variable: what it holds, less the buffers whose
  // pages are known not to have been written. 0 if never walked.
  std::uint64_t recheck_bytes(const std::string& name) const;

  std::uint64_t log_size_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace elastic::pyobj
