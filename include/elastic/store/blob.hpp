// What a blob is called: its digest, its size and how it is cut (docs/checkpoint_format.md, section 4).
//
// A BlobRef is a plain value; two refs that compare equal name the same bytes. It means something only
// together with the seed of the manifest it came from, which Reader and Writer keep to themselves.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace elastic::store {

enum class BlobKind : std::uint8_t {
  kPickle = 1,   // runs code when loaded: SHA-256, always verified before it is handed out
  kBuffer = 2,   // data: XXH3, can be mapped
  kHistory = 3,  // parsed: as kPickle
};

enum class DigestAlgorithm : std::uint8_t { kXxh3 = 1, kSha256 = 2 };

enum class BlobShape : std::uint8_t { kChunk = 0, kList = 1 };

struct BlobDigest {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const BlobDigest&) const = default;
  bool is_zero() const { return *this == BlobDigest{}; }
  std::string to_hex() const;
};

struct BlobRef {
  BlobDigest digest;
  std::uint64_t size_bytes = 0;
  BlobKind kind = BlobKind::kPickle;
  DigestAlgorithm algorithm = DigestAlgorithm::kSha256;
  BlobShape shape = BlobShape::kChunk;
  auto operator<=>(const BlobRef&) const = default;
};

// A range of a blob, in bytes from its start.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// What the caller knows about a blob's former state: only chunks that `changed` touches are looked at again.
// `changed` is sorted by offset. The blob's size must be as before, else it is ignored.
struct KnownBefore {
  BlobRef blob;
  std::span<const ByteRange> changed;
};

constexpr std::uint64_t kChunkBytes = 1 << 20;
// Blobs of this size and more are laid out so that they can be mapped.
constexpr std::uint64_t kMappableBytes = 256 << 10;
constexpr std::uint64_t kMapAlignment = 64 << 10;

}  // namespace elastic::store

template <>
struct std::hash<elastic::store::BlobDigest> {
  std::size_t operator()(const elastic::store::BlobDigest& digest) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
      value = value << 8 | std::to_integer<std::size_t>(digest.bytes[i]);
    }
    return value;
  }
};
