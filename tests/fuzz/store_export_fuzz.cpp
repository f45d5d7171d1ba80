// Export files from anybody: opened, shown, verified, read and imported with trust, as the most careless user
// would.
#include <algorithm>
#include <cstdlib>

#include "elastic/core/clock.hpp"
#include "elastic/store/export_file.hpp"
#include "store/digester.hpp"
#include "store/export_format.hpp"
#include "support/memory_file_system.hpp"

namespace {

using namespace elastic;
using namespace elastic::store;

constexpr std::uint64_t kReadUpToBytes = 64 << 20;

// The digests of manifest and file are put right, so that what is behind them is reached.
void seal(std::vector<std::byte>& bytes) {
  const auto layout =
      decode_export_header(ConstBytes(bytes).first(std::min<std::size_t>(bytes.size(), 64)), bytes.size());
  if (!layout.ok() || layout->manifest_bytes < 64) return;
  const std::size_t manifest_end = kExportHeaderBytes + layout->manifest_bytes;
  const Sha256 inner = sha256_of(ConstBytes(bytes).subspan(kExportHeaderBytes, layout->manifest_bytes - 64));
  std::copy(inner.begin(), inner.end(), bytes.begin() + static_cast<std::ptrdiff_t>(manifest_end - 64));
  const Sha256 outer = sha256_of(ConstBytes(bytes).first(bytes.size() - kExportTrailerBytes));
  std::copy(outer.begin(), outer.end(), bytes.end() - kExportTrailerBytes);
}

void use(const std::vector<std::byte>& bytes) {
  testing::MemoryFileSystem files;
  files.set_contents("/file", bytes);
  const auto reader = open_export_file(files, "/file", Key({}));
  if (reader.ok()) {
    static_cast<void>((*reader)->verify_all().ok());
    for (const BlobRef& blob : (*reader)->blobs()) {
      // Larger ones are pages of zeros, which cost nothing but the time to look at them.
      if (blob.size_bytes <= kReadUpToBytes) static_cast<void>((*reader)->map_blob(blob).ok());
    }
  }
  static const ManualClock clock(1'000'000);
  const auto store = Store::open(local_backend(files, "/store"), files, clock, Key({}), {});
  if (!store.ok()) std::abort();
  if (import_checkpoint(**store, "/file", true).ok() && !(*store)->open_newest().ok()) std::abort();
  for (const std::string& path : files.all_files()) {
    if (!path.starts_with("/store/") && path != "/file") std::abort();  // nothing outside the store
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConstBytes bytes = std::as_bytes(std::span(data, size));
  std::vector<std::byte> input(bytes.begin(), bytes.end());
  use(input);
  seal(input);
  use(input);
  return 0;
}
