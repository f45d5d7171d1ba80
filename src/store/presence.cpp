#include "elastic/store/presence.hpp"

#include <algorithm>

#include "store/chunk_hasher.hpp"
#include "store/digester.hpp"
#include "store/former_chunks.hpp"
#include "store/pack_index.hpp"
#include "store/parts.hpp"

namespace elastic::store {
namespace {

constexpr int kHashThreads = 2;

}  // namespace

Presence::Presence(const Store& store, std::unique_ptr<Lease> lease, std::shared_ptr<PackIndex> index)
    : seed_(store.seed()),
      strong_digests_(store.options().strong_digests),
      lease_(std::move(lease)),
      index_(std::move(index)) {}

Result<Presence> Presence::open(Store& store) {
  ELASTIC_ASSIGN(auto lease, store.shared_lease());
  ELASTIC_ASSIGN(auto index, store.index());
  return Presence(store, std::move(lease), std::move(index));
}

bool Presence::has(const BlobDigest& digest, std::uint64_t raw_bytes) const {
  return index_->has_sound(digest, raw_bytes);
}

bool Presence::has_blob(const BlobRef& blob) const {
  if (blob.shape == BlobShape::kChunk) return blob.size_bytes == 0 || has(blob.digest, blob.size_bytes);
  const HasChunk has_chunk = [this](const BlobDigest& digest, std::uint64_t raw_bytes) {
    return has(digest, raw_bytes);
  };
  return chunk_list_of(*index_, seed_, has_chunk, blob).has_value();
}

Presence::Found Presence::look_up(std::span<const ConstBytes> pieces, BlobKind kind,
                                  const KnownBefore* before) const {
  const Parts parts(pieces);
  BlobRef ref;
  ref.kind = kind;
  ref.size_bytes = parts.size_bytes();
  const bool fast = kind == BlobKind::kBuffer && !strong_digests_;
  ref.algorithm = fast ? DigestAlgorithm::kXxh3 : DigestAlgorithm::kSha256;
  if (ref.size_bytes <= kChunkBytes) {
    ref.digest = digest_chunk(ref.algorithm, seed_, parts.slice(0, ref.size_bytes));
    if (ref.size_bytes == 0 || has(ref.digest, ref.size_bytes)) return {ref, 0};
    return {std::nullopt, ref.size_bytes};
  }
  const HasChunk has_chunk = [this](const BlobDigest& digest, std::uint64_t raw_bytes) {
    return has(digest, raw_bytes);
  };
  auto [list, wanted] = former_chunks(*index_, seed_, has_chunk, ref, before);
  ChunkHasher hasher(parts, ref.algorithm, seed_, wanted, kHashThreads);
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::uint64_t raw_bytes = std::min(kChunkBytes, ref.size_bytes - wanted[i] * kChunkBytes);
    const BlobDigest digest = list.digests[wanted[i]] = hasher.digest_of(i);
    if (!digest.is_zero() && !has(digest, raw_bytes)) missing += raw_bytes;
  }
  const std::vector<std::byte> bytes = encode_chunk_list(list, ref.algorithm);
  ref.shape = BlobShape::kList;
  ref.digest = digest_chunk(ref.algorithm, seed_, bytes);
  if (!has(ref.digest, bytes.size())) missing += bytes.size();
  if (missing > 0) return {std::nullopt, missing};
  return {ref, 0};
}

}  // namespace elastic::store
