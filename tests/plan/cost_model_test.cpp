#include "elastic/plan/cost_model.hpp"

#include <gtest/gtest.h>

#include <random>

namespace elastic::plan {
namespace {

TEST(CostModelTest, LearnsLatencyAndBandwidthFromTransfersOfTwoSizes) {
  CostModel model;
  for (int i = 0; i < 20; ++i) {  // a link with 20 ms latency and 50 MB/s
    model.observe_write(1000, 20'000);
    model.observe_write(50'000'000, 1'020'000);
  }
  EXPECT_NEAR(static_cast<double>(model.write_us(1000)), 20'020, 2'000);
  EXPECT_NEAR(static_cast<double>(model.write_us(500'000'000)), 10'020'000, 1'000'000);
  EXPECT_NEAR(static_cast<double>(model.write_part_us(500'000'000)), 10'000'000, 1'000'000);
  EXPECT_EQ(model.write_part_us(0), 0);
}

TEST(CostModelTest, TwoProbesTellALinkOfAnySpeed) {
  for (const double bytes_per_us : {1.0, 20.0, 2000.0}) {
    for (const std::int64_t latency_us : {50, 15'000, 200'000}) {
      CostModel model;
      const auto time = [&](std::uint64_t bytes) {
        return latency_us + static_cast<std::int64_t>(static_cast<double>(bytes) / bytes_per_us);
      };
      EXPECT_FALSE(model.link_known());
      model.observe_probe(4096, time(4096), 7, 1 << 20, time(1 << 20), 100);
      EXPECT_TRUE(model.link_known());
      const double expected = static_cast<double>(time(100'000'000));
      EXPECT_NEAR(static_cast<double>(model.write_us(100'000'000)), expected, expected * 0.01);
      EXPECT_LT(model.read_us(1 << 20), 110);
      EXPECT_TRUE(model.observations().empty()) << "nothing was estimated";
    }
  }
}

TEST(CostModelTest, EachTargetHasALinkOfItsOwn) {
  CostModel model;
  model.use_target("s3://far");
  model.observe_probe(4096, 100'000, 50'000, 1 << 20, 200'000, 150'000);
  const std::int64_t far_us = model.write_us(1'000'000);
  model.use_target("/near");
  EXPECT_FALSE(model.link_known());
  EXPECT_LT(model.write_us(1'000'000), far_us);
  model.use_target("s3://far");
  EXPECT_EQ(model.write_us(1'000'000), far_us);
}

TEST(CostModelTest, TypesHaveRatesOfTheirOwn) {
  CostModel model;
  EXPECT_FALSE(model.knows("list"));
  for (int i = 0; i < 10; ++i) {
    model.observe_serialize("text", 100'000'000, {100'000'000, 0}, 20'000);   // 5 GB/s
    model.observe_serialize("list", 20'000'000, {10'000'000, 0}, 1'000'000);  // 10 MB/s
  }
  EXPECT_TRUE(model.knows("list"));
  EXPECT_LT(model.serialize_us("text", 100'000'000), 40'000);
  EXPECT_GT(model.serialize_us("list", 100'000'000), 5'000'000);
  EXPECT_GT(model.serialize_us("other", 100'000'000), model.serialize_us("text", 100'000'000));
  EXPECT_EQ(model.stored_size("list", 2'000'000).total(), 1'000'000u);
  EXPECT_EQ(model.stored_size("other", 2'000'000).total(), 2'000'000u);
}

TEST(CostModelTest, BuffersBesideThePickleTakeNoTimeToSerialise) {
  CostModel model;
  model.observe_serialize("ndarray", 800'000'000, {200, 800'000'000}, 90);
  EXPECT_LT(model.serialize_us("ndarray", model.stored_size("ndarray", 8'000'000'000).pickle_bytes), 200);
  EXPECT_EQ(model.stored_size("ndarray", 80'000'000).buffer_bytes, 80'000'000u);
}

TEST(CostModelTest, LoadingIsTakenToBeAsSlowAsSerialisingUntilItIsSeen) {
  CostModel model;
  for (int i = 0; i < 10; ++i) model.observe_serialize("list", 10'000'000, {10'000'000, 0}, 1'000'000);
  EXPECT_EQ(model.deserialize_us("list", 5'000'000), model.serialize_us("list", 5'000'000));
  for (int i = 0; i < 10; ++i) model.observe_deserialize("list", 10'000'000, 100'000);
  EXPECT_LT(model.deserialize_us("list", 5'000'000), 100'000);
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

TEST(CostModelTest, EstimatesStandBesideWhatHappenedByKind) {
  CostModel model;
  EXPECT_FALSE(model.mean_error());
  EXPECT_TRUE(model.errors_json().empty());
  model.observe_rerun(1000, 1500);
  const std::int64_t expected_us = model.read_us(1000);
  model.observe_read(1000, expected_us);
  const nlohmann::json errors = model.errors_json();
  EXPECT_EQ(
      errors["rerun"],
      (nlohmann::json{{"count", 1}, {"estimated_us", 1000}, {"actual_us", 1500}, {"mean_error", 1.0 / 3}}));
  EXPECT_EQ(errors["read"]["mean_error"], 0.0);
  EXPECT_EQ(errors["all"]["count"], 2);
}

TEST(CostModelTest, ASlowerMachineIsToldByItsReRuns) {
  CostModel model;
  for (int i = 0; i < 30; ++i) model.observe_rerun(1'000'000, 2'000'000);
  EXPECT_NEAR(model.cpu_ratio(), 2.0, 0.05);
  model.observe_rerun(10, 5000);
  EXPECT_NEAR(model.cpu_ratio(), 2.0, 0.05);
}

TEST(CostModelTest, CompressionIsForSlowLinksOnly) {
  CostModel slow, fast;
  EXPECT_EQ(slow.compress_for_bytes_per_s(), 0u) << "not before the link is known";
  slow.observe_probe(1000, 1000, 1000, 10'001'000, 1'001'000, 1'001'000);  // 10 MB/s
  fast.observe_probe(1000, 1000, 1000, 1'000'001'000, 501'000, 501'000);   // 2 GB/s
  EXPECT_EQ(slow.compress_for_bytes_per_s(), 10'000'000u);
  EXPECT_EQ(fast.compress_for_bytes_per_s(), 0u);
}

TEST(CostModelTest, SurvivesSavingAndRefusesNonsense) {
  CostModel model;
  model.observe_serialize("array", 100'000'000, {1000, 99'999'000}, 20'000);
  model.observe_rerun(1'000'000, 3'000'000);
  model.use_target("/there");
  model.observe_probe(4096, 100'000, 50'000, 1 << 20, 200'000, 150'000);
  Result<CostModel> again = CostModel::from_json(model.to_json());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->to_json(), model.to_json());
  again->use_target("/there");
  EXPECT_EQ(again->write_us(12345678), model.write_us(12345678));
  EXPECT_EQ(again->serialize_us("array", 999), model.serialize_us("array", 999));
  EXPECT_FALSE(CostModel::from_json(nlohmann::json::array()).ok());
  nlohmann::json damaged = model.to_json();
  damaged["links"]["/there"]["write"]["us_per_byte"] = -1;
  EXPECT_FALSE(CostModel::from_json(damaged).ok());
  const nlohmann::json whole = model.to_json();
  for (const auto& [key, value] : whole.items()) {
    damaged = whole;
    damaged.erase(key);
    EXPECT_FALSE(CostModel::from_json(damaged).ok()) << key;
  }
}

}  // namespace
}  // namespace elastic::plan
