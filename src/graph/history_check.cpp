// What a record must be to enter the history, and what the history must be at any time.
#include <algorithm>
#include <string>

#include "elastic/graph/history.hpp"

namespace elastic::graph {
namespace {

Error invalid(std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message)); }

Error broken(CellIndex cell, std::string_view what) {
  return Error(ErrorCode::kCorruption,
               "history: cell execution " + std::to_string(cell.value) + ": " + std::string(what));
}

std::size_t bytes_of(const std::string& text) { return text.capacity() > 15 ? text.capacity() + 1 : 0; }

}  // namespace

Result<> History::check(const CellRecord& record) const {
  if (cells_.size() >= kNone - 1 || snapshots_.size() >= kNone - record.writes.size() - names_.size()) {
    return Error(ErrorCode::kLimitExceeded, "the history is full");
  }
  if (record.run_time_us < 0) return invalid("a run time below zero");
  const auto known = [&](VariableId variable) { return variable.value < names_.size(); };
  if (!std::all_of(record.reads.begin(), record.reads.end(), known))
    return invalid("an unknown variable is read");
  std::vector<VariableId> written, deleted, linked;
  for (const Write& write : record.writes) {
    if (!known(write.variable)) return invalid("an unknown variable is written");
    if (write.deleted && newest_[write.variable.value] == kNone) return invalid("deletes what never existed");
    (write.deleted ? deleted : written).push_back(write.variable);
  }
  std::sort(written.begin(), written.end());
  std::sort(deleted.begin(), deleted.end());
  std::vector<VariableId> both = written;
  both.insert(both.end(), deleted.begin(), deleted.end());
  std::sort(both.begin(), both.end());
  const auto twice = std::adjacent_find(both.begin(), both.end());
  if (twice != both.end()) return invalid("'" + name_of(*twice) + "' is written twice");
  for (const std::vector<VariableId>& link : record.linked) {
    if (link.empty()) return invalid("a co-variable without members");
    for (const VariableId member : link) {
      if (!known(member)) return invalid("an unknown variable is linked");
      const bool exists = std::binary_search(written.begin(), written.end(), member) ||
                          (active(member) && !std::binary_search(deleted.begin(), deleted.end(), member));
      if (!exists) return invalid("'" + name_of(member) + "' is linked but does not exist");
      linked.push_back(member);
    }
  }
  std::sort(linked.begin(), linked.end());
  const auto shared = std::adjacent_find(linked.begin(), linked.end());
  if (shared != linked.end()) return invalid("'" + name_of(*shared) + "' is in two co-variables");
  return success();
}

Result<> History::verify() const {
  if (newest_.size() != names_.size() || group_.size() != names_.size() || ids_.size() != names_.size() ||
      marks_.size() != cells_.size()) {
    return Error(ErrorCode::kCorruption, "history: the tables differ in length");
  }
  std::vector<std::uint32_t> newest(names_.size(), kNone);
  std::uint32_t next_snapshot = 0;
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    const CellIndex index{i};
    const CellExecution& cell = cells_[i];
    if (cell.run_time_us < 0) return broken(index, "run time below zero");
    const bool never = cell.outside_cell || cell.forgotten || cell.outcome == Outcome::kInterrupted ||
                       cell.outcome == Outcome::kUnfinished;
    if (never && cell.rerunnable()) return broken(index, "can be re-run but must not be");
    for (std::size_t r = 0; r < cell.reads.size(); ++r) {
      const SnapshotId id = cell.reads[r].snapshot;
      if (id.value >= next_snapshot) return broken(index, "reads what is written later");
      if (newest[snapshot(id).variable.value] != id.value) return broken(index, "reads what was overwritten");
      if (r > 0 && !(cell.reads[r - 1].snapshot < id)) return broken(index, "reads are out of order");
      const SnapshotId linked_to = cell.reads[r].linked_to;
      if (id < linked_to || linked_to < snapshot(id).covariable_first) {
        return broken(index, "reads are linked across co-variables");
      }
    }
    if (cell.first_write.value != next_snapshot || cell.write_count > snapshots_.size() - next_snapshot) {
      return broken(index, "its snapshots are not its own");
    }
    const std::uint32_t end = next_snapshot + cell.write_count;
    for (std::uint32_t s = next_snapshot; s < end; ++s) {
      const Snapshot& write = snapshots_[s];
      if (write.variable.value >= names_.size() || write.writer != index)
        return broken(index, "a stray snapshot");
      const std::uint32_t first = write.covariable_first.value;
      if (first < next_snapshot || first > s || write.covariable_size > end - first ||
          s >= first + write.covariable_size || snapshots_[first].covariable_first.value != first ||
          snapshots_[first].covariable_size != write.covariable_size) {
        return broken(index, "a co-variable snapshot is torn");
      }
      std::uint32_t& before = newest[write.variable.value];
      if (before != kNone && before >= next_snapshot) return broken(index, "writes a variable twice");
      if (write.previous.value != (before == kNone ? s : before))
        return broken(index, "a version is missing");
      if (write.implied && before == kNone) return broken(index, "links what does not exist");
      before = s;
    }
    next_snapshot = end;
  }
  if (next_snapshot != snapshots_.size())
    return Error(ErrorCode::kCorruption, "history: snapshots without a writer");
  if (newest != newest_)
    return Error(ErrorCode::kCorruption, "history: the newest snapshots are not the newest");
  for (std::uint32_t v = 0; v < names_.size(); ++v) {
    if (group_[v] == kNone) continue;
    if (group_[v] >= groups_.size() || newest_[v] == kNone || snapshots_[newest_[v]].deleted) {
      return Error(ErrorCode::kCorruption, "history: '" + names_[v] + "' is in no such co-variable");
    }
    for (const VariableId member : current_group(VariableId{v})) {
      if (snapshots_[newest_[member.value]].covariable_first != snapshots_[newest_[v]].covariable_first) {
        return Error(ErrorCode::kCorruption, "history: '" + names_[v] + "' is linked across co-variables");
      }
    }
  }
  return success();
}

std::size_t History::memory_bytes() const {
  std::size_t bytes = cells_.capacity() * sizeof(CellExecution) + snapshots_.capacity() * sizeof(Snapshot) +
                      undo_.capacity() * sizeof(Undo) + marks_.capacity() * sizeof(Marks) +
                      (newest_.capacity() + group_.capacity()) * sizeof(std::uint32_t);
  const auto links = [](const std::vector<std::vector<VariableId>>& groups) {
    std::size_t sum = groups.capacity() * sizeof(std::vector<VariableId>);
    for (const std::vector<VariableId>& group : groups) sum += group.capacity() * sizeof(VariableId);
    return sum;
  };
  bytes += links(groups_);
  for (const std::string& name : names_) bytes += 2 * (sizeof name + bytes_of(name)) + 4 * sizeof(void*);
  for (const CellExecution& cell : cells_) {
    bytes += bytes_of(cell.cell_id) + bytes_of(cell.no_rerun_reason) + cell.reads.capacity() * sizeof(Read) +
             cell.absent_reads.capacity() * sizeof(VariableId) + links(cell.linked) +
             cell.effects.capacity() * sizeof(Effect) + cell.tags.capacity() * sizeof(std::string);
    for (const Effect& effect : cell.effects) bytes += bytes_of(effect.kind) + bytes_of(effect.detail);
    for (const std::string& tag : cell.tags) bytes += bytes_of(tag);
  }
  return bytes;
}

}  // namespace elastic::graph
