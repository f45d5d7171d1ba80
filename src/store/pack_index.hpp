// Which frames the packs of a store hold, and reading them.
//
// An index is immutable once built and shared by readers and writers; packs are opened when first read, and
// at most kMaxOpenPacks stay open (a kernel has 1,024 descriptors for everything). A pack whose table cannot
// be read is passed over: what it held counts as not there (a writer writes it again). So does, for a writer,
// a frame that was found damaged by whoever read it, now or before: that is put on record beside the packs. A
// reader still looks at it where there is no other, since a record may be wrong and every frame is checked.
//
// Thread contract: all of it from any thread.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "elastic/store/backend.hpp"
#include "store/damage_record.hpp"
#include "store/pack_format.hpp"

namespace elastic::store {

struct Frame {
  std::uint32_t pack = 0;  // place in PackIndex::packs()
  PackEntry entry;
};

class PackIndex {
 public:
  struct Pack {
    ObjectName name;
    std::uint64_t size_bytes = 0;
    std::vector<PackEntry> entries;
    std::optional<Error> damage;
    std::shared_ptr<ObjectReader> reader;  // guarded by the index's mutex; empty when not open
  };

  // Of all packs of the backend. `former` lends what it has read already; the same index comes back if
  // nothing changed.
  static Result<std::shared_ptr<PackIndex>> build(const std::shared_ptr<Backend>& backend,
                                                  const std::shared_ptr<PackIndex>& former);
  // Of one pack that is already open, as in an export file.
  static Result<std::shared_ptr<PackIndex>> of_single(const ObjectName& name,
                                                      std::shared_ptr<ObjectReader> reader);

  struct Record {
    ObjectName name;
    std::optional<std::vector<DamagedFrame>> frames;  // empty: it cannot be read
  };

  const PackEntry* find(const BlobDigest& digest) const;
  std::optional<Frame> locate(const BlobDigest& digest) const;

  // A frame that locate() can give has a slot of its own, below slot_count(): what a set of frames is made
  // of.
  struct Slot {
    std::uint32_t pack = 0, entry = 0;  // places in packs() and in its entries
  };
  std::optional<std::size_t> slot_of(const BlobDigest& digest) const;
  std::size_t slot_count() const { return slots_.size(); }
  const Slot& slot(std::size_t place) const { return slots_[place]; }
  const PackEntry& entry_at(std::size_t slot) const {
    return packs_[slots_[slot].pack]->entries[slots_[slot].entry];
  }
  const std::vector<std::shared_ptr<Pack>>& packs() const { return packs_; }
  const std::vector<Record>& records() const { return records_; }

  // Whether a checkpoint may name this frame: it is there, has that size, and nobody found it damaged.
  bool has_sound(const BlobDigest& digest, std::uint64_t raw_bytes) const;
  bool is_damaged(const Frame& frame) const;
  // Whether an error of read_frame is of the bytes, so that reading again will not help.
  bool is_damage(const Error& error) const;
  // Puts what read_frame found damaged since the last call on record, for every later writer. What cannot be
  // written (a store one may only read) is known to this index all the same. REQUIRES: a lease is held.
  void record_damage() const;

  // Reads worth keeping under way at once; more than one: there is nothing to map.
  std::size_t reads_in_flight() const { return backend_ ? backend_->traffic().in_flight : 1; }

  // Why a frame is not found: it is in no pack, or in one that cannot be read.
  Error missing() const;

  // The open pack, whose reader stays usable when the pack is removed.
  Result<std::shared_ptr<ObjectReader>> reader_of(std::uint32_t pack) const;

  // Reads a frame and checks it. `into` has the size that is expected; another is kCorruption. kNotFound: no
  // pack has it.
  Result<> read_frame(const BlobDigest& digest, DigestAlgorithm algorithm, std::uint64_t seed,
                      Bytes into) const;
  Result<ChunkList> read_chunk_list(const BlobRef& blob, std::uint64_t seed) const;

 private:
  PackIndex(std::shared_ptr<Backend> backend, std::vector<std::shared_ptr<Pack>> packs,
            std::vector<Record> records, std::set<DamagedFrame> damaged);
  Result<> read_checked(const Frame& frame, std::uint64_t seed, Bytes into) const;
  std::size_t probe(const BlobDigest& digest) const;

  static constexpr std::size_t kMaxOpenPacks = 64;

  std::shared_ptr<Backend> backend_;  // empty for an export file
  std::vector<std::shared_ptr<Pack>> packs_;
  std::vector<Record> records_;
  mutable std::set<DamagedFrame> damaged_;           // on record or not; guarded by mutex_
  mutable std::vector<DamagedFrame> not_on_record_;  // guarded by mutex_
  mutable std::mutex mutex_;
  mutable std::deque<std::uint32_t> open_;  // oldest first; without packs that came open
  // A hash table with open addressing, at most half full, of a power of two: every checkpoint makes one, and
  // asks it for each blob more than once.
  std::vector<Slot> slots_;
};

}  // namespace elastic::store
