#include "elastic/session/tracker.hpp"

#include <algorithm>
#include <utility>

#include "elastic/pyobj/own_sources.hpp"

namespace elastic::session {

using graph::CellRecord;
using pyobj::GilHeld;
using pyobj::ModuleLook;

namespace {

// How long a reply may wait for us, as a share of what the cell itself took.
constexpr std::int64_t kReplyShare = 100;

std::chrono::steady_clock::time_point in_us(std::int64_t us) {
  return std::chrono::steady_clock::now() + std::chrono::microseconds(us);
}

}  // namespace

Tracker::Tracker(const GilHeld& gil, pyobj::Borrowed user_namespace, const Clock& clock,
                 pyobj::Borrowed transform)
    : clock_(&clock),
      transform_(pyobj::Owned::share(transform)),
      names_(user_namespace),
      reads_(user_namespace),
      walk_(gil, user_namespace),
      ambient_(gil, user_namespace) {}

Result<> Tracker::begin(const GilHeld& gil) {
  if (begun_) return success();
  begun_ = true;
  pyobj::install_audit_hook(gil);
  // Where the generators stood before the first cell, and what startup files bound: no cell can recompute it.
  CellRecord record;
  record.outside_cell = true;
  record.source = "# before the first cell";
  record.started_wall_us = clock_->wall_us();
  Whys whys;
  access_ = {};
  add_ambient(gil, ambient_.changes(gil, ModuleLook::kKnown), record, whys);
  add_writes(gil, record, whys, graph::Outcome::kOk, std::nullopt);
  names_.update(gil);
  ELASTIC_TRY(commit(gil, std::move(record), std::move(whys)));
  return success();
}

Result<> Tracker::note_outside_changes(const GilHeld& gil, ModuleLook look) {
  const pyobj::NameChanges changes = names_.changes(gil);
  auto ambient = ambient_.changes(gil, look);
  if (changes.bound.empty() && changes.deleted.empty() && ambient.empty() && ambient_pending_.empty())
    return success();
  CellRecord record;
  record.outside_cell = true;
  record.source = "# between cells";
  record.started_wall_us = clock_->wall_us();
  Whys whys;
  access_ = {};
  known_changed_.clear();
  const auto waiting = add_writes(gil, record, whys, graph::Outcome::kOk, in_us(reply_budget_us_));
  add_ambient(gil, std::move(ambient), record, whys);
  names_.update(gil);
  ELASTIC_ASSIGN(const CellIndex cell, commit(gil, std::move(record), std::move(whys)));
  for (auto& [name, entry] : waiting) unresolved_[name] = {{cell}, entry.written, false};
  return success();
}

Result<> Tracker::before_cell(const GilHeld& gil, WatchedCell cell) {
  const pyobj::PendingError pending(gil);
  ELASTIC_TRY(begin(gil));
  finish_adoption(gil, std::nullopt, pyobj::MemoryLook::kSealAll);
  ELASTIC_TRY(note_outside_changes(gil, ModuleLook::kRebound));
  ELASTIC_TRY(glance_at_unresolved(gil));
  if (std::exchange(code_may_escape_, false))
    escaped_is_superset_ = !reads_.find_escaped(gil, pyobj::Look::kBeforeCell);
  forget_old_code(gil);
  cell_ = std::move(cell);
  access_ = reads_.of_source(gil, cell_.transformed, transform_, pyobj::Look::kBeforeCell);
  // IPython replaces a macro's name by its text before the cell is compiled.
  const std::string first = cell_.source.substr(0, cell_.source.find_first_of(" \t\r\n;("));
  if (const pyobj::Borrowed value = names_.value(gil, first);
      value && std::string_view(Py_TYPE(value.get())->tp_name) == "Macro")
    access_.reads.emplace(first, pyobj::Why{});
  existed_ = names_.names();
  known_changed_.clear();
  ++idle_round_;
  ELASTIC_TRY(look_at_what_goes(gil));
  ELASTIC_TRY(record_links_found(gil));
  running_ = true;
  started_us_ = clock_->monotonic_us();
  started_wall_us_ = clock_->wall_us();
  pyobj::begin_effects(gil);
  return success();
}

// Once a name is bound anew, nobody can tell any more whether the cells before changed its old value.
Result<> Tracker::look_at_what_goes(const GilHeld& gil) {
  std::vector<LateChange> changes;
  lost_unknown_ = false;
  const Deadline none_but_for_memory(Deadline::Time::max());  // whose content nobody will ask for
  for (const auto* lost : {&access_.surely_binds, &access_.maybe_binds, &access_.maybe_deletes}) {
    for (const std::string& name : *lost) {
      const auto found = unresolved_.find(name);
      const bool waits = found != unresolved_.end();
      if (waits && found->second.written && found->second.cells.size() == 1) continue;
      const Unresolved entry = waits ? found->second : Unresolved{.cells = blind_cells_since_seen(name)};
      if (entry.cells.empty() || !existed(name)) continue;
      const auto changed = differs(gil, name, none_but_for_memory, true);
      lost_unknown_ = lost_unknown_ || (!changed && !entry.apart && access_.reads.contains(name));
      if (waits) unresolved_.erase(found);
      seen_[name].unchanged_at = static_cast<std::uint32_t>(history_.cell_count());
      if (entry.written || changed.value_or(true))
        changes.push_back({entry.cells, name, "changed in place by this cell or one near it"});
    }
  }
  return attribute(gil, std::move(changes));
}

CellRecord Tracker::start_record() const {
  CellRecord record;
  record.execution_count = cell_.execution_count;
  record.cell_id = cell_.cell_id;
  record.source = cell_.source;
  record.tags = cell_.tags;
  record.started_wall_us = started_wall_us_;
  record.run_time_us = std::max<std::int64_t>(0, clock_->monotonic_us() - started_us_);
  return record;
}

Result<> Tracker::after_cell(const GilHeld& gil, graph::Outcome outcome) {
  if (!running_) return success();
  const pyobj::PendingError pending(gil);
  running_ = false;
  CellRecord record = start_record();
  record.outcome = outcome;
  const pyobj::CellEffects effects = pyobj::end_effects(gil);
  // The code that ran may be another than was looked at before, through `%autoreload` or by the cell itself.
  if (forget_old_code(gil) && access_.compiled)
    access_.add(reads_.of_source(gil, cell_.transformed, transform_));
  reads_.add_runtime(gil, access_, effects.codes, effects.texts, effects.names);
  reads_.keep_what_ran(gil, access_, effects.looked_into, effects.forked);
  code_may_escape_ = code_may_escape_ || access_.handles_code;

  Whys whys;
  add_reads(record, whys);
  const bool blind = reads_what_is_not_known();  // before what is changed counts as seen
  const std::int64_t budget_us = std::max(reply_budget_us_, record.run_time_us / kReplyShare);
  const auto waiting = add_writes(gil, record, whys, outcome, in_us(budget_us));
  // A variable that was there before and is not what it was may have shared its object with a module.
  const bool in_place =
      !waiting.empty() || std::any_of(record.writes.begin(), record.writes.end(),
                                      [&](auto& write) { return existed(history_.name_of(write.variable)); });
  add_ambient(gil, ambient_.changes(gil, module_look(in_place)), record, whys);
  add_effects(gil, effects, record);
  names_.update(gil);
  std::vector<LateChange> also_earlier = changes_of_blind_cells();
  ELASTIC_ASSIGN(const CellIndex cell, commit(gil, std::move(record), std::move(whys)));
  for (LateChange& change : also_earlier) change.cells.push_back(cell);
  ELASTIC_TRY(attribute(gil, std::move(also_earlier)));
  add_unresolved(gil, cell, waiting, blind);
  return success();
}

Result<> Tracker::record_unfinished(const GilHeld& gil, graph::History& history) {
  const pyobj::PendingError pending(gil);
  CellRecord record = start_record();
  record.outcome = graph::Outcome::kUnfinished;
  ELASTIC_TRY(resolve(gil, std::nullopt));
  ELASTIC_TRY(hash_rest(gil));
  ELASTIC_TRY(record_links_found(gil));
  Whys whys;
  add_reads(record, whys);
  const auto groups = groups_;
  const std::uint64_t recorded_sharing = recorded_sharing_;
  add_writes(gil, record, whys, record.outcome, std::nullopt);
  groups_ = groups;  // the cell goes on; what it linked is found again at its end
  recorded_sharing_ = recorded_sharing;
  for (const graph::Write& write : record.writes) {
    if (!write.deleted) known_changed_.insert(history_.name_of(write.variable));
  }
  add_ambient(gil, ambient_.changes(gil, module_look(true)), record, whys);
  for (const graph::Write& write : record.writes) {
    if (!history_.is_ambient(write.variable)) continue;
    known_changed_.erase(history_.name_of(write.variable));
  }
  history = history_;
  ELASTIC_ASSIGN(const CellIndex running, history.record(std::move(record)));
  for (LateChange& change : changes_of_blind_cells()) {
    change.cells.push_back(running);
    ELASTIC_TRY(history.attribute(change.cells, std::vector{write_of(change.name)}));
  }
  // What changed of the ambient state belongs to the cell's own entry, when it ends.
  ambient_unfinished_.clear();
  for (auto& [name, value] : pending_now_) {
    if (!value.empty()) ambient_unfinished_.emplace(history_.variable(name), value);
    ambient_pending_[name] = std::move(value);
  }
  pending_now_.clear();
  return success();
}

// True once it is known, to the last function.
bool Tracker::find_escaped(const GilHeld& gil, const Deadline& deadline) {
  if (!code_may_escape_ && !escaped_is_superset_) return true;
  code_may_escape_ = !reads_.find_escaped(gil, pyobj::Look::kThrough, deadline);
  escaped_is_superset_ = false;
  return !code_may_escape_;
}

bool Tracker::forget_old_code(const GilHeld& gil) {
  if (std::exchange(sources_run_, pyobj::sources_run(gil)) == pyobj::sources_run(gil)) return false;
  reads_.forget_all();
  return true;
}

std::vector<pyobj::OwnSource> Tracker::own_sources(const GilHeld& gil) {
  const std::map<std::string, std::string> modules = ambient_.module_files(gil);
  if (modules.empty()) return {};
  std::map<std::string, std::vector<std::string>> variables;  // by file
  const auto names = names_.names();
  for (const std::string& name : *names)
    for (const std::string& path : reads_.module_files_of(gil, name)) variables[path].push_back(name);
  std::vector<pyobj::OwnSource> sources;
  for (const auto& [module, path] : modules) {
    const pyobj::InputFile file = pyobj::source_as_loaded(gil, path);
    sources.push_back({module, path, file.size_bytes, file.digest, variables[path]});
  }
  return sources;
}

std::vector<std::string> Tracker::code_held_elsewhere(const GilHeld& gil) {
  find_escaped(gil, {});
  return reads_.escaped_code();
}

ModuleLook Tracker::module_look(bool in_place) const {
  const bool used = !access_.module_files.empty() || !access_.everything.empty();
  return used ? ModuleLook::kAll : in_place ? ModuleLook::kKnown : ModuleLook::kRebound;
}

const std::string* Tracker::ambient_value(VariableId variable, CellIndex writer) const {
  if (writer.value == history_.cell_count()) {
    const auto found = ambient_unfinished_.find(variable);
    return found == ambient_unfinished_.end() ? nullptr : &found->second;
  }
  const auto found = ambient_values_.find({variable, writer});
  return found == ambient_values_.end() ? nullptr : &found->second;
}

void Tracker::keep_ambient_value(VariableId variable, CellIndex writer, std::string value) {
  ambient_values_[{variable, writer}] = std::move(value);
}

Result<> Tracker::put_ambient(const GilHeld& gil, const std::string& name, const std::string& value) {
  return ambient_.put(gil, name, value);
}

}  // namespace elastic::session
