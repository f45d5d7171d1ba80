// Attributes and methods of extension types, called at the C level: the type's own tables are searched, so
// nothing a user has put on a class or an instance is in the way. For types the walk knows; their getters are
// C code that runs no Python code.
#pragma once
#include "elastic/pyobj/ref.hpp"
#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj::walk {

// The value that a C getter gives; null, with no exception pending, if there is none of that name or it
// failed.
Owned c_attribute(PyObject* object, std::string_view name);

// The result of a method that a C type defines under that name; null, with no exception pending, if it
// failed.
Owned c_call(PyObject* object, std::string_view method, PyObject* arguments);

}  // namespace elastic::pyobj::walk
