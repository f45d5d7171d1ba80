// Small histories with costs, written in one line a cell, for the tests of the plan layer.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "elastic/plan/plan_input.hpp"

namespace elastic::plan {

class PlanFixture {
 public:
  using Names = std::vector<std::string>;

  VariableId id(const std::string& name) { return history_.variable(name); }

  std::vector<VariableId> ids(const Names& names) {
    std::vector<VariableId> result;
    for (const std::string& name : names) result.push_back(id(name));
    return result;
  }

  // A cell that takes `run_time_us`; a write of "-x" deletes x.
  CellIndex run(std::int64_t run_time_us, const Names& reads, const Names& writes,
                const std::vector<Names>& linked = {}, const std::string& no_rerun_reason = "") {
    graph::CellRecord record;
    record.run_time_us = run_time_us;
    record.no_rerun_reason = no_rerun_reason;
    record.reads = ids(reads);
    for (const std::string& name : writes) {
      const bool deleted = name.starts_with('-');
      record.writes.push_back({.variable = id(deleted ? name.substr(1) : name), .deleted = deleted});
    }
    for (const Names& group : linked) record.linked.push_back(ids(group));
    return history_.record(std::move(record)).value();
  }

  // What storing and loading the active co-variable of `name` costs, half and half.
  void cost(const std::string& name, std::int64_t cost_us) { costs_[name] = cost_us; }
  void not_storable(const std::string& name) { costs_[name] = -1; }

  // The input at this moment: a holding for each active co-variable that cost() or not_storable() named.
  PlanInput input() {
    PlanInput input;
    input.history = &history_;
    input.holdings = older_;
    for (const std::vector<SnapshotId>& group : history_.active_covariables()) {
      for (const SnapshotId member : group) {
        const auto cost = costs_.find(history_.name_of(history_.snapshot(member).variable));
        if (cost == costs_.end()) continue;
        Holding holding{.snapshots = group};
        if (cost->second < 0) holding.not_storable = "it is an open file";
        holding.store_us = holding.load_us = std::max<std::int64_t>(cost->second, 0) / 2;
        holding.bytes = static_cast<std::uint64_t>(holding.store_us) * 10;
        input.holdings.push_back(std::move(holding));
        break;
      }
    }
    return input;
  }

  // Makes what is active in `name`'s co-variable now an older holding, stored by an earlier checkpoint.
  void keep(const std::string& name, std::int64_t load_us) {
    for (const std::vector<SnapshotId>& group : history_.active_covariables()) {
      for (const SnapshotId member : group) {
        if (history_.snapshot(member).variable != id(name)) continue;
        older_.push_back({.snapshots = group, .stored = true, .load_us = load_us});
      }
    }
  }

  graph::History history_;
  std::map<std::string, std::int64_t> costs_;
  std::vector<Holding> older_;
};

}  // namespace elastic::plan
