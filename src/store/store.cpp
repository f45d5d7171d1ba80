#include "elastic/store/store.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "elastic/store/reader.hpp"
#include "elastic/store/writer.hpp"
#include "store/manifest.hpp"
#include "store/pack_format.hpp"
#include "store/pack_index.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kMaxFormatBytes = 4096;
constexpr std::int64_t kPollUs = 100000;
constexpr std::string_view kFormatName = "elasticpython-store";

Result<std::vector<std::byte>> read_object(Backend& backend, const ObjectName& name,
                                           std::uint64_t limit_bytes) {
  ELASTIC_ASSIGN(const auto reader, backend.open(name));
  if (reader->size_bytes() > limit_bytes) {
    return Error(ErrorCode::kLimitExceeded, name.to_path() + " is larger than such a file can be");
  }
  return read_solid(*reader, 0, reader->size_bytes());
}

Result<> write_object(Backend& backend, const ObjectName& name, ConstBytes bytes) {
  ELASTIC_ASSIGN(const auto writer, backend.create(name));
  ELASTIC_TRY(writer->append(std::span(&bytes, 1)));
  return writer->publish();
}

Result<> check_format(ConstBytes bytes, const std::string& location) {
  const auto json = nlohmann::json::parse(as_text(bytes), nullptr, false);
  const auto whole = [&](const char* name) -> std::uint64_t {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
  };
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormatName ||
      whole("reads_from") == 0) {
    return Error(ErrorCode::kCorruption,
                 location + "/elastic-store.json is damaged; choose another path, or restore " +
                     "that file from a new, empty store");
  }
  if (whole("reads_from") > kFormatVersion) {
    return newer_version(location,
                         static_cast<std::uint16_t>(std::min<std::uint64_t>(whole("version"), 65535)));
  }
  return success();
}

Result<> make_store(Backend& backend) {
  ELASTIC_ASSIGN(const bool empty, backend.is_empty());
  static_cast<void>(empty);  // what is not empty is an error that says so
  ELASTIC_TRY(backend.prepare());
  const nlohmann::json json = {
      {"format", kFormatName}, {"version", kFormatVersion}, {"reads_from", kReadsFrom}};
  return write_object(backend, ObjectName{ObjectClass::kFormat}, as_bytes(json.dump() + "\n"));
}

CheckpointInfo damaged(const CheckpointName& name, const Error& error) {
  CheckpointInfo info;
  info.name = name;
  info.damage = error;
  return info;
}

Result<std::vector<CheckpointName>> checkpoint_names(Backend& backend) {
  ELASTIC_ASSIGN(const auto infos, backend.list(ObjectClass::kManifest));
  std::vector<CheckpointName> names;
  for (const ObjectInfo& info : infos) names.push_back({info.name.high, info.name.low});
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

std::string CheckpointName::to_string() const {
  const std::string path = object().to_path();  // "manifests/NAME.manifest"
  return path.substr(10, 33);
}

CheckpointInfo CheckpointInfo::of(const CheckpointName& name, const Manifest& manifest,
                                  std::uint64_t manifest_bytes) {
  CheckpointInfo info;
  info.name = name;
  info.label = manifest.label;
  info.created_us = manifest.created_us;
  info.pid = manifest.pid;
  info.blob_count = manifest.blobs.size();
  info.total_bytes = manifest.total_bytes();
  info.manifest_bytes = manifest_bytes;
  info.automatic = manifest.automatic;
  info.trusted = manifest.trusted;
  return info;
}

Store::Store(std::unique_ptr<Backend> backend, FileSystem& files, const Clock& clock, std::optional<Key> key,
             StoreOptions options)
    : backend_(std::move(backend)), files_(&files), clock_(&clock), key_(std::move(key)), options_(options) {}

Store::~Store() = default;

std::uint64_t Store::seed() const { return key_ ? key_->blob_seed() : 0; }

Result<std::unique_ptr<Store>> Store::open(std::unique_ptr<Backend> backend, FileSystem& files,
                                           const Clock& clock, std::optional<Key> key, StoreOptions options) {
  auto format = read_object(*backend, ObjectName{ObjectClass::kFormat}, kMaxFormatBytes);
  if (format.ok()) {
    ELASTIC_TRY(check_format(*format, backend->location()));
  } else {
    // "Not a directory" and the like read better from is_empty than from opening a file below it.
    ELASTIC_ASSIGN(const bool empty, backend->is_empty());
    static_cast<void>(empty);
    if (format.error().code() != ErrorCode::kNotFound) return format.error();
    if (options.mode == StoreMode::kExisting) {
      return Error(ErrorCode::kNotFound, "there are no checkpoints at " + backend->location());
    }
    ELASTIC_TRY(make_store(*backend));
  }
  return std::unique_ptr<Store>(new Store(std::move(backend), files, clock, std::move(key), options));
}

Result<std::shared_ptr<PackIndex>> Store::index() {
  const std::lock_guard lock(index_mutex_);
  ELASTIC_ASSIGN(index_, PackIndex::build(backend_, index_));
  return index_;
}

// Shared leases fail only for the moment in which somebody deletes.
Result<std::unique_ptr<Lease>> Store::shared_lease() {
  for (int tries = 0; tries < 600; ++tries) {
    ELASTIC_ASSIGN(auto lease, backend_->try_lease(LockMode::kShared));
    if (lease != nullptr) return lease;
    files_->sleep_us(kPollUs);
  }
  return Error(ErrorCode::kIo,
               backend_->location() + ": somebody has been deleting checkpoints for a minute; try again");
}

Result<Manifest> Store::read_manifest(const CheckpointName& name, std::uint64_t* size_bytes,
                                      bool with_payload) {
  ELASTIC_ASSIGN(const auto bytes, read_object(*backend_, name.object(), kMaxManifestBytes));
  if (size_bytes != nullptr) *size_bytes = bytes.size();
  auto manifest = decode_manifest(bytes, key_, with_payload);
  if (!manifest.ok()) return manifest.error().within("checkpoint " + name.to_string());
  if (manifest->id != name.id) {
    return Error(ErrorCode::kCorruption, "checkpoint " + name.to_string() + " carries another one's name");
  }
  return manifest;
}

Result<std::uint64_t> Store::next_sequence() {
  ELASTIC_ASSIGN(const auto names, checkpoint_names(*backend_));
  const std::uint64_t newest = names.empty() ? 0 : names.back().sequence;
  // Nobody's clock gives that; and what is written after it would never be the newest.
  if (newest == UINT64_MAX)
    return Error(ErrorCode::kLimitExceeded, "checkpoint " + names.back().to_string() +
                                                " has the last number there is, so that none can be newer; " +
                                                "rename it, or remove it with elasticpython rm");
  return std::max(newest + 1, static_cast<std::uint64_t>(clock_->wall_us()));
}

Result<CheckpointName> Store::publish_manifest(ConstBytes bytes, std::uint64_t id, std::uint64_t sequence) {
  if (sequence == 0) {
    ELASTIC_ASSIGN(sequence, next_sequence());
  }
  const CheckpointName name{sequence, id};
  ELASTIC_TRY(write_object(*backend_, name.object(), bytes));
  return name;
}

Result<std::vector<CheckpointInfo>> Store::list(const SeePayload& see) {
  ELASTIC_ASSIGN(const auto lease, shared_lease());
  ELASTIC_ASSIGN(const auto names, checkpoint_names(*backend_));
  std::vector<CheckpointInfo> infos;
  for (const CheckpointName& name : names) {
    std::uint64_t size_bytes = 0;
    const auto manifest = read_manifest(name, &size_bytes);
    infos.push_back(manifest.ok() ? CheckpointInfo::of(name, *manifest, size_bytes)
                                  : damaged(name, manifest.error()));
    if (manifest.ok() && see) see(infos.back(), manifest->payload);
  }
  return infos;
}

Result<std::unique_ptr<CheckpointWriter>> Store::begin(WriterOptions options) {
  if (options.label.size() > kMaxLabelBytes) {
    return Error(ErrorCode::kLimitExceeded, "the name of the session is longer than 4 KiB");
  }
  // Somebody may have removed the directory since it was opened.
  const auto format = backend_->open(ObjectName{ObjectClass::kFormat});
  if (!format.ok() && format.error().code() == ErrorCode::kNotFound) ELASTIC_TRY(make_store(*backend_));
  ELASTIC_TRY(backend_->prepare());
  ELASTIC_ASSIGN(auto lease, shared_lease());
  WriterStatus status{files_->process_id(),   files_->host_name(),     options.label,
                      clock_->wall_us(),      clock_->wall_us(),       0,
                      options.expected_bytes, options.silent_until_us, {}};
  ELASTIC_ASSIGN(auto announcement, backend_->announce(status));
  ELASTIC_ASSIGN(auto packs, index());
  std::uint64_t sequence = 0;
  if (options.as_of_begin) {
    ELASTIC_ASSIGN(sequence, next_sequence());
  }
  std::unique_ptr<CheckpointWriter> writer(new CheckpointWriter(*this, std::move(options), std::move(lease),
                                                                std::move(announcement), std::move(packs)));
  writer->sequence_ = sequence;
  return writer;
}

Result<std::unique_ptr<CheckpointReader>> Store::make_reader(const CheckpointName& name, Manifest manifest,
                                                             std::uint64_t size_bytes,
                                                             std::unique_ptr<Lease> lease) {
  ELASTIC_ASSIGN(auto packs, index());
  CheckpointInfo info = CheckpointInfo::of(name, manifest, size_bytes);
  return std::unique_ptr<CheckpointReader>(new CheckpointReader(
      std::make_unique<Manifest>(std::move(manifest)), std::move(info), std::move(packs), std::move(lease)));
}

Result<std::unique_ptr<CheckpointReader>> Store::open_newest(const std::string& label,
                                                             std::optional<CheckpointName> last_choice) {
  ELASTIC_ASSIGN(auto lease, shared_lease());
  ELASTIC_ASSIGN(auto names, checkpoint_names(*backend_));
  if (const auto last = std::find(names.begin(), names.end(), last_choice); last != names.end())
    std::rotate(names.begin(), last, last + 1);
  std::vector<CheckpointInfo> passed_over;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    std::uint64_t size_bytes = 0;
    auto manifest = read_manifest(*name, &size_bytes);
    if (!manifest.ok()) {
      passed_over.push_back(damaged(*name, manifest.error()));
      continue;
    }
    if (!label.empty() && manifest->label != label) continue;
    ELASTIC_ASSIGN(auto reader, make_reader(*name, *std::move(manifest), size_bytes, std::move(lease)));
    reader->passed_over_ = std::move(passed_over);
    ELASTIC_ASSIGN(reader->unfinished_, unfinished(reader->info().label, reader->info().created_us));
    return reader;
  }
  if (!passed_over.empty()) return *passed_over.front().damage;
  return Error(ErrorCode::kNotFound,
               "there are no checkpoints at " + backend_->location() + (label.empty() ? "" : " of " + label));
}

Result<CheckpointName> Store::find(std::string_view text) {
  // Which any name begins with: a variable of a script that is not set must not name the only one.
  if (text.empty()) return Error(ErrorCode::kInvalidArgument, "the name of a checkpoint cannot be empty");
  ELASTIC_ASSIGN(const auto names, checkpoint_names(*backend_));
  std::vector<CheckpointName> matching;
  for (const CheckpointName& name : names) {
    const std::string full = name.to_string();
    if (full.starts_with(text) || full.substr(17).starts_with(text)) matching.push_back(name);
  }
  if (matching.size() == 1) return matching.front();
  const std::string wanted(text);
  if (matching.empty())
    return Error(ErrorCode::kNotFound, "there is no checkpoint " + wanted + " at " + backend_->location());
  return Error(ErrorCode::kInvalidArgument, wanted + " could be " + std::to_string(matching.size()) +
                                                " checkpoints; give more of the name");
}

Result<std::unique_ptr<CheckpointReader>> Store::open_checkpoint(std::string_view text) {
  ELASTIC_ASSIGN(auto lease, shared_lease());
  ELASTIC_ASSIGN(const CheckpointName name, find(text));
  std::uint64_t size_bytes = 0;
  ELASTIC_ASSIGN(Manifest manifest, read_manifest(name, &size_bytes));
  return make_reader(name, std::move(manifest), size_bytes, std::move(lease));
}

Result<> Store::remove(const CheckpointName& name) {
  ELASTIC_ASSIGN(const auto lease, backend_->try_lease(LockMode::kExclusive));
  if (lease == nullptr) {
    return Error(ErrorCode::kLimitExceeded, "somebody is reading or writing at " + backend_->location() +
                                                "; try again when they are done");
  }
  ELASTIC_TRY(backend_->remove(name.object()));
  return backend_->sync_names(ObjectClass::kManifest);
}

Result<std::vector<WriterStatus>> Store::writers() { return backend_->writers(); }

Result<std::vector<WriterStatus>> Store::unfinished(const std::string& label, std::int64_t since_us) {
  ELASTIC_ASSIGN(std::vector<WriterStatus> found, backend_->writers());
  for (WriterStatus& each : found) each.failure = "it is still being written";
  ELASTIC_ASSIGN(std::vector<WriterStatus> dead, backend_->dead_writers());
  for (WriterStatus& each : dead)
    if (each.failure.empty()) each.failure = "its process was killed, or ran out of time";
  found.insert(found.end(), dead.begin(), dead.end());
  std::erase_if(found, [&](const WriterStatus& status) {
    return status.started_us <= since_us || (!label.empty() && status.label != label);
  });
  return found;
}

Result<bool> Store::wait_for_writers(
    const std::string& label, const std::function<bool(const std::vector<WriterStatus>&)>& still_waiting) {
  for (;;) {
    ELASTIC_ASSIGN(std::vector<WriterStatus> running, backend_->writers());
    if (!label.empty())
      std::erase_if(running, [&](const WriterStatus& status) { return status.label != label; });
    if (running.empty()) return true;
    if (!still_waiting(running)) return false;
    files_->sleep_us(kPollUs);
  }
}

Result<std::unique_ptr<Store>> open_local_store(const std::string& directory, StoreOptions options) {
  ELASTIC_ASSIGN(Key key, load_or_create_key(system_files(), default_key_path()));
  return Store::open(local_backend(system_files(), directory), system_files(), system_clock(), key, options);
}

}  // namespace elastic::store
