#include "elastic/session/session.hpp"

#include "elastic/core/log.hpp"
#include "elastic/pyobj/user_names.hpp"
#include "session/damage_check.hpp"
#include "session/deferred.hpp"
#include "session/known_buffers.hpp"
#include "session/known_place.hpp"
#include "session/marks.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::Owned;
using pyobj::PendingError;

Session::Session(const GilHeld& gil, Borrowed user_namespace, const Clock& clock, Driver& driver,
                 Borrowed transform)
    : namespace_(Owned::share(user_namespace)),
      clock_(&clock),
      driver_(&driver),
      tracker_(gil, user_namespace, clock, transform),
      known_buffers_(std::make_unique<KnownBuffers>()),
      marks_(std::make_unique<Marks>()) {}

Session::~Session() = default;

void Session::stop_tracking(const Error& error) {
  if (tracking_error_) return;
  tracking_error_ = error;
  log(LogLevel::kError,
      "watching the session has stopped, checkpoints will store everything they can: " + error.to_string());
}

Result<> Session::mark(const std::string& variable, const std::string& wish) {
  ELASTIC_TRY(marks_->mark(variable, wish));
  news_ = true;
  return success();
}

json Session::marks() const { return marks_->to_json(); }

void Session::cell_starting(const GilHeld& gil, WatchedCell cell) {
  PendingError pending(gil);
  news_ = true;
  running_ = true;
  if (tracking_error_) return;
  if (auto done = tracker_.before_cell(gil, std::move(cell)); !done.ok()) stop_tracking(done.error());
}

void Session::cell_finished(const GilHeld& gil, graph::Outcome outcome) {
  if (!running_) return;
  PendingError pending(gil);
  if (!tracking_error_) {
    if (auto done = tracker_.after_cell(gil, outcome); !done.ok()) stop_tracking(done.error());
  }
  running_ = false;
}

bool Session::idle(const GilHeld& gil, std::int64_t budget_us, pyobj::Deadline::IsWanted is_wanted) {
  if (tracking_error_ || running_) return true;
  PendingError pending(gil);
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(budget_us);
  auto done = tracker_.catch_up(gil, {until, std::move(is_wanted)});
  if (!done.ok()) stop_tracking(done.error());
  return !done.ok() || *done;
}

Result<graph::History> Session::history_now(const GilHeld& gil) {
  PendingError pending(gil);
  if (!tracking_error_ && running_) {
    graph::History history;
    auto done = tracker_.record_unfinished(gil, history);
    if (done.ok()) return history;
    stop_tracking(done.error());
  }
  if (!tracking_error_) {
    if (auto done = tracker_.settle(gil); !done.ok()) stop_tracking(done.error());
  }
  if (!tracking_error_) return tracker_.history();

  // Nobody knows what changed since: every variable may have, by anything, and may share with any other.
  graph::History history = tracker_.history();
  graph::CellRecord record;
  record.outside_cell = true;
  record.started_wall_us = clock_->wall_us();
  record.source = "# not watched: " + tracking_error_->message();
  record.linked.emplace_back();
  std::set<std::string> present;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(namespace_.get(), &position, &key, &value);) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (name && pyobj::is_user_name(name)) present.insert(name);
  }
  for (const std::string& name : present) {
    record.writes.push_back({history.variable(name)});
    record.linked.back().push_back(history.variable(name));
  }
  for (std::uint32_t id = 0; id < history.variable_count(); ++id) {
    const VariableId variable{id};
    if (history.is_ambient(variable) || !history.active(variable) ||
        present.contains(history.name_of(variable)))
      continue;
    graph::Write gone{variable};
    gone.deleted = true;
    record.writes.push_back(gone);
  }
  ELASTIC_ASSIGN([[maybe_unused]] const CellIndex cell, history.record(std::move(record)));
  return history;
}

std::set<std::string> Session::deferred() const {
  return deferred_ ? deferred_->names() : std::set<std::string>();
}

Result<> Session::load_deferred(const GilHeld& gil, const std::set<std::string>& names) {
  PendingError pending(gil);
  auto loaded = deferred_->load(gil, namespace_, names);
  if (!loaded.ok()) {
    log(LogLevel::kError, "loading what a restore had left: " + loaded.error().to_string());
    deferred_.reset();
    return success();
  }
  std::vector<std::string> lost;
  for (const auto& [name, why] : loaded->lost) lost.push_back(name);
  if (!tracking_error_) {
    if (auto done = tracker_.adopt_late(gil, loaded->bound, lost); !done.ok()) stop_tracking(done.error());
  }
  lost_late_.insert(lost.begin(), lost.end());
  late_damage_.merge(loaded->lost);
  late_damage_.merge(loaded->differs);
  if (deferred_->names().empty()) deferred_.reset();
  return loaded->interrupted ? Result<>(Error(ErrorCode::kCancelled, "interrupted")) : success();
}

Result<> Session::load_for_cell(const GilHeld& gil, const std::string& transformed) {
  // What is loaded may be code, which reads more.
  while (deferred_) {
    std::set<std::string> wanted;
    const std::set<std::string> waiting = deferred_->names();
    const auto named = tracking_error_ ? std::nullopt : tracker_.names_of(gil, transformed, waiting);
    for (const std::string& name : waiting)
      if (!named || named->contains(name)) wanted.insert(name);
    if (wanted.empty()) break;
    ELASTIC_TRY(load_deferred(gil, wanted));
  }
  return success();
}

void Session::load_next(const GilHeld& gil) {
  // Interrupted, it is loaded another time.
  if (deferred_) static_cast<void>(load_deferred(gil, deferred_->next()));
}

Result<> Session::load_rest(const GilHeld& gil) {
  return deferred_ ? load_deferred(gil, deferred_->names()) : success();
}

std::vector<std::string> Session::code_held_elsewhere(const GilHeld& gil) {
  return tracking_error_ ? std::vector<std::string>() : tracker_.code_held_elsewhere(gil);
}

std::map<std::string, std::string> Session::take_damage() {
  auto damage = std::exchange(late_damage_, {});
  if (damage_check_ && damage_check_->done()) {
    damage.merge(damage_check_->wait());
    damage_check_.reset();
  }
  for (const auto& [name, why] : damage) log(LogLevel::kError, "the checkpoint's " + name + ": " + why);
  return damage;
}

Result<json> Session::history(const GilHeld& gil) {
  PendingError pending(gil);
  if (!tracking_error_ && !running_) {
    if (auto done = tracker_.settle(gil); !done.ok()) stop_tracking(done.error());
  }
  return tracker_.history_json();
}

std::vector<std::int32_t> Session::stopped_cells() const {
  std::vector<std::int32_t> numbers;
  const graph::History& history = tracker_.history();
  for (std::uint32_t index = 0; index < history.cell_count(); ++index) {
    const graph::CellExecution& cell = history.cell(CellIndex{index});
    if (cell.outcome != graph::Outcome::kOk) numbers.push_back(cell.execution_count);
  }
  return numbers;
}

std::string Session::why(const GilHeld& gil, const std::string& name) {
  PendingError pending(gil);
  if (!tracking_error_ && !running_) {
    if (auto done = tracker_.settle(gil); !done.ok()) stop_tracking(done.error());
  }
  return tracker_.why(gil, name);
}

}  // namespace elastic::session
