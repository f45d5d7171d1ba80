// JSON as text.
//
// Threads: any.
#pragma once
#include <string>
#include <string_view>

#include "nlohmann/json.hpp"

namespace elastic {

// The text of `value`: byte for byte what `dump(-1, ' ', false, error_handler_t::replace)` makes of it, so
// that a text that is not UTF-8 is sent with replacement characters rather than not at all. Here because dump
// looks at each byte of a string for itself, which is most of the time a large output takes; this looks at
// eight.
std::string json_text(const nlohmann::json& value);

// The same of a string, behind `text`: for what is written in thousands of rows, which as values would take
// ten times as long to make and to take down as to write.
void append_json(std::string& text, std::string_view string);

}  // namespace elastic
