// A store in a directory (docs/checkpoint_format.md, section 2).
//
// The directory may have been made by somebody else. A symbolic link in the place of one of its directories
// would have us write into, or clear away from, wherever it leads: such a store is read only.
#include <algorithm>
#include <array>

#include "elastic/store/backend.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kWritebackBytes = 16 << 20;
constexpr std::uint64_t kMaxStatusBytes = 64 << 10;  // a label of 4 KiB, escaped
constexpr std::array<std::string_view, 4> kDirectories = {"manifests", "packs", "temp", "writers"};
constexpr std::string_view kLockFile = "store.lock";
constexpr std::string_view kWriterEnd = ".json";

Result<std::string> random_name(FileSystem& files) {
  std::uint64_t id[2];
  ELASTIC_TRY(files.fill_random(std::as_writable_bytes(std::span(id))));
  return ObjectName{ObjectClass::kPack, id[0], id[1]}.to_path().substr(6, 32);
}

// Whether it is a name that random_name made.
bool is_random_name(std::string_view name) {
  return name.size() == 32 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class LocalObjectWriter final : public ObjectWriter {
 public:
  LocalObjectWriter(FileSystem& files, std::unique_ptr<File> file, std::string temporary,
                    std::string final_path)
      : files_(files),
        file_(std::move(file)),
        temporary_(std::move(temporary)),
        final_(std::move(final_path)) {}

  ~LocalObjectWriter() override {
    // What cannot be removed now is a leftover, which the next collection removes.
    if (!done_) static_cast<void>(files_.unlink(temporary_).ok());
  }

  Result<> append(std::span<const ConstBytes> parts) override {
    ELASTIC_TRY(write_fully(*file_, offset_, parts));
    for (const ConstBytes part : parts) offset_ += part.size();
    if (offset_ - behind_ >= kWritebackBytes) {
      file_->start_writeback(behind_, offset_ - behind_);
      behind_ = offset_;
    }
    return success();
  }

  Result<> append_zeros(std::uint64_t count) override {
    offset_ += count;
    return success();
  }

  Result<> publish() override {
    ELASTIC_TRY(store::publish(files_, *file_, temporary_, final_));
    done_ = true;
    return success();
  }

  void leave_to_child() override { done_ = true; }

 private:
  FileSystem& files_;
  std::unique_ptr<File> file_;
  std::string temporary_;
  std::string final_;
  std::uint64_t offset_ = 0;
  std::uint64_t behind_ = 0;  // what is before it is on its way to the disk
  bool done_ = false;
};

class LocalObjectReader final : public ObjectReader {
 public:
  LocalObjectReader(std::unique_ptr<File> file, std::uint64_t size_bytes, std::string path)
      : file_(std::move(file)), size_bytes_(size_bytes), path_(std::move(path)) {}

  std::uint64_t size_bytes() const override { return size_bytes_; }

  Result<> read_at(std::uint64_t offset, Bytes into) override {
    if (auto read = read_fully(*file_, offset, into); !read) return read.error().within(path_);
    return success();
  }

  Result<bool> map_private(std::uint64_t offset, Bytes at) override {
    // Beyond the end of the file there is SIGBUS, and a file may have been cut since it was listed.
    ELASTIC_ASSIGN(const FileStatus now, file_->status());
    if (offset > now.size_bytes || at.size() > now.size_bytes - offset) {
      return Error(ErrorCode::kCorruption, path_ + ": the file is shorter than it should be");
    }
    return file_->map_private(offset, at);
  }

  bool has_hole(std::uint64_t offset, std::uint64_t length) override {
    return file_->has_hole(offset, length);
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t size_bytes_;
  std::string path_;
};

class FileLease final : public Lease {
 public:
  explicit FileLease(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  std::unique_ptr<File> file_;  // holds the lock; may be empty where there are none
};

class LocalWriterLease final : public WriterLease {
 public:
  LocalWriterLease(FileSystem& files, std::unique_ptr<File> file, std::string path)
      : files_(files), file_(std::move(file)), path_(std::move(path)) {}
  ~LocalWriterLease() override {
    if (!left_) static_cast<void>(files_.unlink(path_).ok());
  }

  Result<> update(const WriterStatus& status) override {
    std::string text = encode_status(status);
    // Padded, so that one write replaces all of a longer predecessor without a moment at which the file is
    // empty.
    text.resize(std::max(text.size(), longest_), ' ');
    longest_ = text.size();
    const ConstBytes part = as_bytes(text);
    return write_fully(*file_, 0, std::span(&part, 1));
  }

  void leave_to_child() override { left_ = true; }

 private:
  FileSystem& files_;
  std::unique_ptr<File> file_;
  std::string path_;
  std::size_t longest_ = 0;
  bool left_ = false;
};

class LocalBackend final : public Backend {
 public:
  LocalBackend(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  std::string location() const override { return directory_; }

  Result<> prepare() override {
    ELASTIC_TRY(make_directories(files_, directory_));
    ELASTIC_TRY(check_directories());
    bool made = false;
    for (const std::string_view name : kDirectories) {
      // Empty directories get lost easily (git, archives), so they are looked for every time, and synced when
      // made.
      if (files_.status(path(name)).ok()) continue;
      ELASTIC_TRY(files_.make_directory(path(name)));
      made = true;
    }
    return made ? files_.sync_directory(directory_) : success();
  }

  Result<bool> is_empty() override {
    const auto status = files_.status(directory_);
    if (!status.ok()) {
      if (status.error().code() == ErrorCode::kNotFound) return true;
      return status.error();
    }
    if (status->type != FileStatus::Type::kDirectory) {
      return Error(ErrorCode::kInvalidArgument,
                   directory_ + " is a file, not a directory of checkpoints; choose another path");
    }
    ELASTIC_ASSIGN(const auto names, files_.list(directory_));
    // A crash between prepare() and the format file leaves directories of ours, which are as good as none.
    const bool ours = std::all_of(names.begin(), names.end(), [](const std::string& name) {
      return name == kLockFile ||
             std::find(kDirectories.begin(), kDirectories.end(), name) != kDirectories.end();
    });
    if (ours) return true;
    return Error(ErrorCode::kInvalidArgument, directory_ +
                                                  " holds other files and is not an ElasticPython store; " +
                                                  "choose an empty or a new directory");
  }

  Result<std::unique_ptr<ObjectWriter>> create(const ObjectName& name) override {
    ELASTIC_ASSIGN(const std::string temporary_name, random_name(files_));
    std::string temporary = path(join_path("temp", temporary_name));
    ELASTIC_ASSIGN(auto file, files_.open(temporary, OpenMode::kCreateNew));
    return std::unique_ptr<ObjectWriter>(
        new LocalObjectWriter(files_, std::move(file), std::move(temporary), path(name.to_path())));
  }

  Result<std::unique_ptr<ObjectReader>> open(const ObjectName& name) override {
    std::string at = path(name.to_path());
    ELASTIC_ASSIGN(auto file, files_.open(at, OpenMode::kRead));
    ELASTIC_ASSIGN(const FileStatus status, file->status());
    if (status.type != FileStatus::Type::kFile) return Error(ErrorCode::kCorruption, at + " is not a file");
    return std::unique_ptr<ObjectReader>(
        new LocalObjectReader(std::move(file), status.size_bytes, std::move(at)));
  }

  Result<std::vector<ObjectInfo>> list(ObjectClass object_class) override {
    const std::string directory = path(object_class == ObjectClass::kManifest ? "manifests" : "packs");
    ELASTIC_ASSIGN(const auto names, names_in(directory));
    std::vector<ObjectInfo> infos;
    for (const std::string& file_name : names) {
      const auto name = ObjectName::listed(object_class, file_name);
      if (!name) continue;
      const auto status = files_.status(join_path(directory, file_name));
      if (status.ok() && status->type == FileStatus::Type::kFile)
        infos.push_back({*name, status->size_bytes});
    }
    return infos;
  }

  Result<> remove(const ObjectName& name) override {
    ELASTIC_TRY(check_directories());
    return files_.unlink(path(name.to_path()));
  }

  Result<> sync_names(ObjectClass object_class) override {
    return files_.sync_directory(parent_directory(path(ObjectName{object_class}.to_path())));
  }

  Result<std::unique_ptr<Lease>> try_lease(LockMode mode) override {
    auto file = files_.open(path(kLockFile), OpenMode::kReadWrite);
    if (!file.ok()) file = files_.open(path(kLockFile), OpenMode::kRead);  // a store one may only read
    const auto locked = file.ok() ? (*file)->try_lock(mode) : Result<bool>(file.error());
    if (!locked.ok()) {
      if (mode == LockMode::kExclusive) return locked.error();
      return std::unique_ptr<Lease>(new FileLease(nullptr));
    }
    if (!*locked) return std::unique_ptr<Lease>();
    return std::unique_ptr<Lease>(new FileLease(*std::move(file)));
  }

  Result<std::unique_ptr<WriterLease>> announce(const WriterStatus& status) override {
    ELASTIC_TRY(check_directories());
    // Locked and written under a temporary name, so that nobody ever sees it unlocked while its writer lives.
    ELASTIC_ASSIGN(const std::string name, random_name(files_));
    const std::string temporary = path(join_path("temp", name));
    const std::string final_path = path(join_path("writers", name + std::string(kWriterEnd)));
    ELASTIC_ASSIGN(auto file, files_.open(temporary, OpenMode::kCreateNew));
    // Without locks the announcement still stands, but a dead writer's cannot be told from a living one's.
    static_cast<void>(file->try_lock(LockMode::kExclusive).ok());
    auto lease = std::make_unique<LocalWriterLease>(files_, std::move(file), final_path);
    ELASTIC_TRY(lease->update(status));
    ELASTIC_TRY(files_.rename(temporary, final_path));
    return std::unique_ptr<WriterLease>(std::move(lease));
  }

  Result<std::vector<WriterStatus>> writers() override { return statuses(/*alive=*/true); }
  Result<std::vector<WriterStatus>> dead_writers() override { return statuses(/*alive=*/false); }

  Result<std::uint64_t> remove_leftovers() override {
    ELASTIC_TRY(check_directories());
    std::uint64_t freed = 0;
    for (const std::string_view directory : {"temp", "writers"}) {
      const std::string_view end = directory == "temp" ? "" : kWriterEnd;
      ELASTIC_ASSIGN(const auto names, names_in(path(directory)));
      for (const std::string& name : names) {
        if (!name.ends_with(end) || !is_random_name(name.substr(0, name.size() - end.size()))) continue;
        const std::string at = path(join_path(directory, name));
        const auto status = files_.status(at);
        if (status.ok() && status->type == FileStatus::Type::kDirectory) continue;
        ELASTIC_TRY(files_.unlink(at));
        if (status.ok()) freed += status->size_bytes;
      }
    }
    return freed;
  }

 private:
  std::string path(std::string_view below) const { return join_path(directory_, below); }

  Result<> check_directories() const {
    for (const std::string_view name : kDirectories)
      if (files_.is_link(path(name)))
        return Error(ErrorCode::kInvalidArgument,
                     path(name) +
                         " is a symbolic link, which may lead anywhere: nothing is written or removed " +
                         "in such a store");
    return success();
  }

  // None where the directory is missing.
  Result<std::vector<std::string>> names_in(const std::string& directory) {
    auto names = files_.list(directory);
    if (!names.ok() && names.error().code() == ErrorCode::kNotFound) return std::vector<std::string>();
    return names;
  }

  Result<std::vector<WriterStatus>> statuses(bool alive) {
    const std::string directory = path("writers");
    ELASTIC_ASSIGN(const auto names, names_in(directory));
    std::vector<WriterStatus> found;
    for (const std::string& name : names) {
      if (auto status = read_status(join_path(directory, name), alive)) found.push_back(*std::move(status));
    }
    return found;
  }

  // Of a writer that is alive, which is one whose lock cannot be had, or of one that is dead.
  std::optional<WriterStatus> read_status(const std::string& at, bool alive) {
    const auto file = files_.open(at, OpenMode::kRead);
    if (!file.ok()) return std::nullopt;
    const auto locked = (*file)->try_lock(LockMode::kShared);
    if (!locked.ok() || *locked == alive) return std::nullopt;
    const auto bytes = read_file(files_, at, kMaxStatusBytes);
    if (!bytes.ok()) return std::nullopt;
    return decode_status(as_text(*bytes));
  }

  FileSystem& files_;
  std::string directory_;
};

}  // namespace

std::unique_ptr<Backend> local_backend(FileSystem& files, std::string directory) {
  return std::make_unique<LocalBackend>(files, std::move(directory));
}

}  // namespace elastic::store
