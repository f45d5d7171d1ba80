// JSON as text, the way messages carry it.
//
// Threads: any.
#pragma once
#include <string>

#include "nlohmann/json.hpp"

namespace elastic::kernel {

// The text of `value`: byte for byte what `dump(-1, ' ', false, error_handler_t::replace)` makes of it, so
// that a text that is not UTF-8 is sent with replacement characters rather than not at all. Here because dump
// looks at each byte of a string for itself, which is most of the time a large output takes; this looks at
// eight.
std::string json_text(const nlohmann::json& value);

}  // namespace elastic::kernel
