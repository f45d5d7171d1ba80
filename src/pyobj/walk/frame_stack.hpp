// The walk's own stack: a list nested ten million deep is ten million frames, so they live in chunks that are
// never copied and are given back on the way up.
#pragma once
#include <memory>
#include <vector>

#include "pyobj/walk/type_info.hpp"

namespace elastic::pyobj::walk {

// One container that has been entered and not finished.
struct Frame {
  PyObject* object;
  Token chain;            // of what has been absorbed so far
  std::uint64_t index;    // the next element
  std::uint64_t queue;    // where this frame's queued children start in the walker's queue
  std::uint32_t queued;   // how many there are
  std::uint32_t ordinal;  // the walker's count of containers when it was entered
  Kind kind;
  std::uint8_t phase;
  bool reaches_mutable;
  bool has_ordinal;  // an immutable container gets one only once it turns out to reach something mutable
  bool recorded;     // an immutable container has been written to the change log
  bool quiets;       // what is below it is shared quietly
  bool registers_children;  // its children count as shared whatever their reference count, see Walker::enter
  std::uint8_t aside_from;  // queued children from this one on are no part of the content; 0: all are
};

// The token of the child that the frame last moved past.
inline void absorb_child(Frame& frame, Token token, std::uint64_t& identity) {
  if (frame.aside_from == 0 || frame.index <= frame.aside_from) [[likely]] {
    absorb(frame.chain, token);
  } else {
    identity = (std::rotl(identity, 5) ^ token.a) * kOdd1;
  }
}

class FrameStack {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // REQUIRES: !empty(). Stays valid while the frame is on the stack.
  Frame& top() { return (*this)[size_ - 1]; }
  Frame& operator[](std::size_t at) { return chunks_[at / kChunk][at % kChunk]; }

  Frame& push() {
    if (size_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique_for_overwrite<Frame[]>(kChunk));
    return (*this)[size_++];
  }
  void pop() {
    --size_;
    if (chunks_.size() > 2 && size_ + 2 * kChunk <= chunks_.size() * kChunk) chunks_.pop_back();
  }
  void clear() {
    size_ = 0;
    chunks_.clear();
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  std::vector<std::unique_ptr<Frame[]>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace elastic::pyobj::walk
