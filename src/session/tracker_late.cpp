// What is looked at after the reply: variables that had to wait, and those that no cell named.
#include <algorithm>

#include "elastic/session/tracker.hpp"

namespace elastic::session {

using pyobj::GilHeld;

namespace {

// What nobody named is looked at in the idle time after every cell; more than this before a checkpoint only.
constexpr std::int64_t kIdleLookUs = 20000;

}  // namespace

// The cells that ran since then. Entries of changes outside cells are none of them.
std::vector<CellIndex> Tracker::cells_since(std::uint32_t first) const {
  std::vector<CellIndex> cells;
  for (std::uint32_t i = first; i < history_.cell_count(); ++i) {
    if (!history_.cell(CellIndex{i}).outside_cell) cells.push_back(CellIndex{i});
  }
  return cells;
}

Result<> Tracker::attribute(const GilHeld& gil, std::vector<CellIndex> cells, const std::string& name,
                            const std::string& why) {
  const std::vector<graph::Write> writes{write_of(name)};
  auto linked = links_now(gil, {});
  // A co-variable exists from the last of its members on: the cell that made that one is among those to
  // blame.
  for (const std::vector<VariableId>& group : linked) {
    if (std::find(group.begin(), group.end(), writes[0].variable) == group.end()) continue;
    for (const VariableId member : group) {
      if (const auto active = history_.active(member)) {
        std::optional<CellIndex> made;
        for (const SnapshotId version : history_.versions(member)) {
          const graph::Snapshot& snapshot = history_.snapshot(version);
          if (snapshot.deleted) made.reset();
          if (!snapshot.deleted && !made) made = snapshot.writer;
        }
        if (made && *made > cells.back()) cells.push_back(*made);
      }
    }
  }
  // Groups of others are recorded with the cells that made them.
  std::erase_if(linked, [&](const std::vector<VariableId>& group) {
    return std::find(group.begin(), group.end(), writes[0].variable) == group.end();
  });
  ELASTIC_TRY(history_.attribute(cells, writes, std::move(linked)));
  for (const CellIndex cell : cells) {
    std::string& text = whys_[cell.value][name];
    text += (text.empty() ? "" : "; ") + ("written: " + why);
  }
  return success();
}

Result<bool> Tracker::resolve(const GilHeld& gil, Deadline deadline) {
  // The first may take longer than there is time: no other budget would be large enough for it either.
  for (bool first = true; !unresolved_.empty(); first = false) {
    const auto next = unresolved_.begin();
    const std::string name = next->first;
    const Unresolved entry = next->second;
    const auto changed = differs(gil, name, deadline, first);
    if (!changed) return false;
    unresolved_.erase(name);
    verified_[name] = static_cast<std::uint32_t>(history_.cell_count());
    idle_checked_.insert(name);
    if (!entry.written && !*changed) continue;
    const bool one = entry.cells.size() == 1;
    const std::string why = entry.written && one ? "looked at after the reply"
                            : one                ? "changed in place"
                                                 : "changed in place by one of the cells that could reach it";
    ELASTIC_TRY(attribute(gil, entry.cells, name, why));
  }
  return true;
}

Result<bool> Tracker::verify_rest(const GilHeld& gil, Deadline deadline) {
  for (const std::string& name : names_.names()) {
    if (idle_checked_.count(name) != 0 || (deadline && recheck_cost_us(name) > kIdleLookUs)) continue;
    const auto changed = differs(gil, name, deadline);
    if (!changed) return false;
    idle_checked_.insert(name);
    const pyobj::VariableState* state = walk_.state(name);
    const bool opaque = state != nullptr && state->opaque;
    const std::uint32_t since = verified_[name];
    verified_[name] = static_cast<std::uint32_t>(history_.cell_count());
    if (!*changed || opaque) continue;  // what cannot be seen into is written by the cells that name it
    const std::vector<CellIndex> cells = cells_since(since);
    if (!cells.empty()) {
      ELASTIC_TRY(attribute(gil, cells, name, "changed unseen: by any cell since it was last looked at"));
      continue;
    }
    graph::CellRecord record;
    record.outside_cell = true;
    record.source = "# between cells";
    record.started_wall_us = clock_->wall_us();
    record.reads.push_back(history_.variable(name));
    record.writes.push_back(write_of(name));
    record.linked = links_now(gil, {name});
    ELASTIC_TRY(commit(gil, std::move(record), {{name, "written: changed while no cell ran"}}));
  }
  return true;
}

Result<bool> Tracker::catch_up(const GilHeld& gil, Deadline deadline) {
  if (running_) return true;
  const pyobj::PendingError pending(gil);
  ELASTIC_TRY(begin(gil));
  ELASTIC_TRY(note_outside_changes(gil));
  ELASTIC_ASSIGN(const bool resolved, resolve(gil, deadline));
  if (!resolved) return false;
  if (code_may_escape_) {
    reads_.find_escaped(gil);
    code_may_escape_ = false;
  }
  return verify_rest(gil, deadline);
}

Result<> Tracker::settle(const GilHeld& gil) {
  idle_checked_.clear();
  ELASTIC_TRY(catch_up(gil, std::nullopt));
  return success();
}

}  // namespace elastic::session
