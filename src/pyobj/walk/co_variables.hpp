// The partition of variables into co-variables, from the addresses that their walks have met.
#pragma once
#include <string>
#include <vector>

#include "pyobj/walk/parts.hpp"

namespace elastic::pyobj::walk {

// An object a variable reaches and others may. The address is compared, never followed.
//
// Quiet: reached through a holder that never changes it in place. A pandas Index is handed from frame to
// frame, and copy-on-write frames share their blocks until one is written to: what two variables share only
// quietly does not link them. One that reaches the same object or memory otherwise (an array from `.values`)
// can change it, and does.
struct Meeting {
  PyObject* object;
  bool quiet;
};

// What of one variable others may share.
struct Sharing {
  const std::string* name;
  const std::vector<Meeting>* objects;
  const std::vector<Extent>* extents;
};

// Groups of names that share a mutable object, the owner of a buffer, or a byte of memory; transitively.
std::vector<std::vector<std::string>> partition(const std::vector<Sharing>& variables);

}  // namespace elastic::pyobj::walk
