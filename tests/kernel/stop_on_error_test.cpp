#include "kernel/stop_on_error.hpp"

#include <gtest/gtest.h>

namespace elastic::kernel {
namespace {

using std::chrono::milliseconds;
using Json = nlohmann::json;

Json header(const char* date, const char* client = "client") { return {{"date", date}, {"session", client}}; }

class StopOnErrorTest : public testing::Test {
 protected:
  StopOnErrorTest() { stop.failed(header("2026-01-01T10:00:00.000000Z"), arrived, now); }

  StopOnError stop;
  StopOnError::Clock::time_point arrived{milliseconds(0)}, now{milliseconds(300)};
};

TEST_F(StopOnErrorTest, ConcernsWhatWasSentDuringTheStayOfTheFailingCell) {
  EXPECT_TRUE(stop.concerns(header("2026-01-01T10:00:00.001Z"), now));
  EXPECT_TRUE(stop.concerns(header("2026-01-01T11:00:00.299000+01:00"), now));
}

TEST_F(StopOnErrorTest, DoesNotConcernWhatCouldHaveBeenSentAfterTheAnswer) {
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00.300Z"), now));
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:05Z"), now));
}

TEST_F(StopOnErrorTest, DoesNotConcernOtherClients) {
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00.001Z", "another"), now));
}

TEST_F(StopOnErrorTest, DoesNotBelieveAClockForLongOrADateThatIsNone) {
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00.001Z"), now + std::chrono::seconds(5)));
  EXPECT_FALSE(stop.concerns(header("yesterday"), now));
  EXPECT_FALSE(stop.concerns(Json::object(), now));
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00.000000Z"), now));  // a clock that stands still
}

TEST(StopOnErrorAlone, ConcernsNothingBeforeACellFailedOrWhereItHadNoDate) {
  StopOnError stop;
  const StopOnError::Clock::time_point now{milliseconds(300)};
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00Z"), now));
  stop.failed(Json::object(), now, now + milliseconds(1));
  EXPECT_FALSE(stop.concerns(header("2026-01-01T10:00:00Z"), now));
}

}  // namespace
}  // namespace elastic::kernel
