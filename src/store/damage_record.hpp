// The bytes of a record of damage (docs/checkpoint_format.md, section 5): which frames of which packs a check
// has found not to be what was written. Pure functions from and to bytes.
#pragma once
#include <vector>

#include "elastic/store/backend.hpp"
#include "elastic/store/blob.hpp"

namespace elastic::store {

constexpr std::uint64_t kMaxDamagedFrames = 1 << 16;
constexpr std::uint64_t kDamageHeaderBytes = 24;
constexpr std::uint64_t kDamagedFrameBytes = 48;
constexpr std::uint64_t kMaxDamageBytes = kDamageHeaderBytes + kMaxDamagedFrames * kDamagedFrameBytes;

struct DamagedFrame {
  ObjectName pack;
  BlobDigest digest;
  auto operator<=>(const DamagedFrame&) const = default;
};

// REQUIRES: at most kMaxDamagedFrames.
std::vector<std::byte> encode_damage(std::span<const DamagedFrame> frames);
Result<std::vector<DamagedFrame>> decode_damage(ConstBytes bytes);
// Made of the bytes, so that two who find the same write the same object.
ObjectName damage_name(ConstBytes bytes);

}  // namespace elastic::store
