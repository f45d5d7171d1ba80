#include "signature.hpp"

#include <sodium.h>

#include <array>
#include <mutex>

namespace elastic::kernel {
namespace {

static_assert(kSignatureSize == 2 * crypto_auth_hmacsha256_BYTES);

// From here on OpenSSL, with the processor's own instructions six times as fast, is worth its setting up.
constexpr std::size_t kLargeBytes = 128 << 10;

class HmacSha256 final : public xeus::xauthentication {
 public:
  explicit HmacSha256(const std::string& key) : key_(key) {
    crypto_auth_hmacsha256_init(&keyed_, reinterpret_cast<const unsigned char*>(key.data()), key.size());
  }
  ~HmacSha256() override {
    sodium_memzero(&keyed_, sizeof keyed_);
    sodium_memzero(key_.data(), key_.size());
  }

 private:
  using Buffer = xeus::xraw_buffer;

  std::string sign_impl(const Buffer& header, const Buffer& parent_header, const Buffer& metadata,
                        const Buffer& content) const override {
    if (header.size() + parent_header.size() + metadata.size() + content.size() >= kLargeBytes) {
      std::call_once(large_once_, [this] { large_ = xeus::make_xauthentication("hmac-sha256", key_); });
      return large_->sign(header, parent_header, metadata, content);
    }
    crypto_auth_hmacsha256_state state = keyed_;
    for (const Buffer* part : {&header, &parent_header, &metadata, &content}) {
      crypto_auth_hmacsha256_update(&state, part->data(), part->size());
    }
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> digest;
    crypto_auth_hmacsha256_final(&state, digest.data());
    std::array<char, kSignatureSize + 1> hex;
    sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
    return std::string(hex.data(), kSignatureSize);
  }

  bool verify_impl(const Buffer& signature, const Buffer& header, const Buffer& parent_header,
                   const Buffer& metadata, const Buffer& content) const override {
    const std::string expected = sign_impl(header, parent_header, metadata, content);
    return signature.size() == expected.size() &&
           sodium_memcmp(signature.data(), expected.data(), expected.size()) == 0;
  }

  std::string key_;
  crypto_auth_hmacsha256_state keyed_;  // after the key, before the first byte: copied for each message
  mutable std::once_flag large_once_;
  mutable std::unique_ptr<xeus::xauthentication> large_;  // xeus's, made for the first large message
};

}  // namespace

std::unique_ptr<xeus::xauthentication> make_signature(const std::string& scheme, const std::string& key) {
  if (scheme == "none") return xeus::make_xauthentication(scheme, key);
  return std::make_unique<HmacSha256>(key);
}

}  // namespace elastic::kernel
