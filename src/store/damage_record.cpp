#include "store/damage_record.hpp"

#include "store/bytes.hpp"
#include "store/digester.hpp"
#include "store/pack_format.hpp"

namespace elastic::store {
namespace {

constexpr std::string_view kMagic = "ELPYDAMG";

}  // namespace

std::vector<std::byte> encode_damage(std::span<const DamagedFrame> frames) {
  std::vector<std::byte> bytes;
  bytes.reserve(kDamageHeaderBytes + frames.size() * kDamagedFrameBytes);
  ByteWriter out(bytes);
  out.text(kMagic);
  out.u16(kFormatVersion);
  out.u16(kReadsFrom);
  out.zeros(4);
  out.u64(frames.size());
  for (const DamagedFrame& frame : frames) {
    out.u64(frame.pack.high);
    out.u64(frame.pack.low);
    out.bytes(frame.digest.bytes);
  }
  return bytes;
}

Result<std::vector<DamagedFrame>> decode_damage(ConstBytes bytes) {
  const Error damaged(ErrorCode::kCorruption, "a record of damage is itself damaged");
  ByteReader in(bytes);
  if (!in.matches(kMagic)) return damaged;
  const std::uint16_t version = in.u16();
  if (in.u16() > kFormatVersion) return newer_version("a record of damage", version);
  const bool zeros = in.zeros(4);
  const std::uint64_t count = in.u64();
  if (!in.ok() || !zeros || count > kMaxDamagedFrames || in.left() != count * kDamagedFrameBytes)
    return damaged;
  std::vector<DamagedFrame> frames(count);
  for (DamagedFrame& frame : frames) {
    const std::uint64_t high = in.u64();
    frame.pack = {ObjectClass::kPack, high, in.u64()};
    frame.digest.bytes = in.array<32>();
  }
  return frames;
}

ObjectName damage_name(ConstBytes bytes) {
  const Sha256 digest = sha256_of(bytes);
  ByteReader in(digest);
  const std::uint64_t high = in.u64();
  return {ObjectClass::kDamage, high, in.u64()};
}

}  // namespace elastic::store
