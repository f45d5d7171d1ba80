// What a restore reads from, what has turned out not to work, and what that leaves to plan with.
//
// Pure: no Python. Threads: whoever holds it.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/graph/history.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/reader.hpp"
#include "session/payload.hpp"
#include "session/place.hpp"

namespace elastic::session {

struct Source {
  std::shared_ptr<store::CheckpointReader> reader;
  Payload payload;
  graph::History history;  // as it was recorded
  std::string
      history_damage;      // why it could not be read: then `history` stands in for it (session/stand_in.hpp)
  graph::History planned;  // without what is not wanted, and with the cells that may be re-run all the same
  std::set<std::size_t> banned_groups;
  std::map<std::size_t, std::string> group_errors;
  std::map<CellIndex, std::string> banned_cells;
};

// kInvalidArgument: somebody else wrote it and nobody said to trust it, or it is of a machine whose memory
// looks otherwise than `here` (pyobj::serializer_environment).
Result<Source> open_source(const RestoreOptions& options, const std::map<std::string, std::string>& here,
                           const WriterWait& waits, std::optional<store::CheckpointName> last_choice);

// Reads what the checkpoint holds and compares it with its digests; bans the groups that are damaged.
Result<> check_data(Source& source);

bool is_wanted(const RestoreOptions& options, const std::string& name);
// Of the active variables, the group that holds each.
std::map<std::string, std::size_t> active_groups(const Source& source);

// What the checkpoint holds is loaded; cells run only for what it does not hold. `holding_groups`: of each
// holding of the input, the payload's group. The source must outlive the input.
Result<plan::PlanInput> input_of(const Source& source, const RestoreOptions& options,
                                 std::vector<std::size_t>& holding_groups);

// How one variable came back.
struct VariableReport {
  plan::Action action = plan::Action::kStore;
  bool differs = false;
  std::string why{};
  std::uint64_t bytes = 0;  // that were stored
  std::optional<bool> verified{};
  std::string difference{};

  std::string_view status() const;  // "same", "recomputed", "differs", "lost"
};

// The report of design section 9. Of the variables no JSON values are made: there may be thousands.
struct RestoreReport {
  nlohmann::json rest = nlohmann::json::object();
  std::map<std::string, VariableReport> variables{};

  std::string to_text() const;
};

// Before anything was compared.
RestoreReport report_of(const Source& source, const plan::Plan& plan, const RestoreOptions& options);

// What was given up because cells with outside effects are not re-run: {"cells", "variables"}; null if
// nothing.
Result<nlohmann::json> effects_left_out(const Source& source, const plan::Plan& plan,
                                        const RestoreOptions& options);

// Files that re-run cells read and that are not what they were: [{"path", "cell", "why"}].
nlohmann::json inputs_not_as_then(const Source& source, const plan::Plan& plan);

}  // namespace elastic::session
