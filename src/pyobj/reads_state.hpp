// What `Reads` keeps between cells; shared by reads.cpp and escaped.cpp.
#pragma once
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "elastic/pyobj/reads.hpp"
#include "pyobj/reach.hpp"

namespace elastic::pyobj {

struct Reads::State {
  explicit State(Borrowed user_namespace) : names(user_namespace.get()), reacher(names, codes) {}

  // A variable's value by name, as text; null (and no exception) where there is none.
  PyObject* value_of(std::string_view name) const;

  // What the value of `name` reaches; kept for large values until `forget`.
  const Reach& reach_of(const std::string& name, PyObject* value);

  struct KeptReach {
    PyObject* value;  // compared, never followed
    Reach reach;
  };
  struct EscapedCode {
    std::string name;
    Reach reach;
  };
  static constexpr std::size_t kKeepAbove =
      256;  // objects; looking through fewer is cheaper than to trust the past

  PyObject* names;
  CodeNamesCache codes;
  Reacher reacher;
  std::unordered_map<std::string, KeptReach> kept;
  Reach scratch;
  std::vector<EscapedCode> escaped;
  std::set<std::string, std::less<>> expected;
};

}  // namespace elastic::pyobj
