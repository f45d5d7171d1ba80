#include "elastic/core/json_text.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace elastic {
namespace {

using Json = nlohmann::json;

std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

class RandomJson {
 public:
  explicit RandomJson(std::uint64_t seed) : random_(seed) {}

  Json value(int depth) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return static_cast<std::int64_t>(random_()) >> below(64);
      case 3:
        return static_cast<std::uint64_t>(random_()) >> below(64);
      case 4:
        return number();
      case 7: {
        Json array = Json::array();
        for (auto left = below(6); left > 0; --left) array.push_back(value(depth - 1));
        return array;
      }
      case 8: {
        Json object = Json::object();
        for (auto left = below(6); left > 0; --left) object[text()] = value(depth - 1);
        return object;
      }
      default:
        return text();
    }
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  double number() {
    constexpr double kOdd[] = {0.0,
                               -0.0,
                               1.0,
                               1e300,
                               5e-324,
                               std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()};
    if (below(2) == 0) return kOdd[below(std::size(kOdd))];
    return std::ldexp(static_cast<double>(random_()), static_cast<int>(below(200)) - 100);
  }

  // Plain runs of all lengths about a word's, and between them what cannot be copied, or must not be.
  std::string text() {
    const bool is_utf8 = below(4) != 0;
    std::string made;
    for (auto left = below(8); left > 0; --left) {
      for (auto plain = below(20); plain > 0; --plain) made += static_cast<char>(0x20 + below(0x60));
      switch (below(is_utf8 ? 3 : 5)) {
        case 0:
          made += static_cast<char>(below(0x80));
          break;
        case 1:
          made += character();
          break;
        case 3:
          for (auto bytes = 1 + below(4); bytes > 0; --bytes) made += static_cast<char>(random_());
          break;
        case 4: {
          const std::string cut = character();
          made += cut.substr(0, below(cut.size() + 1));
          break;
        }
        default:
          break;
      }
    }
    return made;
  }

  // The bytes of any code point up to 0x1FFFFF, surrogates and those beyond Unicode among them, sometimes in
  // more bytes than it takes: not all of these are UTF-8.
  std::string character() {
    constexpr std::uint32_t kEdges[] = {0x7F,   0x80,   0x7FF,  0x800,   0xD7FF,   0xD800,
                                        0xDFFF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF, 0x110000};
    const auto code = below(2) == 0 ? kEdges[below(std::size(kEdges))]
                                    : static_cast<std::uint32_t>(below(1u << (7 + below(15))));
    int following = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    if (below(10) == 0 && following < 3) ++following;
    if (following == 0) return std::string(1, static_cast<char>(code));
    constexpr unsigned kLeads[] = {0, 0xC0, 0xE0, 0xF0};
    std::string bytes(1, static_cast<char>(kLeads[following] | (code >> (6 * following))));
    while (following-- > 0) bytes += static_cast<char>(0x80 | ((code >> (6 * following)) & 0x3F));
    return bytes;
  }

  std::mt19937_64 random_;
};

TEST(JsonTextTest, IsWhatDumpMakesOfAnyValue) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    const Json value = RandomJson(seed).value(4);
    ASSERT_EQ(json_text(value), dumped(value)) << "seed " << seed;
  }
}

TEST(JsonTextTest, IsWhatDumpMakesOfEveryPairOfBytesAtEveryPlace) {
  for (int pair = 0; pair < 0x10000; ++pair) {
    for (const std::size_t before : {0, 3, 7, 8}) {
      std::string text(before, 'x');
      text += {static_cast<char>(pair), static_cast<char>(pair >> 8)};
      ASSERT_EQ(json_text(text), dumped(text)) << "pair " << pair << " at " << before;
      text += "plain text after it";
      ASSERT_EQ(json_text(text), dumped(text)) << "pair " << pair << " at " << before;
    }
  }
}

TEST(JsonTextTest, IsWhatDumpMakesOfEveryCharacterOfThreeBytesOrMore) {
  // Every start of such a character; what can follow a second byte does not depend on it.
  for (int lead = 0xE0; lead <= 0xFF; ++lead) {
    for (int second = 0; second <= 0xFF; ++second) {
      for (const int third : {0x00, 0x22, 0x7F, 0x80, 0xBF, 0xC0, 0xFF}) {
        for (const int fourth : {0x22, 0x7F, 0x80, 0xBF, 0xC0, 0xFF}) {
          std::string text = "x";
          for (const int byte : {lead, second, third, fourth}) text += static_cast<char>(byte);
          ASSERT_EQ(json_text(text), dumped(text)) << std::hex << lead << second << third << fourth;
        }
      }
    }
  }
}

TEST(JsonTextTest, IsWhatDumpMakesOfValuesThatAreNoJson) {
  for (const Json& value :
       {Json(Json::value_t::discarded), Json::binary({1, 2, 255}, 7), Json::array({Json()})})
    EXPECT_EQ(json_text(value), dumped(value));
}

TEST(JsonTextTest, AStringIsAppendedAsItWouldStandInAValue) {
  for (const std::string string :
       {"", "plain", "a \"quoted\"\\\n\x01 na\xc3\xafve", "cut \xe2\x82", "\xff"}) {
    std::string text = "[";
    append_json(text, string);
    EXPECT_EQ(text, "[" + dumped(string));
  }
}

}  // namespace
}  // namespace elastic
