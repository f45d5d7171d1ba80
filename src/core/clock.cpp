#include "elastic/core/clock.hpp"

#include <chrono>

namespace elastic {
namespace {

template <class Source>
std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Source::now().time_since_epoch()).count();
}

class SystemClock final : public Clock {
 public:
  std::int64_t monotonic_us() const override { return now_us<std::chrono::steady_clock>(); }
  std::int64_t wall_us() const override { return now_us<std::chrono::system_clock>(); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace elastic
