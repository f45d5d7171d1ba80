#include "store/pack_index.hpp"

#include "store/digester.hpp"
#include "store/pack_sink.hpp"
#include "store_testing.hpp"
#include "support/memory_file_system.hpp"

namespace elastic::store {
namespace {

class PackIndexTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(backend_->prepare().ok()); }

  // One pack with a frame of these bytes.
  BlobDigest add(ConstBytes bytes) {
    PackSink sink(*backend_, files_);
    const BlobDigest digest = digest_chunk(DigestAlgorithm::kSha256, 0, bytes);
    EXPECT_TRUE(
        sink.add({digest, DigestAlgorithm::kSha256, Codec::kNone, bytes.size(), false}, std::span(&bytes, 1))
            .ok());
    EXPECT_TRUE(sink.finish().ok());
    return digest;
  }

  testing::MemoryFileSystem files_;
  std::shared_ptr<Backend> backend_ = local_backend(files_, "/store");
};

TEST_F(PackIndexTest, IsKeptWhileNothingChangesAndFollowsWhatDoes) {
  const auto bytes = random_bytes(100, 1);
  const BlobDigest digest = add(bytes);
  const auto index = *PackIndex::build(backend_, nullptr);
  EXPECT_EQ(*PackIndex::build(backend_, index), index);
  const auto more = random_bytes(100, 2);
  const BlobDigest second = add(more);
  EXPECT_EQ(index->find(second), nullptr);
  const auto newer = *PackIndex::build(backend_, index);
  EXPECT_NE(newer->find(second), nullptr);
  EXPECT_NE(newer->find(digest), nullptr);
  ASSERT_TRUE(backend_->remove(newer->packs()[newer->locate(digest)->pack]->name).ok());
  EXPECT_EQ((*PackIndex::build(backend_, newer))->find(digest), nullptr);
}

TEST_F(PackIndexTest, FindsEachOfManyFramesAndGivesItASlotOfItsOwn) {
  PackSink sink(*backend_, files_);
  std::vector<BlobDigest> digests;
  // Most begin alike, and so want the same slot.
  for (std::uint32_t i = 0; i < 1000; ++i) {
    BlobDigest& digest = digests.emplace_back();
    digest.bytes[7] = std::byte(i % 3);
    digest.bytes[30] = std::byte(i >> 8);
    digest.bytes[31] = std::byte(i);
    const ConstBytes bytes = as_bytes("x");
    ELASTIC_ASSERT_OK(
        sink.add({digest, DigestAlgorithm::kSha256, Codec::kNone, 1, false}, std::span(&bytes, 1)));
  }
  ELASTIC_ASSERT_OK(sink.finish());
  const auto index = *PackIndex::build(backend_, nullptr);
  std::set<std::size_t> slots;
  for (const BlobDigest& digest : digests) {
    ASSERT_NE(index->find(digest), nullptr);
    EXPECT_EQ(index->find(digest)->digest, digest);
    slots.insert(*index->slot_of(digest));
  }
  EXPECT_EQ(slots.size(), digests.size());
  EXPECT_LT(*slots.rbegin(), index->slot_count());
  EXPECT_EQ(index->find(BlobDigest{{std::byte{9}}}), nullptr);
}

TEST_F(PackIndexTest, TheDirectoryIsListedOnce) {
  add(random_bytes(100, 1));
  const auto index = *PackIndex::build(backend_, nullptr);
  const std::uint64_t before = files_.reads();
  EXPECT_EQ(*PackIndex::build(backend_, index), index);
  EXPECT_EQ(files_.reads() - before, 1U);
}

TEST_F(PackIndexTest, ReadsFramesAndChecksThem) {
  const auto bytes = random_bytes(100, 1);
  const BlobDigest digest = add(bytes);
  const auto index = *PackIndex::build(backend_, nullptr);
  std::vector<std::byte> into(100), shorter(99);
  ELASTIC_EXPECT_OK(index->read_frame(digest, DigestAlgorithm::kSha256, 0, into));
  EXPECT_EQ(into, bytes);
  EXPECT_EQ(index->read_frame(digest, DigestAlgorithm::kSha256, 0, shorter).error().code(),
            ErrorCode::kCorruption);
  EXPECT_EQ(index->read_frame(digest, DigestAlgorithm::kXxh3, 0, into).error().code(),
            ErrorCode::kCorruption);
  EXPECT_EQ(index->read_frame({}, DigestAlgorithm::kSha256, 0, into).error().code(), ErrorCode::kNotFound);
}

TEST_F(PackIndexTest, PassesOverADamagedPackAndSaysSo) {
  const auto bytes = random_bytes(100, 1), more = random_bytes(100, 2);
  const BlobDigest digest = add(bytes), second = add(more);
  auto index = *PackIndex::build(backend_, nullptr);
  const std::string path = "/store/" + index->packs()[index->locate(digest)->pack]->name.to_path();
  const auto whole = files_.contents(path);
  files_.set_contents(path, {whole.begin(), whole.end() - 1});
  index = *PackIndex::build(backend_, nullptr);
  EXPECT_EQ(index->find(digest), nullptr);
  EXPECT_NE(index->find(second), nullptr);
  EXPECT_NE(index->missing().message().find("a pack cannot be read"), std::string::npos);
  files_.set_contents(path, whole);
  EXPECT_NE((*PackIndex::build(backend_, index))->find(digest), nullptr) << "looked at again";
}

TEST_F(PackIndexTest, ManyPacksDoNotNeedManyDescriptors) {
  std::vector<BlobDigest> digests;
  for (int i = 0; i < 200; ++i) digests.push_back(add(random_bytes(10, static_cast<std::uint64_t>(i))));
  const auto index = *PackIndex::build(backend_, nullptr);
  std::vector<std::byte> into(10);
  for (const BlobDigest& digest : digests) {
    ELASTIC_EXPECT_OK(index->read_frame(digest, DigestAlgorithm::kSha256, 0, into));
  }
  std::size_t open = 0;
  for (const auto& pack : index->packs()) open += pack->reader != nullptr ? 1 : 0;
  EXPECT_LE(open, 64U);
}

}  // namespace
}  // namespace elastic::store
