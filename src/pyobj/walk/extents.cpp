#include "pyobj/walk/extents.hpp"

#include <algorithm>
#include <unordered_map>

namespace elastic::pyobj::walk {

std::uint64_t bytes_behind_views(const std::vector<Extent>& extents) {
  std::unordered_map<PyObject*, Extent> shown;
  for (const Extent& extent : extents) {
    if (!extent.view) continue;
    const auto [at, is_new] = shown.try_emplace(extent.owner, extent);
    if (is_new) continue;
    at->second.begin = std::min(at->second.begin, extent.begin);
    at->second.end = std::max(at->second.end, extent.end);
  }
  if (shown.empty()) return 0;
  for (const Extent& extent : extents)
    if (!extent.view) shown.erase(extent.owner);
  std::uint64_t bytes = 0;
  for (const auto& [owner, extent] : shown) bytes += extent.end - extent.begin;
  return bytes;
}

}  // namespace elastic::pyobj::walk
