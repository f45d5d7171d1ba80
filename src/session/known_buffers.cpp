#include "session/known_buffers.hpp"

namespace elastic::session {
namespace {

constexpr std::size_t kLeastBytes = std::size_t{4} << 20;  // smaller ones are not watched

}  // namespace

void KnownBuffers::begin() {
  seen_.clear();
  next_.clear();
  still_.clear();
}

std::optional<FormerBuffer> KnownBuffers::look(const pyobj::GilHeld& gil, store::ConstBytes buffer) {
  if (buffer.size() < kLeastBytes) return std::nullopt;
  pyobj::BufferStamp stamp = pyobj::stamp_of(gil, buffer);
  if (stamp.blocks.empty()) return std::nullopt;
  const Place place{buffer.data(), buffer.size()};
  std::optional<FormerBuffer> former;
  const auto found = stored_.find(place);
  if (found != stored_.end() && found->second.stamp.block_bytes == stamp.block_bytes) {
    former = {found->second.blob, {}};
    for (std::size_t i = 0; i < stamp.blocks.size(); ++i)
      if (stamp.blocks[i] != found->second.stamp.blocks[i])
        former->changed.push_back({i * stamp.block_bytes, stamp.block_bytes});
  }
  seen_.insert_or_assign(place, std::move(stamp));
  return former;
}

void KnownBuffers::stored(const pyobj::GilHeld& gil, store::ConstBytes buffer, const store::BlobRef& blob) {
  const auto seen = seen_.find({buffer.data(), buffer.size()});
  if (seen == seen_.end() || pyobj::stamp_of(gil, buffer).version != seen->second.version) return;
  next_.insert_or_assign(seen->first, Known{std::move(seen->second), blob});
  seen_.erase(seen);
}

void KnownBuffers::commit() {
  for (auto& [place, known] : stored_)
    if (still_.contains(known.blob.digest)) next_.try_emplace(place, std::move(known));
  stored_ = std::exchange(next_, {});
  begin();
}

}  // namespace elastic::session
