#include "store/codec.hpp"

#include "store_testing.hpp"

namespace elastic::store {
namespace {

std::vector<std::byte> text_like(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>("some words, again and again "[i * i / 97 % 28]);
  return bytes;
}

TEST(CodecTest, CompressesForASlowLinkWhatGetsSmaller) {
  Compressor compressor(system_clock(), 1'000'000);
  const auto raw = text_like(500000);
  const ConstBytes small = compressor.try_compress(raw);
  ASSERT_FALSE(small.empty());
  EXPECT_LT(small.size(), raw.size() / 2);
  std::vector<std::byte> back(raw.size());
  ELASTIC_EXPECT_OK(decompress(Codec::kZstd, small, back));
  EXPECT_TRUE(same_bytes(back, raw));
}

TEST(CodecTest, LeavesAloneWhatDoesNotPay) {
  Compressor slow(system_clock(), 1'000'000);
  EXPECT_TRUE(slow.try_compress(random_bytes(500000, 1)).empty()) << "noise";
  EXPECT_TRUE(slow.try_compress(text_like(100)).empty()) << "a few bytes";
  Compressor never(system_clock(), 0);
  EXPECT_TRUE(never.try_compress(text_like(500000)).empty());
  Compressor fast(system_clock(), 1'000'000'000'000'000);
  EXPECT_TRUE(fast.try_compress(text_like(500000)).empty()) << "a link faster than any compressor";
}

TEST(CodecTest, RefusesDamageAndOtherSizes) {
  Compressor compressor(system_clock(), 1'000'000);
  const auto raw = text_like(100000);
  const ConstBytes small = compressor.try_compress(raw);
  std::vector<std::byte> smaller(raw.size() - 1), larger(raw.size() + 1), same(raw.size());
  EXPECT_EQ(decompress(Codec::kZstd, small, smaller).error().code(), ErrorCode::kCorruption);
  EXPECT_EQ(decompress(Codec::kZstd, small, larger).error().code(), ErrorCode::kCorruption);
  EXPECT_FALSE(decompress(Codec::kZstd, small.first(small.size() / 2), same).ok());
  EXPECT_EQ(decompress(static_cast<Codec>(9), small, same).error().code(), ErrorCode::kUnsupportedVersion);
}

}  // namespace
}  // namespace elastic::store
