#include "store/pack_sink.hpp"

#include "store/digester.hpp"
#include "store/pack_index.hpp"
#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

class PackSinkTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(backend_->prepare().ok()); }

  BlobDigest add(PackSink& sink, ConstBytes bytes, bool mappable = false) {
    const BlobDigest digest = digest_chunk(DigestAlgorithm::kSha256, 0, bytes);
    EXPECT_TRUE(sink.add({digest, DigestAlgorithm::kSha256, Codec::kNone, bytes.size(), mappable},
                         std::span(&bytes, 1))
                    .ok());
    return digest;
  }

  testing::MemoryFileSystem files_;
  std::shared_ptr<Backend> backend_ = local_backend(files_, "/store");
};

TEST_F(PackSinkTest, TenThousandSmallFramesAreOneFileAndThreeSyncs) {
  PackSink sink(*backend_, files_);
  const auto bytes = random_bytes(10000 + 100, 1);
  std::vector<BlobDigest> digests;
  for (std::size_t i = 0; i < 10000; ++i) digests.push_back(add(sink, ConstBytes(bytes).subspan(i, 100)));
  const std::uint64_t syncs = files_.syncs();
  ASSERT_TRUE(sink.finish().ok());
  EXPECT_EQ(files_.syncs() - syncs, 2U);
  EXPECT_EQ(sink.packs().size(), 1U);
  const auto index = *PackIndex::build(backend_, nullptr);
  std::vector<std::byte> into(100);
  for (std::size_t i = 0; i < 10000; i += 777) {
    ELASTIC_EXPECT_OK(index->read_frame(digests[i], DigestAlgorithm::kSha256, 0, into));
    EXPECT_TRUE(same_bytes(into, ConstBytes(bytes).subspan(i, 100)));
  }
}

TEST_F(PackSinkTest, NeighbouringChunksLieSideBySideAtMappableOffsets) {
  PackSink sink(*backend_, files_);
  add(sink, random_bytes(33, 1));
  const auto bytes = random_bytes(3 * kChunkBytes, 2);
  std::vector<BlobDigest> digests;
  for (std::size_t i = 0; i < 3; ++i) {
    digests.push_back(add(sink, ConstBytes(bytes).subspan(i * kChunkBytes, kChunkBytes), true));
  }
  ASSERT_TRUE(sink.finish().ok());
  const auto index = *PackIndex::build(backend_, nullptr);
  const std::uint64_t first = index->find(digests[0])->offset;
  EXPECT_EQ(first % kMapAlignment, 0U);
  EXPECT_EQ(index->find(digests[1])->offset, first + kChunkBytes);
  EXPECT_EQ(index->find(digests[2])->offset, first + 2 * kChunkBytes);
}

TEST_F(PackSinkTest, AFullPackIsPublishedWhenTheNextOneIs) {
  PackSink sink(*backend_, files_, {300000, 1});
  std::vector<BlobDigest> digests;
  for (std::uint64_t i = 0; i < 6; ++i) digests.push_back(add(sink, random_bytes(200000, i)));
  EXPECT_EQ(backend_->list(ObjectClass::kPack)->size(), 4U) << "one is full, one is being filled";
  ASSERT_TRUE(sink.finish().ok());
  EXPECT_EQ(sink.packs().size(), 6U);
  const auto index = *PackIndex::build(backend_, nullptr);
  for (const BlobDigest& digest : digests) EXPECT_NE(index->find(digest), nullptr);
}

TEST_F(PackSinkTest, AsManyFullPacksAreUnderWayAsThePlaceTakes) {
  PackSink sink(*backend_, files_, {300000, 3});
  for (std::uint64_t i = 0; i < 6; ++i) add(sink, random_bytes(200000, i));
  EXPECT_EQ(backend_->list(ObjectClass::kPack)->size(), 2U) << "three are full, one is being filled";
  ASSERT_TRUE(sink.finish().ok());
  EXPECT_EQ(backend_->list(ObjectClass::kPack)->size(), 6U);
}

TEST_F(PackSinkTest, KnowsWhatItHas) {
  PackSink sink(*backend_, files_);
  const BlobDigest digest = add(sink, random_bytes(100, 1));
  EXPECT_EQ(sink.raw_bytes_of(digest), 100U);
  EXPECT_FALSE(sink.has({}));
}

}  // namespace
}  // namespace elastic::store
