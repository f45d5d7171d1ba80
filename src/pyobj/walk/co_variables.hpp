// The partition of variables into co-variables, from the addresses that their walks have met.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
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

// By address, each object once; loud where it was met loudly once.
void order(std::vector<Meeting>& meetings);

// What of one variable others may share.
struct Sharing {
  const std::string* name;
  const std::vector<Meeting>* objects;  // ordered; owners of memory are among them
  const std::vector<Extent>* extents;
  std::uint64_t version;  // never the same again once the objects are others
};

// Remembers which of the large variables meet: a session has millions of objects, and few of them change from
// one cell to the next.
class Partition {
 public:
  // Groups of names that share a mutable object, the owner of a buffer, or a byte of memory; transitively.
  std::vector<std::vector<std::string>> of(const std::vector<Sharing>& variables);

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, bool> meet_;  // by versions
};

}  // namespace elastic::pyobj::walk
