// The application history graph of a session: cell executions, variable snapshots, and what read and wrote
// what.
//
// Invariants (verify() checks them all)
// - Bipartite and acyclic: a cell execution reads snapshots of earlier ones only, and of each variable it
// reads
//   exactly the one that was current when it started.
// - A snapshot has one writer, and so has a co-variable snapshot (variables that share a mutable object, as
// one
//   cell left them). Linking x to y is therefore a write of both, marked `implied` where the cell changed
//   nothing else, and reading x reads y. Without this, x could be loaded and y recomputed, and they would
//   share nothing.
// - Snapshots are numbered in the order of their writers; those of one co-variable snapshot are adjacent.
// - A name that starts with '<' is ambient state ("<random>"): a variable like any other.
//
// Size: linear; at most 1 kB a cell execution beside its source, at 16 reads and 6 writes each.
// Threads: none of its own; const calls may run at once. No Python, no GIL. A value: copies are independent.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/graph/cell_execution.hpp"

namespace elastic::graph {

class History {
 public:
  // The id of a variable's name, made on first use; stable for the life of the session, saved with it.
  VariableId variable(std::string_view name);
  std::optional<VariableId> find_variable(std::string_view name) const;
  // REQUIRES: an id of this history.
  const std::string& name_of(VariableId variable) const { return names_[variable.value]; }
  bool is_ambient(VariableId variable) const { return name_of(variable).starts_with('<'); }
  std::size_t variable_count() const { return names_.size(); }

  // Adds a cell execution that has ended (or stands unfinished in a checkpoint). kInvalidArgument, and
  // nothing changed, where the record contradicts itself. O(its reads, writes and their co-variables).
  Result<CellIndex> record(CellRecord record);

  // A change found late, which any of `cells` (ascending) may have made: a write of each, where all but the
  // first also read what the one before left, and the first what was there. `writes` is what was found, the
  // state after the last; `linked` as in CellRecord. A variable that was changed must be in `writes` even
  // where a link already implies it. What is rebound or deleted before it could be looked at counts as
  // changed. Cells that read the variable in between now read those. Renumbers the snapshots of the cells
  // from the first one on. O(cells from the first one on).
  Result<> attribute(std::span<const CellIndex> cells, std::span<const Write> writes,
                     std::vector<std::vector<VariableId>> linked = {});

  // Sets or clears (empty) the reason why a cell must not be re-run. kInvalidArgument when asked to allow a
  // cell that never can be.
  Result<> set_no_rerun_reason(CellIndex cell, std::string reason);
  void set_tags(CellIndex cell, std::vector<std::string> tags) { cells_[cell.value].tags = std::move(tags); }

  std::size_t cell_count() const { return cells_.size(); }
  std::size_t snapshot_count() const { return snapshots_.size(); }
  // REQUIRES: an id of this history.
  const CellExecution& cell(CellIndex cell) const { return cells_[cell.value]; }
  const Snapshot& snapshot(SnapshotId id) const { return snapshots_[id.value]; }
  std::span<const Snapshot> writes_of(CellIndex cell) const;

  // The newest snapshot of a variable (a deleted one included); none when it never existed.
  std::optional<SnapshotId> newest(VariableId variable) const;
  // The newest snapshot if the variable exists.
  std::optional<SnapshotId> active(VariableId variable) const;
  // Every active snapshot, by co-variable: each inner list is one co-variable, to be stored as a whole.
  std::vector<std::vector<SnapshotId>> active_covariables() const;
  // A variable's snapshots, oldest first.
  std::vector<SnapshotId> versions(VariableId variable) const;
  // The paper's (variable, time) to its id. The pair outlives attribute(); a SnapshotId need not.
  std::optional<SnapshotId> find(VariableId variable, CellIndex writer) const;

  // The cells that recomputing an active variable could ever need.
  std::vector<bool> relevant_cells() const;
  // Forgets source, reads, effects and tags of the cells that no plan can need any more, in this session's
  // whole future; no id changes. Returns how many.
  std::size_t prune();

  // Every invariant above; kCorruption names the first that is broken. O(nodes and edges).
  Result<> verify() const;
  // What it takes in memory, sources apart.
  std::size_t memory_bytes() const;

  // The bytes of docs/history_format.md, and back. load() refuses what is damaged (kCorruption) or newer
  // (kUnsupportedVersion); whatever it accepts passes verify() and saves to the same bytes.
  std::string save() const;
  static Result<History> load(std::string_view bytes);

  bool operator==(const History& other) const;

 private:
  friend Result<History> decode_history_body(std::string_view body);
  static constexpr std::uint32_t kNone = 0xffffffff;
  // What a cell replaced, so that the newest cells can be taken back.
  struct Undo {
    VariableId variable;
    std::uint32_t newest;
    std::uint32_t group;
  };
  struct Marks {  // sizes before a cell was recorded
    std::uint32_t snapshots;
    std::uint32_t undo;
    std::uint32_t groups;
  };

  Result<> check(const CellRecord& record) const;
  std::vector<VariableId> current_group(VariableId variable) const;
  std::vector<std::vector<VariableId>> links_after(const CellRecord& record) const;
  void resolve_reads(const CellRecord& record, const std::vector<VariableId>& implied,
                     CellExecution& cell) const;
  bool comes_apart(const std::vector<VariableId>& link, const std::vector<Write>& writes) const;
  void apply_link(CellIndex writer, const std::vector<VariableId>& link, const std::vector<Write>& writes);
  void append_covariable(CellIndex writer, std::span<const Write> members, const std::vector<bool>& implied);
  CellRecord record_of(CellIndex cell) const;  // what record() was told, once more
  void take_back_from(CellIndex cell);
  void forget(CellIndex cell);

  std::vector<std::string> names_;
  std::unordered_map<std::string, VariableId> ids_;
  std::vector<CellExecution> cells_;
  std::vector<Snapshot> snapshots_;
  std::vector<std::uint32_t> newest_;  // by variable; kNone: never existed
  std::vector<std::uint32_t> group_;   // by variable; kNone: linked with nothing
  // Co-variables of two or more as they were made; a member has left when its group_ is another.
  std::vector<std::vector<VariableId>> groups_;
  std::vector<Undo> undo_;
  std::vector<Marks> marks_;  // by cell
};

}  // namespace elastic::graph
