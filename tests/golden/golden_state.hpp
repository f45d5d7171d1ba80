// What the golden checkpoints hold, as a formula: written once by make_golden_store, restored by every later
// version.
#pragma once
#include <vector>

#include "elastic/store/blob.hpp"
#include "elastic/store/key.hpp"

namespace elastic::store {

struct GoldenBlob {
  BlobKind kind;
  std::vector<std::byte> bytes;
};

constexpr const char* kGoldenPayload = R"({"golden": true, "variables": ["a", "b"]})";
constexpr const char* kGoldenLabel = "golden.ipynb";

inline Key golden_key() {
  std::array<std::byte, 32> secret{};
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::byte>(i * 11);
  return Key(secret);
}

inline std::vector<std::byte> golden_noise(std::size_t size, std::uint32_t state) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

// One of each kind and shape: empty, small, mappable as it is, a list with compressed chunks and a chunk of
// zeros.
inline std::vector<GoldenBlob> golden_state() {
  std::vector<std::byte> large(2 * kChunkBytes + 4321);
  for (std::size_t i = kChunkBytes; i < large.size(); ++i) large[i] = static_cast<std::byte>(i / 500);
  return {{BlobKind::kPickle, {}},
          {BlobKind::kPickle, golden_noise(300, 1)},
          {BlobKind::kBuffer, golden_noise(kMappableBytes, 2)},
          {BlobKind::kBuffer, large},
          {BlobKind::kPickle, large},
          {BlobKind::kHistory, golden_noise(1000, 3)}};
}

}  // namespace elastic::store
