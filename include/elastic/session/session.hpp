// One user namespace and its history: told about every cell, it can write the session down and bring it back.
//
// Invariants
// - Nothing here raises into the user's cell or writes into it. When watching fails, it is switched off with
// one log
//   line; later checkpoints store the whole namespace instead of planning over a history that may be wrong.
// - A checkpoint is whole or not there (store). A restore that is interrupted leaves the namespace as it was.
// - After a restore the history is the restored one: the session can be checkpointed and restored again.
// Threads: all calls on the thread that runs cells, with the GIL; writing and hashing release it.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "elastic/core/clock.hpp"
#include "elastic/graph/history.hpp"
#include "elastic/plan/cost_model.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/plan/plan_input.hpp"
#include "elastic/pyobj/ref.hpp"
#include "elastic/session/driver.hpp"
#include "elastic/session/tracker.hpp"
#include "elastic/store/store.hpp"

namespace elastic::session {

class DamageCheck;
class Deferred;
struct DumpedSession;
class KnownBuffers;
struct KnownPlace;
class Marks;

struct CheckpointOptions {
  std::string directory{};
  std::string label{};  // whose checkpoint it is, within the directory; may be empty
  std::string planner = "optimal";
  double alpha = 1.0;  // weight of the time to write; 0: the user is gone
  plan::Limits limits{};
  std::optional<double> cpu_ratio{};  // of the machine that restores; empty: as the last restore showed
  // For this checkpoint alone, beside the session's marks: (variable, as mark() takes it).
  std::vector<std::pair<std::string, std::string>> marks{};
  std::set<std::uint32_t> never_rerun_cells{};
  std::uint32_t keep_newest = 8;  // checkpoints of one label, in the place they are in
  std::optional<std::int64_t> keep_us{};
  std::optional<std::uint64_t> keep_bytes{};
  std::string export_to{};     // a file that holds this checkpoint alone, to hand to somebody; empty: none
  bool force = false;          // it may be replaced
  bool plan_only = false;      // report, and write nothing
  bool in_background = false;  // a forked child writes what takes long; the caller ends the process
  // This process is a child that was forked to make the checkpoint and then ends: nobody is shown anything,
  // and the store says from the start that it is at work. How long nothing may be heard of it until then; 0:
  // it is none.
  std::int64_t as_heir_us = 0;
  // Gives way to whatever comes (Driver::goes_on), and takes the place of the session's last such checkpoint.
  bool while_idle = false;
  nlohmann::json shell{};  // the shell's own state, kept as it is; "outputs" names variables like _3 to keep
  pyobj::Owned objects{};  // null, or a dict: the shell's, each pickled by itself and given back
};

struct RestoreOptions {
  std::string directory{};  // or an export file
  std::string label{};
  std::string at{};  // the name (or a unique beginning) of a checkpoint; empty: the newest
  bool trust = false;
  bool safe = false;  // only what needs no cell re-run
  bool dry_run = false;
  bool verify = false;         // also what is large: all of it is read before the restore returns
  bool rerun_effects = false;  // cells with outside effects may be run again
  bool lazy = false;           // what no re-run needs stays away until a cell reads it
  std::optional<std::set<std::string>> only{};
  std::set<std::string> skip{};
};

class Session {
 public:
  // REQUIRES: `user_namespace` is the dict of the module cells run in; `clock` and `driver` outlive the
  // session. `transform` turns a cell's text into Python (shell.transform_cell).
  Session(const pyobj::GilHeld&, pyobj::Borrowed user_namespace, const Clock& clock, Driver& driver,
          pyobj::Borrowed transform);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Spares the first cell a search. REQUIRES: no code of the user's has left anything in the namespace.
  void no_code_yet(const pyobj::GilHeld& gil) { tracker_.no_code_yet(gil); }
  void cell_starting(const pyobj::GilHeld&, WatchedCell cell);
  void cell_finished(const pyobj::GilHeld&, graph::Outcome outcome);
  // Work that could wait until the reply was out; stops soon after `budget_us`, or when something else is
  // wanted. True when nothing is left.
  bool idle(const pyobj::GilHeld&, std::int64_t budget_us, pyobj::Deadline::IsWanted is_wanted);

  // The report of docs/design section 9 ("checkpoint"), as a text: thousands of rows, which not everybody
  // looks at. Errors leave the former checkpoint as it was.
  Result<std::string> checkpoint(const pyobj::GilHeld&, const CheckpointOptions& options);
  // The report ("restore"), with the checkpoint's "shell". kCancelled: the namespace is as it was.
  Result<std::string> restore(const pyobj::GilHeld&, const RestoreOptions& options);
  // The list of section 9 ("history").
  Result<nlohmann::json> history(const pyobj::GilHeld&);
  nlohmann::json history_so_far() const { return tracker_.history_json(); }  // looks at nothing first
  // Why `name` is linked, opaque, or attributed to its cells; lines for a person.
  std::string why(const pyobj::GilHeld&, const std::string& name);

  // "never-store", "always-store", "never-rerun" or "none", for all checkpoints to come and those of sessions
  // restored from them.
  Result<> mark(const std::string& variable, const std::string& wish);
  // {variable: [words]}.
  nlohmann::json marks() const;

  // After a lazy restore: the variables that are not there yet. All but load_next are to be called before
  // code of the user's runs; what these load may run code of the session's (__setstate__). kCancelled:
  // interrupted, some are still away.
  std::set<std::string> deferred() const;
  Result<> load_for_cell(const pyobj::GilHeld&, const std::string& transformed);
  void load_next(const pyobj::GilHeld&);
  Result<> load_rest(const pyobj::GilHeld&);
  // Those that did not load when it came to that. They are deleted; another restore may bring them back.
  const std::set<std::string>& lost_late() const { return lost_late_; }

  std::vector<std::string> code_held_elsewhere(const pyobj::GilHeld&);  // session/tracker.hpp

  // Restored variables that turned out since the last call to be lost or not what was stored, with why.
  std::map<std::string, std::string> take_damage();

  // Whether there is anything that the last checkpoint or restore does not have.
  bool has_news() const { return news_; }
  std::vector<std::int32_t> stopped_cells() const;  // numbers of those that did not run to their end

 private:
  struct Attempt;
  void stop_tracking(const Error& error);
  // History as of now: settled, with the running cell as unfinished.
  Result<graph::History> history_now(const pyobj::GilHeld&);
  Result<> load_deferred(const pyobj::GilHeld&, const std::set<std::string>& names);
  Result<std::string> write_down(const pyobj::GilHeld&, const CheckpointOptions& options,
                                 DumpedSession& dumped);
  Result<> open_target(const pyobj::GilHeld&, const CheckpointOptions& options, DumpedSession& dumped);
  Result<> begin_as_heir(const pyobj::GilHeld&, const CheckpointOptions& options, DumpedSession& dumped);
  Result<> offer_all(const pyobj::GilHeld&, const CheckpointOptions& options, DumpedSession& dumped);
  Result<> dump_group(const pyobj::GilHeld&, DumpedSession& dumped, std::size_t place,
                      const std::vector<std::string>& names);
  Result<bool> dump_chosen(const pyobj::GilHeld&, DumpedSession& dumped);
  Result<bool> offer_parts(const pyobj::GilHeld&, DumpedSession& dumped);
  Result<> dump_outputs(const pyobj::GilHeld&, const CheckpointOptions& options,
                        const std::vector<std::string>& had, DumpedSession& dumped);
  Result<> choose_plan(const pyobj::GilHeld&, const CheckpointOptions& options, DumpedSession& dumped);
  Result<> write_all(const pyobj::GilHeld&, const CheckpointOptions& options, DumpedSession& dumped);
  KnownPlace& place_at(const std::string& directory);
  static void replace_idle(store::Store& target, KnownPlace& place, store::CheckpointName name);

  pyobj::Owned namespace_;
  const Clock* clock_;
  Driver* driver_;
  Tracker tracker_;
  plan::CostModel costs_;
  std::unique_ptr<KnownBuffers> known_buffers_;
  std::map<std::string, std::unique_ptr<KnownPlace>> places_;  // by directory
  std::unique_ptr<Marks> marks_;
  std::unique_ptr<DamageCheck> damage_check_;  // of what the last restore mapped
  std::unique_ptr<Deferred> deferred_;         // of the last restore; empty: nothing waits
  std::map<std::string, std::string> late_damage_;
  std::set<std::string> lost_late_;
  bool running_ = false;
  std::optional<Error> tracking_error_;
  bool news_ = false;
};

}  // namespace elastic::session
