// What a module holds that a cell can change: its globals, the attributes of its classes and functions, and
// the functions' default values and closures, beside functions, classes and modules.
//
// REQUIRES of everything: the GIL.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

struct ModuleValue {
  std::string path;  // "debug", or "Config.debug" of a class
  Borrowed value;
};

std::vector<ModuleValue> module_values_of(Borrowed module);

// What importing gives: modules, and the functions and classes found under their own name in one.
bool comes_by_import(PyObject* value);

// What a path such as "Config.load.__defaults__" or "count.__closure__.n.cell_contents" is an attribute of,
// null if it is not there; and its name.
std::pair<Owned, std::string> holder_of(Borrowed module, const std::string& path);

}  // namespace elastic::pyobj
