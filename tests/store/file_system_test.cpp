#include "elastic/store/file_system.hpp"

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

using testing::FaultKind;
using testing::Loss;
using testing::MemoryFileSystem;

TEST(FileSystemTest, WriteFullyGoesOnAfterShortWrites) {
  MemoryFileSystem files;
  auto file = *files.open("/f", OpenMode::kCreateNew);
  const auto bytes = random_bytes(1000, 1);
  const ConstBytes all = bytes;
  const ConstBytes parts[] = {all.first(3), all.subspan(3, 0), all.subspan(3, 600), all.subspan(603)};
  files.arm_for_good(FaultKind::kShortWrite, 1);
  ELASTIC_EXPECT_OK(write_fully(*file, 5, parts));
  EXPECT_TRUE(same_bytes(ConstBytes(files.contents("/f")).subspan(5), all));
  std::vector<std::byte> into(1000);
  ELASTIC_EXPECT_OK(read_fully(*file, 5, into));
  EXPECT_EQ(into, bytes);
  EXPECT_EQ(read_fully(*file, 6, into).error().code(), ErrorCode::kCorruption);
}

TEST(FileSystemTest, ReadFileHoldsToItsLimit) {
  MemoryFileSystem files;
  files.set_contents("/f", random_bytes(100, 1));
  EXPECT_EQ(read_file(files, "/f", 100)->size(), 100U);
  EXPECT_EQ(read_file(files, "/f", 99).error().code(), ErrorCode::kLimitExceeded);
  EXPECT_EQ(read_file(files, "/g", 99).error().code(), ErrorCode::kNotFound);
}

TEST(FileSystemTest, PublishIsDurableWithAllItsBytes) {
  MemoryFileSystem files;
  ASSERT_TRUE(make_directories(files, "/a/b").ok());
  auto file = *files.open("/a/temp", OpenMode::kCreateNew);
  const auto bytes = random_bytes(1000, 1);
  const ConstBytes part = bytes;
  ASSERT_TRUE(write_fully(*file, 0, std::span(&part, 1)).ok());
  ELASTIC_EXPECT_OK(publish(files, *file, "/a/temp", "/a/b/final"));
  files.restart(Loss::kEverything);
  EXPECT_EQ(files.contents("/a/b/final"), bytes);
}

TEST(FileSystemTest, TheFakeLosesWhatWasNotSynced) {
  MemoryFileSystem files;
  auto file = *files.open("/f", OpenMode::kCreateNew);
  const auto bytes = random_bytes(100, 1);
  const ConstBytes part = bytes;
  ASSERT_TRUE(write_fully(*file, 0, std::span(&part, 1)).ok());
  ASSERT_TRUE(file->sync().ok());
  files.restart(Loss::kEverything);
  EXPECT_FALSE(files.status("/f").ok()) << "its name was not synced";
}

TEST(FileSystemTest, PathsJoinAndSplit) {
  EXPECT_EQ(join_path("/a", "b"), "/a/b");
  EXPECT_EQ(join_path("/a/", "b"), "/a/b");
  EXPECT_EQ(parent_directory("/a/b"), "/a");
  EXPECT_EQ(parent_directory("/a/b/"), "/a");
  EXPECT_EQ(parent_directory("/a"), "/");
  EXPECT_EQ(parent_directory("a"), ".");
}

}  // namespace
}  // namespace elastic::store
