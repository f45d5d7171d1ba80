// From the history to a plan: what could be stored and what that would cost, serialising what the plan
// stores, and planning anew with what came out of it.
#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "elastic/core/log.hpp"
#include "elastic/plan/planner.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/probe.hpp"
#include "session/doubles.hpp"
#include "session/dumped.hpp"
#include "session/input_files.hpp"
#include "session/kept_groups.hpp"
#include "session/known_place.hpp"
#include "session/marks.hpp"
#include "session/measured.hpp"
#include "session/place.hpp"
#include "session/remote_backend.hpp"

namespace elastic::session {

using plan::Holding;
using plan::StoredSize;
using pyobj::Borrowed;
using pyobj::Dumper;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Pickled;
using store::BlobKind;
using store::ConstBytes;

namespace {

// What the cost model knows a value by. Loading a module imports it, which takes each its own time.
std::string kind_of(PyObject* value) {
  const char* module = PyModule_Check(value) ? PyModule_GetName(value) : nullptr;
  if (PyErr_Occurred()) PyErr_Clear();
  return module ? std::string("module ") + module : Py_TYPE(value)->tp_name;
}

// The circles of groups that refer to one another (strongly connected components of two or more), by Tarjan's
// algorithm.
std::vector<std::vector<std::size_t>> circles_of(const std::vector<std::vector<std::size_t>>& references) {
  std::vector<std::vector<std::size_t>> circles;
  std::vector<std::size_t> order(references.size(), 0), low(references.size(), 0), stack;
  std::vector<bool> on_stack(references.size(), false);
  std::size_t next = 1;
  std::function<void(std::size_t)> visit = [&](std::size_t at) {
    order[at] = low[at] = next++;
    stack.push_back(at);
    on_stack[at] = true;
    for (const std::size_t to : references[at]) {
      if (order[to] == 0) visit(to);
      if (on_stack[to]) low[at] = std::min(low[at], low[to]);
    }
    if (low[at] != order[at]) return;
    std::vector<std::size_t> circle;
    do {
      circle.push_back(stack.back());
      on_stack[stack.back()] = false;
      stack.pop_back();
    } while (circle.back() != at);
    if (circle.size() > 1) circles.push_back(std::move(circle));
  };
  for (std::size_t i = 0; i < references.size(); ++i)
    if (order[i] == 0) visit(i);
  return circles;
}

StoredSize size_of(const plan::CostModel& costs, const DumpedGroup& group) {
  if (group.kept) return {group.kept->pickle_bytes, group.kept->buffer_bytes};
  if (group.pickled) return {group.pickled->pickle_bytes(), group.pickled->buffer_bytes()};
  return costs.stored_size(group.type, group.size_bytes);
}

// What refers to something that cannot be stored cannot be loaded.
void strike_out_unloadable(DumpedSession& dumped) {
  GroupsByName holding_of(dumped);
  for (std::size_t i = 0; i < dumped.groups.size(); ++i)
    if (std::exchange(dumped.groups[i].struck_out, false)) dumped.input.holdings[i].not_storable.clear();
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < dumped.groups.size(); ++i) {
      Holding& holding = dumped.input.holdings[i];
      const Pickled* pickled = dumped.pickle_of(i);
      if (!pickled || !holding.not_storable.empty()) continue;
      for (const std::string& name : pickled->references) {
        const auto found = holding_of.find(name);
        const bool unwanted = found && is_marked_never_store(dumped, *found);
        if (found && dumped.input.holdings[*found].not_storable.empty() && !unwanted) continue;
        holding.not_storable = "it refers to " + name +
                               (unwanted ? ", which is marked never-store" : ", which cannot be stored");
        changed = dumped.groups[i].struck_out = true;
        break;
      }
    }
  }
}

// A stored group needs what it refers to before any cell has run, so that is stored as well. True when that
// asks for more than the plan stores.
bool ask_for_references(DumpedSession& dumped) {
  GroupsByName holding_of(dumped);
  std::vector<bool> stored(dumped.groups.size());
  for (const std::size_t place : dumped.plan.loads) stored[place] = true;
  bool asked = false;
  const auto ask_for = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      const std::size_t needed = holding_of.find(name).value();
      if (stored[needed]) continue;
      for (const std::string& member : dumped.groups[needed].names) {
        const bool added =
            dumped.input.wishes.variables
                .insert_or_assign(*dumped.history.find_variable(member), plan::StoreWish::kAlways)
                .second;
        asked = asked || added;
      }
    }
  };
  for (std::size_t place = 0; place < stored.size(); ++place) {
    const Pickled* pickled = stored[place] ? dumped.pickle_of(place) : nullptr;
    if (!pickled) continue;
    ask_for(pickled->references);
    if (pickled->names != dumped.groups[place].names) ask_for(pickled->names);  // its circle
  }
  return asked;
}

Result<std::unique_ptr<plan::Planner>> planner_named(const std::string& wanted) {
  auto planner = plan::make_planner(wanted);
  if (planner) return planner;
  std::string names;
  for (const std::string_view name : plan::planner_names())
    names += (names.empty() ? "" : ", ") + std::string(name);
  return Error(ErrorCode::kInvalidArgument, "there is no plan \"" + wanted + "\"; there are: " + names);
}

}  // namespace

std::optional<std::size_t> GroupsByName::find(const std::string& name) {
  if (places_.empty())
    for (std::size_t i = 0; i < dumped_->groups.size(); ++i)
      if (!dumped_->groups[i].ambient)
        for (const std::string& each : dumped_->groups[i].names) places_.insert_or_assign(each, i);
  const auto found = places_.find(name);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

bool is_marked_never_store(const DumpedSession& dumped, std::size_t group) {
  const auto& wishes = dumped.input.wishes.variables;
  for (const std::string& name : dumped.groups[group].names) {
    const auto found = wishes.find(*dumped.history.find_variable(name));
    if (found != wishes.end() && found->second == plan::StoreWish::kNever) return true;
  }
  return false;
}

void set_price(const plan::CostModel& costs, const std::set<std::string>& had, DumpedSession& dumped,
               std::size_t place) {
  const DumpedGroup& group = dumped.groups[place];
  Holding& holding = dumped.input.holdings[place];
  if (group.pickled_in != place) {  // paid for by the first of its circle
    holding.bytes = holding.new_bytes.emplace(0);
    holding.store_us = holding.load_us = 0;
    return;
  }
  const StoredSize size = size_of(costs, group);
  holding.bytes = size.total();
  if (!group.dumped) holding.new_bytes = had.contains(key_of(snapshots_of(dumped, place))) ? 0 : size.total();
  holding.stored = holding.bytes > 0 && holding.new_bytes.value_or(holding.bytes) == 0;
  holding.store_us = (group.dumped ? group.actual_us : costs.serialize_us(group.type, size.pickle_bytes)) +
                     costs.write_part_us(holding.bytes_to_write());
  holding.load_us = costs.deserialize_us(group.type, size.pickle_bytes) +
                    costs.read_us(dumped.maps_buffers ? size.pickle_bytes : size.total());
}

std::vector<ConstBytes> parts_of(const Pickled& pickled) {
  std::vector<ConstBytes> parts;
  for (const pyobj::PinnedBuffer& piece : pickled.pickle) parts.push_back(piece.bytes());
  return parts;
}

nlohmann::json measured_dumps(const DumpedSession& dumped) {
  std::vector<MeasuredTime> times;
  for (const DumpedGroup& group : dumped.groups)
    if (group.pickled) times.push_back({&group.pickled->names, group.estimated_us, group.actual_us});
  return {{"serialize", longest(std::move(times))}};
}

bool is_nan(PyObject* value) { return PyFloat_Check(value) && std::isnan(PyFloat_AS_DOUBLE(value)); }

bool is_referable(PyObject* value) {
  return PyType_Check(value) || PyFunction_Check(value) || PyModule_Check(value) || is_nan(value);
}

std::vector<std::string> referable_names(const graph::History& history, Borrowed user_namespace) {
  std::vector<std::string> referable;
  for (const std::vector<SnapshotId>& covariable : history.active_covariables())
    for (const SnapshotId id : covariable) {
      const std::string& name = history.name_of(history.snapshot(id).variable);
      PyObject* value = PyDict_GetItemString(user_namespace.get(), name.c_str());
      if (value && is_referable(value)) referable.push_back(name);
    }
  return referable;
}

std::vector<StoredSnapshot> snapshots_of(const DumpedSession& dumped, std::size_t place) {
  std::vector<StoredSnapshot> snapshots;
  for (const SnapshotId id : dumped.input.holdings[place].snapshots) {
    const graph::Snapshot& snapshot = dumped.history.snapshot(id);
    snapshots.push_back({dumped.history.name_of(snapshot.variable), snapshot.writer.value});
  }
  return snapshots;
}

std::string key_of(const std::vector<StoredSnapshot>& snapshots) {
  std::string key;
  for (const StoredSnapshot& each : snapshots) key += each.variable + ":" + std::to_string(each.writer) + ",";
  return key;
}

// The store that is written to, made if it has to be, and how fast it is. For a plan alone: what is there.
Result<> Session::open_target(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  costs_.use_target(options.directory);
  dumped.maps_buffers = !is_remote(options.directory);
  GilReleased released(gil);
  if (options.plan_only) {
    auto opened = open_store(options.directory, store::StoreMode::kExisting);
    if (opened.ok()) dumped.target = std::move(*opened);
  } else {
    ELASTIC_ASSIGN(dumped.target, store_to_write(options.directory));
  }
  if (!dumped.target) return success();
  const bool somebody_waits = !options.in_background && options.as_heir_us == 0;
  if (!options.plan_only && somebody_waits && !costs_.link_known()) {
    const auto samples = store::probe_link(*dumped.target);
    if (samples.ok()) {
      const store::LinkSample &small = samples->front(), &large = samples->back();
      costs_.observe_probe(small.bytes, small.write_us, small.read_us, large.bytes, large.write_us,
                           large.read_us);
    } else {
      log(LogLevel::kWarning, "measuring " + options.directory + ": " + samples.error().to_string());
    }
  }
  if (costs_.link_known()) dumped.target->set_link_bytes_per_s(costs_.compress_for_bytes_per_s());
  if (auto presence = store::Presence::open(*dumped.target); presence.ok())
    dumped.presence.emplace(std::move(*presence));
  return success();
}

// Everything that could be stored, at estimated prices.
Result<> Session::offer_all(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  ELASTIC_ASSIGN(dumped.history, history_now(gil));
  ELASTIC_TRY(refuse_changed_inputs(dumped.history));
  const graph::History& history = dumped.history;
  dumped.input.history = &dumped.history;
  const auto covariables = history.active_covariables();
  dumped.groups.reserve(covariables.size());
  dumped.input.holdings.reserve(covariables.size());
  for (const std::vector<SnapshotId>& covariable : covariables) {
    if (history.is_ambient(history.snapshot(covariable.front()).variable)) continue;
    DumpedGroup group;
    group.pickled_in = dumped.groups.size();
    std::uint64_t largest = 0;
    for (const SnapshotId id : covariable) {
      const graph::Snapshot& snapshot = history.snapshot(id);
      const std::string& name = group.names.emplace_back(history.name_of(snapshot.variable));
      PyObject* value = PyDict_GetItemString(namespace_.get(), name.c_str());
      if (!value) continue;
      // The members of a co-variable mostly are views of the same things.
      if (group.type.empty() || snapshot.size_bytes > largest) group.type = kind_of(value);
      largest = std::max(largest, snapshot.size_bytes);
    }
    group.size_bytes = largest;
    dumped.groups.push_back(std::move(group));
    dumped.input.holdings.emplace_back().snapshots = covariable;
  }
  const std::vector<std::string> referable = referable_names(history, namespace_);
  Referable identity = referable_identity(history, namespace_, referable);
  dumped.referable = std::move(identity.all);
  for (std::size_t i = 0; i < dumped.groups.size(); ++i)
    dumped.groups[i].identity =
        tracking_error_ ? std::string() : identity_of(tracker_, dumped, i, identity.nans);
  ELASTIC_ASSIGN(dumped.dumper, Dumper::create(gil, namespace_, referable));
  const std::set<std::string>& had = place_at(options.directory).keys;
  for (std::size_t i = 0; i < dumped.groups.size(); ++i) {
    // Of a type that was never met nobody knows what it costs, so it is tried.
    if (!costs_.knows(dumped.groups[i].type)) ELASTIC_TRY(dump_group(gil, dumped, i, dumped.groups[i].names));
    set_price(costs_, had, dumped, i);
  }
  for (std::uint32_t i = 0; i < history.snapshot_count(); ++i) {
    const graph::Snapshot& snapshot = history.snapshot({i});
    if (!history.is_ambient(snapshot.variable)) continue;
    const std::string* value = tracker_.ambient_value(snapshot.variable, snapshot.writer);
    if (!value) continue;
    Holding holding;
    holding.snapshots = {SnapshotId{i}};
    holding.stored =
        history.active(snapshot.variable) != SnapshotId{i};  // kept since then; too small to count
    holding.bytes = value->size();
    holding.store_us = costs_.write_part_us(value->size());
    holding.load_us = costs_.read_us(value->size());
    dumped.input.holdings.push_back(std::move(holding));
    DumpedGroup group;
    group.names = {history.name_of(snapshot.variable)};
    group.pickled_in = dumped.groups.size();
    group.dumped = group.ambient = true;
    group.ambient_value = *value;
    dumped.groups.push_back(std::move(group));
  }
  return success();
}

// Serialises `names` as the pickle of this group, and asks the target for it.
Result<> Session::dump_group(const GilHeld& gil, DumpedSession& dumped, std::size_t place,
                             const std::vector<std::string>& names) {
  if (dumped.gives_way) ELASTIC_TRY(driver_->goes_on(gil));
  DumpedGroup& group = dumped.groups[place];
  Holding& holding = dumped.input.holdings[place];
  group.dumped = true;
  group.held.clear();
  group.former.clear();
  group.kept = dumped.former->find(dumped, place, names);
  if (group.kept) {
    group.held.assign(group.kept->blobs.begin(), group.kept->blobs.end());
    holding.new_bytes = 0;
    return success();
  }
  group.estimated_us =
      costs_.serialize_us(group.type, costs_.stored_size(group.type, group.size_bytes).pickle_bytes);
  const std::int64_t started_us = clock_->monotonic_us();
  Result<Pickled> pickled = dumped.dumper->dump(gil, names);
  group.actual_us = clock_->monotonic_us() - started_us;
  if (!pickled.ok()) {
    if (pickled.error().code() == ErrorCode::kCancelled) return pickled.error();
    holding.not_storable = pickled.error().message();
    return success();
  }
  group.pickled = std::move(*pickled);
  costs_.observe_serialize(group.type, group.size_bytes, size_of(costs_, group), group.actual_us);
  for (const pyobj::PinnedBuffer& buffer : group.pickled->buffers)
    group.former.push_back(dumped.maps_buffers ? known_buffers_->look(gil, buffer.bytes()) : std::nullopt);
  if (dumped.presence) {
    GilReleased released(gil);
    look_up(group, holding, *dumped.presence);
  }
  return success();
}

// Serialises what the plan stores and joins circles; true when that was anything, so that prices have
// changed.
Result<bool> Session::dump_chosen(const GilHeld& gil, DumpedSession& dumped) {
  GroupsByName holding_of(dumped);
  bool changed = false;
  for (const std::size_t place : dumped.plan.loads) {
    const std::size_t first = dumped.groups[place].pickled_in;
    if (dumped.groups[first].dumped) continue;
    ELASTIC_TRY(dump_group(gil, dumped, first, dumped.groups[first].names));
    set_price(costs_, {}, dumped, first);
    changed = true;
  }
  std::vector<std::vector<std::size_t>> edges(dumped.groups.size());
  for (std::size_t i = 0; i < dumped.groups.size(); ++i) {
    const Pickled* const pickled = dumped.groups[i].pickled_in == i ? dumped.pickle_of(i) : nullptr;
    if (!pickled) continue;
    for (const std::string& name : pickled->references)
      if (const auto found = holding_of.find(name)) edges[i].push_back(dumped.groups[*found].pickled_in);
  }
  for (const std::vector<std::size_t>& circle : circles_of(edges)) {
    const std::set<std::size_t> joined(circle.begin(), circle.end());
    const std::size_t first = *joined.begin();
    std::vector<std::string> names;
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < dumped.groups.size(); ++i) {
      if (!joined.contains(dumped.groups[i].pickled_in)) continue;
      names.insert(names.end(), dumped.groups[i].names.begin(), dumped.groups[i].names.end());
      dumped.groups[i].pickled.reset();
      dumped.groups[i].kept.reset();
      dumped.groups[i].pickled_in = first;
      dumped.groups[i].dumped = true;
      members.push_back(i);
    }
    ELASTIC_TRY(dump_group(gil, dumped, first, names));
    for (const std::size_t member : members) {
      set_price(costs_, {}, dumped, member);
      dumped.input.holdings[member].not_storable = dumped.input.holdings[first].not_storable;
    }
    changed = true;
  }
  return changed;
}

Result<> Session::choose_plan(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  ELASTIC_ASSIGN(const auto planner, planner_named(options.planner));
  dumped.input.alpha = options.alpha;
  dumped.input.cpu_ratio = options.cpu_ratio.value_or(costs_.cpu_ratio());
  dumped.input.limits = options.limits;
  Marks marks = *marks_;
  for (const auto& [name, wish] : options.marks) ELASTIC_TRY(marks.mark(name, wish));
  for (const std::uint32_t cell : options.never_rerun_cells) marks.never_rerun(cell);
  dumped.input.wishes = marks.wishes(dumped.history);
  Doubles doubles(namespace_, dumped.input.wishes);
  for (bool changed = true; changed;) {  // ends: each round serialises a group or asks for one more variable
    strike_out_unloadable(dumped);
    ELASTIC_ASSIGN(dumped.plan, planner->plan(dumped.input));
    ELASTIC_ASSIGN(changed, dump_chosen(gil, dumped));
    if (changed) continue;
    ELASTIC_ASSIGN(changed, offer_parts(gil, dumped));
    if (!changed) changed = ask_for_references(dumped) || doubles.avoid(gil, dumped);
  }
  return success();
}

}  // namespace elastic::session
