// The `elasticpython` program. What is at a URL only Python can reach: then the environment's Python takes
// over.
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "elastic/store/command_line.hpp"

namespace {

namespace fs = std::filesystem;

// The Python to be: $ELASTICPYTHON_PYTHON, the one beside this program, the active virtual environment's, or
// the one built for.
std::string choose_python(const fs::path& program) {
  if (const char* chosen = std::getenv("ELASTICPYTHON_PYTHON")) return chosen;
  const fs::path beside = program.parent_path() / "python3";
  if (access(beside.c_str(), X_OK) == 0) return beside;
  if (const char* environment = std::getenv("VIRTUAL_ENV")) return std::string(environment) + "/bin/python";
  return ELASTIC_PYTHON_EXECUTABLE;
}

// Returns only where that fails. The package is looked for last where this program was installed with it, and
// never in the working directory (-P).
int go_on_in_python(int count, char** values) {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  const std::string python = choose_python(program);
  const std::string packages = program.parent_path().parent_path() / ELASTIC_SITE_PACKAGES;
  std::vector<const char*> words{python.c_str(), "-P", "-c",
                                 "import sys; sys.path.append(sys.argv[1]); "
                                 "from elasticpython.command import main; sys.exit(main(sys.argv[2:]))",
                                 packages.c_str()};
  words.insert(words.end(), values + 1, values + count);
  words.push_back(nullptr);
  execv(python.c_str(), const_cast<char* const*>(words.data()));
  std::cerr << "elasticpython: no Python at " << python << " to open that URL: " << std::strerror(errno)
            << "; set ELASTICPYTHON_PYTHON\n";
  return 1;
}

}  // namespace

int main(int count, char** values) {
  using namespace elastic;
  for (int i = 1; i < count; ++i)
    if (store::is_url(values[i])) return go_on_in_python(count, values);
  auto key = store::load_or_create_key(store::system_files(), store::default_key_path());
  store::CommandEnvironment environment{store::system_files(), system_clock(), std::nullopt, std::cout,
                                        std::cerr};
  if (key.ok()) {
    environment.key = *key;
  } else {
    std::cerr << "elasticpython: going on without a key: " << key.error().message() << "\n";
  }
  return store::run_command_line({values + 1, values + count}, environment);
}
