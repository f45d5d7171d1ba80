// One way of choosing a plan; four of them, by the names that `plan=` takes.
//
// A planner has no state: one may be used by any number of threads. No Python, no GIL.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"

namespace elastic::plan {

class Planner {
 public:
  virtual ~Planner() = default;
  virtual std::string_view name() const = 0;

  // The plan for everything that is active. Variables that can neither be stored nor recomputed are kLost in
  // it, with the reason, and the rest is planned without them. kInvalidArgument for an input that contradicts
  // itself; kLimitExceeded when the costs add up to more than 2^62 us; kCorruption when the plan failed its
  // own proof (a bug: nothing must be written by it).
  virtual Result<Plan> plan(const PlanInput& input) const = 0;
};

// "optimal": the cheapest of all plans, older snapshots included. "paper": the cheapest that stores active
// co-variables only (section 5.4). "store-all", "recompute-all": whatever can be, the rest the other way.
// Null for any other name.
std::unique_ptr<Planner> make_planner(std::string_view name);
const std::vector<std::string_view>& planner_names();

}  // namespace elastic::plan
