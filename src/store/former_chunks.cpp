#include "store/former_chunks.hpp"

#include <algorithm>
#include <numeric>

namespace elastic::store {

std::optional<ChunkList> chunk_list_of(const PackIndex& index, std::uint64_t seed, const HasChunk& has,
                                       const BlobRef& blob) {
  if (blob.shape != BlobShape::kList) return std::nullopt;
  auto list = index.read_chunk_list(blob, seed);
  if (!list.ok() || list->chunk_bytes != kChunkBytes) return std::nullopt;
  for (std::size_t i = 0; i < list->digests.size(); ++i) {
    const std::uint64_t raw_bytes = std::min(kChunkBytes, blob.size_bytes - i * kChunkBytes);
    if (!list->digests[i].is_zero() && !has(list->digests[i], raw_bytes)) return std::nullopt;
  }
  return *std::move(list);
}

FormerChunks former_chunks(const PackIndex& index, std::uint64_t seed, const HasChunk& has,
                           const BlobRef& now, const KnownBefore* before) {
  const std::uint64_t count = (now.size_bytes + kChunkBytes - 1) / kChunkBytes;
  FormerChunks chunks;
  const bool fits = before != nullptr && before->blob.size_bytes == now.size_bytes &&
                    before->blob.algorithm == now.algorithm;
  if (auto list = fits ? chunk_list_of(index, seed, has, before->blob) : std::nullopt) {
    chunks.list = *std::move(list);
    std::uint64_t next = 0;
    for (const ByteRange range : before->changed) {
      if (range.length == 0) continue;
      const std::uint64_t last = std::min((range.offset + range.length - 1) / kChunkBytes, count - 1);
      for (next = std::max(next, range.offset / kChunkBytes); next <= last; ++next)
        chunks.wanted.push_back(next);
    }
    return chunks;
  }
  chunks.list.digests.assign(count, BlobDigest{});
  chunks.wanted.resize(count);
  std::iota(chunks.wanted.begin(), chunks.wanted.end(), std::uint64_t{0});
  return chunks;
}

}  // namespace elastic::store
