#include "session/marks.hpp"

#include <gtest/gtest.h>

namespace elastic::session {
namespace {

using plan::StoreWish;

// c0 writes x and y, c1 writes x again; the tags are c1's.
graph::History two_cells(std::vector<std::string> tags) {
  graph::History history;
  graph::CellRecord first;
  first.writes = {{history.variable("x")}, {history.variable("y")}};
  EXPECT_TRUE(history.record(first).ok());
  graph::CellRecord second;
  second.writes = {{history.variable("x")}};
  second.tags = std::move(tags);
  EXPECT_TRUE(history.record(second).ok());
  return history;
}

Marks marked(std::initializer_list<std::pair<const char*, const char*>> all) {
  Marks marks;
  for (const auto& [name, wish] : all) EXPECT_TRUE(marks.mark(name, wish).ok());
  return marks;
}

TEST(MarksTest, TheNewerStoreMarkCounts) {
  const graph::History history = two_cells({});
  const auto wishes = marked({{"x", "never-store"}, {"x", "always-store"}}).wishes(history);
  EXPECT_EQ(wishes.variables.at(*history.find_variable("x")), StoreWish::kAlways);
}

TEST(MarksTest, NeverRerunHoldsEveryCellThatWritesTheVariable) {
  const auto wishes = marked({{"x", "never-rerun"}}).wishes(two_cells({}));
  EXPECT_EQ(wishes.never_rerun, (std::unordered_set<CellIndex>{{0}, {1}}));
}

TEST(MarksTest, ATagIsAboutWhatTheCellWroteThatIsStillThere) {
  const graph::History history = two_cells({"never-store", "never-rerun", "something else"});
  const auto wishes = Marks().wishes(history);
  EXPECT_EQ(wishes.variables.size(), 1u);
  EXPECT_EQ(wishes.variables.at(*history.find_variable("x")), StoreWish::kNever);
  EXPECT_EQ(wishes.never_rerun, (std::unordered_set<CellIndex>{{1}}));
}

TEST(MarksTest, AMarkOutranksATag) {
  const graph::History history = two_cells({"never-store"});
  const auto wishes = marked({{"x", "always-store"}}).wishes(history);
  EXPECT_EQ(wishes.variables.at(*history.find_variable("x")), StoreWish::kAlways);
}

TEST(MarksTest, NoneTakesAMarkAwayAndAnUnknownWordIsRefused) {
  Marks marks = marked({{"x", "never-store"}, {"x", "never-rerun"}, {"x", "none"}});
  EXPECT_EQ(marks, Marks());
  const auto refused = marks.mark("x", "sometimes");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message().find("never-store"), std::string::npos);
}

TEST(MarksTest, ComeBackFromJson) {
  const Marks marks = marked({{"x", "never-store"}, {"x", "never-rerun"}, {"y", "always-store"}});
  const auto read = Marks::from_json(marks.to_json());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, marks);
  EXPECT_FALSE(Marks::from_json({{"x", {"sometimes"}}}).ok());
  EXPECT_FALSE(Marks::from_json({{"x", 3}}).ok());
  EXPECT_FALSE(Marks::from_json(3).ok());
}

}  // namespace
}  // namespace elastic::session
