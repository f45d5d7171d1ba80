#include "elastic/core/json_cursor.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace elastic {
namespace {

TEST(JsonCursorTest, ReadsWhatATextHoldsItemByItem) {
  JsonCursor cursor(R"( {"names": ["x", "naïve \"\u00e9\n"], "n" : -7, "yes": true,
                        "rest": [1, {"a": "]}"}], "big": 18446744073709551615, "none": {}, "null": null} )");
  std::vector<std::string> keys, names;
  std::string key;
  cursor.enter_object();
  while (cursor.next_key(key)) {
    keys.push_back(key);
    if (key == "names") {
      cursor.enter_array();
      while (cursor.next_item()) names.push_back(cursor.string());
    } else if (key == "n") {
      EXPECT_EQ(cursor.integer<int>(), -7);
    } else if (key == "yes") {
      EXPECT_TRUE(cursor.boolean());
    } else if (key == "rest") {
      EXPECT_EQ(cursor.raw(), R"([1, {"a": "]}"}])");
    } else if (key == "big") {
      EXPECT_EQ(cursor.integer<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
    } else if (key == "none") {
      std::string inner;
      cursor.enter_object();
      EXPECT_FALSE(cursor.next_key(inner));
    } else {
      EXPECT_EQ(cursor.value(), nlohmann::json());
    }
  }
  EXPECT_TRUE(cursor.ok() && cursor.at_end());
  EXPECT_EQ(keys, (std::vector<std::string>{"names", "n", "yes", "rest", "big", "none", "null"}));
  EXPECT_EQ(names, (std::vector<std::string>{"x", "naïve \"é\n"}));
}

// Reads the text as {key: [integers]}.
bool reads(const std::string& text) {
  JsonCursor cursor(text);
  std::string key;
  cursor.enter_object();
  while (cursor.next_key(key)) {
    cursor.enter_array();
    while (cursor.next_item()) static_cast<void>(cursor.integer<std::uint8_t>());
  }
  return cursor.ok() && cursor.at_end();
}

TEST(JsonCursorTest, FailsOnWhatIsNotThere) {
  EXPECT_TRUE(reads(R"({"a": [1, 255], "b": []})"));
  const std::string whole = R"({"a": [1, 255]})";
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(reads(whole.substr(0, size))) << size;
  for (const char* text :
       {"[]", "{\"a\": [256]}", "{\"a\": [-1]}", "{\"a\": [1.5]}", "{\"a\": [1 2]}", "{\"a\": [,1]}",
        "{\"a\": [1,]}", "{\"a\" [1]}", "{\"a\": [1]} x", "{\"a\": [1]},", "{a: [1]}", "{\"\xff\": [1]}",
        "{\"a\nb\": [1]}", "{\"a\": [\"1\"]}", "{\"a\": [1}}", "{\"\\x\": [1]}"})
    EXPECT_FALSE(reads(text)) << text;
}

TEST(JsonCursorTest, StaysFailed) {
  JsonCursor cursor("[x, 1, [2]]");
  cursor.enter_array();
  EXPECT_TRUE(cursor.next_item());
  EXPECT_EQ(cursor.integer<int>(), 0);
  EXPECT_FALSE(cursor.next_item());
  EXPECT_EQ(cursor.raw(), "");
  EXPECT_EQ(cursor.value(), nlohmann::json());
  EXPECT_EQ(cursor.string(), "");
  EXPECT_FALSE(cursor.ok());
}

TEST(JsonCursorTest, WhatIsPassedOverIsBoundedInDepth) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  const std::string as_deep = nested(64), too_deep = nested(65), open(1'000'000, '[');
  JsonCursor fits(as_deep), deeper(too_deep), endless(open);
  EXPECT_EQ(fits.raw().size(), 128u);
  EXPECT_TRUE(fits.ok());
  for (JsonCursor* cursor : {&deeper, &endless}) {
    EXPECT_EQ(cursor->value(), nlohmann::json());
    EXPECT_FALSE(cursor->ok());
  }
}

TEST(JsonCursorTest, AValueHasToBeJson) {
  for (const char* text : {"[}", "{\"a\"}", "\"\\q\"", "nul", "{", "\"open", ""}) {
    JsonCursor cursor(text);
    EXPECT_EQ(cursor.value(), nlohmann::json()) << text;
    EXPECT_FALSE(cursor.ok()) << text;
  }
}

}  // namespace
}  // namespace elastic
