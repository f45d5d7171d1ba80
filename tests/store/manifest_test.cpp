#include "store/manifest.hpp"

#include "store/digester.hpp"
#include "store_testing.hpp"

namespace elastic::store {
namespace {

Manifest sample() {
  Manifest manifest;
  manifest.id = 0x1122334455667788;
  manifest.created_us = 1'700'000'000'000'000;
  manifest.seed = 42;
  manifest.pid = 7;
  manifest.label = "notebook.ipynb";
  BlobRef pickle, buffer;
  pickle.size_bytes = 10;
  buffer.kind = BlobKind::kBuffer;
  buffer.algorithm = DigestAlgorithm::kXxh3;
  buffer.shape = BlobShape::kList;
  buffer.size_bytes = 5'000'000'000;
  buffer.digest.bytes[3] = std::byte{9};
  manifest.blobs = {pickle, buffer};
  manifest.payload = random_bytes(100, 1);
  return manifest;
}

// Puts the right digest behind bytes that were changed, so that what is behind the digest is tested too.
std::vector<std::byte> resealed(std::vector<std::byte> bytes) {
  const Sha256 digest = sha256_of(ConstBytes(bytes).first(bytes.size() - 64));
  std::copy(digest.begin(), digest.end(), bytes.end() - 64);
  return bytes;
}

TEST(ManifestTest, RoundTrips) {
  const auto bytes = encode_manifest(sample(), test_key());
  ELASTIC_ASSERT_OK(bytes);
  const auto decoded = decode_manifest(*bytes, test_key());
  ELASTIC_ASSERT_OK(decoded);
  const Manifest expected = sample();
  EXPECT_EQ(decoded->id, expected.id);
  EXPECT_EQ(decoded->created_us, expected.created_us);
  EXPECT_EQ(decoded->seed, expected.seed);
  EXPECT_EQ(decoded->pid, expected.pid);
  EXPECT_EQ(decoded->label, expected.label);
  EXPECT_EQ(decoded->blobs, expected.blobs);
  EXPECT_EQ(decoded->payload, expected.payload);
  EXPECT_TRUE(decoded->trusted);
  EXPECT_EQ(*encode_manifest(*decoded, test_key()), *bytes);
}

TEST(ManifestTest, WithoutItsPayloadItIsCheckedAllTheSame) {
  auto bytes = *encode_manifest(sample(), test_key());
  const auto decoded = decode_manifest(bytes, test_key(), /*with_payload=*/false);
  ELASTIC_ASSERT_OK(decoded);
  EXPECT_TRUE(decoded->payload.empty());
  EXPECT_EQ(decoded->blobs, sample().blobs);
  EXPECT_TRUE(decoded->trusted);
  bytes[bytes.size() - 65] ^= std::byte{1};  // the last one of the payload
  EXPECT_EQ(decode_manifest(bytes, test_key(), /*with_payload=*/false).error().code(),
            ErrorCode::kCorruption);
}

TEST(ManifestTest, SaysWhetherAnybodyAskedForIt) {
  Manifest manifest = sample();
  EXPECT_FALSE(decode_manifest(*encode_manifest(manifest, test_key()), test_key())->automatic);
  manifest.automatic = true;
  auto bytes = *encode_manifest(manifest, test_key());
  EXPECT_TRUE(decode_manifest(bytes, test_key())->automatic);
  bytes[12] |= std::byte{2};
  EXPECT_EQ(decode_manifest(resealed(bytes), test_key()).error().code(), ErrorCode::kUnsupportedVersion);
}

TEST(ManifestTest, IsTrustedUnderItsKeyOnly) {
  const auto bytes = *encode_manifest(sample(), test_key());
  EXPECT_FALSE(decode_manifest(bytes, test_key(2))->trusted);
  EXPECT_FALSE(decode_manifest(bytes, std::nullopt)->trusted);
  EXPECT_FALSE(decode_manifest(*encode_manifest(sample(), std::nullopt), test_key())->trusted);
  EXPECT_FALSE(decode_manifest(resealed([&] {
                                 auto changed = bytes;
                                 changed[30] ^= std::byte{1};
                                 return changed;
                               }()),
                               test_key())
                   ->trusted)
      << "a new digest does not make a MAC";
}

TEST(ManifestTest, RefusesAPickleWithAFastDigest) {
  Manifest manifest = sample();
  manifest.blobs[0].algorithm = DigestAlgorithm::kXxh3;
  EXPECT_EQ(decode_manifest(*encode_manifest(manifest, test_key()), test_key()).error().code(),
            ErrorCode::kCorruption);
}

TEST(ManifestTest, SaysOfANewerOneToUpgrade) {
  auto bytes = *encode_manifest(sample(), test_key());
  bytes[8] = std::byte{2};  // version 2 that version 1 can read
  ELASTIC_EXPECT_OK(decode_manifest(resealed(bytes), test_key()));
  bytes[10] = std::byte{2};
  const auto newer = decode_manifest(bytes, test_key());
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.error().code(), ErrorCode::kUnsupportedVersion);
  EXPECT_NE(newer.error().message().find("upgrade"), std::string::npos);
}

TEST(ManifestTest, EveryCutEveryTailAndEveryFlipIsFound) {
  const auto bytes = *encode_manifest(sample(), test_key());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(decode_manifest(ConstBytes(bytes).first(size), test_key()).ok()) << size;
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_manifest(longer, test_key()).ok());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto decoded = decode_manifest(flipped, test_key());
    ASSERT_TRUE(!decoded.ok() || !decoded->trusted) << bit;
  }
}

TEST(ManifestTest, ReservedBytesMustBeZero) {
  const auto bytes = *encode_manifest(sample(), test_key());
  for (const std::size_t at :
       {std::size_t{60}, std::size_t{72}, std::size_t{95}, std::size_t{96 + 14 + 43}}) {
    auto changed = bytes;
    changed[at] = std::byte{1};
    EXPECT_FALSE(decode_manifest(resealed(changed), test_key()).ok()) << at;
  }
}

TEST(ManifestTest, LimitsHoldWhenWriting) {
  Manifest manifest = sample();
  manifest.label.assign(kMaxLabelBytes + 1, 'x');
  EXPECT_EQ(encode_manifest(manifest, test_key()).error().code(), ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace elastic::store
