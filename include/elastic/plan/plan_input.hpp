// What a plan is made from: the history, what could be stored or is, what that costs, and what people asked
// for.
//
// Plain values; no threads, no Python. The history must outlive the input.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "elastic/core/ids.hpp"
#include "elastic/graph/history.hpp"

namespace elastic::plan {

// A co-variable, as one piece that is or could be stored: one pickle, loaded as a whole.
//
// For an active co-variable `snapshots` is what History::active_covariables() lists. For an older one it is
// what was stored together back then (an earlier checkpoint, the kept value of a piece of ambient state); it
// must be a part of one co-variable snapshot. A part of an active co-variable is taken only where the whole
// can be had in no way.
struct Holding {
  std::vector<SnapshotId> snapshots{};       // ascending
  bool stored = false;                       // the target has it already: nothing is written
  std::int64_t store_us = 0;                 // time to serialise and write it
  std::int64_t load_us = 0;                  // time to read and deserialise it
  std::uint64_t bytes = 0;                   // its size
  std::optional<std::uint64_t> new_bytes{};  // those of `bytes` that the target does not have; empty: all
  std::string not_storable{};                // why it cannot be stored or loaded; empty: it can

  std::uint64_t bytes_to_write() const { return stored ? 0 : new_bytes.value_or(bytes); }
};

enum class StoreWish : std::uint8_t { kNever, kAlways };

struct Wishes {
  std::unordered_map<VariableId, StoreWish> variables{};
  std::unordered_set<CellIndex> never_rerun{};
};

// Upper bounds. Kept when any plan keeps them that loses nothing more; else the plan says which it gave up.
struct Limits {
  std::optional<std::uint64_t> bytes{};
  std::optional<std::int64_t> write_us{};
  std::optional<std::int64_t> restore_us{};
};

struct PlanInput {
  const graph::History* history = nullptr;
  // At most one for each set of snapshots. An active co-variable without one cannot be stored.
  std::vector<Holding> holdings{};
  // Weight of the time to write against the time to restore: 1 counts both alike (migration), 0 only the
  // restore (shutdown: the user is gone). From 0 to 1000.
  double alpha = 1.0;
  // Time of a cell on the target machine, as a multiple of its time here; above 0.
  double cpu_ratio = 1.0;
  Wishes wishes{};
  Limits limits{};
};

}  // namespace elastic::plan
