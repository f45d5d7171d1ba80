// What checkpoints there are at a place, for somebody who looks for an older one.
#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include "elastic/core/result.hpp"

namespace elastic::session {

// Oldest first: {"name", "at" (the shortest that names it, for --at), "created" (seconds since 1970),
// "notebook", "bytes", "automatic", "trusted", "variables" (names that a restore brings back)}, or {"name",
// "damage"}. A place may be a directory, a URL or an exported file. kNotFound: there is no store. Reads
// manifests only. Without the GIL.
Result<nlohmann::json> list_checkpoints(const std::string& place);

}  // namespace elastic::session
