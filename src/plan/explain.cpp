#include "elastic/plan/explain.hpp"

#include <algorithm>
#include <cstdio>

#include "elastic/core/json_text.hpp"

namespace elastic::plan {
namespace {

using graph::History;

std::string with_unit(double value, const char* unit) {
  char text[40];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f %s" : "%.0f %s", value, unit);
  return text;
}

std::string pad(std::string text, std::size_t width) {
  // Width in code points, so that names in other scripts line up.
  const auto is_start = [](unsigned char c) { return (c & 0xc0) != 0x80; };
  const std::size_t length = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_start));
  if (length < width) text.append(width - length, ' ');
  return text;
}

nlohmann::json names_of(const std::vector<VariableId>& variables, const History& history) {
  nlohmann::json names = nlohmann::json::array();
  for (const VariableId variable : variables) names.push_back(history.name_of(variable));
  return names;
}

nlohmann::json snapshots_of(const std::vector<SnapshotId>& snapshots, const History& history) {
  nlohmann::json result = nlohmann::json::array();
  for (const SnapshotId id : snapshots) {
    const graph::Snapshot& snapshot = history.snapshot(id);
    result.push_back(
        {{"variable", history.name_of(snapshot.variable)}, {"written_by", snapshot.writer.value}});
  }
  return result;
}

nlohmann::json cost_of(const PlanCost& cost) {
  return {{"total_us", cost.total_us},
          {"store_us", cost.store_us},
          {"load_us", cost.load_us},
          {"rerun_us", cost.rerun_us},
          {"bytes_to_write", cost.bytes_to_write}};
}

nlohmann::json json_of(const Step& step, const PlanInput& input) {
  switch (step.kind) {
    case Step::Kind::kLoad:
      return {{"do", "load"}, {"holding", step.holding}, {"bind", names_of(step.bind, *input.history)}};
    case Step::Kind::kRun:
      return {{"do", "run"}, {"cell", step.cell.value}};
    case Step::Kind::kDrop:
      return {{"do", "drop"}, {"variable", input.history->name_of(step.variable)}};
  }
  return nullptr;
}

}  // namespace

std::string describe_us(std::int64_t time_us) {
  const double us = static_cast<double>(time_us);
  if (time_us < 1000) return std::to_string(time_us) + " us";
  if (time_us < 1000 * 1000) return with_unit(us / 1e3, "ms");
  if (time_us < 60 * 1000 * 1000) return with_unit(us / 1e6, "s");
  const std::int64_t seconds = time_us / (1000 * 1000);
  return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
}

std::string describe_bytes(std::uint64_t bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes < 1000) return std::to_string(bytes) + " B";
  if (bytes < 1000 * 1000) return with_unit(value / 1e3, "kB");
  if (bytes < 1000 * 1000 * 1000) return with_unit(value / 1e6, "MB");
  return with_unit(value / 1e9, "GB");
}

std::string to_table(const Plan& plan, const PlanInput& input) {
  const History& history = *input.history;
  std::size_t width = 8;
  for (const VariablePlan& variable : plan.variables) {
    width = std::max(width, std::min<std::size_t>(40, history.name_of(variable.variable).size()));
  }
  std::string text = pad("variable", width) + "  " + pad("action", 9) + "  " + pad("size", 8) + "  why\n";
  for (const VariablePlan& variable : plan.variables) {
    const std::string size = variable.action == Action::kStore ? describe_bytes(variable.bytes) : "";
    text += pad(history.name_of(variable.variable), width) + "  " +
            pad(std::string(name_of(variable.action)), 9) + "  " + pad(size, 8) + "  " + variable.why;
    if (!variable.linked_with.empty()) {
      text += " (with";
      for (const VariableId other : variable.linked_with) text += " " + history.name_of(other);
      text += ")";
    }
    text += "\n";
  }
  text += "cells to re-run:";
  for (const CellIndex cell : plan.cells_to_rerun) text += " " + std::to_string(cell.value);
  if (plan.cells_to_rerun.empty()) text += " none";
  text += "\ncost: " + describe_us(plan.cost.total_us) + " (store all " +
          describe_us(plan.store_all.total_us) + ", recompute all " +
          describe_us(plan.recompute_all.total_us) + "); write " + describe_bytes(plan.cost.bytes_to_write) +
          "\n";
  for (const std::string& line : plan.gave_up) text += "gave up: " + line + "\n";
  return text;
}

std::string variables_text(const Plan& plan, const PlanInput& input, bool ambient) {
  const History& history = *input.history;
  std::string text = "{";
  for (const VariablePlan& variable : plan.variables) {
    if (history.is_ambient(variable.variable) != ambient) continue;
    append_json(text, history.name_of(variable.variable));
    text += ":{\"action\":";
    append_json(text, name_of(variable.action));
    text += ",\"bytes\":" + std::to_string(variable.bytes) + ",\"why\":";
    append_json(text, variable.why);
    text += ",\"linked_with\":[";
    for (const VariableId other : variable.linked_with) {
      if (text.back() != '[') text += ',';
      append_json(text, history.name_of(other));
    }
    text += "],\"written_by\":" + std::to_string(history.snapshot(variable.snapshot).writer.value) + "},";
  }
  if (text.back() == ',') text.pop_back();
  return text + "}";
}

nlohmann::json steps_json(const Plan& plan, const PlanInput& input) {
  nlohmann::json steps = nlohmann::json::array();
  for (const Step& step : plan.steps) steps.push_back(json_of(step, input));
  return steps;
}

nlohmann::json to_json(const Plan& plan, const PlanInput& input) {
  const History& history = *input.history;
  nlohmann::json cells = nlohmann::json::array(), reruns = nlohmann::json::array();
  for (const CellIndex cell : plan.cells_to_rerun) cells.push_back(cell.value);
  for (const Rerun& rerun : plan.reruns) {
    nlohmann::json inputs = nlohmann::json::array();
    for (const RerunInput& given : rerun.inputs) {
      nlohmann::json entry = snapshots_of({given.snapshot}, history)[0];
      entry["loaded"] = given.holding.has_value();
      inputs.push_back(std::move(entry));
    }
    reruns.push_back({{"cell", rerun.cell.value},
                      {"must_raise", rerun.must_raise},
                      {"inputs", std::move(inputs)},
                      {"keeps", snapshots_of(rerun.keeps, history)},
                      {"discards", snapshots_of(rerun.discards, history)}});
  }
  nlohmann::json older = nlohmann::json::array();
  for (const std::size_t holding : plan.older_loads) {
    older.push_back(snapshots_of(input.holdings[holding].snapshots, history));
  }
  return {{"plan", plan.planner},
          {"cells_to_rerun", std::move(cells)},
          {"reruns", std::move(reruns)},
          {"older_loads", std::move(older)},
          {"gave_up", plan.gave_up},
          {"lost", plan.lost_count},
          {"bytes_to_write", plan.cost.bytes_to_write},
          {"cost_us",
           {{"plan", plan.cost.total_us},
            {"store_all", plan.store_all.total_us},
            {"recompute_all", plan.recompute_all.total_us}}},
          {"costs",
           {{"plan", cost_of(plan.cost)},
            {"store_all", cost_of(plan.store_all)},
            {"recompute_all", cost_of(plan.recompute_all)}}}};
}

}  // namespace elastic::plan
