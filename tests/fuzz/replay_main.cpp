// Runs a fuzz target over files instead of libFuzzer: the smoke run of every test run, with any compiler.
//
//   x_replay DIRECTORY...   every file, and every file with each of its first and last 256 bytes changed once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** values) {
  std::size_t files = 0, runs = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(values[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++files, ++runs;
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        if (at == 256 && bytes.size() > 512) at = bytes.size() - 256;
        bytes[at] ^= static_cast<std::uint8_t>(1U << at % 8);
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        bytes[at] ^= static_cast<std::uint8_t>(1U << at % 8);
        ++runs;
      }
    }
  }
  std::printf("%zu files, %zu runs\n", files, runs);
  return files > 0 ? 0 : 1;  // a corpus that is not found is a failure
}
