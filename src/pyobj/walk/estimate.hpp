// How long the walk of a value will take, told from a few of its elements.
#pragma once
#include <Python.h>

#include <chrono>

namespace elastic::pyobj::walk {

// Only what builtin containers hold is looked into, and only a few of their elements: about a microsecond.
// What it errs by costs nobody more than time. REQUIRES: the GIL.
std::chrono::microseconds estimate(PyObject* value);

}  // namespace elastic::pyobj::walk
