#include "store/chunk_hasher.hpp"

#include <algorithm>

#include "store/digester.hpp"

namespace elastic::store {
namespace {

constexpr std::size_t kLeastChunksForThreads = 8;

}  // namespace

ChunkHasher::ChunkHasher(const Parts& parts, DigestAlgorithm algorithm, std::uint64_t seed,
                         std::vector<std::uint64_t> wanted, int threads)
    : parts_(&parts),
      algorithm_(algorithm),
      seed_(seed),
      wanted_(std::move(wanted)),
      digests_(wanted_.size()),
      ready_(wanted_.size()) {
  if (wanted_.size() < kLeastChunksForThreads) return;
  for (int i = 1; i < threads; ++i) {
    workers_.emplace_back([this] {
      while (work_once()) {
      }
    });
  }
}

ChunkHasher::~ChunkHasher() {
  next_.store(wanted_.size());
  for (std::thread& worker : workers_) worker.join();
}

bool ChunkHasher::work_once() {
  const std::size_t place = next_.fetch_add(1);
  if (place >= wanted_.size()) return false;
  const auto pieces = parts_->chunk(wanted_[place]);
  const BlobDigest digest = all_zero(pieces) ? BlobDigest{} : digest_chunk(algorithm_, seed_, pieces);
  const std::lock_guard lock(mutex_);
  digests_[place] = digest;
  ready_[place] = true;
  is_ready_.notify_one();
  return true;
}

BlobDigest ChunkHasher::digest_of(std::size_t place) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (ready_[place]) return digests_[place];
    }
    if (!work_once()) break;
  }
  std::unique_lock lock(mutex_);
  is_ready_.wait(lock, [&] { return ready_[place]; });
  return digests_[place];
}

}  // namespace elastic::store
