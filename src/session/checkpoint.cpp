#include <algorithm>
#include <functional>
#include <set>

#include "elastic/core/log.hpp"
#include "elastic/plan/explain.hpp"
#include "elastic/plan/planner.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "elastic/store/writer.hpp"
#include "session/background_writer.hpp"
#include "session/dumped.hpp"
#include "session/input_files.hpp"
#include "session/marks.hpp"
#include "session/place.hpp"
#include "session/remote_backend.hpp"

namespace elastic::session {

using nlohmann::json;
using plan::Holding;
using pyobj::Borrowed;
using pyobj::Dumper;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;
using pyobj::Pickled;
using store::BlobKind;
using store::BlobRef;
using store::ConstBytes;

namespace {

constexpr std::uint64_t kOutputLimitBytes = 64 << 20;
// Below this a checkpoint is written faster than a child is made ready.
constexpr std::uint64_t kBackgroundFromBytes = 32 << 20;

// Functions, classes and modules are referred to by other groups: a copy would not be the class any more.
bool is_referable(PyObject* value) {
  return PyType_Check(value) || PyFunction_Check(value) || PyModule_Check(value);
}

// Throws nothing, and lets Ctrl-C stop the writing.
bool not_interrupted(const store::Progress&) {
  pyobj::GilAcquired gil;
  if (PyErr_CheckSignals() == 0) return true;
  PyErr_Clear();
  return false;
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

std::map<std::string, std::size_t> groups_by_name(const DumpedSession& dumped) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < dumped.groups.size(); ++i)
    if (!dumped.groups[i].ambient)
      for (const std::string& name : dumped.groups[i].names) places.emplace(name, i);
  return places;
}

bool is_marked_never_store(const DumpedSession& dumped, std::size_t group) {
  const auto& wishes = dumped.input.wishes.variables;
  for (const std::string& name : dumped.groups[group].names) {
    const auto found = wishes.find(*dumped.history.find_variable(name));
    if (found != wishes.end() && found->second == plan::StoreWish::kNever) return true;
  }
  return false;
}

std::vector<ConstBytes> parts_of(const Pickled& pickled) {
  std::vector<ConstBytes> parts;
  for (const pyobj::PinnedBuffer& piece : pickled.pickle) parts.push_back(piece.bytes());
  return parts;
}

}  // namespace

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

std::int64_t estimated_load_us(std::uint64_t pickle_bytes, std::uint64_t buffer_bytes) {
  return 50 + static_cast<std::int64_t>(pickle_bytes / 100 + buffer_bytes / 5000);
}

std::int64_t estimated_write_us(std::uint64_t bytes) { return 50 + static_cast<std::int64_t>(bytes / 500); }

Result<> Session::dump_all(const GilHeld& gil, const CheckpointOptions&, DumpedSession& dumped) {
  ELASTIC_ASSIGN(dumped.history, history_now(gil));
  ELASTIC_TRY(refuse_changed_inputs(dumped.history));
  const graph::History& history = dumped.history;
  dumped.input.history = &dumped.history;
  const auto covariables = history.active_covariables();
  std::vector<std::pair<std::vector<std::string>, std::vector<SnapshotId>>> groups;
  for (const std::vector<SnapshotId>& covariable : covariables) {
    std::vector<std::string> names;
    for (const SnapshotId id : covariable) names.push_back(history.name_of(history.snapshot(id).variable));
    if (history.is_ambient(history.snapshot(covariable.front()).variable)) continue;
    groups.emplace_back(std::move(names), covariable);
  }
  ELASTIC_ASSIGN(Dumper dumper, Dumper::create(gil, namespace_, referable_names(history, namespace_)));
  const auto dump = [&](DumpedGroup& group, Holding& holding,
                        const std::vector<std::string>& names) -> Result<> {
    const std::int64_t started_us = clock_->monotonic_us();
    Result<Pickled> pickled = dumper.dump(gil, names);
    if (pickled.ok()) {
      holding.bytes = pickled->pickle_bytes() + pickled->buffer_bytes();
      holding.store_us = clock_->monotonic_us() - started_us + estimated_write_us(holding.bytes);
      holding.load_us = estimated_load_us(pickled->pickle_bytes(), pickled->buffer_bytes());
      group.pickled = std::move(*pickled);
    } else if (pickled.error().code() == ErrorCode::kCancelled) {
      return pickled.error();
    } else {
      holding.not_storable = pickled.error().message();
    }
    return success();
  };
  for (auto& [names, snapshots] : groups) {
    Holding holding;
    holding.snapshots = snapshots;
    DumpedGroup group;
    group.names = names;
    group.pickled_in = dumped.groups.size();
    ELASTIC_TRY(dump(group, holding, names));
    dumped.input.holdings.push_back(std::move(holding));
    dumped.groups.push_back(std::move(group));
  }
  const auto places = groups_by_name(dumped);
  std::vector<std::vector<std::size_t>> edges(dumped.groups.size());
  for (std::size_t i = 0; i < dumped.groups.size(); ++i)
    if (dumped.groups[i].pickled)
      for (const std::string& name : dumped.groups[i].pickled->references)
        if (auto found = places.find(name); found != places.end()) edges[i].push_back(found->second);
  for (const std::vector<std::size_t>& circle : circles_of(edges)) {
    std::vector<std::string> names;
    for (const std::size_t member : circle) {
      names.insert(names.end(), dumped.groups[member].names.begin(), dumped.groups[member].names.end());
      dumped.groups[member].pickled.reset();
      dumped.groups[member].pickled_in = circle.front();
      dumped.input.holdings[member].bytes = 0;  // counted with the first
    }
    Holding& first = dumped.input.holdings[circle.front()];
    ELASTIC_TRY(dump(dumped.groups[circle.front()], first, names));
    for (const std::size_t member : circle) dumped.input.holdings[member].not_storable = first.not_storable;
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
    holding.store_us = estimated_write_us(value->size());
    holding.load_us = estimated_load_us(value->size(), 0);
    dumped.input.holdings.push_back(std::move(holding));
    dumped.groups.push_back(
        {{history.name_of(snapshot.variable)}, dumped.groups.size(), std::nullopt, *value, true});
  }
  return success();
}

Result<> Session::choose_plan(const CheckpointOptions& options, DumpedSession& dumped) {
  const auto planner = plan::make_planner(options.planner);
  if (!planner) {
    std::string names;
    for (const std::string_view name : plan::planner_names())
      names += (names.empty() ? "" : ", ") + std::string(name);
    return Error(ErrorCode::kInvalidArgument,
                 "there is no plan \"" + options.planner + "\"; there are: " + names);
  }
  dumped.input.alpha = options.alpha;
  dumped.input.cpu_ratio = options.cpu_ratio.value_or(1.0);
  dumped.input.limits = options.limits;
  Marks marks = *marks_;
  for (const auto& [name, wish] : options.marks) ELASTIC_TRY(marks.mark(name, wish));
  for (const std::uint32_t cell : options.never_rerun_cells) marks.never_rerun(cell);
  dumped.input.wishes = marks.wishes(dumped.history);
  const std::map<std::string, std::size_t> holding_of = groups_by_name(dumped);

  // What refers to something that cannot be stored cannot be loaded.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < dumped.groups.size(); ++i) {
      Holding& holding = dumped.input.holdings[i];
      const Pickled* pickled = dumped.pickle_of(i);
      if (!pickled || !holding.not_storable.empty()) continue;
      for (const std::string& name : pickled->references) {
        auto found = holding_of.find(name);
        const bool unwanted = found != holding_of.end() && is_marked_never_store(dumped, found->second);
        if (found != holding_of.end() && dumped.input.holdings[found->second].not_storable.empty() &&
            !unwanted)
          continue;
        holding.not_storable = "it refers to " + name +
                               (unwanted ? ", which is marked never-store" : ", which cannot be stored");
        changed = true;
        break;
      }
    }
  }
  // A stored group needs what it refers to before any cell has run, so that is stored as well.
  for (std::size_t round = 0; round <= dumped.groups.size(); ++round) {
    ELASTIC_ASSIGN(dumped.plan, planner->plan(dumped.input));
    const std::set<std::size_t> stored(dumped.plan.loads.begin(), dumped.plan.loads.end());
    bool complete = true;
    for (const std::size_t place : stored) {
      const Pickled* pickled = dumped.pickle_of(place);
      if (!pickled) continue;
      std::vector<std::string> needs = pickled->references;
      needs.insert(needs.end(), pickled->names.begin(), pickled->names.end());  // its circle
      for (const std::string& name : needs) {
        const std::size_t needed = holding_of.at(name);
        if (stored.contains(needed)) continue;
        for (const std::string& member : dumped.groups[needed].names) {
          const bool added =
              dumped.input.wishes.variables
                  .insert_or_assign(*dumped.history.find_variable(member), plan::StoreWish::kAlways)
                  .second;
          complete = complete && !added;
        }
      }
    }
    if (complete) return success();
  }
  return success();
}

Result<> Session::write_all(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  Payload& payload = dumped.payload;
  std::vector<BlobToWrite> blobs;
  const std::string history = dumped.history.save();
  payload.history = 0;
  blobs.push_back({{store::as_bytes(history)}, BlobKind::kHistory});
  std::map<std::size_t, std::size_t> stored_at;  // group with a pickle -> place in payload.groups
  for (const std::size_t place : dumped.plan.loads) {
    const DumpedGroup& group = dumped.groups[place];
    const Holding& holding = dumped.input.holdings[place];
    StoredGroup stored;
    for (const SnapshotId id : holding.snapshots) {
      const graph::Snapshot& snapshot = dumped.history.snapshot(id);
      stored.snapshots.push_back({dumped.history.name_of(snapshot.variable), snapshot.writer.value});
    }
    stored.names = group.names;
    stored.bytes = holding.bytes;
    stored.load_us = holding.load_us;
    stored.ambient = group.ambient;
    stored.pickle = blobs.size();
    if (group.ambient) {
      blobs.push_back({{store::as_bytes(group.ambient_value)}, BlobKind::kPickle});
    } else if (auto same = stored_at.find(group.pickled_in); same != stored_at.end()) {
      const StoredGroup& circle = payload.groups[same->second];
      stored.names = circle.names;
      stored.pickle = circle.pickle;
      stored.buffers = circle.buffers;
      stored.references = circle.references;
    } else {
      const Pickled& pickled = *dumped.pickle_of(place);
      stored_at.emplace(group.pickled_in, payload.groups.size());
      stored.names = pickled.names;
      stored.references = pickled.references;
      stored.notes = pickled.notes;
      stored.modules = pickled.modules;
      blobs.push_back({parts_of(pickled), BlobKind::kPickle});
      for (const pyobj::PinnedBuffer& buffer : pickled.buffers) {
        stored.buffers.push_back(blobs.size());
        blobs.push_back({{buffer.bytes()}, BlobKind::kBuffer});
      }
    }
    payload.groups.push_back(std::move(stored));
  }
  for (const Pickled& output : dumped.outputs) {
    StoredOutput stored{output.names.front(), blobs.size(), {}};
    blobs.push_back({parts_of(output), BlobKind::kPickle});
    for (const pyobj::PinnedBuffer& buffer : output.buffers) {
      stored.buffers.push_back(blobs.size());
      blobs.push_back({{buffer.bytes()}, BlobKind::kBuffer});
    }
    payload.outputs.push_back(std::move(stored));
  }
  std::uint64_t total = 0;
  for (const BlobToWrite& blob : blobs)
    for (const ConstBytes part : blob.parts) total += part.size();
  payload.report["bytes_total"] = total;

  GilReleased released(gil);
  ELASTIC_ASSIGN(auto opened, store_to_write(options.directory));
  store::WriterOptions writer_options;
  writer_options.label = options.label;
  writer_options.expected_bytes = total;
  // A child has no Python, through which a remote is written.
  const bool in_background =
      options.in_background && total >= kBackgroundFromBytes && !is_remote(options.directory);
  if (!in_background) writer_options.progress = not_interrupted;
  ELASTIC_ASSIGN(auto writer, opened->begin(std::move(writer_options)));
  if (in_background) {
    payload.report["in_background"] = true;
    return write_in_background(*writer, blobs, payload.to_bytes());
  }
  ELASTIC_ASSIGN(const store::CommitReport report, write_blobs(*writer, blobs, payload.to_bytes()));
  payload.report["bytes_written"] = report.bytes_written;
  payload.report["checkpoint"] = report.name.to_string();
  writer.reset();
  if (!options.export_to.empty()) {
    auto exported = store::export_checkpoint(*opened, report.name, options.export_to, options.force);
    if (!exported.ok()) return exported.error().within("the checkpoint was written, but not exported");
    payload.report["exported"] = options.export_to;
  }
  store::RetentionPolicy policy;
  policy.keep_newest = options.keep_newest;
  policy.max_age_us = options.keep_us;
  policy.max_bytes = options.keep_bytes;
  if (auto collected = store::collect_garbage(*opened, policy); !collected.ok())
    log(LogLevel::kWarning, "collecting old checkpoints: " + collected.error().to_string());
  return success();
}

Result<json> Session::checkpoint(const GilHeld& gil, const CheckpointOptions& options) {
  const std::int64_t started_us = clock_->monotonic_us();
  if (!options.plan_only) {
    // Found out before the work is done: a place that will not do.
    GilReleased released(gil);
    if (!options.export_to.empty())
      ELASTIC_TRY(store::check_export_path(store::system_files(), options.export_to, options.force));
    ELASTIC_ASSIGN([[maybe_unused]] auto usable, store_to_write(options.directory));
  }
  DumpedSession dumped;
  ELASTIC_TRY(dump_all(gil, options, dumped));
  ELASTIC_TRY(choose_plan(options, dumped));
  Payload& payload = dumped.payload;
  ELASTIC_ASSIGN(payload.environment, pyobj::serializer_environment(gil));
  payload.shell = options.shell;
  payload.marks = marks_->to_json();
  json& report = payload.report;
  report = plan::to_json(dumped.plan, dumped.input);
  report["path"] = options.directory;
  report["notebook"] = options.label;
  report["bytes_written"] = 0;
  std::uint64_t total = 0;
  for (const std::size_t place : dumped.plan.loads) total += dumped.input.holdings[place].bytes;
  report["bytes_total"] = total;
  if (tracking_error_) report["tracking_off"] = tracking_error_->to_string();
  std::vector<std::string> had;
  for (const auto& [name, entry] : report["variables"].items()) {
    if (entry["action"] == "lost")
      payload.lost.emplace(name, entry["why"].get<std::string>());
    else
      had.push_back(name);
  }
  if (!options.plan_only) {
    if (options.shell.contains("outputs") && !options.shell["outputs"].empty()) {
      ELASTIC_ASSIGN(Dumper dumper, Dumper::create(gil, namespace_, had));
      for (const json& each : options.shell["outputs"]) {
        Result<Pickled> output = dumper.dump(gil, {each.get<std::string>()});
        if (!output.ok() && output.error().code() == ErrorCode::kCancelled) return output.error();
        if (!output.ok() || output->pickle_bytes() + output->buffer_bytes() > kOutputLimitBytes) {
          report["outputs_left_out"].push_back(each);
          continue;
        }
        dumped.outputs.push_back(std::move(*output));
      }
    }
    ELASTIC_TRY(write_all(gil, options, dumped));
    if (!running_) news_ = false;
  }
  report["seconds"] = static_cast<double>(clock_->monotonic_us() - started_us) / 1e6;
  return std::move(report);
}

}  // namespace elastic::session
