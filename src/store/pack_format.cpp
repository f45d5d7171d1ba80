#include "store/pack_format.hpp"

#include "elastic/core/digest.hpp"
#include "store/bytes.hpp"
#include "store/digester.hpp"

namespace elastic::store {
namespace {

constexpr std::string_view kPackMagic = "ELPYPACK";
constexpr std::string_view kTocMagic = "ELPYTOC1";
constexpr std::uint64_t kLeastChunkBytes = 64 << 10;

std::array<std::byte, 16> toc_digest_of(ConstBytes toc) {
  std::array<std::byte, 16> bytes{};
  const BlobDigest digest = widened(digest_of(toc, 0));
  std::copy_n(digest.bytes.begin(), bytes.size(), bytes.begin());
  return bytes;
}

Error damaged(std::string what) { return Error(ErrorCode::kCorruption, std::move(what)); }

std::size_t digest_bytes_of(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kXxh3 ? 16 : 32;
}

}  // namespace

Error newer_version(std::string_view what, std::uint16_t version) {
  return Error(ErrorCode::kUnsupportedVersion, std::string(what) +
                                                   " was written by a newer ElasticPython (format " +
                                                   std::to_string(version) + "); upgrade to read it");
}

std::vector<std::byte> encode_pack_header(const ObjectName& id) {
  std::vector<std::byte> bytes;
  ByteWriter out(bytes);
  out.text(kPackMagic);
  out.u16(kFormatVersion);
  out.u16(kReadsFrom);
  out.zeros(4);
  out.u64(id.high);
  out.u64(id.low);
  out.zeros(32);
  return bytes;
}

std::vector<std::byte> encode_pack_end(std::span<const PackEntry> entries, std::uint64_t toc_offset) {
  std::vector<std::byte> bytes;
  bytes.reserve(entries.size() * kPackEntryBytes + kPackFooterBytes);
  ByteWriter out(bytes);
  for (const PackEntry& entry : entries) {
    out.bytes(entry.digest.bytes);
    out.u64(entry.offset);
    out.u32(entry.stored_bytes);
    out.u32(entry.raw_bytes);
    out.u8(static_cast<std::uint8_t>(entry.algorithm));
    out.u8(static_cast<std::uint8_t>(entry.codec));
    out.zeros(14);
  }
  const auto toc_digest = toc_digest_of(bytes);
  out.u64(toc_offset);
  out.u64(entries.size());
  out.bytes(toc_digest);
  out.u64(toc_offset + entries.size() * kPackEntryBytes + kPackFooterBytes);
  out.u16(kFormatVersion);
  out.zeros(14);
  out.text(kTocMagic);
  return bytes;
}

Result<> check_pack_header(ConstBytes header, const ObjectName& id) {
  ByteReader in(header);
  if (!in.matches(kPackMagic)) return damaged("a pack does not begin like one");
  const std::uint16_t version = in.u16();
  if (in.u16() > kFormatVersion) return newer_version("a pack", version);
  const bool zeros = in.zeros(4);
  const bool same_id = in.u64() == id.high && in.u64() == id.low;
  if (!zeros || !same_id || !in.zeros(32)) return damaged("the header of a pack is damaged");
  return success();
}

Result<PackFooter> decode_pack_footer(ConstBytes footer, std::uint64_t pack_bytes) {
  ByteReader in(footer);
  PackFooter decoded;
  decoded.toc_offset = in.u64();
  decoded.count = in.u64();
  decoded.toc_digest = in.array<16>();
  const std::uint64_t stated_bytes = in.u64();
  in.u16();
  const bool zeros = in.zeros(14);
  if (!in.matches(kTocMagic) || !zeros) return damaged("a pack does not end like one (cut off?)");
  if (pack_bytes > kMaxPackBytes || decoded.count > kMaxPackEntries) {
    return Error(ErrorCode::kLimitExceeded, "a pack is larger than packs can be");
  }
  const std::uint64_t around_frames = decoded.count * kPackEntryBytes + kPackFooterBytes;
  if (stated_bytes != pack_bytes || pack_bytes < kPackHeaderBytes + around_frames ||
      decoded.toc_offset != pack_bytes - around_frames) {
    return damaged("a pack has another size than it says");
  }
  return decoded;
}

Result<std::vector<PackEntry>> decode_pack_toc(ConstBytes toc, const PackFooter& footer) {
  if (toc.size() != footer.count * kPackEntryBytes || toc_digest_of(toc) != footer.toc_digest) {
    return damaged("the table of contents of a pack is damaged");
  }
  std::vector<PackEntry> entries;  // grows with what makes sense: a file with holes can promise millions
  ByteReader in(toc);
  for (std::uint64_t i = 0; i < footer.count; ++i) {
    PackEntry& entry = entries.emplace_back();
    entry.digest.bytes = in.array<32>();
    entry.offset = in.u64();
    entry.stored_bytes = in.u32();
    entry.raw_bytes = in.u32();
    const std::uint8_t algorithm = in.u8();
    const std::uint8_t codec = in.u8();
    const bool zeros = in.zeros(14);
    if (algorithm < 1 || algorithm > 2 || codec > 1) {
      return Error(ErrorCode::kUnsupportedVersion,
                   "a pack has a frame of an unknown kind; upgrade to read it");
    }
    entry.algorithm = static_cast<DigestAlgorithm>(algorithm);
    entry.codec = static_cast<Codec>(codec);
    const bool sizes_fit = entry.raw_bytes > 0 && entry.raw_bytes <= kMaxFrameBytes &&
                           entry.stored_bytes > 0 && entry.stored_bytes <= entry.raw_bytes &&
                           (entry.codec != Codec::kNone || entry.stored_bytes == entry.raw_bytes);
    const bool inside = entry.offset >= kPackHeaderBytes && entry.offset <= footer.toc_offset &&
                        entry.stored_bytes <= footer.toc_offset - entry.offset;
    if (!zeros || !sizes_fit || !inside) return damaged("the table of contents of a pack makes no sense");
  }
  return entries;
}

std::vector<std::byte> encode_chunk_list(const ChunkList& list, DigestAlgorithm algorithm) {
  const std::size_t digest_bytes = digest_bytes_of(algorithm);
  std::vector<std::byte> bytes;
  bytes.reserve(16 + list.digests.size() * digest_bytes);
  ByteWriter out(bytes);
  out.u32(list.chunk_bytes);
  out.u32(static_cast<std::uint32_t>(digest_bytes));
  out.u64(list.digests.size());
  for (const BlobDigest& digest : list.digests) out.bytes(ConstBytes(digest.bytes).first(digest_bytes));
  return bytes;
}

Result<ChunkList> decode_chunk_list(ConstBytes bytes, const BlobRef& blob) {
  ByteReader in(bytes);
  ChunkList list;
  list.chunk_bytes = in.u32();
  const std::uint32_t digest_bytes = in.u32();
  const std::uint64_t count = in.u64();
  const std::uint64_t chunk_bytes = list.chunk_bytes;
  if (chunk_bytes < kLeastChunkBytes || chunk_bytes > kMaxFrameBytes ||
      (chunk_bytes & (chunk_bytes - 1)) != 0 || digest_bytes != digest_bytes_of(blob.algorithm) ||
      blob.size_bytes == 0 || count != (blob.size_bytes - 1) / chunk_bytes + 1 ||
      in.left() / digest_bytes != count || in.left() % digest_bytes != 0) {
    return damaged("a list of chunks does not fit its blob");
  }
  list.digests.resize(count);
  for (BlobDigest& digest : list.digests) {
    const ConstBytes from = in.bytes(digest_bytes);
    std::copy(from.begin(), from.end(), digest.bytes.begin());
  }
  return list;
}

std::uint64_t max_chunk_list_bytes(const BlobRef& blob) {
  return std::min(kMaxFrameBytes,
                  16 + (blob.size_bytes / kLeastChunkBytes + 1) * digest_bytes_of(blob.algorithm));
}

}  // namespace elastic::store
