// The `elasticpython` command: looking after stores of checkpoints from a shell or a script.
//
//   elasticpython list STORE             elasticpython export STORE [NAME] FILE [--force]
//   elasticpython show STORE [NAME]      elasticpython import STORE FILE [--trust]
//   elasticpython verify STORE [NAME]    elasticpython gc STORE [--keep N] [--max-age-days N] [--max-bytes N]
//   [--dry-run] elasticpython rm STORE NAME...
//
// STORE is a directory, or a URL where the environment opens those. NAME is a checkpoint's name or a unique
// beginning of it; the newest one if left out. STORE may be an exported file for show and verify. --json
// writes one JSON object to stdout. Nothing is loaded or run: payloads are only printed.
#pragma once
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/store/store.hpp"

namespace elastic::store {

struct CommandEnvironment {
  FileSystem& files;
  const Clock& clock;
  std::optional<Key> key;
  std::ostream& out;
  std::ostream& err;
  // Opens the store at a URL; empty: they are refused. Only Python speaks with remotes.
  std::function<Result<std::unique_ptr<Store>>(const std::string& url, StoreMode mode)> open_url{};
};

// Whether a word is a URL, not a path of this machine.
bool is_url(std::string_view word);

// `arguments` without the program's name. Returns the exit status: 0, 1 after an error (one line on `err`), 2
// for wrong use.
int run_command_line(const std::vector<std::string>& arguments, CommandEnvironment& environment);

}  // namespace elastic::store
