#include "session/kept_groups.hpp"

#include <algorithm>

#include "elastic/session/tracker.hpp"

namespace elastic::session {
namespace {

std::string text_of(const graph::History& history, SnapshotId id) {
  const graph::Snapshot& snapshot = history.snapshot(id);
  return history.name_of(snapshot.variable) + ":" + std::to_string(snapshot.writer.value) + ":" +
         snapshot.content.to_hex() + ",";
}

bool names_a_file(const pyobj::Pickled& pickled) {
  return std::ranges::any_of(pickled.pickle, [](const pyobj::PinnedBuffer& piece) {
    return store::as_text(piece.bytes()).find("memmap") != std::string_view::npos;
  });
}

}  // namespace

std::string identity_of(const Tracker& tracker, const DumpedSession& dumped, std::size_t place,
                        const std::string& nans) {
  std::string identity = nans;
  for (const SnapshotId id : dumped.input.holdings[place].snapshots) {
    const graph::Snapshot& snapshot = dumped.history.snapshot(id);
    if (snapshot.content == Digest{} || !tracker.sees_into(dumped.history.name_of(snapshot.variable)))
      return {};
    identity += text_of(dumped.history, id);
  }
  return identity;
}

std::string referable_identity(const graph::History& history, pyobj::Borrowed user_namespace,
                               const std::vector<std::string>& referable, bool (*counts)(PyObject*)) {
  std::string identity;
  for (const std::string& name : referable) {
    PyObject* const value = PyDict_GetItemString(user_namespace.get(), name.c_str());
    if (!counts(value)) continue;
    identity += text_of(history, *history.active(*history.find_variable(name))) +
                std::to_string(reinterpret_cast<std::uintptr_t>(value)) + ";";
  }
  return identity;
}

std::shared_ptr<const KeptGroup> KeptGroups::find(const DumpedSession& dumped, std::size_t place,
                                                  const std::vector<std::string>& names) const {
  const DumpedGroup& group = dumped.groups[place];
  const auto found = group.identity.empty() ? groups_.end() : groups_.find(group.identity);
  if (found == groups_.end() || !dumped.presence || group.names != names) return nullptr;
  const KeptGroup& kept = *found->second;
  if (kept.pickled.has_reducers && referable_ != dumped.referable) return nullptr;
  const auto is_there = [&](const store::BlobRef& blob) { return dumped.presence->has_blob(blob); };
  return std::ranges::all_of(kept.blobs, is_there) ? found->second : nullptr;
}

void KeptGroups::commit(const DumpedSession& dumped, std::span<const store::BlobRef> refs,
                        const std::map<std::size_t, std::size_t>& first_blobs) {
  std::vector<std::size_t> held_by(dumped.groups.size(), 0);
  for (const DumpedGroup& group : dumped.groups) ++held_by[group.pickled_in];
  std::map<std::string, std::shared_ptr<const KeptGroup>> groups;
  for (const auto& [place, first] : first_blobs) {
    const DumpedGroup& group = dumped.groups[place];
    if (group.identity.empty() || group.part || held_by[place] != 1) continue;
    if (group.kept) {
      groups.emplace(group.identity, group.kept);
      continue;
    }
    const pyobj::Pickled& pickled = *group.pickled;
    if (pickled.ran_own_code || (pickled.has_reducers && names_a_file(pickled))) continue;
    auto kept = std::make_shared<KeptGroup>();
    kept->pickled.names = pickled.names;
    kept->pickled.references = pickled.references;
    kept->pickled.notes = pickled.notes;
    kept->pickled.modules = pickled.modules;
    kept->pickled.has_reducers = pickled.has_reducers;
    kept->pickle_bytes = pickled.pickle_bytes();
    kept->buffer_bytes = pickled.buffer_bytes();
    const auto blobs = refs.subspan(first, 1 + pickled.buffers.size());
    kept->blobs.assign(blobs.begin(), blobs.end());
    groups.emplace(group.identity, std::move(kept));
  }
  groups_ = std::move(groups);
  referable_ = dumped.referable;
}

}  // namespace elastic::session
