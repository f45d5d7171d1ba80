#include "elastic/store/store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::MemoryFileSystem;
using testing::TemporaryDirectory;

void expect_refused(MemoryFileSystem& files, const std::string& path, ErrorCode code, const std::string& hint,
                    StoreMode mode = StoreMode::kCreate) {
  const auto before = files.all_files();
  StoreOptions options;
  options.mode = mode;
  const auto store = open_store(files, path, options);
  ASSERT_FALSE(store.ok()) << path;
  EXPECT_EQ(store.error().code(), code) << store.error().to_string();
  EXPECT_NE(store.error().message().find(hint), std::string::npos) << store.error().message();
  EXPECT_EQ(store.error().message().find('\n'), std::string::npos);
  EXPECT_EQ(files.all_files(), before) << "nothing may be written";
}

TEST(StoreTest, EveryPathThatIsNoStoreIsAClearErrorAndLeftAlone) {
  MemoryFileSystem files;
  ASSERT_TRUE(files.make_directory("/documents").ok());
  files.set_contents("/documents/thesis.tex", random_bytes(100, 1));
  files.set_contents("/file", random_bytes(100, 2));
  ASSERT_TRUE(files.make_directory("/empty").ok());
  expect_refused(files, "/documents", ErrorCode::kInvalidArgument, "choose an empty or a new directory");
  expect_refused(files, "/file", ErrorCode::kInvalidArgument, "choose another path");
  expect_refused(files, "/missing", ErrorCode::kNotFound, "no checkpoints at /missing", StoreMode::kExisting);
  expect_refused(files, "/empty", ErrorCode::kNotFound, "no checkpoints at /empty", StoreMode::kExisting);
  ELASTIC_EXPECT_OK(open_store(files, "/empty"));
  files.set_contents("/empty/elastic-store.json", {});
  expect_refused(files, "/empty", ErrorCode::kCorruption, "damaged");
  const std::string newer = R"({"format": "elasticpython-store", "version": 9, "reads_from": 7})";
  files.set_contents("/empty/elastic-store.json", {as_bytes(newer).begin(), as_bytes(newer).end()});
  expect_refused(files, "/empty", ErrorCode::kUnsupportedVersion, "upgrade");
}

TEST(StoreTest, ReadsWhatItMayNotWrite) {
  MemoryFileSystem files;
  auto store = open_store(files, "/store");
  ELASTIC_ASSERT_OK(store);
  ELASTIC_ASSERT_OK(write_checkpoint(**store, {random_bytes(1000, 1)}));
  files.set_read_only(true);
  auto again = open_store(files, "/store");
  ELASTIC_ASSERT_OK(again);
  auto reader = (*again)->open_newest();
  ELASTIC_ASSERT_OK(reader);
  ELASTIC_EXPECT_OK((*reader)->verify_all());
  const auto writer = (*again)->begin({.label = "", .expected_bytes = 0, .hash_threads = 1, .progress = {}});
  ASSERT_FALSE(writer.ok());
  EXPECT_NE(writer.error().message().find("read-only"), std::string::npos) << writer.error().message();
}

TEST(StoreTest, NewestIsTheLastWrittenEvenIfTheClockGoesBack) {
  MemoryFileSystem files;
  ManualClock clock(2'000'000'000'000'000);
  auto store = *open_store(files, "/store", {}, clock);
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {}, "1"));
  ManualClock earlier(1'000'000'000'000'000);
  auto again = *open_store(files, "/store", {}, earlier);
  ELASTIC_ASSERT_OK(write_checkpoint(*again, {}, "2"));
  EXPECT_EQ(as_text((*again->open_newest())->payload()), "2");
}

TEST(StoreTest, WhereNoneCanBeNewerNoneIsWritten) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  const auto report = write_checkpoint(*store, {}, "1");
  ELASTIC_ASSERT_OK(report);
  const std::string name = report->name.to_string();
  // As somebody may have called a copy, so that it is the newest.
  files.set_contents("/store/manifests/ffffffffffffffff-" + name.substr(17) + ".manifest",
                     files.contents("/store/manifests/" + name + ".manifest"));
  const auto next = write_checkpoint(*store, {}, "2");
  ASSERT_FALSE(next.ok());
  EXPECT_NE(next.error().message().find("none can be newer"), std::string::npos) << next.error().message();
}

TEST(StoreTest, TellsLabelsApart) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {}, "1", BlobKind::kBuffer, "a"));
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {}, "2", BlobKind::kBuffer, "b"));
  EXPECT_EQ(as_text((*store->open_newest("a"))->payload()), "1");
  EXPECT_EQ(as_text((*store->open_newest())->payload()), "2");
  EXPECT_EQ(store->open_newest("c").error().code(), ErrorCode::kNotFound);
}

TEST(StoreTest, TheLastChoiceIsTakenWhereThereIsNoOther) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  const CheckpointName first = write_checkpoint(*store, {}, "1", BlobKind::kBuffer, "a")->name;
  EXPECT_EQ(as_text((*store->open_newest("a", first))->payload()), "1");
  const CheckpointName newest = write_checkpoint(*store, {}, "2", BlobKind::kBuffer, "b")->name;
  EXPECT_EQ(as_text((*store->open_newest({}, newest))->payload()), "1");
  EXPECT_EQ(as_text((*store->open_newest("b", newest))->payload()), "2");
  EXPECT_EQ(as_text((*store->open_newest({}, first))->payload()), "2");
  EXPECT_EQ(as_text((*store->open_newest({}, CheckpointName{1, 2}))->payload()), "2");  // one that is gone
}

TEST(StoreTest, OpensByAnyUniqueBeginningOfAName) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  const auto first = write_checkpoint(*store, {}, "1");
  const auto second = write_checkpoint(*store, {}, "2");
  ELASTIC_ASSERT_OK(second);
  const std::string name = first->name.to_string();
  EXPECT_EQ(as_text((*store->open_checkpoint(name))->payload()), "1");
  EXPECT_EQ(as_text((*store->open_checkpoint(name.substr(17, 8)))->payload()), "1");
  EXPECT_EQ(store->open_checkpoint("").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store->open_checkpoint("../../etc/passwd").error().code(), ErrorCode::kNotFound);
}

TEST(StoreTest, WithoutTheKeyNothingIsTrusted) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {random_bytes(100, 1)}, "1"));
  for (const std::optional<Key>& key : {std::optional<Key>(), std::optional(test_key(2))}) {
    auto other = *open_store(files, "/store", {}, system_clock(), key);
    auto reader = other->open_newest();
    ELASTIC_ASSERT_OK(reader);
    EXPECT_FALSE((*reader)->trusted());
    ELASTIC_EXPECT_OK((*reader)->verify_all());
  }
}

TEST(StoreTest, ShowsWhoIsAtWork) {
  MemoryFileSystem files;
  files.set_process_id(77);
  auto store = *open_store(files, "/store");
  EXPECT_TRUE(store->writers()->empty());
  auto writer =
      store->begin({.label = "notebook", .expected_bytes = 5 << 20, .hash_threads = 1, .progress = {}});
  ELASTIC_ASSERT_OK(writer);
  ELASTIC_ASSERT_OK((*writer)->put_blob(random_bytes(3 << 20, 1), BlobKind::kBuffer));
  auto other = *open_store(files, "/store");
  const auto running = other->writers();
  ASSERT_TRUE(running.ok() && running->size() == 1);
  EXPECT_EQ(running->front().pid, 77U);
  EXPECT_EQ(running->front().label, "notebook");
  EXPECT_EQ(running->front().bytes_done, 3U << 20);
  EXPECT_EQ(running->front().bytes_total, 5U << 20);
  int asked = 0;
  const auto waited = other->wait_for_writers("notebook", [&](const auto& status) {
    EXPECT_EQ(status.size(), 1U);
    if (++asked == 3) static_cast<void>((*writer)->commit(as_bytes("x"), {}).ok());
    return true;
  });
  EXPECT_TRUE(waited.ok() && *waited);
  EXPECT_EQ(asked, 3);
  EXPECT_TRUE(*other->wait_for_writers("notebook", [](const auto&) { return false; }));
}

TEST(StoreTest, WhatTookLongIsAsOldAsItsBeginning) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {random_bytes(100, 1)}, "before"));
  WriterOptions options;
  options.as_of_begin = true;
  auto slow = store->begin(options);
  ELASTIC_ASSERT_OK(slow);
  ELASTIC_ASSERT_OK(write_checkpoint(*store, {random_bytes(100, 2)}, "meanwhile"));
  ELASTIC_ASSERT_OK((*slow)->commit(as_bytes("slow"), {}));
  EXPECT_EQ(as_text((*store->open_newest())->payload()), "meanwhile");
  const auto infos = *store->list();
  ASSERT_EQ(infos.size(), 3U);
  EXPECT_EQ(as_text((*store->open_checkpoint(infos[1].name.to_string()))->payload()), "slow");
}

TEST(StoreTest, AListShowsThePayloadsAndReadsEachManifestOnce) {
  MemoryFileSystem files;
  auto store = *open_store(files, "/store");
  for (const char* payload : {"first", "second", "third"})
    ELASTIC_ASSERT_OK(write_checkpoint(*store, {random_bytes(100, 1)}, payload));
  const std::string damaged = (*store->list())[1].name.object().to_path();
  files.set_contents("/store/" + damaged, random_bytes(100, 2));
  const std::uint64_t before = files.reads();
  std::vector<std::string> seen;
  const auto infos = store->list([&](const CheckpointInfo& info, ConstBytes payload) {
    EXPECT_TRUE(info.trusted);
    seen.emplace_back(as_text(payload));
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"first", "third"}));
  EXPECT_TRUE((*infos)[1].damage);
  EXPECT_EQ(files.reads() - before, 4U);  // the directory, and three files
}

TEST(StoreTest, ACheckpointThatCameToNothingIsToldWithTheOneBefore) {
  const TemporaryDirectory directory;
  auto store = *open_store(system_files(), directory / "store");
  WriterOptions options;
  options.label = "notebook";
  const auto begin_and_die = [&](const std::string& failure) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto writer = store->begin(options);
      if (writer.ok() && !failure.empty()) {
        (*writer)->give_up(failure);
        writer->reset();
      }
      ::_exit(writer.ok() ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  };
  const auto told = [&] {
    std::vector<std::string> failures;
    auto reader = store->open_newest("notebook");
    EXPECT_TRUE(reader.ok());
    for (const WriterStatus& each : (*reader)->unfinished()) failures.push_back(each.failure);
    return failures;
  };
  begin_and_die("too early to count");
  const auto write = [&] {
    auto writer = store->begin(options);
    EXPECT_TRUE(writer.ok() && (*writer)->commit(as_bytes("x"), {}).ok());
  };
  write();
  EXPECT_TRUE(told().empty());
  begin_and_die("");
  EXPECT_EQ(told(), std::vector<std::string>{"its process was killed, or ran out of time"});
  EXPECT_TRUE(store->writers()->empty());
  write();
  EXPECT_TRUE(told().empty());
  begin_and_die("the disk is full");
  EXPECT_EQ(told(), std::vector<std::string>{"the disk is full"});
  const auto alive = store->begin(options);
  ELASTIC_ASSERT_OK(alive);
  EXPECT_EQ(told().size(), 2U);
}

TEST(StoreTest, AForkedChildFinishesWhatItsParentBegan) {
  const TemporaryDirectory directory;
  auto store = *open_store(system_files(), directory / "store");
  const auto pickle = random_bytes(1000, 1), buffer = random_bytes(3 * kChunkBytes, 2);
  auto writer = store->begin({.label = "notebook", .expected_bytes = 0, .hash_threads = 2, .progress = {}});
  ELASTIC_ASSERT_OK(writer);
  const auto first = (*writer)->put_blob(pickle, BlobKind::kPickle);
  ELASTIC_ASSERT_OK(first);
  int go[2];
  ASSERT_EQ(::pipe(go), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte;
    if (::read(go[0], &byte, 1) != 1) ::_exit(1);
    const auto second = (*writer)->put_blob(buffer, BlobKind::kBuffer);
    if (!second.ok()) ::_exit(2);
    const BlobRef blobs[] = {*first, *second};
    const bool committed = (*writer)->commit(as_bytes("from the child"), blobs).ok();
    ::_exit(committed ? 0 : 3);
  }
  (*writer)->leave_to_child();
  writer->reset();
  EXPECT_EQ(store->writers()->size(), 1U) << "the child holds the lock";
  EXPECT_EQ(*store->backend().try_lease(LockMode::kExclusive), nullptr);
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  EXPECT_TRUE(*store->wait_for_writers("notebook", [](const auto&) { return true; }));
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  ::close(go[0]);
  ::close(go[1]);
  auto reader = store->open_newest("notebook");
  ELASTIC_ASSERT_OK(reader);
  EXPECT_EQ(as_text((*reader)->payload()), "from the child");
  EXPECT_TRUE(same_bytes((*reader)->read_blob((*reader)->blobs()[0])->bytes(), pickle));
  EXPECT_TRUE(same_bytes((*reader)->read_blob((*reader)->blobs()[1])->bytes(), buffer));
}

TEST(StoreTest, AWriterKilledAtAnyMomentLeavesTheOneBefore) {
  const TemporaryDirectory directory;
  ELASTIC_ASSERT_OK(
      write_checkpoint(**open_store(system_files(), directory / "store"), {random_bytes(5000, 1)}, "0"));
  int finished = 0;
  for (int round = 1; round <= 20; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = open_store(system_files(), directory / "store");
      const auto state = random_bytes(4 * kChunkBytes, static_cast<std::uint64_t>(round));
      ::_exit(store.ok() && write_checkpoint(**store, {state}, std::to_string(round)).ok() ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(round * round * 600));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    finished += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
    auto store = *open_store(system_files(), directory / "store");
    EXPECT_TRUE(store->writers()->empty());
    auto reader = store->open_newest();
    ELASTIC_ASSERT_OK(reader);
    EXPECT_TRUE((*reader)->passed_over().empty());
    ELASTIC_EXPECT_OK((*reader)->verify_all());
  }
  std::cout << finished << " of 20 writers finished before they were killed\n";
}

}  // namespace
}  // namespace elastic::store
