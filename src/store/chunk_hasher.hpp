// Digests of a blob's chunks, computed ahead of the one who asks for them in order.
//
// Thread contract: construct, call digest_of in ascending order, destroy: one thread. The worker threads
// inside live no longer than the object, so a process may fork whenever there is none.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "elastic/store/blob.hpp"
#include "store/parts.hpp"

namespace elastic::store {

class ChunkHasher {
 public:
  // Digests the `wanted` chunks (ascending) of `parts`. `threads` counts the caller's.
  ChunkHasher(const Parts& parts, DigestAlgorithm algorithm, std::uint64_t seed,
              std::vector<std::uint64_t> wanted, int threads);
  ~ChunkHasher();

  // The digest of the place-th wanted chunk; zero if the chunk is all zeros. Works itself while it would
  // wait.
  BlobDigest digest_of(std::size_t place);

 private:
  bool work_once();

  const Parts* parts_;
  DigestAlgorithm algorithm_;
  std::uint64_t seed_;
  std::vector<std::uint64_t> wanted_;
  std::vector<BlobDigest> digests_;
  std::vector<bool> ready_;  // guarded by mutex_
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::condition_variable is_ready_;
  std::vector<std::thread> workers_;
};

}  // namespace elastic::store
