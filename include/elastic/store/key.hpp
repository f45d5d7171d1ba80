// The user's key: what makes a checkpoint one's own (docs/threat_model.md).
//
// 32 random bytes in a file of mode 0600, outside every store. A Key is a value; it is never logged and has
// no text form. Thread contract: immutable.
#pragma once
#include <array>
#include <string>

#include "elastic/store/file_system.hpp"

namespace elastic::store {

using Sha256 = std::array<std::byte, 32>;

class Key {
 public:
  explicit Key(const std::array<std::byte, 32>& secret) : secret_(secret) {}

  // HMAC-SHA256 over `purpose` and `digest`.
  Sha256 mac(std::string_view purpose, const Sha256& digest) const;
  // Compares in constant time.
  bool matches(std::string_view purpose, const Sha256& digest, const Sha256& mac) const;
  // The seed of fast digests: the same in all stores of the user, unknown to others.
  std::uint64_t blob_seed() const;

 private:
  std::array<std::byte, 32> secret_;
};

// $XDG_DATA_HOME/elasticpython/key, or ~/.local/share/elasticpython/key; ELASTICPYTHON_KEY overrides.
std::string default_key_path();

// Reads the key, or makes and publishes one. Two processes that make it at once end up with the same. Refuses
// (kInvalidArgument) a file that others can read or that is somebody else's: a key that is not secret is
// none.
Result<Key> load_or_create_key(FileSystem& files, const std::string& path);

}  // namespace elastic::store
