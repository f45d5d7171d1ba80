// Digests of chunks and of whole files (docs/checkpoint_format.md, section 3).
//
// Thread contract: functions are pure; an object belongs to one thread.
#pragma once
#include <memory>

#include "elastic/core/digest.hpp"
#include "elastic/store/blob.hpp"
#include "elastic/store/key.hpp"

namespace elastic::store {

// XXH3-128 in its canonical form, and zeros.
BlobDigest widened(const Digest& digest);
// The digest of the concatenation of `parts`.
BlobDigest digest_chunk(DigestAlgorithm algorithm, std::uint64_t seed, std::span<const ConstBytes> parts);
BlobDigest digest_chunk(DigestAlgorithm algorithm, std::uint64_t seed, ConstBytes bytes);

// SHA-256 of what comes piece by piece.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void update(ConstBytes bytes);
  Sha256 finish();  // once

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Sha256 sha256_of(ConstBytes bytes);

}  // namespace elastic::store
