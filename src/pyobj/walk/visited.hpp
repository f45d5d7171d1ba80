// The objects a walk of one variable has met that it can meet again: those with a reference count above one.
//
// Open addressing; an entry belongs to the variable whose epoch it carries, so starting the next variable
// clears the table in no time. Nothing is ever removed within an epoch, which is what makes stale entries
// free slots.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstdint>
#include <vector>

#include "pyobj/walk/hash.hpp"

namespace elastic::pyobj::walk {

class Visited {
 public:
  Visited() : entries_(kSmallest) {}

  void next_variable() {
    if (entries_.size() > kLargestKept) entries_ = std::vector<Entry>(kSmallest);
    count_ = 0;
    ++epoch_;
  }

  // Whether the object has been met; `ordinal` is when, counted in containers from the variable's root.
  bool find(PyObject* object, std::uint32_t& ordinal) const {
    const Entry& entry = entries_[slot(object)];
    if (entry.epoch != epoch_) return false;
    ordinal = entry.ordinal;
    return true;
  }

  void put(PyObject* object, std::uint32_t ordinal) {
    Entry& entry = entries_[slot(object)];
    if (entry.epoch != epoch_) ++count_;
    entry = {object, ordinal, epoch_};
    if (count_ * 2 > entries_.size()) grow();
  }

 private:
  struct Entry {
    PyObject* object = nullptr;
    std::uint32_t ordinal = 0;
    std::uint32_t epoch = 0;
  };
  static constexpr std::size_t kSmallest = 1024;
  static constexpr std::size_t kLargestKept = std::size_t{1}
                                              << 20;  // 16 MB: given back before the next variable

  std::size_t slot(PyObject* object) const {
    const std::size_t mask = entries_.size() - 1;
    std::size_t at = (reinterpret_cast<std::uintptr_t>(object) / 16 * kOdd1 >> 20) & mask;
    while (entries_[at].epoch == epoch_ && entries_[at].object != object) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Entry> old(entries_.size() * 4);
    std::swap(old, entries_);
    for (const Entry& entry : old) {
      if (entry.epoch == epoch_) entries_[slot(entry.object)] = entry;
    }
  }

  std::vector<Entry> entries_;
  std::size_t count_ = 0;
  std::uint32_t epoch_ = 1;
};

}  // namespace elastic::pyobj::walk
