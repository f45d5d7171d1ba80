#include "replay_guard.hpp"

#include <string_view>

namespace elastic::kernel {
namespace {

constexpr std::size_t kRemembered = 1 << 16;
constexpr std::string_view kDelimiter = "<IDS|MSG>";

}  // namespace

bool ReplayGuard::is_new(const zmq::multipart_t& frames) {
  std::size_t delimiter = 0;
  while (delimiter < frames.size() && frames.peek(delimiter)->to_string_view() != kDelimiter) ++delimiter;
  if (delimiter + 1 >= frames.size()) return true;  // not a message at all: Wire::decode says so
  std::string signature = frames.peek(delimiter + 1)->to_string();
  if (signature.empty()) return true;  // signing is off
  if (!seen_.insert(signature).second) return false;
  order_.push_back(std::move(signature));
  if (order_.size() > kRemembered) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

}  // namespace elastic::kernel
