#include "session/place.hpp"

#include <vector>

#include "elastic/store/export_file.hpp"
#include "elastic/store/file_system.hpp"
#include "elastic/store/key.hpp"

namespace elastic::session {

using store::CheckpointReader;
using store::FileStatus;

namespace {

constexpr std::int64_t kWriterPatienceUs = 60 * 1000 * 1000;

Error not_a_store(const std::string& path) {
  return Error(ErrorCode::kInvalidArgument,
               path + " is not a checkpoint of ElasticPython; nothing in it was touched");
}

}  // namespace

Result<std::unique_ptr<store::Store>> store_to_write(const std::string& directory) {
  Result<FileStatus> status = store::system_files().status(directory);
  if (status.ok() && status->type != FileStatus::Type::kDirectory)
    return Error(
        ErrorCode::kInvalidArgument,
        directory +
            " is a file: a checkpoint goes into a directory. Give another path; the file was not touched");
  Result<std::unique_ptr<store::Store>> opened = store::open_local_store(directory);
  if (opened.ok()) return opened;
  const Error& error = opened.error();
  if (error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kUnsupportedVersion)
    return error;
  return Error(error.code(), "cannot write to " + directory + ": " + error.message());
}

Result<std::shared_ptr<CheckpointReader>> checkpoint_to_read(const std::string& path,
                                                             const std::string& label,
                                                             const std::string& at) {
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
  store::StoreOptions options;
  options.mode = store::StoreMode::kExisting;
  ELASTIC_ASSIGN(auto opened, store::open_local_store(path, options));
  // A kernel that has just gone may still be writing.
  const std::int64_t until = opened->clock().monotonic_us() + kWriterPatienceUs;
  ELASTIC_ASSIGN([[maybe_unused]] const bool quiet, opened->wait_for_writers(label, [&](const auto&) {
    return opened->clock().monotonic_us() < until;
  }));
  auto found = at.empty() ? opened->open_newest(label) : opened->open_checkpoint(at);
  if (!found.ok()) {
    if (found.error().code() == ErrorCode::kNotFound && at.empty())
      return Error(ErrorCode::kNotFound, "there is no checkpoint in " + path);
    return found.error();
  }
  // A reader reads through its store.
  struct Both {
    std::unique_ptr<store::Store> store;
    std::unique_ptr<CheckpointReader> reader;
  };
  auto both = std::make_shared<Both>(Both{std::move(opened), std::move(*found)});
  CheckpointReader* reader = both->reader.get();
  return std::shared_ptr<CheckpointReader>(std::move(both), reader);
}

}  // namespace elastic::session
