// What is no variable and re-run cells find all the same: ambient state, and what is in libraries.
#include "elastic/core/log.hpp"
#include "session/replay.hpp"

namespace elastic::session {

using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Owned;

Result<> put_ambient(const GilHeld& gil, pyobj::Ambient& ambient, const std::string& name,
                     const std::string& value) {
  auto put = ambient.put(gil, name, value);
  if (put.ok() || put.error().code() != ErrorCode::kNotFound) return put;
  // "<numpy.random>", "<pandas options>": the library was loaded when the piece was taken.
  const std::string library = name.substr(1, name.find_first_of(" >") - 1);
  if (!Owned::steal(PyImport_ImportModule(library.c_str()))) {
    PyErr_Clear();
    return put;
  }
  return ambient.put(gil, name, value);
}

// What a cell reads of the ambient state without changing it is not in the history: it gets all that is
// known.
Result<> Replay::put_ambient_before(const GilHeld& gil, CellIndex cell) {
  for (std::uint32_t id = 0; id < history_->variable_count(); ++id) {
    const VariableId variable{id};
    if (!history_->is_ambient(variable)) continue;
    std::optional<std::uint32_t> writer;
    for (const SnapshotId version : history_->versions(variable))
      if (history_->snapshot(version).writer < cell) writer = history_->snapshot(version).writer.value;
    const auto found =
        writer ? ambient_groups_.find({history_->name_of(variable), *writer}) : ambient_groups_.end();
    if (found == ambient_groups_.end()) continue;
    const Result<> put = put_stored(gil, found->second);
    if (!put.ok() && put.error().code() == ErrorCode::kCancelled) return put.error();
    if (!put.ok())
      log(LogLevel::kWarning, "setting " + history_->name_of(variable) + ": " + put.error().to_string());
  }
  return success();
}

// What cannot be loaded yet, since a later step makes what it refers to, is tried again before the next cell,
// and at the end.
Result<> Replay::put_objects_before(const GilHeld& gil, CellIndex cell) {
  ELASTIC_ASSIGN(const std::set<std::string> names, driver_->objects_before(gil, history_->cell(cell)));
  for (const StoredOutput& output : payload_->outputs) {
    if (!names.contains(output.name) || objects_set_.contains(output.name)) continue;
    ReplayTimes::Load time;
    auto values = load_pickle(gil, {output.name}, output.pickle, output.buffers, time);
    if (!values.ok() && values.error().code() == ErrorCode::kCancelled) return values.error();
    PyObject* value = values.ok() ? PyDict_GetItemString(values->get(), output.name.c_str()) : nullptr;
    if (!value) continue;
    objects_set_.insert(output.name);
    ELASTIC_TRY(driver_->put_object(gil, output.name, value));
  }
  return success();
}

Result<> Replay::put_active(const GilHeld& gil, VariableId piece) {
  const auto active = history_->active(piece);
  if (!history_->is_ambient(piece) || !active) return success();
  const auto found =
      ambient_groups_.find({history_->name_of(piece), history_->snapshot(*active).writer.value});
  return found == ambient_groups_.end() ? success() : put_stored(gil, found->second);
}

// What is loaded imports modules of the user's own, which cells may have made findable.
Result<> Replay::put_where_modules_are(const GilHeld& gil) {
  for (const char* name : {"<os.environ>", "<cwd>", "<sys.path>"}) {
    const auto piece = history_->find_variable(name);
    const Result<> put = piece ? put_active(gil, *piece) : success();
    if (!put.ok() && put.error().code() == ErrorCode::kCancelled) return put.error();
    if (!put.ok()) log(LogLevel::kInfo, std::string("setting ") + name + ": " + put.error().to_string());
  }
  return success();
}

Result<std::map<std::string, std::string>> Replay::settle_ambient(const GilHeld& gil) {
  std::map<std::string, std::string> problems;
  for (std::uint32_t id = 0; id < history_->variable_count(); ++id) {
    const Result<> put = put_active(gil, {id});
    if (!put.ok() && put.error().code() == ErrorCode::kCancelled) return put.error();
    if (!put.ok()) problems.emplace(history_->name_of({id}), put.error().message());
  }
  return problems;
}

Result<> Replay::put_stored(const GilHeld& gil, std::size_t group) {
  const StoredGroup& stored = payload_->groups[group];
  std::string value;
  {
    GilReleased released(gil);
    ELASTIC_ASSIGN(const store::Region bytes, reader_->read_blob(reader_->blobs()[stored.pickle]));
    value = std::string(store::as_text(bytes.bytes()));
  }
  return put_ambient(gil, *ambient_, stored.names.front(), value);
}

}  // namespace elastic::session
