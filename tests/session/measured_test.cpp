#include "session/measured.hpp"

#include <gtest/gtest.h>

namespace elastic::session {
namespace {

TEST(MeasuredTest, AWriteStandsBesideItsEstimateAndTeachesTheLink) {
  plan::CostModel costs;
  const std::int64_t estimated_us = costs.write_us(100'000'000);
  const auto entry = measured_write(costs, 100'000'000, 50'000'000, 10'000'000);
  EXPECT_EQ(entry, (nlohmann::json{
                       {"estimated_us", estimated_us}, {"actual_us", 10'000'000}, {"bytes", 50'000'000}}));
  EXPECT_GT(costs.write_us(100'000'000), estimated_us);
  EXPECT_TRUE(costs.link_known());
}

TEST(MeasuredTest, AReplayTeachesItsTypesTheLinkAndTheMachine) {
  Payload payload;
  StoredGroup group;
  group.names = {"x", "y"};
  group.type = "list";
  group.pickle_bytes = 1'000'000;
  group.load_us = 777;
  payload.groups.push_back(group);
  graph::History history;
  graph::CellRecord record;
  record.run_time_us = 100'000;
  ASSERT_TRUE(history.record(record).ok());
  ReplayTimes times;
  times.groups[0] = {1'000'000, 4'000, 2'000'000};
  times.cells[CellIndex{0}] = 300'000;

  plan::CostModel costs;
  const auto measured = measured_replay(costs, times, payload, history);
  EXPECT_EQ(measured["load"]["x, y"], (nlohmann::json{{"estimated_us", 777}, {"actual_us", 2'004'000}}));
  EXPECT_EQ(measured["rerun"]["0"], (nlohmann::json{{"estimated_us", 100'000}, {"actual_us", 300'000}}));
  EXPECT_GT(costs.cpu_ratio(), 1.2);
  EXPECT_GT(costs.deserialize_us("list", 1'000'000), 500'000);
  EXPECT_EQ(costs.errors_json()["all"]["count"], 3);
}

TEST(MeasuredTest, OfManyTimesTheLongestAreSaidAndTheOthersTogether) {
  std::vector<std::vector<std::string>> names;
  for (int i = 0; i < 1000; ++i) names.push_back({"v" + std::to_string(i)});
  std::vector<MeasuredTime> times;
  for (int i = 0; i < 1000; ++i) times.push_back({&names[static_cast<std::size_t>(i)], 1, i});
  const auto entries = longest(times);
  EXPECT_EQ(entries.size(), 101u);
  EXPECT_EQ(entries["v900"], beside(1, 900));
  EXPECT_FALSE(entries.contains("v899"));
  EXPECT_EQ(entries["(900 others)"], beside(900, 899 * 450));
  times.resize(100);
  EXPECT_EQ(longest(times).size(), 100u);
  EXPECT_EQ(longest({}), nlohmann::json::object());
}

}  // namespace
}  // namespace elastic::session
