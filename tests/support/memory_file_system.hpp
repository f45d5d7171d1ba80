// A file system in memory that can fail, be cut short or lose power at any call.
//
// What is synced and what is not are kept apart: a file has the bytes that reads see and those that are on
// the "disk", a directory likewise with its entries. It is as unkind as POSIX allows: syncing a file does not
// sync its name.
//
// Thread contract: all calls from any thread. Arming faults and restarting: while nothing else runs.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "elastic/store/file_system.hpp"

namespace elastic::testing {

enum class FaultKind {
  kInputOutputError,
  kDiskFull,
  kShortWrite,  // a write takes a part only; other calls are left alone
  kKill,        // this call does not happen (a write: a part of it), nor does any after it, until restart()
};

// What of the unsynced is on the disk after a restart.
enum class Loss {
  kNothing,     // the process was killed, the machine lived
  kEverything,  // power loss: only what was synced
  kSome,        // power loss: each unsynced sector and name has or has not made it, by the seed
};

class MemoryFileSystem final : public store::FileSystem {
 public:
  explicit MemoryFileSystem(std::uint64_t seed = 1);
  ~MemoryFileSystem() override;

  // The n-th call from now on that changes something (from 1) meets the fault. `torn_bytes`: how much of a
  // write a kill or a short write lets through; half if not given.
  void arm(FaultKind kind, std::uint64_t call, std::optional<std::uint64_t> torn_bytes = {});
  // Every call from the n-th on that changes something fails, until disarm().
  void arm_for_good(FaultKind kind, std::uint64_t call);
  // The n-th read fails.
  void arm_read(std::uint64_t call);
  void disarm();
  // Calls that changed something, since the beginning.
  std::uint64_t changes() const { return changes_; }
  std::uint64_t syncs() const { return syncs_; }
  std::uint64_t reads() const { return reads_; }  // of files and of directories
  bool killed() const { return killed_; }
  // After a kill or at any time: descriptors and locks are gone, what was not synced is lost as `loss` says.
  void restart(Loss loss, std::uint64_t seed = 1);

  // Straight to the bytes, past all faults.
  std::vector<std::byte> contents(const std::string& path);
  void set_contents(const std::string& path, std::vector<std::byte> bytes);
  std::vector<std::string> all_files();  // full paths, sorted
  void set_mode(const std::string& path, std::uint32_t mode);
  void set_read_only(bool read_only) { read_only_ = read_only; }
  void set_has_locks(bool has_locks) { has_locks_ = has_locks; }
  void set_process_id(std::uint32_t pid) { pid_ = pid; }
  void remove_tree(const std::string& path);  // as another process would

  Result<std::unique_ptr<store::File>> open(const std::string& path, store::OpenMode mode) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> unlink(const std::string& path) override;
  Result<> make_directory(const std::string& path) override;
  Result<> remove_directory(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<store::FileStatus> status(const std::string& path) override;
  bool is_link(const std::string&) override { return false; }
  Result<std::uint64_t> free_bytes(const std::string& path) override;
  Result<> fill_random(store::Bytes into) override;
  std::uint32_t process_id() override { return pid_; }
  std::uint32_t user_id() override { return 1000; }
  std::string host_name() override { return "memory"; }
  void sleep_us(std::int64_t duration_us) override;

 private:
  friend class MemoryFile;
  struct Node;
  struct Fault;
  using NodePtr = std::shared_ptr<Node>;

  NodePtr find(const std::string& path) const;
  Result<NodePtr> need_directory(const std::string& path) const;
  // To be called once by each changing call. `write_bytes`: the size of the write, 0 for others; returns how
  // much of it to do (all, or less) or the error.
  Result<std::uint64_t> change(const std::string& what, std::uint64_t write_bytes = 0);
  Result<> read(const std::string& what);
  void lose(Node& node, Loss loss, std::mt19937_64& random);

  mutable std::mutex mutex_;
  NodePtr root_;
  std::unique_ptr<Fault> fault_;
  std::uint64_t changes_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t generation_ = 0;  // files of a former one are dead
  std::uint32_t pid_ = 4242;
  bool killed_ = false;
  bool read_only_ = false;
  bool has_locks_ = true;
  std::mt19937_64 random_;
};

}  // namespace elastic::testing
