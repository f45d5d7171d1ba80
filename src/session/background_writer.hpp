// Putting blobs into a checkpoint, here or in a process of its own that outlives the kernel.
//
// A client kills a kernel about five seconds after asking it to go, which is too short for gigabytes. So the
// pickles are made in the kernel, and a forked child, in a session of its own (the client kills the process
// group), writes them. Threads: without the GIL. The child never touches Python; its memory is the parent's
// at the fork.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "elastic/store/writer.hpp"
#include "session/known_buffers.hpp"

namespace elastic::session {

struct BlobToWrite {
  std::vector<store::ConstBytes> parts{};
  store::BlobKind kind = store::BlobKind::kPickle;
  std::optional<store::BlobRef> held{};  // the target has it: not digested again
  std::optional<FormerBuffer> former{};  // what it was in the checkpoint before
};

struct WrittenBlobs {
  std::vector<store::BlobRef> refs;  // in the order of the blobs
  store::CommitReport report;
};

Result<WrittenBlobs> write_blobs(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                                 const std::string& payload);

// Returns at once; the checkpoint is there when the child is done. kIo: there is no child, nothing was
// written.
Result<> write_in_background(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                             const std::string& payload);

}  // namespace elastic::session
