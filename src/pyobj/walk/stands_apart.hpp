// Whether a value shares nothing that can change with anything else, told from reference counts alone: every
// reference to every object in it comes from inside it. No memory is read, so a frame of any size takes
// microseconds. "No" is always a possible answer: for what cannot be seen into, and for what is large.
//
// REQUIRES: the GIL. No Python code runs.
#pragma once
#include <Python.h>

#include "pyobj/walk/type_info.hpp"

namespace elastic::pyobj::walk {

// `root` is referred to by one variable of the namespace.
bool stands_apart(PyObject* root, PyObject* user_namespace, TypeCache& types);

}  // namespace elastic::pyobj::walk
