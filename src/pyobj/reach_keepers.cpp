// What may know already what code of the session returns, or run it in another way than the interpreter does:
// a cache, a compiler, a library's object. Whatever is not known to be no such thing is one. Code that a
// value leads to past these can be observed: when it is called, it runs (read_paths.hpp).
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "pyobj/code_owner.hpp"
#include "pyobj/reach.hpp"
#include "pyobj/read_paths.hpp"

namespace elastic::pyobj {
namespace {

// C types that hold what they were given, and at most call it.
constexpr std::array<std::string_view, 7> kTypes = {
    "functools.partial",     "operator.itemgetter", "operator.attrgetter", "operator.methodcaller",
    "types.SimpleNamespace", "types.GenericAlias",  "types.UnionType"};
constexpr std::array<std::string_view, 4> kTypesBelow = {"collections.", "itertools.", "datetime.",
                                                         "decimal."};
// Classes in Python, by their module. What a cached_property or an instance keeps, the session keeps.
constexpr std::array<std::string_view, 9> kModules = {
    "abc", "_abc", "collections", "dataclasses", "enum", "typing", "types", "fractions", "_collections_abc"};
// Their observers are called at each change, and what these return is kept by nobody.
constexpr std::array<std::string_view, 2> kPackages = {"traitlets.", "ipywidgets."};
constexpr std::array<std::string_view, 2> kOfFunctools = {"cached_property", "partialmethod"};

// Their answers are kept by the class (abc) that asked.
constexpr std::array<std::string_view, 2> kKeptAnswers = {"__subclasshook__", "__subclasscheck__"};

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool may_keep_results(PyTypeObject* type) {
  const std::string_view name(type->tp_name);
  if (is_one_of(kTypes, name)) return false;
  if ((type->tp_flags & Py_TPFLAGS_HEAPTYPE) == 0) {
    return name.find('.') != name.npos &&
           std::ranges::none_of(kTypesBelow, [&](std::string_view start) { return name.starts_with(start); });
  }
  if (is_session_type(type)) return false;
  PyObject* module = type->tp_dict != nullptr ? PyDict_GetItemString(type->tp_dict, "__module__") : nullptr;
  const char* home = module != nullptr && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : nullptr;
  if (home == nullptr) {
    PyErr_Clear();
    return true;
  }
  const auto is_within = [&](std::string_view package) {
    return std::string_view(home).starts_with(package);
  };
  return !is_one_of(kModules, home) && std::ranges::none_of(kPackages, is_within) &&
         !(std::strcmp(home, "functools") == 0 && is_one_of(kOfFunctools, name));
}

// To be entered later, when all that is reached past such objects is known.
bool Reacher::set_aside(PyObject* object, Kind kind) {
  if (!splits_ || !is_keeper(object, kind)) return false;
  keepers_.push_back(object);
  return true;
}

void Reacher::enter_keepers(std::size_t codes) {
  const std::size_t observed = reach_->codes.size();
  came_back_ = false;
  if (splits_ && !keepers_.empty()) {
    splits_ = false;
    ++roots_;
    for (PyObject* object : keepers_) {
      if (is_over()) break;
      enter(object, kind_of(Py_TYPE(object)));
      follow();
    }
  }
  splits_ = false;
  keepers_.clear();
  follow_aside();
  // What they lead to may be any of what was met before.
  for (std::size_t i = came_back_ ? codes : observed; i < reach_->codes.size(); ++i)
    reach_->codes[i].observed = nullptr;
}

// A thing that was met on the way past all keepers, met again on a way through one.
void Reacher::note_return(PyObject* object, std::uint32_t root) {
  if (shares_ || came_back_ || root == roots_) return;
  const Kind kind = kind_of(Py_TYPE(object));
  came_back_ = !is_keeper(object, kind) && !is_plain_array(object, kind);
}

PyObject* Reacher::observed(PyObject* code, const std::string& name) const {
  const std::size_t dot = name.rfind('.');
  const std::string_view last = dot == name.npos ? name : std::string_view(name).substr(dot + 1);
  return splits_ && !is_one_of(kKeptAnswers, last) && shows_that_it_runs(code) ? code : nullptr;
}

}  // namespace elastic::pyobj
