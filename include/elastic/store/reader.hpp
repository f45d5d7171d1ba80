// Reading one checkpoint: its payload, its blobs, its verification.
//
// The manifest has been verified when a reader exists. read_blob verifies before it returns. map_blob does
// not verify (except chunk lists and what had to be decompressed): pass the blob to verify_blob or
// BackgroundVerifier. What pickles hold is code: a caller loads them only if trusted(), or the user said so.
//
// While a reader lives, nothing of the store is removed. Mappings outlive the reader, and the removal of
// their files.
//
// Thread contract: one thread at a time, but for read_blob, map_blob and verify_blob, which may run side by
// side.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "elastic/store/store.hpp"

namespace elastic::store {

struct ChunkList;
struct Manifest;
struct MappedRun;

// Bytes of one's own: from the heap, or a private writable mapping. Freed or unmapped on destruction.
class Region {
 public:
  Region() = default;
  Region(Region&& other) noexcept { *this = std::move(other); }
  Region& operator=(Region&& other) noexcept;
  ~Region();

  static Result<Region> on_heap(std::uint64_t size_bytes);
  // Zeroed memory of its own pages, into which files can be mapped.
  static Result<Region> of_pages(std::uint64_t size_bytes);

  std::byte* data() const { return data_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  Bytes bytes() const { return {data_, size_bytes_}; }
  // Parts of it are files that have been mapped and not looked at: verify_blob does.
  bool is_unverified() const { return unverified_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t mapped_bytes_ = 0;
  bool unverified_ = false;
  friend class CheckpointReader;
};

class CheckpointReader {
 public:
  ~CheckpointReader();

  const CheckpointInfo& info() const { return info_; }
  bool trusted() const { return info_.trusted; }
  ConstBytes payload() const;
  // In the order that was given to commit().
  std::span<const BlobRef> blobs() const;
  // Newer checkpoints that open_newest passed over because they are damaged.
  const std::vector<CheckpointInfo>& passed_over() const { return passed_over_; }
  // Of the same label, begun after this one, which is the newest, and not there.
  const std::vector<WriterStatus>& unfinished() const { return unfinished_; }
  // Whether map_blob maps. Where it does not, all that it returns has been verified.
  bool maps() const;
  const Manifest& manifest() const { return *manifest_; }
  const PackIndex& index() const { return *index_; }

  // Told from now on of every piece that is read of a blob, on any of the threads that read; an error of it
  // ends the reading. BackgroundVerifier tells nobody. REQUIRES: nobody reads.
  void tell_reads(std::function<Result<>(std::uint64_t bytes)> told) { told_ = std::move(told); }
  // The blob's bytes, verified. Errors: kCorruption, kIo, kNotFound (a pack is missing).
  Result<Region> read_blob(const BlobRef& blob);
  // The blob as private writable memory, paged in from the files when touched. Small or compressed blobs, and
  // those in too many pieces, are read instead, so this always works.
  Result<Region> map_blob(const BlobRef& blob);
  // Reads the blob from the files and compares digests. Never looks at mappings, which the user may have
  // written to. What any of these calls finds damaged is put on record in the store, and the next checkpoint
  // that has the same bytes writes them anew.
  Result<> verify_blob(const BlobRef& blob, const std::atomic<bool>* stop = nullptr);
  // Whether an error of these calls is of the bytes: a link may work again in a minute, but what a disk
  // cannot read will not come back.
  bool is_damage(const Error& error) const;
  // All blobs, whatever is found; the first error. O(total_bytes).
  Result<> verify_all(const ProgressFunction& progress = {});

 private:
  friend class Store;
  friend Result<std::unique_ptr<CheckpointReader>> open_export_file(FileSystem&, const std::string&,
                                                                    const std::optional<Key>&);
  CheckpointReader(std::unique_ptr<Manifest> manifest, CheckpointInfo info, std::shared_ptr<PackIndex> index,
                   std::unique_ptr<Lease> lease);

  Result<Region> noted(const BlobRef& blob, Result<Region> region);
  Result<Region> read_whole(const BlobRef& blob);
  Result<Region> map_whole(const BlobRef& blob);
  Result<> check_blob(const BlobRef& blob, const std::atomic<bool>* stop);
  Result<ChunkList> chunks_of(const BlobRef& blob) const;
  Result<> read_chunk(const BlobRef& blob, const ChunkList& list, std::size_t place, Bytes into) const;
  Result<> read_and_tell(const BlobRef& blob, const ChunkList& list, std::size_t place, Bytes into) const;
  Result<bool> map_run(const MappedRun& run, Region& region);

  std::unique_ptr<Manifest> manifest_;
  CheckpointInfo info_;
  std::shared_ptr<PackIndex> index_;
  std::unique_ptr<Lease> lease_;
  std::vector<CheckpointInfo> passed_over_;
  std::vector<WriterStatus> unfinished_;
  std::function<Result<>(std::uint64_t)> told_;
  std::atomic<std::int64_t> maps_left_;
};

// Verifies blobs one after another in a thread of its own. Poll it, or wait. Stops when destroyed.
// Keeps the reader (and with it the store's shared lock) until it is done.
class BackgroundVerifier {
 public:
  struct Failure {
    std::size_t index;  // into the blobs given
    Error error;
  };

  BackgroundVerifier(std::shared_ptr<CheckpointReader> reader, std::vector<BlobRef> blobs);
  ~BackgroundVerifier();

  bool done() const { return done_.load(std::memory_order_acquire); }
  std::uint64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }
  // Waits for the end. Empty: every blob is as it was written.
  std::vector<Failure> wait();

 private:
  void run();

  std::shared_ptr<CheckpointReader> reader_;
  std::vector<BlobRef> blobs_;
  std::vector<Failure> failures_;
  std::atomic<std::uint64_t> bytes_done_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace elastic::store
