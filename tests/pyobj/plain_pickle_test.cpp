#include "pyobj/plain_pickle.hpp"

#include <gtest/gtest.h>

#include <string>

namespace elastic::pyobj {
namespace {

using namespace std::string_literals;

bool is_plain(const std::string& pickle) { return is_plain_pickle(std::as_bytes(std::span(pickle))); }

// pickle.dumps([1, -2, 300, 2.5, "x", "a\n.", b"c.", True, None, (), (1,), {"k": {1}}, 1 << 70], 5)
const std::string kPlain =
    "\x80\x05\x95G\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01J\xfe\xff\xff\xffM,\x01G@"
    "\x04\x00\x00\x00\x00\x00\x00"
    "\x8c\x01x\x94\x8c\x03"
    "a\n.\x94"
    "C\x02"
    "c.\x94\x88N)K\x01\x85\x94}\x94\x8c\x01k\x94\x8f\x94(K\x01\x90s\x8a"
    "\t\x00\x00\x00\x00\x00\x00\x00\x00@e."s;

TEST(PlainPickleTest, NumbersTextsAndContainersArePlain) {
  EXPECT_TRUE(is_plain(kPlain));
  EXPECT_TRUE(is_plain("\x80\x05N."s));
}

TEST(PlainPickleTest, WhatIsCutOffIsNot) {
  for (std::size_t size = 0; size < kPlain.size(); ++size)
    EXPECT_FALSE(is_plain(kPlain.substr(0, size))) << size;
  EXPECT_FALSE(is_plain("X\xff\xff\xff\xff."s));
}

TEST(PlainPickleTest, TwoPicklesAreNot) { EXPECT_FALSE(is_plain(kPlain + kPlain)); }

TEST(PlainPickleTest, WhatImportsCallsOrRefersIsNot) {
  for (const std::string& operation :
       {"c"s,    "\x93"s, "R"s,    "b"s,    "o"s, "i"s, "\x81"s, "\x92"s, "P"s, "Q"s, "\x82"s, "\x83"s,
        "\x84"s, "\x97"s, "\x98"s, "\x96"s, "I"s, "L"s, "S"s,    "V"s,    "F"s, "p"s, "g"s,    "\xff"s})
    EXPECT_FALSE(is_plain("\x80\x05" + operation + "N."s)) << operation;
}

}  // namespace
}  // namespace elastic::pyobj
