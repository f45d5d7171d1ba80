// Memory that objects refer to, and others may too: of arrays, their views, byte arrays, Arrow buffers.
#pragma once
#include <Python.h>

#include <compare>
#include <cstdint>
#include <vector>

namespace elastic::pyobj::walk {

// What an object reads or writes: two variables that reach overlapping extents are linked.
struct Extent {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  PyObject* owner = nullptr;  // an address to compare, not a reference
  bool quiet = false;         // see Meeting in co_variables.hpp
  bool view = false;          // of an array that does not own it, and whose size does not count it
  auto operator<=>(const Extent&) const = default;
};

// The memory that is reached by views alone, their owner not being among the extents: from the first byte to
// the last that they show of each owner.
std::uint64_t bytes_behind_views(const std::vector<Extent>& extents);

}  // namespace elastic::pyobj::walk
