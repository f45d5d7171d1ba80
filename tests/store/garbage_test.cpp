#include "elastic/store/garbage.hpp"

#include <set>

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

using testing::FaultKind;
using testing::MemoryFileSystem;

constexpr std::int64_t kHourUs = 3600LL * 1000000;

class GarbageTest : public ::testing::Test {
 protected:
  GarbageTest() {
    auto opened = open_store(files_, "/store", {}, clock_);
    EXPECT_TRUE(opened.ok());
    store_ = *std::move(opened);
  }

  CheckpointName write(int seed, const std::string& label = "a", std::size_t size = 400000) {
    clock_.advance_us(kHourUs);
    const auto report = write_checkpoint(*store_, {random_bytes(size, static_cast<std::uint64_t>(seed))},
                                         std::to_string(seed), BlobKind::kBuffer, label);
    EXPECT_TRUE(report.ok());
    return report->name;
  }
  GarbageReport collect(const RetentionPolicy& policy, bool dry_run = false) {
    auto report = collect_garbage(*store_, policy, dry_run);
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().to_string());
    return report.ok() ? *report : GarbageReport{};
  }
  std::vector<std::string> payloads() {
    std::vector<std::string> found;
    const auto infos = store_->list();
    for (const auto& info : *infos) {
      auto reader = store_->open_checkpoint(info.name.to_string());
      EXPECT_TRUE(reader.ok() && (*reader)->verify_all().ok());
      found.emplace_back(as_text((*reader)->payload()));
    }
    return found;
  }
  std::uint64_t bytes_on_disk() {
    std::uint64_t bytes = 0;
    for (const auto& path : files_.all_files()) bytes += files_.contents(path).size();
    return bytes;
  }

  MemoryFileSystem files_;
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<Store> store_;
};

using Texts = std::vector<std::string>;

TEST_F(GarbageTest, KeepsTheNewestOfEachLabel) {
  for (int i = 1; i <= 3; ++i) write(i, "a");
  for (int i = 4; i <= 6; ++i) write(i, "b");
  RetentionPolicy policy;
  policy.keep_newest = 1;
  EXPECT_EQ(collect(policy).removed.size(), 4U);
  EXPECT_EQ(payloads(), (Texts{"3", "6"}));
  policy.keep_newest = 0;  // at least one, whatever is asked for
  EXPECT_TRUE(collect(policy).removed.empty());
}

TEST_F(GarbageTest, AutomaticOnesPushOutNothingThatWasAskedFor) {
  write(1);
  write(2);
  for (int i = 3; i <= 6; ++i) {
    clock_.advance_us(kHourUs);
    ASSERT_TRUE(write_checkpoint(*store_, {random_bytes(1000, static_cast<std::uint64_t>(i))},
                                 std::to_string(i), BlobKind::kBuffer, "a", true)
                    .ok());
  }
  EXPECT_EQ(store_->list()->front().automatic, false);
  EXPECT_EQ(store_->list()->back().automatic, true);
  RetentionPolicy policy;
  policy.keep_newest = 2;
  collect(policy);
  EXPECT_EQ(payloads(), (Texts{"1", "2", "5", "6"}));
  policy.keep_newest = 1;
  collect(policy);
  EXPECT_EQ(payloads(), (Texts{"2", "6"}));
}

TEST_F(GarbageTest, TakesWhatIsTooOldButNeverTheNewest) {
  for (int i = 1; i <= 4; ++i) write(i);
  RetentionPolicy policy;
  policy.max_age_us = kHourUs + kHourUs / 2;
  collect(policy);
  EXPECT_EQ(payloads(), (Texts{"3", "4"}));
  clock_.advance_us(1000 * kHourUs);
  collect(policy);
  EXPECT_EQ(payloads(), (Texts{"4"}));
}

TEST_F(GarbageTest, KeepsWithinBytes) {
  for (int i = 1; i <= 4; ++i) write(i);
  RetentionPolicy policy;
  policy.max_bytes = 900000;  // two of 400,000
  collect(policy);
  EXPECT_EQ(payloads(), (Texts{"3", "4"}));
  EXPECT_LT(bytes_on_disk(), 1200000U);
}

TEST_F(GarbageTest, FreesTheSpaceAndSaysHowMuch) {
  for (int i = 1; i <= 4; ++i) write(i);
  const std::uint64_t before = bytes_on_disk();
  RetentionPolicy policy;
  policy.keep_newest = 1;
  const std::uint64_t promised = collect(policy, true).bytes_freed;
  EXPECT_EQ(bytes_on_disk(), before) << "a dry run changes nothing";
  const GarbageReport report = collect(policy);
  EXPECT_EQ(report.bytes_freed, promised);
  EXPECT_EQ(report.packs_removed, 3U);
  EXPECT_GE(before - bytes_on_disk(), report.bytes_freed);
}

TEST_F(GarbageTest, CopiesWhatIsAliveOutOfAPackThatIsMostlyDead) {
  auto big = random_bytes(6 * kChunkBytes, 1);
  clock_.advance_us(kHourUs);
  ASSERT_TRUE(write_checkpoint(*store_, {big}, "1", BlobKind::kBuffer, "a").ok());
  const auto changed = random_bytes(5 * kChunkBytes, 2);
  std::copy(changed.begin(), changed.end(), big.begin());  // the last chunk stays
  clock_.advance_us(kHourUs);
  ASSERT_TRUE(write_checkpoint(*store_, {big}, "2", BlobKind::kBuffer, "a").ok());
  RetentionPolicy policy;
  policy.keep_newest = 1;
  EXPECT_EQ(collect(policy).packs_rewritten, 1U);
  EXPECT_EQ(payloads(), (Texts{"2"}));
  EXPECT_LT(bytes_on_disk(), 6 * kChunkBytes + 200000);
  auto reader = store_->open_newest();
  ELASTIC_ASSERT_OK(reader);
  auto mapped = (*reader)->map_blob((*reader)->blobs()[0]);
  ELASTIC_ASSERT_OK(mapped);
  EXPECT_TRUE(same_bytes(mapped->bytes(), big));
}

TEST_F(GarbageTest, FreesWhatIsDeadBeforeItNeedsRoomForTheRest) {
  write(7);
  const std::vector<std::string> files = files_.all_files();
  const auto dead =
      std::find_if(files.begin(), files.end(), [](const auto& path) { return path.ends_with(".pack"); });
  ASSERT_NE(dead, files.end());
  auto big = random_bytes(6 * kChunkBytes, 1);
  ASSERT_TRUE(write_checkpoint(*store_, {big}, "1", BlobKind::kBuffer, "a").ok());
  const auto changed = random_bytes(5 * kChunkBytes, 2);
  std::copy(changed.begin(), changed.end(), big.begin());
  ASSERT_TRUE(write_checkpoint(*store_, {big}, "2", BlobKind::kBuffer, "a").ok());
  RetentionPolicy policy;
  policy.keep_newest = 1;
  for (std::uint64_t call = 1;; ++call) {
    files_.arm(FaultKind::kDiskFull, call);
    const auto report = collect_garbage(*store_, policy);
    files_.disarm();
    ASSERT_FALSE(report.ok()) << "no room was needed";
    if (report.error().message().find("/temp/") != std::string::npos) break;
  }
  const std::vector<std::string> left = files_.all_files();
  EXPECT_EQ(std::count(left.begin(), left.end(), *dead), 0);
  EXPECT_EQ(collect(policy).packs_rewritten, 1U);
  EXPECT_EQ(payloads(), (Texts{"2"}));
}

TEST_F(GarbageTest, MergesManySmallPacks) {
  for (int i = 1; i <= 20; ++i) write(i, "a", 5000);
  EXPECT_EQ(collect({}).packs_rewritten, 20U);
  EXPECT_EQ(payloads().size(), 20U);
  EXPECT_EQ(collect({}).packs_rewritten, 0U);
}

TEST_F(GarbageTest, NamesAloneTellWhetherThereMayBeTooMuch) {
  RetentionPolicy policy;
  policy.keep_newest = 2;
  for (int i = 1; i <= 2; ++i) write(i, "a", 5000);
  EXPECT_FALSE(may_exceed(*store_, policy));
  write(3, "b", 5000);  // the names do not tell labels apart
  EXPECT_TRUE(may_exceed(*store_, policy));
  EXPECT_FALSE(may_exceed(*store_, {}));
  policy.keep_newest = 100;
  EXPECT_FALSE(may_exceed(*store_, policy));
  policy.max_bytes = 1 << 30;  // what they hold is not in their names
  EXPECT_TRUE(may_exceed(*store_, policy));
  for (int i = 4; i <= 20; ++i) write(i, "a", 5000);
  EXPECT_TRUE(may_exceed(*store_, {}));  // small packs to be merged
}

TEST_F(GarbageTest, LeavesEverythingWhileSomebodyReadsOrWrites) {
  write(1);
  write(2);
  RetentionPolicy policy;
  policy.keep_newest = 1;
  {
    auto reader = store_->open_newest();
    ELASTIC_ASSERT_OK(reader);
    EXPECT_TRUE(collect(policy).someone_at_work);
  }
  {
    auto other = open_store(files_, "/store", {}, clock_);
    ELASTIC_ASSERT_OK(other);
    auto writer = (*other)->begin({.label = "b", .expected_bytes = 0, .hash_threads = 1, .progress = {}});
    ELASTIC_ASSERT_OK(writer);
    EXPECT_TRUE(collect(policy).someone_at_work);
    EXPECT_FALSE(store_->remove((*store_->list())[0].name).ok());
    // Not removed beneath it either: what was there when it began can be kept.
    ELASTIC_EXPECT_OK((*writer)->commit(as_bytes("b"), {}));
  }
  EXPECT_FALSE(collect(policy).someone_at_work);
  EXPECT_EQ(payloads(), (Texts{"2", "b"}));
}

TEST_F(GarbageTest, LeavesBlobsAloneWhileAManifestIsInDoubt) {
  const CheckpointName doubtful = write(1);
  write(2);
  const std::string path = "/store/" + doubtful.object().to_path();
  const auto whole = files_.contents(path);
  for (const std::size_t at : {std::size_t{10}, whole.size() / 2}) {  // a newer version; damage
    auto bytes = whole;
    bytes[at] ^= std::byte{0x10};
    files_.set_contents(path, bytes);
    const std::uint64_t before = bytes_on_disk();
    const GarbageReport report = collect({});
    ASSERT_TRUE(report.stopped);
    EXPECT_NE(report.stopped->message().find(doubtful.to_string()), std::string::npos);
    EXPECT_EQ(bytes_on_disk(), before);
  }
  files_.set_contents(path, whole);
  EXPECT_FALSE(collect({}).stopped);
  EXPECT_EQ(payloads(), (Texts{"1", "2"}));
}

TEST_F(GarbageTest, RefusesWhereThereAreNoLocks) {
  write(1);
  files_.set_has_locks(false);
  write(2);
  RetentionPolicy policy;
  policy.keep_newest = 1;
  EXPECT_FALSE(collect_garbage(*store_, policy).ok());
  EXPECT_EQ(payloads(), (Texts{"1", "2"}));
}

TEST_F(GarbageTest, TakesWhatDeadWritersLeft) {
  write(1);
  {
    auto writer = store_->begin({.label = "a", .expected_bytes = 0, .hash_threads = 1, .progress = {}});
    ELASTIC_ASSERT_OK(writer);
    ELASTIC_ASSERT_OK((*writer)->put_blob(random_bytes(100000, 5), BlobKind::kBuffer));
    files_.arm(testing::FaultKind::kKill, 1);
    EXPECT_FALSE((*writer)->commit(as_bytes("x"), {}).ok());
  }
  files_.restart(testing::Loss::kNothing);
  const auto leftovers = [&] {
    std::size_t count = 0;
    for (const auto& path : files_.all_files()) {
      if (path.find("/temp/") != std::string::npos || path.find("/writers/") != std::string::npos) ++count;
    }
    return count;
  };
  EXPECT_EQ(leftovers(), 2U);
  EXPECT_TRUE(store_->writers()->empty()) << "a dead writer is not at work";
  collect({});
  EXPECT_EQ(leftovers(), 0U);
  EXPECT_EQ(payloads(), (Texts{"1"}));
}

}  // namespace
}  // namespace elastic::store
