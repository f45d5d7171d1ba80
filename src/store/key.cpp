#include "elastic/store/key.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "elastic/core/log.hpp"

namespace elastic::store {
namespace {

Sha256 hmac_sha256(std::span<const std::byte> secret, std::string_view purpose,
                   std::span<const std::byte> data) {
  std::vector<std::byte> message(purpose.size() + data.size());
  std::copy(data.begin(), data.end(),
            std::copy_n(as_bytes(purpose).begin(), purpose.size(), message.begin()));
  Sha256 mac{};
  unsigned int length = 0;
  const unsigned char* const made =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &length);
  if (made == nullptr || length != mac.size()) {
    log(LogLevel::kError, "OpenSSL could not compute a MAC");
    std::abort();  // going on would write checkpoints that nobody can trust, or trust ones that nobody should
  }
  return mac;
}

Result<Key> read_key(FileSystem& files, const std::string& path) {
  ELASTIC_ASSIGN(const auto file, files.open(path, OpenMode::kRead));
  ELASTIC_ASSIGN(const FileStatus status, file->status());
  if (status.type != FileStatus::Type::kFile) {
    return Error(ErrorCode::kInvalidArgument, "the key " + path + " is not a file; move it away");
  }
  if (status.owner != files.user_id()) {
    return Error(ErrorCode::kInvalidArgument, "the key " + path + " belongs to another user; move it away");
  }
  if ((status.mode & 077) != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 "the key " + path + " can be read by others; if nobody did, run: chmod 600 " + path);
  }
  std::array<std::byte, 32> secret{};
  if (status.size_bytes != secret.size()) {
    return Error(ErrorCode::kCorruption, "the key " + path +
                                             " is not 32 bytes long; remove it to get a new one " +
                                             "(older checkpoints then need --trust)");
  }
  ELASTIC_TRY(read_fully(*file, 0, secret));
  return Key(secret);
}

Result<Key> create_key(FileSystem& files, const std::string& path) {
  ELASTIC_TRY(make_directories(files, parent_directory(path)));
  // Whoever comes second finds the key of the first, because the lock is held until it is there.
  ELASTIC_ASSIGN(const auto lock, files.open(path + ".lock", OpenMode::kReadWrite));
  for (;;) {
    const auto locked = lock->try_lock(LockMode::kExclusive);
    if (!locked.ok() || *locked) break;  // without locks, the last one to rename wins
    files.sleep_us(5000);
  }
  if (auto key = read_key(files, path); key.ok() || key.error().code() != ErrorCode::kNotFound) return key;
  std::array<std::byte, 32> secret{};
  ELASTIC_TRY(files.fill_random(secret));
  const std::string temporary = path + ".new";
  if (files.status(temporary).ok()) ELASTIC_TRY(files.unlink(temporary));
  ELASTIC_ASSIGN(const auto file, files.open(temporary, OpenMode::kCreateNew));
  const ConstBytes part = secret;
  ELASTIC_TRY(write_fully(*file, 0, std::span(&part, 1)));
  ELASTIC_TRY(publish(files, *file, temporary, path));
  return Key(secret);
}

}  // namespace

Sha256 Key::mac(std::string_view purpose, const Sha256& digest) const {
  return hmac_sha256(secret_, purpose, digest);
}

bool Key::matches(std::string_view purpose, const Sha256& digest, const Sha256& mac_to_check) const {
  const Sha256 expected = mac(purpose, digest);
  return CRYPTO_memcmp(expected.data(), mac_to_check.data(), expected.size()) == 0;
}

std::uint64_t Key::blob_seed() const {
  const Sha256 derived = hmac_sha256(secret_, "elastic blob seed", {});
  std::uint64_t seed = 0;
  for (int i = 7; i >= 0; --i)
    seed = seed << 8 | std::to_integer<std::uint64_t>(derived[static_cast<std::size_t>(i)]);
  return seed;
}

std::string default_key_path() {
  if (const char* path = std::getenv("ELASTICPYTHON_KEY"); path != nullptr && *path != '\0') return path;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') {
    return join_path(data, "elasticpython/key");
  }
  const char* const home = std::getenv("HOME");
  return join_path(home != nullptr && *home != '\0' ? home : "/", ".local/share/elasticpython/key");
}

Result<Key> load_or_create_key(FileSystem& files, const std::string& path) {
  auto key = read_key(files, path);
  if (key.ok() || key.error().code() != ErrorCode::kNotFound) return key;
  key = create_key(files, path);
  if (key.ok()) return key;
  return Error(ErrorCode::kInvalidArgument,
               "the key that checkpoints are signed with cannot be made: " + key.error().message() +
                   "; ELASTICPYTHON_KEY names another place for it");
}

}  // namespace elastic::store
