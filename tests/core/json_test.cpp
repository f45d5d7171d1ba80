#include "elastic/core/json.hpp"

#include <gtest/gtest.h>

#include <string>

namespace elastic {
namespace {

TEST(JsonTest, ArraysAndObjectsAreLevels) {
  EXPECT_FALSE(nests_deeper_than("7", 0));
  EXPECT_TRUE(nests_deeper_than("[]", 0));
  EXPECT_FALSE(nests_deeper_than(R"({"a": [1, {"b": 2}]})", 3));
  EXPECT_TRUE(nests_deeper_than(R"({"a": [1, {"b": 2}]})", 2));
}

TEST(JsonTest, SiblingsAreNoLevels) { EXPECT_FALSE(nests_deeper_than("[[], [], {}, [{}], [[]]]", 3)); }

TEST(JsonTest, BracketsInStringsAreNoLevels) {
  EXPECT_FALSE(nests_deeper_than(R"(["[[[[", "\"[[[", "\\", {"{{{{": "\\\""}])", 2));
  EXPECT_TRUE(nests_deeper_than(R"(["\\", [[]]])", 2));
}

TEST(JsonTest, WhatIsNoJsonDoesNoHarm) {
  EXPECT_FALSE(nests_deeper_than("", 1));
  EXPECT_FALSE(nests_deeper_than("]]]}\"\\", 1));
  EXPECT_TRUE(nests_deeper_than(std::string(1'000'000, '['), 64));
}

}  // namespace
}  // namespace elastic
