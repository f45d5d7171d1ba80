#include "elastic/core/log.hpp"
#include "elastic/plan/planner.hpp"
#include "elastic/pyobj/reads.hpp"
#include "elastic/session/session.hpp"
#include "session/damage_check.hpp"
#include "session/dumped.hpp"
#include "session/marks.hpp"
#include "session/measured.hpp"
#include "session/replay.hpp"
#include "session/restore_source.hpp"
#include "session/rollback.hpp"
#include "session/verify.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;

namespace {

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
                   source.banned_groups, *clock_);
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
  ELASTIC_TRY(verify(gil, namespace_, source, plan, options.verify, report));
  damage_check_ = std::make_unique<DamageCheck>(source, plan);
  if (options.verify) {
    std::map<std::string, std::string> damage;
    {
      GilReleased released(gil);
      damage = damage_check_->wait();
    }
    damage_check_.reset();
    for (const auto& [name, why] : damage) {
      report["variables"][name]["status"] = "differs";
      report["variables"][name]["verified"] = false;
      report["variables"][name]["why"] = "its bytes in the checkpoint are damaged: " + why;
    }
  }
  report["checked"] = !damage_check_ || damage_check_->done();

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
  // A cell that restores and goes on is found as a change between cells.
  const bool in_a_cell = std::exchange(running_, false);
  if (auto done = tracker_.adopt(gil, std::move(history), !in_a_cell); !done.ok())
    stop_tracking(done.error());
  for (const StoredGroup& group : source.payload.groups) {
    if (!group.ambient) continue;
    GilReleased released(gil);
    ELASTIC_ASSIGN(const store::Region bytes, source.reader->read_blob(source.reader->blobs()[group.pickle]));
    tracker_.keep_ambient_value(*source.history.find_variable(group.names.front()),
                                {group.snapshots.front().writer}, std::string(store::as_text(bytes.bytes())));
  }
  if (auto costs = plan::CostModel::from_json(source.payload.costs); costs.ok()) costs_ = std::move(*costs);
  costs_.use_target(options.directory);
  report["measured"] = measured_replay(costs_, replay->times(), source.payload, source.history);
  report["measured"]["so_far"] = costs_.errors_json();
  std::set<std::string>& keys = stored_at_[options.directory];
  keys.clear();
  for (const StoredGroup& group : source.payload.groups) keys.insert(key_of(group.snapshots));
  if (auto marks = Marks::from_json(source.payload.marks); marks.ok())
    marks_->add(*marks);
  else
    log(LogLevel::kWarning, marks.error().to_string());
  news_ = false;
  report["seconds"] = static_cast<double>(clock_->monotonic_us() - started_us) / 1e6;
  return report;
}

}  // namespace elastic::session
