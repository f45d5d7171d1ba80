#include "session/dumped.hpp"

#include <algorithm>
#include <set>

namespace elastic::session {

std::vector<std::size_t> ambient_for_reruns(const DumpedSession& dumped) {
  const graph::History& history = dumped.history;
  std::map<SnapshotId, std::size_t> place_of;
  for (std::size_t i = 0; i < dumped.groups.size(); ++i)
    if (dumped.groups[i].ambient) place_of.emplace(dumped.input.holdings[i].snapshots.front(), i);
  std::set<std::size_t> places;
  const auto add = [&](std::optional<SnapshotId> snapshot) {
    const auto found = snapshot ? place_of.find(*snapshot) : place_of.end();
    if (found != place_of.end()) places.insert(found->second);
  };
  for (std::uint32_t id = 0; id < history.variable_count(); ++id) {
    if (!history.is_ambient({id})) continue;
    add(history.active({id}));
    const std::vector<SnapshotId> versions = history.versions({id});
    for (const CellIndex cell : dumped.plan.cells_to_rerun) {
      std::optional<SnapshotId> before;
      for (const SnapshotId version : versions)
        if (history.snapshot(version).writer < cell) before = version;
      add(before);
    }
  }
  for (const std::size_t loaded : dumped.plan.loads) places.erase(loaded);
  return {places.begin(), places.end()};
}

void look_up(DumpedGroup& group, plan::Holding& holding, const store::Presence& presence) {
  const auto parts = parts_of(*group.pickled);
  const auto pickle = presence.look_up(parts, store::BlobKind::kPickle);
  group.held.push_back(pickle.blob);
  holding.new_bytes = pickle.missing_bytes;
  for (std::size_t i = 0; i < group.pickled->buffers.size(); ++i) {
    const store::ConstBytes bytes = group.pickled->buffers[i].bytes();
    const auto before = group.former[i] ? std::optional(group.former[i]->known()) : std::nullopt;
    const auto found =
        presence.look_up(std::span(&bytes, 1), store::BlobKind::kBuffer, before ? &*before : nullptr);
    group.held.push_back(found.blob);
    *holding.new_bytes += found.missing_bytes;
  }
}

}  // namespace elastic::session
