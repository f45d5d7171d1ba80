#include "elastic/core/clock.hpp"

#include <gtest/gtest.h>

namespace elastic {
namespace {

TEST(ClockTest, TheSystemClockNeverGoesBack) {
  const std::int64_t first = system_clock().monotonic_us();
  EXPECT_GE(system_clock().monotonic_us(), first);
  EXPECT_GT(system_clock().wall_us(), 1'600'000'000'000'000);
}

TEST(ClockTest, AManualClockMovesWhenTold) {
  ManualClock clock(5);
  clock.advance_us(10);
  EXPECT_EQ(clock.monotonic_us(), 15);
}

}  // namespace
}  // namespace elastic
