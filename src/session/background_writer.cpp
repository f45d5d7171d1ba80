#include "session/background_writer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "elastic/core/log.hpp"

namespace elastic::session {
namespace {

// Something has to stay under each number: who still writes to one that was closed would otherwise write into
// the file that is opened next, which may be the checkpoint.
void empty_all_but_files(std::span<const int> kept) {
  std::vector<int> others;
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) {
      const int descriptor = std::atoi(entry->d_name);
      struct stat status {};
      if (entry->d_name[0] == '.' || descriptor == dirfd(directory) || fstat(descriptor, &status) != 0)
        continue;
      if (std::find(kept.begin(), kept.end(), descriptor) != kept.end()) continue;
      if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) others.push_back(descriptor);
    }
    closedir(directory);
  }
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  others.insert(others.end(), {0, 1, 2});
  for (const int descriptor : others)
    if (dup2(nowhere, descriptor) < 0) ::close(descriptor);
}

}  // namespace

void leave_kernel(std::span<const int> kept) {
  setsid();
  for (const int ending : {SIGTERM, SIGINT, SIGHUP}) signal(ending, SIG_IGN);
  empty_all_but_files(kept);
}

Result<> end_process_in(std::int64_t after_us) {
  static std::optional<timer_t> timer;
  if (!timer) {
    // No signal that the user's code could have a handler for, or use a timer of.
    sigevent kill{};
    kill.sigev_notify = SIGEV_SIGNAL;
    kill.sigev_signo = SIGKILL;
    timer_t made{};
    if (timer_create(CLOCK_MONOTONIC, &kill, &made) != 0)
      return Error(ErrorCode::kIo, "no timer to end the process with");
    timer = made;
  }
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(after_us / 1'000'000);
  when.it_value.tv_nsec = static_cast<long>(after_us % 1'000'000 * 1000);
  if (timer_settime(*timer, 0, &when, nullptr) != 0)
    return Error(ErrorCode::kIo, "the timer to end the process with does not start");
  return success();
}

Result<WrittenBlobs> write_blobs(store::CheckpointWriter& writer, std::span<const BlobToWrite> blobs,
                                 const std::string& payload) {
  WrittenBlobs written;
  std::vector<store::BlobRef>& refs = written.refs;
  refs.reserve(blobs.size());
  for (const BlobToWrite& blob : blobs) {
    if (blob.held) {
      const Result<> kept = writer.keep_blob(*blob.held);
      if (kept.ok()) {
        refs.push_back(*blob.held);
        continue;
      }
      if (blob.parts.empty()) return kept.error();  // there is nothing else it could be had from
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
  leave_kernel({});  // the pipe goes too
  _exit(write_blobs(writer, blobs, payload).ok() ? 0 : 1);
}

}  // namespace elastic::session
