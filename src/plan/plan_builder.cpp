#include "plan_builder.hpp"

#include <algorithm>
#include <string>

#include "elastic/plan/explain.hpp"

namespace elastic::plan {
namespace {

using graph::CellExecution;
using graph::History;
using graph::Snapshot;

Error broken(const History& history, VariableId variable, std::string_view what) {
  return Error(ErrorCode::kCorruption, "the plan failed its own check: '" + history.name_of(variable) + "' " +
                                           std::string(what) + "; nothing was written");
}

class PlanBuilder {
 public:
  PlanBuilder(const PlanInput& input, const Network& network, const Choice& choice)
      : input_(input),
        history_(*input.history),
        network_(network),
        choice_(choice),
        bound_(history_.variable_count(), kNoNode),
        is_loaded_(input.holdings.size(), false),
        is_kept_(history_.snapshot_count(), false) {}

  Result<Plan> build() {
    plan_.cost = price(input_, network_, choice_);
    find_root_causes();
    find_origins();
    describe_variables();
    name_wishes_given_up();
    ELASTIC_TRY(order_steps());
    ELASTIC_TRY(check_end());
    for (Rerun& rerun : plan_.reruns) sort_outputs(rerun);
    for (std::uint32_t i = 0; i < network_.needs().size(); ++i) {
      const Need& need = network_.needs()[i];
      if (!network_.loads(choice_, i)) continue;
      plan_.loads.push_back(need.holding);
      if (!need.active) plan_.older_loads.push_back(need.holding);
    }
    std::sort(plan_.loads.begin(), plan_.loads.end());
    std::sort(plan_.older_loads.begin(), plan_.older_loads.end());
    return std::move(plan_);
  }

 private:
  // The holding that a need is met from; none: re-running its writer leaves it in place.
  std::optional<std::size_t> source_of(std::uint32_t need) const {
    for (std::uint32_t at = need; at != kNoNode; at = network_.needs()[at].parent) {
      if (network_.loads(choice_, at)) return network_.needs()[at].holding;
    }
    return std::nullopt;
  }

  void describe_variables() {
    for (std::uint32_t i = 0; i < network_.needs().size(); ++i) {
      const Need& need = network_.needs()[i];
      if (!need.active) continue;
      const std::optional<std::size_t> source = need.lost ? std::nullopt : source_of(i);
      const std::string why = need.lost ? why_lost(i) : source ? why_stored(need) : why_recomputed(i);
      for (const SnapshotId member : network_.members(i)) {
        VariablePlan variable{.variable = history_.snapshot(member).variable, .snapshot = member, .why = why};
        variable.action = need.lost ? Action::kLost : source ? Action::kStore : Action::kRecompute;
        variable.holding = source;
        if (source) variable.bytes = input_.holdings[*source].bytes;
        for (const SnapshotId other : network_.members(i)) {
          if (other != member) variable.linked_with.push_back(history_.snapshot(other).variable);
        }
        plan_.lost_count += need.lost;
        plan_.variables.push_back(std::move(variable));
      }
    }
    std::sort(plan_.variables.begin(), plan_.variables.end(),
              [](const VariablePlan& a, const VariablePlan& b) { return a.variable < b.variable; });
  }

  // Never-store and never-rerun always hold, if need be by losing the variable; always-store cannot be
  // forced.
  void name_wishes_given_up() {
    for (const VariablePlan& variable : plan_.variables) {
      const auto wish = input_.wishes.variables.find(variable.variable);
      if (wish == input_.wishes.variables.end() || wish->second != StoreWish::kAlways) continue;
      if (variable.action == Action::kStore) continue;
      plan_.gave_up.push_back("'" + history_.name_of(variable.variable) +
                              "' is marked always-store: " + variable.why);
    }
  }

  std::string cell_name(CellIndex index) const { return "cell " + std::to_string(index.value); }

  std::string why_not_stored(std::uint32_t index) const {
    const Need& need = network_.needs()[index];
    for (const SnapshotId member : network_.members(index)) {
      const auto wish = input_.wishes.variables.find(history_.snapshot(member).variable);
      if (wish != input_.wishes.variables.end() && wish->second == StoreWish::kNever)
        return "marked never-store";
    }
    if (need.holding == kNoNode) return "it is not stored";
    const std::string& reason = input_.holdings[need.holding].not_storable;
    return reason.empty() ? "an older version, which this planner leaves alone"
                          : "cannot be stored: " + reason;
  }

  std::string why_not_rerun(CellIndex index) const {
    const CellExecution& cell = history_.cell(index);
    if (input_.wishes.never_rerun.contains(index)) return cell_name(index) + " is marked never-rerun";
    if (!cell.rerunnable()) return cell_name(index) + " cannot be re-run: " + cell.no_rerun_reason;
    return {};
  }

  std::string why_stored(const Need& need) const {
    if (need.part) return "what it is linked with cannot be had: the rest is stored without that";
    if (need.forced) return "marked always-store";
    if (need.holding != kNoNode && input_.holdings[need.holding].stored) return "already stored";
    if (const std::string reason = why_not_rerun(need.writer); !reason.empty()) return reason;
    if (!network_.feasible(need.writer)) return cell_name(need.writer) + " reads what cannot be had any more";
    return "storing and loading costs " + describe_us(need.load_cost == kUncuttable ? 0 : need.load_cost) +
           ", less than re-running " + cell_name(need.writer) + " and what it needs";
  }

  std::string why_recomputed(std::uint32_t index) const {
    const Need& need = network_.needs()[index];
    if (need.load_cost == kUncuttable) return why_not_stored(index);
    return "re-running costs no more than storing and loading it (" + describe_us(need.load_cost) + ")";
  }

  // The first need of a cell that cannot be had.
  std::optional<std::uint32_t> missing_for(CellIndex cell) const {
    const auto reads = network_.needs_of(cell);
    const auto missing =
        std::find_if(reads.begin(), reads.end(), [&](auto n) { return !network_.obtainable(n); });
    return missing == reads.end() ? std::nullopt : std::optional(*missing);
  }

  // By cell that cannot be re-run or lacks an input: the cell at the bottom of it. One pass, since what is
  // missing is always of an earlier cell; following each variable's chain by itself took most of the time of
  // a big plan.
  void find_root_causes() {
    root_cause_.resize(network_.cell_count());
    for (std::uint32_t i = 0; i < network_.cell_count(); ++i) {
      const CellIndex index{i};
      root_cause_[i] = index;
      if (network_.feasible(index) || !network_.relevant(index) || !why_not_rerun(index).empty()) continue;
      if (const auto missing = missing_for(index))
        root_cause_[i] = root_cause_[network_.needs()[*missing].writer.value];
    }
  }

  // By need: an earlier version of the same variable that cannot be had either, as far back as there is one.
  // Whatever made that is the reason, not what changed it later.
  void find_origins() {
    constexpr std::uint32_t kUnknown = kNoNode;
    origin_.assign(network_.needs().size(), kUnknown);
    std::vector<std::uint32_t> chain;
    for (std::uint32_t i = 0; i < network_.needs().size(); ++i) {
      if (!network_.needs()[i].lost) continue;
      std::uint32_t at = i;
      for (chain = {at}; origin_[at] == kUnknown; chain.push_back(at)) {
        const auto earlier = missing_version_for(at);
        if (!earlier) break;
        at = *earlier;
      }
      const std::uint32_t origin = origin_[at] == kUnknown ? at : origin_[at];
      for (const std::uint32_t each : chain) origin_[each] = origin;
    }
  }

  std::optional<std::uint32_t> missing_version_for(std::uint32_t need) const {
    const auto members = network_.members(need);
    const auto is_member = [&](SnapshotId read) {
      return std::any_of(members.begin(), members.end(), [&](SnapshotId member) {
        return history_.snapshot(member).variable == history_.snapshot(read).variable;
      });
    };
    for (const std::uint32_t read : network_.needs_of(network_.needs()[need].writer)) {
      const auto versions = network_.members(read);
      if (!network_.obtainable(read) && std::any_of(versions.begin(), versions.end(), is_member)) return read;
    }
    return std::nullopt;
  }

  std::string why_lost(std::uint32_t index) const {
    const CellIndex writer = network_.needs()[origin_[index]].writer;
    const CellIndex root = root_cause_[writer.value];
    std::string why = why_not_stored(index);
    if (const auto missing = missing_for(writer); root != writer && missing) {
      const graph::Snapshot& read = history_.snapshot(network_.members(*missing)[0]);
      why += "; " + cell_name(writer) + " reads '" + history_.name_of(read.variable) + "' as it was then";
    }
    return why + "; " + why_not_rerun(root);
  }

  void load(std::size_t holding) {
    if (is_loaded_[holding]) return;
    is_loaded_[holding] = true;
    Step step{.kind = Step::Kind::kLoad, .holding = holding};
    for (const SnapshotId member : input_.holdings[holding].snapshots) {
      std::uint32_t& bound = bound_[history_.snapshot(member).variable.value];
      if (bound != kNoNode && bound > member.value) continue;
      bound = member.value;
      step.bind.push_back(history_.snapshot(member).variable);
    }
    plan_.steps.push_back(std::move(step));
  }

  bool exists(VariableId variable) const {
    const std::uint32_t bound = bound_[variable.value];
    return bound != kNoNode && !history_.snapshot(SnapshotId{bound}).deleted;
  }

  void drop(VariableId variable) { plan_.steps.push_back({.kind = Step::Kind::kDrop, .variable = variable}); }

  Result<> run(CellIndex index) {
    const CellExecution& cell = history_.cell(index);
    Rerun rerun{.cell = index, .must_raise = cell.outcome == graph::Outcome::kError};
    for (const std::uint32_t need : network_.needs_of(index)) {
      const std::optional<std::size_t> source = source_of(need);
      if (source) load(*source);
      for (const SnapshotId member : network_.members(need)) {
        rerun.inputs.push_back({member, source});
        if (!source) is_kept_[member.value] = true;
      }
    }
    for (const graph::Read& read : cell.reads) {
      const Snapshot& source = history_.snapshot(read.snapshot);
      std::uint32_t& bound = bound_[source.variable.value];
      if (source.deleted && exists(source.variable)) {
        drop(source.variable);
        bound = read.snapshot.value;
      }
      if (!source.deleted && bound != read.snapshot.value) {
        return broken(history_, source.variable, "is not in place for " + cell_name(index));
      }
    }
    plan_.steps.push_back({.kind = Step::Kind::kRun, .cell = index});
    for (std::uint32_t i = 0; i < cell.write_count; ++i) {
      const SnapshotId written{cell.first_write.value + i};
      bound_[history_.snapshot(written).variable.value] = written.value;
    }
    plan_.cells_to_rerun.push_back(index);
    plan_.reruns.push_back(std::move(rerun));
    return success();
  }

  Result<> order_steps() {
    for (std::uint32_t i = 0; i < network_.cell_count(); ++i) {
      if (choice_.rerun[i]) ELASTIC_TRY(run(CellIndex{i}));
    }
    for (const VariablePlan& variable : plan_.variables) {
      if (variable.holding) load(*variable.holding);
      if (variable.action == Action::kRecompute) is_kept_[variable.snapshot.value] = true;
    }
    std::vector<bool> stays(history_.variable_count(), false);
    for (const VariablePlan& variable : plan_.variables) {
      if (variable.action != Action::kLost) stays[variable.variable.value] = true;
    }
    for (std::uint32_t i = 0; i < history_.variable_count(); ++i) {
      if (stays[i] || !exists(VariableId{i})) continue;
      drop(VariableId{i});
      bound_[i] = kNoNode;
    }
    return success();
  }

  Result<> check_end() const {
    for (const VariablePlan& variable : plan_.variables) {
      if (variable.action == Action::kLost) continue;
      if (bound_[variable.variable.value] != variable.snapshot.value) {
        return broken(history_, variable.variable, "would not come back");
      }
    }
    return success();
  }

  void sort_outputs(Rerun& rerun) const {
    const CellExecution& cell = history_.cell(rerun.cell);
    for (std::uint32_t i = 0; i < cell.write_count; ++i) {
      const SnapshotId written{cell.first_write.value + i};
      (is_kept_[written.value] ? rerun.keeps : rerun.discards).push_back(written);
    }
  }

  const PlanInput& input_;
  const History& history_;
  const Network& network_;
  const Choice& choice_;
  Plan plan_;
  std::vector<std::uint32_t> bound_;   // by variable: the snapshot that a restore has in place so far
  std::vector<bool> is_loaded_;        // by holding
  std::vector<bool> is_kept_;          // by snapshot
  std::vector<CellIndex> root_cause_;  // by cell
  std::vector<std::uint32_t> origin_;  // by need, where it is lost
};

}  // namespace

std::string_view name_of(Action action) {
  switch (action) {
    case Action::kStore:
      return "store";
    case Action::kRecompute:
      return "recompute";
    case Action::kLost:
      return "lost";
  }
  return "unknown";
}

PlanCost price(const PlanInput& input, const Network& network, const Choice& choice) {
  PlanCost cost{.total_us = network.cost_of(choice)};
  for (std::uint32_t i = 0; i < network.needs().size(); ++i) {
    if (!network.loads(choice, i)) continue;
    const Holding& holding = input.holdings[network.needs()[i].holding];
    cost.load_us += holding.load_us;
    if (holding.stored) continue;
    cost.store_us += holding.store_us;
    cost.bytes_to_write += holding.bytes_to_write();
  }
  for (std::uint32_t i = 0; i < network.cell_count(); ++i) {
    if (choice.rerun[i]) cost.rerun_us += network.run_cost(CellIndex{i});
  }
  return cost;
}

Result<Plan> build_plan(const PlanInput& input, const Network& network, const Choice& choice) {
  return PlanBuilder(input, network, choice).build();
}

}  // namespace elastic::plan
