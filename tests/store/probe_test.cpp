#include "elastic/store/probe.hpp"

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

using testing::MemoryFileSystem;

TEST(ProbeTest, MeasuresTwoSizesAndLeavesNothingBehind) {
  MemoryFileSystem files;
  ManualClock clock(1'700'000'000'000'000);
  auto store = open_store(files, "/store", {}, clock);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(write_checkpoint(**store, {random_bytes(1000, 1)}, "p", BlobKind::kBuffer).ok());
  const auto before = files.all_files();
  const auto samples = probe_link(**store);
  ASSERT_TRUE(samples.ok()) << samples.error().to_string();
  ASSERT_EQ(samples->size(), 2U);
  EXPECT_GE((*samples)[0].bytes, 4096U);
  EXPECT_GE((*samples)[1].bytes, 64 * (*samples)[0].bytes);
  EXPECT_EQ(files.all_files(), before);
}

TEST(ProbeTest, AFailedTransferIsAnErrorAndHarmsNothing) {
  MemoryFileSystem files;
  ManualClock clock(1'700'000'000'000'000);
  auto store = open_store(files, "/store", {}, clock);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(write_checkpoint(**store, {random_bytes(1000, 1)}, "p", BlobKind::kBuffer).ok());
  files.arm_for_good(testing::FaultKind::kDiskFull, 4);
  EXPECT_FALSE(probe_link(**store).ok());
  EXPECT_TRUE((*store)->open_newest().ok());
}

}  // namespace
}  // namespace elastic::store
