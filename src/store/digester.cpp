#include "store/digester.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "elastic/core/digest.hpp"
#include "elastic/core/log.hpp"

namespace elastic::store {
namespace {

// OpenSSL's digests fail only when memory has run out or the library is broken; a wrong digest would be worse
// than the end of the process.
void require(int outcome) {
  if (outcome == 1) return;
  log(LogLevel::kError, "OpenSSL could not compute a SHA-256 digest");
  std::abort();
}

}  // namespace

struct Sha256Stream::Context {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> evp{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  require(context_->evp != nullptr ? 1 : 0);
  require(EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr));
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::update(ConstBytes bytes) {
  require(EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()));
}

Sha256 Sha256Stream::finish() {
  Sha256 digest{};
  require(EVP_DigestFinal_ex(context_->evp.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr));
  return digest;
}

Sha256 sha256_of(ConstBytes bytes) {
  Sha256Stream stream;
  stream.update(bytes);
  return stream.finish();
}

BlobDigest widened(const Digest& digest) {
  BlobDigest wide;
  for (std::size_t i = 0; i < 8; ++i) {
    wide.bytes[i] = static_cast<std::byte>(digest.high >> (56 - 8 * i));
    wide.bytes[8 + i] = static_cast<std::byte>(digest.low >> (56 - 8 * i));
  }
  return wide;
}

BlobDigest digest_chunk(DigestAlgorithm algorithm, std::uint64_t seed, std::span<const ConstBytes> parts) {
  if (algorithm == DigestAlgorithm::kXxh3) return widened(digest_of_parts(parts, seed));
  Sha256Stream stream;
  for (const ConstBytes part : parts) stream.update(part);
  return BlobDigest{stream.finish()};
}

BlobDigest digest_chunk(DigestAlgorithm algorithm, std::uint64_t seed, ConstBytes bytes) {
  return digest_chunk(algorithm, seed, std::span(&bytes, 1));
}

std::string BlobDigest::to_hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[std::to_integer<int>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<int>(byte) & 15]);
  }
  return text;
}

}  // namespace elastic::store
