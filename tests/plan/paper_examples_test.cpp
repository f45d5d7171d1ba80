// The situations that section 5 of the paper explains with Figures 5 to 8, with numbers of ours: the graph of
// a notebook, what has to be re-run for a variable, linked variables, and the cut. docs/planning.md works
// them out by hand.
#include <gtest/gtest.h>

#include "elastic/plan/planner.hpp"
#include "plan_fixture.hpp"

namespace elastic::plan {
namespace {

class PaperExamplesTest : public ::testing::Test, protected PlanFixture {
 protected:
  std::string decide(std::string_view planner, std::int64_t* cost_us = nullptr) {
    const PlanInput given = input();
    const Plan made = make_planner(planner)->plan(given).value();
    if (cost_us != nullptr) *cost_us = made.cost.total_us;
    std::string text;
    for (const VariablePlan& variable : made.variables) {
      text += history_.name_of(variable.variable) + ":" + std::string(name_of(variable.action)) + " ";
    }
    text += "|";
    for (const CellIndex cell : made.cells_to_rerun) text += " " + std::to_string(cell.value);
    return text;
  }

  // c0 loads a big frame, c1 derives a model from it, c2 changes the frame in place, c3 plots model and
  // frame.
  void notebook() {
    run(600, {}, {"df"});
    run(5000, {"df"}, {"model"});
    run(100, {"df"}, {"df"});
    run(50, {"df", "model"}, {"plot"});
  }
};

// Figure 5: the application history graph. An in-place change reads one version and writes the next.
TEST_F(PaperExamplesTest, TheGraphKeepsEveryVersionThatACellSaw) {
  notebook();
  const auto version_read = [&](std::uint32_t cell) {
    return history_.snapshot(history_.cell(CellIndex{cell}).reads[0].snapshot).writer.value;
  };
  EXPECT_EQ(history_.versions(id("df")).size(), 2u);
  EXPECT_EQ(version_read(1), 0u);
  EXPECT_EQ(version_read(2), 0u);
  EXPECT_EQ(history_.snapshot(*history_.active(id("df"))).writer, CellIndex{2});
}

// Figure 6: what must be re-run for a variable goes back through overwritten versions and ends at active
// ones.
TEST_F(PaperExamplesTest, ReRunningGoesBackToActiveVersionsOnly) {
  notebook();
  cost("df", 2000);
  cost("model", 10);
  cost("plot", 100);
  // plot needs c3 only, from the stored model and the df that c0 and c2 make again (700 < 2,000).
  std::int64_t cost_us = 0;
  EXPECT_EQ(decide("paper", &cost_us), "df:recompute model:store plot:recompute | 0 2 3");
  EXPECT_EQ(cost_us, 600 + 100 + 10 + 50);
}

TEST_F(PaperExamplesTest, AModelThatSawTheOldFrameNeedsTheOldFrame) {
  notebook();
  cost("df", 20);
  not_storable("model");
  cost("plot", 10);
  // The df that is stored is not the one that c1 saw: c0 makes that one again.
  EXPECT_EQ(decide("paper"), "df:store model:recompute plot:store | 0 1");
}

// Figure 7: linked variables are stored together or recomputed together.
TEST_F(PaperExamplesTest, LinkedVariablesGoTogether) {
  run(1000, {}, {"rows"});
  run(10, {"rows"}, {"view"}, {{"rows", "view"}});
  cost("rows", 300);
  EXPECT_EQ(decide("paper"), "rows:store view:store |");
  cost("rows", 3000);
  EXPECT_EQ(decide("paper"), "rows:recompute view:recompute | 0 1");
}

// Figure 8: the cut. Two variables that share a dear cell are worth re-running together, neither alone.
TEST_F(PaperExamplesTest, ASharedCellIsPaidOnce) {
  run(100, {}, {"base"});
  run(10, {"base"}, {"left"});
  run(10, {"base"}, {"right"});
  run(1, {}, {"base"});
  cost("base", 100);
  cost("left", 70);
  cost("right", 70);
  std::int64_t cost_us = 0;
  EXPECT_EQ(decide("paper", &cost_us), "base:recompute left:recompute right:recompute | 0 1 2 3");
  EXPECT_EQ(cost_us, 121);
  cost("right", 40);
  EXPECT_EQ(decide("paper", &cost_us), "base:recompute left:store right:store | 3");
  EXPECT_EQ(cost_us, 111);
}

// Section 4.3, left as future work there: an old version that is stored already.
TEST_F(PaperExamplesTest, AnOldVersionThatIsStoredMakesTheSharedCellUnnecessary) {
  run(100, {}, {"base"});
  keep("base", 5);
  run(10, {"base"}, {"left"});
  run(10, {"base"}, {"right"});
  run(1, {}, {"base"});
  cost("base", 100);
  cost("left", 70);
  cost("right", 40);
  std::int64_t cost_us = 0;
  EXPECT_EQ(decide("optimal", &cost_us), "base:recompute left:recompute right:recompute | 1 2 3");
  EXPECT_EQ(cost_us, 5 + 10 + 10 + 1);
}

}  // namespace
}  // namespace elastic::plan
