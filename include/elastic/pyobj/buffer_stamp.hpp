// What the walks know of a large buffer: for telling later, without reading it, which of it has changed.
//
// REQUIRES: the GIL, which keeps the buffer from being freed meanwhile.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "elastic/core/digest.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

struct BufferStamp {
  std::size_t block_bytes = 0;
  std::vector<Digest> blocks;  // in order, the last may be shorter; equal: the same bytes. Empty: not known
  // The same in two stamps of a buffer: nothing has written to it in between, not even what it held already.
  std::uint64_t version = 0;
};

// Of a buffer that a walk has met and whose pages the kernel watches (page_tracking.hpp); else empty.
BufferStamp stamp_of(const GilHeld&, std::span<const std::byte> buffer);

}  // namespace elastic::pyobj
