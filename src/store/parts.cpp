#include "store/parts.hpp"

#include <algorithm>
#include <cstring>

#include "elastic/store/blob.hpp"

namespace elastic::store {

Parts::Parts(std::span<const ConstBytes> parts) {
  starts_.push_back(0);
  for (const ConstBytes part : parts) {
    if (part.empty()) continue;
    parts_.push_back(part);
    starts_.push_back(starts_.back() + part.size());
  }
}

std::vector<ConstBytes> Parts::slice(std::uint64_t offset, std::uint64_t length) const {
  std::vector<ConstBytes> pieces;
  auto at =
      static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin());
  for (at -= 1; length > 0; ++at) {
    const std::uint64_t skip = offset - starts_[at];
    const std::uint64_t taken = std::min<std::uint64_t>(length, parts_[at].size() - skip);
    pieces.push_back(parts_[at].subspan(skip, taken));
    offset += taken;
    length -= taken;
  }
  return pieces;
}

std::uint64_t Parts::chunk_count() const { return (size_bytes() + kChunkBytes - 1) / kChunkBytes; }

std::vector<ConstBytes> Parts::chunk(std::uint64_t place) const {
  const std::uint64_t offset = place * kChunkBytes;
  return slice(offset, std::min(kChunkBytes, size_bytes() - offset));
}

bool all_zero(std::span<const ConstBytes> parts) {
  return std::all_of(parts.begin(), parts.end(), [](ConstBytes part) {
    // Comparing a range with itself one byte on is memcmp's speed, and stops at the first difference.
    return part.empty() ||
           (part[0] == std::byte{0} && std::memcmp(part.data(), part.data() + 1, part.size() - 1) == 0);
  });
}

}  // namespace elastic::store
