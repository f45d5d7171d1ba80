// What a restore reads from, what has turned out not to work, and what that leaves to plan with.
//
// Pure but for `only`, `skip` and the like, which are the caller's; threads: whoever holds it.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "elastic/graph/history.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/reader.hpp"
#include "session/payload.hpp"

namespace elastic::session {

struct Source {
  std::shared_ptr<store::CheckpointReader> reader;
  Payload payload;
  graph::History history;
  std::set<std::size_t> banned_groups;
  std::map<std::size_t, std::string> group_errors;
  std::map<CellIndex, std::string> banned_cells;
};

// kInvalidArgument: somebody else wrote it and nobody said to trust it.
Result<Source> open_source(const RestoreOptions& options);

// What the checkpoint holds is loaded; cells run only for what it does not hold. `holding_groups`: of each
// holding of the input, the payload's group. The source must outlive the input.
Result<plan::PlanInput> input_of(const Source& source, const RestoreOptions& options,
                                 std::vector<std::size_t>& holding_groups);

// The report of design section 9, before anything was compared.
nlohmann::json report_of(const Source& source, const plan::Plan& plan, const RestoreOptions& options);

}  // namespace elastic::session
