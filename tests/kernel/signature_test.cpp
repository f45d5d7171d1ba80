#include "kernel/signature.hpp"

#include <gtest/gtest.h>

namespace elastic::kernel {
namespace {

xeus::xraw_buffer buffer(const std::string& text) {
  return xeus::xraw_buffer(reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

std::string sign(const xeus::xauthentication& signer, const std::string& whole, std::size_t first_size = 0) {
  const std::string first = whole.substr(0, first_size), rest = whole.substr(first_size);
  return signer.sign(buffer(first), buffer(""), buffer(rest), buffer(""));
}

// RFC 4231, sections 4.2, 4.3 and 4.7: a key of 20 bytes, a short one, and one longer than a block.
TEST(SignatureTest, SignsAsTheStandardSays) {
  EXPECT_EQ(sign(*make_signature("hmac-sha256", std::string(20, '\x0b')), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(sign(*make_signature("hmac-sha256", "Jefe"), "what do ya want for nothing?", 9),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(sign(*make_signature("hmac-sha256", std::string(131, '\xaa')),
                 "Test Using Larger Than Block-Size Key - Hash Key First", 3),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(SignatureTest, SignsAsXeusDoes) {
  for (const std::string key : {"k", "0b0f2f77-a3c1d1a9f4c5d1a0c0de0000", ""}) {
    const auto ours = make_signature("hmac-sha256", key);
    const auto theirs = xeus::make_xauthentication("hmac-sha256", key);
    for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 100'000u, 131'071u, 131'072u, 10'000'000u}) {
      const std::string text(size, 'x');
      EXPECT_EQ(sign(*ours, text, size / 3), sign(*theirs, text, size / 3)) << key << ", " << size;
    }
  }
}

TEST(SignatureTest, AcceptsItsOwnAndNothingElse) {
  const auto signer = make_signature("hmac-sha256", "secret");
  const std::string signature = signer->sign(buffer("a"), buffer("b"), buffer("c"), buffer("d"));
  const auto verifies = [&](const std::string& claimed, const std::string& content) {
    return signer->verify(buffer(claimed), buffer("a"), buffer("b"), buffer("c"), buffer(content));
  };
  EXPECT_TRUE(verifies(signature, "d"));
  EXPECT_FALSE(verifies(signature, "e"));
  EXPECT_FALSE(verifies("", "d"));
  EXPECT_FALSE(verifies(signature.substr(1), "d"));
  EXPECT_FALSE(verifies(signature + "0", "d"));
  EXPECT_FALSE(verifies(std::string(64, '0'), "d"));
}

TEST(SignatureTest, WithoutASchemeNothingIsSigned) {
  const auto signer = make_signature("none", "");
  EXPECT_EQ(sign(*signer, "text"), "");
  EXPECT_TRUE(signer->verify(buffer(""), buffer("a"), buffer("b"), buffer("c"), buffer("d")));
}

}  // namespace
}  // namespace elastic::kernel
