#include "store/digester.hpp"

#include "store_testing.hpp"

namespace elastic::store {
namespace {

TEST(DigesterTest, KnownAnswers) {
  EXPECT_EQ(BlobDigest{sha256_of(as_bytes("abc"))}.to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_chunk(DigestAlgorithm::kSha256, 9, as_bytes("abc")).to_hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_chunk(DigestAlgorithm::kXxh3, 0, as_bytes("abc")).to_hex(),
            "06b05ab6733a618578af5f94892f3950" + std::string(32, '0'));
}

TEST(DigesterTest, ThePartsDoNotMatter) {
  const auto bytes = random_bytes(5000, 1);
  const ConstBytes all = bytes;
  const ConstBytes parts[] = {all.first(1), all.subspan(1, 0), all.subspan(1, 3000), all.subspan(3001)};
  for (const auto algorithm : {DigestAlgorithm::kXxh3, DigestAlgorithm::kSha256}) {
    EXPECT_EQ(digest_chunk(algorithm, 5, parts), digest_chunk(algorithm, 5, all));
  }
}

}  // namespace
}  // namespace elastic::store
