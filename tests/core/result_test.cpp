#include "elastic/core/result.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace elastic {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error(ErrorCode::kInvalidArgument, "odd number");
  return n / 2;
}

Result<int> quarter(int n) {
  ELASTIC_ASSIGN(const int first, half(n));
  ELASTIC_TRY(half(first));
  return half(first);
}

TEST(ResultTest, CarriesTheValue) {
  const Result<int> result = quarter(8);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 2);
}

TEST(ResultTest, TheFirstErrorLeavesTheFunction) {
  EXPECT_EQ(quarter(3).error().message(), "odd number");
  EXPECT_EQ(quarter(6).error().code(), ErrorCode::kInvalidArgument);
}

TEST(ResultTest, CarriesMoveOnlyValues) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
}

TEST(ErrorTest, ContextIsReadFromTheOutside) {
  const Error error =
      Error(ErrorCode::kCorruption, "digest does not match").within("blob 12").within("restore");
  EXPECT_EQ(error.to_string(), "corruption: restore: blob 12: digest does not match");
}

}  // namespace
}  // namespace elastic
