#include "elastic/store/garbage.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "elastic/core/log.hpp"
#include "store/manifest.hpp"
#include "store/pack_index.hpp"
#include "store/pack_sink.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kSmallPackBytes = 8 << 20;
constexpr std::size_t kManySmallPacks = 16;

using Frames = std::vector<bool>;  // by slot of the index

// A checkpoint that may stay or go.
struct Candidate {
  CheckpointInfo info;
  Manifest manifest;  // without its payload
};

// Adds the frames a checkpoint needs; their stored bytes that were not in `live` before are returned.
Result<std::uint64_t> add_frames(const Manifest& manifest, const PackIndex& index, Frames& live) {
  std::uint64_t new_bytes = 0;
  // Whether it was not there before.
  const auto add = [&](const BlobDigest& digest) -> Result<bool> {
    const auto slot = index.slot_of(digest);
    if (!slot) return Error(ErrorCode::kNotFound, "a piece of it is in no pack");
    if (live[*slot]) return false;
    live[*slot] = true;
    new_bytes += index.entry_at(*slot).stored_bytes;
    return true;
  };
  for (const BlobRef& blob : manifest.blobs) {
    if (blob.size_bytes == 0) continue;
    ELASTIC_ASSIGN(const bool is_new, add(blob.digest));
    if (!is_new || blob.shape != BlobShape::kList) continue;
    ELASTIC_ASSIGN(const ChunkList list, index.read_chunk_list(blob, manifest.seed));
    for (const BlobDigest& digest : list.digests) {
      if (digest.is_zero()) continue;
      ELASTIC_ASSIGN([[maybe_unused]] const bool added, add(digest));
    }
  }
  return new_bytes;
}

class Collector {
 public:
  Collector(Store& store, const RetentionPolicy& policy, bool dry_run)
      : store_(store), policy_(policy), dry_run_(dry_run) {}

  Result<GarbageReport> run() {
    ELASTIC_ASSIGN(const auto lease,
                   store_.backend().try_lease(dry_run_ ? LockMode::kShared : LockMode::kExclusive));
    if (lease == nullptr) {
      report_.someone_at_work = true;
      return report_;
    }
    ELASTIC_ASSIGN(index_, store_.index());
    live_.resize(index_->slot_count());
    ELASTIC_TRY(load());
    choose();
    ELASTIC_TRY(remove_manifests());
    if (!report_.stopped) ELASTIC_TRY(collect_packs());
    if (!dry_run_) {
      ELASTIC_ASSIGN(const std::uint64_t leftover_bytes, store_.backend().remove_leftovers());
      report_.bytes_freed += leftover_bytes;
    }
    return report_;
  }

 private:
  void stop(const CheckpointName& name, const Error& why) {
    if (!report_.stopped)
      report_.stopped = why.within("blobs were left alone because of checkpoint " + name.to_string());
  }

  Result<> load() {
    ELASTIC_ASSIGN(std::vector<ObjectInfo> infos, store_.backend().list(ObjectClass::kManifest));
    std::sort(infos.begin(), infos.end(), [](const auto& a, const auto& b) { return b.name < a.name; });
    for (const ObjectInfo& info : infos) {
      Candidate candidate;
      candidate.info.name = {info.name.high, info.name.low};
      auto manifest = store_.read_manifest(candidate.info.name, nullptr, /*with_payload=*/false);
      if (!manifest.ok()) {
        stop(candidate.info.name, manifest.error());
        continue;
      }
      candidate.manifest = *std::move(manifest);
      candidates_.push_back(std::move(candidate));
    }
    return success();
  }

  // Newest first: the newest of each label whose frames are all there stays, the others as the policy says.
  void choose() {
    std::map<std::pair<std::string, bool>, std::uint32_t> kept;
    std::set<std::string> labels;
    const auto kept_like = [&](const Candidate& candidate) -> std::uint32_t& {
      return kept[{candidate.manifest.label, candidate.manifest.automatic}];
    };
    std::vector<bool> stays(candidates_.size());
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (!labels.insert(candidates_[i].manifest.label).second) continue;
      ++kept_like(candidates_[i]);
      stays[i] = true;
      bytes += frames_of(candidates_[i]);
    }
    const std::int64_t now_us = store_.clock().wall_us();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (stays[i]) continue;
      const Candidate& candidate = candidates_[i];
      const bool too_many = policy_.keep_newest && kept_like(candidate) >= std::max(*policy_.keep_newest, 1U);
      const bool too_old = policy_.max_age_us && now_us - candidate.manifest.created_us > *policy_.max_age_us;
      if (too_many || too_old) continue;
      if (policy_.max_bytes) {
        Frames with_it = live_;
        const auto more = add_frames(candidate.manifest, *index_, with_it);
        if (more.ok() && bytes + *more > *policy_.max_bytes) continue;
      }
      ++kept_like(candidate);
      stays[i] = true;
      bytes += frames_of(candidate);
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      if (!stays[i]) report_.removed.push_back(candidates_[i].info.name);
    }
  }

  std::uint64_t frames_of(const Candidate& candidate) {
    const auto added = add_frames(candidate.manifest, *index_, live_);
    if (added.ok()) return *added;
    stop(candidate.info.name, added.error());
    return 0;
  }

  Result<> remove_manifests() {
    if (dry_run_ || report_.removed.empty()) return success();
    // Oldest first. That they are gone is durable before their packs go: no manifest outlives its packs.
    for (auto name = report_.removed.rbegin(); name != report_.removed.rend(); ++name) {
      ELASTIC_TRY(store_.backend().remove(name->object()));
    }
    return store_.backend().sync_names(ObjectClass::kManifest);
  }

  // By pack, the places in its entries of the frames that are needed and not taken from another pack.
  std::vector<std::vector<std::uint32_t>> live_entries() const {
    std::vector<std::vector<std::uint32_t>> live(index_->packs().size());
    for (std::size_t slot = 0; slot < live_.size(); ++slot)
      if (live_[slot]) live[index_->slot(slot).pack].push_back(index_->slot(slot).entry);
    return live;
  }

  Result<> collect_packs() {
    const auto& packs = index_->packs();
    const auto live = live_entries();
    std::vector<std::uint32_t> dead, sparse, small;
    for (std::uint32_t i = 0; i < packs.size(); ++i) {
      if (packs[i]->damage && packs[i]->damage->code() != ErrorCode::kCorruption)
        continue;  // newer, or unreadable now
      std::uint64_t live_bytes = 0;
      bool is_damaged = false;
      for (const std::uint32_t entry : live[i]) {
        live_bytes += packs[i]->entries[entry].stored_bytes;
        is_damaged = is_damaged || index_->is_damaged({i, packs[i]->entries[entry]});
      }
      if (is_damaged) continue;  // in a new pack that would no longer be on record
      // Every frame that is needed was found, so a damaged pack is of use to nobody.
      if (live_bytes == 0) {
        dead.push_back(i);
      } else if (live_bytes < packs[i]->size_bytes / 2) {
        sparse.push_back(i);
      } else if (packs[i]->size_bytes < kSmallPackBytes) {
        small.push_back(i);
      }
    }
    if (small.size() >= kManySmallPacks) sparse.insert(sparse.end(), small.begin(), small.end());
    report_.packs_removed = dead.size();
    report_.packs_rewritten = sparse.size();
    for (const std::uint32_t place : dead) report_.bytes_freed += packs[place]->size_bytes;
    for (const std::uint32_t place : sparse) report_.bytes_freed += packs[place]->size_bytes;
    // What is dead first: on a full disk there is no room for the others until then.
    ELASTIC_TRY(remove_packs(dead));
    ELASTIC_TRY(rewrite(sparse, live));
    ELASTIC_TRY(remove_packs(sparse));
    dead.insert(dead.end(), sparse.begin(), sparse.end());
    return dry_run_ ? success() : remove_records(dead);
  }

  Result<> remove_packs(const std::vector<std::uint32_t>& places) {
    if (dry_run_ || places.empty()) return success();
    for (const std::uint32_t place : places)
      ELASTIC_TRY(store_.backend().remove(index_->packs()[place]->name));
    return store_.backend().sync_names(ObjectClass::kPack);
  }

  // Of damage in packs that are gone.
  Result<> remove_records(const std::vector<std::uint32_t>& gone) {
    if (index_->records().empty()) return success();
    std::set<ObjectName> there;
    for (const auto& pack : index_->packs()) there.insert(pack->name);
    for (const std::uint32_t place : gone) there.erase(index_->packs()[place]->name);
    for (const PackIndex::Record& record : index_->records()) {
      const auto is_there = [&](const DamagedFrame& frame) { return there.contains(frame.pack); };
      if (record.frames && std::none_of(record.frames->begin(), record.frames->end(), is_there))
        ELASTIC_TRY(store_.backend().remove(record.name));
    }
    return success();
  }

  // Copies what is alive into new packs, which are durable on return. The old ones are as they were.
  Result<> rewrite(const std::vector<std::uint32_t>& places,
                   const std::vector<std::vector<std::uint32_t>>& live) {
    PackSink sink(store_.backend(), store_.files());
    std::vector<std::byte> stored;
    for (const std::uint32_t place : places) {
      std::vector<PackEntry> frames;
      for (const std::uint32_t entry : live[place]) frames.push_back(index_->packs()[place]->entries[entry]);
      std::sort(frames.begin(), frames.end(),
                [](const auto& a, const auto& b) { return a.offset < b.offset; });
      for (const PackEntry& frame : frames)
        report_.bytes_freed -= std::min<std::uint64_t>(report_.bytes_freed, frame.stored_bytes);
      if (dry_run_) continue;
      ELASTIC_ASSIGN(const auto reader, index_->reader_of(place));
      for (const PackEntry& frame : frames) {
        stored.resize(frame.stored_bytes);
        ELASTIC_TRY(reader->read_at(frame.offset, stored));
        const bool mappable = frame.codec == Codec::kNone && frame.offset % kMapAlignment == 0;
        const ConstBytes part = stored;
        ELASTIC_TRY(sink.add({frame.digest, frame.algorithm, frame.codec, frame.raw_bytes, mappable},
                             std::span(&part, 1)));
      }
    }
    return sink.finish();
  }

  Store& store_;
  const RetentionPolicy& policy_;
  bool dry_run_;
  std::shared_ptr<PackIndex> index_;
  std::vector<Candidate> candidates_;  // newest first
  Frames live_;
  GarbageReport report_;
};

}  // namespace

Result<GarbageReport> collect_garbage(Store& store, const RetentionPolicy& policy, bool dry_run) {
  return Collector(store, policy, dry_run).run();
}

bool may_exceed(Store& store, const RetentionPolicy& policy) {
  if (policy.max_age_us || policy.max_bytes) return true;
  const auto manifests = store.backend().list(ObjectClass::kManifest);
  const auto packs = store.backend().list(ObjectClass::kPack);
  return !manifests.ok() || !packs.ok() || packs->size() >= kManySmallPacks ||
         (policy.keep_newest && manifests->size() > *policy.keep_newest);
}

}  // namespace elastic::store
