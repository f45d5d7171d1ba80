#include "brute_force.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace elastic::plan {
namespace {

using graph::History;
using Set = std::vector<SnapshotId>;

// What a cell read, by co-variable.
std::vector<Set> needs_of(const History& history, const graph::CellExecution& cell) {
  std::map<SnapshotId, Set> groups;
  for (const graph::Read& read : cell.reads) {
    if (!history.snapshot(read.snapshot).deleted) groups[read.linked_to].push_back(read.snapshot);
  }
  std::vector<Set> result;
  for (auto& [first, group] : groups) result.push_back(group);
  return result;
}

// The least that loading costs such that each of `needs` (all on one co-variable snapshot) is within one
// holding.
std::optional<std::int64_t> cheapest_loads(const std::vector<const Holding*>& offers,
                                           const std::set<Set>& needs) {
  std::optional<std::int64_t> best;
  for (std::uint32_t chosen = 0; chosen < 1u << offers.size(); ++chosen) {
    std::int64_t cost = 0;
    for (std::size_t i = 0; i < offers.size(); ++i) {
      if (chosen >> i & 1) cost += offers[i]->load_us + (offers[i]->stored ? 0 : offers[i]->store_us);
    }
    const bool meets = std::all_of(needs.begin(), needs.end(), [&](const Set& need) {
      for (std::size_t i = 0; i < offers.size(); ++i) {
        const Set& held = offers[i]->snapshots;
        if (chosen >> i & 1 && std::includes(held.begin(), held.end(), need.begin(), need.end())) return true;
      }
      return false;
    });
    if (meets && (!best || cost < *best)) best = cost;
  }
  return best;
}

// What a plan costs that re-runs these cells and brings back these active co-variables; none if it cannot.
std::optional<std::int64_t> cost_of(const PlanInput& input, std::uint32_t rerun,
                                    const std::vector<Set>& active) {
  const History& history = *input.history;
  std::map<SnapshotId, std::set<Set>> needs;  // by co-variable snapshot
  for (const Set& set : active) needs[history.snapshot(set[0]).covariable_first].insert(set);
  std::int64_t cost = 0;
  for (std::uint32_t i = 0; i < history.cell_count(); ++i) {
    if (!(rerun >> i & 1)) continue;
    const graph::CellExecution& cell = history.cell(CellIndex{i});
    if (!cell.rerunnable()) return std::nullopt;
    cost += cell.run_time_us;
    for (const Set& set : needs_of(history, cell)) {
      needs[history.snapshot(set[0]).covariable_first].insert(set);
    }
  }
  for (const auto& [first, sets] : needs) {
    if (rerun >> history.snapshot(first).writer.value & 1) continue;
    std::vector<const Holding*> offers;
    for (const Holding& holding : input.holdings) {
      if (history.snapshot(holding.snapshots[0]).covariable_first == first && holding.not_storable.empty()) {
        offers.push_back(&holding);
      }
    }
    const std::optional<std::int64_t> loads = cheapest_loads(offers, sets);
    if (!loads) return std::nullopt;
    cost += *loads;
  }
  return cost;
}

// The most of a co-variable that a holding has which can be loaded; the first of them in doubt.
Set largest_part(const PlanInput& input, const Set& whole) {
  Set largest;
  for (const Holding& holding : input.holdings) {
    const Set& held = holding.snapshots;
    if (holding.not_storable.empty() && held.size() > largest.size() &&
        std::includes(whole.begin(), whole.end(), held.begin(), held.end()))
      largest = held;
  }
  return largest;
}

}  // namespace

BruteForce brute_force(const PlanInput& input) {
  const History& history = *input.history;
  BruteForce result;
  // Nothing competes, so a co-variable is lost exactly if no plan brings back it alone.
  std::vector<Set> obtainable;
  for (const Set& set : history.active_covariables()) {
    bool found = false;
    for (std::uint32_t rerun = 0; rerun < 1u << history.cell_count() && !found; ++rerun) {
      found = cost_of(input, rerun, {set}).has_value();
    }
    if (found) {
      obtainable.push_back(set);
      continue;
    }
    const Set part = largest_part(input, set);
    if (!part.empty()) obtainable.push_back(part);
    result.lost_count += set.size() - part.size();
  }
  std::optional<std::int64_t> best;
  for (std::uint32_t rerun = 0; rerun < 1u << history.cell_count(); ++rerun) {
    const std::optional<std::int64_t> cost = cost_of(input, rerun, obtainable);
    if (cost && (!best || *cost < *best)) best = cost;
  }
  result.cost_us = best.value_or(0);
  return result;
}

}  // namespace elastic::plan
