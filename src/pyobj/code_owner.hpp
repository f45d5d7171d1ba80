// Whose code something is: the session's, the user's own modules', or a library's. REQUIRES: the GIL is held.
#pragma once
#include <Python.h>

#include <string>
#include <string_view>

namespace elastic::pyobj {

// A class statement of the session, or of the user's own modules, made the type.
bool is_session_type(PyTypeObject* type);

// Whether the code of this module (by its dict or object) is the user's own: not of the standard library, not
// installed.
bool is_own_module(PyObject* module);

// Whether code from this file is a library's (library_paths.cpp).
bool is_library_path(const std::string& path);

bool is_this_package(std::string_view module);

}  // namespace elastic::pyobj
