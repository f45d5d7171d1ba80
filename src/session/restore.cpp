#include <algorithm>

#include "elastic/core/log.hpp"
#include "elastic/plan/explain.hpp"
#include "elastic/plan/planner.hpp"
#include "elastic/pyobj/reads.hpp"
#include "elastic/pyobj/walk.hpp"
#include "elastic/session/session.hpp"
#include "session/input_files.hpp"
#include "session/marks.hpp"
#include "session/place.hpp"
#include "session/replay.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;

namespace {

constexpr std::uint64_t kVerifyBytes = 16 << 20;

// What is restored from, and what has turned out not to work.
struct Source {
  std::shared_ptr<store::CheckpointReader> reader;
  Payload payload;
  graph::History history;
  std::set<std::size_t> banned_groups;
  std::map<std::size_t, std::string> group_errors;
  std::map<CellIndex, std::string> banned_cells;
};

Result<Source> open_source(const RestoreOptions& options) {
  Source source;
  ELASTIC_ASSIGN(source.reader, checkpoint_to_read(options.directory, options.label, options.at));
  if (!source.reader->trusted() && !options.trust)
    return Error(
        ErrorCode::kInvalidArgument,
        "this checkpoint was not written by you on this machine, and restoring runs code that is in it: "
        "if you know where it is from, say --trust (trust=True)");
  ELASTIC_ASSIGN(source.payload, Payload::from_bytes(store::as_text(source.reader->payload()),
                                                     source.reader->blobs().size()));
  ELASTIC_ASSIGN(const store::Region bytes,
                 source.reader->read_blob(source.reader->blobs()[source.payload.history]));
  ELASTIC_ASSIGN(source.history, graph::History::load(store::as_text(bytes.bytes())));
  return source;
}

// What the checkpoint holds is loaded; cells run only for what it does not hold.
Result<plan::PlanInput> input_of(const Source& source, const RestoreOptions& options,
                                 std::vector<std::size_t>& holding_groups) {
  plan::PlanInput input;
  const graph::History& history = source.history;
  input.history = &history;
  holding_groups.clear();
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i) {
    if (source.banned_groups.contains(i)) continue;
    const StoredGroup& group = source.payload.groups[i];
    plan::Holding holding;
    holding.stored = true;
    holding.load_us = group.load_us;
    holding.bytes = group.bytes;
    for (const StoredSnapshot& stored : group.snapshots) {
      const auto variable = history.find_variable(stored.variable);
      const auto found = variable ? history.find(*variable, {stored.writer}) : std::nullopt;
      if (!found)
        return Error(ErrorCode::kCorruption, "the checkpoint's history does not know " + stored.variable);
      holding.snapshots.push_back(*found);
      if (history.active(*variable) == found) input.wishes.variables[*variable] = plan::StoreWish::kAlways;
    }
    std::sort(holding.snapshots.begin(), holding.snapshots.end());
    input.holdings.push_back(std::move(holding));
    holding_groups.push_back(i);
  }
  for (const auto& [cell, why] : source.banned_cells) input.wishes.never_rerun.insert(cell);
  if (options.safe)
    for (std::uint32_t i = 0; i < history.cell_count(); ++i) input.wishes.never_rerun.insert({i});
  return input;
}

std::vector<std::string> user_names(Borrowed user_namespace) {
  std::vector<std::string> names;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(user_namespace.get(), &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (!name)
      PyErr_Clear();
    else if (pyobj::is_user_name(name))
      names.emplace_back(name);
  }
  return names;
}

void remove_names(Borrowed user_namespace, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (PyDict_DelItemString(user_namespace.get(), name.c_str()) < 0) PyErr_Clear();
}

// The namespace and the ambient state as they were, unless told to let go of them.
class Rollback {
 public:
  Rollback(const GilHeld& gil, Borrowed user_namespace)
      : namespace_(user_namespace),
        saved_(Owned::steal(PyDict_Copy(user_namespace.get()))),
        values_(ambient_.changes(gil)) {}
  ~Rollback() {
    if (!saved_) return;
    clear();
    PyDict_Update(namespace_.get(), saved_.get());
    const GilHeld gil = GilHeld::assume();
    for (const auto& [name, value] : values_)
      if (auto put = ambient_.put(gil, name, value); !put.ok())
        log(LogLevel::kWarning, "putting back " + name + ": " + put.error().to_string());
    PyErr_Clear();
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  Borrowed saved() const { return saved_; }
  pyobj::Ambient& ambient() { return ambient_; }
  void clear() { remove_names(namespace_, user_names(namespace_)); }
  void let_go() { saved_ = Owned(); }

 private:
  Borrowed namespace_;
  Owned saved_;
  pyobj::Ambient ambient_;
  std::map<std::string, std::string> values_;
};

std::string why_lost(const Source& source, const plan::VariablePlan& variable) {
  const std::string& name = source.history.name_of(variable.variable);
  for (const auto& [group, error] : source.group_errors)
    for (const StoredSnapshot& each : source.payload.groups[group].snapshots)
      if (each.variable == name) return "it did not load (" + error + "), and " + variable.why;
  const CellIndex writer = source.history.snapshot(variable.snapshot).writer;
  if (auto found = source.banned_cells.find(writer); found != source.banned_cells.end()) return found->second;
  if (auto found = source.payload.lost.find(name); found != source.payload.lost.end()) return found->second;
  return variable.why;
}

json report_of(const Source& source, const plan::Plan& plan, const RestoreOptions& options) {
  json variables = json::object(), ambient = json::object(), cells = json::array();
  for (const plan::VariablePlan& variable : plan.variables) {
    json entry;
    switch (variable.action) {
      case plan::Action::kStore:
        entry = {{"status", "same"}, {"why", ""}, {"bytes", variable.bytes}};
        break;
      case plan::Action::kRecompute:
        entry = {{"status", "recomputed"}, {"why", variable.why}};
        break;
      case plan::Action::kLost:
        entry = {{"status", "lost"}, {"why", why_lost(source, variable)}};
        break;
    }
    for (const auto& [group, error] : source.group_errors)
      for (const StoredSnapshot& each : source.payload.groups[group].snapshots)
        if (each.variable == source.history.name_of(variable.variable) &&
            variable.action == plan::Action::kRecompute)
          entry["why"] = "it did not load: " + error;
    (source.history.is_ambient(variable.variable) ? ambient
                                                  : variables)[source.history.name_of(variable.variable)] =
        entry;
  }
  for (const CellIndex cell : plan.cells_to_rerun) cells.push_back(cell.value);
  const store::CheckpointInfo& info = source.reader->info();
  json failed = json::array();
  for (const auto& [cell, why] : source.banned_cells) failed.push_back({{"cell", cell.value}, {"why", why}});
  json passed_over = json::array();
  for (const store::CheckpointInfo& each : source.reader->passed_over())
    passed_over.push_back(
        {{"checkpoint", each.name.to_string()}, {"why", each.damage ? each.damage->message() : ""}});
  return {{"path", options.directory},     {"checkpoint", info.name.to_string()},
          {"notebook", info.label},        {"created", static_cast<double>(info.created_us) / 1e6},
          {"variables", variables},        {"ambient", ambient},
          {"cells_rerun", cells},          {"cells_failed", failed},
          {"passed_over", passed_over},    {"environment", source.payload.environment},
          {"shell", source.payload.shell}, {"bytes", info.total_bytes}};
}

// Compares what came back with the digests in the history. What the walk cannot see into cannot be compared.
void verify(const GilHeld& gil, Borrowed user_namespace, const Source& source, const plan::Plan& plan,
            json& report) {
  pyobj::Walk walk(gil, user_namespace);
  for (const plan::VariablePlan& variable : plan.variables) {
    const graph::Snapshot& snapshot = source.history.snapshot(variable.snapshot);
    const std::string& name = source.history.name_of(variable.variable);
    if (variable.action == plan::Action::kLost || source.history.is_ambient(variable.variable)) continue;
    json& entry = report["variables"][name];
    const bool recomputed = variable.action == plan::Action::kRecompute;
    // Looking through large loaded memory would read all of it in; the store has digests of its own for that.
    if (snapshot.content == Digest{} || (!recomputed && snapshot.size_bytes > kVerifyBytes)) {
      entry["verified"] = false;
      continue;
    }
    PyObject* value = PyDict_GetItemString(user_namespace.get(), name.c_str());
    const pyobj::WalkTarget target{name, Borrowed(value)};
    if (value) walk.walk(gil, std::span(&target, 1));
    const pyobj::VariableState* state = value ? walk.state(name) : nullptr;
    const bool same = state && state->content == snapshot.content;
    const bool can_tell = state && !state->opaque && !state->unstable;
    entry["verified"] = same && can_tell;
    if (same || (state && !can_tell)) {
      if (recomputed && !can_tell)
        entry["why"] = entry["why"].get<std::string>() + "; could not be compared: " + state->opaque_type;
      continue;
    }
    entry["status"] = "differs";
    entry["why"] = std::string(recomputed ? "running its cells again gave something else"
                                          : "what was loaded is not what was stored") +
                   (state ? "" : ": the name is not there") +
                   (recomputed ? changed_inputs(source.history, snapshot.writer) : "");
  }
}

bool wanted(const RestoreOptions& options, const std::string& name) {
  return (!options.only || options.only->contains(name)) && !options.skip.contains(name);
}

}  // namespace

Result<json> Session::restore(const GilHeld& gil, const RestoreOptions& options) {
  const std::int64_t started_us = clock_->monotonic_us();
  Result<Source> opened = [&] {
    GilReleased released(gil);
    return open_source(options);
  }();
  if (!opened.ok()) return opened.error();
  Source& source = *opened;
  const auto planner = plan::make_planner("optimal");
  Rollback rollback(gil, namespace_);
  if (!rollback.saved()) return Error(ErrorCode::kPythonRaised, "no memory to keep the namespace as it was");

  std::vector<std::size_t> holding_groups;
  plan::PlanInput input;
  plan::Plan plan;
  std::optional<Replay> replay;
  for (;;) {  // ends: each round bans one more group or cell
    ELASTIC_ASSIGN(input, input_of(source, options, holding_groups));
    ELASTIC_ASSIGN(plan, planner->plan(input));
    if (options.dry_run) {
      json report = report_of(source, plan, options);
      report["dry_run"] = true;
      report["seconds"] = static_cast<double>(clock_->monotonic_us() - started_us) / 1e6;
      return report;
    }
    rollback.clear();
    replay.emplace(namespace_, *driver_, rollback.ambient(), source.history, source.payload, source.reader,
                   source.banned_groups);
    ELASTIC_TRY(replay->run(gil, plan, holding_groups));
    if (!replay->failure()) break;
    const ReplayFailure& failure = *replay->failure();
    if (failure.group) {
      source.banned_groups.insert(*failure.group);
      source.group_errors[*failure.group] = failure.why;
    }
    if (failure.cell) source.banned_cells[*failure.cell] = failure.why;
  }
  json report = report_of(source, plan, options);
  verify(gil, namespace_, source, plan, report);

  for (const StoredOutput& output : source.payload.outputs) {
    Result<Owned> value = replay->load_output(gil, output);
    if (!value.ok() && value.error().code() == ErrorCode::kCancelled) return value.error();
    if (!value.ok())
      report["outputs_lost"].push_back({{"name", output.name}, {"why", value.error().message()}});
    else if (PyDict_SetItemString(namespace_.get(), output.name.c_str(), value->get()) < 0)
      PyErr_Clear();
  }

  // What is not there, for whatever reason, is deleted in the history, or a later checkpoint would look for
  // it.
  graph::History history = source.history;
  graph::CellRecord absent;
  absent.outside_cell = true;
  absent.source = "# lost or left out in a restore";
  absent.started_wall_us = clock_->wall_us();
  std::vector<std::string> unwanted;
  for (const plan::VariablePlan& variable : plan.variables) {
    const std::string& name = history.name_of(variable.variable);
    if (history.is_ambient(variable.variable)) continue;
    const bool left_out = !wanted(options, name);
    if (left_out) unwanted.push_back(name);
    if (!left_out && variable.action != plan::Action::kLost) continue;
    graph::Write gone{variable.variable};
    gone.deleted = true;
    absent.writes.push_back(gone);
  }
  remove_names(namespace_, unwanted);
  for (const std::string& name : unwanted) report["variables"].erase(name);
  if (!unwanted.empty()) report["left_out"] = unwanted;
  json replaced = json::array();
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(rollback.saved().get(), &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (!name || !pyobj::is_user_name(name)) {
      PyErr_Clear();
    } else if (PyDict_GetItemString(namespace_.get(), name)) {
      replaced.push_back(name);
    } else if (PyDict_SetItem(namespace_.get(), key, value) < 0) {
      PyErr_Clear();
    }
  }
  report["replaced"] = replaced;
  rollback.let_go();

  if (!absent.writes.empty()) {
    ELASTIC_ASSIGN([[maybe_unused]] const CellIndex cell, history.record(std::move(absent)));
  }
  tracking_error_.reset();
  running_ = false;  // a cell that restores and goes on is found as a change between cells
  if (auto done = tracker_.adopt(gil, std::move(history)); !done.ok()) stop_tracking(done.error());
  for (const StoredGroup& group : source.payload.groups) {
    if (!group.ambient) continue;
    GilReleased released(gil);
    ELASTIC_ASSIGN(const store::Region bytes, source.reader->read_blob(source.reader->blobs()[group.pickle]));
    tracker_.keep_ambient_value(*source.history.find_variable(group.names.front()),
                                {group.snapshots.front().writer}, std::string(store::as_text(bytes.bytes())));
  }
  if (auto marks = Marks::from_json(source.payload.marks); marks.ok())
    marks_->add(*marks);
  else
    log(LogLevel::kWarning, marks.error().to_string());
  news_ = false;
  report["seconds"] = static_cast<double>(clock_->monotonic_us() - started_us) / 1e6;
  return report;
}

}  // namespace elastic::session
