#include "session/restore_progress.hpp"

#include <algorithm>

namespace elastic::session {

namespace {

constexpr std::int64_t kTellEveryUs = 50'000;

}  // namespace

void RestoreProgress::expect_all(const Source& source) {
  std::set<std::size_t> places;
  for (const StoredGroup& group : source.payload.groups) {
    places.insert(group.pickle);
    places.insert(group.buffers.begin(), group.buffers.end());
  }
  for (const std::size_t place : places) bytes_total_ += source.reader->blobs()[place].size_bytes;
}

void RestoreProgress::expect(const Source& source, const plan::Plan& plan,
                             const std::vector<std::size_t>& holding_groups,
                             const std::set<std::size_t>& deferred) {
  std::set<std::size_t> places;
  for (const std::size_t holding : plan.loads) {
    const std::size_t at = holding_groups[holding];
    const StoredGroup& group = source.payload.groups[at];
    if (deferred.contains(at)) continue;
    places.insert(group.pickle);
    for (const std::size_t place : group.buffers)
      if (!source.reader->maps() || source.reader->blobs()[place].size_bytes < store::kMappableBytes)
        places.insert(place);
  }
  for (const std::size_t place : places) bytes_total_ += source.reader->blobs()[place].size_bytes;
}

Result<> RestoreProgress::read(std::uint64_t bytes) {
  const std::uint64_t done = bytes_done_ += bytes;
  const std::unique_lock lock(telling_, std::try_to_lock);
  if (!lock || clock_->monotonic_us() - told_us_ < kTellEveryUs) return success();
  told_us_ = clock_->monotonic_us();
  const pyobj::GilAcquired gil;
  const auto told = driver_->reads(gil, std::min(done, bytes_total_), bytes_total_);
  if (!told.ok() && told.error().code() == ErrorCode::kCancelled) return told.error();
  return success();  // a display that does not work is no reason to lose the session
}

Result<> RestoreProgress::runs(const pyobj::GilHeld& gil, const graph::History& history,
                               const plan::Plan& plan, CellIndex cell) {
  const auto& cells = plan.cells_to_rerun;
  const auto at = std::find(cells.begin(), cells.end(), cell);
  std::int64_t left_us = 0;
  for (auto each = at; each != cells.end(); ++each) left_us += history.cell(*each).run_time_us;
  const auto told =
      driver_->reruns(gil, cell, static_cast<std::size_t>(at - cells.begin()) + 1, cells.size(), left_us);
  if (!told.ok() && told.error().code() == ErrorCode::kCancelled) return told.error();
  return success();
}

}  // namespace elastic::session
