// Classes and functions that a restore would have twice: loaded as they are now, and made anew, as they were
// then, by a cell that is re-run for something else. What that cell makes refers to the older one, and would
// come back different.
//
// Threads: the GIL is held. No code of the user's runs.
#pragma once
#include <map>
#include <set>

#include "elastic/pyobj/reads.hpp"
#include "session/dumped.hpp"

namespace elastic::session {

class Doubles {
 public:
  // Nothing that `wishes`, the user's own, speak of is decided otherwise.
  Doubles(pyobj::Borrowed user_namespace, plan::Wishes wishes)
      : reads_(user_namespace), users_(std::move(wishes)) {}

  // True when `dumped.plan` would have one, and the input now asks for a plan without it: what refers to the
  // class is stored as well, or, where it cannot be, the class is not. What would lose a variable is taken
  // back.
  bool avoid(const pyobj::GilHeld&, DumpedSession& dumped);

 private:
  // The names, among `older`, of what the variable's value refers to.
  std::set<VariableId> referred(const pyobj::GilHeld&, const DumpedSession& dumped, VariableId variable,
                                const std::set<VariableId>& older);

  pyobj::Reads reads_;
  plan::Wishes users_;
  std::set<VariableId> tried_;
  std::map<VariableId, plan::StoreWish> asked_;  // by the last call
  std::size_t lost_before_ = 0;
};

}  // namespace elastic::session
