#include "store/in_flight.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>

namespace elastic::store {
namespace {

TEST(InFlightTest, EachRequestIsMadeOnce) {
  for (const std::size_t width : {0, 1, 3, 200}) {
    std::array<std::atomic<int>, 100> made{};
    EXPECT_TRUE(in_flight(made.size(), width, [&](std::size_t i) {
                  ++made[i];
                  return success();
                }).ok());
    for (const auto& times : made) EXPECT_EQ(times, 1) << width;
  }
  EXPECT_TRUE(in_flight(0, 4, [](std::size_t) -> Result<> { return Error(ErrorCode::kIo, "none"); }).ok());
}

TEST(InFlightTest, AsManyAsAskedForAreUnderWayAtOnce) {
  std::barrier all(4);  // nobody goes on before four have come
  EXPECT_TRUE(in_flight(8, 4, [&](std::size_t) {
                all.arrive_and_wait();
                return success();
              }).ok());
}

TEST(InFlightTest, TheFirstErrorEndsIt) {
  int made = 0;
  const auto outcome = in_flight(10, 1, [&](std::size_t i) -> Result<> {
    ++made;
    if (i == 3) return Error(ErrorCode::kIo, "the link is gone");
    return success();
  });
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().message(), "the link is gone");
  EXPECT_EQ(made, 4);
  EXPECT_FALSE(in_flight(1000, 4, [](std::size_t i) -> Result<> {
                 if (i % 2 == 1) return Error(ErrorCode::kIo, "odd");
                 return success();
               }).ok());
}

}  // namespace
}  // namespace elastic::store
