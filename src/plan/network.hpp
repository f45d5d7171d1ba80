// The planning problem as a network: cells that may be re-run, and needs, each met by a load or by what makes
// it.
//
// A need is a set of snapshots that must be in place together: an active co-variable, or what one cell reads
// of one co-variable snapshot. The needs on one co-variable snapshot form a forest by inclusion, since a
// co-variable only ever comes apart: whatever meets the larger set meets the smaller one. At the root stands
// the writer. Of an active co-variable that cannot be had as a whole, the largest part that can be loaded is
// needed, and the rest of it is lost.
//
// A choice is a set of cells to re-run and a set of needs that must be met. Each need in it costs its load,
// unless its parent (or, for a root, the writer) is in the choice too. The cheapest choice is a minimum cut.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/plan/plan_input.hpp"
#include "min_cut.hpp"

namespace elastic::plan {

inline constexpr std::uint32_t kNoNode = 0xffffffff;

struct Need {
  std::uint32_t first_member = 0;  // into Network::members
  std::uint32_t member_count = 0;
  std::uint32_t parent = kNoNode;  // the need that includes it; kNoNode: the writer makes it
  CellIndex writer{};
  std::int64_t load_cost = kUncuttable;  // weighted; kUncuttable: cannot be loaded
  std::uint32_t holding = kNoNode;
  bool active = false;
  bool forced = false;  // active, and stored by wish: loaded whatever is re-run
  bool lost = false;    // active, and cannot be had in any way
  bool part = false;    // active, and what can be had of a co-variable that cannot be had as a whole
};

struct Choice {
  std::vector<bool> rerun;   // by cell
  std::vector<bool> needed;  // by need
};

// How the weighted cost of a load and of a re-run is made from the input; the extra prices serve the limits.
struct Prices {
  double per_store_us = 1.0;    // alpha
  double per_restore_us = 1.0;  // of a load or a re-run
  double per_byte = 0.0;
};

class Network {
 public:
  // `older`: may holdings that are not active (nor ambient) be loaded?
  static Result<Network> build(const PlanInput& input, const Prices& prices, bool older);

  const std::vector<Need>& needs() const { return needs_; }
  std::span<const SnapshotId> members(std::uint32_t need) const {
    return std::span(members_).subspan(needs_[need].first_member, needs_[need].member_count);
  }
  // The needs that a cell's reads make; none for cells that cannot matter.
  std::span<const std::uint32_t> needs_of(CellIndex cell) const {
    return std::span(cell_needs_)
        .subspan(cell_begin_[cell.value], cell_begin_[cell.value + 1] - cell_begin_[cell.value]);
  }
  std::size_t cell_count() const { return feasible_.size(); }
  // Whether a cell may be re-run and all it reads can be had.
  bool feasible(CellIndex cell) const { return feasible_[cell.value]; }
  bool relevant(CellIndex cell) const { return relevant_[cell.value]; }
  std::int64_t run_cost(CellIndex cell) const { return run_cost_[cell.value]; }
  bool has_writer(const Need& need) const { return feasible_[need.writer.value]; }
  bool obtainable(std::uint32_t need) const;
  // Is there a holding that only the wider graph loads?
  bool has_older() const { return has_older_; }
  // Does the choice have this need loaded (rather than left by a larger need or a re-run)?
  bool loads(const Choice& choice, std::uint32_t need) const;

  // The sum of all loads and re-runs of a choice; kUncuttable if it is none (something needed is not there).
  std::int64_t cost_of(const Choice& choice) const;
  FlowNetwork flow_network() const;
  // The choice that a cut of flow_network() stands for, with every need that follows from its cells.
  Choice choice_of(const std::vector<bool>& source_side) const;
  // The choice that follows from the active needs when each need, looked at alone, is loaded or not as `load`
  // says.
  template <class Load>
  Choice close(Load load) const;
  std::vector<bool> pure_needs(const PlanInput& input) const;

 private:
  Result<> add_holdings(const PlanInput& input, const Prices& prices, bool older);
  Result<> add_reads(const graph::History& history, CellIndex cell);
  Result<std::uint32_t> need_for(const graph::History& history, std::span<const SnapshotId> set);
  Result<> order_by_inclusion(std::uint32_t head);
  std::int64_t find_obtainable(const PlanInput& input, const Prices& prices);
  void keep_parts();
  void follow(Choice& choice, std::vector<std::uint32_t>& open, std::uint32_t need, bool load) const;

  std::vector<Need> needs_;
  std::vector<SnapshotId> members_;
  std::vector<std::uint32_t>
      head_;  // by snapshot: the first need on the co-variable snapshot that begins there
  std::vector<std::uint32_t> next_;  // by need: the next one on the same
  std::vector<std::uint32_t> cell_begin_;
  std::vector<std::uint32_t> cell_needs_;
  std::vector<std::int64_t> run_cost_;
  std::vector<bool> relevant_;
  std::vector<bool> feasible_;
  bool has_older_ = false;
};

template <class Load>
Choice Network::close(Load load) const {
  Choice choice{std::vector<bool>(cell_count(), false), std::vector<bool>(needs_.size(), false)};
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < needs_.size(); ++i) {
    if (needs_[i].active && !needs_[i].lost) open.push_back(i);
  }
  while (!open.empty()) {
    const std::uint32_t need = open.back();
    open.pop_back();
    if (!choice.needed[need]) follow(choice, open, need, load(need));
  }
  return choice;
}

}  // namespace elastic::plan
