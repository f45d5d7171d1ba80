// What a restore leaves in the checkpoint until a cell reads it (`%restore --lazy`).
//
// Such a variable is not in the namespace, so nobody sees half of it; whoever runs a cell asks first what it
// could read. Threads: the GIL is held; reading blobs releases it.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "elastic/plan/plan.hpp"
#include "session/replay.hpp"
#include "session/restore_source.hpp"

namespace elastic::session {

// A restore that has been carried out: from what, by which plan, and the loads it did. It stays in its place,
// since the replay points into the source.
struct Carried {
  Source source{};
  plan::Plan plan{};
  std::optional<Replay> replay{};
};

// Of the groups the plan loads, those that can stay away: no re-run cell, no module of the user's and nothing
// that is loaded at once refers to them.
std::set<std::size_t> groups_that_can_wait(const Source& source, const plan::Plan& plan,
                                           const std::vector<std::size_t>& holding_groups);

class Deferred {
 public:
  struct Loaded {
    std::vector<std::string> bound{};              // in the namespace now
    std::map<std::string, std::string> lost{};     // with why
    std::map<std::string, std::string> differs{};  // bound, but not what was stored
    bool interrupted = false;
  };

  explicit Deferred(std::unique_ptr<Carried> carried) : carried_(std::move(carried)) {}

  std::set<std::string> names() const;
  // Those to be loaded next while nothing else is to do: a large one, or many small ones, since each load
  // looks through all that waits.
  std::set<std::string> next() const;
  // Loads these variables with all that is stored with them or referred to by them. After an interrupt, what
  // had not been loaded waits on.
  Result<Loaded> load(const pyobj::GilHeld&, pyobj::Borrowed user_namespace,
                      const std::set<std::string>& names);

 private:
  std::vector<std::size_t> groups_of(const std::set<std::string>& names) const;

  std::unique_ptr<Carried> carried_;
};

}  // namespace elastic::session
