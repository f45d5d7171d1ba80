#include "session/deferred.hpp"

#include <algorithm>
#include <utility>

#include "session/verify.hpp"

namespace elastic::session {

using pyobj::Borrowed;
using pyobj::GilHeld;

namespace {

std::set<std::string> names_needed_at_once(const Source& source, const plan::Plan& plan) {
  std::set<std::string> names;
  const graph::History& history = source.history;
  for (const CellIndex cell : plan.cells_to_rerun) {
    for (const graph::Read& read : history.cell(cell).reads)
      names.insert(history.name_of(history.snapshot(read.snapshot).variable));
    for (const graph::Snapshot& written : history.writes_of(cell))
      names.insert(history.name_of(written.variable));
  }
  for (const pyobj::ModuleAttribute& attribute : source.payload.module_attributes)
    names.insert(attribute.variable);
  return names;
}

}  // namespace

std::set<std::size_t> groups_that_can_wait(const Source& source, const plan::Plan& plan,
                                           const std::vector<std::size_t>& holding_groups) {
  const auto active = active_groups(source);
  const std::set<std::string> needed = names_needed_at_once(source, plan);
  std::set<std::size_t> waiting;
  std::vector<std::size_t> loaded;
  for (const std::size_t holding : plan.loads) {
    const std::size_t place = holding_groups[holding];
    const StoredGroup& group = source.payload.groups[place];
    // IPython puts a macro's text in place of its name before anybody could load it for the cell.
    const bool can_wait =
        !group.ambient && !group.modules.contains("IPython") &&
        std::none_of(group.references.begin(), group.references.end(),
                     [&](const std::string& name) { return needed.contains(name); }) &&
        std::all_of(group.snapshots.begin(), group.snapshots.end(), [&](const StoredSnapshot& each) {
          const auto found = active.find(each.variable);
          return found != active.end() && found->second == place && !needed.contains(each.variable);
        });
    if (can_wait)
      waiting.insert(place);
    else
      loaded.push_back(place);
  }
  while (!loaded.empty()) {
    const StoredGroup& group = source.payload.groups[loaded.back()];
    loaded.pop_back();
    for (const std::string& name : group.references) {
      const auto found = active.find(name);
      if (found != active.end() && waiting.erase(found->second) > 0) loaded.push_back(found->second);
    }
  }
  return waiting;
}

std::set<std::string> Deferred::names() const {
  std::set<std::string> names;
  for (const auto& [group, variables] : carried_->replay->deferred())
    names.insert(variables.begin(), variables.end());
  return names;
}

std::set<std::string> Deferred::next() const {
  constexpr std::uint64_t kBytes = 1 << 20;
  constexpr std::size_t kGroups = 500;
  std::set<std::string> names;
  std::uint64_t bytes = 0;
  std::size_t count = 0;
  for (const auto& [group, variables] : carried_->replay->deferred()) {
    bytes += carried_->source.payload.groups[group].bytes;
    if (count > 0 && (bytes > kBytes || count == kGroups)) break;
    names.insert(variables.begin(), variables.end());
    ++count;
  }
  return names;
}

std::vector<std::size_t> Deferred::groups_of(const std::set<std::string>& names) const {
  std::vector<std::size_t> groups;
  std::set<std::size_t> taken;
  std::set<std::string> wanted = names;
  const auto& waiting = carried_->replay->deferred();
  // What a group refers to is bound with it, or a change through this one would be seen by nobody.
  for (bool more = true; std::exchange(more, false);) {
    for (const auto& [group, variables] : waiting) {
      if (taken.contains(group)) continue;
      if (std::none_of(variables.begin(), variables.end(), [&](auto& name) { return wanted.contains(name); }))
        continue;
      groups.push_back(group);
      taken.insert(group);
      const auto& references = carried_->source.payload.groups[group].references;
      wanted.insert(references.begin(), references.end());
      more = true;
    }
  }
  return groups;
}

Result<Deferred::Loaded> Deferred::load(const GilHeld& gil, Borrowed user_namespace,
                                        const std::set<std::string>& names) {
  Loaded loaded;
  Replay& replay = *carried_->replay;
  const auto waiting = replay.deferred();
  const auto failures = replay.load_deferred(gil, groups_of(names));
  loaded.interrupted = !failures.ok();
  for (const auto& [group, variables] : waiting)
    if (!replay.deferred().contains(group))
      loaded.bound.insert(loaded.bound.end(), variables.begin(), variables.end());
  if (failures.ok()) {
    for (const auto& [group, why] : *failures) {
      for (const std::string& variable : waiting.at(group)) loaded.lost.emplace(variable, why);
      replay.give_up(group);
    }
  }
  const std::set<std::string> bound(loaded.bound.begin(), loaded.bound.end());
  plan::Plan compared = carried_->plan;
  std::erase_if(compared.variables, [&](const plan::VariablePlan& variable) {
    return !bound.contains(carried_->source.history.name_of(variable.variable));
  });
  RestoreReport report;
  if (auto done = verify(gil, user_namespace, carried_->source, compared, false, report); !done.ok()) {
    if (done.error().code() != ErrorCode::kCancelled) return done.error();
    loaded.interrupted = true;
  }
  for (const auto& [name, entry] : report.variables)
    if (entry.differs) loaded.differs.emplace(name, entry.why);
  return loaded;
}

}  // namespace elastic::session
