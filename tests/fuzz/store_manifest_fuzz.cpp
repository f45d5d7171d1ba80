// Manifests from anybody: no crash, no memory beyond the input's own size, and what is accepted is written
// back the same.
#include <algorithm>
#include <cstdlib>

#include "store/digester.hpp"
#include "store/manifest.hpp"

namespace {

using namespace elastic::store;

void check(ConstBytes bytes) {
  const Key key({});
  const auto manifest = decode_manifest(bytes, key);
  if (!manifest.ok()) return;
  const auto again = encode_manifest(*manifest, key);
  if (!again.ok() || again->size() != bytes.size()) std::abort();
  if (manifest->trusted && !decode_manifest(*again, key).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConstBytes bytes = std::as_bytes(std::span(data, size));
  check(bytes);
  // What is behind the digest is reached by giving the input the right one.
  if (size >= 64) {
    std::vector<std::byte> sealed(bytes.begin(), bytes.end());
    const Sha256 digest = sha256_of(bytes.first(size - 64));
    std::copy(digest.begin(), digest.end(), sealed.end() - 64);
    check(sealed);
  }
  return 0;
}
