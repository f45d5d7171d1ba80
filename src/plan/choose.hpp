// Choosing: the cheapest of all choices, and the cheapest found that keeps the limits.
#pragma once
#include <string>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "network.hpp"

namespace elastic::plan {

inline Prices prices_of(const PlanInput& input) { return {.per_store_us = input.alpha}; }

// The cheapest choice, and the proof that it is: kCorruption unless flow == cut == cost.
Result<Choice> cheapest(const Network& network);

struct Chosen {
  Network network;  // at the input's own prices
  Choice choice;
  std::vector<std::string> gave_up;
};

// Without limits: exact. With limits that the cheapest plan breaks, what they bound is made dearer until they
// hold (Lagrange multipliers, by bisection): the plan found is the cheapest one that keeps them on the convex
// hull of all plans, not always the cheapest of all, since that one is as hard as packing a knapsack.
Result<Chosen> choose(const PlanInput& input, bool older);

// A sentence for each limit that this cost breaks.
std::vector<std::string> broken_limits(const PlanCost& cost, const Limits& limits);

}  // namespace elastic::plan
