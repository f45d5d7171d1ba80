#include "session/damage_check.hpp"

#include <unistd.h>

namespace elastic::session {

DamageCheck::DamageCheck(const Source& source, const plan::Plan& plan) : owner_(getpid()) {
  if (!source.reader->maps()) return;
  std::set<std::string> restored;
  for (const plan::VariablePlan& variable : plan.variables)
    if (variable.action == plan::Action::kStore) restored.insert(source.history.name_of(variable.variable));
  std::map<std::size_t, std::size_t> seen;  // a blob's place in the checkpoint -> place in `blobs`
  std::vector<store::BlobRef> blobs;
  for (std::size_t i = 0; i < source.payload.groups.size(); ++i) {
    if (source.banned_groups.contains(i)) continue;
    const StoredGroup& group = source.payload.groups[i];
    for (const std::size_t place : group.buffers) {
      const store::BlobRef& blob = source.reader->blobs()[place];
      if (blob.size_bytes < store::kMappableBytes) continue;
      const auto [at, is_new] = seen.emplace(place, blobs.size());
      if (is_new) {
        blobs.push_back(blob);
        names_.emplace_back();
      }
      for (const std::string& name : group.names)
        if (restored.contains(name)) names_[at->second].push_back(name);
    }
  }
  if (!blobs.empty())
    verifier_ = std::make_unique<store::BackgroundVerifier>(source.reader, std::move(blobs));
}

DamageCheck::~DamageCheck() {
  // A forked child has a copy of this object and no thread to wait for.
  if (verifier_ && owner_ != getpid()) static_cast<void>(verifier_.release());
}

std::map<std::string, std::string> DamageCheck::wait() {
  std::map<std::string, std::string> damage;
  if (!verifier_) return damage;
  for (const auto& failure : verifier_->wait())
    for (const std::string& name : names_[failure.index]) damage.emplace(name, failure.error.message());
  return damage;
}

}  // namespace elastic::session
