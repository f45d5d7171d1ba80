#include "session/measured.hpp"

#include <algorithm>
#include <cmath>

namespace elastic::session {

using nlohmann::json;

json beside(std::int64_t estimated_us, std::int64_t actual_us) {
  return {{"estimated_us", estimated_us}, {"actual_us", actual_us}};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

json longest(std::vector<MeasuredTime> times) {
  constexpr std::size_t kSaid = 100;
  const auto said = times.begin() + static_cast<std::ptrdiff_t>(std::min(kSaid, times.size()));
  std::nth_element(times.begin(), said, times.end(),
                   [](const auto& a, const auto& b) { return a.actual_us > b.actual_us; });
  json entries = json::object();
  for (auto each = times.begin(); each != said; ++each)
    entries[joined(*each->names)] = beside(each->estimated_us, each->actual_us);
  if (said == times.end()) return entries;
  MeasuredTime others;
  for (auto each = said; each != times.end(); ++each) {
    others.estimated_us += each->estimated_us;
    others.actual_us += each->actual_us;
  }
  entries["(" + std::to_string(times.end() - said) + " others)"] =
      beside(others.estimated_us, others.actual_us);
  return entries;
}

json measured_write(plan::CostModel& costs, std::uint64_t new_bytes, std::uint64_t bytes_written,
                    std::int64_t time_us) {
  json entry = beside(costs.write_us(new_bytes), time_us);
  entry["bytes"] = bytes_written;
  costs.observe_write(new_bytes, time_us);
  return entry;
}

json measured_replay(plan::CostModel& costs, const ReplayTimes& times, const Payload& payload,
                     const graph::History& history) {
  std::vector<MeasuredTime> loads;
  json reruns = json::object();
  for (const auto& [place, time] : times.groups) {
    const StoredGroup& group = payload.groups[place];
    loads.push_back({&group.names, group.load_us, time.read_us + time.load_us});
    costs.observe_read(time.read_bytes, time.read_us);
    costs.observe_deserialize(group.type, group.pickle_bytes, time.load_us);
  }
  for (const auto& [cell, time_us] : times.cells) {
    const std::int64_t run_time_us = history.cell(cell).run_time_us;
    const double estimated_us = static_cast<double>(run_time_us) * costs.cpu_ratio();
    reruns[std::to_string(cell.value)] = beside(std::llround(estimated_us), time_us);
    costs.observe_rerun(run_time_us, time_us);
  }
  return {{"load", longest(std::move(loads))}, {"rerun", std::move(reruns)}};
}

}  // namespace elastic::session
