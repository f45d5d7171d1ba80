#include "elastic/core/digest.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace elastic {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

void append_hex(std::string& out, std::uint64_t half) {
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kHexDigits[half >> shift & 15]);
}

}  // namespace

std::string Digest::to_hex() const {
  std::string out;
  out.reserve(32);
  append_hex(out, high);
  append_hex(out, low);
  return out;
}

std::optional<Digest> Digest::from_hex(std::string_view hex) {
  if (hex.size() != 32) return std::nullopt;
  std::uint64_t halves[2] = {0, 0};
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const int digit = hex_value(hex[i]);
    if (digit < 0) return std::nullopt;
    halves[i / 16] = halves[i / 16] << 4 | static_cast<std::uint64_t>(digit);
  }
  return Digest{halves[0], halves[1]};
}

Digest digest_of(std::span<const std::byte> bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return Digest{hash.high64, hash.low64};
}

Digest digest_of(std::string_view bytes, std::uint64_t seed) {
  return digest_of(std::as_bytes(std::span(bytes.data(), bytes.size())), seed);
}

Digest digest_of_parts(std::span<const std::span<const std::byte>> parts, std::uint64_t seed) {
  if (parts.size() == 1) return digest_of(parts[0], seed);
  XXH3_state_t state;
  XXH3_INITSTATE(&state);  // as the header asks for with a state on the stack
  XXH3_128bits_reset_withSeed(&state, seed);
  for (const auto part : parts) XXH3_128bits_update(&state, part.data(), part.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return Digest{hash.high64, hash.low64};
}

}  // namespace elastic
