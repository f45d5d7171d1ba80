// The bytes around the manifest and the pack in an export file (docs/checkpoint_format.md, section 7).
#pragma once
#include <vector>

#include "elastic/store/file_system.hpp"

namespace elastic::store {

constexpr std::uint64_t kExportHeaderBytes = 64;
constexpr std::uint64_t kExportTrailerBytes = 64;

struct ExportLayout {
  std::uint64_t manifest_bytes = 0;
  std::uint64_t pack_offset = 0;
  std::uint64_t pack_bytes = 0;

  static ExportLayout of(std::uint64_t manifest_bytes, std::uint64_t pack_bytes);
  std::uint64_t file_bytes() const { return pack_offset + pack_bytes + kExportTrailerBytes; }
};

bool begins_like_export(ConstBytes header);
std::vector<std::byte> encode_export_header(const ExportLayout& layout);
// What comes out lies inside a file of `file_bytes` and within the limits.
Result<ExportLayout> decode_export_header(ConstBytes header, std::uint64_t file_bytes);

}  // namespace elastic::store
