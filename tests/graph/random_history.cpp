#include "random_history.hpp"

#include <algorithm>
#include <random>

namespace elastic::graph {

History random_history(std::uint64_t seed, int cells) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); };
  History history;
  std::vector<VariableId> variables;
  for (int i = 0; i < 8; ++i) variables.push_back(history.variable("v" + std::to_string(i)));
  variables.push_back(history.variable("<random>"));
  const auto any = [&] { return variables[below(static_cast<std::uint32_t>(variables.size()))]; };
  for (int i = 0; i < cells; ++i) {
    CellRecord record{.execution_count = static_cast<std::int32_t>(below(50)),
                      .cell_id = std::to_string(below(9)),
                      .source = std::string(below(40), 'x'),
                      .started_wall_us = static_cast<std::int64_t>(random()),
                      .run_time_us = below(1'000'000),
                      .outcome = static_cast<Outcome>(below(4)),
                      .outside_cell = below(10) == 0};
    if (below(5) == 0) record.no_rerun_reason = "because";
    if (below(4) == 0) record.effects = {{"file-written", "/tmp/a"}, {"socket", ""}};
    if (below(4) == 0) record.tags = {"never-rerun"};
    for (std::uint32_t k = below(4); k > 0; --k) record.reads.push_back(any());
    for (std::uint32_t k = below(4); k > 0; --k) {
      record.writes.push_back({any(), random(), Digest{random(), random()}, below(6) == 0, below(2) == 0});
    }
    if (below(2) == 0) record.linked = {{any(), any()}};
    const Result<CellIndex> index = history.record(std::move(record));  // contradictions are refused: fine
    if (index.ok() && below(4) == 0) {
      const CellIndex from{index->value - below(std::min(index->value + 1, 10u))};
      std::vector<CellIndex> late{from};
      if (from != *index) late.push_back(*index);
      (void)history.attribute(late, std::vector{Write{.variable = any(), .size_bytes = 3}}).ok();
    }
    if (below(30) == 0) history.prune();
  }
  return history;
}

}  // namespace elastic::graph
