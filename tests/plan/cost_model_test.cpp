#include "elastic/plan/cost_model.hpp"

#include <gtest/gtest.h>

#include <random>

namespace elastic::plan {
namespace {

TEST(CostModelTest, LearnsLatencyAndBandwidthFromProbesOfTwoSizes) {
  CostModel model;
  for (int i = 0; i < 20; ++i) {  // a link with 20 ms latency and 50 MB/s
    model.observe_write(1000, 20'000);
    model.observe_write(50'000'000, 1'020'000);
  }
  const std::int64_t small = model.store_us("int", 0, 1000) - model.store_us("int", 0, 0);
  const std::int64_t large = model.store_us("int", 0, 500'000'000) - model.store_us("int", 0, 0);
  EXPECT_NEAR(static_cast<double>(small), 20'020, 2'000);
  EXPECT_NEAR(static_cast<double>(large), 10'020'000, 1'000'000);
}

TEST(CostModelTest, TypesHaveRatesOfTheirOwn) {
  CostModel model;
  for (int i = 0; i < 10; ++i) {
    model.observe_serialize("array", 100'000'000, 20'000);   // 5 GB/s
    model.observe_serialize("list", 10'000'000, 1'000'000);  // 10 MB/s
  }
  EXPECT_LT(model.store_us("array", 100'000'000, 0), 40'000);
  EXPECT_GT(model.store_us("list", 100'000'000, 0), 5'000'000);
  const std::int64_t unknown = model.store_us("other", 100'000'000, 0);
  EXPECT_GT(unknown, model.store_us("array", 100'000'000, 0));
}

TEST(CostModelTest, WhatTheTargetHasCostsNothingToWrite) {
  const CostModel model;
  EXPECT_LT(model.store_us("array", 1'000'000'000, 0),
            model.store_us("array", 1'000'000'000, 1'000'000'000) / 1.5);
}

TEST(CostModelTest, EstimatesOfANoisyLinkAreWithinThirtyPercent) {
  const std::uint64_t seed = 7;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<> noise(0.8, 1.25), exponent(3, 9);
  CostModel model;
  for (int i = 0; i < 1200; ++i) {  // the first 200 leave the window: they were for learning
    const auto bytes = static_cast<std::uint64_t>(std::pow(10.0, exponent(random)));
    model.observe_write(bytes,
                        static_cast<std::int64_t>((3000 + static_cast<double>(bytes) / 120) * noise(random)));
  }
  ASSERT_EQ(model.observations().size(), 1000u);
  EXPECT_LT(*model.mean_error(), 0.30);
}

TEST(CostModelTest, ASlowerMachineIsToldByItsReRuns) {
  CostModel model;
  EXPECT_FALSE(model.mean_error());
  for (int i = 0; i < 30; ++i) model.observe_rerun(1'000'000, 2'000'000);
  EXPECT_NEAR(model.cpu_ratio(), 2.0, 0.05);
  model.observe_rerun(10, 5000);
  EXPECT_NEAR(model.cpu_ratio(), 2.0, 0.05);
}

TEST(CostModelTest, CompressionPaysOnASlowLinkOnly) {
  CostModel slow, fast;
  for (int i = 0; i < 20; ++i) {
    slow.observe_write(10'000'000, 1'000'000);   // 10 MB/s
    fast.observe_write(1'000'000'000, 500'000);  // 2 GB/s
  }
  EXPECT_TRUE(slow.compression_pays(400, 0.5));
  EXPECT_FALSE(fast.compression_pays(400, 0.5));
  EXPECT_FALSE(slow.compression_pays(400, 1.0));
}

TEST(CostModelTest, SurvivesSavingAndRefusesNonsense) {
  CostModel model;
  model.observe_serialize("array", 100'000'000, 20'000);
  model.observe_rerun(1'000'000, 3'000'000);
  const Result<CostModel> again = CostModel::from_json(model.to_json());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->to_json(), model.to_json());
  EXPECT_EQ(again->store_us("array", 12345678, 999), model.store_us("array", 12345678, 999));
  EXPECT_FALSE(CostModel::from_json(nlohmann::json::array()).ok());
  nlohmann::json damaged = model.to_json();
  damaged["write"]["us_per_byte"] = -1;
  EXPECT_FALSE(CostModel::from_json(damaged).ok());
  damaged = model.to_json();
  damaged.erase("read");
  EXPECT_FALSE(CostModel::from_json(damaged).ok());
}

}  // namespace
}  // namespace elastic::plan
