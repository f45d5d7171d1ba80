#include <iostream>

#include "store/cli/command_line.hpp"

int main(int count, char** values) {
  using namespace elastic;
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
