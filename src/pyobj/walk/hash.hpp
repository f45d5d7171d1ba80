// How the walk turns what it sees into digests: tokens of leaves, and a chain that absorbs them in order.
//
// A token is 128 bits, as two 64-bit halves that are computed independently. The chain step is a bijection of
// the accumulator for a fixed token and the first half of an 8-byte leaf is a bijection of its value, so a
// change of one leaf always changes the first half of the digest. Leaves of up to 16 bytes are mixed by hand:
// XXH3 costs three times as much there (measured on lists of ints). Nothing here depends on addresses or on
// PYTHONHASHSEED, so the results are equal in every process on a little-endian machine. Not meant to resist
// an adversary.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "elastic/core/digest.hpp"

namespace elastic::pyobj::walk {

static_assert(std::endian::native == std::endian::little, "digests are defined on little-endian bytes");

struct Token {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  bool operator==(const Token&) const = default;
};

// What a token stands for. Part of the digest: numbers are never reused or reordered.
enum class Tag : std::uint64_t {
  kNone = 1,
  kBool = 2,
  kInt = 3,
  kNegativeInt = 4,
  kBigInt = 5,
  kNegativeBigInt = 6,
  kFloat = 7,
  kComplex = 8,
  kStr = 9,
  kWideStr = 10,
  kBytes = 11,
  kSingleton = 12,
  kNamed = 20,
  kOpaque = 21,
  kModule = 22,
  kBackReference = 23,
  kUnset = 24,
  kPhase = 25,
  kWord = 26,
  kRaw = 27,
  kNamespace = 28,
  kLegacyStr = 29,
  kContainer = 40,
  kArray = 41,
  kBlock = 42,
};

#if defined(__SANITIZE_ADDRESS__)
#define ELASTIC_CHECKED_READS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ELASTIC_CHECKED_READS
#endif
#endif

inline constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio
inline constexpr std::uint64_t kOdd2 = 0xD6E8FEB86659FD93ULL;
inline constexpr std::uint64_t kOdd3 = 0x9FB21C651E98DF25ULL;
inline constexpr std::uint64_t kSalt0 = 0xa0761d6478bd642fULL;
inline constexpr std::uint64_t kSalt1 = 0xe7037ed1a0b428dbULL;
inline constexpr std::uint64_t kSalt2 = 0x8ebc6af09c88c6e3ULL;
inline constexpr std::uint64_t kSalt3 = 0x589965cc75374cc3ULL;

inline std::uint64_t load8(const void* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// The 128-bit product folded: every input bit reaches every output bit.
inline std::uint64_t fold_multiply(std::uint64_t x, std::uint64_t y) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(x) * y;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// A bijection that spreads every bit.
inline std::uint64_t scramble(std::uint64_t x) {
  x ^= x >> 32;
  x *= kOdd3;
  x ^= x >> 29;
  x *= kOdd2;
  return x ^ x >> 32;
}

inline void absorb(std::uint64_t& a, std::uint64_t& b, Token token) {
  a = (std::rotl(a, 5) ^ token.a) * kOdd1;
  b = (std::rotl(b, 23) ^ token.b) * kOdd2;
}
inline void absorb(Token& into, Token token) { absorb(into.a, into.b, token); }

inline Token word_token(std::uint64_t value, Tag tag) {
  const auto salt = static_cast<std::uint64_t>(tag);
  std::uint64_t y = value + salt * kOdd1;
  y ^= y >> 32;
  y *= kOdd3;
  y ^= y >> 29;
  return {y, fold_multiply(value ^ kSalt0, salt * kOdd2 ^ kSalt1)};
}

// The token a chain starts with.
inline Token start_token(Tag tag, std::uint64_t value = 0) { return word_token(value, tag); }

// Ends a chain: `count` guards against two containers whose chains merge only because one is a prefix.
inline Token finish_token(Token chain, std::uint64_t count) {
  return {scramble(chain.a ^ count * kSalt0), scramble(chain.b ^ count * kSalt2)};
}

// Any number of bytes; at memory speed for many.
Token bytes_token(const void* data, std::size_t size, Tag tag);

// The same for a buffer that is looked at again and again: hashed_memory.cpp.
Token memory_token(const void* data, std::size_t size, Tag tag);
// And what stands for it in this process, for which little is read where its pages are watched.
std::uint64_t memory_mark(const void* data, std::size_t size, Tag tag);

// The same for short strings inside an object. REQUIRES: 16 bytes may be read at `data`, whatever `size` says
// (a PyObject's block is a multiple of 16 bytes and the data starts at a multiple of 16).
inline Token short_bytes_token(const void* data, std::size_t size, Tag tag) {
  if (size >= 16) return bytes_token(data, size, tag);
  static constexpr auto low_bytes = [](std::size_t n) { return n >= 8 ? ~0ULL : (1ULL << 8 * n) - 1; };
#if defined(ELASTIC_CHECKED_READS)
  char padded[16] = {};  // the sanitizer does not know about blocks
  std::memcpy(padded, data, size);
  const char* bytes = padded;
#else
  const auto* bytes = static_cast<const char*>(data);
#endif
  const std::uint64_t x = load8(bytes) & low_bytes(size);
  const std::uint64_t y = size <= 8 ? 0 : load8(bytes + 8) & low_bytes(size - 8);
  const std::uint64_t salt = (static_cast<std::uint64_t>(tag) * 16 + size) * kOdd1;
  return {fold_multiply(x ^ kSalt0 ^ salt, y ^ kSalt1), fold_multiply(x ^ kSalt2, y ^ kSalt3 ^ salt)};
}

// Change stamps, valid within one process only: 64 bits over pointers or raw bytes.
std::uint64_t raw_stamp(const void* data, std::size_t size);

inline std::uint64_t pointers_stamp(const void* pointers, std::size_t count) {
  if (count > 8) return raw_stamp(pointers, count * sizeof(void*));
  std::uint64_t stamp = count;
  const auto* at = static_cast<const char*>(pointers);
  for (std::size_t i = 0; i < count; ++i) stamp = (std::rotl(stamp, 5) ^ scramble(load8(at + 8 * i))) * kOdd1;
  return stamp;
}

inline Digest to_digest(Token token) { return Digest{token.a, token.b}; }

}  // namespace elastic::pyobj::walk
