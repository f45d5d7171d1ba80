#include "elastic/store/export_file.hpp"

#include <algorithm>
#include <unordered_set>

#include "store/bytes.hpp"
#include "store/digester.hpp"
#include "store/export_format.hpp"
#include "store/manifest.hpp"
#include "store/pack_index.hpp"
#include "store/pack_sink.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kCopyBytes = 1 << 20;
constexpr std::string_view kPurpose = "elastic export 1";

Error interrupted() { return Error(ErrorCode::kCancelled, "it was interrupted; nothing was changed"); }

// Writes to a file and digests it on the way.
class DigestingFile {
 public:
  explicit DigestingFile(File& file) : file_(file) {}

  Result<> append(std::span<const ConstBytes> parts) {
    ELASTIC_TRY(write_fully(file_, offset_, parts));
    for (const ConstBytes part : parts) {
      digest_.update(part);
      offset_ += part.size();
    }
    return success();
  }
  Result<> append(ConstBytes bytes) { return append(std::span(&bytes, 1)); }
  Result<> append_zeros(std::uint64_t count) {
    const std::vector<std::byte> zeros(std::min<std::uint64_t>(count, kMapAlignment));
    for (; count > 0; count -= std::min<std::uint64_t>(count, zeros.size())) {
      ELASTIC_TRY(append(ConstBytes(zeros).first(std::min<std::uint64_t>(count, zeros.size()))));
    }
    return success();
  }
  std::uint64_t offset() const { return offset_; }
  File& file() { return file_; }
  Sha256 digest() { return digest_.finish(); }

 private:
  File& file_;
  std::uint64_t offset_ = 0;
  Sha256Stream digest_;
};

// The part of an export file that is a pack, as an object of its own.
class PackInFile final : public ObjectReader {
 public:
  PackInFile(std::unique_ptr<File> file, const ExportLayout& layout, std::string path)
      : file_(std::move(file)), layout_(layout), path_(std::move(path)) {}

  std::uint64_t size_bytes() const override { return layout_.pack_bytes; }
  Result<> read_at(std::uint64_t offset, Bytes into) override {
    ELASTIC_TRY(check(offset, into.size()));
    if (auto read = read_fully(*file_, layout_.pack_offset + offset, into); !read)
      return read.error().within(path_);
    return success();
  }
  Result<bool> map_private(std::uint64_t offset, Bytes at) override {
    ELASTIC_TRY(check(offset, at.size()));
    ELASTIC_ASSIGN(const FileStatus now, file_->status());
    if (now.size_bytes < layout_.pack_offset + layout_.pack_bytes) {
      return Error(ErrorCode::kCorruption, path_ + ": the file is shorter than it should be");
    }
    return file_->map_private(layout_.pack_offset + offset, at);
  }
  bool has_hole(std::uint64_t offset, std::uint64_t length) override {
    return file_->has_hole(layout_.pack_offset + offset, length);
  }

 private:
  Result<> check(std::uint64_t offset, std::uint64_t length) const {
    if (offset <= layout_.pack_bytes && length <= layout_.pack_bytes - offset) return success();
    return Error(ErrorCode::kCorruption, path_ + ": something points out of the file");
  }

  std::unique_ptr<File> file_;
  ExportLayout layout_;
  std::string path_;
};

// The frames of a checkpoint, each once, in the order in which blobs need them.
Result<std::vector<Frame>> frames_of(const Manifest& manifest, const PackIndex& index) {
  std::unordered_set<BlobDigest> seen;
  std::vector<Frame> frames;
  const auto add = [&](const BlobDigest& digest) -> Result<> {
    if (!seen.insert(digest).second) return success();
    const auto frame = index.locate(digest);
    if (!frame) return index.missing();
    frames.push_back(*frame);
    return success();
  };
  for (const BlobRef& blob : manifest.blobs) {
    if (blob.size_bytes == 0) continue;
    ELASTIC_TRY(add(blob.digest));
    if (blob.shape != BlobShape::kList) continue;
    ELASTIC_ASSIGN(const ChunkList list, index.read_chunk_list(blob, manifest.seed));
    for (const BlobDigest& digest : list.digests) {
      if (!digest.is_zero()) ELASTIC_TRY(add(digest));
    }
  }
  return frames;
}

// Lays the frames out as a pack would, without writing anything: their entries and the offset of the table.
std::pair<std::vector<PackEntry>, std::uint64_t> lay_out(const std::vector<Frame>& frames) {
  std::vector<PackEntry> entries;
  std::uint64_t offset = kPackHeaderBytes;
  for (const Frame& frame : frames) {
    PackEntry entry = frame.entry;
    if (entry.codec == Codec::kNone && entry.offset % kMapAlignment == 0) {
      offset = (offset + kMapAlignment - 1) / kMapAlignment * kMapAlignment;
    }
    entry.offset = offset;
    offset += entry.stored_bytes;
    entries.push_back(entry);
  }
  return {std::move(entries), offset};
}

// Frames are verified on the way out: what is handed to somebody is whole.
Result<> append_frame(DigestingFile& out, const PackIndex& index, const Frame& frame, std::uint64_t seed,
                      std::vector<std::byte>& stored, std::vector<std::byte>& raw) {
  const PackEntry& entry = frame.entry;
  stored.resize(entry.stored_bytes);
  ELASTIC_ASSIGN(const auto reader, index.reader_of(frame.pack));
  ELASTIC_TRY(reader->read_at(entry.offset, stored));
  if (entry.codec != Codec::kNone) {
    raw.resize(entry.raw_bytes);
    ELASTIC_TRY(decompress(entry.codec, stored, raw));
  }
  const std::vector<std::byte>& bytes = entry.codec == Codec::kNone ? stored : raw;
  if (digest_chunk(entry.algorithm, seed, bytes) != entry.digest) {
    return Error(ErrorCode::kCorruption, "the checkpoint is damaged, and was not exported");
  }
  return out.append(stored);
}

Result<> write_export(DigestingFile& out, const CheckpointReader& reader, const PackIndex& index,
                      ConstBytes manifest_bytes, FileSystem& files, const std::optional<Key>& key,
                      const ProgressFunction& progress) {
  ELASTIC_ASSIGN(const std::vector<Frame> frames, frames_of(reader.manifest(), index));
  const auto [entries, toc_offset] = lay_out(frames);
  std::uint64_t id[2];
  ELASTIC_TRY(files.fill_random(std::as_writable_bytes(std::span(id))));
  const std::vector<std::byte> end = encode_pack_end(entries, toc_offset);
  const ExportLayout layout = ExportLayout::of(manifest_bytes.size(), toc_offset + end.size());

  ELASTIC_TRY(out.append(encode_export_header(layout)));
  ELASTIC_TRY(out.append(manifest_bytes));
  ELASTIC_TRY(out.append_zeros(layout.pack_offset - out.offset()));
  ELASTIC_TRY(out.append(encode_pack_header({ObjectClass::kPack, id[0], id[1]})));
  std::vector<std::byte> stored, raw;
  Progress so_far{0, layout.pack_bytes, 0};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ELASTIC_TRY(out.append_zeros(layout.pack_offset + entries[i].offset - out.offset()));
    ELASTIC_TRY(append_frame(out, index, frames[i], reader.manifest().seed, stored, raw));
    so_far.bytes_done = so_far.bytes_written = out.offset();
    if (progress && !progress(so_far)) return interrupted();
  }
  ELASTIC_TRY(out.append(end));
  std::vector<std::byte> trailer;
  const Sha256 digest = out.digest();
  ByteWriter trailer_out(trailer);
  trailer_out.bytes(digest);
  trailer_out.bytes(key ? key->mac(kPurpose, digest) : Sha256{});
  const ConstBytes part = trailer;
  return write_fully(out.file(), out.offset(), std::span(&part, 1));
}

struct OpenExport {
  std::unique_ptr<File> file;
  ExportLayout layout;
};

Result<OpenExport> open_layout(FileSystem& files, const std::string& path) {
  ELASTIC_ASSIGN(auto file, files.open(path, OpenMode::kRead));
  ELASTIC_ASSIGN(const FileStatus status, file->status());
  if (status.type != FileStatus::Type::kFile) {
    return Error(ErrorCode::kInvalidArgument,
                 path + " is not a file; give the path of an exported checkpoint");
  }
  std::array<std::byte, kExportHeaderBytes> header{};
  const std::uint64_t there = std::min<std::uint64_t>(header.size(), status.size_bytes);
  ELASTIC_TRY(read_fully(*file, 0, Bytes(header).first(there)));
  auto layout = decode_export_header(Bytes(header).first(there), status.size_bytes);
  if (!layout.ok()) return layout.error().within(path);
  return OpenExport{std::move(file), *layout};
}

// Reads the whole file: is it as it was written, and by whom?
Result<bool> verify_trailer(const OpenExport& opened, const std::optional<Key>& key,
                            const ProgressFunction& progress) {
  Sha256Stream stream;
  std::vector<std::byte> buffer(kCopyBytes);
  const std::uint64_t end = opened.layout.file_bytes() - kExportTrailerBytes;
  Progress so_far{0, end, 0};
  for (std::uint64_t at = 0; at < end; at += buffer.size()) {
    const Bytes piece = Bytes(buffer).first(std::min<std::uint64_t>(buffer.size(), end - at));
    ELASTIC_TRY(read_fully(*opened.file, at, piece));
    stream.update(piece);
    so_far.bytes_done = at + piece.size();
    if (progress && !progress(so_far)) return interrupted();
  }
  std::array<std::byte, kExportTrailerBytes> trailer{};
  ELASTIC_TRY(read_fully(*opened.file, end, trailer));
  ByteReader in(trailer);
  const Sha256 digest = in.array<32>();
  const Sha256 mac = in.array<32>();
  if (stream.finish() != digest) return Error(ErrorCode::kCorruption, "the file is damaged; copy it anew");
  return key && key->matches(kPurpose, digest, mac);
}

Result<std::vector<std::byte>> read_manifest_bytes(const OpenExport& opened) {
  ELASTIC_TRY(check_solid(*opened.file, kExportHeaderBytes, opened.layout.manifest_bytes));
  std::vector<std::byte> bytes(opened.layout.manifest_bytes);
  ELASTIC_TRY(read_fully(*opened.file, kExportHeaderBytes, bytes));
  return bytes;
}

Result<std::shared_ptr<PackIndex>> index_of(OpenExport opened, const std::string& path) {
  std::array<std::byte, kPackHeaderBytes> header{};
  ELASTIC_TRY(read_fully(*opened.file, opened.layout.pack_offset, header));
  ByteReader in(ConstBytes(header).subspan(16));
  const std::uint64_t high = in.u64();
  const ObjectName name{ObjectClass::kPack, high, in.u64()};
  return PackIndex::of_single(name,
                              std::make_shared<PackInFile>(std::move(opened.file), opened.layout, path));
}

// The checkpoint in the store that is this one, if it has been imported before.
Result<std::optional<CheckpointName>> find_imported(Store& store, std::uint64_t id, ConstBytes bytes) {
  ELASTIC_ASSIGN(const auto infos, store.backend().list(ObjectClass::kManifest));
  for (const ObjectInfo& info : infos) {
    if (info.name.low != id || info.size_bytes != bytes.size()) continue;
    ELASTIC_ASSIGN(const auto reader, store.backend().open(info.name));
    std::vector<std::byte> there(bytes.size());
    ELASTIC_TRY(reader->read_at(0, there));
    if (std::equal(bytes.begin(), bytes.end(), there.begin()))
      return std::optional(CheckpointName{info.name.high, id});
  }
  return std::optional<CheckpointName>();
}

}  // namespace

Result<> check_export_path(FileSystem& files, const std::string& path, bool overwrite) {
  const auto there = files.status(path);
  if (!there.ok()) return success();
  if (there->type != FileStatus::Type::kFile)
    return Error(ErrorCode::kInvalidArgument, path + " is not a file");
  if (overwrite) return success();
  return Error(ErrorCode::kInvalidArgument,
               path + " exists; choose another path or say that it may be replaced");
}

Result<> export_checkpoint(Store& store, const CheckpointName& name, const std::string& path, bool overwrite,
                           const ProgressFunction& progress) {
  FileSystem& files = store.files();
  ELASTIC_TRY(check_export_path(files, path, overwrite));
  ELASTIC_ASSIGN(const auto reader, store.open_checkpoint(name.to_string()));
  ELASTIC_ASSIGN(const auto object, store.backend().open(name.object()));
  std::vector<std::byte> manifest_bytes(object->size_bytes());
  ELASTIC_TRY(object->read_at(0, manifest_bytes));

  std::uint64_t suffix = 0;
  ELASTIC_TRY(files.fill_random(std::as_writable_bytes(std::span(&suffix, 1))));
  const std::string temporary = path + "." + std::to_string(suffix) + ".part";
  ELASTIC_ASSIGN(const auto file, files.open(temporary, OpenMode::kCreateNew));
  DigestingFile out(*file);
  Result<> outcome =
      write_export(out, *reader, reader->index(), manifest_bytes, files, store.key(), progress);
  if (outcome.ok()) outcome = publish(files, *file, temporary, path);
  if (!outcome.ok()) static_cast<void>(files.unlink(temporary).ok());  // the first error is the one to tell
  return outcome;
}

Result<std::unique_ptr<CheckpointReader>> open_export_file(FileSystem& files, const std::string& path,
                                                           const std::optional<Key>& key) {
  ELASTIC_ASSIGN(OpenExport opened, open_layout(files, path));
  ELASTIC_ASSIGN(const std::vector<std::byte> bytes, read_manifest_bytes(opened));
  auto manifest = decode_manifest(bytes, key);
  if (!manifest.ok()) return manifest.error().within(path);
  auto index = index_of(std::move(opened), path);
  if (!index.ok()) return index.error().within(path);
  CheckpointInfo info = CheckpointInfo::of({0, manifest->id}, *manifest, bytes.size());
  return std::unique_ptr<CheckpointReader>(new CheckpointReader(
      std::make_unique<Manifest>(*std::move(manifest)), std::move(info), *std::move(index), nullptr));
}

Result<CheckpointName> import_checkpoint(Store& store, const std::string& path, bool trust,
                                         const ProgressFunction& progress) {
  ELASTIC_ASSIGN(OpenExport opened, open_layout(store.files(), path));
  auto own = verify_trailer(opened, store.key(), progress);
  if (!own.ok()) return own.error().within(path);
  ELASTIC_ASSIGN(const std::vector<std::byte> bytes, read_manifest_bytes(opened));
  ELASTIC_ASSIGN(const Manifest manifest, decode_manifest(bytes, store.key()));
  if (!trust && (!*own || !manifest.trusted)) {
    return Error(ErrorCode::kInvalidArgument,
                 path +
                     " was not written by you (or the key is another one); loading a checkpoint runs code: " +
                     "use --trust if you trust where it comes from");
  }
  ELASTIC_ASSIGN(const auto from, index_of(std::move(opened), path));
  ELASTIC_ASSIGN(const std::vector<Frame> frames, frames_of(manifest, *from));

  ELASTIC_TRY(store.backend().prepare());
  ELASTIC_ASSIGN(const auto lease, store.shared_lease());
  ELASTIC_ASSIGN(const auto here, store.index());
  PackSink sink(store.backend(), store.files());
  std::vector<std::byte> raw;
  for (const Frame& frame : frames) {
    const PackEntry& entry = frame.entry;
    if (here->has_sound(entry.digest, entry.raw_bytes)) continue;
    raw.resize(entry.raw_bytes);
    ELASTIC_TRY(from->read_frame(entry.digest, entry.algorithm, manifest.seed, raw));
    const bool mappable = entry.codec == Codec::kNone && entry.offset % kMapAlignment == 0;
    const ConstBytes part = raw;
    ELASTIC_TRY(sink.add({entry.digest, entry.algorithm, Codec::kNone, entry.raw_bytes, mappable},
                         std::span(&part, 1)));
  }
  ELASTIC_TRY(sink.finish());
  ELASTIC_TRY(store.backend().sync_names(ObjectClass::kPack));
  // One that was imported before is whole again now, whatever has become of its packs.
  ELASTIC_ASSIGN(const auto imported, find_imported(store, manifest.id, bytes));
  if (imported) return *imported;
  return store.publish_manifest(bytes, manifest.id);
}

bool is_export_file(FileSystem& files, const std::string& path) {
  const auto status = files.status(path);
  if (!status.ok() || status->type != FileStatus::Type::kFile) return false;
  const auto file = files.open(path, OpenMode::kRead);
  std::array<std::byte, 8> header{};
  return file.ok() && read_fully(**file, 0, header).ok() && begins_like_export(header);
}

}  // namespace elastic::store
