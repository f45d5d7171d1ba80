#include "store/in_flight.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace elastic::store {

Result<> in_flight(std::size_t count, std::size_t width,
                   const std::function<Result<>(std::size_t)>& request) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&] {
    for (std::size_t i = next++; i < count && !failed; i = next++) {
      const Result<> done = request(i);
      if (done.ok()) continue;
      const std::lock_guard lock(mutex);
      if (!failed.exchange(true)) first = done.error();
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min(width, count); ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  if (first) return *first;
  return success();
}

}  // namespace elastic::store
