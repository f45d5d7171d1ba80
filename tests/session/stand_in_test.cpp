#include "session/stand_in.hpp"

#include <gtest/gtest.h>

namespace elastic::session {
namespace {

StoredGroup group_of(std::vector<StoredSnapshot> snapshots, std::size_t pickle) {
  StoredGroup group;
  for (const StoredSnapshot& each : snapshots) group.names.push_back(each.variable);
  group.ambient = snapshots.front().variable.starts_with('<');
  group.snapshots = std::move(snapshots);
  group.pickle = pickle;
  group.bytes = 100 + pickle;
  return group;
}

// x and y are linked; z is computed again, from z's and <random>'s older versions; g cannot be stored.
Payload sample() {
  Payload payload;
  payload.groups = {group_of({{"x", 3}, {"y", 3}}, 1), group_of({{"z", 1}}, 2),
                    group_of({{"<random>", 1}}, 3), group_of({{"<random>", 4}}, 4)};
  payload.lost = {{"g", "a generator"}};
  const auto entry = [](const char* action, int writer) {
    return nlohmann::json{{"action", action}, {"written_by", writer}};
  };
  const nlohmann::json report = {{"variables",
                                  {{"x", entry("store", 3)},
                                   {"y", entry("store", 3)},
                                   {"z", entry("recompute", 4)},
                                   {"g", entry("lost", 5)}}},
                                 {"ambient", {{"<random>", entry("store", 4)}}}};
  payload.report = report.dump();
  return payload;
}

TEST(StandInTest, HoldsEveryVariableAndOneEntryThatCannotBeRerun) {
  Payload payload = sample();
  const auto history = stand_in_history(payload, 77);
  ASSERT_TRUE(history.ok()) << history.error().to_string();
  EXPECT_TRUE(history->verify().ok());
  ASSERT_EQ(history->cell_count(), 1u);
  EXPECT_FALSE(history->cell({0}).rerunnable());
  EXPECT_EQ(history->cell({0}).started_wall_us, 77);
  for (const char* name : {"x", "y", "z", "g", "<random>"})
    EXPECT_TRUE(history->active(*history->find_variable(name)).has_value()) << name;
  const auto groups = history->active_covariables();
  const auto is_pair = [](const auto& group) { return group.size() == 2; };
  EXPECT_EQ(std::count_if(groups.begin(), groups.end(), is_pair), 1) << "x and y";
}

TEST(StandInTest, KeepsOnlyTheNewestSnapshots) {
  Payload payload = sample();
  ASSERT_TRUE(stand_in_history(payload, 0).ok());
  ASSERT_EQ(payload.groups.size(), 2u);
  EXPECT_EQ(payload.groups[0].snapshots, (std::vector<StoredSnapshot>{{"x", 0}, {"y", 0}}));
  EXPECT_EQ(payload.groups[1].snapshots, (std::vector<StoredSnapshot>{{"<random>", 0}}));
  EXPECT_EQ(payload.groups[1].pickle, 4u) << "the older one was for cells that are not run again";
}

TEST(StandInTest, SaysWhyWhatIsNotStoredIsLost) {
  Payload payload = sample();
  ASSERT_TRUE(stand_in_history(payload, 0).ok());
  EXPECT_EQ(payload.lost.at("g"), "a generator");
  EXPECT_NE(payload.lost.at("z").find("history"), std::string::npos);
}

TEST(StandInTest, TakesNothingForGrantedInADescription) {
  for (const char* report :
       {"", "{]", "null", "{}", "[]", R"({"variables": 3})", R"({"variables": {"x": 3}})",
        R"({"ambient": {"<random>": {"written_by": "4"}}})"}) {
    Payload payload = sample();
    payload.report = report;
    const auto history = stand_in_history(payload, 0);
    EXPECT_TRUE(!history.ok() || payload.groups.empty()) << report;
  }
}

TEST(StandInTest, BelievesNoVariableTwice) {
  Payload payload = sample();
  payload.groups.push_back(group_of({{"x", 3}}, 5));
  payload.groups.push_back(group_of({{"new", 3}, {"new", 3}}, 6));
  auto report = payload.parsed_report();
  report["variables"]["new"] = {{"action", "store"}, {"written_by", 3}};
  payload.report = report.dump();
  ASSERT_TRUE(stand_in_history(payload, 0).ok());
  EXPECT_EQ(payload.groups.size(), 2u);
  EXPECT_TRUE(payload.lost.contains("new"));
}

}  // namespace
}  // namespace elastic::session
