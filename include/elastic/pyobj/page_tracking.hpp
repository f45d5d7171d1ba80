// Whether the walk asks the kernel which pages of large buffers were written, instead of hashing them again.
//
// What it finds is the same either way (tests/pyobj/test_page_tracking.py). On where the kernel offers it
// (Linux 6.7), unless the environment variable ELASTICPYTHON_PAGE_TRACKING is 0. One setting for the process,
// as its pages are. REQUIRES: the GIL.
#pragma once
#include <cstdint>

namespace elastic::pyobj {

struct PageTracking {
  bool available = false;  // the kernel offers it, and a trial told the truth
  bool on = false;
  std::uint64_t buffers = 0;       // that are watched
  std::uint64_t hashed_bytes = 0;  // of large buffers, since the process started
};

PageTracking page_tracking();
// Returns whether it is on afterwards.
bool set_page_tracking(bool on);

// A child after fork hashes all large buffers, since the kernel tells it nothing of its parent's pages,
// unless the parent looks at them right before the fork and the child watches its own right after it.
// REQUIRES: nothing writes to buffers between the two calls.
void look_at_pages_before_fork();
void watch_pages_in_child();

}  // namespace elastic::pyobj
