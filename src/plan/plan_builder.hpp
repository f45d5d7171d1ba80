// Turns a choice into a plan: what happens to each variable and why, and the order of a restore.
#pragma once
#include "elastic/core/result.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "network.hpp"

namespace elastic::plan {

// What the choice costs, at the input's own prices. REQUIRES: `network` was built at these prices.
PlanCost price(const PlanInput& input, const Network& network, const Choice& choice);

// kCorruption when carrying out the steps would not give every variable its snapshot (a bug).
Result<Plan> build_plan(const PlanInput& input, const Network& network, const Choice& choice);

}  // namespace elastic::plan
