#include "elastic/plan/planner.hpp"

#include <string>

#include "choose.hpp"
#include "network.hpp"
#include "plan_builder.hpp"

namespace elastic::plan {
namespace {

Choice store_all(const Network& network) {
  return network.close([&](std::uint32_t need) { return network.needs()[need].load_cost != kUncuttable; });
}

Choice recompute_all(const PlanInput& input, const Network& network) {
  const std::vector<bool> pure = network.pure_needs(input);
  const graph::History& history = *input.history;
  return network.close([&](std::uint32_t need) {
    const bool loadable = network.needs()[need].load_cost != kUncuttable;
    const bool ambient = history.is_ambient(history.snapshot(network.members(need)[0]).variable);
    return loadable && (ambient || !pure[need]);
  });
}

// The two simple plans, for comparison in every report. REQUIRES: a network without older holdings.
void add_baselines(const PlanInput& input, const Network& network, Plan& plan) {
  plan.store_all = price(input, network, store_all(network));
  plan.recompute_all = price(input, network, recompute_all(input, network));
}

class SimplePlanner final : public Planner {
 public:
  SimplePlanner(std::string_view name, bool stores) : name_(name), stores_(stores) {}
  std::string_view name() const override { return name_; }

  Result<Plan> plan(const PlanInput& input) const override {
    ELASTIC_ASSIGN(const Network network, Network::build(input, prices_of(input), false));
    ELASTIC_ASSIGN(Plan plan,
                   build_plan(input, network, stores_ ? store_all(network) : recompute_all(input, network)));
    add_baselines(input, network, plan);
    // There is nothing to choose here; a limit can only be reported as not kept.
    for (std::string& line : broken_limits(plan.cost, input.limits)) plan.gave_up.push_back(std::move(line));
    plan.planner = name_;
    return plan;
  }

 private:
  std::string_view name_;
  bool stores_;
};

class CutPlanner final : public Planner {
 public:
  CutPlanner(std::string_view name, bool older) : name_(name), older_(older) {}
  std::string_view name() const override { return name_; }

  Result<Plan> plan(const PlanInput& input) const override {
    ELASTIC_ASSIGN(const Chosen chosen, choose(input, older_));
    const Network& network = chosen.network;
    ELASTIC_ASSIGN(Plan plan, build_plan(input, network, chosen.choice));
    plan.gave_up.insert(plan.gave_up.end(), chosen.gave_up.begin(), chosen.gave_up.end());
    if (network.has_older()) {
      ELASTIC_ASSIGN(const Network plain, Network::build(input, prices_of(input), false));
      add_baselines(input, plain, plan);
    } else {
      add_baselines(input, network, plan);
    }
    plan.planner = name_;
    return plan;
  }

 private:
  std::string_view name_;
  bool older_;
};

}  // namespace

const std::vector<std::string_view>& planner_names() {
  static const std::vector<std::string_view> names{"optimal", "paper", "store-all", "recompute-all"};
  return names;
}

std::unique_ptr<Planner> make_planner(std::string_view name) {
  const std::vector<std::string_view>& names = planner_names();
  if (name == names[0]) return std::make_unique<CutPlanner>(names[0], true);
  if (name == names[1]) return std::make_unique<CutPlanner>(names[1], false);
  if (name == names[2]) return std::make_unique<SimplePlanner>(names[2], true);
  if (name == names[3]) return std::make_unique<SimplePlanner>(names[3], false);
  return nullptr;
}

}  // namespace elastic::plan
