// Asking a store what it has already, before anything is written: what a checkpoint would cost.
//
// While a Presence lives, nothing of the store is removed, so that what was found can be kept by the writer
// that is begun meanwhile (CheckpointWriter::keep_blob). Thread contract: one thread; call without the GIL.
#pragma once
#include <memory>
#include <optional>
#include <span>

#include "elastic/store/store.hpp"

namespace elastic::store {

class Presence {
 public:
  struct Found {
    std::optional<BlobRef> blob;      // all of it is there
    std::uint64_t missing_bytes = 0;  // what put_blob would have to write, uncompressed
  };

  static Result<Presence> open(Store& store);

  // Whether all of a blob of an earlier checkpoint is there, sound as far as is known.
  bool has_blob(const BlobRef& blob) const;

  // Digests the concatenation of `parts` as put_blob would. O(size), or of what changed since `before`.
  Found look_up(std::span<const ConstBytes> parts, BlobKind kind, const KnownBefore* before = nullptr) const;

 private:
  Presence(const Store& store, std::unique_ptr<Lease> lease, std::shared_ptr<PackIndex> index);
  bool has(const BlobDigest& digest, std::uint64_t raw_bytes) const;

  std::uint64_t seed_;
  bool strong_digests_;
  std::unique_ptr<Lease> lease_;
  std::shared_ptr<PackIndex> index_;
};

}  // namespace elastic::store
