// 128-bit digests of bytes: XXH3, which hashes at memory speed.
//
// They find change and damage; they do not resist an adversary. What must (the checkpoint's MAC) is in
// `store`.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace elastic {

struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Digest&) const = default;

  // 32 lower-case hexadecimal digits, high half first.
  std::string to_hex() const;
  static std::optional<Digest> from_hex(std::string_view hex);
};

// XXH3-128 of the bytes. Equal on every machine and in every version of this program.
Digest digest_of(std::span<const std::byte> bytes, std::uint64_t seed = 0);
Digest digest_of(std::string_view bytes, std::uint64_t seed = 0);
// Of the concatenation of the parts.
Digest digest_of_parts(std::span<const std::span<const std::byte>> parts, std::uint64_t seed = 0);

}  // namespace elastic

template <>
struct std::hash<elastic::Digest> {
  std::size_t operator()(const elastic::Digest& digest) const noexcept { return digest.low; }
};
