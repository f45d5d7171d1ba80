#include "elastic/core/json_text.hpp"
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

std::string_view VariableReport::status() const {
  if (action == plan::Action::kLost) return "lost";
  if (differs) return "differs";
  return action == plan::Action::kStore ? "same" : "recomputed";
}

std::string RestoreReport::to_text() const {
  std::string text = json_text(rest);
  text.pop_back();
  text += ",\"variables\":{";
  for (const auto& [name, entry] : variables) {
    append_json(text, name);
    text += ":{\"status\":";
    append_json(text, entry.status());
    text += ",\"why\":";
    append_json(text, entry.why);
    if (entry.action == plan::Action::kStore) text += ",\"bytes\":" + std::to_string(entry.bytes);
    if (entry.verified) text += std::string(",\"verified\":") + (*entry.verified ? "true" : "false");
    if (!entry.difference.empty()) {
      text += ",\"difference\":";
      append_json(text, entry.difference);
    }
    text += "},";
  }
  if (!variables.empty()) text.pop_back();
  return text + "}}";
}

RestoreReport report_of(const Source& source, const plan::Plan& plan, const RestoreOptions& options) {
  RestoreReport report;
  std::map<std::string, VariableReport> ambient;
  json cells = json::array();
  for (const plan::VariablePlan& variable : plan.variables) {
    const std::string& name = source.history.name_of(variable.variable);
    const bool is_ambient = source.history.is_ambient(variable.variable);
    VariableReport& entry = (is_ambient ? ambient : report.variables)[name];
    entry.action = variable.action;
    if (variable.action == plan::Action::kStore) entry.bytes = variable.bytes;
    if (variable.action == plan::Action::kLost) entry.why = why_lost(source, variable);
    if (variable.action != plan::Action::kRecompute) continue;
    entry.why = variable.why;
    for (const auto& [group, error] : source.group_errors)
      for (const StoredSnapshot& each : source.payload.groups[group].snapshots)
        if (each.variable == name) entry.why = "it did not load: " + error;
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
  json ambient_json = json::object();
  for (const auto& [name, entry] : ambient) {
    json& value = ambient_json[name] = {{"status", entry.status()}, {"why", entry.why}};
    if (entry.action == plan::Action::kStore) value["bytes"] = entry.bytes;
  }
  report.rest = {{"path", options.directory},
                 {"checkpoint", info.name.to_string()},
                 {"notebook", info.label},
                 {"created", static_cast<double>(info.created_us) / 1e6},
                 {"ambient", std::move(ambient_json)},
                 {"cells_rerun", std::move(cells)},
                 {"cells_failed", std::move(failed)},
                 {"passed_over", std::move(passed_over)},
                 {"unfinished", std::move(unfinished)},
                 {"environment", source.payload.environment},
                 {"shell", source.payload.shell},
                 {"bytes", info.total_bytes},
                 {"modules", modules_of(source)},
                 {"inputs_changed", inputs_not_as_then(source, plan)},
                 {"history_damage", std::move(history_damage)}};
  return report;
}

}  // namespace elastic::session
