// Writing one checkpoint: begin, put blobs, commit.
//
// Until commit() returns success the checkpoint is not there, and the one before is; destroying the writer
// (or killing the process) at any point abandons it. A blob that the store already has is not written again.
// Bytes go from the caller's memory to the file without a copy, except blobs below 64 KiB, which are
// gathered.
//
// Forking: a writer has no threads between calls. A process may begin(), put some blobs, fork, and let the
// child put the rest and commit; the parent then calls leave_to_child() and is done with it. Locks and status
// pass to the child.
//
// Thread contract: one thread at a time. Long calls (put_blob, commit) run without the GIL; inside, large
// blobs are hashed by up to `hash_threads` threads that end with the call. The memory given to put_blob must
// not change during it.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "elastic/store/store.hpp"

namespace elastic::store {

class Compressor;
class PackSink;
class Parts;
struct ChunkList;

struct WriterOptions {
  std::string label;                 // whose checkpoint it is; at most 4 KiB
  bool automatic = false;            // nobody asked for it
  std::uint64_t expected_bytes = 0;  // for progress; 0: not known
  int hash_threads = 2;
  // What it holds is as it was at begin(), though it may take long to come: a checkpoint that was begun later
  // is newer, whichever is published first.
  bool as_of_begin = false;
  std::int64_t silent_until_us = 0;  // WriterStatus: for one that is told its blobs only later
  ProgressFunction progress;  // called about every 8 MB and at the end of each call, from the calling thread
};

struct CommitReport {
  CheckpointName name;
  std::uint64_t bytes_total = 0;    // sum of the blobs' sizes
  std::uint64_t bytes_written = 0;  // to the disk, manifest and tables included
  std::uint64_t chunks_written = 0;
  std::uint64_t chunks_reused = 0;
  std::int64_t duration_us = 0;  // since begin
};

class CheckpointWriter {
 public:
  // REQUIRES: the process that destroys it is the one that owns it (see leave_to_child).
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // Stores the concatenation of `parts`. O(size). Errors: kIo (disk full...), kCancelled, kLimitExceeded.
  // After an error the writer can only be destroyed.
  Result<BlobRef> put_blob(std::span<const ConstBytes> parts, BlobKind kind,
                           const KnownBefore* before = nullptr);
  Result<BlobRef> put_blob(ConstBytes bytes, BlobKind kind, const KnownBefore* before = nullptr);

  // A blob of an earlier checkpoint of this store that is known to be unchanged: O(chunks), reads no data.
  // kNotFound: it (or a chunk of it) is no longer there; put it.
  Result<> keep_blob(const BlobRef& blob);

  // Publishes the manifest: `payload` is the caller's own, `blobs` are results of put_blob or keep_blob (of
  // this writer) and keep their places. The checkpoint exists when this returns.
  Result<CommitReport> commit(ConstBytes payload, std::span<const BlobRef> blobs);

  // What begin() could not be told: the bytes to come. From here on the writer reports as it goes.
  void expect(std::uint64_t bytes);

  // There will be no checkpoint: whoever looks for one later is told `why`. Only for one that nobody hears of
  // otherwise.
  void give_up(const std::string& why);

  // Called in the parent after fork: the child owns the writer now.
  void leave_to_child();

  Progress progress() const { return progress_; }

 private:
  friend class Store;
  CheckpointWriter(Store& store, WriterOptions options, std::unique_ptr<Lease> lease,
                   std::unique_ptr<WriterLease> announcement, std::shared_ptr<PackIndex> index);

  bool has(const BlobDigest& digest, std::uint64_t raw_bytes) const;
  std::function<bool(const BlobDigest& digest, std::uint64_t raw_bytes)> has_chunk() const;
  WriterStatus status() const;
  Result<> store_frame(const BlobDigest& digest, DigestAlgorithm algorithm, bool mappable,
                       std::span<const ConstBytes> parts);
  Result<BlobRef> put_chunk(const Parts& parts, BlobRef ref);
  Result<BlobRef> put_chunks(const Parts& parts, BlobRef ref, const KnownBefore* before);
  Result<> advance(std::uint64_t bytes);
  Result<> report();

  Store* store_;
  WriterOptions options_;
  std::unique_ptr<Lease> lease_;
  std::unique_ptr<WriterLease> announcement_;  // empty where a backend has none
  std::shared_ptr<PackIndex> index_;           // what was there at the beginning
  std::unique_ptr<PackSink> sink_;             // what has been added since
  std::unique_ptr<Compressor> compressor_;
  Progress progress_;
  CommitReport report_;
  std::uint64_t reported_bytes_ = 0;
  std::int64_t begun_us_;  // monotonic
  std::int64_t announced_us_ = 0;
  std::int64_t started_us_;     // wall
  std::uint64_t sequence_ = 0;  // as_of_begin: what it was given then
  bool failed_ = false;
};

}  // namespace elastic::store
