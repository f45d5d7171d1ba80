// The bytes of packs and chunk lists (docs/checkpoint_format.md, sections 4 and 5): pure functions from and
// to bytes.
//
// What comes out of a decode_* function is within the stated limits and inside the file it describes.
#pragma once
#include <vector>

#include "elastic/store/backend.hpp"
#include "elastic/store/blob.hpp"
#include "store/codec.hpp"

namespace elastic::store {

constexpr std::uint16_t kFormatVersion = 1;
constexpr std::uint16_t kReadsFrom = 1;
constexpr std::uint64_t kPackHeaderBytes = 64;
constexpr std::uint64_t kPackFooterBytes = 64;
constexpr std::uint64_t kPackEntryBytes = 64;
constexpr std::uint64_t kMaxPackEntries = 1 << 24;
constexpr std::uint64_t kMaxPackBytes = std::uint64_t{64} << 30;
constexpr std::uint64_t kMaxFrameBytes = 64 << 20;

struct PackEntry {
  BlobDigest digest;
  std::uint64_t offset = 0;
  std::uint32_t stored_bytes = 0;
  std::uint32_t raw_bytes = 0;
  DigestAlgorithm algorithm = DigestAlgorithm::kSha256;
  Codec codec = Codec::kNone;
};

struct PackFooter {
  std::uint64_t toc_offset = 0;
  std::uint64_t count = 0;
  std::array<std::byte, 16> toc_digest{};
};

std::vector<std::byte> encode_pack_header(const ObjectName& id);
// Table and footer, for a pack whose table begins at `toc_offset`.
std::vector<std::byte> encode_pack_end(std::span<const PackEntry> entries, std::uint64_t toc_offset);

Result<> check_pack_header(ConstBytes header, const ObjectName& id);
Result<PackFooter> decode_pack_footer(ConstBytes footer, std::uint64_t pack_bytes);
Result<std::vector<PackEntry>> decode_pack_toc(ConstBytes toc, const PackFooter& footer);

struct ChunkList {
  std::uint32_t chunk_bytes = kChunkBytes;
  std::vector<BlobDigest> digests;  // zero: a chunk of zeros
};

std::vector<std::byte> encode_chunk_list(const ChunkList& list, DigestAlgorithm algorithm);
// `blob` says what the list must describe.
Result<ChunkList> decode_chunk_list(ConstBytes bytes, const BlobRef& blob);
// The size such a list has on the disk with this program's chunk size, at the least for others.
std::uint64_t max_chunk_list_bytes(const BlobRef& blob);

// "unsupported_version: <what> was written by a newer ElasticPython..."
Error newer_version(std::string_view what, std::uint16_t version);

}  // namespace elastic::store
