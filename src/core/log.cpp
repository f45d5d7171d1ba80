#include "elastic/core/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace elastic {
namespace {

std::atomic<int> g_descriptor{STDERR_FILENO};

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

LogLevel threshold() {
  static const LogLevel level = [] {
    const char* wanted = std::getenv("ELASTICPYTHON_LOG");
    for (int i = 0; wanted != nullptr && i < 4; ++i) {
      if (kNames[i] == wanted) return static_cast<LogLevel>(i);
    }
    return LogLevel::kWarning;
  }();
  return level;
}

}  // namespace

void log(LogLevel level, std::string_view message) {
  if (level < threshold()) return;
  std::string line = "[elasticpython] ";
  line.append(kNames[static_cast<int>(level)]).append(": ").append(message).push_back('\n');
  [[maybe_unused]] const ssize_t written = ::write(g_descriptor.load(), line.data(), line.size());
}

void set_log_descriptor(int fd) { g_descriptor.store(fd); }

}  // namespace elastic
