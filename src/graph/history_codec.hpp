// The body of a saved history (docs/history_format.md), apart from its frame and digest: what is fuzzed.
#pragma once
#include <string>
#include <string_view>

#include "elastic/graph/history.hpp"

namespace elastic::graph {

inline constexpr std::string_view kHistoryMagic = "ELASHIST";
inline constexpr std::uint32_t kHistoryVersion = 1;

// Damaged or hostile bytes give kCorruption; memory stays within a small multiple of the body's length.
Result<History> decode_history_body(std::string_view body);

// magic, version, length, body, digest.
std::string frame_history_body(std::string_view body);

}  // namespace elastic::graph
