// Properties of every plan, on random notebooks. A failure prints its seed; ELASTIC_TEST_SEED=<n> runs that
// one alone, ELASTIC_TEST_ROUNDS=<n> that many.
#include <gtest/gtest.h>

#include <cstdlib>

#include "brute_force.hpp"
#include "elastic/plan/planner.hpp"
#include "symbolic_session.hpp"

namespace elastic::plan {
namespace {

template <class Check>
void for_each_seed(std::uint64_t rounds, Check check) {
  if (const char* seed = std::getenv("ELASTIC_TEST_SEED")) return check(std::strtoull(seed, nullptr, 10));
  if (const char* given = std::getenv("ELASTIC_TEST_ROUNDS")) rounds = std::strtoull(given, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= rounds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("ELASTIC_TEST_SEED=" + std::to_string(seed));
    check(seed);
  }
}

SessionShape shape_for(std::uint64_t seed) {
  SessionShape shape;
  shape.cells = 3 + static_cast<int>(seed % 12);
  shape.names = 3 + static_cast<int>(seed / 12 % 10);
  if (seed % 3 == 0) shape.late = 0;
  if (seed % 5 == 0) shape.keep = 0;
  return shape;
}

Plan plan_by(std::string_view name, const PlanInput& input) {
  const Result<Plan> plan = make_planner(name)->plan(input);
  EXPECT_TRUE(plan.ok()) << name << ": " << plan.error().to_string();
  return plan.ok() ? *plan : Plan{};
}

TEST(PlanPropertyTest, EveryPlanRestoresEveryVariableWithItsLinks) {
  for_each_seed(1200, [](std::uint64_t seed) {
    const SymbolicSession session(seed, shape_for(seed));
    const Result<> sound = session.history().verify();
    ASSERT_TRUE(sound.ok()) << sound.error().to_string();
    for (const std::string_view name : planner_names()) {
      EXPECT_EQ(session.replay(plan_by(name, session.input())), "") << name;
    }
  });
}

TEST(PlanPropertyTest, TheOptimalPlanCostsWhatBruteForceFinds) {
  for_each_seed(150, [](std::uint64_t seed) {
    SessionShape shape = shape_for(seed);
    shape.names = std::min(shape.names, 12);
    const SymbolicSession session(seed, shape);
    const Plan plan = plan_by("optimal", session.input());
    const BruteForce best = brute_force(session.input());
    EXPECT_EQ(plan.lost_count, best.lost_count);
    EXPECT_EQ(plan.cost.total_us, best.cost_us);
  });
}

TEST(PlanPropertyTest, OursCostsAtMostThePapersAndThatAtMostTheSimpleOnes) {
  std::uint64_t plans = 0, lower_than_paper = 0, saved_variables = 0;
  double ratio_sum = 0;
  for_each_seed(1200, [&](std::uint64_t seed) {
    const SymbolicSession session(seed, shape_for(seed));
    const Plan ours = plan_by("optimal", session.input());
    const Plan paper = plan_by("paper", session.input());
    EXPECT_LE(paper.cost.total_us, paper.store_all.total_us);
    EXPECT_LE(paper.cost.total_us, paper.recompute_all.total_us);
    EXPECT_EQ(paper.store_all.total_us, plan_by("store-all", session.input()).cost.total_us);
    EXPECT_EQ(paper.recompute_all.total_us, plan_by("recompute-all", session.input()).cost.total_us);
    EXPECT_LE(ours.lost_count, paper.lost_count);
    saved_variables += paper.lost_count - ours.lost_count;
    if (ours.lost_count != paper.lost_count) return;
    EXPECT_LE(ours.cost.total_us, paper.cost.total_us);
    if (paper.cost.total_us == 0) return;
    ++plans;
    lower_than_paper += ours.cost.total_us < paper.cost.total_us;
    ratio_sum += static_cast<double>(ours.cost.total_us) / static_cast<double>(paper.cost.total_us);
  });
  std::printf(
      "ours below the paper's in %.1f %% of %lu plans, at %.3f of its cost on average; %lu variables saved\n",
      100.0 * static_cast<double>(lower_than_paper) / static_cast<double>(plans), plans,
      ratio_sum / static_cast<double>(plans), saved_variables);
}

TEST(PlanPropertyTest, PruningAndSavingChangeNoPlan) {
  for_each_seed(300, [](std::uint64_t seed) {
    const SymbolicSession session(seed, shape_for(seed));
    graph::History pruned = session.history();
    pruned.prune();
    const Result<graph::History> loaded = graph::History::load(pruned.save());
    ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
    EXPECT_TRUE(*loaded == pruned);
    PlanInput input = session.input();
    input.history = &*loaded;
    const Plan plan = plan_by("optimal", input);
    EXPECT_EQ(plan.cost.total_us, plan_by("optimal", session.input()).cost.total_us);
    EXPECT_EQ(session.replay(plan), "");
  });
}

}  // namespace
}  // namespace elastic::plan
