// Reads a JSON text from front to back, item by item, without making values of what nobody keeps: a text of
// megabytes in thousands of rows is read in the time a parser takes to make the first tenth of its values.
//
// What the text does not have where it is asked for makes the cursor fail, and it stays failed: everything
// asked after that is empty, so one look at ok() at the end is enough. Texts are from anybody: nothing
// recurses, and what is passed over is bounded in depth. Threads: whoever holds it.
#pragma once
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace elastic {

class JsonCursor {
 public:
  // REQUIRES: the text outlives the cursor. `deepest`: how many levels of arrays and objects a value that is
  // passed over may have.
  explicit JsonCursor(std::string_view text, int deepest = 64) : text_(text), deepest_(deepest) {}

  bool ok() const { return !failed_; }
  void fail() { failed_ = true; }
  // Whether nothing but white space is left.
  bool at_end();

  // An object: enter_object, then for each member next_key, which is false at the end, and its value. So with
  // arrays.
  void enter_object() { enter('{'); }
  bool next_key(std::string& key);
  void enter_array() { enter('['); }
  bool next_item();

  std::string string();
  bool boolean();
  template <std::integral T>
  T integer() {
    const std::string_view digits = scalar();
    T value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) fail();
    return failed_ ? T{} : value;
  }

  // The text of the next value, which is passed over. That its brackets are balanced is all that is looked
  // at.
  std::string_view raw();
  // The next value, whatever it is; null where it is none.
  nlohmann::json value();

 private:
  void skip_space();
  bool take(char c);
  void enter(char bracket);
  bool next(char closing);
  std::string_view scalar();
  std::string_view quoted();  // with its quotation marks

  std::string_view text_;  // what is left
  int deepest_;
  bool first_ = false;  // right behind an opening bracket
  bool failed_ = false;
};

}  // namespace elastic
