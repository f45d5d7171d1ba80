// Measuring a store's link with transfers too small to be noticed.
//
// A probe is a pack that no manifest names: readers and other writers may see it and are not disturbed, and
// if the process dies before it is removed, garbage collection does. Thread contract: call from any thread,
// without the GIL.
#pragma once
#include <cstdint>
#include <vector>

#include "elastic/store/store.hpp"

namespace elastic::store {

struct LinkSample {
  std::uint64_t bytes = 0;
  std::int64_t write_us = 0;  // until it is durable
  std::int64_t read_us = 0;   // opened and read; a local file comes from the page cache
};

// One small transfer and one large enough to tell bandwidth from latency; incompressible. O(1 MiB).
Result<std::vector<LinkSample>> probe_link(Store& store);

}  // namespace elastic::store
