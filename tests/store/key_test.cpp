#include "elastic/store/key.hpp"

#include <sys/stat.h>

#include "store_testing.hpp"
#include "support/memory_file_system.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::store {
namespace {

using testing::MemoryFileSystem;

TEST(KeyTest, MacIsHmacSha256) {
  std::array<std::byte, 32> secret{};
  std::fill_n(secret.begin(), 20, std::byte{0x0b});
  Sha256 mac = Key(secret).mac("Hi There", {});
  // The purpose, then the digest (here zeros), under the key; computed with Python's hmac module.
  BlobDigest shown;
  shown.bytes = mac;
  EXPECT_EQ(shown.to_hex(), "60461665fb6c02b51e941ed75b487fd2aa99e13a13f135e8b5ebca7f44465d2b");
}

TEST(KeyTest, MatchesItsOwnMacOnly) {
  const Key key = test_key(1);
  Sha256 digest{}, mac = key.mac("a", digest);
  EXPECT_TRUE(key.matches("a", digest, mac));
  EXPECT_FALSE(key.matches("b", digest, mac));
  EXPECT_FALSE(test_key(2).matches("a", digest, mac));
  mac[31] ^= std::byte{1};
  EXPECT_FALSE(key.matches("a", digest, mac));
  EXPECT_FALSE(key.matches("a", digest, Sha256{}));
  EXPECT_NE(test_key(1).blob_seed(), test_key(2).blob_seed());
}

TEST(KeyTest, IsMadeOnceAndFoundAgain) {
  MemoryFileSystem files;
  const auto made = load_or_create_key(files, "/home/user/.local/share/elasticpython/key");
  ELASTIC_ASSERT_OK(made);
  const auto found = load_or_create_key(files, "/home/user/.local/share/elasticpython/key");
  ELASTIC_ASSERT_OK(found);
  EXPECT_EQ(made->blob_seed(), found->blob_seed());
  files.restart(testing::Loss::kEverything);
  EXPECT_EQ(load_or_create_key(files, "/home/user/.local/share/elasticpython/key")->blob_seed(),
            made->blob_seed());
}

TEST(KeyTest, IsPrivateOnDisk) {
  const testing::TemporaryDirectory directory;
  ::umask(0);
  ELASTIC_ASSERT_OK(load_or_create_key(system_files(), directory / "a/key"));
  struct stat status {};
  ASSERT_EQ(::stat((directory / "a/key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_EQ(::stat((directory / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ::umask(022);
}

TEST(KeyTest, RefusesOneThatOthersCanReadOrOfAnotherSize) {
  MemoryFileSystem files;
  ELASTIC_ASSERT_OK(load_or_create_key(files, "/key"));
  files.set_mode("/key", 0640);
  const auto readable = load_or_create_key(files, "/key");
  ASSERT_FALSE(readable.ok());
  EXPECT_NE(readable.error().message().find("chmod 600 /key"), std::string::npos);
  files.set_mode("/key", 0600);
  files.set_contents("/key", random_bytes(31, 1));
  EXPECT_EQ(load_or_create_key(files, "/key").error().code(), ErrorCode::kCorruption);
}

TEST(KeyTest, RefusesWhatIsNoFile) {
  const auto key = load_or_create_key(system_files(), "/dev/zero");
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().message(), "the key /dev/zero is not a file; move it away");
}

TEST(KeyTest, WhereNoneCanBeMadeAnotherPlaceIsNamed) {
  const auto made = load_or_create_key(system_files(), "/proc/nowhere/key");
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_NE(made.error().message().find("ELASTICPYTHON_KEY"), std::string::npos);
}

TEST(KeyTest, IsWholeOrNotThereAtEveryKill) {
  for (std::uint64_t call = 1; call < 12; ++call) {
    MemoryFileSystem files;
    files.arm(testing::FaultKind::kKill, call);
    const auto made = load_or_create_key(files, "/a/key");
    files.restart(testing::Loss::kSome, call);
    const auto again = load_or_create_key(files, "/a/key");
    ELASTIC_ASSERT_OK(again);
    EXPECT_TRUE(!made.ok() || made->blob_seed() == again->blob_seed());
  }
}

}  // namespace
}  // namespace elastic::store
