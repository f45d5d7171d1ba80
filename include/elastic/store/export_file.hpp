// One checkpoint as one file, to hand to somebody (docs/checkpoint_format.md, section 7).
//
// Thread contract: call from any thread, without the GIL.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "elastic/store/reader.hpp"
#include "elastic/store/store.hpp"

namespace elastic::store {

// Writes the checkpoint to `path`, which appears whole or not at all. A file that is there is replaced only
// if `overwrite`.
Result<> export_checkpoint(Store& store, const CheckpointName& name, const std::string& path, bool overwrite,
                           const ProgressFunction& progress = {});

// Whether it would be written there: kInvalidArgument says why not.
Result<> check_export_path(FileSystem& files, const std::string& path, bool overwrite);

// Restoring from the file itself. Closes over the file, not the path.
Result<std::unique_ptr<CheckpointReader>> open_export_file(FileSystem& files, const std::string& path,
                                                           const std::optional<Key>& key);

// Verifies every byte and adds the checkpoint to the store, as its newest. One that does not carry the user's
// MAC is refused (kInvalidArgument) unless `trust`, and stays untrusted.
Result<CheckpointName> import_checkpoint(Store& store, const std::string& path, bool trust,
                                         const ProgressFunction& progress = {});

// Is there an export file at `path`? Looks at its first bytes only.
bool is_export_file(FileSystem& files, const std::string& path);

}  // namespace elastic::store
