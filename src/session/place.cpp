#include "session/place.hpp"

#include <algorithm>
#include <vector>

#include "elastic/store/export_file.hpp"
#include "elastic/store/file_system.hpp"
#include "elastic/store/key.hpp"
#include "session/remote_backend.hpp"

namespace elastic::session {

using store::CheckpointReader;
using store::FileStatus;

namespace {

constexpr std::int64_t kWriterPatienceUs = 60 * 1000 * 1000;
// A writer may say that nothing will be heard of it for a while; nobody makes us wait for ever by that.
constexpr std::int64_t kLongestSilenceUs = std::int64_t{900} * 1000 * 1000;
// What a link is taken to carry, for deciding about compression.
constexpr std::uint64_t kLinkBytesPerS = 50'000'000;

Error not_a_store(const std::string& path) {
  return Error(ErrorCode::kInvalidArgument,
               path + " is not a checkpoint of ElasticPython; nothing in it was touched");
}

Result<std::unique_ptr<CheckpointReader>> find_checkpoint(store::Store& store, const std::string& place,
                                                          const WhichCheckpoint& which,
                                                          const WriterWait& waits) {
  std::int64_t until = store.clock().monotonic_us() + kWriterPatienceUs;
  std::uint64_t done_before = 0;
  Result<> told = success();
  const auto keep_waiting = [&](const std::vector<store::WriterStatus>& writers) {
    const store::WriterStatus& writer = writers.front();
    const std::int64_t now = store.clock().monotonic_us();
    if (writer.bytes_done != done_before) until = now + kWriterPatienceUs;
    done_before = writer.bytes_done;
    if (const std::int64_t wall = store.clock().wall_us(); writer.silent_until_us > wall)
      until = std::max(until, now + std::min(writer.silent_until_us - wall, kLongestSilenceUs));
    told = waits(writer);
    return told.ok() && store.clock().monotonic_us() < until;
  };
  if (which.at.empty()) {  // one that is named is there, or not
    ELASTIC_ASSIGN([[maybe_unused]] const bool quiet, store.wait_for_writers(which.label, keep_waiting));
    if (!told.ok()) return told.error();
  }
  auto found =
      which.at.empty() ? store.open_newest(which.label, which.last_choice) : store.open_checkpoint(which.at);
  if (!found.ok() && found.error().code() == ErrorCode::kNotFound && which.at.empty()) {
    ELASTIC_ASSIGN(const auto unfinished, store.unfinished(which.label, 0));
    return Error(ErrorCode::kNotFound,
                 "there is no checkpoint in " + place +
                     (unfinished.empty() ? "" : "; one was begun: " + unfinished.back().failure));
  }
  return found;
}

// A reader reads through its store.
Result<std::shared_ptr<CheckpointReader>> with_store(std::unique_ptr<store::Store> store,
                                                     const std::string& place, const WhichCheckpoint& which,
                                                     const WriterWait& waits) {
  ELASTIC_ASSIGN(auto found, find_checkpoint(*store, place, which, waits));
  struct Both {
    std::unique_ptr<store::Store> store;
    std::unique_ptr<CheckpointReader> reader;
  };
  auto both = std::make_shared<Both>(Both{std::move(store), std::move(found)});
  CheckpointReader* reader = both->reader.get();
  return std::shared_ptr<CheckpointReader>(std::move(both), reader);
}

}  // namespace

Result<std::unique_ptr<store::Store>> open_store(const std::string& place, store::StoreMode mode) {
  store::StoreOptions options;
  options.mode = mode;
  if (!is_remote(place)) return store::open_local_store(place, options);
  // Others may be able to write there, and it is not hashing that takes the time.
  options.strong_digests = true;
  options.link_bytes_per_s = kLinkBytesPerS;
  store::FileSystem& files = store::system_files();
  ELASTIC_ASSIGN(store::Key key, store::load_or_create_key(files, store::default_key_path()));
  ELASTIC_ASSIGN(auto backend, remote_backend(place));
  return store::Store::open(std::move(backend), files, system_clock(), key, options);
}

Result<std::unique_ptr<store::Store>> store_to_write(const std::string& directory) {
  if (is_remote(directory)) return open_store(directory, store::StoreMode::kCreate);
  Result<FileStatus> status = store::system_files().status(directory);
  if (status.ok() && status->type != FileStatus::Type::kDirectory)
    return Error(
        ErrorCode::kInvalidArgument,
        directory +
            " is a file: a checkpoint goes into a directory. Give another path; the file was not touched");
  Result<std::unique_ptr<store::Store>> opened = open_store(directory, store::StoreMode::kCreate);
  if (opened.ok()) return opened;
  const Error& error = opened.error();
  if (error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kUnsupportedVersion)
    return error;
  return Error(error.code(), "cannot write to " + directory + ": " + error.message());
}

Result<std::shared_ptr<CheckpointReader>> checkpoint_to_read(const std::string& path,
                                                             const WhichCheckpoint& which,
                                                             const WriterWait& waits) {
  if (is_remote(path)) {
    ELASTIC_ASSIGN(auto opened, open_store(path, store::StoreMode::kExisting));
    return with_store(std::move(opened), path, which, waits);
  }
  store::FileSystem& files = store::system_files();
  Result<FileStatus> status = files.status(path);
  if (!status.ok()) return Error(status.error().code(), "there is no checkpoint at " + path);
  if (status->type == FileStatus::Type::kFile) {
    if (!store::is_export_file(files, path)) return not_a_store(path);
    ELASTIC_ASSIGN(store::Key key, store::load_or_create_key(files, store::default_key_path()));
    ELASTIC_ASSIGN(auto reader, store::open_export_file(files, path, key));
    return std::shared_ptr<CheckpointReader>(std::move(reader));
  }
  if (status->type != FileStatus::Type::kDirectory) return not_a_store(path);
  if (!files.status(store::join_path(path, "elastic-store.json")).ok()) {
    auto entries = files.list(path);
    if (entries.ok() && entries->empty())
      return Error(ErrorCode::kNotFound, "there is no checkpoint in " + path + ": it is empty");
    return not_a_store(path);
  }
  ELASTIC_ASSIGN(auto opened, open_store(path, store::StoreMode::kExisting));
  return with_store(std::move(opened), path, which, waits);
}

}  // namespace elastic::session
