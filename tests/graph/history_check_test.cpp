#include <gtest/gtest.h>

#include "random_history.hpp"

namespace elastic::graph {
namespace {

TEST(HistoryCheckTest, WhateverIsToldTheInvariantsHold) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const History history = random_history(seed, 40);
    const Result<> sound = history.verify();
    ASSERT_TRUE(sound.ok()) << sound.error().to_string();
    ASSERT_GT(history.cell_count(), 0u);
  }
}

TEST(HistoryCheckTest, MemoryGrowsLinearly) {
  const std::size_t small = random_history(3, 500).memory_bytes(),
                    large = random_history(3, 4000).memory_bytes();
  EXPECT_LT(large, small * 8 * 2);  // a vector's spare capacity may double it
}

}  // namespace
}  // namespace elastic::graph
