#include "store/chunk_hasher.hpp"

#include "store/digester.hpp"
#include "store_testing.hpp"

namespace elastic::store {
namespace {

TEST(ChunkHasherTest, GivesTheSameDigestsWithAnyNumberOfThreads) {
  auto bytes = random_bytes(20 * kChunkBytes + 17, 1);
  std::fill_n(bytes.begin() + 5 * kChunkBytes, kChunkBytes, std::byte{0});
  const ConstBytes all = bytes;
  const Parts parts(std::span(&all, 1));
  std::vector<std::uint64_t> wanted;
  for (std::uint64_t i = 0; i < parts.chunk_count(); i += i % 3 == 0 ? 1 : 2) wanted.push_back(i);
  wanted.push_back(20);
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const int threads : {1, 2, 5}) {
    ChunkHasher hasher(parts, DigestAlgorithm::kXxh3, 9, wanted, threads);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto pieces = parts.chunk(wanted[i]);
      const BlobDigest expected =
          wanted[i] == 5 ? BlobDigest{} : digest_chunk(DigestAlgorithm::kXxh3, 9, pieces);
      EXPECT_EQ(hasher.digest_of(i), expected) << wanted[i];
    }
  }
}

TEST(ChunkHasherTest, CanBeLeftHalfWay) {
  const auto bytes = random_bytes(64 * kChunkBytes / 4, 1);
  const ConstBytes all = bytes;
  const Parts parts(std::span(&all, 1));
  std::vector<std::uint64_t> wanted(parts.chunk_count());
  for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = i;
  ChunkHasher hasher(parts, DigestAlgorithm::kSha256, 0, wanted, 3);
  EXPECT_FALSE(hasher.digest_of(0).is_zero());
}

}  // namespace
}  // namespace elastic::store
