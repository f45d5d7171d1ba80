// What a planner decides: for each variable whether it is stored, recomputed or lost, and how a restore goes.
//
// Invariants (checked by the planner before it returns)
// - Carrying out `steps` in order on an empty session gives every active variable that is not lost the
// snapshot it
//   has now, with what it is linked with, and leaves no other name behind.
// - cost_us is the sum of what `stores` and `cells_to_rerun` cost, and, for the optimal plan, the value of a
//   maximum flow, which proves that no plan costs less.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/core/ids.hpp"

namespace elastic::plan {

enum class Action : std::uint8_t { kStore, kRecompute, kLost };

// "store", "recompute", "lost": as they stand in reports.
std::string_view name_of(Action action);

struct VariablePlan {
  VariableId variable{};
  SnapshotId snapshot{};  // the active one
  Action action = Action::kLost;
  std::string why{};
  std::vector<VariableId> linked_with{};  // the rest of its co-variable
  std::uint64_t bytes = 0;                // of its whole co-variable, when stored
  std::optional<std::size_t> holding{};   // index into PlanInput::holdings, when stored
};

// A snapshot that a re-run cell must find in place.
struct RerunInput {
  SnapshotId snapshot{};
  std::optional<std::size_t> holding{};  // where it is loaded from; none: an earlier re-run leaves it
};

struct Rerun {
  CellIndex cell{};
  bool must_raise = false;  // it raised then, and is only right if it raises again
  std::vector<RerunInput> inputs{};
  std::vector<SnapshotId> keeps{};     // its outputs that are active or that a later re-run reads
  std::vector<SnapshotId> discards{};  // the others: overwritten by a later step, or dropped at the end
};

// One step of a restore: loading a holding and binding these of its variables, running a cell, or removing a
// name.
struct Step {
  enum class Kind : std::uint8_t { kLoad, kRun, kDrop };
  Kind kind = Kind::kLoad;
  std::size_t holding = 0;         // kLoad
  std::vector<VariableId> bind{};  // kLoad: not those that an earlier step has brought to a newer version
  CellIndex cell{};                // kRun
  VariableId variable{};           // kDrop
};

struct PlanCost {
  std::int64_t total_us = 0;  // alpha * store + load + re-run: what the plan minimises
  std::int64_t store_us = 0;
  std::int64_t load_us = 0;
  std::int64_t rerun_us = 0;
  std::uint64_t bytes_to_write = 0;
};

struct Plan {
  std::string planner{};
  std::vector<VariablePlan> variables{};    // every active one, by VariableId
  std::vector<std::size_t> loads{};         // holdings that the restore loads (and the checkpoint holds)
  std::vector<std::size_t> older_loads{};   // those of `loads` that are not an active co-variable
  std::vector<CellIndex> cells_to_rerun{};  // ascending
  std::vector<Rerun> reruns{};              // the same cells, with what they need
  std::vector<Step> steps{};                // the restore; loads no re-run waits for come last
  PlanCost cost{};
  PlanCost store_all{};  // what the two simple plans would cost
  PlanCost recompute_all{};
  std::vector<std::string> gave_up{};  // wishes and limits that could not hold, as sentences
  std::size_t lost_count = 0;
};

}  // namespace elastic::plan
