// Of a co-variable that can neither be stored nor recomputed as a whole: those of its variables that can be
// stored. An iterator over a frame is linked with the frame, and would take it along.
#include <algorithm>

#include "elastic/session/session.hpp"
#include "session/dumped.hpp"

namespace elastic::session {

using pyobj::GilHeld;
using pyobj::Pickled;

namespace {

// The groups that the plan loses and that no pickle holds, by place.
std::set<std::size_t> lost_groups(const DumpedSession& dumped) {
  GroupsByName place_of(dumped);
  std::set<std::size_t> lost;
  for (const plan::VariablePlan& variable : dumped.plan.variables) {
    if (variable.action != plan::Action::kLost || dumped.history.is_ambient(variable.variable)) continue;
    const std::size_t place = place_of.find(dumped.history.name_of(variable.variable)).value();
    if (dumped.groups[place].names.size() > 1 && !dumped.groups[place].part &&
        !dumped.input.holdings[place].not_storable.empty())
      lost.insert(place);
  }
  return lost;
}

// Strikes out of `references` (of variables that pickle alone) those that refer to what is not stored.
void keep_loadable(const DumpedSession& dumped, std::map<std::string, std::vector<std::string>>& references) {
  GroupsByName place_of(dumped);
  const auto can_be_had = [&](const std::string& name) {
    if (references.contains(name)) return true;
    const auto found = place_of.find(name);
    return found && dumped.input.holdings[*found].not_storable.empty() &&
           !is_marked_never_store(dumped, *found);
  };
  const auto is_loadable = [&](const auto& variable) {
    return std::all_of(variable.second.begin(), variable.second.end(), can_be_had);
  };
  for (;;) {
    const auto other = std::find_if_not(references.begin(), references.end(), is_loadable);
    if (other == references.end()) return;
    references.erase(other);
  }
}

}  // namespace

Result<bool> Session::offer_parts(const GilHeld& gil, DumpedSession& dumped) {
  bool offered = false;
  for (const std::size_t whole : lost_groups(dumped)) {
    if (std::exchange(dumped.groups[whole].taken_apart, true) || is_marked_never_store(dumped, whole))
      continue;
    std::map<std::string, std::vector<std::string>> references;
    for (const std::string& name : dumped.groups[whole].names) {
      if (dumped.gives_way) ELASTIC_TRY(driver_->goes_on(gil));
      const Result<Pickled> alone = dumped.dumper->dump(gil, {name});
      if (alone.ok())
        references.emplace(name, alone->references);
      else if (alone.error().code() == ErrorCode::kCancelled)
        return alone.error();
    }
    keep_loadable(dumped, references);
    if (references.empty() || references.size() == dumped.groups[whole].names.size()) continue;
    DumpedGroup part;
    part.part = true;
    part.pickled_in = dumped.groups.size();
    part.type = dumped.groups[whole].type;
    part.size_bytes = dumped.groups[whole].size_bytes;
    plan::Holding holding;
    for (const SnapshotId member : dumped.input.holdings[whole].snapshots) {
      const std::string& name = dumped.history.name_of(dumped.history.snapshot(member).variable);
      if (!references.contains(name)) continue;
      part.names.push_back(name);
      holding.snapshots.push_back(member);
    }
    const std::vector<std::string> names = part.names;
    dumped.groups.push_back(std::move(part));
    dumped.input.holdings.push_back(std::move(holding));
    ELASTIC_TRY(dump_group(gil, dumped, dumped.groups.size() - 1, names));
    set_price(costs_, {}, dumped, dumped.groups.size() - 1);
    offered = true;
  }
  return offered;
}

}  // namespace elastic::session
