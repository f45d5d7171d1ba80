#include <memory>
#include <utility>

#include "elastic/core/log.hpp"
#include "elastic/plan/planner.hpp"
#include "elastic/pyobj/own_sources.hpp"
#include "elastic/pyobj/serializer.hpp"
#include "elastic/pyobj/user_names.hpp"
#include "elastic/session/session.hpp"
#include "session/damage_check.hpp"
#include "session/deferred.hpp"
#include "session/dumped.hpp"
#include "session/known_place.hpp"
#include "session/marks.hpp"
#include "session/measured.hpp"
#include "session/replay.hpp"
#include "session/restore_progress.hpp"
#include "session/restore_source.hpp"
#include "session/rollback.hpp"
#include "session/verify.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;

namespace {

constexpr std::string_view kShellObject = "<shell> ";  // what the driver's objects are called
constexpr std::string_view kAnnotations = "<shell> annotations";

// Carries the plan out, with less each time something fails. With `dry_run`, the plan alone.
Result<> carry_out(const GilHeld& gil, const RestoreOptions& options, Rollback& rollback,
                   Borrowed user_namespace, Driver& driver, const Clock& clock, RestoreProgress& progress,
                   Carried& carried) {
  const auto planner = plan::make_planner("optimal");
  Source& source = carried.source;
  bool lazy = options.lazy;
  std::vector<std::size_t> holding_groups;
  for (;;) {  // ends: each round bans one more group or cell
    ELASTIC_ASSIGN(const plan::PlanInput input, input_of(source, options, holding_groups));
    ELASTIC_ASSIGN(carried.plan, planner->plan(input));
    if (options.dry_run) return success();
    rollback.clear();
    Replay& replay = carried.replay.emplace(user_namespace, driver, rollback.ambient(), source.history,
                                            source.payload, source.reader, source.banned_groups, clock);
    const auto waiting =
        lazy ? groups_that_can_wait(source, carried.plan, holding_groups) : std::set<std::size_t>();
    replay.defer(waiting);
    replay.report_to(progress);
    replay.set_objects(!options.only);
    progress.expect(source, carried.plan, holding_groups, waiting);
    ELASTIC_TRY(replay.run(gil, carried.plan, holding_groups));
    if (!replay.failure()) return success();
    // Code that runs while something is loaded may look for what is away.
    if (std::exchange(lazy, false)) continue;
    const ReplayFailure& failure = *replay.failure();
    if (failure.group) {
      source.banned_groups.insert(*failure.group);
      source.group_errors[*failure.group] = failure.why;
    }
    if (failure.cell) source.banned_cells[*failure.cell] = failure.why;
  }
}

// Variables whose code or state is of a module that has other source by now are not the original ones.
void report_changed_modules(const GilHeld& gil, const Source& source, const RestoreOptions& options,
                            RestoreReport& report) {
  for (const pyobj::OwnSource& then : source.payload.own_sources) {
    const std::string why = pyobj::how_source_differs(gil, then);
    if (why.empty()) continue;
    json affected = json::array();
    for (const std::string& name : then.variables) {
      const auto found = report.variables.find(name);
      if (!is_wanted(options, name) || found == report.variables.end()) continue;
      affected.push_back(name);
      VariableReport& entry = found->second;
      if (entry.action == plan::Action::kLost) continue;
      entry.why = (entry.differs ? entry.why + "; " : "") + why;
      entry.differs = true;
    }
    report.rest["modules_changed"].push_back(
        {{"module", then.module}, {"path", then.path}, {"why", why}, {"variables", affected}});
  }
}

std::set<std::string> names_of(const std::map<std::size_t, std::vector<std::string>>& groups) {
  std::set<std::string> names;
  for (const auto& [group, variables] : groups) names.insert(variables.begin(), variables.end());
  return names;
}

// The verified report. What a re-run cell changed in place by accident is loaded once more.
Result<RestoreReport> compare(const GilHeld& gil, Borrowed user_namespace, const RestoreOptions& options,
                              Carried& carried) {
  const Source& source = carried.source;
  const std::set<std::string> away = names_of(carried.replay->deferred());
  plan::Plan here = carried.plan;
  std::erase_if(here.variables, [&](const plan::VariablePlan& variable) {
    return away.contains(source.history.name_of(variable.variable));
  });
  RestoreReport report = report_of(source, carried.plan, options);
  ELASTIC_TRY(verify(gil, user_namespace, source, here, options.verify, report));
  if (carried.plan.cells_to_rerun.empty()) return report;
  const auto groups = active_groups(source);
  std::set<std::size_t> changed;
  for (const auto& [name, entry] : report.variables)
    if (entry.differs && entry.action == plan::Action::kStore && groups.contains(name))
      changed.insert(groups.at(name));
  if (changed.empty()) return report;
  for (const std::size_t group : changed) {
    ELASTIC_TRY(carried.replay->reload(gil, group));
  }
  report = report_of(source, carried.plan, options);
  ELASTIC_TRY(verify(gil, user_namespace, source, here, options.verify, report));
  return report;
}

void report_deferred(const std::set<std::string>& names, RestoreReport& report) {
  report.rest["deferred"] = names;
  for (const std::string& name : names) {
    report.variables[name].verified = false;
    report.variables[name].why = "loaded when a cell reads it, or while the kernel is idle";
  }
}

bool has_shell_objects(const Payload& payload) {
  return std::any_of(payload.outputs.begin(), payload.outputs.end(), [](const StoredOutput& output) {
    return output.name.starts_with(kShellObject) && output.name != kAnnotations;
  });
}

Result<Owned> load_output(const GilHeld& gil, const StoredOutput& output, Replay& replay) {
  Result<Owned> value = replay.load_output(gil, output);
  if (value.ok() || value.error().code() == ErrorCode::kCancelled || replay.deferred().empty()) return value;
  // Its code, or that of a variable it refers to, may use one that is away.
  std::vector<std::size_t> groups;
  for (const auto& [group, names] : replay.deferred()) groups.push_back(group);
  ELASTIC_TRY(replay.load_deferred(gil, std::move(groups)));
  return replay.load_output(gil, output);
}

Result<> load_outputs(const GilHeld& gil, Borrowed user_namespace, const Source& source, Replay& replay,
                      Driver& driver, RestoreReport& report) {
  for (const StoredOutput& output : source.payload.outputs) {
    Result<Owned> value = load_output(gil, output, replay);
    if (!value.ok() && value.error().code() == ErrorCode::kCancelled) return value.error();
    if (!value.ok())
      report.rest["outputs_lost"].push_back({{"name", output.name}, {"why", value.error().message()}});
    else if (output.name.starts_with(kShellObject))
      ELASTIC_TRY(driver.keep_object(gil, output.name, *value));
    else if (PyDict_SetItemString(user_namespace.get(), output.name.c_str(), value->get()) < 0)
      PyErr_Clear();
  }
  return success();
}

// Variables of the former session that nothing has replaced; returns the names of the others.
json put_former_variables(Borrowed saved, Borrowed user_namespace, const std::set<std::string>& deferred) {
  json replaced = json::array();
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(saved.get(), &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (!name || !pyobj::is_user_name(name)) {
      PyErr_Clear();
    } else if (PyDict_GetItemString(user_namespace.get(), name) || deferred.contains(name)) {
      replaced.push_back(name);
    } else if (PyDict_SetItem(user_namespace.get(), key, value) < 0) {
      PyErr_Clear();
    }
  }
  return replaced;
}

// What is not there, for whatever reason, is deleted in the history, or a later checkpoint would look for it.
Result<graph::History> history_of_what_came(const Source& source, const plan::Plan& plan,
                                            std::int64_t now_us) {
  graph::History history = source.history;
  graph::CellRecord absent;
  absent.outside_cell = true;
  absent.source = "# lost or left out in a restore";
  absent.started_wall_us = now_us;
  std::set<VariableId> came;
  for (const plan::VariablePlan& variable : plan.variables)
    if (variable.action != plan::Action::kLost) came.insert(variable.variable);
  for (std::uint32_t id = 0; id < history.variable_count(); ++id) {
    if (history.is_ambient({id}) || !history.active({id}) || came.contains({id})) continue;
    graph::Write gone{VariableId{id}};
    gone.deleted = true;
    absent.writes.push_back(gone);
  }
  if (absent.writes.empty()) return history;
  ELASTIC_ASSIGN([[maybe_unused]] const CellIndex cell, history.record(std::move(absent)));
  return history;
}

using AmbientValues = std::map<std::pair<VariableId, CellIndex>, std::string>;

// What is damaged of them is banned.
Result<AmbientValues> ambient_values(Source& source) {
  AmbientValues values;
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i) {
    const StoredGroup& group = source.payload.groups[i];
    if (!group.ambient) continue;
    const StoredSnapshot& piece = group.snapshots.front();
    const auto variable = source.history.find_variable(piece.variable);
    if (!variable)
      return Error(ErrorCode::kCorruption, "the checkpoint's history does not know " + piece.variable);
    auto bytes = source.reader->read_blob(source.reader->blobs()[group.pickle]);
    if (bytes.ok()) {
      values.emplace(std::pair(*variable, CellIndex{piece.writer}),
                     std::string(store::as_text(bytes->bytes())));
      continue;
    }
    if (bytes.error().code() == ErrorCode::kCancelled) return bytes.error();
    source.banned_groups.insert(i);
    source.group_errors[i] = bytes.error().message();
  }
  return values;
}

// All of it, none of which differs.
bool is_as_it_was(const RestoreReport& report, const RestoreOptions& options) {
  return !options.only && options.skip.empty() &&
         std::ranges::all_of(report.variables, [](const auto& entry) {
           return entry.second.action != plan::Action::kLost && !entry.second.differs;
         });
}

bool brings_something_back(const plan::Plan& plan, const graph::History& history) {
  return std::any_of(plan.variables.begin(), plan.variables.end(), [&](const plan::VariablePlan& variable) {
    return variable.action != plan::Action::kLost && !history.is_ambient(variable.variable);
  });
}

}  // namespace

Result<std::string> Session::restore(const GilHeld& gil, const RestoreOptions& options) {
  const std::int64_t started_us = clock_->monotonic_us();
  const auto seconds = [&] { return static_cast<double>(clock_->monotonic_us() - started_us) / 1e6; };
  ELASTIC_TRY(load_rest(gil));
  auto carried = std::make_unique<Carried>();
  Source& source = carried->source;
  std::unique_ptr<RestoreProgress> progress;
  AmbientValues values;
  const WriterWait waits = [&](const store::WriterStatus& writer) {
    const pyobj::GilAcquired again;
    return driver_->waits_for_writer(again, writer.bytes_done, writer.bytes_total);
  };
  ELASTIC_ASSIGN(const auto here, pyobj::serializer_environment(gil));
  {
    GilReleased released(gil);
    // What this session wrote by itself is not what somebody wants back who asks for nothing in particular.
    ELASTIC_ASSIGN(source, open_source(options, here, waits, place_at(options.directory).idle));
    ELASTIC_ASSIGN(values, ambient_values(source));
    progress = std::make_unique<RestoreProgress>(*driver_, *clock_);
    source.reader->tell_reads([&](std::uint64_t bytes) { return progress->read(bytes); });
    if (options.verify) {
      progress->expect_all(source);
      ELASTIC_TRY(check_data(source));
    }
  }
  Rollback rollback(gil, namespace_);
  if (!rollback.saved()) return Error(ErrorCode::kPythonRaised, "no memory to keep the namespace as it was");
  if (!options.dry_run) ELASTIC_TRY(driver_->restore_begins(gil, source.payload.shell));
  RestoreOptions asked = options;
  // Formatters, callbacks and the like run in cells that do not name them.
  asked.lazy = options.lazy && !options.verify && !has_shell_objects(source.payload);
  ELASTIC_TRY(carry_out(gil, asked, rollback, namespace_, *driver_, *clock_, *progress, *carried));
  source.reader->tell_reads({});
  // The way to the cells is gone and so is all that was stored: an older checkpoint is better than nothing.
  if (!source.history_damage.empty() && !brings_something_back(carried->plan, source.history))
    return Error(ErrorCode::kCorruption,
                 "the history of this checkpoint is damaged, and nothing that it stores "
                 "can be read; --at names an older one: " +
                     source.history_damage);
  ELASTIC_ASSIGN(const json left_out, effects_left_out(source, carried->plan, options));
  if (options.dry_run) {
    RestoreReport report = report_of(source, carried->plan, options);
    report.rest["dry_run"] = true;
    report_changed_modules(gil, source, options, report);
    if (!left_out.is_null()) report.rest["effects_left_out"] = left_out;
    report.rest["seconds"] = seconds();
    return report.to_text();
  }
  ELASTIC_ASSIGN(RestoreReport report, compare(gil, namespace_, options, *carried));
  if (!left_out.is_null()) report.rest["effects_left_out"] = left_out;
  report.rest["put_back"] = carried->replay->put_back();
  if (options.only) {
    rollback.put_ambient_back(gil);
    report.rest["ambient"] = json::object();
    report.rest.erase("shell");
  } else {
    ELASTIC_ASSIGN(const auto unsettled, carried->replay->settle_ambient(gil));
    for (const auto& [name, why] : unsettled)
      report.rest["ambient"][name] = {{"status", "differs"}, {"why", why}};
    rollback.ambient().share_with_modules(gil, source.payload.module_attributes);
    ELASTIC_TRY(load_outputs(gil, namespace_, source, *carried->replay, *driver_, report));
  }
  const std::set<std::string> away = names_of(carried->replay->deferred());
  report_deferred(away, report);
  report_changed_modules(gil, source, options, report);
  for (std::uint32_t id = 0; id < source.history.variable_count(); ++id) {
    const std::string& name = source.history.name_of({id});
    if (source.history.active({id}) && !source.history.is_ambient({id}) && !is_wanted(options, name))
      report.rest["left_out"].push_back(name);
  }
  ELASTIC_ASSIGN(graph::History history, history_of_what_came(source, carried->plan, clock_->wall_us()));

  ELASTIC_TRY(driver_->restore_commits(gil));

  // Nothing fails from here on: the session is the restored one.
  damage_check_.reset();
  if (!options.verify) damage_check_ = std::make_unique<DamageCheck>(source, carried->plan);
  report.rest["checked"] = !damage_check_ || damage_check_->done();
  report.rest["replaced"] = put_former_variables(rollback.saved(), namespace_, away);
  rollback.let_go();
  for (const auto& [name, entry] : report.variables) {
    if (entry.action == plan::Action::kLost) continue;
    late_damage_.erase(name);
    lost_late_.erase(name);
  }
  tracking_error_.reset();
  // A cell that restores and goes on is found as a change between cells.
  const bool in_a_cell = std::exchange(running_, false);
  if (auto done = tracker_.adopt(gil, std::move(history), !in_a_cell); !done.ok())
    stop_tracking(done.error());
  for (auto& [piece, value] : values)
    tracker_.keep_ambient_value(piece.first, piece.second, std::move(value));
  if (auto costs = plan::CostModel::from_json(source.payload.costs); costs.ok()) costs_ = std::move(*costs);
  costs_.use_target(options.directory);
  report.rest["measured"] = measured_replay(costs_, carried->replay->times(), source.payload, source.history);
  report.rest["measured"]["so_far"] = costs_.errors_json();
  KnownPlace& place = place_at(options.directory);
  place.keys.clear();
  for (const StoredGroup& group : source.payload.groups) place.keys.insert(key_of(group.snapshots));
  place.kept = {};
  if (away.empty() && is_as_it_was(report, options) && source.payload.environment == here)
    place.kept.learn(source.payload, source.reader->blobs(), tracker_.history(), namespace_);
  if (auto marks = Marks::from_json(source.payload.marks); marks.ok())
    marks_->add(*marks);
  else
    log(LogLevel::kWarning, marks.error().to_string());
  news_ = false;
  if (!away.empty()) deferred_ = std::make_unique<Deferred>(std::move(carried));
  report.rest["seconds"] = seconds();
  return report.to_text();
}

}  // namespace elastic::session
