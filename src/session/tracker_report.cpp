// The history as people and scripts see it.
#include <algorithm>

#include "elastic/session/tracker.hpp"

namespace elastic::session {

nlohmann::json Tracker::history_json() const {
  nlohmann::json cells = nlohmann::json::array();
  for (std::uint32_t i = 0; i < history_.cell_count(); ++i) {
    const CellIndex index{i};
    const graph::CellExecution& cell = history_.cell(index);
    nlohmann::json reads = nlohmann::json::array();
    nlohmann::json writes = nlohmann::json::array();
    nlohmann::json deletes = nlohmann::json::array();
    bool of_the_user = !cell.outside_cell;
    for (const graph::Read& read : cell.reads) {
      if (!read.implied) reads.push_back(history_.name_of(history_.snapshot(read.snapshot).variable));
    }
    for (const graph::Snapshot& snapshot : history_.writes_of(index)) {
      of_the_user = of_the_user || !history_.is_ambient(snapshot.variable);
      if (!snapshot.implied)
        (snapshot.deleted ? deletes : writes).push_back(history_.name_of(snapshot.variable));
    }
    if (!of_the_user && i == 0) continue;  // only where the generators stood at the start
    nlohmann::json effects = nlohmann::json::array();
    for (const graph::Effect& effect : cell.effects)
      effects.push_back({{"kind", effect.kind}, {"detail", effect.detail}});
    cells.push_back({{"index", i},
                     {"execution_count", cell.execution_count},
                     {"source", cell.source},
                     {"started", static_cast<double>(cell.started_wall_us) / 1e6},
                     {"seconds", static_cast<double>(cell.run_time_us) / 1e6},
                     {"outcome", graph::name_of(cell.outcome)},
                     {"reads", reads},
                     {"writes", writes},
                     {"deletes", deletes},
                     {"effects", effects},
                     {"outside_cell", cell.outside_cell},
                     {"cell_id", cell.cell_id},
                     {"no_rerun_reason", cell.no_rerun_reason},
                     {"why", i < whys_.size() ? nlohmann::json(whys_[i]) : nlohmann::json::object()}});
  }
  return cells;
}

std::string Tracker::why(const pyobj::GilHeld& gil, const std::string& name) const {
  const auto variable = history_.find_variable(name);
  if (!variable) return name + ": the history knows no such variable";
  std::string text = name;
  if (const pyobj::VariableState* state = walk_.state(name); state != nullptr && state->opaque) {
    text += "\n  opaque: nobody can see into " + state->opaque_type +
            "; written by every cell that could reach it";
  }
  for (const std::vector<std::string>& group : walk_.co_variables(gil)) {
    if (group.size() < 2 || std::find(group.begin(), group.end(), name) == group.end()) continue;
    text += "\n  linked, since they share a mutable object:";
    for (const std::string& member : group) text += " " + member;
  }
  for (std::uint32_t i = 0; i < whys_.size(); ++i) {
    const auto found = whys_[i].find(name);
    if (found != whys_[i].end()) text += "\n  cell " + std::to_string(i) + ": " + found->second;
  }
  return text;
}

}  // namespace elastic::session
