#include "elastic/plan/planner.hpp"

#include <gtest/gtest.h>

#include "elastic/plan/explain.hpp"
#include "plan_fixture.hpp"

namespace elastic::plan {
namespace {

class PlannerTest : public ::testing::Test, protected PlanFixture {
 protected:
  Plan plan(std::string_view planner, PlanInput given) {
    const Result<Plan> result = make_planner(planner)->plan(given);
    EXPECT_TRUE(result.ok()) << result.error().to_string();
    return result.ok() ? *result : Plan{};
  }
  Plan plan(std::string_view planner = "optimal") { return plan(planner, input()); }

  // "x:store y:recompute | 1 3": actions, then the cells to re-run.
  std::string say(const Plan& made) {
    std::string text;
    for (const VariablePlan& variable : made.variables) {
      text += history_.name_of(variable.variable) + ":" + std::string(name_of(variable.action)) + " ";
    }
    text += "|";
    for (const CellIndex cell : made.cells_to_rerun) text += " " + std::to_string(cell.value);
    return text;
  }

  // "load x | run 1 | drop t": the restore.
  std::string steps(const Plan& made) {
    std::string text;
    for (const Step& step : made.steps) {
      if (!text.empty()) text += " | ";
      if (step.kind == Step::Kind::kRun) text += "run " + std::to_string(step.cell.value);
      if (step.kind == Step::Kind::kDrop) text += "drop " + history_.name_of(step.variable);
      if (step.kind != Step::Kind::kLoad) continue;
      text += "load";
      for (const VariableId variable : step.bind) text += " " + history_.name_of(variable);
    }
    return text;
  }
};

TEST_F(PlannerTest, EveryNameOfTheDesignMakesItsPlanner) {
  for (const std::string_view name : planner_names()) {
    ASSERT_NE(make_planner(name), nullptr) << name;
    EXPECT_EQ(make_planner(name)->name(), name);
  }
  EXPECT_EQ(make_planner("best"), nullptr);
}

TEST_F(PlannerTest, AnEmptySessionHasAnEmptyPlan) {
  for (const std::string_view name : planner_names()) EXPECT_EQ(say(plan(name)), "|");
}

TEST_F(PlannerTest, CheapCellsAreReRunAndDearOnesStored) {
  run(10, {}, {"x"});
  run(1000, {"x"}, {"y"});
  cost("x", 100);
  cost("y", 100);
  const Plan made = plan();
  EXPECT_EQ(say(made), "x:recompute y:store | 0");
  EXPECT_EQ(made.cost.total_us, 110);
  EXPECT_EQ(made.store_all.total_us, 200);
  EXPECT_EQ(made.recompute_all.total_us, 1010);
  EXPECT_EQ(say(plan("store-all")), "x:store y:store |");
  EXPECT_EQ(say(plan("recompute-all")), "x:recompute y:recompute | 0 1");
}

TEST_F(PlannerTest, ACellThatReadAnOverwrittenVersionGetsThatVersionAgain) {
  run(10, {}, {"x"});
  run(10, {"x"}, {"y"});
  run(1000, {"x"}, {"x"});  // x changed in place
  cost("x", 100);
  not_storable("y");
  const Plan made = plan();
  EXPECT_EQ(say(made), "x:store y:recompute | 0 1");
  EXPECT_EQ(steps(made), "run 0 | run 1 | load x");  // the old x serves y; the new one is put back
}

TEST_F(PlannerTest, AnOlderVersionThatIsStoredSavesItsCells) {
  run(5000, {}, {"x"});
  keep("x", 20);
  run(10, {"x"}, {"y"});
  run(1000, {"x"}, {"x"});
  cost("x", 100);
  not_storable("y");
  const Plan ours = plan();
  EXPECT_EQ(say(ours), "x:store y:recompute | 1");
  EXPECT_EQ(steps(ours), "load x | run 1 | load x");
  EXPECT_EQ(ours.older_loads.size(), 1u);
  EXPECT_EQ(ours.cost.total_us, 130);
  EXPECT_EQ(plan("paper").cost.total_us, 5110);
}

TEST_F(PlannerTest, LinkedVariablesAreTreatedAlike) {
  run(10, {}, {"x"});
  run(1000, {"x"}, {"y"}, {{"x", "y"}});
  cost("x", 50);
  const Plan made = plan();
  EXPECT_EQ(say(made), "x:store y:store |");
  EXPECT_EQ(made.variables[0].linked_with, ids({"y"}));
  EXPECT_EQ(made.cost.total_us, 50);
}

TEST_F(PlannerTest, WhatCanNeitherBeStoredNorRecomputedIsNamedWithTheReason) {
  run(10, {}, {"s"}, {}, "opens a socket");
  run(10, {"s"}, {"t"});
  run(10, {}, {"u"});
  not_storable("s");
  not_storable("t");
  cost("u", 100);
  const Plan made = plan();
  EXPECT_EQ(say(made), "s:lost t:lost u:recompute | 2");
  EXPECT_EQ(made.lost_count, 2u);
  EXPECT_EQ(made.variables[0].why,
            "cannot be stored: it is an open file; cell 0 cannot be re-run: opens a socket");
  EXPECT_EQ(made.variables[1].why,
            "cannot be stored: it is an open file; cell 1 reads 's' as it was then; "
            "cell 0 cannot be re-run: opens a socket");
}

// `rows` and an iterator over it: the pickle of both fails.
class PartOfACoVariableTest : public PlannerTest {
 protected:
  PlanInput both_or_rows(const std::string& no_rerun_reason) {
    run(10, {}, {"rows"}, {}, no_rerun_reason);
    run(10, {"rows"}, {"it"}, {{"rows", "it"}});
    not_storable("it");
    PlanInput made = input();
    made.holdings.push_back({.snapshots = {made.holdings[0].snapshots[0]}, .store_us = 50, .load_us = 50});
    return made;
  }
};

TEST_F(PartOfACoVariableTest, IsStoredWhereTheWholeIsLost) {
  const PlanInput parts = both_or_rows("draws from the system's random numbers");
  for (const std::string_view planner : planner_names()) {
    const Plan made = plan(planner, parts);
    EXPECT_EQ(say(made), "rows:store it:lost |") << planner;
    EXPECT_EQ(made.lost_count, 1u);
    EXPECT_EQ(made.loads, std::vector<std::size_t>{1});
    EXPECT_TRUE(made.older_loads.empty());
    EXPECT_EQ(made.variables[0].why, "what it is linked with cannot be had: the rest is stored without that");
    EXPECT_EQ(made.variables[1].why,
              "cannot be stored: it is an open file; cell 1 reads 'rows' as it was then; "
              "cell 0 cannot be re-run: draws from the system's random numbers");
  }
}

TEST_F(PartOfACoVariableTest, IsNotTakenWhereTheWholeCanBeMadeAgain) {
  PlanInput parts = both_or_rows("");
  parts.wishes.variables[id("rows")] = StoreWish::kAlways;
  EXPECT_EQ(say(plan("optimal", parts)), "rows:recompute it:recompute | 0 1");
}

TEST_F(PartOfACoVariableTest, OfTwoOnlyTheLargerIsTaken) {
  run(10, {}, {"a", "b", "c", "it"}, {{"a", "b", "c", "it"}}, "asks the user");
  not_storable("it");
  PlanInput parts = input();
  const std::vector<SnapshotId> all = parts.holdings[0].snapshots;
  parts.holdings.push_back({.snapshots = {all[0]}});
  parts.holdings.push_back({.snapshots = {all[1], all[2]}, .load_us = 500});
  EXPECT_EQ(say(plan("optimal", parts)), "a:lost b:store c:store it:lost |");
}

TEST_F(PlannerTest, WhatIsLostIsLostForWhatMadeItNotForWhatChangedItLater) {
  run(10, {}, {"log"}, {}, "wrote a");
  run(10, {"log"}, {"log"});
  run(10, {"log"}, {"log", "other"}, {}, "wrote b");
  not_storable("log");
  not_storable("other");
  const Plan made = plan();
  EXPECT_EQ(made.variables[0].why, "cannot be stored: it is an open file; cell 0 cannot be re-run: wrote a");
  EXPECT_EQ(made.variables[1].why, "cannot be stored: it is an open file; cell 2 cannot be re-run: wrote b");
}

TEST_F(PlannerTest, NamesThatAReRunCreatesInPassingAreDropped) {
  run(10, {}, {"t", "x"});
  run(10, {}, {"-t"});
  cost("x", 1000);
  EXPECT_EQ(steps(plan()), "run 0 | drop t");
}

TEST_F(PlannerTest, ACellThatFoundANameDeletedFindsItDeletedAgain) {
  run(10, {}, {"t", "x"});
  run(900, {}, {"-t"});
  run(10, {"t"}, {"y"});
  cost("x", 1000);
  cost("y", 1000);
  EXPECT_EQ(steps(plan()), "run 0 | drop t | run 2");
}

TEST_F(PlannerTest, WishesAreKept) {
  run(10, {}, {"x"});
  run(10, {}, {"secret"});
  cost("x", 100);
  cost("secret", 1);
  PlanInput given = input();
  given.wishes.variables = {{id("x"), StoreWish::kAlways}, {id("secret"), StoreWish::kNever}};
  EXPECT_EQ(say(plan("optimal", given)), "x:store secret:recompute | 1");
  given.wishes.never_rerun = {CellIndex{1}};
  const Plan made = plan("optimal", given);
  EXPECT_EQ(say(made), "x:store secret:lost |");
  EXPECT_EQ(made.variables[1].why, "marked never-store; cell 1 is marked never-rerun");
}

TEST_F(PlannerTest, AlphaWeighsWritingAgainstRestoring) {
  run(70, {}, {"x"});
  cost("x", 100);
  PlanInput given = input();
  EXPECT_EQ(say(plan("optimal", given)), "x:recompute | 0");
  given.alpha = 0;
  EXPECT_EQ(say(plan("optimal", given)), "x:store |");
}

TEST_F(PlannerTest, KeptAmbientStateLetsACellBeReRunOnItsOwn) {
  run(9000, {"<random>"}, {"<random>"});
  keep("<random>", 1);
  run(10, {"<random>"}, {"x", "<random>"});
  cost("x", 1000);
  cost("<random>", 2);
  for (const std::string_view planner : {"optimal", "paper", "recompute-all"}) {
    EXPECT_EQ(plan(planner).cells_to_rerun, std::vector{CellIndex{1}}) << planner;
  }
}

TEST_F(PlannerTest, InputsThatContradictThemselvesAreRefused) {
  run(10, {}, {"x", "y"});
  const auto refuse = [&](const PlanInput& given) {
    const Result<Plan> made = make_planner("optimal")->plan(given);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().code(), ErrorCode::kInvalidArgument);
  };
  PlanInput given = input();
  given.holdings = {{.snapshots = {SnapshotId{0}, SnapshotId{1}}}};  // not of one co-variable
  refuse(given);
  given.holdings = {{.snapshots = {SnapshotId{9}}}};
  refuse(given);
  given.holdings = {{.snapshots = {SnapshotId{0}}}, {.snapshots = {SnapshotId{0}}}};
  refuse(given);
  given = input();
  given.alpha = -1;
  refuse(given);
  refuse(PlanInput{});
}

TEST_F(PlannerTest, CostsThatOverflowAreCaught) {
  run(std::int64_t{1} << 61, {}, {"x"});
  cost("x", 100);
  const Result<Plan> made = make_planner("optimal")->plan(input());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code(), ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace elastic::plan
