// The bytes of a manifest (docs/checkpoint_format.md, section 6): pure functions from and to bytes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "elastic/store/blob.hpp"
#include "elastic/store/key.hpp"

namespace elastic::store {

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxLabelBytes = 4096;
constexpr std::uint64_t kMaxBlobs = 1 << 24;
constexpr std::uint64_t kMaxPayloadBytes = 512 << 20;

struct Manifest {
  std::uint64_t id = 0;
  std::int64_t created_us = 0;
  std::uint64_t seed = 0;
  std::uint32_t pid = 0;
  bool automatic = false;  // nobody asked for it
  std::string label;
  std::vector<BlobRef> blobs;
  std::vector<std::byte> payload;
  // Set by decode: whether the MAC is that of the key.
  bool trusted = false;

  std::uint64_t total_bytes() const;
};

// Errors: kLimitExceeded.
Result<std::vector<std::byte>> encode_manifest(const Manifest& manifest, const std::optional<Key>& key);
// Checks the digest, every field and limit; the MAC decides about `trusted` only.
// Without the payload, which is most of it, no memory is taken for that; it is checked all the same.
Result<Manifest> decode_manifest(ConstBytes bytes, const std::optional<Key>& key, bool with_payload = true);

}  // namespace elastic::store
