// A session as it lies in memory between serialising and writing: what could be stored, what that costs, and
// the plan. Only what a plan stores is serialised.
//
// Buffers are pinned where the user's objects have them; nothing is copied. Destroying one takes the GIL.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "elastic/graph/history.hpp"
#include "elastic/plan/cost_model.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "elastic/pyobj/serializer.hpp"
#include "elastic/store/presence.hpp"
#include "elastic/store/writer.hpp"
#include "session/known_buffers.hpp"
#include "session/payload.hpp"

namespace elastic::session {

class KeptGroups;

// A group as the last checkpoint holds it (session/kept_groups.hpp).
struct KeptGroup {
  pyobj::Pickled pickled{};  // but for the bytes
  std::uint64_t pickle_bytes = 0, buffer_bytes = 0;
  std::vector<store::BlobRef> blobs{};  // pickle, buffers
};

// Belongs to the plan::Holding of the same place.
struct DumpedGroup {
  std::vector<std::string> names{};
  // Groups that refer to one another in a circle are one pickle, which the first of them has.
  std::size_t pickled_in = 0;
  std::string type{};            // of its largest variable
  std::uint64_t size_bytes = 0;  // in memory
  bool dumped = false;           // serialised, or found that it cannot be
  std::optional<pyobj::Pickled> pickled{};
  std::shared_ptr<const KeptGroup> kept{};  // then that is of the checkpoint before, and has no bytes
  std::string identity{};                   // identity_of (session/kept_groups.hpp)
  std::vector<std::optional<store::BlobRef>> held{};  // pickle, buffers: those that the target has
  std::vector<std::optional<FormerBuffer>> former{};  // of the buffers: what they were when last stored
  std::int64_t estimated_us = 0, actual_us = 0;       // of serialising
  bool struck_out = false;                            // not storable because of what it refers to
  bool part = false;                                  // of an earlier group, which can be had in no way
  bool taken_apart = false;                           // looked at for such a part
  std::string ambient_value{};
  bool ambient = false;
};

struct DumpedSession {
  graph::History history{};
  plan::PlanInput input{};  // of `history`
  std::vector<DumpedGroup> groups{};
  plan::Plan plan{};
  std::vector<pyobj::Pickled> outputs{};
  KeptGroups* former = nullptr;  // what the target had of the session, for the next checkpoint to change
  std::string referable{};       // Referable::all
  Payload payload{};
  nlohmann::json report{};            // but for what it says of each variable
  std::string report_of_variables{};  // that, as the text of two members
  std::optional<pyobj::Dumper> dumper{};
  std::unique_ptr<store::Store> target{};             // null: nothing is there, and nothing shall be written
  std::unique_ptr<store::CheckpointWriter> writer{};  // null: not begun yet
  std::optional<store::Presence> presence{};          // what the target has already
  bool maps_buffers = true;                           // they are mapped when loaded, not read
  bool gives_way = false;                             // to whatever else is to do

  // What the plan stores, and all ambient state that is small: where the restore finds that something does
  // not load, the cells that make it again need the state they ran under, which no cell may bring back.
  std::vector<std::size_t> places_to_store() const {
    constexpr std::uint64_t kSmallBytes = 4096, kAllBytes = 1 << 20;
    std::vector<std::size_t> places = plan.loads;
    std::vector<bool> have(groups.size());
    for (const std::size_t place : places) have[place] = true;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < groups.size() && total < kAllBytes; ++i) {
      const std::size_t bytes = groups[i].ambient_value.size();
      if (!groups[i].ambient || bytes > kSmallBytes || have[i]) continue;
      total += bytes;
      places.push_back(i);
    }
    return places;
  }

  // The pickle that holds the group; null if there is none.
  const pyobj::Pickled* pickle_of(std::size_t group) const {
    const DumpedGroup& holder = groups[groups[group].pickled_in];
    if (holder.kept) return &holder.kept->pickled;
    return holder.pickled ? &*holder.pickled : nullptr;
  }
};

// {"serialize": {names: {estimated_us, actual_us}}} of the groups that were serialised: those that took
// longest one by one, the others in one entry.
nlohmann::json measured_dumps(const DumpedSession& dumped);

bool is_nan(PyObject* value);
// What other groups refer to instead of copying it: functions, classes and modules, of which a copy would be
// another, and a NaN, which equals nothing and is found in a dict or a list by its identity only.
bool is_referable(PyObject* value);
// The active variables that are referable.
std::vector<std::string> referable_names(const graph::History& history, pyobj::Borrowed user_namespace);

std::vector<StoredSnapshot> snapshots_of(const DumpedSession& dumped, std::size_t place);
// For telling whether a target has a group.
std::string key_of(const std::vector<StoredSnapshot>& snapshots);

// Where a variable is; a part outranks the group it is of. REQUIRES: no group comes or goes meanwhile.
class GroupsByName {
 public:
  explicit GroupsByName(const DumpedSession& dumped) : dumped_(&dumped) {}
  std::optional<std::size_t> find(const std::string& name);

 private:
  const DumpedSession* dumped_;
  // Made when somebody asks: thousands of small variables that refer to nothing are not unusual.
  std::unordered_map<std::string, std::size_t> places_{};
};
bool is_marked_never_store(const DumpedSession& dumped, std::size_t group);
// Fills in what the holding would cost: as measured, where it is serialised, else as estimated. `had`: keys
// of what the target is taken to have.
void set_price(const plan::CostModel& costs, const std::set<std::string>& had, DumpedSession& dumped,
               std::size_t place);
std::vector<store::ConstBytes> parts_of(const pyobj::Pickled& pickled);

// Asks the target what of a serialised group it has.
void look_up(DumpedGroup& group, plan::Holding& holding, const store::Presence& presence);

// The places of ambient state that the plan does not load, and that a restore sets all the same: for each
// cell that is re-run what it saw, read or not, and what there is now, which a re-run may change by accident.
std::vector<std::size_t> ambient_for_reruns(const DumpedSession& dumped);

}  // namespace elastic::session
