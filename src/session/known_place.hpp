// What this process knows of a place that it has written to or restored from.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "elastic/store/store.hpp"
#include "session/kept_groups.hpp"

namespace elastic::session {

struct KnownPlace {
  std::set<std::string> keys{};                 // of the groups last written or read there (key_of)
  std::optional<store::CheckpointName> idle{};  // the last one that was written while idle
  KeptGroups kept{};
  bool is_swept = false;  // garbage was collected, and nothing of ours has become garbage since
};

}  // namespace elastic::session
