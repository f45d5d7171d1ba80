// The whole-or-not-there promise on a real file system, by a process that is really killed: a forked child
// kills itself (SIGKILL: no destructor, no handler) at its n-th call that changes something, for every n,
// before the call, after half of a write and after it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elastic/store/export_file.hpp"
#include "elastic/store/garbage.hpp"
#include "store_testing.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

// Counts the calls that change something and kills the process in one of them.
class Executioner {
 public:
  explicit Executioner(std::uint64_t call) : left_(call) {}

  // `half` does a part of the call, if there are parts; `whole` does it.
  template <class Half, class Whole>
  auto around(Half half, Whole whole) {
    if (--left_ == 0) {
      half();
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
    return whole();
  }
  template <class Whole>
  auto around(Whole whole) {
    return around([] {}, whole);
  }

 private:
  std::uint64_t left_;
};

class DoomedFile final : public File {
 public:
  DoomedFile(std::unique_ptr<File> file, Executioner& executioner)
      : file_(std::move(file)), executioner_(executioner) {}

  Result<std::size_t> write_some_at(std::uint64_t offset, std::span<const ConstBytes> parts) override {
    const auto half = [&] {
      const ConstBytes first = parts[0].first(parts[0].size() / 2);
      static_cast<void>(file_->write_some_at(offset, std::span(&first, 1)).ok());
    };
    return executioner_.around(half, [&] { return file_->write_some_at(offset, parts); });
  }
  Result<> set_size(std::uint64_t size_bytes) override {
    return executioner_.around([&] { return file_->set_size(size_bytes); });
  }
  Result<> sync() override {
    return executioner_.around([&] { return file_->sync(); });
  }
  Result<std::size_t> read_some_at(std::uint64_t offset, Bytes into) override {
    return file_->read_some_at(offset, into);
  }
  void start_writeback(std::uint64_t offset, std::uint64_t length) override {
    file_->start_writeback(offset, length);
  }
  Result<bool> map_private(std::uint64_t offset, Bytes at) override { return file_->map_private(offset, at); }
  Result<bool> try_lock(LockMode mode) override { return file_->try_lock(mode); }
  Result<FileStatus> status() override { return file_->status(); }

 private:
  std::unique_ptr<File> file_;
  Executioner& executioner_;
};

class DoomedFileSystem final : public FileSystem {
 public:
  explicit DoomedFileSystem(std::uint64_t call) : executioner_(call) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto opened = mode == OpenMode::kRead ? files_.open(path, mode)
                                          : executioner_.around([&] { return files_.open(path, mode); });
    if (!opened.ok()) return opened;
    return std::unique_ptr<File>(new DoomedFile(*std::move(opened), executioner_));
  }
  Result<> rename(const std::string& from, const std::string& to) override {
    return executioner_.around([&] { return files_.rename(from, to); });
  }
  Result<> unlink(const std::string& path) override {
    return executioner_.around([&] { return files_.unlink(path); });
  }
  Result<> make_directory(const std::string& path) override {
    return executioner_.around([&] { return files_.make_directory(path); });
  }
  Result<> remove_directory(const std::string& path) override {
    return executioner_.around([&] { return files_.remove_directory(path); });
  }
  Result<> sync_directory(const std::string& path) override {
    return executioner_.around([&] { return files_.sync_directory(path); });
  }
  Result<std::vector<std::string>> list(const std::string& path) override { return files_.list(path); }
  Result<FileStatus> status(const std::string& path) override { return files_.status(path); }
  bool is_link(const std::string& path) override { return files_.is_link(path); }
  Result<std::uint64_t> free_bytes(const std::string& path) override { return files_.free_bytes(path); }
  Result<> fill_random(Bytes into) override { return files_.fill_random(into); }
  std::uint32_t process_id() override { return files_.process_id(); }
  std::uint32_t user_id() override { return files_.user_id(); }
  std::string host_name() override { return files_.host_name(); }
  void sleep_us(std::int64_t duration_us) override { files_.sleep_us(duration_us); }

 private:
  FileSystem& files_ = system_files();
  Executioner executioner_;
};

using Buffers = std::vector<std::vector<std::byte>>;

Buffers state(std::string_view payload) {
  Buffers buffers = {random_bytes(100, 1), random_bytes(kChunkBytes + 70000, 2)};
  if (payload == "second") {
    buffers[1][kChunkBytes + 1] ^= std::byte{1};
    buffers.push_back(random_bytes(300 << 10, 3));
  }
  return buffers;
}

// The newest checkpoint's payload after every byte was compared, "" for none, or what is wrong.
std::string restored(const std::string& place) {
  auto store = open_store(system_files(), place);
  if (!store.ok()) return "cannot open: " + store.error().to_string();
  auto reader = (*store)->open_newest();
  if (!reader.ok()) return reader.error().code() == ErrorCode::kNotFound ? "" : reader.error().to_string();
  if (!(*reader)->passed_over().empty()) return "a damaged checkpoint is visible";
  const std::string payload(as_text((*reader)->payload()));
  const Buffers expected = state(payload);
  if ((*reader)->blobs().size() != expected.size()) return "other blobs";
  for (std::size_t i = 0; i < expected.size(); ++i) {
    auto blob = (*reader)->map_blob((*reader)->blobs()[i]);
    if (!blob.ok() || !same_bytes(blob->bytes(), expected[i])) return "other bytes";
  }
  return payload;
}

Result<> write(FileSystem& files, const std::string& place, std::string_view payload) {
  ELASTIC_ASSIGN(const auto store, open_store(files, place));
  ELASTIC_TRY(write_checkpoint(*store, state(payload), payload));
  return success();
}

Result<> collect(FileSystem& files, const std::string& place) {
  ELASTIC_ASSIGN(const auto store, open_store(files, place));
  RetentionPolicy policy;
  policy.keep_newest = 1;
  ELASTIC_TRY(collect_garbage(*store, policy));
  return success();
}

// Runs `work` in a child that dies at its n-th change, for every n until one lives to the end;
// `check(finished)` after each. `prepare` makes the place.
template <class Prepare, class Work, class Check>
void for_every_kill(Prepare prepare, Work work, Check check) {
  bool finished = false;
  for (std::uint64_t call = 1; !finished; ++call) {
    SCOPED_TRACE("killed at change " + std::to_string(call));
    const testing::TemporaryDirectory directory;
    const std::string place = join_path(directory.path(), "store");
    prepare(place);
    const pid_t child = ::fork();
    if (child == 0) {
      DoomedFileSystem files(call);
      ::_exit(work(files, place).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    finished = WIFEXITED(status);
    ASSERT_TRUE(finished ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL) << status;
    check(place, finished);
    if (::testing::Test::HasFailure()) return;
    ASSERT_LT(call, 300U);
  }
}

void make_first(const std::string& place) { ELASTIC_ASSERT_OK(write(system_files(), place, "first")); }

TEST(KillTest, TheFirstCheckpointIsWholeOrNotThere) {
  for_every_kill([](const std::string&) {},
                 [](FileSystem& files, const std::string& place) { return write(files, place, "first"); },
                 [](const std::string& place, bool finished) {
                   const std::string there = restored(place);
                   EXPECT_TRUE(there == "first" || (there.empty() && !finished)) << there;
                   ELASTIC_EXPECT_OK(write(system_files(), place, "second"));
                   EXPECT_EQ(restored(place), "second");
                 });
}

TEST(KillTest, TheNextOneIsWholeOrTheOneBeforeStands) {
  for_every_kill(
      make_first, [](FileSystem& files, const std::string& place) { return write(files, place, "second"); },
      [](const std::string& place, bool finished) {
        const std::string there = restored(place);
        EXPECT_TRUE(there == "second" || (there == "first" && !finished)) << there;
        ELASTIC_EXPECT_OK(write(system_files(), place, "second"));
        EXPECT_EQ(restored(place), "second");
        // Locks died with their holder, so what it left is cleared away at once.
        ELASTIC_EXPECT_OK(collect(system_files(), place));
        EXPECT_TRUE(system_files().list(place + "/temp")->empty());
        EXPECT_TRUE(system_files().list(place + "/writers")->empty());
        EXPECT_EQ(restored(place), "second");
      });
}

TEST(KillTest, ACollectionNeverTakesWhatIsNeeded) {
  for_every_kill(
      [](const std::string& place) {
        make_first(place);
        ELASTIC_ASSERT_OK(write(system_files(), place, "second"));
      },
      collect,
      [](const std::string& place, bool) {
        EXPECT_EQ(restored(place), "second");
        ELASTIC_EXPECT_OK(collect(system_files(), place));
        EXPECT_EQ(restored(place), "second");
      });
}

TEST(KillTest, AnExportIsWholeOrNotThere) {
  for_every_kill(
      make_first,
      [](FileSystem& files, const std::string& place) -> Result<> {
        ELASTIC_ASSIGN(const auto store, open_store(files, place));
        ELASTIC_ASSIGN(const auto infos, store->list());
        return export_checkpoint(*store, infos.front().name, place + ".file", false);
      },
      [](const std::string& place, bool finished) {
        const auto reader = open_export_file(system_files(), place + ".file", test_key());
        EXPECT_TRUE(reader.ok() || (!finished && reader.error().code() == ErrorCode::kNotFound));
        if (reader.ok()) {
          ELASTIC_EXPECT_OK((*reader)->verify_all());
        }
        EXPECT_EQ(restored(place), "first");
      });
}

}  // namespace
}  // namespace elastic::store
