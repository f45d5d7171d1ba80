// Watches the cells of one session and writes what they read, changed and did into its history.
//
// What a cell reads is told from its code before it runs (pyobj/reads), what it bound and deleted from the
// namespace, what it changed in place from the walk over what its reads could reach. What is dear to look at
// waits: it is attributed to all the cells since it was last looked at (docs/watching.md).
//
// Invariants: nothing here raises into the user's cell or runs user code; after settle() the history explains
// every variable as it is now. An error from any call means that the history cannot be trusted from there on.
// Threads: all calls on the thread that runs cells, with the GIL.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "elastic/core/clock.hpp"
#include "elastic/graph/history.hpp"
#include "elastic/pyobj/ambient.hpp"
#include "elastic/pyobj/effects.hpp"
#include "elastic/pyobj/name_table.hpp"
#include "elastic/pyobj/own_source.hpp"
#include "elastic/pyobj/reads.hpp"
#include "elastic/pyobj/walk.hpp"

namespace elastic::session {

struct WatchedCell {
  std::string source{};       // as the user wrote it
  std::string transformed{};  // as Python, after IPython's transform
  std::int32_t execution_count = 0;
  std::string cell_id{};
  std::vector<std::string> tags{};
};

class Tracker {
 public:
  using Deadline = pyobj::Deadline;

  // `user_namespace` is the dict of the module cells run in; it and `clock` outlive the tracker. `transform`
  // (may be null) turns a cell's text into Python: shell.transform_cell.
  Tracker(const pyobj::GilHeld&, pyobj::Borrowed user_namespace, const Clock& clock,
          pyobj::Borrowed transform = {});

  void no_code_yet(const pyobj::GilHeld& gil) { reads_.no_code_yet(gil); }  // pyobj/reads.hpp
  Result<> before_cell(const pyobj::GilHeld&, WatchedCell cell);
  // Takes a few milliseconds, or 1 % of the cell's run time; the rest is catch_up's.
  Result<> after_cell(const pyobj::GilHeld&, graph::Outcome outcome);
  // Looks at what was left, until the deadline; true when nothing is left. What could not go on later where
  // it stopped takes however long it takes, until the deadline says that something else is wanted.
  Result<bool> catch_up(const pyobj::GilHeld&, const Deadline& deadline);
  // All of it, and once more everything that could have changed with no cell running.
  Result<> settle(const pyobj::GilHeld&);
  // The history with what the running cell has done so far, as an unfinished cell.
  Result<> record_unfinished(const pyobj::GilHeld&, graph::History& history);
  // From now on this is the history, and the namespace is as it says. Looking through the values, which reads
  // in what is mapped, may be left for the idle time, or the next cell if that comes first: `later`, unless
  // code of the user's is running that could change them meanwhile.
  Result<> adopt(const pyobj::GilHeld&, graph::History history, bool later);
  // Variables of the adopted history that are bound only now, as it says; and those that never will be.
  Result<> adopt_late(const pyobj::GilHeld&, const std::vector<std::string>& bound,
                      const std::vector<std::string>& lost);
  // The variables that a cell could read or bind, where `expected` are some though they are not bound yet.
  // Empty: it could be any.
  std::optional<std::set<std::string>> names_of(const pyobj::GilHeld&, const std::string& transformed,
                                                const std::set<std::string>& expected);

  const graph::History& history() const { return history_; }
  graph::History& history() { return history_; }
  // The bytes of a piece of ambient state as `writer` left it; null where they were not kept.
  const std::string* ambient_value(VariableId variable, CellIndex writer) const;
  void keep_ambient_value(VariableId variable, CellIndex writer, std::string value);
  std::vector<pyobj::ModuleAttribute> module_attributes(const pyobj::GilHeld& gil) {
    return ambient_.module_attributes(gil);
  }
  // The user's own modules as they were loaded, and which variables lead to each. O(what variables reach).
  std::vector<pyobj::OwnSource> own_sources(const pyobj::GilHeld&);
  // Functions and classes of the session that something outside it refers to, so that it can call them: a
  // registration, a patched method. By qualified name.
  std::vector<std::string> code_held_elsewhere(const pyobj::GilHeld&);
  Result<> put_ambient(const pyobj::GilHeld&, const std::string& name, const std::string& value);

  // How long a reply waits for what is looked at, where 1 % of the cell's run time is less. Zero: for
  // nothing.
  void set_reply_budget_us(std::int64_t us) { reply_budget_us_ = us; }

  // The list of design section 9: index, execution_count, source, started, seconds, outcome, reads, writes,
  // deletes, effects; and `why`, by name.
  nlohmann::json history_json() const;
  // Whether the content that was last seen of a variable is all there is of it.
  bool sees_into(const std::string& name) const {
    const pyobj::VariableState* state = walk_.state(name);
    return state != nullptr && !state->opaque && !state->unstable;
  }
  // Why `name` is linked, opaque, or attributed to its cells; for a person.
  std::string why(const pyobj::GilHeld&, const std::string& name) const;

 private:
  struct Unresolved {
    std::vector<CellIndex> cells{};  // ascending: any of them may have changed it
    bool written = false;            // the first of them bound it: only the content is not known yet
    // It shares nothing with anything. Else nobody knows with what, until it is walked.
    bool apart = false;
    bool glanced_at = false;  // and found to be too large for that
  };
  struct LateChange {
    std::vector<CellIndex> cells;  // not empty
    std::string name;
    std::string why;
  };
  struct Seen {
    std::uint32_t unchanged_at = 0;  // the number of cells when it was last seen unchanged
    std::uint64_t idle_round = 0;    // idle_round_ when it was last looked at while idle
  };
  using Whys = std::map<std::string, std::string>;

  // What takes no longer is looked at when the time is up too, for so long in all: were it left to wait,
  // every cell until then could have changed it.
  static constexpr std::chrono::microseconds kGlance{50};
  static constexpr std::chrono::microseconds kGlances{1000};

  Result<> begin(const pyobj::GilHeld&);
  // Looks through what was adopted; true when nothing is left.
  bool finish_adoption(const pyobj::GilHeld&, const Deadline& deadline, pyobj::MemoryLook look);
  // Adds what has to wait of the cell that just ended, and the cell to what it may have changed unseen.
  void add_unresolved(const pyobj::GilHeld&, CellIndex cell, const std::map<std::string, Unresolved>& waiting,
                      bool blind);
  // Whether the running cell may have changed anything, by way of what nobody knew when it began.
  bool reads_what_is_not_known() const;
  void forget_blind_cells();
  Result<> note_outside_changes(const pyobj::GilHeld&, pyobj::ModuleLook look);
  graph::CellRecord start_record() const;
  bool find_escaped(const pyobj::GilHeld&, const Deadline& deadline);
  // Whether code of the user's modules was loaded since the last call. What was told of code before is void.
  bool forget_old_code(const pyobj::GilHeld&);
  pyobj::ModuleLook module_look(bool in_place) const;
  void add_reads(graph::CellRecord& record, Whys& whys);
  // Adds the writes that can be told by `deadline`; returns the names that have to wait.
  std::map<std::string, Unresolved> add_writes(const pyobj::GilHeld&, graph::CellRecord& record, Whys& whys,
                                               graph::Outcome outcome, const Deadline& deadline);
  void add_ambient(const pyobj::GilHeld&, std::map<std::string, std::string> changed,
                   graph::CellRecord& record, Whys& whys);
  void add_effects(const pyobj::GilHeld&, const pyobj::CellEffects& effects, graph::CellRecord& record) const;
  Result<CellIndex> commit(const pyobj::GilHeld&, graph::CellRecord record, Whys whys);
  // Whether the variable differs from what was last walked; nothing if the deadline came first, or would
  // while memory is looked at, unless that is wanted `however_long` it takes.
  std::optional<bool> differs(const pyobj::GilHeld&, const std::string& name, const Deadline& deadline,
                              bool however_long = false);
  std::chrono::microseconds recheck_cost(const std::string& name) const;
  bool existed(const std::string& name) const { return std::ranges::binary_search(*existed_, name); }
  graph::Write write_of(const std::string& name);
  std::vector<std::set<std::string>> linked_now(const pyobj::GilHeld&) const;
  std::vector<std::vector<VariableId>> links_now(const pyobj::GilHeld&, const std::set<std::string>& written);
  std::set<std::string> with_linked(const std::set<std::string>& names) const;
  // Into the history; all at once, since each time the entries from the first of the cells on are made anew.
  Result<> attribute(const pyobj::GilHeld&, std::vector<LateChange> changes);
  void add_makers(const std::vector<VariableId>& group, std::vector<CellIndex>& cells) const;
  std::vector<LateChange> changes_of_blind_cells() const;
  // Those that may have changed a variable though they name neither it nor what it is known to be linked
  // with.
  std::vector<CellIndex> blind_cells_since_seen(const std::string& name) const;
  Result<> look_at_what_goes(const pyobj::GilHeld&);
  Result<> glance_at_unresolved(const pyobj::GilHeld&);
  void add_resolved(const std::string& name, const Unresolved& entry, bool changed,
                    std::vector<LateChange>& changes);
  Result<bool> resolve(const pyobj::GilHeld&, const Deadline& deadline);
  Result<bool> verify_rest(const pyobj::GilHeld&, const Deadline& deadline);
  // The same for what the history has no content of yet; changes are the running cell's.
  Result<> hash_rest(const pyobj::GilHeld&);
  // What `writer` left the variable as, once it is hashed.
  void note_unhashed(const std::string& name, CellIndex writer);
  Result<> record_links_found(const pyobj::GilHeld&);
  std::vector<CellIndex> cells_since(std::uint32_t first) const;

  const Clock* clock_;
  pyobj::Owned transform_;
  pyobj::NameTable names_;
  pyobj::Reads reads_;
  pyobj::Walk walk_;
  pyobj::Ambient ambient_;
  graph::History history_;
  std::vector<Whys> whys_;  // by cell
  std::map<std::pair<VariableId, CellIndex>, std::string> ambient_values_;
  std::map<VariableId, std::string> ambient_unfinished_;  // as record_unfinished found them

  std::int64_t reply_budget_us_ = 2000;  // nobody feels that
  bool begun_ = false;
  bool running_ = false;
  bool code_may_escape_ = false;      // since that was last looked for
  bool escaped_is_superset_ = false;  // what was found then
  std::uint64_t sources_run_ = 0;     // by pyobj::sources_run, when reads_ last forgot
  WatchedCell cell_;
  pyobj::Access access_;
  // User variables when the running cell started, sorted.
  std::shared_ptr<const std::vector<std::string>> existed_ =
      std::make_shared<const std::vector<std::string>>();
  std::set<std::string> known_changed_;  // by the running cell, seen by record_unfinished
  bool lost_unknown_ = false;            // it reads what it was about to bind, and nobody knew
  std::int64_t started_us_ = 0;
  std::int64_t started_wall_us_ = 0;

  std::map<std::string, Unresolved> unresolved_;
  std::map<std::string, CellIndex> unhashed_;  // watched, with the writer whose content that will be
  std::vector<CellIndex> blind_cells_;  // that read what nobody knew, and could change anything by way of it
  std::set<std::string> changed_in_place_;               // by the cell that is being recorded
  std::unordered_map<std::string, Seen> seen_;           // every variable asks at every checkpoint
  std::map<std::string, std::set<std::string>> groups_;  // of linked variables, by member
  std::map<std::string, std::string> ambient_pending_;   // changed, and not in the history yet
  std::map<std::string, std::string> pending_now_;       // of the record in the making
  std::uint64_t idle_round_ = 1;                         // another one since every cell
  std::uint64_t recorded_sharing_ = 0;                   // by walk_.sharing_version(), in the history
  std::vector<std::string> adopted_;                     // not looked through yet
};

}  // namespace elastic::session
