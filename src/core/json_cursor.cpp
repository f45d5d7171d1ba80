#include "elastic/core/json_cursor.hpp"

#include <algorithm>

namespace elastic {
namespace {

using nlohmann::json;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool ends_scalar(char c) { return c == ',' || c == ']' || c == '}' || c == ':' || is_space(c); }

// Where the string that begins at `at` ends, behind its quotation mark; npos where it does not.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return std::string_view::npos;
}

}  // namespace

void JsonCursor::skip_space() {
  while (!text_.empty() && is_space(text_.front())) text_.remove_prefix(1);
}

bool JsonCursor::at_end() {
  skip_space();
  return text_.empty();
}

bool JsonCursor::take(char c) {
  skip_space();
  if (failed_ || text_.empty() || text_.front() != c) return false;
  text_.remove_prefix(1);
  return true;
}

void JsonCursor::enter(char bracket) {
  if (!take(bracket)) fail();
  first_ = true;
}

bool JsonCursor::next(char closing) {
  const bool first = std::exchange(first_, false);
  if (take(closing)) return false;
  if (!first && !take(',')) fail();
  return !failed_;
}

bool JsonCursor::next_item() { return next(']'); }

bool JsonCursor::next_key(std::string& key) {
  if (!next('}')) return false;
  key = string();
  if (!take(':')) fail();
  return !failed_;
}

std::string_view JsonCursor::quoted() {
  skip_space();
  const bool starts = !failed_ && !text_.empty() && text_.front() == '"';
  const std::size_t end = starts ? end_of_string(text_, 0) : std::string_view::npos;
  if (end == std::string_view::npos) {
    fail();
    return {};
  }
  const std::string_view found = text_.substr(0, end);
  text_.remove_prefix(end);
  return found;
}

std::string JsonCursor::string() {
  const std::string_view found = quoted();
  if (failed_) return {};
  const std::string_view inside = found.substr(1, found.size() - 2);
  const bool plain =
      std::all_of(inside.begin(), inside.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '\\'; });
  if (plain) return std::string(inside);
  json parsed = json::parse(found, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_string()) return std::move(parsed.get_ref<std::string&>());
  fail();
  return {};
}

std::string_view JsonCursor::scalar() {
  skip_space();
  const auto end = std::find_if(text_.begin(), text_.end(), ends_scalar);
  const std::string_view found = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
  text_.remove_prefix(found.size());
  if (found.empty()) fail();
  return failed_ ? std::string_view() : found;
}

bool JsonCursor::boolean() {
  const std::string_view found = scalar();
  if (found != "true" && found != "false") fail();
  return found == "true";
}

std::string_view JsonCursor::raw() {
  skip_space();
  if (failed_ || text_.empty()) {
    fail();
    return {};
  }
  if (text_.front() == '"') return quoted();
  if (text_.front() != '{' && text_.front() != '[') return scalar();
  int depth = 0;
  for (std::size_t i = 0; i < text_.size(); ++i) {
    const char c = text_[i];
    if (c == '"') {
      i = end_of_string(text_, i) - 1;
      if (i >= text_.size()) break;
    } else if (c == '[' || c == '{') {
      if (++depth > deepest_) break;
    } else if ((c == ']' || c == '}') && --depth == 0) {
      const std::string_view found = text_.substr(0, i + 1);
      text_.remove_prefix(i + 1);
      return found;
    }
  }
  fail();
  return {};
}

json JsonCursor::value() {
  json parsed = json::parse(raw(), nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_discarded()) return parsed;
  fail();
  return {};
}

}  // namespace elastic
