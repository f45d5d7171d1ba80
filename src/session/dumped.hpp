// A session as it lies in memory between serialising and writing: what could be stored, what that costs, and
// the plan.
//
// Buffers are pinned where the user's objects have them; nothing is copied. Destroying one takes the GIL.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "elastic/graph/history.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "elastic/pyobj/serializer.hpp"
#include "session/payload.hpp"

namespace elastic::session {

// Belongs to the plan::Holding of the same place.
struct DumpedGroup {
  std::vector<std::string> names{};
  // Groups that refer to one another in a circle are one pickle, which the first of them has.
  std::size_t pickled_in = 0;
  std::optional<pyobj::Pickled> pickled{};
  std::string ambient_value{};
  bool ambient = false;
};

struct DumpedSession {
  graph::History history{};
  plan::PlanInput input{};  // of `history`
  std::vector<DumpedGroup> groups{};
  plan::Plan plan{};
  std::vector<pyobj::Pickled> outputs{};
  Payload payload{};

  // The pickle that holds the group; null if there is none.
  const pyobj::Pickled* pickle_of(std::size_t group) const {
    const auto& pickled = groups[groups[group].pickled_in].pickled;
    return pickled ? &*pickled : nullptr;
  }
};

// The active variables that other groups refer to instead of copying them: functions, classes and modules.
std::vector<std::string> referable_names(const graph::History& history, pyobj::Borrowed user_namespace);

// How long it takes to load what was dumped, as far as that can be told without trying.
std::int64_t estimated_load_us(std::uint64_t pickle_bytes, std::uint64_t buffer_bytes);
std::int64_t estimated_write_us(std::uint64_t bytes);

}  // namespace elastic::session
