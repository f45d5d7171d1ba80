#include <algorithm>
#include <set>

#include "elastic/core/json_text.hpp"
#include "elastic/core/log.hpp"
#include "elastic/plan/explain.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "elastic/store/writer.hpp"
#include "session/background_writer.hpp"
#include "session/dumped.hpp"
#include "session/known_place.hpp"
#include "session/marks.hpp"
#include "session/measured.hpp"
#include "session/outline.hpp"
#include "session/place.hpp"
#include "session/remote_backend.hpp"

namespace elastic::session {

using nlohmann::json;
using plan::Holding;
using pyobj::Borrowed;
using pyobj::GilHeld;
using pyobj::GilReleased;
using pyobj::Pickled;
using store::BlobKind;
using store::BlobRef;
using store::ConstBytes;

namespace {

// A longer history is stored without what no plan can need any more.
constexpr std::size_t kWholeHistoryBytes = 4 << 20;
constexpr std::uint64_t kOutlinedBytes = 16 << 20;
// Below this a checkpoint is written faster than a child is made ready.
constexpr std::uint64_t kBackgroundFromBytes = 32 << 20;

// Tells the driver how far the writing is, and lets Ctrl-C stop it. Throws nothing.
store::ProgressFunction told_to(Driver& driver) {
  return [&driver](const store::Progress& progress) {
    const pyobj::GilAcquired gil;
    if (PyErr_CheckSignals() != 0) {
      PyErr_Clear();
      return false;
    }
    const auto told = driver.writes(gil, progress.bytes_done, progress.bytes_total);
    return told.ok() || told.error().code() != ErrorCode::kCancelled;
  };
}

// Nobody asked for it: at shutdown, in this process or a forked one, or while idle.
bool is_automatic(const CheckpointOptions& options) {
  return options.in_background || options.while_idle || options.as_heir_us != 0;
}

// The pickle and its buffers; of a group that is what it was, those of the checkpoint before.
void add_blobs(const DumpedGroup& holder, const Pickled& pickled, StoredGroup& stored,
               std::vector<BlobToWrite>& blobs) {
  const auto& held = holder.held;
  stored.pickle = blobs.size();
  for (std::size_t i = 0; i < (holder.kept ? held.size() - 1 : pickled.buffers.size()); ++i)
    stored.buffers.push_back(blobs.size() + 1 + i);
  if (holder.kept) {
    stored.pickle_bytes = holder.kept->pickle_bytes;
    for (const auto& blob : held) blobs.push_back({{}, blob->kind, blob});
    return;
  }
  stored.pickle_bytes = pickled.pickle_bytes();
  blobs.push_back({parts_of(pickled), BlobKind::kPickle, held.empty() ? std::nullopt : held.front()});
  for (std::size_t i = 0; i < pickled.buffers.size(); ++i)
    blobs.push_back({{pickled.buffers[i].bytes()},
                     BlobKind::kBuffer,
                     held.empty() ? std::nullopt : held[i + 1],
                     holder.former[i]});
}

// The report as a text: what there is of each variable is never made into values.
std::string report_text(const DumpedSession& dumped) {
  std::string text = json_text(dumped.report);
  text.back() = ',';
  return text + dumped.report_of_variables + "}";
}

}  // namespace

Result<> Session::write_all(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  Payload& payload = dumped.payload;
  std::vector<BlobToWrite> blobs;
  std::string history = dumped.history.save();
  if (history.size() > kWholeHistoryBytes && dumped.history.prune() > 0) history = dumped.history.save();
  payload.history = 0;
  blobs.push_back({{store::as_bytes(history)}, BlobKind::kHistory, std::nullopt});
  std::map<std::size_t, std::size_t> stored_at;  // group with a pickle -> place in payload.groups
  std::vector<std::size_t> places = dumped.places_to_store();
  for (const std::size_t place : ambient_for_reruns(dumped))
    if (std::find(places.begin(), places.end(), place) == places.end()) places.push_back(place);
  payload.groups.reserve(places.size());
  blobs.reserve(places.size() + 1);
  for (const std::size_t place : places) {
    const DumpedGroup& group = dumped.groups[place];
    const Holding& holding = dumped.input.holdings[place];
    StoredGroup stored;
    stored.snapshots = snapshots_of(dumped, place);
    stored.names = group.names;
    stored.bytes = holding.bytes;
    stored.load_us = holding.load_us;
    stored.ambient = group.ambient;
    stored.type = group.type;
    stored.pickle = blobs.size();
    if (group.ambient) {
      blobs.push_back({{store::as_bytes(group.ambient_value)}, BlobKind::kPickle, std::nullopt});
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
      stored.reuse = reuse_of(dumped, group.pickled_in);
      add_blobs(dumped.groups[group.pickled_in], pickled, stored, blobs);
    }
    payload.groups.push_back(std::move(stored));
  }
  for (const Pickled& output : dumped.outputs) {
    StoredOutput stored{output.names.front(), blobs.size(), {}};
    blobs.push_back({parts_of(output), BlobKind::kPickle, std::nullopt});
    for (const pyobj::PinnedBuffer& buffer : output.buffers) {
      stored.buffers.push_back(blobs.size());
      blobs.push_back({{buffer.bytes()}, BlobKind::kBuffer, std::nullopt});
    }
    payload.outputs.push_back(std::move(stored));
  }
  std::uint64_t total = 0;
  for (const BlobToWrite& blob : blobs) {
    if (blob.parts.empty() && blob.held) total += blob.held->size_bytes;
    for (const ConstBytes part : blob.parts) total += part.size();
  }
  dumped.report["bytes_total"] = total;

  payload.costs = costs_.to_json();
  payload.report = report_text(dumped);
  if (dumped.writer) ELASTIC_TRY(driver_->pickled(gil, total >= kBackgroundFromBytes));
  GilReleased released(gil);
  // A child has no Python, through which a remote is written.
  const bool in_background =
      options.in_background && total >= kBackgroundFromBytes && !is_remote(options.directory);
  std::unique_ptr<store::CheckpointWriter>& writer = dumped.writer;
  if (writer) {
    writer->expect(total);
  } else {
    store::WriterOptions writer_options;
    writer_options.label = options.label;
    writer_options.automatic = is_automatic(options);
    writer_options.expected_bytes = total;
    writer_options.as_of_begin = in_background;
    if (!in_background) writer_options.progress = told_to(*driver_);
    ELASTIC_ASSIGN(writer, dumped.target->begin(std::move(writer_options)));
  }
  dumped.presence.reset();  // the writer holds the store now
  if (in_background) {
    dumped.report["in_background"] = true;
    return write_in_background(*writer, blobs, payload.to_bytes());
  }
  std::uint64_t new_bytes = history.size();
  for (const std::size_t place : dumped.plan.loads)
    new_bytes += dumped.input.holdings[place].bytes_to_write();
  const std::int64_t begun_us = clock_->monotonic_us();
  ELASTIC_ASSIGN(const WrittenBlobs written, write_blobs(*writer, blobs, payload.to_bytes()));
  const store::CommitReport& report = written.report;
  {
    const pyobj::GilAcquired again;
    for (std::size_t i = 0; i < blobs.size(); ++i)
      if (blobs[i].kind == BlobKind::kBuffer && blobs[i].parts.empty())
        known_buffers_->still_stored(written.refs[i]);
      else if (blobs[i].kind == BlobKind::kBuffer)
        known_buffers_->stored(again, blobs[i].parts.front(), written.refs[i]);
    known_buffers_->commit();
    dumped.former->commit(dumped, written.refs, stored_at);
  }
  dumped.report["measured"]["write"] =
      measured_write(costs_, new_bytes, report.bytes_written, clock_->monotonic_us() - begun_us);
  dumped.report["bytes_written"] = report.bytes_written;
  dumped.report["checkpoint"] = report.name.to_string();
  writer.reset();
  KnownPlace& place = place_at(options.directory);
  if (is_automatic(options)) replace_idle(*dumped.target, place, report.name);
  if (!options.export_to.empty()) {
    auto exported = store::export_checkpoint(*dumped.target, report.name, options.export_to, options.force,
                                             told_to(*driver_));
    if (!exported.ok()) return exported.error().within("the checkpoint was written, but not exported");
    dumped.report["exported"] = options.export_to;
  }
  store::RetentionPolicy policy;
  policy.keep_newest = options.keep_newest;
  policy.max_age_us = options.keep_us;
  policy.max_bytes = options.keep_bytes;
  if (place.is_swept && !store::may_exceed(*dumped.target, policy)) return success();
  const auto collected = store::collect_garbage(*dumped.target, policy);
  if (!collected.ok())
    log(LogLevel::kWarning, "collecting old checkpoints: " + collected.error().to_string());
  place.is_swept = collected.ok() && !collected->someone_at_work && !collected->stopped;
  return success();
}

KnownPlace& Session::place_at(const std::string& directory) {
  std::unique_ptr<KnownPlace>& place = places_[directory];
  if (!place) place = std::make_unique<KnownPlace>();
  return *place;
}

// The newest eight that are kept would soon be nothing but these.
void Session::replace_idle(store::Store& target, KnownPlace& place, store::CheckpointName name) {
  if (place.idle) {
    place.is_swept = false;
    if (const Result<> removed = target.remove(*place.idle); !removed.ok())
      log(LogLevel::kDebug, "removing the last checkpoint while idle: " + removed.error().to_string());
  }
  place.idle = name;
}

namespace {

// Of what is not stored, as far as looking at it takes no time to speak of.
json outlines_of(const GilHeld& gil, Borrowed user_namespace, const DumpedSession& dumped) {
  json outlines = json::object();
  std::uint64_t total = 0;
  for (const plan::VariablePlan& variable : dumped.plan.variables) {
    if (variable.action != plan::Action::kRecompute || dumped.history.is_ambient(variable.variable)) continue;
    const std::string& name = dumped.history.name_of(variable.variable);
    PyObject* value = PyDict_GetItemString(user_namespace.get(), name.c_str());
    total += dumped.history.snapshot(variable.snapshot).size_bytes;
    if (total > kOutlinedBytes) break;
    if (value) outlines[name] = outline_of(gil, user_namespace, Borrowed(value));
  }
  return outlines;
}

}  // namespace

// The next kernel is to wait for it, whose restore may come before anything is pickled.
Result<> Session::begin_as_heir(const GilHeld& gil, const CheckpointOptions& options, DumpedSession& dumped) {
  store::WriterOptions writer_options;
  writer_options.label = options.label;
  writer_options.automatic = true;
  writer_options.as_of_begin = true;
  writer_options.silent_until_us = clock_->wall_us() + options.as_heir_us;
  {
    GilReleased released(gil);
    ELASTIC_ASSIGN(dumped.writer, dumped.target->begin(std::move(writer_options)));
  }
  return driver_->announced(gil);
}

namespace {

// A disk should not stay full of packs of a checkpoint that never came to be. (At a URL the next one goes on
// from what has arrived.)
void remove_unfinished(const GilHeld& gil, DumpedSession& dumped) {
  GilReleased released(gil);
  dumped.writer.reset();
  dumped.presence.reset();
  const auto collected = store::collect_garbage(*dumped.target, {});
  if (!collected.ok())
    log(LogLevel::kWarning, "removing what was not finished: " + collected.error().to_string());
}

}  // namespace

Result<std::string> Session::checkpoint(const GilHeld& gil, const CheckpointOptions& options) {
  DumpedSession dumped;
  Result<std::string> report = write_down(gil, options, dumped);
  if (!report.ok()) {
    KnownPlace& place = place_at(options.directory);
    place.is_swept = false;
    // Whatever it was, the next attempt takes nothing for granted; but one that is made while idle is broken
    // off whenever a cell comes.
    if (report.error().code() != ErrorCode::kCancelled) place.kept = {};
  }
  if (!report.ok() && dumped.writer && options.as_heir_us != 0)
    dumped.writer->give_up(report.error().message());
  else if (!report.ok() && report.error().code() == ErrorCode::kIo && dumped.target &&
           !is_remote(options.directory))
    remove_unfinished(gil, dumped);
  return report;
}

Result<std::string> Session::write_down(const GilHeld& gil, const CheckpointOptions& options,
                                        DumpedSession& dumped) {
  const std::int64_t started_us = clock_->monotonic_us();
  if (!options.plan_only && !options.export_to.empty()) {
    GilReleased released(gil);
    ELASTIC_TRY(store::check_export_path(store::system_files(), options.export_to, options.force));
  }
  known_buffers_->begin();
  dumped.former = &place_at(options.directory).kept;
  dumped.gives_way = options.while_idle;
  ELASTIC_TRY(
      open_target(gil, options, dumped));  // a place that will not do is found before the work is done
  if (options.as_heir_us != 0) ELASTIC_TRY(begin_as_heir(gil, options, dumped));
  ELASTIC_TRY(load_rest(gil));
  ELASTIC_TRY(offer_all(gil, options, dumped));
  ELASTIC_TRY(choose_plan(gil, options, dumped));
  Payload& payload = dumped.payload;
  ELASTIC_ASSIGN(payload.environment, pyobj::serializer_environment(gil));
  payload.module_attributes = tracker_.module_attributes(gil);
  payload.own_sources = tracker_.own_sources(gil);
  payload.shell = options.shell;
  payload.marks = marks_->to_json();
  for (const CellIndex cell : dumped.input.wishes.never_rerun) payload.never_rerun.insert(cell.value);
  json& report = dumped.report;
  report = plan::to_json(dumped.plan, dumped.input);
  dumped.report_of_variables = "\"variables\":" + plan::variables_text(dumped.plan, dumped.input, false) +
                               ",\"ambient\":" + plan::variables_text(dumped.plan, dumped.input, true);
  report["path"] = options.directory;
  report["notebook"] = options.label;
  report["bytes_written"] = 0;
  report["measured"] = measured_dumps(dumped);
  if (options.plan_only) {
    report["steps"] = plan::steps_json(dumped.plan, dumped.input);
    report["table"] = plan::to_table(dumped.plan, dumped.input);
    report["svg"] = plan::to_svg(dumped.plan, dumped.input);
  }
  std::uint64_t total = 0;
  for (const std::size_t place : dumped.plan.loads) total += dumped.input.holdings[place].bytes;
  report["bytes_total"] = total;
  if (tracking_error_) report["tracking_off"] = tracking_error_->to_string();
  std::vector<std::string> had;
  for (const plan::VariablePlan& variable : dumped.plan.variables) {
    const std::string& name = dumped.history.name_of(variable.variable);
    if (dumped.history.is_ambient(variable.variable)) continue;
    if (variable.action == plan::Action::kLost)
      payload.lost.emplace(name, variable.why);
    else
      had.push_back(name);
  }
  std::sort(had.begin(), had.end());
  if (!options.plan_only) {
    payload.outlines = outlines_of(gil, namespace_, dumped);
    ELASTIC_TRY(dump_outputs(gil, options, had, dumped));
    ELASTIC_TRY(write_all(gil, options, dumped));
    if (!running_) news_ = false;
    std::set<std::string>& keys = place_at(options.directory).keys;
    keys.clear();
    for (const std::size_t place : dumped.plan.loads) keys.insert(key_of(snapshots_of(dumped, place)));
  }
  report["measured"]["so_far"] = costs_.errors_json();
  report["seconds"] = static_cast<double>(clock_->monotonic_us() - started_us) / 1e6;
  return report_text(dumped);
}

}  // namespace elastic::session
