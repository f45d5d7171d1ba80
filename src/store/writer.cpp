#include "elastic/store/writer.hpp"

#include <algorithm>

#include "store/chunk_hasher.hpp"
#include "store/digester.hpp"
#include "store/former_chunks.hpp"
#include "store/manifest.hpp"
#include "store/pack_index.hpp"
#include "store/pack_sink.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kReportEveryBytes = 8 << 20;
constexpr std::int64_t kAnnounceEveryUs = 100000;
constexpr std::size_t kLongestFailureBytes = 1000;

}  // namespace

CheckpointWriter::CheckpointWriter(Store& store, WriterOptions options, std::unique_ptr<Lease> lease,
                                   std::unique_ptr<WriterLease> announcement,
                                   std::shared_ptr<PackIndex> index)
    : store_(&store),
      options_(std::move(options)),
      lease_(std::move(lease)),
      announcement_(std::move(announcement)),
      index_(std::move(index)),
      sink_(std::make_unique<PackSink>(store.backend(), store.files())),
      compressor_(std::make_unique<Compressor>(store.clock(), store.options().link_bytes_per_s)),
      begun_us_(store.clock().monotonic_us()),
      started_us_(store.clock().wall_us()) {
  progress_.bytes_total = options_.expected_bytes;
}

CheckpointWriter::~CheckpointWriter() = default;

bool CheckpointWriter::has(const BlobDigest& digest, std::uint64_t raw_bytes) const {
  return index_->has_sound(digest, raw_bytes) || sink_->raw_bytes_of(digest) == raw_bytes;
}

HasChunk CheckpointWriter::has_chunk() const {
  return [this](const BlobDigest& digest, std::uint64_t raw_bytes) { return has(digest, raw_bytes); };
}

Result<> CheckpointWriter::store_frame(const BlobDigest& digest, DigestAlgorithm algorithm, bool mappable,
                                       std::span<const ConstBytes> parts) {
  std::uint64_t raw_bytes = 0;
  for (const ConstBytes part : parts) raw_bytes += part.size();
  if (has(digest, raw_bytes)) {
    ++report_.chunks_reused;
    return success();
  }
  ++report_.chunks_written;
  PackSink::NewFrame frame{digest, algorithm, Codec::kNone, raw_bytes, mappable};
  if (parts.size() == 1) {
    if (const ConstBytes small = compressor_->try_compress(parts[0]); !small.empty()) {
      frame.codec = Codec::kZstd;
      frame.mappable = false;
      return sink_->add(frame, std::span(&small, 1));
    }
  }
  return sink_->add(frame, parts);
}

Result<BlobRef> CheckpointWriter::put_blob(ConstBytes bytes, BlobKind kind, const KnownBefore* before) {
  return put_blob(std::span(&bytes, 1), kind, before);
}

Result<BlobRef> CheckpointWriter::put_blob(std::span<const ConstBytes> pieces, BlobKind kind,
                                           const KnownBefore* before) {
  if (failed_)
    return Error(ErrorCode::kInvalidArgument, "this checkpoint has failed before; begin another one");
  const Parts parts(pieces);
  BlobRef ref;
  ref.kind = kind;
  ref.size_bytes = parts.size_bytes();
  const bool fast = kind == BlobKind::kBuffer && !store_->options().strong_digests;
  ref.algorithm = fast ? DigestAlgorithm::kXxh3 : DigestAlgorithm::kSha256;
  auto stored = ref.size_bytes <= kChunkBytes ? put_chunk(parts, ref) : put_chunks(parts, ref, before);
  if (stored.ok()) {
    if (auto reported = report(); !reported.ok()) stored = reported.error();
  }
  failed_ = !stored.ok();
  return stored;
}

Result<BlobRef> CheckpointWriter::put_chunk(const Parts& parts, BlobRef ref) {
  const auto pieces = parts.slice(0, parts.size_bytes());
  ref.digest = digest_chunk(ref.algorithm, store_->seed(), pieces);
  const bool mappable = ref.kind == BlobKind::kBuffer && ref.size_bytes >= kMappableBytes;
  if (ref.size_bytes > 0) ELASTIC_TRY(store_frame(ref.digest, ref.algorithm, mappable, pieces));
  ELASTIC_TRY(advance(ref.size_bytes));
  return ref;
}

Result<BlobRef> CheckpointWriter::put_chunks(const Parts& parts, BlobRef ref, const KnownBefore* before) {
  auto [list, wanted] = former_chunks(*index_, store_->seed(), has_chunk(), ref, before);
  ELASTIC_TRY(advance(ref.size_bytes - std::min(ref.size_bytes, wanted.size() * kChunkBytes)));

  ChunkHasher hasher(parts, ref.algorithm, store_->seed(), wanted, options_.hash_threads);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::uint64_t place = wanted[i];
    const BlobDigest digest = hasher.digest_of(i);
    list.digests[place] = digest;
    const auto pieces = parts.chunk(place);
    if (!digest.is_zero()) {
      ELASTIC_TRY(store_frame(digest, ref.algorithm, ref.kind == BlobKind::kBuffer, pieces));
    }
    ELASTIC_TRY(advance(std::min(kChunkBytes, ref.size_bytes - place * kChunkBytes)));
  }
  const std::vector<std::byte> bytes = encode_chunk_list(list, ref.algorithm);
  if (bytes.size() > kMaxFrameBytes)
    return Error(ErrorCode::kLimitExceeded, "one object is larger than 2 TiB");
  ref.shape = BlobShape::kList;
  ref.digest = digest_chunk(ref.algorithm, store_->seed(), bytes);
  const ConstBytes part = bytes;
  ELASTIC_TRY(store_frame(ref.digest, ref.algorithm, false, std::span(&part, 1)));
  return ref;
}

Result<> CheckpointWriter::keep_blob(const BlobRef& blob) {
  const Error gone(ErrorCode::kNotFound, "the blob is no longer in the store");
  if (blob.shape == BlobShape::kChunk) {
    if (blob.size_bytes > 0 && !has(blob.digest, blob.size_bytes)) return gone;
  } else {
    if (sink_->raw_bytes_of(blob.digest) == 0 &&
        !chunk_list_of(*index_, store_->seed(), has_chunk(), blob).has_value())
      return gone;
  }
  report_.chunks_reused += (blob.size_bytes + kChunkBytes - 1) / kChunkBytes;
  return advance(blob.size_bytes);
}

Result<CommitReport> CheckpointWriter::commit(ConstBytes payload, std::span<const BlobRef> blobs) {
  if (failed_)
    return Error(ErrorCode::kInvalidArgument, "this checkpoint has failed before; begin another one");
  failed_ = true;  // unless it succeeds, and then it is over too
  ELASTIC_TRY(sink_->finish());
  // A list of chunks that was not what it should be has been written again: the old one must not be
  // preferred.
  index_->record_damage();
  // Packs of other writers may be named too, which renamed them but have not synced the directory yet. Who
  // publishes one of its own syncs the directory, after the index was made.
  if (sink_->packs().empty()) ELASTIC_TRY(store_->backend().sync_names(ObjectClass::kPack));

  Manifest manifest;
  ELASTIC_TRY(store_->files().fill_random(std::as_writable_bytes(std::span(&manifest.id, 1))));
  manifest.created_us = sequence_ != 0 ? started_us_ : store_->clock().wall_us();
  manifest.seed = store_->seed();
  manifest.pid = store_->files().process_id();
  manifest.label = options_.label;
  manifest.automatic = options_.automatic;
  manifest.blobs.assign(blobs.begin(), blobs.end());
  manifest.payload.assign(payload.begin(), payload.end());
  ELASTIC_ASSIGN(const std::vector<std::byte> bytes, encode_manifest(manifest, store_->key()));
  ELASTIC_ASSIGN(report_.name, store_->publish_manifest(bytes, manifest.id, sequence_));

  report_.bytes_total = manifest.total_bytes();
  report_.bytes_written = sink_->bytes_written() + bytes.size();
  report_.duration_us = store_->clock().monotonic_us() - begun_us_;
  announcement_.reset();
  lease_.reset();
  return report_;
}

Result<> CheckpointWriter::advance(std::uint64_t bytes) {
  progress_.bytes_done += bytes;
  progress_.bytes_written = sink_->bytes_written();
  if (progress_.bytes_done - reported_bytes_ < kReportEveryBytes) return success();
  return report();
}

Result<> CheckpointWriter::report() {
  if (progress_.bytes_done == reported_bytes_) return success();
  reported_bytes_ = progress_.bytes_done;
  const std::int64_t now_us = store_->clock().monotonic_us();
  if (announcement_ != nullptr && now_us - announced_us_ >= kAnnounceEveryUs) {
    announced_us_ = now_us;
    ELASTIC_TRY(announcement_->update(status()));
  }
  if (options_.progress && !options_.progress(progress_)) {
    return Error(ErrorCode::kCancelled, "the checkpoint was interrupted; the one before it stands");
  }
  return success();
}

WriterStatus CheckpointWriter::status() const {
  return {store_->files().process_id(),
          store_->files().host_name(),
          options_.label,
          started_us_,
          store_->clock().wall_us(),
          progress_.bytes_done,
          progress_.bytes_total,
          options_.silent_until_us,
          {}};
}

void CheckpointWriter::expect(std::uint64_t bytes) {
  progress_.bytes_total = bytes;
  options_.silent_until_us = 0;
}

void CheckpointWriter::give_up(const std::string& why) {
  failed_ = true;
  if (announcement_ == nullptr) return;
  WriterStatus last = status();
  last.failure = why.substr(0, kLongestFailureBytes);
  last.silent_until_us = 0;
  // Where even that cannot be written it stands there as one that died.
  static_cast<void>(announcement_->update(last).ok());
  announcement_->leave_to_child();
  announcement_.reset();
}

void CheckpointWriter::leave_to_child() {
  failed_ = true;
  sink_->leave_to_child();
  if (announcement_ != nullptr) announcement_->leave_to_child();
}

}  // namespace elastic::store
