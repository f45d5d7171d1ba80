#include "pyobj/walk/hash.hpp"

namespace elastic::pyobj::walk {
namespace {

Digest digest(const void* data, std::size_t size, std::uint64_t seed) {
  return digest_of(std::span(static_cast<const std::byte*>(data), size), seed);
}

}  // namespace

Token bytes_token(const void* data, std::size_t size, Tag tag) {
  const Digest hash = digest(data, size, static_cast<std::uint64_t>(tag) * kOdd1 + size);
  return {hash.low, hash.high};
}

std::uint64_t raw_stamp(const void* data, std::size_t size) { return digest(data, size, 0).low; }

}  // namespace elastic::pyobj::walk
