#include "kernel/replay_guard.hpp"

#include <gtest/gtest.h>

namespace elastic::kernel {
namespace {

zmq::multipart_t message(const std::string& signature) {
  zmq::multipart_t frames;
  for (const std::string& frame :
       {std::string("identity"), std::string("<IDS|MSG>"), signature, std::string("{}")})
    frames.addstr(frame);
  return frames;
}

TEST(ReplayGuardTest, TheSecondOfTwoEqualSignaturesIsNotNew) {
  ReplayGuard guard;
  EXPECT_TRUE(guard.is_new(message("a")));
  EXPECT_TRUE(guard.is_new(message("b")));
  EXPECT_FALSE(guard.is_new(message("a")));
}

TEST(ReplayGuardTest, UnsignedMessagesAreAlwaysNew) {
  ReplayGuard guard;
  EXPECT_TRUE(guard.is_new(message("")));
  EXPECT_TRUE(guard.is_new(message("")));
}

TEST(ReplayGuardTest, ForgetsTheOldestInTheEnd) {
  ReplayGuard guard;
  for (int i = 0; i <= 1 << 16; ++i) ASSERT_TRUE(guard.is_new(message(std::to_string(i))));
  EXPECT_TRUE(guard.is_new(message("0")));
  EXPECT_FALSE(guard.is_new(message("65536")));
}

}  // namespace
}  // namespace elastic::kernel
