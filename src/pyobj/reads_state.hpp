// What `Reads` keeps between cells; shared by reads.cpp and escaped.cpp.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "elastic/pyobj/reads.hpp"
#include "pyobj/code_account.hpp"
#include "pyobj/reach.hpp"

namespace elastic::pyobj {

struct Reads::State {
  explicit State(Borrowed user_namespace)
      : names(user_namespace.get()), reacher(names, codes), account(names, reacher) {}

  // A variable's value by name, as text; null (and no exception) where there is none.
  PyObject* value_of(std::string_view name) const;

  // What the value of `name` reaches; kept for large values until `forget`.
  const Reach& reach_of(const std::string& name, PyObject* value);
  // The same where it is known or told at a glance; null where the value is too large for that.
  const Reach* glance_at(const std::string& name, PyObject* value);
  // What a value that is too large may lead to; nothing where only looking through it can tell.
  std::optional<Reach> reach_of_large();
  // Whether the session uses modules of the user's own. A value that leads to one depends on its source, and
  // nobody counts the references to these.
  void note_modules(bool first);
  void note_access(const Access& access);

  struct KeptReach {
    PyObject* value;  // compared, never followed
    Reach reach;
  };
  struct EscapedCode {
    std::string name;
    Reach reach;
    bool is_code = false;     // a function or a class
    bool by_message = false;  // only what looks messages from the browser up leads to it
  };
  static constexpr std::size_t kKeepAbove =
      256;  // objects; looking through fewer is cheaper than to trust the past

  PyObject* names;
  CodeNamesCache codes;
  Reacher reacher;
  CodeAccount account;
  // Once a cell could reach everything, what hands out the namespace (globals, frames) may be anywhere.
  bool everything_was_reached = false;
  bool runs_elsewhere = false;        // the session has forked: what runs there does not show here
  std::uint64_t modules_version = 0;  // of sys.modules when it was last looked through
  std::unordered_set<std::string> modules_known;
  std::unordered_set<std::string> modules_without_code;  // nor a file: made by hand, or by one written in C
  bool uses_own_modules = false;
  std::unordered_map<std::string, KeptReach> kept;
  Reach scratch;
  std::vector<EscapedCode> escaped;
  std::set<std::string, std::less<>> expected;
};

}  // namespace elastic::pyobj
