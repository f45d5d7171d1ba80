#include "descriptor_capture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace elastic::kernel {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr const char* kStreams[2] = {"stdout", "stderr"};

// How many bytes at the end of `text` begin a UTF-8 character that is not complete (RFC 3629).
std::size_t incomplete_tail(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) {
      const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

}  // namespace

DescriptorCapture::DescriptorCapture(Deliver deliver) : deliver_(std::move(deliver)) {}

DescriptorCapture::~DescriptorCapture() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_descriptor_, 1);
  thread_.join();
}

bool DescriptorCapture::start() {
  stop_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (int i = 0; i < 2; ++i) {
    int ends[2];
    original_[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 3);
    if (original_[i] < 0 || pipe2(ends, O_CLOEXEC) != 0) return false;
    fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // fewer switches; the smaller default works as well
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    dup2(ends[1], i + 1);  // dup2 clears close-on-exec: children inherit 1 and 2
    ::close(ends[1]);
    read_end_[i] = ends[0];
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // a pipe would make C's stdout fully buffered
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "elastic-capture");
  return true;
}

void DescriptorCapture::drain() {
  if (!thread_.joinable()) return;
  std::fflush(stdout);
  // Read here and not asked of the thread: at the end of most cells there is nothing, and two switches
  // between threads take longer than such a cell does.
  deliver_all();
}

void DescriptorCapture::run() {
  pollfd items[] = {{read_end_[0], POLLIN, 0}, {read_end_[1], POLLIN, 0}, {stop_descriptor_, POLLIN, 0}};
  for (;;) {
    if (::poll(items, 3, -1) < 0 && errno != EINTR) return;
    if (items[2].revents & POLLIN) return;
    deliver_all();
    for (pollfd& item : items) {
      if ((item.revents & (POLLHUP | POLLIN)) == POLLHUP) item.fd = -1;  // closed by the user, everywhere
    }
  }
}

void DescriptorCapture::deliver_all() {
  std::lock_guard<std::mutex> lock(delivering_);
  deliver_available(0);
  deliver_available(1);
}

void DescriptorCapture::deliver_available(int which) {
  char buffer[65536];
  // At most one pipe's worth: a child that never stops writing must not hold up a drain for ever.
  for (int taken = 0; taken < kPipeBytes;) {
    const ssize_t count = ::read(read_end_[which], buffer, sizeof buffer);
    if (count <= 0) break;
    taken += static_cast<int>(count);
    std::string text = std::move(partial_[which]);
    text.append(buffer, static_cast<std::size_t>(count));
    const std::size_t tail = incomplete_tail(text);
    partial_[which] = text.substr(text.size() - tail);
    text.resize(text.size() - tail);
    deliver_(kStreams[which], text);
  }
}

}  // namespace elastic::kernel
