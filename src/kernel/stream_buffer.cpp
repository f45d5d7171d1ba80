#include "stream_buffer.hpp"

namespace elastic::kernel {
namespace {

// Large enough that 100,000 lines are a handful of messages, small enough that a client draws them as they
// come.
constexpr std::size_t kFullBytes = 256 * 1024;

}  // namespace

void StreamBuffer::write(std::string_view stream, std::string_view text, const RequestPtr& parent) {
  if (text.empty()) return;
  std::lock_guard<std::mutex> lock(mutex_);
  if (stream != stream_ || parent != parent_) {
    flush_locked();
    stream_ = stream;
    parent_ = parent;
  }
  text_ += text;
  if (text_.size() >= kFullBytes) flush_locked();
}

void StreamBuffer::flush() {
  std::lock_guard<std::mutex> lock(mutex_);
  flush_locked();
}

void StreamBuffer::in_order(const std::function<void()>& publish) {
  std::lock_guard<std::mutex> lock(mutex_);
  flush_locked();
  publish();
}

void StreamBuffer::flush_locked() {
  if (text_.empty()) return;
  send_(stream_, std::move(text_), parent_);
  text_.clear();
}

}  // namespace elastic::kernel
