// Carrying out one plan of a restore in the user namespace: loads, re-runs, drops, in the plan's order.
//
// A replay starts from a namespace without user variables. It either succeeds, or says which group or cell
// failed; the caller bans that one, plans anew and starts over with a fresh replay, since re-run cells may
// have changed what was loaded. Threads: the GIL is held; reading blobs releases it.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "elastic/core/clock.hpp"
#include "elastic/graph/history.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/pyobj/ambient.hpp"
#include "elastic/pyobj/ref.hpp"
#include "elastic/pyobj/serializer.hpp"
#include "elastic/session/driver.hpp"
#include "elastic/store/reader.hpp"
#include "session/measured.hpp"
#include "session/payload.hpp"

namespace elastic::session {

class RestoreProgress;

struct ReplayFailure {
  std::optional<std::size_t> group{};  // of the payload
  std::optional<CellIndex> cell{};
  std::string why{};
};

// Sets a piece of ambient state, importing the library it belongs to.
Result<> put_ambient(const pyobj::GilHeld&, pyobj::Ambient& ambient, const std::string& name,
                     const std::string& value);

class Replay {
 public:
  // All outlive the replay, but `ambient`, which settle_ambient is the last to use. `holding_groups`: of each
  // holding of the plan's input, the payload's group.
  Replay(pyobj::Borrowed user_namespace, Driver& driver, pyobj::Ambient& ambient,
         const graph::History& history, const Payload& payload,
         std::shared_ptr<store::CheckpointReader> reader, const std::set<std::size_t>& banned,
         const Clock& clock)
      : namespace_(user_namespace),
        driver_(&driver),
        ambient_(&ambient),
        history_(&history),
        payload_(&payload),
        reader_(std::move(reader)),
        banned_(&banned),
        clock_(&clock) {}

  void report_to(RestoreProgress& progress) { progress_ = &progress; }
  // Whether re-run cells get what earlier ones put into libraries, which nobody takes out again.
  void set_objects(bool on) { sets_objects_ = on; }
  // Groups that `run` does not load. Nothing in the run may need them (session/deferred.hpp).
  void defer(std::set<std::size_t> groups) { to_defer_ = std::move(groups); }
  // kCancelled; or success, and then `failure()` says whether the plan went through.
  Result<> run(const pyobj::GilHeld&, const plan::Plan& plan, const std::vector<std::size_t>& holding_groups);
  const std::optional<ReplayFailure>& failure() const { return failure_; }
  const ReplayTimes& times() const { return times_; }

  // After a run that went through: the ambient state as it was at the checkpoint, whatever the re-run cells
  // did to it. Returns the pieces that are not, with the reason.
  Result<std::map<std::string, std::string>> settle_ambient(const pyobj::GilHeld&);
  // A loaded group once more, where a re-run cell changed it that did not change it then. False: it is not
  // one that can be had anew.
  Result<bool> reload(const pyobj::GilHeld&, std::size_t group);
  // Names that a re-run cell bound or removed though it did not then; they are as they were.
  const std::set<std::string>& put_back() const { return put_back_; }

  // The deferred groups that have not been loaded since, with the variables each will bind.
  const std::map<std::size_t, std::vector<std::string>>& deferred() const { return deferred_; }
  // Loads some of them; where one fails, the others too, and it once more: its code may use any variable.
  // Returns those that failed all the same, with why; they stay deferred until they are given up.
  using Failures = std::map<std::size_t, std::string>;
  Result<Failures> load_deferred(const pyobj::GilHeld&, std::vector<std::size_t> groups);
  void give_up(std::size_t group) { deferred_.erase(group); }

  // After a run that went through: an output's value, whose references are the variables.
  Result<pyobj::Owned> load_output(const pyobj::GilHeld&, const StoredOutput& output);

 private:
  Result<pyobj::Owned> load_pickle(const pyobj::GilHeld&, const std::vector<std::string>& names,
                                   std::size_t pickle, const std::vector<std::size_t>& buffers,
                                   ReplayTimes::Load& time);
  Result<pyobj::Borrowed> load_group(const pyobj::GilHeld&, std::size_t group);
  Result<> load_one_deferred(const pyobj::GilHeld&, std::size_t group);
  Result<pyobj::Owned> resolve(const pyobj::GilHeld&, const std::string& name);
  void find_made_by_rerun(const plan::Plan& plan);
  bool waits_for_rerun(std::size_t group, std::set<std::size_t>& seen) const;
  Result<> load_all(const pyobj::GilHeld&, const plan::Plan& plan,
                    const std::vector<std::size_t>& holding_groups);
  bool is_kept(const std::vector<VariableId>& linked, pyobj::Borrowed values) const;
  Result<> load_step(const pyobj::GilHeld&, const plan::Step& step, std::size_t group);
  Result<> bind(pyobj::Borrowed values, const std::vector<std::string>& names);
  std::vector<std::string> hide_what_was_not_there(const pyobj::GilHeld&, CellIndex cell);
  Result<> run_step(const pyobj::GilHeld&, const plan::Plan& plan, CellIndex cell, bool must_raise);
  Result<> put_active(const pyobj::GilHeld&, VariableId piece);
  Result<> put_where_modules_are(const pyobj::GilHeld&);
  Result<> put_ambient_before(const pyobj::GilHeld&, CellIndex cell);
  Result<> put_objects_before(const pyobj::GilHeld&, CellIndex cell);
  Result<> put_stored(const pyobj::GilHeld&, std::size_t group);
  Result<> bind_again(CellIndex cell, pyobj::Borrowed before);

  pyobj::Borrowed namespace_;
  Driver* driver_;
  pyobj::Ambient* ambient_;
  const graph::History* history_;
  const Payload* payload_;
  std::shared_ptr<store::CheckpointReader> reader_;
  const std::set<std::size_t>* banned_;
  const Clock* clock_;
  RestoreProgress* progress_ = nullptr;
  ReplayTimes times_;
  std::int64_t nested_us_ = 0;  // spent in loads within the load that runs
  std::optional<pyobj::Loader> loader_;
  std::map<std::size_t, pyobj::Owned> loaded_;  // by the pickle's place: a dict of its variables
  std::set<std::size_t> loading_;               // pickles
  std::set<std::size_t> to_defer_;
  std::map<std::size_t, std::vector<std::string>> deferred_;
  bool sets_objects_ = false;
  std::set<std::string> objects_set_;
  bool loads_outputs_ = false;  // what those refer to is what the namespace holds
  // Variables that a re-run cell leaves as they were at the checkpoint. Where one is a class or a function,
  // that object is the one, and what refers to it waits for it: a loaded twin would be a second class of the
  // same name.
  std::set<std::string> made_by_rerun_;
  std::map<std::string, std::size_t> group_of_name_;                             // active ones
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> ambient_groups_;  // by (name, writer)
  std::set<std::string> put_back_;
  std::optional<ReplayFailure> failure_;
};

}  // namespace elastic::session
