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

std::shared_ptr<const KeptGroup> kept_of(const StoredGroup& stored, std::span<const store::BlobRef> blobs) {
  auto kept = std::make_shared<KeptGroup>();
  kept->pickled.names = stored.names;
  kept->pickled.references = stored.references;
  kept->pickled.notes = stored.notes;
  kept->pickled.modules = stored.modules;
  kept->pickled.has_reducers = stored.reuse == Reuse::kWhileCodeIsSame;
  kept->pickle_bytes = stored.pickle_bytes;
  kept->blobs.push_back(blobs[stored.pickle]);
  for (const std::size_t buffer : stored.buffers) {
    kept->blobs.push_back(blobs[buffer]);
    kept->buffer_bytes += blobs[buffer].size_bytes;
  }
  return kept;
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

Referable referable_identity(const graph::History& history, pyobj::Borrowed user_namespace,
                             const std::vector<std::string>& referable) {
  Referable identity;
  for (const std::string& name : referable) {
    PyObject* const value = PyDict_GetItemString(user_namespace.get(), name.c_str());
    const std::string text = text_of(history, *history.active(*history.find_variable(name))) +
                             std::to_string(reinterpret_cast<std::uintptr_t>(value)) + ";";
    identity.all += text;
    if (is_nan(value)) identity.nans += text;
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

Reuse reuse_of(const DumpedSession& dumped, std::size_t place) {
  const DumpedGroup& group = dumped.groups[place];
  if (group.identity.empty() || group.part || group.pickled_in != place) return Reuse::kNever;
  const pyobj::Pickled& pickled = *dumped.pickle_of(place);
  if (pickled.names.size() != group.names.size()) return Reuse::kNever;  // of a circle
  if (!group.kept && (pickled.ran_own_code || (pickled.has_reducers && names_a_file(pickled))))
    return Reuse::kNever;
  return pickled.has_reducers ? Reuse::kWhileCodeIsSame : Reuse::kAlways;
}

void KeptGroups::commit(const DumpedSession& dumped, std::span<const store::BlobRef> blobs,
                        const std::map<std::size_t, std::size_t>& stored_at) {
  std::unordered_map<std::string, std::shared_ptr<const KeptGroup>> groups(stored_at.size());
  for (const auto& [place, at] : stored_at) {
    const DumpedGroup& group = dumped.groups[place];
    const StoredGroup& stored = dumped.payload.groups[at];
    if (stored.reuse == Reuse::kNever) continue;
    // Most are the same from one checkpoint to the next.
    if (auto same = group.kept ? groups_.extract(group.identity) : decltype(groups_)::node_type(); same)
      groups.insert(std::move(same));
    else
      groups.emplace(group.identity, group.kept ? group.kept : kept_of(stored, blobs));
  }
  groups_ = std::move(groups);
  referable_ = dumped.referable;
}

void KeptGroups::learn(const Payload& payload, std::span<const store::BlobRef> blobs,
                       const graph::History& history, pyobj::Borrowed user_namespace) {
  Referable referable = referable_identity(history, user_namespace, referable_names(history, user_namespace));
  referable_ = std::move(referable.all);
  groups_.clear();
  for (const StoredGroup& stored : payload.groups) {
    std::string identity = referable.nans;
    bool is_known = stored.reuse != Reuse::kNever;
    for (const StoredSnapshot& each : stored.snapshots) {
      const auto variable = history.find_variable(each.variable);
      const auto snapshot = variable ? history.find(*variable, CellIndex{each.writer}) : std::nullopt;
      is_known = is_known && snapshot.has_value();
      if (is_known) identity += text_of(history, *snapshot);
    }
    if (is_known) groups_.emplace(std::move(identity), kept_of(stored, blobs));
  }
}

}  // namespace elastic::session
