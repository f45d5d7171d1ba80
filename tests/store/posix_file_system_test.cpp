#include <unistd.h>

#include <cstring>

#include "store_testing.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::TemporaryDirectory;

TEST(PosixFileSystemTest, WritesReadsRenamesAndLists) {
  const TemporaryDirectory directory;
  FileSystem& files = system_files();
  auto file = files.open(directory / "a", OpenMode::kCreateNew);
  ELASTIC_ASSERT_OK(file);
  EXPECT_FALSE(files.open(directory / "a", OpenMode::kCreateNew).ok());
  const auto bytes = random_bytes(300000, 1);
  std::vector<ConstBytes> parts;  // more than one system call takes
  for (std::size_t at = 0; at < bytes.size(); at += 1000)
    parts.push_back(ConstBytes(bytes).subspan(at, 1000));
  ELASTIC_EXPECT_OK(write_fully(**file, 10, parts));
  (*file)->start_writeback(0, 1000);
  ELASTIC_EXPECT_OK(publish(files, **file, directory / "a", directory / "b"));
  EXPECT_EQ(*files.list(directory.path()), std::vector<std::string>{"b"});
  const auto status = files.status(directory / "b");
  EXPECT_EQ(status->size_bytes, 300010U);
  EXPECT_EQ(status->mode, 0600U);
  EXPECT_EQ(status->owner, files.user_id());
  EXPECT_EQ(status->type, FileStatus::Type::kFile);
  std::vector<std::byte> into(bytes.size());
  ELASTIC_EXPECT_OK(read_fully(**file, 10, into));
  EXPECT_EQ(into, bytes);
  ELASTIC_EXPECT_OK(files.unlink(directory / "b"));
  EXPECT_EQ(files.status(directory / "b").error().code(), ErrorCode::kNotFound);
}

TEST(PosixFileSystemTest, MapsAlignedRangesPrivately) {
  const TemporaryDirectory directory;
  auto file = *system_files().open(directory / "a", OpenMode::kCreateNew);
  const auto bytes = random_bytes(2 * kMapAlignment, 1);
  const ConstBytes part = bytes;
  ASSERT_TRUE(write_fully(*file, 0, std::span(&part, 1)).ok());
  auto region = *Region::of_pages(2 * kMapAlignment);
  EXPECT_FALSE(*file->map_private(1, region.bytes().first(kMapAlignment))) << "no multiple of the page size";
  ASSERT_TRUE(*file->map_private(kMapAlignment, region.bytes().first(kMapAlignment)));
  EXPECT_EQ(std::memcmp(region.data(), bytes.data() + kMapAlignment, kMapAlignment), 0);
  region.data()[0] ^= std::byte{1};
  std::byte byte;
  ASSERT_TRUE(read_fully(*file, kMapAlignment, Bytes(&byte, 1)).ok());
  EXPECT_EQ(byte, bytes[kMapAlignment]);
}

TEST(PosixFileSystemTest, LocksExcludeAndEndWithTheFile) {
  const TemporaryDirectory directory;
  FileSystem& files = system_files();
  auto first = *files.open(directory / "lock", OpenMode::kReadWrite);
  auto second = *files.open(directory / "lock", OpenMode::kReadWrite);
  EXPECT_TRUE(*first->try_lock(LockMode::kShared));
  EXPECT_TRUE(*second->try_lock(LockMode::kShared));
  EXPECT_FALSE(*second->try_lock(LockMode::kExclusive));
  first.reset();
  EXPECT_TRUE(*second->try_lock(LockMode::kExclusive));
}

TEST(PosixFileSystemTest, ErrorsSayWhatToDo) {
  const auto full = system_files().open("/dev/full", OpenMode::kReadWrite);
  if (!full.ok()) GTEST_SKIP() << "no /dev/full here";
  const auto bytes = random_bytes(100, 1);
  const ConstBytes part = bytes;
  const auto written = write_fully(**full, 0, std::span(&part, 1));
  ASSERT_FALSE(written.ok());
  EXPECT_NE(written.error().message().find("free some space"), std::string::npos);
  const TemporaryDirectory directory;
  EXPECT_EQ(system_files().open(directory / "x/y", OpenMode::kCreateNew).error().code(),
            ErrorCode::kNotFound);
}

TEST(PosixFileSystemTest, ALinkToNowhereIsNoDirectory) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::symlink((directory / "nowhere").c_str(), (directory / "link").c_str()), 0);
  const auto made = make_directories(system_files(), directory / "link/store");
  ASSERT_FALSE(made.ok());
  EXPECT_NE(made.error().message().find("link is a link to a place that is not there"), std::string::npos);
}

TEST(PosixFileSystemTest, RandomBytesDiffer) {
  std::array<std::byte, 32> first{}, second{};
  ASSERT_TRUE(system_files().fill_random(first).ok());
  ASSERT_TRUE(system_files().fill_random(second).ok());
  EXPECT_NE(first, second);
  EXPECT_EQ(system_files().process_id(), static_cast<std::uint32_t>(::getpid()));
}

}  // namespace
}  // namespace elastic::store
