// Packs, chunk lists, records of damage and compressed frames from anybody. The input is the end of a pack:
// table and footer.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "store/damage_record.hpp"
#include "store/digester.hpp"
#include "store/pack_format.hpp"

namespace {

using namespace elastic::store;

void check_pack(ConstBytes end, std::uint64_t pack_bytes) {
  if (end.size() < kPackFooterBytes) return;
  const auto footer = decode_pack_footer(end.last(kPackFooterBytes), pack_bytes);
  if (!footer.ok()) return;
  const std::uint64_t toc_bytes = footer->count * kPackEntryBytes;
  if (toc_bytes > end.size() - kPackFooterBytes) return;  // the rest of the pack is not in the input
  const auto entries =
      decode_pack_toc(end.subspan(end.size() - kPackFooterBytes - toc_bytes, toc_bytes), *footer);
  if (!entries.ok()) return;
  for (const PackEntry& entry : *entries) {
    if (entry.offset + entry.stored_bytes > footer->toc_offset || entry.raw_bytes > kMaxFrameBytes)
      std::abort();
  }
}

void check_list(ConstBytes bytes) {
  if (bytes.size() < 9) return;
  BlobRef blob;
  std::memcpy(&blob.size_bytes, bytes.data(), 8);
  blob.algorithm =
      (std::to_integer<int>(bytes[8]) & 1) != 0 ? DigestAlgorithm::kXxh3 : DigestAlgorithm::kSha256;
  const auto list = decode_chunk_list(bytes.subspan(9), blob);
  if (!list.ok()) return;
  if ((blob.size_bytes - 1) / list->chunk_bytes + 1 != list->digests.size()) std::abort();
  if (encode_chunk_list(*list, blob.algorithm).size() != bytes.size() - 9) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConstBytes bytes = std::as_bytes(std::span(data, size));
  check_pack(bytes, kPackHeaderBytes + size);
  // The same table under a footer that fits, so that its entries are reached.
  if (size >= kPackEntryBytes) {
    const std::size_t count = size / kPackEntryBytes;
    std::vector<std::byte> end(bytes.begin(),
                               bytes.begin() + static_cast<std::ptrdiff_t>(count * kPackEntryBytes));
    PackFooter footer{100000, count, {}};
    const BlobDigest digest = widened(elastic::digest_of(ConstBytes(end)));
    std::copy_n(digest.bytes.begin(), footer.toc_digest.size(), footer.toc_digest.begin());
    static_cast<void>(decode_pack_toc(end, footer).ok());
  }
  check_list(bytes);
  if (const auto damage = decode_damage(bytes); damage.ok() && encode_damage(*damage).size() != size)
    std::abort();
  if (size > 4) {
    std::vector<std::byte> into((data[0] << 8 | data[1]) + 1U);
    static_cast<void>(decompress(Codec::kZstd, bytes.subspan(2), into).ok());
  }
  return 0;
}
