#include "session/doubles.hpp"

namespace elastic::session {

using plan::Action;
using plan::StoreWish;
using pyobj::Borrowed;
using pyobj::GilHeld;

namespace {

// What re-run cells find in an older version than the one that is loaded.
std::set<VariableId> older_than_loaded(const DumpedSession& dumped) {
  std::set<VariableId> loaded, older;
  for (const plan::VariablePlan& variable : dumped.plan.variables)
    if (variable.action == Action::kStore) loaded.insert(variable.variable);
  for (const plan::Rerun& rerun : dumped.plan.reruns)
    for (const plan::RerunInput& input : rerun.inputs) {
      const VariableId variable = dumped.history.snapshot(input.snapshot).variable;
      if (loaded.contains(variable) && dumped.history.active(variable) != input.snapshot)
        older.insert(variable);
    }
  return older;
}

}  // namespace

std::set<VariableId> Doubles::referred(const GilHeld& gil, const DumpedSession& dumped, VariableId variable,
                                       const std::set<VariableId>& older) {
  std::set<std::string> names;
  for (const VariableId each : older) names.insert(dumped.history.name_of(each));
  std::set<VariableId> found;
  for (const std::string& name : reads_.code_referred_to(gil, dumped.history.name_of(variable), names))
    found.insert(*dumped.history.find_variable(name));
  found.erase(variable);
  return found;
}

bool Doubles::avoid(const GilHeld& gil, DumpedSession& dumped) {
  auto& wishes = dumped.input.wishes.variables;
  if (!asked_.empty() && dumped.plan.lost_count > lost_before_) {
    for (const auto& [variable, wish] : asked_) wishes.erase(variable);
    asked_.clear();
    return true;
  }
  asked_.clear();
  const std::set<VariableId> older = older_than_loaded(dumped);
  if (older.empty()) return false;
  GroupsByName place_of(dumped);
  const auto ask = [&](VariableId member, StoreWish wish) {
    const std::size_t place = place_of.find(dumped.history.name_of(member)).value();
    for (const std::string& name : dumped.groups[place].names) {
      const VariableId variable = *dumped.history.find_variable(name);
      if (!tried_.insert(variable).second || users_.variables.contains(variable)) continue;
      wishes[variable] = wish;
      asked_[variable] = wish;
    }
  };
  for (const plan::VariablePlan& variable : dumped.plan.variables) {
    if (variable.action != Action::kRecompute || dumped.history.is_ambient(variable.variable)) continue;
    const std::set<VariableId> code = referred(gil, dumped, variable.variable, older);
    if (code.empty()) continue;
    const std::size_t place = place_of.find(dumped.history.name_of(variable.variable)).value();
    if (dumped.input.holdings[place].not_storable.empty()) {
      ask(variable.variable, StoreWish::kAlways);
    } else {
      for (const VariableId each : code) ask(each, StoreWish::kNever);
    }
    if (!asked_.empty()) break;  // one at a time: what one asks for may be taken back
  }
  lost_before_ = dumped.plan.lost_count;
  return !asked_.empty();
}

}  // namespace elastic::session
