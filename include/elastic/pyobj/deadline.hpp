// When a look at the session's objects has to end.
//
// Two kinds of work: what goes on later where it stopped ends at the time; what would have to be begun anew
// does too, or no budget would ever be large enough for it, goes on (`past_the_time`) until something else is
// wanted: a message has come. Whoever asks decides which.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace elastic::pyobj {

class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Asked every 0.1 ms or so; runs no Python code.
  using IsWanted = std::function<bool()>;

  Deadline() = default;  // none
  Deadline(std::nullopt_t) {}
  Deadline(Time at, IsWanted is_wanted = {}) : at_(at), is_wanted_(std::move(is_wanted)) {}

  explicit operator bool() const { return at_ || is_wanted_; }
  // Nobody waits: whatever is begun may go on past the time.
  bool is_of_idle_time() const { return is_wanted_ != nullptr; }

  bool has_passed() const { return would_pass(std::chrono::microseconds(0)); }
  // Whether what takes `cost` would end too late.
  bool would_pass(std::chrono::microseconds cost) const {
    if (at_ && std::chrono::steady_clock::now() + cost >= *at_) return true;
    return is_wanted_ && is_wanted_();
  }
  Deadline past_the_time() const {
    Deadline later;
    later.is_wanted_ = is_wanted_;
    return later;
  }

 private:
  std::optional<Time> at_;
  IsWanted is_wanted_;
};

}  // namespace elastic::pyobj
