// What the tests of the store share: bytes made from a seed, a key, and short ways to open and to write.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "elastic/store/reader.hpp"
#include "elastic/store/store.hpp"
#include "elastic/store/writer.hpp"

namespace elastic::store {

// REQUIRES of a test: the result is a value.
#define ELASTIC_ASSERT_OK(result) ASSERT_TRUE((result).ok()) << (result).error().to_string()
#define ELASTIC_EXPECT_OK(result) EXPECT_TRUE((result).ok()) << (result).error().to_string()

inline std::vector<std::byte> random_bytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint64_t word = random();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

inline Key test_key(int which = 1) {
  std::array<std::byte, 32> secret{};
  secret.fill(static_cast<std::byte>(which));
  return Key(secret);
}

// memcmp, since a loop over megabytes takes minutes under ThreadSanitizer.
inline bool same_bytes(ConstBytes a, ConstBytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

inline Result<std::unique_ptr<Store>> open_store(FileSystem& files, const std::string& directory,
                                                 StoreOptions options = {},
                                                 const Clock& clock = system_clock(),
                                                 std::optional<Key> key = test_key()) {
  return Store::open(local_backend(files, directory), files, clock, key, options);
}

// One checkpoint of these buffers, with `payload`.
inline Result<CommitReport> write_checkpoint(Store& store, const std::vector<std::vector<std::byte>>& buffers,
                                             std::string_view payload = "{}",
                                             BlobKind kind = BlobKind::kBuffer,
                                             const std::string& label = "notebook", bool automatic = false) {
  WriterOptions options;
  options.label = label;
  options.automatic = automatic;
  ELASTIC_ASSIGN(const auto writer, store.begin(std::move(options)));
  std::vector<BlobRef> blobs;
  for (const auto& buffer : buffers) {
    ELASTIC_ASSIGN(const BlobRef blob, writer->put_blob(buffer, kind));
    blobs.push_back(blob);
  }
  return writer->commit(as_bytes(payload), blobs);
}

}  // namespace elastic::store
