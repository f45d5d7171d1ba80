// Time, handed in: code that measures or stamps takes a Clock, so that tests decide what time it is.
#pragma once
#include <cstdint>

namespace elastic {

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since an arbitrary start; never goes back.
  virtual std::int64_t monotonic_us() const = 0;
  // Microseconds since 1970-01-01 UTC.
  virtual std::int64_t wall_us() const = 0;
};

// The machine's clocks. Thread-safe; lives as long as the process.
const Clock& system_clock();

// A clock that stands still until it is told to move.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_us = 0) : now_us_(start_us) {}
  std::int64_t monotonic_us() const override { return now_us_; }
  std::int64_t wall_us() const override { return now_us_; }
  void advance_us(std::int64_t by_us) { now_us_ += by_us; }

 private:
  std::int64_t now_us_;
};

}  // namespace elastic
