#include "session/replay.hpp"

#include <algorithm>
#include <utility>

#include "elastic/pyobj/user_names.hpp"
#include "session/dumped.hpp"
#include "session/restore_progress.hpp"
#include "session/rollback.hpp"

namespace elastic::session {

using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Loader;
using pyobj::Owned;

Result<> Replay::run(const GilHeld& gil, const plan::Plan& plan,
                     const std::vector<std::size_t>& holding_groups) {
  for (std::size_t i = 0; i < payload_->groups.size(); ++i) {
    if (banned_->contains(i)) continue;
    if (payload_->groups[i].ambient) {
      const StoredSnapshot& piece = payload_->groups[i].snapshots.front();
      ambient_groups_.emplace(std::pair(piece.variable, piece.writer), i);
      continue;
    }
    for (const StoredSnapshot& snapshot : payload_->groups[i].snapshots) {
      const auto variable = history_->find_variable(snapshot.variable);
      const auto active = variable ? history_->active(*variable) : std::nullopt;
      if (active && history_->snapshot(*active).writer.value == snapshot.writer)
        group_of_name_[snapshot.variable] = i;
    }
  }
  ELASTIC_ASSIGN(loader_,
                 Loader::create(gil, namespace_, [this](const GilHeld& held, const std::string& name) {
                   return resolve(held, name);
                 }));
  // Everything is loaded before any cell runs, so that what does not load is known while nothing has happened
  // yet.
  find_made_by_rerun(plan);
  ELASTIC_TRY(put_where_modules_are(gil));
  ELASTIC_TRY(load_all(gil, plan, holding_groups));
  if (failure_) return success();
  std::map<CellIndex, bool> must_raise;
  for (const plan::Rerun& rerun : plan.reruns) must_raise[rerun.cell] = rerun.must_raise;
  for (const plan::Step& step : plan.steps) {
    switch (step.kind) {
      case plan::Step::Kind::kLoad:
        ELASTIC_TRY(load_step(gil, step, holding_groups[step.holding]));
        break;
      case plan::Step::Kind::kRun:
        ELASTIC_TRY(run_step(gil, plan, step.cell, must_raise[step.cell]));
        break;
      case plan::Step::Kind::kDrop:
        if (history_->is_ambient(step.variable)) break;
        if (PyDict_DelItemString(namespace_.get(), history_->name_of(step.variable).c_str()) < 0)
          PyErr_Clear();
        break;
    }
    if (failure_) return success();
  }
  return success();
}

void Replay::find_made_by_rerun(const plan::Plan& plan) {
  const std::set<CellIndex> reruns(plan.cells_to_rerun.begin(), plan.cells_to_rerun.end());
  for (const plan::VariablePlan& variable : plan.variables)
    if (reruns.contains(history_->snapshot(variable.snapshot).writer))
      made_by_rerun_.insert(history_->name_of(variable.variable));
}

bool Replay::waits_for_rerun(std::size_t group, std::set<std::size_t>& seen) const {
  if (!seen.insert(group).second) return false;
  for (const std::string& name : payload_->groups[group].references) {
    if (made_by_rerun_.contains(name)) return true;
    const auto place = group_of_name_.find(name);
    if (place != group_of_name_.end() && waits_for_rerun(place->second, seen)) return true;
  }
  return false;
}

// Loading runs code of the session's (`__setstate__`), which may use any variable: what is loaded is bound
// meanwhile, and what fails is tried again when more of them are there.
Result<> Replay::load_all(const GilHeld& gil, const plan::Plan& plan,
                          const std::vector<std::size_t>& holding_groups) {
  std::vector<std::size_t> waiting;
  for (const std::size_t holding : plan.loads) {
    const std::size_t group = holding_groups[holding];
    std::set<std::size_t> seen;
    if (!payload_->groups[group].ambient && !to_defer_.contains(group) && !waits_for_rerun(group, seen))
      waiting.push_back(group);
  }
  std::vector<std::string> bound;
  std::string why;
  for (std::size_t before = waiting.size() + 1; !waiting.empty() && waiting.size() < before;) {
    before = waiting.size();
    std::vector<std::size_t> failed;
    for (const std::size_t group : waiting) {
      auto values = load_group(gil, group);
      if (!values.ok()) {
        if (values.error().code() == ErrorCode::kCancelled) return values.error();
        if (failed.empty()) why = values.error().message();
        failed.push_back(group);
        continue;
      }
      for (const StoredSnapshot& snapshot : payload_->groups[group].snapshots) {
        const std::string& name = snapshot.variable;
        const auto active = group_of_name_.find(name);
        if (active == group_of_name_.end() || active->second != group) continue;
        PyObject* value = PyDict_GetItemString(values->get(), name.c_str());
        if (value && PyDict_SetItemString(namespace_.get(), name.c_str(), value) == 0) bound.push_back(name);
      }
    }
    waiting = std::move(failed);
  }
  for (const std::string& name : bound)
    if (PyDict_DelItemString(namespace_.get(), name.c_str()) < 0) PyErr_Clear();
  if (!waiting.empty()) failure_ = ReplayFailure{waiting.front(), std::nullopt, why};
  return success();
}

// What is referable and made by re-run cells is what the rest that they made refers to; so it stays,
// with all that is linked with them: half of a co-variable loaded would share nothing with the other half.
bool Replay::is_kept(const std::vector<VariableId>& linked, Borrowed values) const {
  bool referred_to = false;
  for (const VariableId variable : linked) {
    const std::string& name = history_->name_of(variable);
    if (!made_by_rerun_.contains(name) || !PyDict_GetItemString(namespace_.get(), name.c_str())) return false;
    PyObject* value = PyDict_GetItemString(values.get(), name.c_str());
    referred_to = referred_to || (value && is_referable(value));
  }
  return referred_to;
}

Result<> Replay::load_step(const GilHeld& gil, const plan::Step& step, std::size_t group) {
  const StoredGroup& stored = payload_->groups[group];
  if (stored.ambient) {
    auto put = put_stored(gil, group);
    if (put.ok()) return success();
    if (put.error().code() == ErrorCode::kCancelled) return put.error();
    failure_ = ReplayFailure{group, std::nullopt, put.error().message()};
    return success();
  }
  std::vector<std::string> names;
  for (const VariableId variable : step.bind) names.push_back(history_->name_of(variable));
  if (to_defer_.contains(group)) {
    remove_names(namespace_, names);  // a re-run cell may have bound an older version
    deferred_[group] = std::move(names);
    return success();
  }
  auto loaded = load_group(gil, group);
  if (loaded.ok() && is_kept(step.bind, *loaded)) return success();
  const Result<> bound = loaded.ok() ? bind(*loaded, names) : Result<>(loaded.error());
  if (bound.ok()) return success();
  if (bound.error().code() == ErrorCode::kCancelled) return bound.error();
  failure_ = ReplayFailure{group, std::nullopt, bound.error().message()};
  return success();
}

Result<> Replay::bind(Borrowed values, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    PyObject* value = PyDict_GetItemString(values.get(), name.c_str());
    if (value && PyDict_SetItemString(namespace_.get(), name.c_str(), value) == 0) continue;
    PyErr_Clear();
    return Error(ErrorCode::kCorruption, "its pickle does not hold " + name);
  }
  return success();
}

Result<Replay::Failures> Replay::load_deferred(const GilHeld& gil, std::vector<std::size_t> groups) {
  Failures failures;
  for (std::size_t before = deferred_.size() + 1; deferred_.size() < before;) {
    before = deferred_.size();
    failures.clear();
    for (const std::size_t group : groups) {
      if (!deferred_.contains(group)) continue;
      auto done = load_one_deferred(gil, group);
      if (done.ok()) continue;
      if (done.error().code() == ErrorCode::kCancelled) return done.error();
      failures.emplace(group, done.error().message());
    }
    if (failures.empty()) break;
    for (const auto& [group, names] : deferred_)
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  }
  return failures;
}

Result<> Replay::load_one_deferred(const GilHeld& gil, std::size_t group) {
  ELASTIC_ASSIGN(const Borrowed values, load_group(gil, group));
  const std::vector<std::string> names = std::move(deferred_.extract(group).mapped());
  return bind(values, names);
}

Result<> Replay::run_step(const GilHeld& gil, const plan::Plan& plan, CellIndex cell, bool must_raise) {
  if (progress_) ELASTIC_TRY(progress_->runs(gil, *history_, plan, cell));
  ELASTIC_TRY(put_ambient_before(gil, cell));
  if (sets_objects_) ELASTIC_TRY(put_objects_before(gil, cell));
  const Owned before = Owned::steal(PyDict_Copy(namespace_.get()));
  if (!before) return Error(ErrorCode::kPythonRaised, "no memory to keep the namespace as it was");
  const std::vector<std::string> hidden = hide_what_was_not_there(gil, cell);
  const std::int64_t started_us = clock_->monotonic_us();
  auto outcome_or = driver_->run_cell(gil, cell, history_->cell(cell));
  times_.cells[cell] = clock_->monotonic_us() - started_us;
  for (const std::string& name : hidden) {
    if (PyDict_GetItemString(namespace_.get(), name.c_str())) continue;  // the cell has bound it
    if (PyDict_SetItemString(namespace_.get(), name.c_str(),
                             PyDict_GetItemString(before.get(), name.c_str())) < 0)
      PyErr_Clear();
  }
  ELASTIC_ASSIGN(const RerunOutcome outcome, std::move(outcome_or));
  if (outcome.raised == must_raise) return bind_again(cell, before);
  failure_ = ReplayFailure{std::nullopt, cell,
                           outcome.raised ? "running its cell again raised " + outcome.error
                                          : "its cell raised then, and did not when it ran again"};
  return success();
}

// A cell that raised for want of a name, or asks whether there is one, has to find none again. The name may
// be there since only what is needed is run again: a cell that deleted it may not be.
std::vector<std::string> Replay::hide_what_was_not_there(const GilHeld&, CellIndex cell) {
  std::vector<std::string> hidden;
  for (const std::string& name : user_names(namespace_)) {
    const auto variable = history_->find_variable(name);
    if (!variable) continue;
    bool there = false;
    for (const SnapshotId version : history_->versions(*variable)) {
      const graph::Snapshot& snapshot = history_->snapshot(version);
      if (snapshot.writer < cell) there = !snapshot.deleted;
    }
    if (!there) hidden.push_back(name);
  }
  remove_names(namespace_, hidden);
  return hidden;
}

// A cell that is not deterministic may bind, or remove, what it did not then.
Result<> Replay::bind_again(CellIndex cell, Borrowed before) {
  std::set<std::string> written;
  for (const graph::Snapshot& snapshot : history_->writes_of(cell))
    written.insert(history_->name_of(snapshot.variable));
  const Owned now = Owned::steal(PyDict_Copy(namespace_.get()));
  if (!now) return Error(ErrorCode::kPythonRaised, "no memory to keep the namespace as it was");
  const auto is_accident = [&](PyObject* key) {
    const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
    if (!name) PyErr_Clear();
    return name && pyobj::is_user_name(name) && !written.contains(name) && (put_back_.insert(name), true);
  };
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(now.get(), &position, &key, &value);)
    if (!PyDict_GetItemWithError(before.get(), key) && is_accident(key) &&
        PyDict_DelItem(namespace_.get(), key) < 0)
      PyErr_Clear();
  for (Py_ssize_t position = 0; PyDict_Next(before.get(), &position, &key, &value);)
    if (PyDict_GetItemWithError(now.get(), key) != value && is_accident(key) &&
        PyDict_SetItem(namespace_.get(), key, value) < 0)
      PyErr_Clear();
  return success();
}

Result<bool> Replay::reload(const GilHeld& gil, std::size_t group) {
  if (!loaded_.erase(payload_->groups[group].pickle)) return false;
  ELASTIC_ASSIGN(const Borrowed values, load_group(gil, group));
  for (const StoredSnapshot& snapshot : payload_->groups[group].snapshots) {
    const std::string& name = snapshot.variable;
    PyObject* value = PyDict_GetItemString(values.get(), name.c_str());
    const auto active = group_of_name_.find(name);
    if (!value || active == group_of_name_.end() || active->second != group) continue;
    put_back_.insert(name);
    if (PyDict_SetItemString(namespace_.get(), name.c_str(), value) < 0) PyErr_Clear();
  }
  return true;
}

Result<Borrowed> Replay::load_group(const GilHeld& gil, std::size_t group) {
  const StoredGroup& stored = payload_->groups[group];
  if (auto found = loaded_.find(stored.pickle); found != loaded_.end()) return Borrowed(found->second);
  if (!loading_.insert(stored.pickle).second)
    return Error(ErrorCode::kCorruption, "its pickle refers to itself through another one");
  const std::int64_t started_us = clock_->monotonic_us();
  const std::int64_t nested_before_us = std::exchange(nested_us_, 0);
  ReplayTimes::Load time;
  auto values = load_pickle(gil, stored.names, stored.pickle, stored.buffers, time);
  const std::int64_t all_us = clock_->monotonic_us() - started_us;
  time.load_us = all_us - nested_us_ - time.read_us;
  nested_us_ = nested_before_us + all_us;
  loading_.erase(stored.pickle);
  if (!values.ok()) return values.error();
  times_.groups[group] = time;
  return Borrowed(loaded_.emplace(stored.pickle, std::move(*values)).first->second);
}

Result<Owned> Replay::load_pickle(const GilHeld& gil, const std::vector<std::string>& names,
                                  std::size_t pickle, const std::vector<std::size_t>& buffers,
                                  ReplayTimes::Load& time) {
  const std::int64_t started_us = clock_->monotonic_us();
  store::Region bytes;
  std::vector<pyobj::LoadBuffer> memory;
  {
    GilReleased released(gil);
    ELASTIC_ASSIGN(bytes, reader_->read_blob(reader_->blobs()[pickle]));
    time.read_bytes = bytes.size_bytes();
    for (const std::size_t place : buffers) {
      ELASTIC_ASSIGN(store::Region region, reader_->map_blob(reader_->blobs()[place]));
      if (!region.is_unverified()) time.read_bytes += region.size_bytes();
      auto owner = std::make_shared<store::Region>(std::move(region));
      memory.push_back({owner->bytes(), owner});
    }
  }
  time.read_us = clock_->monotonic_us() - started_us;
  return loader_->load(gil, names, bytes.bytes(), std::move(memory));
}

Result<Owned> Replay::resolve(const GilHeld& gil, const std::string& name) {
  PyObject* made =
      made_by_rerun_.contains(name) ? PyDict_GetItemString(namespace_.get(), name.c_str()) : nullptr;
  if (made) return Owned::share(Borrowed(made));
  const auto found = group_of_name_.find(name);
  if (found != group_of_name_.end() && loads_outputs_) {
    if (deferred_.contains(found->second)) ELASTIC_TRY(load_one_deferred(gil, found->second));
  } else if (found != group_of_name_.end()) {
    ELASTIC_ASSIGN(const Borrowed values, load_group(gil, found->second));
    if (PyObject* value = PyDict_GetItemString(values.get(), name.c_str()))
      return Owned::share(Borrowed(value));
  }
  if (PyObject* value = PyDict_GetItemString(namespace_.get(), name.c_str()))
    return Owned::share(Borrowed(value));
  return Error(ErrorCode::kNotFound, "it refers to " + name + ", which is not there");
}

Result<Owned> Replay::load_output(const GilHeld& gil, const StoredOutput& output) {
  ReplayTimes::Load time;
  loads_outputs_ = true;
  auto values = load_pickle(gil, {output.name}, output.pickle, output.buffers, time);
  loads_outputs_ = false;
  if (!values.ok()) return values.error();
  PyObject* value = PyDict_GetItemString(values->get(), output.name.c_str());
  if (!value) return Error(ErrorCode::kCorruption, "the pickle does not hold " + output.name);
  return Owned::share(Borrowed(value));
}

}  // namespace elastic::session
