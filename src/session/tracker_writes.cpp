// What a cell read, bound, changed and deleted: the record of one cell, as far as it can be told in time.
#include <algorithm>

#include "elastic/pyobj/own_sources.hpp"
#include "elastic/session/tracker.hpp"
#include "session/input_files.hpp"

namespace elastic::session {

using graph::CellRecord;
using pyobj::Change;
using pyobj::GilHeld;
using pyobj::MemoryLook;

namespace {

// What looking again costs, measured on the walk: memory at 8 GB/s, a reference in 5 ns.
constexpr std::uint64_t kBytesPerUs = 8000;
constexpr std::uint64_t kReferencesPerUs = 200;

// Generators are read by whoever changes them; the other pieces act on cells that leave them alone.
bool is_generator(const std::string& name) {
  return name == "<random>" || name == "<numpy.random>" || name == "<torch>";
}

bool is_module_piece(const std::string& name) { return name.starts_with("<module "); }

}  // namespace

void Tracker::add_reads(CellRecord& record, Whys& whys) {
  if (!access_.everything.empty()) {
    for (const std::string& name : *existed_) {
      record.reads.push_back(history_.variable(name));
      whys[name] = "read: the cell " + access_.everything;
    }
  }
  for (const auto& [name, why] : access_.reads) {
    if (!existed(name)) continue;
    record.reads.push_back(history_.variable(name));
    whys[name] = "read: " + why.text();
  }
  // `del x` needs an x, or the cell raises when it is run again.
  for (const std::string& name : access_.maybe_deletes) {
    if (!existed(name)) continue;
    record.reads.push_back(history_.variable(name));
    whys.emplace(name, "read: the cell deletes it");
  }
  // What earlier cells set of the ambient state, this one runs under.
  for (std::uint32_t id = 0; id < history_.variable_count(); ++id) {
    const VariableId variable{id};
    const std::string& name = history_.name_of(variable);
    if (history_.is_ambient(variable) && !is_generator(name) && history_.versions(variable).size() > 1) {
      record.reads.push_back(variable);
      whys[name] = "read: an earlier cell set it, and every cell runs under it";
    }
  }
}

std::set<std::string> Tracker::with_linked(const std::set<std::string>& names) const {
  std::set<std::string> all = names;
  for (const std::string& name : names) {
    const auto group = groups_.find(name);
    if (group != groups_.end()) all.insert(group->second.begin(), group->second.end());
  }
  return all;
}

std::chrono::microseconds Tracker::recheck_cost(const std::string& name) const {
  const pyobj::VariableState* state = walk_.state(name);
  if (state == nullptr) return {};  // a walk stops at its deadline by itself
  return std::chrono::microseconds(walk_.recheck_bytes(name) / kBytesPerUs +
                                   state->references / kReferencesPerUs);
}

std::optional<bool> Tracker::differs(const GilHeld& gil, const std::string& name, const Deadline& deadline,
                                     bool however_long) {
  if (!however_long && deadline.would_pass(recheck_cost(name))) return std::nullopt;
  const auto targets = names_.targets(gil, {name});
  if (targets.empty()) return false;
  const Deadline of_recheck = however_long ? deadline.past_the_time() : deadline;
  const Change change = walk_.recheck(gil, targets, of_recheck)[0];
  if (change == Change::kGivenUp) return std::nullopt;
  // A reply does not wait for memory to be hashed: its pages are watched.
  const bool seals = deadline && !deadline.is_of_idle_time();
  const pyobj::VariableState* known = walk_.state(name);
  if (change == Change::kUnchanged && (seals || !known->unhashed)) return false;
  if (change == Change::kOpaque) return true;
  const std::optional<pyobj::VariableState> before = known != nullptr ? std::optional(*known) : std::nullopt;
  // What would have to stop half-way is not begun, unless it goes on in the idle time.
  if (deadline && !deadline.is_of_idle_time()) {
    const auto cost = walk_.estimate(gil, targets[0].object);
    if (however_long ? cost > kGlance : deadline.would_pass(cost)) return std::nullopt;
  }
  const bool may_go_on = however_long && deadline.is_of_idle_time();
  const auto look = !seals                        ? MemoryLook::kHash
                    : before && !before->unhashed ? MemoryLook::kSeal
                                                  : MemoryLook::kSealAll;
  if (walk_.walk(gil, targets, deadline, may_go_on ? deadline.past_the_time() : deadline, look) == 0)
    return std::nullopt;
  const pyobj::VariableState* now = walk_.state(name);
  const bool same = change == Change::kUnchanged ||
                    (before && now != nullptr && before->content == now->content &&
                     before->unhashed == now->unhashed && before->identity == now->identity && !now->opaque);
  if (!same) reads_.forget(name);
  return !same;
}

void Tracker::note_unhashed(const std::string& name, CellIndex writer) {
  const pyobj::VariableState* state = walk_.state(name);
  if (state != nullptr && state->unhashed)
    unhashed_[name] = writer;
  else
    unhashed_.erase(name);
}

graph::Write Tracker::write_of(const std::string& name) {
  graph::Write write{history_.variable(name)};
  if (const pyobj::VariableState* state = walk_.state(name)) {
    write.size_bytes = state->size_bytes;
    if (!state->unhashed) write.content = state->content;
  }
  return write;
}

std::map<std::string, Tracker::Unresolved> Tracker::add_writes(const GilHeld& gil, CellRecord& record,
                                                               Whys& whys, graph::Outcome outcome,
                                                               const Deadline& deadline) {
  std::map<std::string, Unresolved> waiting;
  changed_in_place_.clear();
  const pyobj::NameChanges changes = names_.changes(gil);
  std::set<std::string> written;
  std::set<std::string> bound(changes.bound.begin(), changes.bound.end());
  if (outcome == graph::Outcome::kOk) {
    for (const std::string& name : access_.surely_binds) {
      if (names_.value(gil, name)) bound.insert(name);
    }
  }
  const auto glances = [&](const std::string& name) {
    return deadline && recheck_cost(name) <= kGlance && !deadline.would_pass(-kGlances);
  };
  // A large one must not keep the small ones waiting that come after it.
  std::set<std::string> large;
  for (const std::string& name : bound) {
    if (!glances(name) || !differs(gil, name, std::chrono::steady_clock::now(), true)) large.insert(name);
    reads_.forget(name);
  }
  for (const std::string& name : changes.deleted) {
    if (!history_.find_variable(name)) continue;
    graph::Write gone{history_.variable(name)};
    gone.deleted = true;
    record.writes.push_back(gone);
    whys[name] += std::string(whys[name].empty() ? "" : "; ") + "deleted";
    walk_.forget(gil, name);
    reads_.forget(name);
    groups_.erase(name);
  }
  std::set<std::string> named = known_changed_;
  if (!access_.everything.empty()) named.insert(existed_->begin(), existed_->end());
  for (const auto& [name, why] : access_.reads) named.insert(name);
  std::vector<std::pair<std::chrono::microseconds, std::string>> candidates;
  for (const std::string& name : with_linked(named)) {
    if (bound.count(name) == 0 && existed(name) && names_.value(gil, name))
      candidates.emplace_back(recheck_cost(name), name);
  }
  std::sort(candidates.begin(), candidates.end());
  for (const auto& [cost, name] : candidates) {
    const auto earlier = unresolved_.find(name);
    // A change that an earlier cell may have made as well is told apart by nobody.
    const std::optional<bool> changed =
        earlier != unresolved_.end() ? std::nullopt : differs(gil, name, deadline, glances(name));
    if (!changed && known_changed_.count(name) == 0) {
      waiting[name];
      reads_.forget(name);  // what it leads to may have changed as well
      continue;
    }
    if (changed == false && known_changed_.count(name) == 0) {
      if (outcome != graph::Outcome::kUnfinished)
        seen_[name].unchanged_at = static_cast<std::uint32_t>(history_.cell_count()) + 1;
      continue;
    }
    changed_in_place_.insert(name);
    record.writes.push_back(write_of(name));
    record.reads.push_back(history_.variable(name));
    written.insert(name);
    const pyobj::VariableState* state = walk_.state(name);
    const bool opaque = state != nullptr && state->opaque;
    // What is changed in place is read as well, by whatever name.
    if (whys[name].empty()) whys[name] = "read: linked with what the cell reads";
    whys[name] +=
        std::string("; written: ") +
        (opaque ? "could be reached, and nobody can see into " + state->opaque_type : "changed in place");
  }
  for (const std::string& name : bound) {
    const bool told = !large.contains(name) || differs(gil, name, deadline).has_value();
    if (!told) walk_.forget(gil, name);  // what is known is of another object
    if (!told) waiting[name].written = true;
    record.writes.push_back(write_of(name));
    written.insert(name);
    whys[name] += std::string(whys[name].empty() ? "" : "; ") + "written: bound";
  }
  if (!written.empty() || !changes.deleted.empty()) {
    record.linked = links_now(gil, written);
    recorded_sharing_ = walk_.sharing_version();
  }
  return waiting;
}

std::vector<std::set<std::string>> Tracker::linked_now(const GilHeld& gil) const {
  std::vector<std::set<std::string>> groups;
  const auto same_code = names_.same_code(gil);
  for (const std::vector<std::string>& members : walk_.co_variables(gil))
    if (members.size() > 1 || !same_code.empty()) groups.emplace_back(members.begin(), members.end());
  for (const std::vector<std::string>& names : same_code) {
    std::set<std::string> joined(names.begin(), names.end());
    std::erase_if(groups, [&](const std::set<std::string>& group) {
      const bool meets =
          std::any_of(names.begin(), names.end(), [&](auto& name) { return group.contains(name); });
      if (meets) joined.insert(group.begin(), group.end());
      return meets;
    });
    groups.push_back(std::move(joined));
  }
  return groups;
}

// Every group of two or more, and by itself what has left one.
std::vector<std::vector<VariableId>> Tracker::links_now(const GilHeld& gil,
                                                        const std::set<std::string>& written) {
  std::vector<std::vector<VariableId>> links;
  std::map<std::string, std::set<std::string>> groups;
  for (const std::set<std::string>& members : linked_now(gil)) {
    std::set<std::string> present;
    for (const std::string& name : members) {
      const auto variable = history_.find_variable(name);
      const bool exists = written.count(name) != 0 || (variable && history_.active(*variable));
      if (exists && names_.value(gil, name)) present.insert(name);
    }
    if (present.size() < 2) continue;
    std::vector<VariableId> ids;
    for (const std::string& name : present) {
      ids.push_back(history_.variable(name));
      groups[name] = present;
    }
    links.push_back(std::move(ids));
  }
  for (const auto& [name, members] : groups_) {
    if (groups.count(name) == 0 && names_.value(gil, name)) links.push_back({history_.variable(name)});
  }
  groups_ = std::move(groups);
  return links;
}

void Tracker::add_ambient(const GilHeld&, std::map<std::string, std::string> changed, CellRecord& record,
                          Whys& whys) {
  for (auto& [name, value] : ambient_pending_) changed.emplace(name, std::move(value));
  ambient_pending_.clear();
  for (auto& [name, value] : changed) {
    if (is_module_piece(name)) reads_.forget_all();  // what the module leads to may have changed
    graph::Write write{history_.variable(name)};
    write.size_bytes = value.size();
    write.content = digest_of(value);
    record.writes.push_back(write);
    record.reads.push_back(write.variable);
    whys[name] = "read: its old value leads to the new one; written: its value changed";
    pending_now_[name] = std::move(value);
  }
}

void Tracker::add_effects(const GilHeld& gil, const pyobj::CellEffects& effects, CellRecord& record) const {
  for (const pyobj::Effect& effect : effects.effects) {
    record.effects.push_back({std::string(pyobj::name_of(effect.kind)), effect.detail});
  }
  if (!effects.effects.empty()) {
    const pyobj::Effect& first = effects.effects.front();
    record.no_rerun_reason = pyobj::no_rerun_reason(first.kind, first.detail);
  }
  if (access_.may_read_clock && record.no_rerun_reason.empty()) {
    constexpr auto kClock = pyobj::EffectKind::kClockRead;
    record.effects.push_back({std::string(pyobj::name_of(kClock)), "numpy.datetime64"});
    record.no_rerun_reason = pyobj::no_rerun_reason(kClock, "numpy.datetime64");
  }
  // A run of the cell by itself finds the new source loaded, and the module's state as this one found it
  // before.
  if (effects.autoreloaded && record.no_rerun_reason.empty()) {
    for (const graph::Write& write : record.writes)
      if (is_module_piece(history_.name_of(write.variable)))
        record.no_rerun_reason =
            "%autoreload loaded " + history_.name_of(write.variable) + " anew just before it";
  }
  if (access_.asks_ipython && record.no_rerun_reason.empty())
    record.no_rerun_reason =
        "uses what IPython keeps of earlier cells (_, Out, In), which is not there again";
  for (const pyobj::InputFile& file : effects.inputs) record.effects.push_back(effect_of(file));
  // Modules as they were loaded: the cell ran that, whatever is in the file by now.
  std::set<std::string> details;
  const auto add_source = [&](const pyobj::InputFile& file) {
    graph::Effect effect = effect_of(file);
    if (details.insert(effect.detail).second) record.effects.push_back(std::move(effect));
  };
  for (const pyobj::InputFile& file : effects.sources) add_source(file);
  for (const std::string& path : access_.module_files) add_source(pyobj::source_as_loaded(gil, path));
}

Result<CellIndex> Tracker::commit(const GilHeld&, CellRecord record, Whys whys) {
  std::set<std::string> checked;
  for (const graph::Write& write : record.writes) {
    if (!write.deleted) checked.insert(history_.name_of(write.variable));
  }
  // A value that is rebound or gone takes with it whether the cells before changed it: they may have.
  std::vector<std::pair<std::string, Unresolved>> lost;
  for (const graph::Write& write : record.writes) {
    unhashed_.erase(history_.name_of(write.variable));
    const std::string& name = history_.name_of(write.variable);
    const auto found = unresolved_.find(name);
    if (found != unresolved_.end()) {
      lost.emplace_back(name, found->second);
      unresolved_.erase(found);
    } else if (history_.active(write.variable) && !history_.is_ambient(write.variable) &&
               !changed_in_place_.contains(name)) {
      lost.emplace_back(name, Unresolved{.cells = blind_cells_since_seen(name)});
    }
    if (write.deleted) seen_.erase(name);
  }
  for (auto& [name, entry] : lost) {
    if (entry.written) entry.cells.erase(entry.cells.begin());
    if (entry.cells.empty()) continue;
    graph::Write write{history_.variable(name)};
    ELASTIC_TRY(history_.attribute(entry.cells, std::vector<graph::Write>{write}));
  }
  ELASTIC_ASSIGN(const CellIndex cell, history_.record(std::move(record)));
  whys_.resize(cell.value);
  whys_.push_back(std::move(whys));
  for (const std::string& name : checked) {
    seen_[name].unchanged_at = cell.value + 1;
    note_unhashed(name, cell);
  }
  for (auto& [name, value] : pending_now_)
    if (!value.empty()) keep_ambient_value(history_.variable(name), cell, std::move(value));
  pending_now_.clear();
  ambient_unfinished_.clear();
  return cell;
}

}  // namespace elastic::session
