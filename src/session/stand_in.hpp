// What is left of a checkpoint whose history cannot be read: one entry that wrote all there is.
//
// The stored variables come back with it, since each blob has a digest of its own and the payload says which
// of them were the newest. Nothing is computed again. Pure: no Python.
#pragma once
#include <cstdint>

#include "elastic/core/result.hpp"
#include "elastic/graph/history.hpp"
#include "session/payload.hpp"

namespace elastic::session {

// The history; it cannot be re-run. `payload` is changed to fit it: its snapshots are of the new entry,
// groups that only re-run cells would have needed are gone, and what those cells would have made is lost.
Result<graph::History> stand_in_history(Payload& payload, std::int64_t written_us);

}  // namespace elastic::session
