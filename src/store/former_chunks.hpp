// The chunks of a blob that its caller knows from an earlier checkpoint, and those that must be digested.
//
// Thread contract: pure functions; the index is read.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include "elastic/store/blob.hpp"
#include "store/pack_format.hpp"
#include "store/pack_index.hpp"

namespace elastic::store {

// Whether the store has this chunk, with this size.
using HasChunk = std::function<bool(const BlobDigest& digest, std::uint64_t raw_bytes)>;

// The chunk list of an earlier blob, if it and all its chunks are there.
std::optional<ChunkList> chunk_list_of(const PackIndex& index, std::uint64_t seed, const HasChunk& has,
                                       const BlobRef& blob);

struct FormerChunks {
  ChunkList list;                     // a digest for each chunk; those of the wanted ones are to be put in
  std::vector<std::uint64_t> wanted;  // ascending
};

// For the blob `now`, whose digest is not known yet. All chunks are wanted where `before` is null, does not
// fit or is no longer there.
FormerChunks former_chunks(const PackIndex& index, std::uint64_t seed, const HasChunk& has,
                           const BlobRef& now, const KnownBefore* before);

}  // namespace elastic::store
