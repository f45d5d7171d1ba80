// What only frames that have ended hold, or garbage: nothing in them runs again.
//
// sys.last_traceback keeps the frames of the last exception, libraries and garbage that waits for its
// collection those of others. What they refer to is no code that a library can run.
#pragma once
#include <Python.h>

#include <unordered_map>
#include <vector>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// Whether the object is the frame of a call that has returned or raised.
bool is_ended_frame(PyObject* object);

using ReferenceCounts = std::unordered_map<PyObject*, Py_ssize_t>;

// Adds to `counts` the references from what has ended, and from what no one else holds, to each object, but
// for those of objects in `followed`, which are accounted for there. A reference to an object at whose end
// code of the session runs (its `__del__`, the rest of a generator, a callback) is not added. REQUIRES: the
// GIL is held.
void count_from_ended(const std::vector<Owned>& ended, const ReferenceCounts& followed,
                      ReferenceCounts& counts);

}  // namespace elastic::pyobj
