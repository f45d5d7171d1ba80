// Changes found late: the newest cells are taken back and told again, with the change among what they did.
#include <algorithm>
#include <utility>

#include "elastic/graph/history.hpp"
#include "sorted_ids.hpp"

namespace elastic::graph {

CellRecord History::record_of(CellIndex index) const {
  const CellExecution& cell = cells_[index.value];
  CellRecord record{.execution_count = cell.execution_count,
                    .cell_id = cell.cell_id,
                    .source = cell.source,
                    .started_wall_us = cell.started_wall_us,
                    .run_time_us = cell.run_time_us,
                    .outcome = cell.outcome,
                    .outside_cell = cell.outside_cell,
                    .no_rerun_reason = cell.no_rerun_reason,
                    .effects = cell.effects,
                    .tags = cell.tags,
                    .reads = cell.absent_reads,
                    .writes = {},
                    .linked = cell.linked};
  for (const Read& read : cell.reads) {
    if (!read.implied) record.reads.push_back(snapshot(read.snapshot).variable);
  }
  for (const Snapshot& write : writes_of(index)) {
    if (write.implied) continue;
    record.writes.push_back({write.variable, write.size_bytes, write.content, write.deleted});
  }
  return record;
}

void History::take_back_from(CellIndex cell) {
  const Marks marks = marks_[cell.value];
  for (std::size_t i = undo_.size(); i > marks.undo; --i) {
    const Undo& undo = undo_[i - 1];
    newest_[undo.variable.value] = undo.newest;
    group_[undo.variable.value] = undo.group;
  }
  undo_.resize(marks.undo);
  snapshots_.erase(snapshots_.begin() + marks.snapshots, snapshots_.end());
  groups_.resize(marks.groups);
  cells_.resize(cell.value);
  marks_.resize(cell.value);
}

Result<> History::attribute(std::span<const CellIndex> cells, std::span<const Write> writes,
                            std::vector<std::vector<VariableId>> linked) {
  const bool ascending = std::is_sorted(cells.begin(), cells.end()) &&
                         std::adjacent_find(cells.begin(), cells.end()) == cells.end();
  if (cells.empty() || !ascending || cells.back().value >= cells_.size()) {
    return Error(ErrorCode::kInvalidArgument, "a late change needs ascending cells of this history");
  }
  const CellIndex first = cells.front();
  std::vector<CellRecord> before;
  std::vector<bool> forgotten;
  for (std::uint32_t i = first.value; i < cells_.size(); ++i) {
    before.push_back(record_of(CellIndex{i}));
    forgotten.push_back(cells_[i].forgotten);
  }
  std::vector<CellRecord> after = before;
  for (const CellIndex cell : cells) {
    CellRecord& record = after[cell.value - first.value];
    const bool is_last = cell == cells.back();
    for (Write write : writes) {
      if (!is_last) write.content = Digest{};  // only the state after the last one was seen
      const auto known = std::find_if(record.writes.begin(), record.writes.end(),
                                      [&](const Write& w) { return w.variable == write.variable; });
      if (known != record.writes.end()) {
        if (is_last) *known = write;
        continue;
      }
      if (!is_last) write.deleted = false;
      write.keeps_links = !write.deleted && (write.keeps_links || !is_last || linked.empty());
      record.reads.push_back(write.variable);
      record.writes.push_back(write);
    }
    if (!is_last) continue;
    // The links found are the newer news.
    std::vector<VariableId> listed;
    for (const std::vector<VariableId>& link : linked) listed.insert(listed.end(), link.begin(), link.end());
    sort_unique(listed);
    for (std::vector<VariableId>& link : record.linked) {
      std::erase_if(link, [&](VariableId member) { return contains(listed, member); });
    }
    std::erase_if(record.linked, [](const std::vector<VariableId>& link) { return link.empty(); });
    record.linked.insert(record.linked.end(), linked.begin(), linked.end());
  }
  const auto record_all = [&](std::vector<CellRecord> records) -> Result<> {
    take_back_from(first);
    for (std::size_t i = 0; i < records.size(); ++i) {
      ELASTIC_ASSIGN(const CellIndex index, record(std::move(records[i])));
      if (forgotten[i]) forget(index);
    }
    return success();
  };
  const Result<> done = record_all(std::move(after));
  if (done.ok()) return done;
  ELASTIC_TRY(record_all(std::move(before)));
  return done.error().within("attributing a late change");
}

}  // namespace elastic::graph
