// Which checkpoints are kept, and taking back the space of the others.
//
// Safe beside readers and writers of any process: whatever needs nobody to be at work is left for the next
// time when somebody is. In doubt nothing is deleted (docs/invariants.md 16).
//
// Thread contract: call from any thread, without the GIL.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "elastic/store/store.hpp"

namespace elastic::store {

// A checkpoint goes when one of the limits says so. The newest whole one of each label stays.
struct RetentionPolicy {
  // Per label, at least 1, of those that were asked for and of the automatic ones: a kernel that is started
  // over and over pushes out nothing that somebody wanted.
  std::optional<std::uint32_t> keep_newest;
  std::optional<std::int64_t> max_age_us;  // by its creation
  std::optional<std::uint64_t> max_bytes;  // of what all checkpoints together hold, oldest go first
};

struct GarbageReport {
  std::vector<CheckpointName> removed;
  std::uint64_t packs_removed = 0;
  std::uint64_t packs_rewritten = 0;
  std::uint64_t bytes_freed = 0;
  bool someone_at_work = false;  // nothing was removed, for now
  std::optional<Error> stopped;  // a manifest in doubt: packs were left alone
};

// `dry_run` says what would be removed. O(checkpoints + frames).
Result<GarbageReport> collect_garbage(Store& store, const RetentionPolicy& policy, bool dry_run = false);

// Whether there may be more than the policy allows, or more small files than a store should have, as far as
// their names tell: no when a collection would only find what writers left that died. Reads no checkpoint.
bool may_exceed(Store& store, const RetentionPolicy& policy);

}  // namespace elastic::store
