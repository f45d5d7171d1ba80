// Estimates beside what then happened: learned by the cost model and said in the reports, under "measured".
//
// Pure: no Python, no threads.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "elastic/graph/history.hpp"
#include "elastic/plan/cost_model.hpp"
#include "session/payload.hpp"

namespace elastic::session {

// What a restore took, by group of the payload and by cell.
struct ReplayTimes {
  struct Load {
    std::uint64_t read_bytes = 0;  // those that were not mapped
    std::int64_t read_us = 0;
    std::int64_t load_us = 0;
  };
  std::map<std::size_t, Load> groups{};
  std::map<CellIndex, std::int64_t> cells{};
};

// {estimated_us, actual_us}.
nlohmann::json beside(std::int64_t estimated_us, std::int64_t actual_us);
// "x, y": what an entry is about.
std::string joined(const std::vector<std::string>& names);
struct MeasuredTime {
  const std::vector<std::string>* names = nullptr;
  std::int64_t estimated_us = 0, actual_us = 0;
};
// {names: {estimated_us, actual_us}} of the hundred that took longest; all others together as "(N others)".
nlohmann::json longest(std::vector<MeasuredTime> times);
// The write's entry; learned.
nlohmann::json measured_write(plan::CostModel& costs, std::uint64_t new_bytes, std::uint64_t bytes_written,
                              std::int64_t time_us);
// {"load": {names: ...}, "rerun": {cell: ...}}; learned. Estimates are those of when the checkpoint was made.
nlohmann::json measured_replay(plan::CostModel& costs, const ReplayTimes& times, const Payload& payload,
                               const graph::History& history);

}  // namespace elastic::session
