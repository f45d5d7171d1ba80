// Says a plan: as a text table, as JSON with the keys of the design brief (section 9), and as a picture.
//
// Pure functions; thread-safe. No Python.
#pragma once
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"

namespace elastic::plan {

// "640 us", "1.2 ms", "3.4 s", "2 min 5 s".
std::string describe_us(std::int64_t time_us);
// "812 B", "1.2 MB" (powers of 1000).
std::string describe_bytes(std::uint64_t bytes);

// REQUIRES (all of them): the plan was made from this input.
std::string to_table(const Plan& plan, const PlanInput& input);
// plan, cells_to_rerun, cost_us and more; what there are thousands of is asked for by itself.
nlohmann::json to_json(const Plan& plan, const PlanInput& input);
// {name: {action, bytes, why, linked_with, written_by}} of the user's variables, or of ambient ones.
std::string variables_text(const Plan& plan, const PlanInput& input, bool ambient);
// What a restore does in which order: [{do, ...}].
nlohmann::json steps_json(const Plan& plan, const PlanInput& input);
// Cells from left to right in history order, variables as rows; stored, recomputed and lost ones told apart
// by colour and by shape. One self-contained <svg> element.
std::string to_svg(const Plan& plan, const PlanInput& input);

}  // namespace elastic::plan
