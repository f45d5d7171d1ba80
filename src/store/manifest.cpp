#include "store/manifest.hpp"

#include "store/bytes.hpp"
#include "store/digester.hpp"
#include "store/pack_format.hpp"

namespace elastic::store {
namespace {

constexpr std::string_view kMagic = "ELPYMANI";
constexpr std::string_view kPurpose = "elastic manifest 1";
constexpr std::uint64_t kFixedBytes = 96;
constexpr std::uint64_t kRefBytes = 48;
constexpr std::uint64_t kTrailerBytes = 64;
constexpr std::uint32_t kAutomaticFlag = 1;

struct Fixed {
  std::uint32_t label_bytes = 0;
  std::uint32_t blob_count = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t total_bytes = 0;
};

Error damaged(const char* what) { return Error(ErrorCode::kCorruption, what); }

Result<Fixed> decode_fixed(ByteReader& in, Manifest& manifest) {
  if (!in.matches(kMagic)) return damaged("this is not a manifest");
  const std::uint16_t version = in.u16();
  const std::uint16_t reads_from = in.u16();
  if (!in.ok()) return damaged("the manifest is cut off");
  if (reads_from > kFormatVersion) return newer_version("this checkpoint", version);
  const std::uint32_t flags = in.u32();
  if ((flags & ~kAutomaticFlag) != 0) return newer_version("this checkpoint", version);
  manifest.automatic = (flags & kAutomaticFlag) != 0;
  Fixed fixed;
  manifest.id = in.u64();
  manifest.created_us = static_cast<std::int64_t>(in.u64());
  manifest.seed = in.u64();
  fixed.label_bytes = in.u32();
  fixed.blob_count = in.u32();
  fixed.payload_bytes = in.u64();
  manifest.pid = in.u32();
  bool zeros = in.zeros(4);
  fixed.total_bytes = in.u64();
  zeros = in.zeros(24) && zeros;
  if (!in.ok()) return damaged("the manifest is cut off");
  if (!zeros) return damaged("the manifest is damaged");
  return fixed;
}

Result<BlobRef> decode_ref(ByteReader& in) {
  BlobRef ref;
  ref.digest.bytes = in.array<32>();
  ref.size_bytes = in.u64();
  const std::uint8_t kind = in.u8();
  const std::uint8_t algorithm = in.u8();
  const std::uint8_t shape = in.u8();
  if (!in.zeros(5)) return damaged("the manifest is damaged");
  if (kind < 1 || kind > 3 || algorithm < 1 || algorithm > 2 || shape > 1) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "the checkpoint has a blob of an unknown kind; upgrade to read it");
  }
  ref.kind = static_cast<BlobKind>(kind);
  ref.algorithm = static_cast<DigestAlgorithm>(algorithm);
  ref.shape = static_cast<BlobShape>(shape);
  const bool code = ref.kind != BlobKind::kBuffer;
  if (code && ref.algorithm != DigestAlgorithm::kSha256)
    return damaged("a pickle without a cryptographic digest");
  if (ref.shape == BlobShape::kChunk && ref.size_bytes > kMaxFrameBytes) {
    return damaged("a blob is larger than it can be");
  }
  return ref;
}

}  // namespace

std::uint64_t Manifest::total_bytes() const {
  std::uint64_t total = 0;
  for (const BlobRef& blob : blobs) total += blob.size_bytes;
  return total;
}

Result<std::vector<std::byte>> encode_manifest(const Manifest& manifest, const std::optional<Key>& key) {
  if (manifest.label.size() > kMaxLabelBytes || manifest.blobs.size() > kMaxBlobs ||
      manifest.payload.size() > kMaxPayloadBytes) {
    return Error(ErrorCode::kLimitExceeded,
                 "the checkpoint has too many blobs, too long a label or too long a payload");
  }
  std::vector<std::byte> bytes;
  bytes.reserve(kFixedBytes + manifest.label.size() + manifest.blobs.size() * kRefBytes +
                manifest.payload.size() + kTrailerBytes);
  ByteWriter out(bytes);
  out.text(kMagic);
  out.u16(kFormatVersion);
  out.u16(kReadsFrom);
  out.u32(manifest.automatic ? kAutomaticFlag : 0);
  out.u64(manifest.id);
  out.u64(static_cast<std::uint64_t>(manifest.created_us));
  out.u64(manifest.seed);
  out.u32(static_cast<std::uint32_t>(manifest.label.size()));
  out.u32(static_cast<std::uint32_t>(manifest.blobs.size()));
  out.u64(manifest.payload.size());
  out.u32(manifest.pid);
  out.zeros(4);
  out.u64(manifest.total_bytes());
  out.zeros(24);
  out.text(manifest.label);
  for (const BlobRef& ref : manifest.blobs) {
    out.bytes(ref.digest.bytes);
    out.u64(ref.size_bytes);
    out.u8(static_cast<std::uint8_t>(ref.kind));
    out.u8(static_cast<std::uint8_t>(ref.algorithm));
    out.u8(static_cast<std::uint8_t>(ref.shape));
    out.zeros(5);
  }
  out.bytes(manifest.payload);
  const Sha256 digest = sha256_of(bytes);
  out.bytes(digest);
  out.bytes(key ? key->mac(kPurpose, digest) : Sha256{});
  return bytes;
}

Result<Manifest> decode_manifest(ConstBytes bytes, const std::optional<Key>& key, bool with_payload) {
  if (bytes.size() > kMaxManifestBytes) return Error(ErrorCode::kLimitExceeded, "the manifest is too large");
  ByteReader in(bytes);
  Manifest manifest;
  ELASTIC_ASSIGN(const Fixed fixed, decode_fixed(in, manifest));
  if (fixed.label_bytes > kMaxLabelBytes || fixed.blob_count > kMaxBlobs ||
      fixed.payload_bytes > kMaxPayloadBytes) {
    return Error(ErrorCode::kLimitExceeded, "the manifest has more in it than a manifest can");
  }
  if (bytes.size() !=
      kFixedBytes + fixed.label_bytes + fixed.blob_count * kRefBytes + fixed.payload_bytes + kTrailerBytes) {
    return damaged("the manifest is cut off, or has something behind it");
  }
  // Sizes fit the file: from here on nothing can be asked for that is not there.
  ByteReader trailer(bytes.last(kTrailerBytes));
  const Sha256 digest = trailer.array<32>();
  const Sha256 mac = trailer.array<32>();
  if (sha256_of(bytes.first(bytes.size() - kTrailerBytes)) != digest)
    return damaged("the manifest is damaged");
  manifest.trusted = key && key->matches(kPurpose, digest, mac);

  manifest.label = as_text(in.bytes(fixed.label_bytes));
  manifest.blobs.reserve(fixed.blob_count);
  for (std::uint32_t i = 0; i < fixed.blob_count; ++i) {
    ELASTIC_ASSIGN(const BlobRef ref, decode_ref(in));
    manifest.blobs.push_back(ref);
  }
  const ConstBytes payload = in.bytes(fixed.payload_bytes);
  if (with_payload) manifest.payload.assign(payload.begin(), payload.end());
  if (manifest.total_bytes() != fixed.total_bytes) return damaged("the manifest does not add up");
  return manifest;
}

}  // namespace elastic::store
