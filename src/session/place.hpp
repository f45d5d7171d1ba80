// Where a checkpoint goes or comes from: a store's directory or URL, or an export file; and what to tell a
// person when the place will not do. Call without the GIL.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "elastic/core/result.hpp"
#include "elastic/store/reader.hpp"
#include "elastic/store/store.hpp"

namespace elastic::session {

// The store at a directory or a URL, as it is best opened there.
Result<std::unique_ptr<store::Store>> open_store(const std::string& place, store::StoreMode mode);

// The store at `directory`, made if nothing is there. One sentence says what is wrong and what to do; nothing
// that is there is touched.
Result<std::unique_ptr<store::Store>> store_to_write(const std::string& directory);

// Told again and again of a process that still writes what is to be read; an error ends the wait and is what
// the read ends with.
using WriterWait = std::function<Result<>(const store::WriterStatus&)>;

struct WhichCheckpoint {
  std::string label{};  // whose; empty: any
  std::string at{};     // its name, or a unique beginning; empty: the newest whole one
  std::optional<store::CheckpointName> last_choice{};  // among these taken only where there is no other
};

// Of the store at `path`, or an export file. A kernel that has just gone may still be writing: waited for as
// long as it gets on.
Result<std::shared_ptr<store::CheckpointReader>> checkpoint_to_read(const std::string& path,
                                                                    const WhichCheckpoint& which,
                                                                    const WriterWait& waits);

}  // namespace elastic::session
