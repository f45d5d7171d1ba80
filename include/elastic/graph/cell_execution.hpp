// The nodes of the application history graph: what is told about a cell execution, and what the graph keeps.
//
// Plain values; whoever holds one may copy it to any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/core/digest.hpp"
#include "elastic/core/ids.hpp"

namespace elastic::graph {

enum class Outcome : std::uint8_t { kOk, kError, kInterrupted, kUnfinished };

// "ok", "error", "interrupted", "unfinished": as they stand in reports.
std::string_view name_of(Outcome outcome);

// What a cell did outside the session, e.g. {"file-written", "/tmp/a.csv"}.
struct Effect {
  std::string kind{};
  std::string detail{};
  bool operator==(const Effect&) const = default;
};

// What is recorded of a variable that a cell bound, changed or deleted.
struct Write {
  VariableId variable{};
  std::uint64_t size_bytes = 0;
  Digest content{};      // of the value after the cell; all zero where it is not known
  bool deleted = false;  // the name is gone after the cell
  // Its co-variable is what it was before the cell, so `linked` need not say it. False for a plain rebinding,
  // which leaves the co-variable.
  bool keeps_links = false;
  bool operator==(const Write&) const = default;
};

// One cell execution as the session tells it.
struct CellRecord {
  std::int32_t execution_count = 0;  // the prompt number; 0: none
  std::string cell_id{};             // the notebook's id of the cell; may be empty
  std::string source{};
  std::int64_t started_wall_us = 0;
  std::int64_t run_time_us = 0;
  Outcome outcome = Outcome::kOk;
  // A change found with no cell running (a widget's callback, a timer). Cannot be re-run.
  bool outside_cell = false;
  // Why it must not be re-run; empty: it may. A cell that raised may be re-run if it raises again. Left empty
  // for an entry that never can be (interrupted, unfinished, outside a cell), a reason is filled in.
  std::string no_rerun_reason{};
  std::vector<Effect> effects{};
  std::vector<std::string> tags{};
  // Variables read, ambient ones included. A variable changed in place, by whatever name, was read as well:
  // its old value is needed to get the new one. Names that did not exist are listed too.
  std::vector<VariableId> reads{};
  std::vector<Write> writes{};
  // The co-variables that this cell made or changed, as they are after it. Must list every co-variable of two
  // or more that holds a variable of `writes` (unless it keeps its links), and each one whose members are not
  // those of before; {x} alone says that x is no longer linked. Unchanged ones may be listed.
  std::vector<std::vector<VariableId>> linked{};
};

// A variable as one cell execution left it (the paper's VS).
struct Snapshot {
  VariableId variable{};
  CellIndex writer{};
  // The co-variable snapshot it belongs to: the ids [covariable_first, covariable_first + covariable_size),
  // all written by `writer`. Stored and loaded, or recomputed, only together with those of them that are
  // current.
  SnapshotId covariable_first{};
  std::uint32_t covariable_size = 1;
  SnapshotId previous{};  // the variable's version before this one; itself for the first one
  bool deleted = false;
  // The cell did not change it but linked it to something else, or changed something it is linked with. Such
  // a snapshot has the content of the one before.
  bool implied = false;
  std::uint64_t size_bytes = 0;
  Digest content{};
  bool operator==(const Snapshot&) const = default;
};

// An edge snapshot -> cell execution.
struct Read {
  SnapshotId snapshot{};
  // The smallest of the snapshots that it was linked with when the cell ran (its own, if none is smaller).
  // Reads that agree in it were one co-variable then; of one co-variable snapshot that had come apart, some
  // may differ.
  SnapshotId linked_to{};
  bool implied = false;  // only through a variable that it is linked with
  bool operator==(const Read&) const = default;
};

// One cell execution as the graph keeps it.
struct CellExecution {
  std::int32_t execution_count = 0;
  Outcome outcome = Outcome::kOk;
  bool outside_cell = false;
  bool forgotten = false;  // pruned: source, reads and effects were dropped
  std::string cell_id{};
  std::string source{};
  std::string no_rerun_reason{};
  std::int64_t started_wall_us = 0;
  std::int64_t run_time_us = 0;
  std::vector<Effect> effects{};
  std::vector<std::string> tags{};
  std::vector<Read> reads{};               // ascending by snapshot
  std::vector<VariableId> absent_reads{};  // names read that had never existed
  SnapshotId first_write{};                // it wrote [first_write, first_write + write_count)
  std::uint32_t write_count = 0;
  std::vector<std::vector<VariableId>> linked{};  // those of CellRecord::linked that had an effect

  bool rerunnable() const { return no_rerun_reason.empty(); }
  bool operator==(const CellExecution&) const = default;
};

}  // namespace elastic::graph
