#include <gtest/gtest.h>

#include "history_fixture.hpp"

namespace elastic::graph {
namespace {

class HistoryAttributeTest : public HistoryFixture {};

TEST_F(HistoryAttributeTest, ALateChangeIsAWriteOfEveryCellThatMayHaveMadeIt) {
  run({}, {"fig"});
  const CellIndex first = run({}, {"a"});
  const CellIndex reader = run({"fig"}, {"b"});
  const CellIndex last = run({}, {"c"});
  const Write found{.variable = id("fig"), .size_bytes = 9, .content = digest_of("found")};
  ASSERT_TRUE(history_.attribute(std::vector{first, last}, std::vector{found}).ok());
  ASSERT_TRUE(history_.verify().ok());
  EXPECT_EQ(reads_of(first), "fig@0");
  EXPECT_EQ(reads_of(reader), "fig@1");
  EXPECT_EQ(reads_of(last), "fig@1");
  EXPECT_EQ(active(), "fig@3 a@1 b@2 c@3");
  EXPECT_EQ(history_.snapshot(*history_.active(id("fig"))).content, digest_of("found"));
  EXPECT_EQ(history_.snapshot(*history_.find(id("fig"), first)).content, Digest{});
}

TEST_F(HistoryAttributeTest, ALateChangeKeepsTheLinksItDoesNotName) {
  run({}, {"x", "y"}, {{"x", "y"}});
  const CellIndex first = run({}, {"a"});
  const CellIndex last = run({}, {"b"});
  ASSERT_TRUE(history_.attribute(std::vector{first, last}, std::vector{Write{.variable = id("x")}}).ok());
  EXPECT_EQ(active(), "x@2~y@2 a@1 b@2");
  ASSERT_TRUE(history_.verify().ok());
}

TEST_F(HistoryAttributeTest, ALateChangeThatMakesNoSenseChangesNothing) {
  run({}, {"x"});
  const CellIndex last = run({}, {"a"});
  const History before = history_;
  const Write found{.variable = id("x")};
  EXPECT_FALSE(history_.attribute(std::vector{last}, std::vector{found}, {{VariableId{77}}}).ok());
  EXPECT_FALSE(history_.attribute(std::vector{CellIndex{9}}, std::vector{found}).ok());
  EXPECT_FALSE(history_.attribute(std::vector<CellIndex>{}, std::vector{found}).ok());
  EXPECT_TRUE(history_ == before);
}

}  // namespace
}  // namespace elastic::graph
