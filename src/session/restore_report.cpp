#include "session/input_files.hpp"
#include "session/restore_source.hpp"

namespace elastic::session {

using nlohmann::json;

namespace {

std::string why_lost(const Source& source, const plan::VariablePlan& variable) {
  const std::string& name = source.history.name_of(variable.variable);
  for (const auto& [group, error] : source.group_errors)
    for (const StoredSnapshot& each : source.payload.groups[group].snapshots)
      if (each.variable == name) return "it did not load (" + error + "), and " + variable.why;
  const CellIndex writer = source.history.snapshot(variable.snapshot).writer;
  if (auto found = source.banned_cells.find(writer); found != source.banned_cells.end()) return found->second;
  if (auto found = source.payload.lost.find(name); found != source.payload.lost.end()) return found->second;
  return variable.why;
}

std::string how_it_changed(const pyobj::InputFile& then) {
  const pyobj::InputFile now = pyobj::describe_file(then.path);
  if (now.size_bytes < 0) return "is not there";
  if (now.size_bytes == then.size_bytes) return "has other content, or was written again";
  return "has " + std::to_string(now.size_bytes) + " bytes, had " + std::to_string(then.size_bytes);
}

json modules_of(const Source& source) {
  json modules = json::object();
  for (const StoredGroup& group : source.payload.groups)
    for (const auto& [module, version] : group.modules) {
      modules[module]["version"] = version;
      for (const std::string& name : group.names) modules[module]["variables"].push_back(name);
    }
  return modules;
}

}  // namespace

json inputs_not_as_then(const Source& source, const plan::Plan& plan) {
  std::set<CellIndex> cells(plan.cells_to_rerun.begin(), plan.cells_to_rerun.end());
  for (const auto& [cell, why] : source.banned_cells) cells.insert(cell);
  json inputs = json::array();
  for (const CellIndex cell : cells)
    for (const graph::Effect& effect : source.history.cell(cell).effects) {
      const auto file = input_file_of(effect);
      if (file && has_changed(*file))
        inputs.push_back({{"path", file->path}, {"cell", cell.value}, {"why", how_it_changed(*file)}});
    }
  return inputs;
}

json report_of(const Source& source, const plan::Plan& plan, const RestoreOptions& options) {
  json variables = json::object(), ambient = json::object(), cells = json::array();
  for (const plan::VariablePlan& variable : plan.variables) {
    json entry;
    switch (variable.action) {
      case plan::Action::kStore:
        entry = {{"status", "same"}, {"why", ""}, {"bytes", variable.bytes}};
        break;
      case plan::Action::kRecompute:
        entry = {{"status", "recomputed"}, {"why", variable.why}};
        break;
      case plan::Action::kLost:
        entry = {{"status", "lost"}, {"why", why_lost(source, variable)}};
        break;
    }
    for (const auto& [group, error] : source.group_errors)
      for (const StoredSnapshot& each : source.payload.groups[group].snapshots)
        if (each.variable == source.history.name_of(variable.variable) &&
            variable.action == plan::Action::kRecompute)
          entry["why"] = "it did not load: " + error;
    (source.history.is_ambient(variable.variable) ? ambient
                                                  : variables)[source.history.name_of(variable.variable)] =
        entry;
  }
  for (const CellIndex cell : plan.cells_to_rerun) cells.push_back(cell.value);
  const store::CheckpointInfo& info = source.reader->info();
  json failed = json::array();
  for (const auto& [cell, why] : source.banned_cells) failed.push_back({{"cell", cell.value}, {"why", why}});
  json passed_over = json::array();
  for (const store::CheckpointInfo& each : source.reader->passed_over())
    passed_over.push_back(
        {{"checkpoint", each.name.to_string()}, {"why", each.damage ? each.damage->message() : ""}});
  json unfinished = json::array();
  for (const store::WriterStatus& each : source.reader->unfinished())
    unfinished.push_back({{"begun", static_cast<double>(each.started_us) / 1e6}, {"why", each.failure}});
  json history_damage;
  if (!source.history_damage.empty()) history_damage = source.history_damage;
  return {{"path", options.directory},
          {"checkpoint", info.name.to_string()},
          {"notebook", info.label},
          {"created", static_cast<double>(info.created_us) / 1e6},
          {"variables", variables},
          {"ambient", ambient},
          {"cells_rerun", cells},
          {"cells_failed", failed},
          {"passed_over", passed_over},
          {"unfinished", unfinished},
          {"environment", source.payload.environment},
          {"shell", source.payload.shell},
          {"bytes", info.total_bytes},
          {"modules", modules_of(source)},
          {"inputs_changed", inputs_not_as_then(source, plan)},
          {"history_damage", history_damage}};
}

}  // namespace elastic::session
