#include "support/memory_file_system.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace elastic::testing {

using store::Bytes;
using store::ConstBytes;
using store::File;
using store::FileStatus;
using store::LockMode;
using store::OpenMode;

namespace {

constexpr std::size_t kSectorBytes = 512;

Error io(const std::string& text) { return Error(ErrorCode::kIo, text); }
Error missing(const std::string& path) {
  return Error(ErrorCode::kNotFound, path + ": no such file or directory");
}

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

struct MemoryFileSystem::Node {
  bool directory = false;
  std::uint32_t mode = 0600;
  std::vector<std::byte> bytes, durable_bytes;
  std::map<std::string, NodePtr> entries, durable_entries;
  const void* exclusive = nullptr;  // the file that holds the lock
  std::vector<const void*> shared;

  void unlock(const void* holder) {
    if (exclusive == holder) exclusive = nullptr;
    std::erase(shared, holder);
  }
};

struct MemoryFileSystem::Fault {
  FaultKind kind;
  std::uint64_t at;
  bool for_good = false;
  bool of_reads = false;
  std::optional<std::uint64_t> torn_bytes;
};

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryFileSystem& files, MemoryFileSystem::NodePtr node, std::string path, bool writable)
      : files_(files),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable),
        generation_(files.generation_) {}
  ~MemoryFile() override {
    const std::lock_guard lock(files_.mutex_);
    node_->unlock(this);
  }

  Result<std::size_t> write_some_at(std::uint64_t offset, std::span<const ConstBytes> parts) override {
    const std::lock_guard lock(files_.mutex_);
    if (generation_ != files_.generation_ || !writable_)
      return io("writing " + path_ + ": bad file descriptor");
    std::uint64_t size = 0;
    for (const ConstBytes part : parts) size += part.size();
    auto allowed = files_.change("writing " + path_, size);
    // A kill lets a part through, so the bytes are written before the error is returned.
    const std::uint64_t to_write = allowed.ok() ? *allowed : files_.killed_ ? torn_of(size) : 0;
    std::uint64_t left = to_write;
    for (const ConstBytes part : parts) {
      const std::uint64_t now = std::min<std::uint64_t>(left, part.size());
      if (now == 0) continue;
      if (node_->bytes.size() < offset + now) node_->bytes.resize(offset + now);
      std::memcpy(node_->bytes.data() + offset, part.data(), now);
      offset += now;
      left -= now;
    }
    if (!allowed.ok()) return allowed.error();
    return static_cast<std::size_t>(to_write);
  }

  Result<std::size_t> read_some_at(std::uint64_t offset, Bytes into) override {
    const std::lock_guard lock(files_.mutex_);
    ELASTIC_TRY(files_.read("reading " + path_));
    if (offset >= node_->bytes.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(into.size(), node_->bytes.size() - offset);
    std::memcpy(into.data(), node_->bytes.data() + offset, count);
    return count;
  }

  Result<> set_size(std::uint64_t size_bytes) override {
    const std::lock_guard lock(files_.mutex_);
    ELASTIC_TRY(files_.change("resizing " + path_));
    node_->bytes.resize(size_bytes);
    return success();
  }

  Result<> sync() override {
    const std::lock_guard lock(files_.mutex_);
    ELASTIC_TRY(files_.change("syncing " + path_));
    ++files_.syncs_;
    node_->durable_bytes = node_->bytes;
    return success();
  }

  void start_writeback(std::uint64_t, std::uint64_t) override {}

  Result<bool> map_private(std::uint64_t offset, Bytes at) override {
    std::size_t done = 0;
    while (done < at.size()) {
      ELASTIC_ASSIGN(const std::size_t got, read_some_at(offset + done, at.subspan(done)));
      if (got == 0) break;
      done += got;
    }
    return true;
  }

  Result<bool> try_lock(LockMode mode) override {
    const std::lock_guard lock(files_.mutex_);
    if (files_.killed_) return io("killed");
    if (!files_.has_locks_) return io("locking " + path_ + ": no locks available");
    const bool others_share = std::any_of(node_->shared.begin(), node_->shared.end(),
                                          [this](const void* holder) { return holder != this; });
    if (node_->exclusive != nullptr && node_->exclusive != this) return false;
    if (mode == LockMode::kExclusive && others_share) return false;
    node_->unlock(this);
    if (mode == LockMode::kExclusive) {
      node_->exclusive = this;
    } else {
      node_->shared.push_back(this);
    }
    return true;
  }

  Result<FileStatus> status() override {
    const std::lock_guard lock(files_.mutex_);
    return status_of(*node_);
  }

  static FileStatus status_of(const MemoryFileSystem::Node& node) {
    FileStatus status;
    status.type = node.directory ? FileStatus::Type::kDirectory : FileStatus::Type::kFile;
    status.size_bytes = node.bytes.size();
    status.mode = node.mode;
    status.owner = 1000;
    status.identity = reinterpret_cast<std::uintptr_t>(&node);
    return status;
  }

 private:
  std::uint64_t torn_of(std::uint64_t size) const {
    return files_.fault_ ? std::min(files_.fault_->torn_bytes.value_or(size / 2), size) : 0;
  }

  MemoryFileSystem& files_;
  MemoryFileSystem::NodePtr node_;
  std::string path_;
  bool writable_;
  std::uint64_t generation_;
};

MemoryFileSystem::MemoryFileSystem(std::uint64_t seed) : root_(std::make_shared<Node>()), random_(seed) {
  root_->directory = true;
}
MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::arm(FaultKind kind, std::uint64_t call, std::optional<std::uint64_t> torn_bytes) {
  fault_ = std::make_unique<Fault>(Fault{kind, changes_ + call, false, false, torn_bytes});
}
void MemoryFileSystem::arm_for_good(FaultKind kind, std::uint64_t call) {
  fault_ = std::make_unique<Fault>(Fault{kind, changes_ + call, true, false, {}});
}
void MemoryFileSystem::arm_read(std::uint64_t call) {
  fault_ = std::make_unique<Fault>(Fault{FaultKind::kInputOutputError, reads_ + call, false, true, {}});
}
void MemoryFileSystem::disarm() { fault_.reset(); }

Result<std::uint64_t> MemoryFileSystem::change(const std::string& what, std::uint64_t write_bytes) {
  if (killed_) return io(what + ": killed");
  if (read_only_) return io(what + ": the file system is read-only");
  ++changes_;
  if (fault_ == nullptr || fault_->of_reads) return write_bytes;
  const bool hit = changes_ == fault_->at || (fault_->for_good && changes_ > fault_->at);
  if (!hit) return write_bytes;
  switch (fault_->kind) {
    case FaultKind::kInputOutputError:
      return io(what + ": input/output error");
    case FaultKind::kDiskFull:
      return io(what + ": the disk is full");
    case FaultKind::kShortWrite:
      return std::min(fault_->torn_bytes.value_or((write_bytes + 1) / 2), write_bytes);
    case FaultKind::kKill:
      killed_ = true;
      return io(what + ": killed");
  }
  return write_bytes;
}

Result<> MemoryFileSystem::read(const std::string& what) {
  if (killed_) return io(what + ": killed");
  ++reads_;
  if (fault_ != nullptr && fault_->of_reads && reads_ == fault_->at) return io(what + ": input/output error");
  return success();
}

void MemoryFileSystem::lose(Node& node, Loss loss, std::mt19937_64& random) {
  node.exclusive = nullptr;
  node.shared.clear();
  if (loss == Loss::kEverything) {
    if (node.bytes != node.durable_bytes) node.bytes = node.durable_bytes;
    node.entries = node.durable_entries;
  }
  if (loss == Loss::kSome && node.bytes != node.durable_bytes) {
    std::vector<std::byte> mixed = random() % 2 == 0 ? node.bytes : node.durable_bytes;
    for (std::size_t at = 0; at < mixed.size(); at += kSectorBytes) {
      const auto& from = random() % 2 == 0 ? node.bytes : node.durable_bytes;
      const std::size_t end = std::min(mixed.size(), at + kSectorBytes);
      for (std::size_t i = at; i < end; ++i) mixed[i] = i < from.size() ? from[i] : std::byte{0};
    }
    node.bytes = std::move(mixed);
  }
  if (loss == Loss::kSome) {
    std::map<std::string, NodePtr> names;
    for (const auto* from : {&node.entries, &node.durable_entries}) {
      for (const auto& [name, child] : *from) {
        const auto now = node.entries.find(name);
        const auto before = node.durable_entries.find(name);
        const bool same = now != node.entries.end() && before != node.durable_entries.end() &&
                          now->second == before->second;
        if (names.contains(name)) continue;
        if (same || random() % 2 == 0) names.emplace(name, child);
      }
    }
    node.entries = std::move(names);
  }
  if (node.durable_bytes != node.bytes) node.durable_bytes = node.bytes;
  node.durable_entries = node.entries;
  for (const auto& [name, child] : node.entries) lose(*child, loss, random);
}

void MemoryFileSystem::restart(Loss loss, std::uint64_t seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 random(seed);
  killed_ = false;
  fault_.reset();
  ++generation_;
  lose(*root_, loss, random);
}

MemoryFileSystem::NodePtr MemoryFileSystem::find(const std::string& path) const {
  NodePtr node = root_;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    const auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

Result<MemoryFileSystem::NodePtr> MemoryFileSystem::need_directory(const std::string& path) const {
  NodePtr node = find(path);
  if (node == nullptr) return missing(path);
  if (!node->directory) return io(path + ": not a directory");
  return node;
}

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  if (killed_) return io("killed");
  ELASTIC_ASSIGN(const NodePtr parent, need_directory(store::parent_directory(path)));
  NodePtr node = find(path);
  if (node != nullptr && mode == OpenMode::kCreateNew) return io("opening " + path + ": file exists");
  if (node == nullptr) {
    if (mode == OpenMode::kRead) return missing(path);
    ELASTIC_TRY(change("opening " + path));
    node = std::make_shared<Node>();
    parent->entries[name_in(path)] = node;
  } else if (mode != OpenMode::kRead && read_only_) {
    return io("opening " + path + ": the file system is read-only");
  }
  return std::unique_ptr<File>(new MemoryFile(*this, node, path, mode != OpenMode::kRead));
}

Result<> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(change("renaming to " + to));
  const NodePtr node = find(from);
  if (node == nullptr) return missing(from);
  ELASTIC_ASSIGN(const NodePtr target, need_directory(store::parent_directory(to)));
  ELASTIC_ASSIGN(const NodePtr source, need_directory(store::parent_directory(from)));
  source->entries.erase(name_in(from));
  target->entries[name_in(to)] = node;
  return success();
}

Result<> MemoryFileSystem::unlink(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(change("removing " + path));
  if (find(path) == nullptr) return missing(path);
  ELASTIC_ASSIGN(const NodePtr parent, need_directory(store::parent_directory(path)));
  parent->entries.erase(name_in(path));
  return success();
}

Result<> MemoryFileSystem::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(change("making directory " + path));
  if (const NodePtr there = find(path)) {
    if (there->directory) return success();
    return io("making directory " + path + ": file exists");
  }
  ELASTIC_ASSIGN(const NodePtr parent, need_directory(store::parent_directory(path)));
  auto node = std::make_shared<Node>();
  node->directory = true;
  node->mode = 0700;
  parent->entries[name_in(path)] = std::move(node);
  return success();
}

Result<> MemoryFileSystem::remove_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(change("removing " + path));
  ELASTIC_ASSIGN(const NodePtr node, need_directory(path));
  if (!node->entries.empty()) return io("removing " + path + ": directory not empty");
  ELASTIC_ASSIGN(const NodePtr parent, need_directory(store::parent_directory(path)));
  parent->entries.erase(name_in(path));
  return success();
}

Result<> MemoryFileSystem::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(change("syncing " + path));
  ++syncs_;
  ELASTIC_ASSIGN(const NodePtr node, need_directory(path));
  node->durable_entries = node->entries;
  return success();
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ELASTIC_TRY(read("listing " + path));
  ELASTIC_ASSIGN(const NodePtr node, need_directory(path));
  std::vector<std::string> names;
  for (const auto& [name, child] : node->entries) names.push_back(name);
  return names;
}

Result<FileStatus> MemoryFileSystem::status(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (killed_) return io("killed");
  const NodePtr node = find(path);
  if (node == nullptr) return missing(path);
  return MemoryFile::status_of(*node);
}

Result<std::uint64_t> MemoryFileSystem::free_bytes(const std::string&) { return std::uint64_t{1} << 40; }

Result<> MemoryFileSystem::fill_random(Bytes into) {
  const std::lock_guard lock(mutex_);
  for (std::byte& byte : into) byte = static_cast<std::byte>(random_());
  return success();
}

void MemoryFileSystem::sleep_us(std::int64_t) {}

std::vector<std::byte> MemoryFileSystem::contents(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = find(path);
  return node == nullptr ? std::vector<std::byte>{} : node->bytes;
}

void MemoryFileSystem::set_contents(const std::string& path, std::vector<std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  NodePtr node = find(path);
  if (node == nullptr) {
    node = std::make_shared<Node>();
    find(store::parent_directory(path))->entries[name_in(path)] = node;
  }
  node->bytes = std::move(bytes);
}

std::vector<std::string> MemoryFileSystem::all_files() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  const std::function<void(const Node&, const std::string&)> visit = [&](const Node& node,
                                                                         const std::string& path) {
    for (const auto& [name, child] : node.entries) {
      if (child->directory) {
        visit(*child, path + "/" + name);
      } else {
        paths.push_back(path + "/" + name);
      }
    }
  };
  visit(*root_, "");
  return paths;
}

void MemoryFileSystem::set_mode(const std::string& path, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  find(path)->mode = mode;
}

void MemoryFileSystem::remove_tree(const std::string& path) {
  const std::lock_guard lock(mutex_);
  find(store::parent_directory(path))->entries.erase(name_in(path));
}

}  // namespace elastic::testing
