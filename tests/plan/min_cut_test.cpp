#include "plan/min_cut.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace elastic::plan {
namespace {

FlowNetwork random_network(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](int bound) { return std::uniform_int_distribution<>(0, bound - 1)(random); };
  FlowNetwork network(static_cast<std::size_t>(1 + below(10)));
  const int nodes = static_cast<int>(network.node_count());
  for (int i = 0; i < nodes; ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    if (below(2) == 0) network.from_source[at] = below(8) == 0 ? kUncuttable : below(20);
    if (below(2) == 0) network.to_sink[at] = below(20) == 0 ? kUncuttable : below(20);
  }
  for (int k = below(3 * nodes + 1); k > 0; --k) {  // cycles and parallel arcs included
    const auto from = static_cast<std::uint32_t>(below(nodes)), to = static_cast<std::uint32_t>(below(nodes));
    if (from != to) network.arcs.push_back({from, to, below(4) == 0 ? kUncuttable : below(20)});
  }
  return network;
}

// By trying every set of nodes.
std::optional<std::int64_t> least_cut(const FlowNetwork& network) {
  std::optional<std::int64_t> best;
  for (std::uint32_t set = 0; set < 1u << network.node_count(); ++set) {
    std::vector<bool> side;
    for (std::size_t i = 0; i < network.node_count(); ++i) side.push_back(set >> i & 1);
    const std::int64_t capacity = cut_capacity(network, side);
    if (capacity != kUncuttable && (!best || capacity < *best)) best = capacity;
  }
  return best;
}

TEST(MinCutTest, EveryAlgorithmFindsTheLeastCutWithAndWithoutReduction) {
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const FlowNetwork network = random_network(seed);
    const std::optional<std::int64_t> best = least_cut(network);
    for (const FlowAlgorithm algorithm :
         {FlowAlgorithm::kBoykovKolmogorov, FlowAlgorithm::kPushRelabel, FlowAlgorithm::kEdmondsKarp}) {
      for (const bool reduce : {false, true}) {
        const Result<MinCut> cut = minimum_cut(network, algorithm, reduce);
        ASSERT_EQ(cut.ok(), best.has_value());
        if (!best) continue;
        ASSERT_EQ(cut->flow, *best);
        ASSERT_EQ(cut_capacity(network, cut->source_side), *best);
      }
    }
  }
}

TEST(MinCutTest, CapacitiesThatOverflowAreRefused) {
  FlowNetwork network(2);
  network.from_source = {std::int64_t{1} << 62, std::int64_t{1} << 62};
  network.to_sink = {1, 1};
  EXPECT_EQ(minimum_cut(network).error().code(), ErrorCode::kLimitExceeded);
}

TEST(MinCutTest, AnEmptyNetworkHasNoFlow) { EXPECT_EQ(minimum_cut(FlowNetwork(0))->flow, 0); }

}  // namespace
}  // namespace elastic::plan
