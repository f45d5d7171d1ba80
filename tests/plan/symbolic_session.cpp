#include "symbolic_session.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <unordered_map>

namespace elastic::plan {
namespace {

struct Raised : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9u;
  return x ^ x >> 32;
}

// Objects reachable from the roots in a fixed order, each with its number.
class Reach {
 public:
  explicit Reach(const std::vector<std::shared_ptr<Object>>& roots) {
    for (const auto& root : roots) visit(root);
    for (std::size_t i = 0; i < order_.size(); ++i) {
      for (const auto& child : order_[i]->children) visit(child);
    }
  }
  const std::vector<std::shared_ptr<Object>>& order() const { return order_; }
  std::uint64_t number(const std::shared_ptr<Object>& object) const { return numbers_.at(object.get()); }

  // Contents and shape, independent of addresses: equal for equal states, aliasing between the roots
  // included.
  std::vector<std::uint64_t> state(const std::vector<std::shared_ptr<Object>>& roots) const {
    std::vector<std::uint64_t> result;
    for (const auto& root : roots) result.push_back(number(root));
    for (const auto& object : order_) {
      result.push_back(object->content);
      result.push_back(object->children.size());
      for (const auto& child : object->children) result.push_back(number(child));
    }
    return result;
  }

 private:
  void visit(const std::shared_ptr<Object>& object) {
    if (numbers_.try_emplace(object.get(), order_.size()).second) order_.push_back(object);
  }
  std::vector<std::shared_ptr<Object>> order_;
  std::unordered_map<const Object*, std::uint64_t> numbers_;
};

std::vector<std::uint64_t> state_of(const std::vector<std::shared_ptr<Object>>& roots) {
  return Reach(roots).state(roots);
}

// Content and identity: differs as soon as anything was changed or exchanged.
std::vector<std::uint64_t> sign_of(const std::shared_ptr<Object>& root) {
  const Reach reach({root});
  std::vector<std::uint64_t> sign = reach.state({root});
  for (const auto& object : reach.order()) sign.push_back(reinterpret_cast<std::uintptr_t>(object.get()));
  return sign;
}

// What a pickle of these variables brings back: new objects, shared among them as they were.
Namespace copy_of(const Namespace& names) {
  std::vector<std::shared_ptr<Object>> roots;
  for (const auto& [name, object] : names) roots.push_back(object);
  const Reach reach(roots);
  std::vector<std::shared_ptr<Object>> copies;
  for (const auto& object : reach.order())
    copies.push_back(std::make_shared<Object>(Object{object->content, {}}));
  for (std::size_t i = 0; i < copies.size(); ++i) {
    for (const auto& child : reach.order()[i]->children)
      copies[i]->children.push_back(copies[reach.number(child)]);
  }
  Namespace result;
  for (const auto& [name, object] : names) result[name] = copies[reach.number(object)];
  return result;
}

// Groups of names that share an object, each sorted.
std::vector<std::vector<std::string>> groups_of(const Namespace& names) {
  std::vector<std::string> all;
  std::vector<std::size_t> group;
  std::unordered_map<const Object*, std::size_t> owner;
  for (const auto& [name, root] : names) {
    const std::size_t mine = all.size();
    all.push_back(name);
    group.push_back(mine);
    const Reach reach({root});
    for (const auto& object : reach.order()) {
      const auto [at, is_new] = owner.try_emplace(object.get(), mine);
      const std::size_t other = group[at->second];
      if (!is_new && other != mine) {
        const std::size_t from = group[mine];
        for (std::size_t& g : group) g = g == from ? other : g;
      }
    }
  }
  std::map<std::size_t, std::vector<std::string>> by_group;
  for (std::size_t i = 0; i < all.size(); ++i) by_group[group[i]].push_back(all[i]);
  std::vector<std::vector<std::string>> result;
  for (auto& [id, members] : by_group) result.push_back(members);
  return result;
}

const std::shared_ptr<Object>& lookup(const Namespace& names, const std::string& name) {
  const auto at = names.find(name);
  if (at == names.end()) throw Raised("NameError: " + name);
  return at->second;
}

std::uint64_t value_of(const std::shared_ptr<Object>& object) {
  std::uint64_t value = 17;
  for (const std::uint64_t word : state_of({object})) value = mix(value, word);
  return value;
}

void execute(const Statement& s, Namespace& names) {
  using Kind = Statement::Kind;
  switch (s.kind) {
    case Kind::kNew: {
      std::uint64_t content = s.salt;
      if (!s.first.empty()) content = mix(content, value_of(lookup(names, s.first)));
      names[s.target] = std::make_shared<Object>(Object{content, {}});
      return;
    }
    case Kind::kWrap: {
      const auto first = lookup(names, s.first), second = lookup(names, s.second);
      names[s.target] = std::make_shared<Object>(Object{s.salt, {first, second}});
      return;
    }
    case Kind::kPart: {
      const auto whole = lookup(names, s.first);
      names[s.target] = whole->children.empty() ? whole : whole->children[s.salt % whole->children.size()];
      return;
    }
    case Kind::kMutate: {
      auto object = lookup(names, s.target);
      if (!object->children.empty() && s.salt % 2 == 0)
        object = object->children[s.salt / 2 % object->children.size()];
      const std::uint64_t operand = s.first.empty() ? 0 : value_of(lookup(names, s.first));
      object->content = mix(mix(object->content, s.salt), operand);
      return;
    }
    case Kind::kAttach: {
      const auto child = lookup(names, s.first);
      const auto& parent = lookup(names, s.target);
      if (parent->children.size() < 3) parent->children.push_back(child);
      return;
    }
    case Kind::kDetach:
      lookup(names, s.target)->children.clear();
      return;
    case Kind::kDelete:
      lookup(names, s.target);
      names.erase(s.target);
      return;
    case Kind::kIfExists:
      names[s.target] = std::make_shared<Object>(Object{mix(s.salt, names.contains(s.first)), {}});
      return;
  }
}

// Whether the cell raised, half-way.
bool execute(const Program& program, Namespace& names) {
  try {
    for (const Statement& statement : program) execute(statement, names);
  } catch (const Raised&) {
    return true;
  }
  return false;
}

}  // namespace

SymbolicSession::SymbolicSession(std::uint64_t seed, const SessionShape& shape)
    : random_(seed), shape_(shape) {
  for (int i = 0; i < shape.cells; ++i) run_cell();
  if (!unwalked_.empty()) walk_late(unwalked_);  // before a checkpoint, everything is walked
  input_.history = &history_;
  const auto random_cost = [&] {
    return static_cast<std::int64_t>(below(4) == 0 ? below(3000) : below(200));
  };
  std::set<std::vector<SnapshotId>> known;
  const auto add = [&](Holding holding, Namespace copy) {
    if (!known.insert(holding.snapshots).second) return;
    input_.holdings.push_back(std::move(holding));
    held_.push_back(std::move(copy));
  };
  // What earlier checkpoints hold of the present versions comes first: it is stored already.
  for (const Stored& stored : stored_) {
    Holding holding = stored.holding;
    for (const auto& [variable, writer] : stored.keys) {
      const std::optional<SnapshotId> id = history_.find(variable, writer);
      if (id) holding.snapshots.push_back(*id);
    }
    // A late change may have made what was stored the state of no version at all; then it is of no use.
    if (holding.snapshots.size() != stored.keys.size()) continue;
    std::sort(holding.snapshots.begin(), holding.snapshots.end());
    add(std::move(holding), stored.copy);
  }
  for (const std::vector<SnapshotId>& group : history_.active_covariables()) {
    Namespace part;
    for (const SnapshotId id : group) {
      const std::string& name = history_.name_of(history_.snapshot(id).variable);
      part[name] = names_.at(name);
    }
    Holding holding{
        .snapshots = group, .store_us = random_cost(), .load_us = random_cost(), .bytes = below(1000)};
    if (chance() < shape_.not_storable) holding.not_storable = "no pickle";
    const bool in_parts = !holding.not_storable.empty() && group.size() > 1;
    add(std::move(holding), copy_of(part));
    if (!in_parts) continue;
    Holding alone{.store_us = random_cost(), .load_us = random_cost(), .bytes = below(1000)};
    for (const SnapshotId id : group) {
      if (below(3) == 0) continue;
      alone.snapshots.push_back(id);
    }
    if (alone.snapshots.empty() || alone.snapshots.size() == group.size()) continue;
    std::erase_if(part, [&](const auto& each) {
      return std::ranges::none_of(alone.snapshots, [&](SnapshotId id) {
        return history_.name_of(history_.snapshot(id).variable) == each.first;
      });
    });
    add(std::move(alone), copy_of(part));
  }
}

Program SymbolicSession::random_program() {
  Program program;
  const auto name = [&] {
    return std::string(1, static_cast<char>('a' + below(static_cast<std::size_t>(shape_.names))));
  };
  const std::size_t length = 1 + below(4);
  for (std::size_t i = 0; i < length; ++i) {
    Statement s{static_cast<Statement::Kind>(below(8)), name(), name(), name(), random_()};
    if (below(6) == 0 && s.kind == Statement::Kind::kDelete) s.kind = Statement::Kind::kNew;
    if (names_.size() < 2 || below(4) == 0) {
      s.kind = Statement::Kind::kNew;
      s.first.clear();
    }
    if (below(8) == 0) {  // draws from the ambient generator and moves it on
      program.push_back(
          {Statement::Kind::kNew, s.target, names_.contains("<random>") ? "<random>" : "", "", random_()});
      s = {Statement::Kind::kNew, "<random>", names_.contains("<random>") ? "<random>" : "", "", random_()};
    }
    program.push_back(s);
  }
  return program;
}

std::vector<std::vector<VariableId>> SymbolicSession::links() {
  std::vector<std::vector<VariableId>> result;
  for (const std::vector<std::string>& group : groups_of(names_)) {
    std::vector<VariableId> members;
    for (const std::string& name : group) members.push_back(history_.variable(name));
    result.push_back(std::move(members));
  }
  return result;
}

void SymbolicSession::run_cell() {
  const bool again = !programs_.empty() && chance() < shape_.repeat;
  const Program program = again ? programs_[below(programs_.size())] : random_program();
  const Namespace before = names_;
  for (const auto& [name, object] : before) {
    const Reach reach({object});
    pinned_.insert(pinned_.end(), reach.order().begin(), reach.order().end());
  }
  graph::CellRecord record;
  record.run_time_us = static_cast<std::int64_t>(below(3) == 0 ? below(5000) : below(100));
  record.outcome = execute(program, names_) ? graph::Outcome::kError : graph::Outcome::kOk;
  if (chance() < shape_.not_rerunnable) record.no_rerun_reason = "writes a file";
  std::set<std::string> reads, bound;
  for (const Statement& s : program) {
    for (const std::string& name : {s.first, s.second}) {
      if (!name.empty()) reads.insert(name);
    }
    const bool binds = s.kind == Statement::Kind::kNew || s.kind == Statement::Kind::kWrap ||
                       s.kind == Statement::Kind::kPart || s.kind == Statement::Kind::kIfExists;
    if (!binds) reads.insert(s.target);
  }
  const bool late = chance() < shape_.late;
  std::set<std::string> written;
  for (const auto& [name, object] : names_) {
    const auto was = before.find(name);
    if (was == before.end() || was->second != object) bound.insert(name);
    if (late || bound.contains(name) || seen_[name] == sign_of(object)) continue;
    if (!unwalked_.empty()) continue;  // may be older than this cell: found below
    written.insert(name);
    reads.insert(name);
  }
  written.insert(bound.begin(), bound.end());
  for (const std::string& name : reads) record.reads.push_back(history_.variable(name));
  for (const std::string& name : written) {
    record.writes.push_back({.variable = history_.variable(name), .size_bytes = 8});
  }
  for (const auto& [name, object] : before) {
    if (!names_.contains(name))
      record.writes.push_back({.variable = history_.variable(name), .deleted = true});
  }
  if (!late && unwalked_.empty()) record.linked = links();
  // What this cell takes out of reach before it was walked may have changed since it was last seen.
  std::map<std::string, std::vector<CellIndex>> taken;
  for (const auto& [name, object] : before) {
    if (names_.contains(name) && !bound.contains(name)) continue;
    taken[name] = cells_since_bound(unwalked_, name);
  }
  for (const auto& [name, since] : taken) attribute_to(since, name);
  programs_.push_back(program);
  raised_.push_back(record.outcome == graph::Outcome::kError);
  const CellIndex index = history_.record(std::move(record)).value();
  if (late || !unwalked_.empty()) unwalked_.push_back(index);
  if (late) return;
  if (!unwalked_.empty()) walk_late(unwalked_);
  for (const auto& [name, object] : names_) seen_[name] = sign_of(object);
  store_some();
}

// The cells that may have changed the variable: those that ran since it was bound.
std::vector<CellIndex> SymbolicSession::cells_since_bound(const std::vector<CellIndex>& cells,
                                                          const std::string& name) const {
  const CellIndex bound = history_.snapshot(*history_.newest(*history_.find_variable(name))).writer;
  std::vector<CellIndex> since;
  for (const CellIndex cell : cells) {
    if (bound < cell) since.push_back(cell);
  }
  return since;
}

void SymbolicSession::attribute_to(const std::vector<CellIndex>& cells, const std::string& name) {
  if (cells.empty()) return;
  const graph::Write found{.variable = history_.variable(name), .size_bytes = 8, .keeps_links = true};
  const Result<> done = history_.attribute(cells, std::vector{found});
  if (!done.ok()) throw std::logic_error(done.error().to_string());
}

// A walk after several cells.
void SymbolicSession::walk_late(const std::vector<CellIndex>& cells) {
  // All of them are found before any is told: telling makes implied writes of what is linked.
  std::map<std::string, std::vector<CellIndex>> changed;
  for (const auto& [name, object] : names_) {
    const std::vector<CellIndex> since = cells_since_bound(cells, name);
    if (since.size() == cells.size() && seen_[name] == sign_of(object)) continue;
    changed[name] = since;
  }
  for (const auto& [name, since] : changed) attribute_to(since, name);
  const Result<> done = history_.attribute(std::vector{cells.back()}, {}, links());
  if (!done.ok()) throw std::logic_error(done.error().to_string());
  for (const auto& [name, object] : names_) seen_[name] = sign_of(object);
  unwalked_.clear();
}

void SymbolicSession::store_some() {
  for (const std::vector<SnapshotId>& group : history_.active_covariables()) {
    const bool ambient = history_.is_ambient(history_.snapshot(group[0]).variable);
    if (!ambient && chance() >= shape_.keep) continue;
    Stored stored;
    Namespace part;
    for (const SnapshotId id : group) {
      const graph::Snapshot& snapshot = history_.snapshot(id);
      stored.keys.emplace_back(snapshot.variable, snapshot.writer);
      part[history_.name_of(snapshot.variable)] = names_.at(history_.name_of(snapshot.variable));
    }
    stored.copy = copy_of(part);
    stored.holding = {.stored = true, .load_us = static_cast<std::int64_t>(below(200))};
    stored_.push_back(std::move(stored));
  }
}

std::string SymbolicSession::replay(const Plan& plan) const {
  Namespace restored;
  for (const Step& step : plan.steps) {
    if (step.kind == Step::Kind::kDrop && restored.erase(history_.name_of(step.variable)) == 0) {
      return "drops what is not there: " + history_.name_of(step.variable);
    }
    if (step.kind == Step::Kind::kLoad) {
      const Namespace loaded = copy_of(held_[step.holding]);
      for (const VariableId variable : step.bind) {
        restored[history_.name_of(variable)] = loaded.at(history_.name_of(variable));
      }
    }
    if (step.kind != Step::Kind::kRun) continue;
    if (!history_.cell(step.cell).rerunnable()) return "re-runs what must not be re-run";
    if (execute(programs_[step.cell.value], restored) != raised_[step.cell.value]) {
      return "cell " + std::to_string(step.cell.value) + " ended differently";
    }
  }
  Namespace kept;
  for (const VariablePlan& variable : plan.variables) {
    const std::string& name = history_.name_of(variable.variable);
    if (variable.action == Action::kLost) continue;
    if (!restored.contains(name)) return name + " is missing";
    kept[name] = names_.at(name);
  }
  if (restored.size() != kept.size()) return "names are left over";
  std::vector<std::shared_ptr<Object>> expected, actual;
  for (const auto& [name, object] : kept) {
    expected.push_back(object);
    actual.push_back(restored.at(name));
    if (state_of({object}) != state_of({restored.at(name)})) return name + " has another value";
  }
  return state_of(expected) == state_of(actual) ? "" : "what shares objects differs";
}

}  // namespace elastic::plan
