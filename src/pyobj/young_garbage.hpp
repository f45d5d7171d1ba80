// Objects that wait for the garbage collector: cycles that nothing leads to, of the two young generations.
//
// A solver or an estimator that refers to itself leaves such a cycle behind, and what it was handed seems to
// be held by a library for as long as it lies there. Only what is young is looked through, which takes
// microseconds; the collector does away with it before it is old, as a rule.
#pragma once
#include <Python.h>

#include <vector>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// Without what has a finalizer and what that leads to: it can run once more. `gc` is the module. REQUIRES:
// the GIL is held, and the collector is off until the last of what is returned has gone.
std::vector<Owned> young_garbage(PyObject* gc);

}  // namespace elastic::pyobj
