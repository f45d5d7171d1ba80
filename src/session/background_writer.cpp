#include "session/background_writer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "elastic/core/log.hpp"

namespace elastic::session {
namespace {

// Sockets, so that the next kernel can have the ports; pipes, so that whoever reads the kernel's output sees
// its end. The store's files and locks stay.
void close_all_but_files() {
  std::vector<int> others;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) {
      const int descriptor = std::atoi(entry->d_name);
      struct stat status {};
      if (entry->d_name[0] == '.' || descriptor == dirfd(directory) || fstat(descriptor, &status) != 0)
        continue;
      if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) others.push_back(descriptor);
    }
    closedir(directory);
  }
  for (const int descriptor : others) ::close(descriptor);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2})
    if (nowhere >= 0 && nowhere != standard) dup2(nowhere, standard);
}

}  // namespace

Result<WrittenBlobs> write_blobs(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                                 const std::string& payload) {
  WrittenBlobs written;
  std::vector<store::BlobRef>& refs = written.refs;
  refs.reserve(blobs.size());
  for (const BlobToWrite& blob : blobs) {
    if (blob.held && writer.keep_blob(*blob.held).ok()) {
      refs.push_back(*blob.held);
      continue;
    }
    const auto before = blob.former ? std::optional(blob.former->known()) : std::nullopt;
    ELASTIC_ASSIGN(const store::BlobRef ref,
                   writer.put_blob(blob.parts, blob.kind, before ? &*before : nullptr));
    refs.push_back(ref);
  }
  ELASTIC_ASSIGN(written.report, writer.commit(store::as_bytes(payload), refs));
  return written;
}

Result<> write_in_background(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                             const std::string& payload) {
  int apart[2];  // is closed by the child when it has a session of its own
  if (pipe2(apart, O_CLOEXEC) != 0) return Error(ErrorCode::kIo, "no pipe to the process that would write");
  const pid_t child = fork();
  if (child != 0) ::close(apart[1]);
  if (child < 0) {
    ::close(apart[0]);
    return Error(ErrorCode::kIo, "no process to write the checkpoint in");
  }
  if (child > 0) {
    writer.leave_to_child();
    // The client may kill the group as soon as it has the reply.
    char nothing;
    while (::read(apart[0], &nothing, 1) < 0 && errno == EINTR) {
    }
    ::close(apart[0]);
    return success();
  }
  setsid();
  signal(SIGTERM, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  close_all_but_files();  // the pipe too
  _exit(write_blobs(writer, blobs, payload).ok() ? 0 : 1);
}

}  // namespace elastic::session
