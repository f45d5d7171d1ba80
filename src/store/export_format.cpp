#include "store/export_format.hpp"

#include "elastic/store/blob.hpp"
#include "store/bytes.hpp"
#include "store/manifest.hpp"
#include "store/pack_format.hpp"

namespace elastic::store {
namespace {

constexpr std::string_view kMagic = "ELPYFILE";

}  // namespace

ExportLayout ExportLayout::of(std::uint64_t manifest_bytes, std::uint64_t pack_bytes) {
  const std::uint64_t end = kExportHeaderBytes + manifest_bytes;
  return {manifest_bytes, (end + kMapAlignment - 1) / kMapAlignment * kMapAlignment, pack_bytes};
}

bool begins_like_export(ConstBytes header) {
  return header.size() >= kMagic.size() && as_text(header.first(kMagic.size())) == kMagic;
}

std::vector<std::byte> encode_export_header(const ExportLayout& layout) {
  std::vector<std::byte> bytes;
  ByteWriter out(bytes);
  out.text(kMagic);
  out.u16(kFormatVersion);
  out.u16(kReadsFrom);
  out.zeros(4);
  out.u64(kExportHeaderBytes);
  out.u64(layout.manifest_bytes);
  out.u64(layout.pack_offset);
  out.u64(layout.pack_bytes);
  out.zeros(16);
  return bytes;
}

Result<ExportLayout> decode_export_header(ConstBytes header, std::uint64_t file_bytes) {
  if (!begins_like_export(header)) {
    return Error(ErrorCode::kInvalidArgument, "this is not a checkpoint that was exported to a file");
  }
  ByteReader in(header.subspan(kMagic.size()));
  const std::uint16_t version = in.u16();
  if (in.u16() > kFormatVersion) return newer_version("this file", version);
  bool sound = in.zeros(4);
  sound = in.u64() == kExportHeaderBytes && sound;
  ExportLayout layout;
  layout.manifest_bytes = in.u64();
  layout.pack_offset = in.u64();
  layout.pack_bytes = in.u64();
  sound = in.zeros(16) && in.ok() && sound;
  if (layout.manifest_bytes > kMaxManifestBytes || layout.pack_bytes > kMaxPackBytes) {
    return Error(ErrorCode::kLimitExceeded, "the file says that more is in it than can be");
  }
  const ExportLayout expected = ExportLayout::of(layout.manifest_bytes, layout.pack_bytes);
  sound = sound && layout.pack_offset == expected.pack_offset &&
          layout.pack_bytes >= kPackHeaderBytes + kPackFooterBytes;
  if (!sound) return Error(ErrorCode::kCorruption, "the header of the file is damaged");
  if (expected.file_bytes() != file_bytes) {
    return Error(ErrorCode::kCorruption, "the file is cut off, or has something behind it; copy it anew");
  }
  return layout;
}

}  // namespace elastic::store
