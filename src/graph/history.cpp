#include "elastic/graph/history.hpp"

#include <algorithm>
#include <utility>

#include "sorted_ids.hpp"

namespace elastic::graph {
namespace {

// The write of a variable, or null. REQUIRES: sorted by variable.
const Write* find_write(const std::vector<Write>& writes, VariableId variable) {
  const auto at = std::lower_bound(writes.begin(), writes.end(), variable,
                                   [](const Write& w, VariableId v) { return w.variable < v; });
  return at != writes.end() && at->variable == variable ? &*at : nullptr;
}

// Why an entry of this kind can never be re-run; empty where it can.
std::string never_rerun_reason(Outcome outcome, bool outside_cell) {
  if (outside_cell) return "changed while no cell was running";
  if (outcome == Outcome::kInterrupted) return "the cell was interrupted";
  if (outcome == Outcome::kUnfinished) return "the cell had not finished";
  return {};
}

constexpr std::string_view kForgottenReason = "forgotten: nothing that exists depends on it";

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kError:
      return "error";
    case Outcome::kInterrupted:
      return "interrupted";
    case Outcome::kUnfinished:
      return "unfinished";
  }
  return "unknown";
}

VariableId History::variable(std::string_view name) {
  const VariableId next{static_cast<std::uint32_t>(names_.size())};
  const auto [at, is_new] = ids_.try_emplace(std::string(name), next);
  if (is_new) {
    names_.emplace_back(name);
    newest_.push_back(kNone);
    group_.push_back(kNone);
  }
  return at->second;
}

std::optional<VariableId> History::find_variable(std::string_view name) const {
  const auto at = ids_.find(std::string(name));
  if (at == ids_.end()) return std::nullopt;
  return at->second;
}

std::vector<VariableId> History::current_group(VariableId variable) const {
  const std::uint32_t group = group_[variable.value];
  if (group == kNone) return {variable};
  std::vector<VariableId> members;
  for (const VariableId member : groups_[group]) {
    if (group_[member.value] == group) members.push_back(member);
  }
  return members;
}

// The co-variables after the cell, as far as they are not what they were: `linked` without what says nothing
// new, and the links that in-place writes keep.
std::vector<std::vector<VariableId>> History::links_after(const CellRecord& record) const {
  std::vector<std::vector<VariableId>> links;
  std::vector<VariableId> listed, written, rebound;
  for (const Write& write : record.writes) {
    written.push_back(write.variable);
    if (!write.keeps_links) rebound.push_back(write.variable);
  }
  sort_unique(written);
  sort_unique(rebound);
  for (std::vector<VariableId> link : record.linked) {
    sort_unique(link);
    listed.insert(listed.end(), link.begin(), link.end());
    links.push_back(std::move(link));
  }
  sort_unique(listed);
  for (const Write& write : record.writes) {
    if (!write.keeps_links || contains(listed, write.variable)) continue;
    std::vector<VariableId> kept = current_group(write.variable);
    std::erase_if(kept,
                  [&](VariableId member) { return contains(listed, member) || contains(rebound, member); });
    listed.insert(listed.end(), kept.begin(), kept.end());
    sort_unique(listed);
    sort_unique(kept);
    links.push_back(std::move(kept));
  }
  std::erase_if(links, [&](const std::vector<VariableId>& link) {
    const auto is_written = [&](VariableId member) { return contains(written, member); };
    if (std::any_of(link.begin(), link.end(), is_written)) return link.size() == 1;
    return current_group(link.front()) == link;
  });
  std::sort(links.begin(), links.end());
  return links;
}

void History::resolve_reads(const CellRecord& record, const std::vector<VariableId>& implied,
                            CellExecution& cell) const {
  std::vector<VariableId> named = record.reads;
  for (const Write& write : record.writes) {
    if (write.keeps_links) named.push_back(write.variable);
  }
  sort_unique(named);
  std::vector<VariableId> links;  // read, and linked with something
  const auto add_with_links = [&](VariableId variable) {
    if (group_[variable.value] != kNone) {
      links.push_back(variable);
    } else {
      const SnapshotId own{newest_[variable.value]};
      cell.reads.push_back({own, own, !contains(named, variable)});
    }
  };
  for (const VariableId variable : named) {
    if (newest_[variable.value] == kNone) {
      cell.absent_reads.push_back(variable);
    } else {
      add_with_links(variable);
    }
  }
  for (const VariableId variable : implied) {
    if (!contains(named, variable)) add_with_links(variable);
  }
  std::sort(links.begin(), links.end(),
            [&](VariableId a, VariableId b) { return group_[a.value] < group_[b.value]; });
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (i > 0 && group_[links[i].value] == group_[links[i - 1].value]) continue;
    const std::vector<VariableId> group = current_group(links[i]);
    SnapshotId smallest{newest_[group[0].value]};
    for (const VariableId member : group) smallest = std::min(smallest, SnapshotId{newest_[member.value]});
    for (const VariableId member : group) {
      cell.reads.push_back({SnapshotId{newest_[member.value]}, smallest, !contains(named, member)});
    }
  }
  std::sort(cell.reads.begin(), cell.reads.end(),
            [](const Read& a, const Read& b) { return a.snapshot < b.snapshot; });
  cell.reads.shrink_to_fit();
}

void History::append_covariable(CellIndex writer, std::span<const Write> members,
                                const std::vector<bool>& implied) {
  const SnapshotId first{static_cast<std::uint32_t>(snapshots_.size())};
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Write& write = members[i];
    const SnapshotId id{static_cast<std::uint32_t>(snapshots_.size())};
    const std::uint32_t before = newest_[write.variable.value];
    undo_.push_back({write.variable, before, group_[write.variable.value]});
    snapshots_.push_back({.variable = write.variable,
                          .writer = writer,
                          .covariable_first = first,
                          .covariable_size = static_cast<std::uint32_t>(members.size()),
                          .previous = before == kNone ? id : SnapshotId{before},
                          .deleted = write.deleted,
                          .implied = implied[i],
                          .size_bytes = write.size_bytes,
                          .content = write.content});
    newest_[write.variable.value] = id.value;
  }
}

// Whether a link only says that a co-variable has come apart: nothing in it changed or was not linked before.
bool History::comes_apart(const std::vector<VariableId>& link, const std::vector<Write>& writes) const {
  const std::uint32_t group = group_[link[0].value];
  return std::all_of(link.begin(), link.end(), [&](VariableId member) {
    const bool linked_before = link.size() == 1 || (group != kNone && group_[member.value] == group);
    return linked_before && find_write(writes, member) == nullptr;
  });
}

// A new snapshot for each member, or, where the co-variable has only come apart, none.
void History::apply_link(CellIndex writer, const std::vector<VariableId>& link,
                         const std::vector<Write>& writes) {
  if (comes_apart(link, writes)) {
    for (const VariableId member : link) {
      undo_.push_back({member, newest_[member.value], group_[member.value]});
    }
  } else {
    std::vector<Write> members;
    std::vector<bool> implied;
    for (const VariableId member : link) {
      const Write* write = find_write(writes, member);
      implied.push_back(write == nullptr);
      if (write != nullptr) {
        members.push_back(*write);
      } else {
        const Snapshot& before = snapshots_[newest_[member.value]];
        members.push_back({member, before.size_bytes, before.content});
      }
    }
    append_covariable(writer, members, implied);
  }
  std::uint32_t group = kNone;
  if (link.size() > 1) {
    group = static_cast<std::uint32_t>(groups_.size());
    groups_.push_back(link);
  }
  for (const VariableId member : link) group_[member.value] = group;
}

Result<CellIndex> History::record(CellRecord record) {
  ELASTIC_TRY(check(record));
  const CellIndex index{static_cast<std::uint32_t>(cells_.size())};
  std::sort(record.writes.begin(), record.writes.end(),
            [](const Write& a, const Write& b) { return a.variable < b.variable; });
  for (Write& write : record.writes) write.keeps_links = write.keeps_links && !write.deleted;
  CellExecution cell{.execution_count = record.execution_count,
                     .outcome = record.outcome,
                     .outside_cell = record.outside_cell,
                     .cell_id = std::move(record.cell_id),
                     .source = std::move(record.source),
                     .no_rerun_reason = std::move(record.no_rerun_reason),
                     .started_wall_us = record.started_wall_us,
                     .run_time_us = record.run_time_us,
                     .effects = std::move(record.effects),
                     .tags = std::move(record.tags),
                     .first_write = SnapshotId{static_cast<std::uint32_t>(snapshots_.size())}};
  if (cell.no_rerun_reason.empty()) {
    cell.no_rerun_reason = never_rerun_reason(record.outcome, record.outside_cell);
  }
  cell.linked = links_after(record);
  std::vector<VariableId> implied, in_links;
  for (const std::vector<VariableId>& link : cell.linked) {
    if (comes_apart(link, record.writes)) continue;
    for (const VariableId member : link) {
      (find_write(record.writes, member) != nullptr ? in_links : implied).push_back(member);
    }
  }
  sort_unique(in_links);
  resolve_reads(record, implied, cell);

  marks_.push_back({static_cast<std::uint32_t>(snapshots_.size()), static_cast<std::uint32_t>(undo_.size()),
                    static_cast<std::uint32_t>(groups_.size())});
  // A member that one link takes cannot make another come apart: links have no member in common, and whether
  // one comes apart depends on its own members only.
  for (const std::vector<VariableId>& link : cell.linked) apply_link(index, link, record.writes);
  for (const Write& write : record.writes) {
    if (contains(in_links, write.variable)) continue;
    append_covariable(index, std::span(&write, 1), {false});
    group_[write.variable.value] = kNone;
  }
  cell.write_count = static_cast<std::uint32_t>(snapshots_.size()) - cell.first_write.value;
  cells_.push_back(std::move(cell));
  return index;
}

Result<> History::set_no_rerun_reason(CellIndex cell, std::string reason) {
  if (cell.value >= cells_.size()) return Error(ErrorCode::kInvalidArgument, "no such cell execution");
  CellExecution& target = cells_[cell.value];
  if (reason.empty() &&
      (target.forgotten || !never_rerun_reason(target.outcome, target.outside_cell).empty())) {
    return Error(ErrorCode::kInvalidArgument, "this cell can never be re-run: " + target.no_rerun_reason);
  }
  target.no_rerun_reason = std::move(reason);
  return success();
}

std::span<const Snapshot> History::writes_of(CellIndex index) const {
  const CellExecution& cell = cells_[index.value];
  return std::span(snapshots_).subspan(cell.first_write.value, cell.write_count);
}

std::optional<SnapshotId> History::newest(VariableId variable) const {
  if (variable.value >= newest_.size() || newest_[variable.value] == kNone) return std::nullopt;
  return SnapshotId{newest_[variable.value]};
}

std::optional<SnapshotId> History::active(VariableId variable) const {
  const std::optional<SnapshotId> id = newest(variable);
  return id && snapshot(*id).deleted ? std::nullopt : id;
}

std::vector<std::vector<SnapshotId>> History::active_covariables() const {
  std::vector<std::vector<SnapshotId>> result;
  for (std::uint32_t i = 0; i < names_.size(); ++i) {
    const VariableId variable{i};
    if (!active(variable)) continue;
    const std::vector<VariableId> group = current_group(variable);
    if (group.front() != variable) continue;  // listed with its first member
    std::vector<SnapshotId> members;
    for (const VariableId member : group) members.push_back(SnapshotId{newest_[member.value]});
    std::sort(members.begin(), members.end());
    result.push_back(std::move(members));
  }
  return result;
}

std::vector<SnapshotId> History::versions(VariableId variable) const {
  std::vector<SnapshotId> result;
  for (std::optional<SnapshotId> at = newest(variable); at;) {
    result.push_back(*at);
    const SnapshotId before = snapshot(*at).previous;
    at = before == *at ? std::nullopt : std::optional(before);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

// By the variable's versions: most ask for one of the newest, and a cell may have written thousands.
std::optional<SnapshotId> History::find(VariableId variable, CellIndex writer) const {
  for (std::optional<SnapshotId> at = newest(variable); at;) {
    const Snapshot& version = snapshot(*at);
    if (version.writer == writer) return at;
    if (version.writer < writer || version.previous == *at) break;
    at = version.previous;
  }
  return std::nullopt;
}

std::vector<bool> History::relevant_cells() const {
  std::vector<bool> relevant(cells_.size(), false);
  for (std::uint32_t i = 0; i < names_.size(); ++i) {
    if (const auto id = active(VariableId{i})) relevant[snapshot(*id).writer.value] = true;
  }
  // Reads go to earlier cells only, so one pass backwards closes the set.
  for (std::size_t i = cells_.size(); i-- > 0;) {
    if (!relevant[i]) continue;
    for (const Read& read : cells_[i].reads) {
      const Snapshot& source = snapshot(read.snapshot);
      if (!source.deleted) relevant[source.writer.value] = true;
    }
  }
  return relevant;
}

void History::forget(CellIndex index) {
  CellExecution& cell = cells_[index.value];
  cell.forgotten = true;
  cell.no_rerun_reason = kForgottenReason;
  // Not clear(): the point is to give the memory back.
  cell.source = std::string();
  cell.effects = {};
  cell.tags = {};
  cell.reads = {};
  cell.absent_reads = {};
}

std::size_t History::prune() {
  const std::vector<bool> relevant = relevant_cells();
  std::size_t forgotten = 0;
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    if (relevant[i] || cells_[i].forgotten) continue;
    forget(CellIndex{i});
    ++forgotten;
  }
  return forgotten;
}

bool History::operator==(const History& other) const {
  return names_ == other.names_ && cells_ == other.cells_ && snapshots_ == other.snapshots_ &&
         newest_ == other.newest_ && group_ == other.group_ && groups_ == other.groups_;
}

}  // namespace elastic::graph
