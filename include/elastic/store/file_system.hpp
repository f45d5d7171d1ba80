// The one seam between `store` and the operating system: every system call of the layer is a call of
// FileSystem or File, so that a test can fail, cut short or stop the program at each of them.
//
// The calls are as thin as the system's own: write_some_at may write less than it was given, nothing is
// synced that was not asked for. What to do about it (loops, order, publishing) is above the seam, where it
// is tested.
//
// Errors: kNotFound where a path does not exist; kIo with the system's words otherwise, after "opening /path:
// ". Thread contract: a FileSystem may be used by any number of threads; a File by one at a time, except
// read_some_at and map_private, which may run side by side. No call needs or knows the GIL.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/core/result.hpp"

namespace elastic::store {

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

enum class OpenMode {
  kRead,       // must exist; of a pipe or a device it does not wait: look at status() before reading
  kCreateNew,  // must not exist; read and write; mode 0600
  kReadWrite,  // created (0600) where it does not exist, never truncated; no symbolic link
};

enum class LockMode { kShared, kExclusive };

struct FileStatus {
  enum class Type { kFile, kDirectory, kOther };
  Type type = Type::kOther;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0;        // permission bits
  std::uint32_t owner = 0;       // user id
  std::uint64_t identity = 0;    // the inode: two paths with the same one are the same file
  std::int64_t modified_us = 0;  // since 1970
};

// An open file. Closed on destruction; a lock goes when the last descriptor of the open file does, so a
// forked child keeps what its parent had.
class File {
 public:
  virtual ~File() = default;

  // Returns how much was written or read, which may be less than asked; 0 read means the end.
  virtual Result<std::size_t> write_some_at(std::uint64_t offset, std::span<const ConstBytes> parts) = 0;
  virtual Result<std::size_t> read_some_at(std::uint64_t offset, Bytes into) = 0;
  // Cuts or extends; only ever used on files that have not been published (writers' status).
  virtual Result<> set_size(std::uint64_t size_bytes) = 0;
  // Returns when data and size are on the disk.
  virtual Result<> sync() = 0;
  // Asks the system to begin writing a range back; a hint that keeps the later sync short.
  virtual void start_writeback(std::uint64_t offset, std::uint64_t length) = 0;
  // Maps [offset, offset + at.size()) of the file over the memory `at`, privately and writable. offset and
  // at.data() are multiples of the page size. false: cannot be mapped here (too many mappings, not
  // supported): read it.
  virtual Result<bool> map_private(std::uint64_t offset, Bytes at) = 0;
  // Whether some of these bytes are nowhere on the disk, and read as zeros. false: the file system cannot
  // tell.
  virtual bool has_hole(std::uint64_t /*offset*/, std::uint64_t /*length*/) { return false; }
  // flock(2) without waiting. false: somebody else has it. kIo: the file system has no locks.
  virtual Result<bool> try_lock(LockMode mode) = 0;
  virtual Result<FileStatus> status() = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> unlink(const std::string& path) = 0;
  // Mode 0700. It is no error if the directory is there.
  virtual Result<> make_directory(const std::string& path) = 0;
  virtual Result<> remove_directory(const std::string& path) = 0;
  // Returns when the entries of the directory are on the disk.
  virtual Result<> sync_directory(const std::string& path) = 0;
  // Names only, without "." and "..", in no order.
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  // Follows symbolic links.
  virtual Result<FileStatus> status(const std::string& path) = 0;
  // Whether the path itself, not what is above it, is a symbolic link.
  virtual bool is_link(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;

  // The process's surroundings that the layer needs.
  virtual Result<> fill_random(Bytes into) = 0;
  virtual std::uint32_t process_id() = 0;
  virtual std::uint32_t user_id() = 0;
  virtual std::string host_name() = 0;
  virtual void sleep_us(std::int64_t duration_us) = 0;
};

// The machine's own. Thread-safe; lives as long as the process.
FileSystem& system_files();

// Loops over short writes and reads. read_fully is kCorruption when the file ends before `into` is full.
Result<> write_fully(File& file, std::uint64_t offset, std::span<const ConstBytes> parts);
Result<> read_fully(File& file, std::uint64_t offset, Bytes into);
// The whole file, if it is at most `limit_bytes` (kLimitExceeded).
Result<std::vector<std::byte>> read_file(FileSystem& files, const std::string& path,
                                         std::uint64_t limit_bytes);

// Before much memory is asked for to read these bytes of a File or an ObjectReader: as many are on the disk.
// A file with holes, which none of ours has there, can be as long as somebody likes. kCorruption: it has.
template <class Source>
Result<> check_solid(Source& source, std::uint64_t offset, std::uint64_t length) {
  constexpr std::uint64_t kUnaskedBytes = 16 << 20;
  if (length <= kUnaskedBytes || !source.has_hole(offset, length)) return success();
  return Error(ErrorCode::kCorruption, "there is a hole in the file, where nothing of ours has one");
}

// The durable publish, the only way by which a file gets its final name: sync, rename, sync of the directory.
// `file` is open on `temporary`; both names are in the same file system.
Result<> publish(FileSystem& files, File& file, const std::string& temporary, const std::string& final_path);

// The directory and those above it that are missing, durably. No error if it is there.
Result<> make_directories(FileSystem& files, const std::string& path);

std::string join_path(std::string_view directory, std::string_view name);
std::string parent_directory(std::string_view path);
inline ConstBytes as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(ConstBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace elastic::store
