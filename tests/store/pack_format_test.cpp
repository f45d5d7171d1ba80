#include "store/pack_format.hpp"

#include "store_testing.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kTocOffset = 1000;

std::vector<PackEntry> sample() {
  PackEntry first, second;
  first.digest.bytes[0] = std::byte{1};
  first.offset = 64;
  first.stored_bytes = first.raw_bytes = 500;
  second.digest.bytes[0] = std::byte{2};
  second.offset = 564;
  second.stored_bytes = 10;
  second.raw_bytes = 1000;
  second.codec = Codec::kZstd;
  second.algorithm = DigestAlgorithm::kXxh3;
  return {first, second};
}

Result<std::vector<PackEntry>> decode(ConstBytes end) {
  ELASTIC_ASSIGN(const PackFooter footer,
                 decode_pack_footer(end.last(kPackFooterBytes), kTocOffset + end.size()));
  return decode_pack_toc(end.first(end.size() - kPackFooterBytes), footer);
}

TEST(PackFormatTest, TheTableRoundTrips) {
  const auto end = encode_pack_end(sample(), kTocOffset);
  ASSERT_EQ(end.size(), 2 * kPackEntryBytes + kPackFooterBytes);
  const auto decoded = decode(end);
  ELASTIC_ASSERT_OK(decoded);
  ASSERT_EQ(decoded->size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*decoded)[i].digest, sample()[i].digest);
    EXPECT_EQ((*decoded)[i].offset, sample()[i].offset);
    EXPECT_EQ((*decoded)[i].stored_bytes, sample()[i].stored_bytes);
    EXPECT_EQ((*decoded)[i].raw_bytes, sample()[i].raw_bytes);
    EXPECT_EQ((*decoded)[i].algorithm, sample()[i].algorithm);
    EXPECT_EQ((*decoded)[i].codec, sample()[i].codec);
  }
}

TEST(PackFormatTest, EveryFlipInTheTableIsFound) {
  const auto end = encode_pack_end(sample(), kTocOffset);
  for (std::size_t bit = 0; bit < end.size() * 8; ++bit) {
    // The two bytes of the writer's version say nothing that a reader needs.
    const std::size_t version_at = end.size() - kPackFooterBytes + 40;
    if (bit / 8 == version_at || bit / 8 == version_at + 1) continue;
    auto flipped = end;
    flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_FALSE(decode(flipped).ok()) << bit;
  }
}

TEST(PackFormatTest, EntriesThatPointOutsideAreRefused) {
  const auto refused = [](const std::function<void(PackEntry&)>& change) {
    auto entries = sample();
    change(entries[0]);
    return !decode(encode_pack_end(entries, kTocOffset)).ok();
  };
  EXPECT_TRUE(refused([](PackEntry& e) { e.offset = 0; })) << "in the header";
  EXPECT_TRUE(refused([](PackEntry& e) { e.offset = kTocOffset - 499; })) << "into the table";
  EXPECT_TRUE(refused([](PackEntry& e) { e.offset = ~std::uint64_t{0} - 10; }))
      << "around the end of the numbers";
  EXPECT_TRUE(refused([](PackEntry& e) { e.stored_bytes = 499; })) << "sizes that differ without compression";
  EXPECT_TRUE(refused([](PackEntry& e) { e.stored_bytes = e.raw_bytes = 0; }));
  EXPECT_TRUE(refused([](PackEntry& e) { e.raw_bytes = kMaxFrameBytes + 1, e.codec = Codec::kZstd; }));
  EXPECT_TRUE(refused([](PackEntry& e) { e.codec = static_cast<Codec>(7); }));
}

TEST(PackFormatTest, AFooterThatPromisesTooMuchIsRefused) {
  auto end = encode_pack_end({}, 64);
  ELASTIC_EXPECT_OK(decode_pack_footer(end, 64 + end.size()));
  EXPECT_FALSE(decode_pack_footer(end, 65 + end.size()).ok());
  EXPECT_FALSE(decode_pack_footer(ConstBytes(end).first(63), 64 + end.size()).ok());
  end[15] = std::byte{0xff};  // count
  EXPECT_EQ(decode_pack_footer(end, 64 + end.size()).error().code(), ErrorCode::kLimitExceeded);
}

TEST(PackFormatTest, TheHeaderNamesItsPack) {
  const ObjectName name{ObjectClass::kPack, 1, 2};
  auto header = encode_pack_header(name);
  ASSERT_EQ(header.size(), kPackHeaderBytes);
  ELASTIC_EXPECT_OK(check_pack_header(header, name));
  EXPECT_FALSE(check_pack_header(header, {ObjectClass::kPack, 1, 3}).ok());
  header[10] = std::byte{9};
  EXPECT_EQ(check_pack_header(header, name).error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(PackFormatTest, AChunkListFitsItsBlobOrIsRefused) {
  for (const auto algorithm : {DigestAlgorithm::kXxh3, DigestAlgorithm::kSha256}) {
    BlobRef blob;
    blob.algorithm = algorithm;
    blob.size_bytes = 2 * kChunkBytes + 1;
    ChunkList list;
    list.digests.resize(3);
    list.digests[1].bytes[0] = std::byte{5};
    const auto bytes = encode_chunk_list(list, algorithm);
    const auto decoded = decode_chunk_list(bytes, blob);
    ELASTIC_ASSERT_OK(decoded);
    EXPECT_EQ(decoded->digests, list.digests);
    EXPECT_LE(bytes.size(), max_chunk_list_bytes(blob));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_FALSE(decode_chunk_list(ConstBytes(bytes).first(size), blob).ok()) << size;
    }
    for (const std::uint64_t other :
         {std::uint64_t{0}, 2 * kChunkBytes, 3 * kChunkBytes + 1, ~std::uint64_t{0}}) {
      blob.size_bytes = other;
      EXPECT_FALSE(decode_chunk_list(bytes, blob).ok()) << other;
    }
    blob.size_bytes = 2 * kChunkBytes + 1;
    for (const std::size_t at : {0U, 1U, 2U, 3U, 4U, 8U, 15U}) {
      auto changed = bytes;
      changed[at] ^= std::byte{0x41};
      EXPECT_FALSE(decode_chunk_list(changed, blob).ok()) << at;
    }
  }
}

}  // namespace
}  // namespace elastic::store
