// The names of a namespace as they were, to be compared with what they are.
//
// Values are remembered by address. Immutable atoms are kept alive, so that a new number at an old number's
// address is seen; anything else is not, since that would change when the user's objects die: a container
// rebound at the very address of the one before is told apart by its content, which whoever asks has to walk
// anyway. REQUIRES of everything: the GIL. Two loads a name, and a few in all while nothing was bound: a long
// session has thousands of names, an In and an Out for each cell among them, and every cell asks.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "elastic/pyobj/ref.hpp"
#include "elastic/pyobj/walk.hpp"

namespace elastic::pyobj {

struct NameChanges {
  std::vector<std::string> bound;    // new, or bound to another object; sorted
  std::vector<std::string> deleted;  // sorted
};

class NameTable {
 public:
  // The dict is referred to and outlives the table.
  explicit NameTable(Borrowed user_namespace) : namespace_(user_namespace) {}

  // What differs from the table. `update` makes the table as the namespace is.
  NameChanges changes(const GilHeld&) const;
  void update(const GilHeld&);
  // The name is found to be new at the next look.
  void forget(const std::string& name);
  // What the name is bound to now is no news.
  void learn(const GilHeld&, const std::string& name);

  // Whether the user's variable is in the table.
  bool contains(const std::string& name) const { return entries_.count(name) != 0; }
  // Sorted. What was handed out stays as it is; O(1) while no name comes or goes.
  std::shared_ptr<const std::vector<std::string>> names() const;

  // What the name is bound to now; null if nothing.
  Borrowed value(const GilHeld&, const std::string& name) const;
  // Names bound to one function or class of the session's, two or more; sorted. Such an object links nothing
  // that merely refers to it, but a copy under one of its own names would be another function.
  std::vector<std::vector<std::string>> same_code(const GilHeld&) const;
  std::vector<WalkTarget> targets(const GilHeld&, const std::vector<std::string>& names) const;

 private:
  struct Entry {
    PyObject* address;
    Owned atom;
  };
  // An entry of the dict as it was at the last update. A dict keeps the order of what it held.
  struct Slot {
    Owned key;  // kept alive: another one at its address is not taken for it
    PyObject* value = nullptr;
    bool is_variable = false;
  };
  std::uint64_t version() const;
  void add(const GilHeld&, const std::string& name);
  void erase(const std::string& name);
  void remember_order();
  // The slot of the dict's entry of that number if it is as it was, else null.
  const Slot* unchanged(std::size_t index, PyObject* key, PyObject* value) const {
    const bool same = index < order_.size() && order_[index].key.get() == key && order_[index].value == value;
    return same ? &order_[index] : nullptr;
  }

  Borrowed namespace_;
  std::unordered_map<std::string, Entry> entries_;
  mutable std::shared_ptr<const std::vector<std::string>> names_;  // of entries_; null: to be made
  std::vector<Slot> order_;
  std::uint64_t version_ = 0;
};

}  // namespace elastic::pyobj
