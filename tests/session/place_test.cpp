#include "session/place.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "elastic/store/writer.hpp"
#include "support/temporary_directory.hpp"

namespace elastic::session {
namespace {

class PlaceTest : public ::testing::Test {
 protected:
  PlaceTest() {
    setenv("ELASTICPYTHON_KEY", (directory_ / "key").c_str(), 1);
    auto opened = store_to_write(place_);
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
    store_ = std::move(*opened);
  }
  ~PlaceTest() override { unsetenv("ELASTICPYTHON_KEY"); }

  std::unique_ptr<store::CheckpointWriter> writer() {
    auto begun =
        store_->begin({.label = "somebody", .expected_bytes = 100, .hash_threads = 1, .progress = {}});
    EXPECT_TRUE(begun.ok()) << begun.error().to_string();
    return std::move(*begun);
  }

  testing::TemporaryDirectory directory_;
  std::string place_ = directory_ / "place";
  std::unique_ptr<store::Store> store_;
};

TEST_F(PlaceTest, WaitsForAWriterAndReadsWhatItWrote) {
  auto writing = writer();
  int waits = 0;
  const auto found = checkpoint_to_read(place_, {}, [&](const store::WriterStatus& status) -> Result<> {
    EXPECT_EQ(status.bytes_total, 100u);
    if (++waits < 2) return success();
    ELASTIC_TRY(writing->commit({}, {}));
    writing.reset();
    return success();
  });
  ASSERT_TRUE(found.ok()) << found.error().to_string();
  EXPECT_EQ(waits, 2);
}

TEST_F(PlaceTest, EndsTheWaitWithTheErrorItIsTold) {
  const auto writing = writer();
  const auto found = checkpoint_to_read(place_, {}, [](const store::WriterStatus&) -> Result<> {
    return Error(ErrorCode::kCancelled, "interrupted");
  });
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::kCancelled);
}

TEST_F(PlaceTest, DoesNotWaitWhereNobodyWrites) {
  ASSERT_TRUE(writer()->commit({}, {}).ok());
  const auto found = checkpoint_to_read(place_, {}, [](const store::WriterStatus&) -> Result<> {
    return Error(ErrorCode::kCancelled, "nobody writes");
  });
  EXPECT_TRUE(found.ok()) << found.error().to_string();
}

}  // namespace
}  // namespace elastic::session
