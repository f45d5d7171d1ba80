// How far a restore is: bytes read of the checkpoint, and cells that run again.
//
// A load that takes long is told between its pieces, a cell before it runs, with the time the remaining ones
// took when they were recorded. Threads: read() on any, without the GIL; the others on the thread that runs
// cells.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <vector>

#include "elastic/core/clock.hpp"
#include "elastic/plan/plan.hpp"
#include "elastic/session/driver.hpp"
#include "session/restore_source.hpp"

namespace elastic::session {

class RestoreProgress {
 public:
  RestoreProgress(Driver& driver, const Clock& clock) : driver_(&driver), clock_(&clock) {}

  // More that is going to be read: all the data of the checkpoint, or what this plan loads, mapped memory
  // apart.
  void expect_all(const Source& source);
  void expect(const Source& source, const plan::Plan& plan, const std::vector<std::size_t>& holding_groups,
              const std::set<std::size_t>& deferred);
  // kCancelled: interrupted.
  Result<> read(std::uint64_t bytes);
  Result<> runs(const pyobj::GilHeld&, const graph::History& history, const plan::Plan& plan, CellIndex cell);

 private:
  Driver* driver_;
  const Clock* clock_;
  std::atomic<std::uint64_t> bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
  std::mutex telling_;  // one thread tells, the others go on
  std::int64_t told_us_ = 0;
};

}  // namespace elastic::session
