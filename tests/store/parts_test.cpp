#include "store/parts.hpp"

#include "store_testing.hpp"

namespace elastic::store {
namespace {

std::vector<std::byte> joined(const std::vector<ConstBytes>& pieces) {
  std::vector<std::byte> out;
  for (const ConstBytes piece : pieces) out.insert(out.end(), piece.begin(), piece.end());
  return out;
}

TEST(PartsTest, SlicesAreThoseOfTheConcatenation) {
  const auto bytes = random_bytes(1000, 1);
  const ConstBytes all = bytes;
  const std::vector<ConstBytes> pieces = {all.first(0), all.first(10),        all.subspan(10, 1),
                                          {},           all.subspan(11, 500), all.subspan(511)};
  const Parts parts(pieces);
  ASSERT_EQ(parts.size_bytes(), 1000U);
  for (std::uint64_t from = 0; from < 1000; from += 7) {
    for (const std::uint64_t length : {0U, 1U, 3U, 500U}) {
      if (from + length > 1000) continue;
      EXPECT_TRUE(same_bytes(joined(parts.slice(from, length)), all.subspan(from, length)))
          << from << " " << length;
    }
  }
}

TEST(PartsTest, TheLastChunkIsShorter) {
  const auto bytes = random_bytes(2 * kChunkBytes + 3, 1);
  const ConstBytes all = bytes;
  const Parts parts(std::span(&all, 1));
  ASSERT_EQ(parts.chunk_count(), 3U);
  EXPECT_EQ(joined(parts.chunk(2)).size(), 3U);
  EXPECT_EQ(Parts({}).chunk_count(), 0U);
}

TEST(PartsTest, FindsOutZeros) {
  std::vector<std::byte> zeros(5000);
  const ConstBytes all = zeros;
  EXPECT_TRUE(all_zero(std::span(&all, 1)));
  for (const std::size_t at : {0U, 1U, 2500U, 4999U}) {
    zeros[at] = std::byte{1};
    EXPECT_FALSE(all_zero(std::span(&all, 1))) << at;
    zeros[at] = std::byte{0};
  }
}

}  // namespace
}  // namespace elastic::store
