#include "pyobj/ways_to_names.hpp"

#include <algorithm>
#include <array>

namespace elastic::pyobj {
namespace {

// Attributes that hand out a namespace or a frame whatever they are looked up on.
constexpr std::array kReachingAttributes = {
    "__globals__",   "f_globals",      "f_locals",        "f_back",         "f_builtins",  "_getframe",
    "user_ns",       "user_global_ns", "user_module",     "__builtins__",   "gi_frame",    "cr_frame",
    "ag_frame",      "tb_frame",       "_current_frames", "__subclasses__", "get_objects", "get_referrers",
    "get_referents", "currentframe",   "getouterframes",  "getinnerframes", "testmod",     "dump_session",
    "load_session",  "set_trace",      "safe_execfile",   "all_ns_refs",    "all_frames"};

// Builtin functions that do, unless the name is one of the user's own.
constexpr std::array kReachingBuiltins = {"globals",    "locals",     "vars",       "dir",
                                          "exec",       "eval",       "__import__", "__builtins__",
                                          "breakpoint", "__builtin__"};

struct ModuleAttribute {
  std::string_view module;
  std::string_view attribute;  // "*": any
};
constexpr std::array kModuleAttributes = {ModuleAttribute{"__main__", "*"},
                                          ModuleAttribute{"sys", "modules"},
                                          ModuleAttribute{"sys", "_getframe"},
                                          ModuleAttribute{"inspect", "stack"},
                                          ModuleAttribute{"inspect", "trace"},
                                          ModuleAttribute{"inspect", "getmodule"},
                                          ModuleAttribute{"inspect", "currentframe"},
                                          ModuleAttribute{"inspect", "getouterframes"},
                                          ModuleAttribute{"inspect", "getinnerframes"},
                                          ModuleAttribute{"gc", "get_objects"},
                                          ModuleAttribute{"gc", "get_referrers"},
                                          ModuleAttribute{"gc", "get_referents"},
                                          ModuleAttribute{"ctypes", "pythonapi"},
                                          ModuleAttribute{"ctypes", "py_object"},
                                          ModuleAttribute{"doctest", "testmod"},
                                          ModuleAttribute{"doctest", "run_docstring_examples"},
                                          ModuleAttribute{"unittest", "main"},
                                          ModuleAttribute{"pdb", "set_trace"},
                                          ModuleAttribute{"pdb", "runcall"},
                                          ModuleAttribute{"dill", "dump_session"},
                                          ModuleAttribute{"dill", "load_session"},
                                          ModuleAttribute{"dill", "dump_module"},
                                          ModuleAttribute{"dill", "load_module"},
                                          ModuleAttribute{"IPython", "embed"},
                                          ModuleAttribute{"IPython", "get_ipython"},
                                          ModuleAttribute{"traceback", "walk_stack"},
                                          ModuleAttribute{"code", "interact"},
                                          ModuleAttribute{"threading", "settrace"},
                                          ModuleAttribute{"ipywidgets.widgets.widget", "Widget.close_all"},
                                          ModuleAttribute{"sys", "_current_frames"}};

// What hands out the functions above, of a value that leads to the module `builtins`: sympy's lambdify makes
// such functions. Code that imports it by name is not trusted with any attribute.
constexpr std::array kWaysIntoBuiltins = {"__dict__", "getattr", "__getattribute__", "attrgetter",
                                          "methodcaller"};

template <class Array>
bool contains(const Array& array, std::string_view word) {
  return std::find(array.begin(), array.end(), word) != array.end();
}

bool hands_out_builtins(std::string_view attribute) {
  return contains(kReachingBuiltins, attribute) || contains(kWaysIntoBuiltins, attribute);
}

}  // namespace

bool is_reaching_builtin(std::string_view name) { return contains(kReachingBuiltins, name); }

bool hands_out_names(std::string_view attribute) { return contains(kReachingAttributes, attribute); }

bool is_reaching_word(std::string_view word) {
  return contains(kReachingBuiltins, word) || contains(kReachingAttributes, word) || word == "__main__" ||
         word == "builtins";
}

std::string reach_through_module(std::string_view module, std::string_view attribute) {
  if (module == "builtins" && hands_out_builtins(attribute)) return "uses builtins." + std::string(attribute);
  for (const ModuleAttribute& entry : kModuleAttributes) {
    if (entry.module == module && (entry.attribute == "*" || entry.attribute == attribute)) {
      return "uses " + std::string(module) + "." + std::string(attribute);
    }
  }
  return {};
}

bool is_reaching_attribute(std::string_view attribute) {
  return hands_out_builtins(attribute) ||
         std::any_of(kModuleAttributes.begin(), kModuleAttributes.end(),
                     [&](const ModuleAttribute& entry) { return entry.attribute == attribute; });
}

bool is_reaching_module(std::string_view module) {
  return module == "builtins" ||
         std::any_of(kModuleAttributes.begin(), kModuleAttributes.end(),
                     [&](const ModuleAttribute& entry) { return entry.module == module; });
}

}  // namespace elastic::pyobj
