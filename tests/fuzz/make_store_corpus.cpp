// Writes the seeds of the store's fuzz targets: make_store_corpus tests/fuzz/corpus. Deterministic, so that a
// change of format shows as a change of these files.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "elastic/core/clock.hpp"
#include "elastic/store/export_file.hpp"
#include "elastic/store/writer.hpp"
#include "store/codec.hpp"
#include "store/damage_record.hpp"
#include "store/manifest.hpp"
#include "store/pack_format.hpp"
#include "support/memory_file_system.hpp"

namespace {

using namespace elastic;
using namespace elastic::store;

void save(const std::string& path, ConstBytes bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary)
      .write(as_text(bytes).data(), static_cast<std::streamsize>(bytes.size()));
}

void make_manifests(const std::string& corpus) {
  Manifest manifest;
  save(corpus + "/store_manifest/empty", *encode_manifest(manifest, std::nullopt));
  manifest.label = "notebook.ipynb";
  manifest.blobs.resize(3);
  manifest.blobs[0].size_bytes = 100;
  manifest.blobs[1].kind = BlobKind::kBuffer;
  manifest.blobs[1].algorithm = DigestAlgorithm::kXxh3;
  manifest.blobs[1].shape = BlobShape::kList;
  manifest.blobs[1].size_bytes = 5 << 20;
  manifest.blobs[2].kind = BlobKind::kHistory;
  const ConstBytes payload = as_bytes(R"({"variables": {"a": 1}})");
  manifest.payload.assign(payload.begin(), payload.end());
  save(corpus + "/store_manifest/three_blobs", *encode_manifest(manifest, Key({})));
}

void make_packs(const std::string& corpus) {
  PackEntry entry;
  entry.offset = kPackHeaderBytes;
  entry.raw_bytes = entry.stored_bytes = 10;
  // The target takes the input for everything behind the header of a pack.
  save(corpus + "/store_pack/empty", encode_pack_end({}, kPackHeaderBytes));
  std::vector<std::byte> pack(10);
  const auto end = encode_pack_end(std::span(&entry, 1), kPackHeaderBytes + 10);
  pack.insert(pack.end(), end.begin(), end.end());
  save(corpus + "/store_pack/one_frame", pack);
  ChunkList list;
  list.digests.resize(2);
  const std::uint64_t size = kChunkBytes + 1;
  std::vector<std::byte> listed(9);
  for (std::size_t i = 0; i < 8; ++i) listed[i] = static_cast<std::byte>(size >> (8 * i));
  listed[8] = std::byte{1};
  const auto encoded = encode_chunk_list(list, DigestAlgorithm::kXxh3);
  listed.insert(listed.end(), encoded.begin(), encoded.end());
  save(corpus + "/store_pack/chunk_list", listed);
  const DamagedFrame damaged{{ObjectClass::kPack, 1, 2}, {{std::byte{3}}}};
  save(corpus + "/store_pack/damage", encode_damage(std::span(&damaged, 1)));
  std::vector<std::byte> framed = {std::byte{0x0f}, std::byte{0xff}};
  Compressor compressor(system_clock(), 1);
  const std::vector<std::byte> zeros(0x1000);
  const ConstBytes small = compressor.try_compress(zeros);
  framed.insert(framed.end(), small.begin(), small.end());
  save(corpus + "/store_pack/zstd", framed);
}

void make_exports(const std::string& corpus) {
  elastic::testing::MemoryFileSystem files;
  const ManualClock clock(1'700'000'000'000'000);
  const auto store = *Store::open(local_backend(files, "/store"), files, clock, Key({}), {});
  const std::vector<std::byte> zeros(3 << 20);
  std::vector<std::byte> pickle(40);
  for (std::size_t i = 0; i < pickle.size(); ++i) pickle[i] = static_cast<std::byte>(i * 7);
  WriterOptions options;
  options.label = "notebook.ipynb";
  const auto writer = *store->begin(options);
  const BlobRef blobs[] = {*writer->put_blob(pickle, BlobKind::kPickle),
                           *writer->put_blob(zeros, BlobKind::kBuffer)};
  const CommitReport report = *writer->commit(as_bytes("{}"), blobs);
  if (!export_checkpoint(*store, report.name, "/file", false).ok()) std::abort();
  save(corpus + "/store_export/pickle_and_zeros", files.contents("/file"));
}

}  // namespace

int main(int count, char** values) {
  if (count != 2) return std::fprintf(stderr, "usage: make_store_corpus DIRECTORY\n"), 2;
  make_manifests(values[1]);
  make_packs(values[1]);
  make_exports(values[1]);
}
