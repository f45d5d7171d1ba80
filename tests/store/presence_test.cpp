#include "elastic/store/presence.hpp"

#include "elastic/store/writer.hpp"
#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

using testing::MemoryFileSystem;

class PresenceTest : public ::testing::TestWithParam<BlobKind> {
 protected:
  PresenceTest() {
    auto opened = open_store(files_, "/store", {}, clock_);
    EXPECT_TRUE(opened.ok());
    store_ = *std::move(opened);
  }
  Presence::Found look_up(ConstBytes bytes, const KnownBefore* before = nullptr) {
    auto presence = Presence::open(*store_);
    EXPECT_TRUE(presence.ok());
    return presence->look_up(std::span(&bytes, 1), GetParam(), before);
  }

  MemoryFileSystem files_;
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<Store> store_;
};

TEST_P(PresenceTest, FindsWhatIsThereSoThatItCanBeKept) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1000}, std::size_t{3500000}}) {
    const auto bytes = random_bytes(size, 1);
    EXPECT_EQ(look_up(bytes).blob.has_value(), size == 0) << size;
    ASSERT_TRUE(write_checkpoint(*store_, {bytes}, "p", GetParam()).ok());
    const Presence::Found found = look_up(bytes);
    ASSERT_TRUE(found.blob.has_value()) << size;
    EXPECT_EQ(found.missing_bytes, 0U);
    auto writer = store_->begin({});
    ASSERT_TRUE(writer.ok());
    EXPECT_TRUE((*writer)->keep_blob(*found.blob).ok());
    EXPECT_TRUE((*writer)->commit({}, std::span(&*found.blob, 1)).ok());
  }
}

TEST_P(PresenceTest, CountsOnlyTheChunksThatChanged) {
  auto bytes = random_bytes(3 * kChunkBytes + 1000, 1);
  ASSERT_TRUE(write_checkpoint(*store_, {bytes}, "p", GetParam()).ok());
  bytes[kChunkBytes + 5] ^= std::byte{1};
  const Presence::Found found = look_up(bytes);
  EXPECT_FALSE(found.blob.has_value());
  EXPECT_GE(found.missing_bytes, kChunkBytes);
  EXPECT_LT(found.missing_bytes, kChunkBytes + 1000);
}

TEST_P(PresenceTest, DigestsOnlyWhatIsSaidToHaveChanged) {
  const auto bytes = random_bytes(3 * kChunkBytes + 1000, 1);
  ASSERT_TRUE(write_checkpoint(*store_, {bytes}, "p", GetParam()).ok());
  const BlobRef former = *look_up(bytes).blob;
  auto other = bytes;
  other[5] ^= std::byte{1};                // not told: not looked at
  other[2 * kChunkBytes] ^= std::byte{1};  // told
  const ByteRange changed[] = {{2 * kChunkBytes, 1}};
  const KnownBefore before{former, changed}, unchanged{former, {}};
  EXPECT_EQ(look_up(other, &unchanged).blob, former);
  const std::uint64_t missing = look_up(other, &before).missing_bytes;
  EXPECT_GE(missing, kChunkBytes);
  EXPECT_LT(missing, kChunkBytes + 1000);
  const KnownBefore gone{BlobRef{.digest = {}, .size_bytes = former.size_bytes}, {}};
  EXPECT_FALSE(look_up(other, &gone).blob.has_value());
}

TEST_P(PresenceTest, ZerosAreNeverMissing) {
  EXPECT_LT(look_up(std::vector<std::byte>(5 * kChunkBytes)).missing_bytes, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, PresenceTest, ::testing::Values(BlobKind::kPickle, BlobKind::kBuffer));

}  // namespace
}  // namespace elastic::store
