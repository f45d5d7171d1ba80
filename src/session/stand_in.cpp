#include "session/stand_in.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace elastic::session {

using nlohmann::json;

namespace {

constexpr const char* kNoRerun = "the history of its checkpoint is damaged";

// What the checkpoint's report says of a variable or of a piece of ambient state; null if nothing.
json entry_of(const json& report, const std::string& name) {
  const auto kind = report.find(name.starts_with('<') ? "ambient" : "variables");
  return kind != report.end() && kind->is_object() ? kind->value(name, json()) : json();
}

// An older snapshot, which only re-run cells read, is not what the variable was.
bool is_newest(const json& report, const StoredSnapshot& snapshot) {
  const json entry = entry_of(report, snapshot.variable);
  return entry.is_object() && entry.value("written_by", json()) == json(snapshot.writer);
}

}  // namespace

Result<graph::History> stand_in_history(Payload& payload, std::int64_t written_us) {
  graph::History history;
  graph::CellRecord past;
  past.outside_cell = true;
  past.source = "# what came before: the history of this checkpoint is damaged";
  past.no_rerun_reason = kNoRerun;
  past.started_wall_us = written_us;
  std::set<std::string> known;
  std::vector<StoredGroup> groups;
  const json none = json::object();
  try {
    const json parsed = payload.parsed_report();
    const json& report = parsed.is_object() ? parsed : none;
    for (StoredGroup& group : payload.groups) {
      std::set<std::string> names;
      const auto is_current = [&](const StoredSnapshot& each) {
        return is_newest(report, each) && !known.contains(each.variable) &&
               names.insert(each.variable).second;
      };
      if (!std::all_of(group.snapshots.begin(), group.snapshots.end(), is_current)) continue;
      std::vector<VariableId> linked;
      for (StoredSnapshot& each : group.snapshots) {
        each.writer = 0;
        graph::Write write{history.variable(each.variable)};
        write.size_bytes = group.bytes;
        past.writes.push_back(write);
        linked.push_back(write.variable);
      }
      known.merge(names);
      if (linked.size() > 1) past.linked.push_back(std::move(linked));
      groups.push_back(std::move(group));
    }
    const json& variables = report.contains("variables") ? report["variables"] : none;
    for (const auto& [name, entry] : (variables.is_object() ? variables : none).items()) {
      if (!known.insert(name).second) continue;
      past.writes.push_back({history.variable(name)});
      payload.lost.emplace(name, std::string("it was to be computed again, and ") + kNoRerun);
    }
  } catch (const json::exception& error) {
    return Error(ErrorCode::kCorruption,
                 std::string("the checkpoint's description is damaged: ") + error.what());
  }
  payload.groups = std::move(groups);
  ELASTIC_ASSIGN([[maybe_unused]] const CellIndex cell, history.record(std::move(past)));
  return history;
}

}  // namespace elastic::session
