// Writes tests/golden/store_v1 and store_v1.file: make_golden_store tests/golden. Run it when the version of
// the format is raised, into a new name, and never over what is there: old checkpoints do not change.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "elastic/core/clock.hpp"
#include "elastic/store/export_file.hpp"
#include "elastic/store/writer.hpp"
#include "golden/golden_state.hpp"
#include "support/memory_file_system.hpp"

namespace {

using namespace elastic;
using namespace elastic::store;

void save(const std::string& path, ConstBytes bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary)
      .write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int count, char** values) {
  if (count != 2) return std::fprintf(stderr, "usage: make_golden_store DIRECTORY\n"), 2;
  testing::MemoryFileSystem files;
  const ManualClock clock(1'700'000'000'000'000);
  StoreOptions options;
  options.link_bytes_per_s = 1;  // compress whatever gets smaller
  const auto store = *Store::open(local_backend(files, "/store_v1"), files, clock, golden_key(), options);
  WriterOptions writer_options;
  writer_options.label = kGoldenLabel;
  const auto writer = *store->begin(writer_options);
  std::vector<BlobRef> blobs;
  for (const GoldenBlob& blob : golden_state()) blobs.push_back(*writer->put_blob(blob.bytes, blob.kind));
  const CommitReport report = *writer->commit(as_bytes(kGoldenPayload), blobs);
  if (!export_checkpoint(*store, report.name, "/store_v1.file", false).ok()) return 1;
  for (const std::string& path : files.all_files()) save(values[1] + path, files.contents(path));
}
