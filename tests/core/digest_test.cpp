#include "elastic/core/digest.hpp"

#include <gtest/gtest.h>

namespace elastic {
namespace {

TEST(DigestTest, IsTheSameOnEveryMachine) {
  // XXH3-128 of the empty input and of "abc", as its specification gives them.
  EXPECT_EQ(digest_of("").to_hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest_of("abc").to_hex(), "06b05ab6733a618578af5f94892f3950");
}

TEST(DigestTest, HexRoundTrips) {
  const Digest digest = digest_of("elastic");
  EXPECT_EQ(Digest::from_hex(digest.to_hex()), digest);
}

TEST(DigestTest, RefusesWhatIsNotThirtyTwoLowerCaseDigits) {
  EXPECT_EQ(Digest::from_hex("abc"), std::nullopt);
  EXPECT_EQ(Digest::from_hex(std::string(32, 'G')), std::nullopt);
  EXPECT_EQ(Digest::from_hex(std::string(32, 'A')), std::nullopt);
}

TEST(DigestTest, OfPartsIsThatOfTheirConcatenation) {
  const std::string text(1000, 'x');
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  for (const std::size_t cut : {0U, 1U, 240U, 999U, 1000U}) {
    const std::span<const std::byte> parts[] = {bytes.first(cut), bytes.subspan(cut)};
    EXPECT_EQ(digest_of_parts(parts, 7), digest_of(text, 7)) << cut;
  }
  EXPECT_EQ(digest_of_parts({}, 7), digest_of("", 7));
}

TEST(DigestTest, TheSeedChangesIt) { EXPECT_NE(digest_of("abc", 1), digest_of("abc", 2)); }

}  // namespace
}  // namespace elastic
