// Putting blobs into a checkpoint, here or in a process of its own that outlives the kernel.
//
// A client kills a kernel about five seconds after asking it to go, which is too short for gigabytes. So a
// forked child, in a session of its own (the client kills the process group), writes them; its memory is the
// parent's at the fork. Where nothing speaks against it the child is forked before anything is pickled, by
// elasticpython.heir, and makes the whole checkpoint. Elsewhere the pickles are made in the kernel, and
// write_in_background's child never touches Python. Threads: without the GIL.
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
  std::optional<store::BlobRef> held{};  // the target has it: not digested again, and there may be no parts
  std::optional<FormerBuffer> former{};  // what it was in the checkpoint before
};

struct WrittenBlobs {
  std::vector<store::BlobRef> refs;  // in the order of the blobs
  store::CommitReport report;
};

// In a forked child: makes it a session of its own that signals to the kernel do not end. Sockets go, so that
// the next kernel can have the ports, and pipes, so that whoever reads the kernel's output sees its end;
// files and their locks stay, and so do the descriptors `kept`.
void leave_kernel(std::span<const int> kept);

// From now on this process is killed once so much time has passed, whatever it does; 0: it is not.
Result<> end_process_in(std::int64_t after_us);

Result<WrittenBlobs> write_blobs(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                                 const std::string& payload);

// Returns at once; the checkpoint is there when the child is done. kIo: there is no child, nothing was
// written.
Result<> write_in_background(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                             const std::string& payload);

}  // namespace elastic::session
