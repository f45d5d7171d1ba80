#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <system_error>
#include <utility>

#include "elastic/store/file_system.hpp"

namespace elastic::store {
namespace {

// What to do comes first where the system's words alone do not say it.
std::string words_for(int error) {
  switch (error) {
    case ENOSPC:
      return "the disk is full (free some space, or choose another place)";
    case EDQUOT:
      return "the disk quota is used up (free some space, or choose another place)";
    case EROFS:
      return "the file system is read-only (choose another place)";
    case EACCES:
    case EPERM:
      return "permission denied (choose a place you may write to, or change its owner)";
    default:
      return std::generic_category().message(error);
  }
}

Error system_error(std::string_view what, const std::string& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo;
  return Error(code, std::string(what) + " " + path + ": " + words_for(error));
}

// Calls again when a signal came in between.
template <class Call>
auto uninterrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

FileStatus status_of(const struct stat& from) {
  FileStatus status;
  status.type = S_ISREG(from.st_mode)   ? FileStatus::Type::kFile
                : S_ISDIR(from.st_mode) ? FileStatus::Type::kDirectory
                                        : FileStatus::Type::kOther;
  status.size_bytes = static_cast<std::uint64_t>(from.st_size);
  status.mode = from.st_mode & 07777;
  status.owner = from.st_uid;
  status.identity = from.st_ino;
  status.modified_us = from.st_mtim.tv_sec * std::int64_t{1000000} + from.st_mtim.tv_nsec / 1000;
  return status;
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::size_t> write_some_at(std::uint64_t offset, std::span<const ConstBytes> parts) override {
    iovec vectors[64];
    const std::size_t count = std::min(parts.size(), std::size(vectors));
    for (std::size_t i = 0; i < count; ++i) {
      vectors[i] = {const_cast<std::byte*>(parts[i].data()), parts[i].size()};
    }
    const ssize_t written = uninterrupted(
        [&] { return ::pwritev(descriptor_, vectors, static_cast<int>(count), static_cast<off_t>(offset)); });
    if (written < 0) return system_error("writing", path_, errno);
    return static_cast<std::size_t>(written);
  }

  Result<std::size_t> read_some_at(std::uint64_t offset, Bytes into) override {
    const ssize_t got = uninterrupted(
        [&] { return ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset)); });
    if (got < 0) return system_error("reading", path_, errno);
    return static_cast<std::size_t>(got);
  }

  Result<> set_size(std::uint64_t size_bytes) override {
    if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size_bytes)); }) != 0) {
      return system_error("resizing", path_, errno);
    }
    return success();
  }

  Result<> sync() override {
    if (uninterrupted([&] { return ::fsync(descriptor_); }) != 0)
      return system_error("syncing", path_, errno);
    return success();
  }

  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    ::sync_file_range(descriptor_, static_cast<off64_t>(offset), static_cast<off64_t>(length),
                      SYNC_FILE_RANGE_WRITE);
  }

  Result<bool> map_private(std::uint64_t offset, Bytes at) override {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (offset % page != 0 || reinterpret_cast<std::uintptr_t>(at.data()) % page != 0) return false;
    void* const mapped =
        ::mmap(at.data(), at.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE,
               descriptor_, static_cast<off_t>(offset));
    return mapped != MAP_FAILED;
  }

  bool has_hole(std::uint64_t offset, std::uint64_t length) override {
    const off_t hole = ::lseek(descriptor_, static_cast<off_t>(offset), SEEK_HOLE);
    return hole >= 0 && static_cast<std::uint64_t>(hole) - offset < length;
  }

  Result<bool> try_lock(LockMode mode) override {
    const int operation = (mode == LockMode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    if (uninterrupted([&] { return ::flock(descriptor_, operation); }) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return system_error("locking", path_, errno);
  }

  Result<FileStatus> status() override {
    struct stat from {};
    if (::fstat(descriptor_, &from) != 0) return system_error("looking at", path_, errno);
    return status_of(from);
  }

 private:
  int descriptor_;
  std::string path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::kRead) flags |= O_RDONLY | O_NONBLOCK;
    if (mode == OpenMode::kCreateNew) flags |= O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;
    if (mode == OpenMode::kReadWrite) flags |= O_RDWR | O_CREAT | O_NOFOLLOW;
    const int descriptor = uninterrupted([&] { return ::open(path.c_str(), flags, 0600); });
    if (descriptor < 0) return system_error("opening", path, errno);
    return std::unique_ptr<File>(new PosixFile(descriptor, path));
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("renaming to", to, errno);
    return success();
  }

  Result<> unlink(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("removing", path, errno);
    return success();
  }

  Result<> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0700) == 0) return success();
    const int error = errno;
    struct stat from {};
    if (error == EEXIST && ::stat(path.c_str(), &from) == 0 && S_ISDIR(from.st_mode)) return success();
    if (error == EEXIST && ::lstat(path.c_str(), &from) == 0 && S_ISLNK(from.st_mode))
      return Error(ErrorCode::kInvalidArgument, path + " is a link to a place that is not there");
    return system_error("making directory", path, error);
  }

  Result<> remove_directory(const std::string& path) override {
    if (::rmdir(path.c_str()) != 0) return system_error("removing", path, errno);
    return success();
  }

  Result<> sync_directory(const std::string& path) override {
    const int descriptor =
        uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (descriptor < 0) return system_error("opening", path, errno);
    const PosixFile directory(descriptor, path);
    // EINVAL: the file system (some FUSE ones) does not sync directories, which is as durable as it gets
    // there.
    if (uninterrupted([&] { return ::fsync(descriptor); }) != 0 && errno != EINVAL) {
      return system_error("syncing", path, errno);
    }
    return success();
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
    if (!directory) return system_error("listing", path, errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(directory.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("listing", path, errno);
    return names;
  }

  Result<FileStatus> status(const std::string& path) override {
    struct stat from {};
    if (::stat(path.c_str(), &from) != 0) return system_error("looking at", path, errno);
    return status_of(from);
  }

  bool is_link(const std::string& path) override {
    struct stat from {};
    return ::lstat(path.c_str(), &from) == 0 && S_ISLNK(from.st_mode);
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs from {};
    if (::statvfs(path.c_str(), &from) != 0) return system_error("looking at", path, errno);
    return static_cast<std::uint64_t>(from.f_bavail) * from.f_frsize;
  }

  Result<> fill_random(Bytes into) override {
    while (!into.empty()) {
      const ssize_t got = uninterrupted([&] { return ::getrandom(into.data(), into.size(), 0); });
      if (got < 0) return Error(ErrorCode::kIo, "asking for random bytes: " + words_for(errno));
      into = into.subspan(static_cast<std::size_t>(got));
    }
    return success();
  }

  std::uint32_t process_id() override { return static_cast<std::uint32_t>(::getpid()); }
  std::uint32_t user_id() override { return ::geteuid(); }

  std::string host_name() override {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
  }

  void sleep_us(std::int64_t duration_us) override {
    timespec left{duration_us / 1000000, duration_us % 1000000 * 1000};
    ::nanosleep(&left, nullptr);
  }
};

}  // namespace

FileSystem& system_files() {
  static PosixFileSystem files;
  return files;
}

}  // namespace elastic::store
