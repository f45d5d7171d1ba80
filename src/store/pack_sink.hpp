// The writing end of packs: takes frames, lays them out, publishes packs when they are full and at the end.
//
// Small frames are gathered and written together; large ones go straight from the caller's memory to the
// file. Full packs are published while later ones are filled (the last at finish), so that the disk or the
// link has had the time to take them.
//
// Thread contract: one thread.
#pragma once
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "elastic/store/backend.hpp"
#include "store/pack_format.hpp"

namespace elastic::store {

class PackSink {
 public:
  PackSink(Backend& backend, FileSystem& files);
  PackSink(Backend& backend, FileSystem& files, Traffic traffic);

  struct NewFrame {
    BlobDigest digest;
    DigestAlgorithm algorithm;
    Codec codec = Codec::kNone;
    std::uint64_t raw_bytes = 0;
    bool mappable = false;  // at a multiple of kMapAlignment
  };
  // REQUIRES: !has(frame.digest)
  Result<> add(const NewFrame& frame, std::span<const ConstBytes> stored);

  // The raw size of a frame that was added; 0: it was not.
  std::uint64_t raw_bytes_of(const BlobDigest& digest) const;
  bool has(const BlobDigest& digest) const { return raw_bytes_of(digest) != 0; }

  // Publishes what is left. All frames are durable when this returns.
  Result<> finish();

  std::uint64_t bytes_written() const { return bytes_written_; }
  const std::vector<ObjectName>& packs() const { return packs_; }
  void leave_to_child();

 private:
  Result<> open_pack();
  Result<> flush();
  Result<> close_pack();
  Result<> publish_oldest();

  Backend* backend_;
  FileSystem* files_;
  Traffic traffic_;
  std::unique_ptr<ObjectWriter> pack_;              // being filled
  std::deque<std::unique_ptr<ObjectWriter>> full_;  // complete, on their way; oldest first
  std::vector<ObjectName> packs_;
  std::vector<PackEntry> entries_;
  std::vector<std::byte> gathered_;
  std::uint64_t offset_ = 0;  // of the end of gathered_
  std::uint64_t bytes_written_ = 0;
  std::unordered_map<BlobDigest, std::uint32_t> added_;
};

}  // namespace elastic::store
