// Which code of the session something too large to be looked through could lead to, told from reference
// counts alone.
//
// All code of the session refers to its namespace: a function by itself, a generator or a frame through its
// function. Where the references to the namespace are all accounted for by what the small variables lead to,
// there is no other code. And what was not looked through leads to that code only by references, to it or to
// what holds it, that are not accounted for.
//
// REQUIRES: the GIL is held. No user code runs.
#pragma once
#include <Python.h>

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pyobj/reach.hpp"

namespace elastic::pyobj {

class CodeAccount {
 public:
  // More than so many objects and references are not looked through.
  static constexpr std::size_t kGlance = 4096;

  CodeAccount(PyObject* user_namespace, Reacher& reacher) : namespace_(user_namespace), reacher_(reacher) {}

  // Counts who else refers to the namespace: its module, the shell, we ourselves, and whoever is on the
  // stack. REQUIRES: called before the session has run any code; this and `outside` from the same place in
  // the program, since what is on the stack must be the same each time, or less the first time. True the
  // first time; later calls do nothing.
  bool open(const GilHeld&);
  // The session's code that there may be before it runs any is a startup file's, and finding it is a search
  // of the heap: there is none as long as nobody refers to the namespace who does not do so now. REQUIRES: as
  // for `open`.
  void no_code_yet(const GilHeld&) { others_without_code_ = Py_REFCNT(namespace_); }

  // What a variable leads to; null where it is large. It may be remembered.
  using Glance = std::function<const Reach*(const std::string& name, PyObject* value)>;

  // A superset of what anything that is not a small variable leads to; nothing where that cannot be told.
  std::optional<Reach> outside(const Glance& glance);
  // Whether there were large values, as of then.
  bool met_large() const { return !large_.empty(); }

 private:
  bool find_roots(const Glance& glance);
  std::vector<PyObject*> take_account(Py_ssize_t& accounted, bool& all);

  PyObject* namespace_;
  Reacher& reacher_;
  std::optional<Py_ssize_t> others_;  // references to the namespace that are no code's
  std::optional<Py_ssize_t> others_without_code_;
  std::vector<PyObject*> roots_;  // small variables that lead to code
  // By name: values that were found to be large. Compared, never followed; a wrong entry only leaves one out.
  std::unordered_map<PyObject*, PyObject*> large_;
};

}  // namespace elastic::pyobj
