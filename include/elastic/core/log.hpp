// One line on stderr a message, for whoever operates the kernel; never into the user's cells.
//
// Thread-safe. The kernel moves the descriptor away from fd 2 before it redirects that one into the notebook.
#pragma once
#include <string_view>

namespace elastic {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Writes "[elasticpython] warning: <message>\n" in one write(2) when `level` is at least the threshold
// (kWarning, or the level named by ELASTICPYTHON_LOG: debug, info, warning, error).
void log(LogLevel level, std::string_view message);

// Where log lines go from now on; the caller keeps the descriptor open.
void set_log_descriptor(int fd);

}  // namespace elastic
