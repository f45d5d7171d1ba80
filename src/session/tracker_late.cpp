// What is looked at after the reply: variables that had to wait, and those that no cell named.
#include <algorithm>

#include "elastic/session/tracker.hpp"

namespace elastic::session {

using pyobj::GilHeld;

namespace {

// What nobody named is looked at in the idle time after every cell; more than this before a checkpoint only.
constexpr std::chrono::milliseconds kIdleLook{20};

constexpr const char* kHashedLate = "looked at after the reply";

}  // namespace

// The cells that ran since then. Entries of changes outside cells are none of them.
std::vector<CellIndex> Tracker::cells_since(std::uint32_t first) const {
  std::vector<CellIndex> cells;
  for (std::uint32_t i = first; i < history_.cell_count(); ++i) {
    if (!history_.cell(CellIndex{i}).outside_cell) cells.push_back(CellIndex{i});
  }
  return cells;
}

// A co-variable exists from the last of its members on, and what changes one of them writes all: the cells
// that made the others, or wrote them since, are among those to blame.
void Tracker::add_makers(const std::vector<VariableId>& group, std::vector<CellIndex>& cells) const {
  const CellIndex last = cells.back();
  std::set<CellIndex> later;
  for (const VariableId member : group) {
    if (!history_.active(member)) continue;
    for (const SnapshotId version : history_.versions(member)) {
      const graph::Snapshot& snapshot = history_.snapshot(version);
      if (!snapshot.deleted && snapshot.writer > last) later.insert(snapshot.writer);
    }
  }
  cells.insert(cells.end(), later.begin(), later.end());
}

Result<> Tracker::attribute(const GilHeld& gil, std::vector<LateChange> changes) {
  if (changes.empty()) return success();
  const auto linked = links_now(gil, {});
  std::map<VariableId, std::size_t> group_of;
  for (std::size_t i = 0; i < linked.size(); ++i)
    for (const VariableId member : linked[i]) group_of.emplace(member, i);
  struct Batch {
    std::vector<graph::Write> writes;
    std::set<std::size_t>
        groups;  // those of the writes; of others they are recorded with the cells that made them
  };
  std::map<std::pair<std::vector<CellIndex>, bool>, Batch>
      batches;  // by cells, and whether anything is linked
  for (LateChange& change : changes) {
    const graph::Write write = write_of(change.name);
    const auto group = group_of.find(write.variable);
    if (group != group_of.end()) add_makers(linked[group->second], change.cells);
    Batch& batch = batches[{change.cells, group != group_of.end()}];
    batch.writes.push_back(write);
    if (group != group_of.end()) batch.groups.insert(group->second);
    for (const CellIndex cell : change.cells) {
      std::string& text = whys_[cell.value][change.name];
      text += (text.empty() ? "read: what it was before; " : "; ") + ("written: " + change.why);
    }
  }
  for (const auto& [key, batch] : batches) {
    std::vector<std::vector<VariableId>> groups;
    for (const std::size_t group : batch.groups) groups.push_back(linked[group]);
    ELASTIC_TRY(history_.attribute(key.first, batch.writes, std::move(groups)));
  }
  return success();
}

// What has not been walked since it was bound or reached may share objects with anything: `x[0].append(1)`
// changes y where an earlier cell said `y = [x[0], big]`, and nobody knows that yet. Nor does anybody know to
// what that led since: a cell that reads what such a cell may have changed may change anything, too.
void Tracker::add_unresolved(const GilHeld& gil, CellIndex cell,
                             const std::map<std::string, Unresolved>& waiting, bool blind) {
  const bool reaches = !access_.reads.empty() || !access_.everything.empty();
  for (auto& [name, entry] : unresolved_)
    if (reaches && !entry.apart && waiting.count(name) == 0) entry.cells.push_back(cell);
  for (const auto& [name, entry] : waiting) {
    const auto [at, begins] = unresolved_.try_emplace(name);
    Unresolved& known = at->second;
    if (entry.written)
      known = {.written = true};
    else if (begins)
      known.cells = blind_cells_since_seen(name);
    known.cells.push_back(cell);
    known.apart = walk_.stands_apart(gil, names_.value(gil, name));
  }
  if (blind) blind_cells_.push_back(cell);
}

bool Tracker::reads_what_is_not_known() const {
  const auto is_waiting = [&](const auto& entry) {
    const bool read = !access_.everything.empty() || access_.reads.contains(entry.first);
    return read && !entry.second.apart;
  };
  const auto may_have_changed = [&](const auto& read) {
    return existed(read.first) && !blind_cells_since_seen(read.first).empty();
  };
  return lost_unknown_ || std::any_of(unresolved_.begin(), unresolved_.end(), is_waiting) ||
         (!blind_cells_.empty() && std::any_of(access_.reads.begin(), access_.reads.end(), may_have_changed));
}

// Those that may have changed only what was looked at since.
void Tracker::forget_blind_cells() {
  if (blind_cells_.empty() || !unresolved_.empty()) return;
  auto oldest = static_cast<std::uint32_t>(history_.cell_count());
  const auto names = names_.names();
  for (const std::string& name : *names) oldest = std::min(oldest, seen_[name].unchanged_at);
  std::erase_if(blind_cells_, [&](CellIndex cell) { return cell.value < oldest; });
}

std::vector<CellIndex> Tracker::blind_cells_since_seen(const std::string& name) const {
  const auto seen = seen_.find(name);
  const std::uint32_t first = seen == seen_.end() ? 0 : seen->second.unchanged_at;
  std::vector<CellIndex> cells;
  for (const CellIndex cell : blind_cells_)
    if (cell.value >= first) cells.push_back(cell);
  return cells;
}

// What the running cell changed may have been changed already by a cell before that named something else
// which shares with it: nobody knew, where that had not been walked yet.
std::vector<Tracker::LateChange> Tracker::changes_of_blind_cells() const {
  std::vector<LateChange> changes;
  for (const std::string& name : changed_in_place_) {
    std::vector<CellIndex> cells = blind_cells_since_seen(name);
    if (!cells.empty()) changes.push_back({cells, name, "changed in place by this cell or one near it"});
  }
  return changes;
}

// What only came too late for the reply, and is small, is told before another cell could change it.
Result<> Tracker::glance_at_unresolved(const GilHeld& gil) {
  std::vector<LateChange> changes;
  const auto end = std::chrono::steady_clock::now() + kGlances;
  for (auto next = unresolved_.begin(); next != unresolved_.end();) {
    const auto entry = next++;
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) break;
    if (std::exchange(entry->second.glanced_at, true) || recheck_cost(entry->first) > kGlance) continue;
    const auto changed = differs(gil, entry->first, now, true);
    if (!changed) continue;
    add_resolved(entry->first, entry->second, *changed, changes);
    unresolved_.erase(entry);
  }
  return attribute(gil, std::move(changes));
}

void Tracker::add_resolved(const std::string& name, const Unresolved& entry, bool changed,
                           std::vector<LateChange>& changes) {
  seen_[name] = {static_cast<std::uint32_t>(history_.cell_count()), idle_round_};
  if (!entry.written && !changed) return;
  note_unhashed(name, entry.cells.back());
  const bool one = entry.cells.size() == 1;
  changes.push_back({entry.cells, name,
                     entry.written && one ? kHashedLate
                     : one                ? "changed in place"
                                          : "changed in place by one of the cells that could reach it"});
}

Result<bool> Tracker::resolve(const GilHeld& gil, const Deadline& deadline) {
  std::vector<LateChange> changes;
  bool all = true;
  // The first may take longer than there is time: no other budget would be large enough for it either.
  for (bool first = true; !unresolved_.empty(); first = false) {
    const auto next = unresolved_.begin();
    const std::string name = next->first;
    const Unresolved entry = next->second;
    const auto changed = differs(gil, name, deadline, first);
    if (!changed) {
      all = false;
      break;
    }
    unresolved_.erase(name);
    add_resolved(name, entry, *changed, changes);
  }
  ELASTIC_TRY(attribute(gil, std::move(changes)));
  return all;
}

// A variable that a cell before the last walk of it made part of another one's state is linked with that from
// then on, also where nothing in it has changed. Recorded with the last cell that wrote any of the two: they
// have been as they are since.
Result<> Tracker::record_links_found(const GilHeld& gil) {
  const std::uint64_t version = walk_.sharing_version();
  if (std::exchange(recorded_sharing_, version) == version) return success();
  std::map<VariableId, std::size_t> known;
  const auto covariables = history_.active_covariables();
  for (std::size_t i = 0; i < covariables.size(); ++i)
    for (const SnapshotId member : covariables[i]) known.emplace(history_.snapshot(member).variable, i);
  for (const std::vector<VariableId>& group : links_now(gil, {})) {
    if (group.size() < 2) continue;  // one that has left a group: its writer said so
    const auto is_known = [&](VariableId member) { return known.at(member) == known.at(group.front()); };
    if (std::all_of(group.begin(), group.end(), is_known)) continue;
    CellIndex last{0};
    for (const VariableId member : group)
      last = std::max(last, history_.snapshot(*history_.active(member)).writer);
    ELASTIC_TRY(history_.attribute({{last}}, {}, {group}));
  }
  return success();
}

Result<bool> Tracker::verify_rest(const GilHeld& gil, const Deadline& deadline) {
  bool first = true;  // may take longer than there is time, as in `resolve`
  std::vector<LateChange> hashed;
  const auto names = names_.names();
  for (const std::string& name : *names) {
    Seen& seen = seen_[name];
    if (seen.idle_round == idle_round_ || (deadline && recheck_cost(name) > kIdleLook)) continue;
    const pyobj::VariableState* known = walk_.state(name);
    const pyobj::VariableState before = known != nullptr ? *known : pyobj::VariableState{};
    const auto changed = differs(gil, name, deadline, std::exchange(first, false));
    if (!changed) {
      ELASTIC_TRY(attribute(gil, std::move(hashed)));
      return false;
    }
    const auto writer = unhashed_.find(name);
    if (writer != unhashed_.end() && !*changed) hashed.push_back({{writer->second}, name, kHashedLate});
    if (writer != unhashed_.end()) unhashed_.erase(writer);
    const std::uint32_t since = seen.unchanged_at;
    seen = {static_cast<std::uint32_t>(history_.cell_count()), idle_round_};
    // What cannot be seen into is written by the cells that name it; what can be seen beside it, by any.
    const pyobj::VariableState* state = walk_.state(name);
    const bool looks_the_same = state != nullptr && state->opaque && before.content == state->content &&
                                before.identity == state->identity;
    if (!*changed || looks_the_same) continue;
    const std::vector<CellIndex> cells = cells_since(since);
    if (!cells.empty()) {
      ELASTIC_TRY(attribute(gil, {{cells, name, "changed unseen: by any cell since it was last looked at"}}));
      continue;
    }
    graph::CellRecord record;
    record.outside_cell = true;
    record.source = "# between cells";
    record.started_wall_us = clock_->wall_us();
    record.reads.push_back(history_.variable(name));
    record.writes.push_back(write_of(name));
    record.linked = links_now(gil, {name});
    ELASTIC_TRY(commit(gil, std::move(record),
                       {{name, "read: what it was before; written: changed while no cell ran"}}));
  }
  forget_blind_cells();
  ELASTIC_TRY(attribute(gil, std::move(hashed)));
  return true;
}

Result<> Tracker::hash_rest(const GilHeld& gil) {
  std::vector<LateChange> hashed;
  for (const auto& [name, writer] : std::exchange(unhashed_, {})) {
    if (differs(gil, name, std::nullopt).value_or(true))
      known_changed_.insert(name);
    else
      hashed.push_back({{writer}, name, kHashedLate});
  }
  return attribute(gil, std::move(hashed));
}

Result<> Tracker::adopt(const GilHeld& gil, graph::History history, bool later) {
  begun_ = true;
  running_ = false;
  history_ = std::move(history);
  whys_.assign(history_.cell_count(), {});
  unresolved_.clear();
  unhashed_.clear();
  blind_cells_.clear();
  seen_.clear();
  groups_.clear();
  ambient_pending_.clear();
  ambient_values_.clear();  // of the former history, whose cells and variables have the same numbers
  auto ambient = ambient_.changes(gil);
  for (auto& [name, value] : ambient) {
    const auto active = history_.active(history_.variable(name));
    if (!active || history_.snapshot(*active).content != digest_of(value))
      ambient_pending_[name] = std::move(value);  // a change between cells
  }
  reads_.forget_all();
  code_may_escape_ = true;  // what was re-run or loaded may have handed code to a library
  // The table knows what the history knows: other names are found to be new at the next look.
  names_.update(gil);
  const auto names = names_.names();
  for (const std::string& name : *names) {
    const auto variable = history_.find_variable(name);
    if (!variable || !history_.active(*variable)) names_.forget(name);
  }
  adopted_ = *names_.names();
  if (!later) finish_adoption(gil, std::nullopt, pyobj::MemoryLook::kHash);
  return success();
}

Result<> Tracker::adopt_late(const GilHeld& gil, const std::vector<std::string>& bound,
                             const std::vector<std::string>& lost) {
  for (const std::string& name : bound) {
    names_.learn(gil, name);
    adopted_.push_back(name);
  }
  if (lost.empty()) return success();
  graph::CellRecord record;
  record.outside_cell = true;
  record.source = "# lost in a restore";
  record.started_wall_us = clock_->wall_us();
  for (const std::string& name : lost) {
    graph::Write gone{history_.variable(name)};
    gone.deleted = true;
    record.writes.push_back(gone);
  }
  ELASTIC_TRY(commit(gil, std::move(record), {}));
  return success();
}

std::optional<std::set<std::string>> Tracker::names_of(const GilHeld& gil, const std::string& transformed,
                                                       const std::set<std::string>& expected) {
  find_escaped(gil, {});
  reads_.expect({expected.begin(), expected.end()});
  const pyobj::Access access = reads_.of_source(gil, transformed, transform_);
  reads_.expect({});
  if (!access.everything.empty() || access.may_unpickle) return std::nullopt;
  std::set<std::string> names;
  for (const auto& [name, why] : access.reads) names.insert(name);
  for (const auto* bound : {&access.surely_binds, &access.maybe_binds, &access.maybe_deletes})
    names.insert(bound->begin(), bound->end());
  return names;
}

bool Tracker::finish_adoption(const GilHeld& gil, const Deadline& deadline, pyobj::MemoryLook look) {
  if (adopted_.empty()) return true;
  std::erase_if(adopted_, [&](const std::string& name) { return !names_.value(gil, name); });
  const std::size_t done =
      walk_.walk(gil, names_.targets(gil, adopted_), deadline, deadline.past_the_time(), look);
  for (std::size_t i = 0; i < done; ++i)
    seen_[adopted_[i]].unchanged_at = static_cast<std::uint32_t>(history_.cell_count());
  adopted_.erase(adopted_.begin(), adopted_.begin() + static_cast<std::ptrdiff_t>(done));
  if (!adopted_.empty()) return false;
  links_now(gil, {});
  recorded_sharing_ = walk_.sharing_version();
  return true;
}

Result<bool> Tracker::catch_up(const GilHeld& gil, const Deadline& deadline) {
  if (running_) return true;
  const pyobj::PendingError pending(gil);
  ELASTIC_TRY(begin(gil));
  if (!finish_adoption(gil, deadline, pyobj::MemoryLook::kHash)) return false;
  ELASTIC_TRY(note_outside_changes(gil, deadline ? pyobj::ModuleLook::kRebound : pyobj::ModuleLook::kKnown));
  ELASTIC_ASSIGN(bool all, resolve(gil, deadline));
  all = all && find_escaped(gil, deadline.past_the_time());
  if (all) {
    ELASTIC_ASSIGN(all, verify_rest(gil, deadline));
  }
  ELASTIC_TRY(record_links_found(gil));
  return all;
}

Result<> Tracker::settle(const GilHeld& gil) {
  ++idle_round_;
  ELASTIC_TRY(catch_up(gil, std::nullopt));
  return success();
}

}  // namespace elastic::session
