#include "elastic/core/json_text.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace elastic {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kEach = 0x0101010101010101;  // times a byte: that byte eight times
constexpr std::uint64_t kHighBits = 0x80 * kEach;

// A word whose lowest non-zero byte stands for the first of eight bytes that cannot be copied as they are: a
// control character, a quotation mark, a backslash or no ASCII. (A borrow may mark later bytes as well.)
std::uint64_t special_bytes(std::uint64_t word) {
  const auto zeros = [](std::uint64_t w) { return (w - kEach) & ~w; };
  return (word | ((word - 0x20 * kEach) & ~word) | zeros(word ^ ('"' * kEach)) |
          zeros(word ^ ('\\' * kEach))) &
         kHighBits;
}

// How many bytes the character takes that `text` starts with and that is not ASCII; 0: it is not UTF-8 (the
// Unicode Standard, table 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  const unsigned char lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < lowest || byte(1) > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return length;
}

// How many bytes at the start of `text` can be copied as they are.
std::size_t plain_prefix(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  std::size_t i = 0;
  while (i < text.size()) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) {
      const std::size_t length = utf8_length(text.substr(i));
      if (length == 0) return i;
      i += length;
      continue;
    }
    std::uint64_t word = 0;  // past the end: a control character
    std::memcpy(&word, text.data() + i, std::min(sizeof word, text.size() - i));
    const std::uint64_t special = special_bytes(word);
    const std::size_t plain = special == 0 ? sizeof word : std::countr_zero(special) / 8;
    if (plain == 0) return i;
    i += plain;
  }
  return i;
}

// The bytes that the text of `value` takes at least.
std::size_t least_size(const Json& value) {
  std::size_t size = 2;
  if (value.is_string()) {
    size += value.get_ref<const std::string&>().size();
  } else if (value.is_object()) {
    for (const auto& [key, item] : value.get_ref<const Json::object_t&>())
      size += key.size() + 4 + least_size(item);
  } else if (value.is_array()) {
    for (const Json& item : value) size += 1 + least_size(item);
  }
  return size;
}

void append_escape(std::string& text, char c) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t", kNames = "\"\\bfnrt", kHex = "0123456789abcdef";
  if (const std::size_t i = kNamed.find(c); i != kNamed.npos) {
    text += {'\\', kNames[i]};
  } else {
    text += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  }
}

// False, with some of it appended, where it is not UTF-8.
bool append_utf8(std::string& text, std::string_view string) {
  text += '"';
  for (std::string_view left = string; !left.empty();) {
    const std::size_t plain = plain_prefix(left);
    text += left.substr(0, plain);
    left.remove_prefix(plain);
    if (left.empty()) break;
    if (static_cast<unsigned char>(left[0]) >= 0x80) return false;
    append_escape(text, left[0]);
    left.remove_prefix(1);
  }
  text += '"';
  return true;
}

class Writer {
 public:
  void write(const Json& value) {
    if (value.is_object()) {
      write_object(value.get_ref<const Json::object_t&>());
    } else if (value.is_array()) {
      write_array(value.get_ref<const Json::array_t&>());
    } else if (value.is_string()) {
      write_string(value.get_ref<const std::string&>());
    } else {
      rest_.dump(value, false, false, 0);
    }
  }

  void reserve(std::size_t size) { text_.reserve(size); }
  std::string take() && { return std::move(text_); }

 private:
  void write_object(const Json::object_t& object) {
    char before = '{';
    for (const auto& [key, item] : object) {
      text_ += before;
      write_string(key);
      text_ += ':';
      write(item);
      before = ',';
    }
    text_ += object.empty() ? "{}" : "}";
  }

  void write_array(const Json::array_t& array) {
    char before = '[';
    for (const Json& item : array) {
      text_ += before;
      write(item);
      before = ',';
    }
    text_ += array.empty() ? "[]" : "]";
  }

  void write_string(const std::string& string) { append_json(text_, string); }

  std::string text_;
  // What dump itself calls, for numbers and the like: its own setting up takes longer than writing one.
  nlohmann::detail::serializer<Json> rest_{nlohmann::detail::output_adapter<char, std::string>(text_), ' ',
                                           Json::error_handler_t::replace};
};

}  // namespace

std::string json_text(const Json& value) {
  Writer writer;
  writer.reserve(least_size(value));
  writer.write(value);
  return std::move(writer).take();
}

void append_json(std::string& text, std::string_view string) {
  const std::size_t start = text.size();
  if (append_utf8(text, string)) return;
  text.resize(start);  // which bytes become one replacement character is nlohmann's to say
  text += Json(string).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace elastic
