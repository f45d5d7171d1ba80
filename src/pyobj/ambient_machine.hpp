// The ambient state that is the machine's: environment, search path, working directory, locale; and the calls
// that all of ambient.cpp makes.
//
// The first three are the machine's own but for what cells did to them. Their values are differences from how
// the session's process began, so that they mean the same where those are others. REQUIRES: the GIL. Null,
// with or without an exception, where something cannot be had.
#pragma once
#include <string>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

Owned module_named(const char* name);  // that has been imported
Owned attribute(const Owned& object, const char* name);
Owned call(const Owned& object, const char* method);
Owned call(const Owned& object, const char* method, const Owned& argument);

std::string working_directory();
std::string current_locale();
Owned text_object(const std::string& text);

// `module`: os for the environment and the directory, sys for the path.
Owned environment_take(const Owned& module);
Owned environment_put(const Owned& module, const Owned& changes);
Owned path_take(const Owned& module);
Owned path_put(const Owned& module, const Owned& value);
Owned directory_take(const Owned& module);
Owned directory_put(const Owned& module, const Owned& value);
Owned locale_put(const Owned& module, const Owned& value);

}  // namespace elastic::pyobj
