// The cheapest plan by trying all of them: every set of cells to re-run, every way of loading the rest.
//
// Written from the definition of a plan and nothing else; shares no code with the planner.
#pragma once
#include <cstddef>
#include <cstdint>

#include "elastic/plan/plan_input.hpp"

namespace elastic::plan {

struct BruteForce {
  std::size_t lost_count = 0;  // the fewest variables that any plan loses
  std::int64_t cost_us = 0;    // the least that a plan costs which loses only those
};

// REQUIRES: alpha and cpu_ratio are 1, no wishes, and at most 16 cells.
BruteForce brute_force(const PlanInput& input);

}  // namespace elastic::plan
