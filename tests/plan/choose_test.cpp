#include "plan/choose.hpp"

#include <gtest/gtest.h>

#include "plan/plan_builder.hpp"
#include "plan_fixture.hpp"

namespace elastic::plan {
namespace {

// Three variables of 1,000, 2,000 and 4,000 bytes, each dearer to recompute than to store.
class ChooseTest : public ::testing::Test, protected PlanFixture {
 protected:
  void SetUp() override {
    run(300, {}, {"a"});
    run(900, {}, {"b"});
    run(5000, {}, {"c"});
    cost("a", 200);
    cost("b", 400);
    cost("c", 800);
  }
  PlanCost cost_within(const Limits& limits, std::size_t expected_given_up = 0) {
    PlanInput given = input();
    given.limits = limits;
    const Result<Chosen> chosen = choose(given, true);
    EXPECT_TRUE(chosen.ok()) << chosen.error().to_string();
    EXPECT_EQ(chosen->gave_up.size(), expected_given_up);
    return price(given, chosen->network, chosen->choice);
  }
};

TEST_F(ChooseTest, WithoutLimitsTheCheapestIsChosen) {
  const PlanCost cost = cost_within({});
  EXPECT_EQ(cost.total_us, 1400);
  EXPECT_EQ(cost.bytes_to_write, 7000u);
}

TEST_F(ChooseTest, ALimitOnBytesReRunsWhatSavesMostForItsBytes) {
  const PlanCost cost = cost_within({.bytes = 6500});
  EXPECT_EQ(cost.bytes_to_write, 6000u);
  EXPECT_EQ(cost.total_us, 1500);
  EXPECT_EQ(cost_within({.bytes = 0}).bytes_to_write, 0u);
}

TEST_F(ChooseTest, ADeadlineForWritingIsKept) { EXPECT_LE(cost_within({.write_us = 400}).store_us, 400); }

TEST_F(ChooseTest, ADeadlineForRestoringIsKept) {
  PlanCost cheap = cost_within({.bytes = 0});
  EXPECT_EQ(cheap.rerun_us, 6200);
  EXPECT_LE(cost_within({.restore_us = 800}).load_us, 800);
}

TEST_F(ChooseTest, LimitsThatCannotHoldTogetherAreGivenUpByName) {
  PlanInput given = input();
  given.limits = {.bytes = 0, .restore_us = 800};
  const Result<Chosen> chosen = choose(given, true);
  ASSERT_TRUE(chosen.ok());
  ASSERT_EQ(chosen->gave_up.size(), 1u);
  EXPECT_EQ(chosen->gave_up[0], "restored in 800 us: it takes 6.2 ms");
}

TEST_F(ChooseTest, NothingIsLostForALimit) {
  run(10, {}, {"d"}, {}, "writes a file");
  cost("d", 100);
  const PlanCost cost = cost_within({.bytes = 0}, 1);  // given up, and the cheapest plan made instead
  EXPECT_EQ(cost.bytes_to_write, 7500u);
  EXPECT_EQ(cost_within({.bytes = 500}).bytes_to_write, 500u);
}

}  // namespace
}  // namespace elastic::plan
