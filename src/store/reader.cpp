#include "elastic/store/reader.hpp"

#include <algorithm>

#include "store/in_flight.hpp"
#include "store/manifest.hpp"
#include "store/pack_index.hpp"

namespace elastic::store {

// Chunks that lie side by side in one pack as they do in the blob.
struct MappedRun {
  std::uint32_t pack = 0;
  std::uint64_t pack_offset = 0;
  std::uint64_t blob_offset = 0;
  std::uint64_t length = 0;
};

namespace {

// A kernel has 65,530 mappings by default (vm.max_map_count), for everything.
constexpr std::uint64_t kMaxMapsPerBlob = 2048;
constexpr std::uint64_t kMaxMapsPerReader = 16384;

std::uint64_t chunk_size(const BlobRef& blob, const ChunkList& list, std::size_t place) {
  return std::min<std::uint64_t>(list.chunk_bytes, blob.size_bytes - place * list.chunk_bytes);
}

bool is_zero(const BlobRef& blob, const ChunkList& list, std::size_t place) {
  return blob.shape == BlobShape::kList && list.digests[place].is_zero();
}

}  // namespace

CheckpointReader::CheckpointReader(std::unique_ptr<Manifest> manifest, CheckpointInfo info,
                                   std::shared_ptr<PackIndex> index, std::unique_ptr<Lease> lease)
    : manifest_(std::move(manifest)),
      info_(std::move(info)),
      index_(std::move(index)),
      lease_(std::move(lease)),
      maps_left_(kMaxMapsPerReader) {}

CheckpointReader::~CheckpointReader() = default;

bool CheckpointReader::maps() const { return index_->reads_in_flight() == 1; }
ConstBytes CheckpointReader::payload() const { return manifest_->payload; }
std::span<const BlobRef> CheckpointReader::blobs() const { return manifest_->blobs; }

Result<ChunkList> CheckpointReader::chunks_of(const BlobRef& blob) const {
  if (blob.shape == BlobShape::kList) return index_->read_chunk_list(blob, manifest_->seed);
  ChunkList single;
  single.chunk_bytes = static_cast<std::uint32_t>(std::max<std::uint64_t>(blob.size_bytes, 1));
  if (blob.size_bytes > 0) single.digests.push_back(blob.digest);
  return single;
}

// REQUIRES: `into` is zero, or the chunk is not.
Result<> CheckpointReader::read_chunk(const BlobRef& blob, const ChunkList& list, std::size_t place,
                                      Bytes into) const {
  // Chunks of zeros are not stored, and fresh pages are zero. Filling them would also let a checkpoint of a
  // few bytes ask for terabytes of memory.
  if (is_zero(blob, list, place)) return success();
  return index_->read_frame(list.digests[place], blob.algorithm, manifest_->seed, into);
}

Result<> CheckpointReader::read_and_tell(const BlobRef& blob, const ChunkList& list, std::size_t place,
                                         Bytes into) const {
  ELASTIC_TRY(read_chunk(blob, list, place, into));
  return told_ ? told_(into.size()) : success();
}

Result<Region> CheckpointReader::read_blob(const BlobRef& blob) { return noted(blob, read_whole(blob)); }
Result<Region> CheckpointReader::map_blob(const BlobRef& blob) { return noted(blob, map_whole(blob)); }

bool CheckpointReader::is_damage(const Error& error) const { return index_->is_damage(error); }

Result<Region> CheckpointReader::noted(const BlobRef& blob, Result<Region> region) {
  if (region.ok() || !is_damage(region.error())) return region;
  // Reading ended at the first damaged chunk. The next checkpoint must know all of them.
  const std::atomic<bool> never_stop = false;
  static_cast<void>(verify_blob(blob, &never_stop).ok());
  return region;
}

Result<Region> CheckpointReader::read_whole(const BlobRef& blob) {
  ELASTIC_ASSIGN(const ChunkList list, chunks_of(blob));
  const bool large = blob.shape == BlobShape::kList;
  ELASTIC_ASSIGN(Region region, large ? Region::of_pages(blob.size_bytes) : Region::on_heap(blob.size_bytes));
  ELASTIC_TRY(in_flight(list.digests.size(), index_->reads_in_flight(), [&](std::size_t i) {
    const std::uint64_t offset = i * list.chunk_bytes;
    return read_and_tell(blob, list, i, region.bytes().subspan(offset, chunk_size(blob, list, i)));
  }));
  return region;
}

Result<Region> CheckpointReader::map_whole(const BlobRef& blob) {
  // Code and what is parsed are never used before they are verified; small blobs are read sooner than mapped.
  const bool mappable = maps() && blob.size_bytes >= kMappableBytes;
  if (blob.kind != BlobKind::kBuffer || !mappable) return read_whole(blob);
  ELASTIC_ASSIGN(const ChunkList list, chunks_of(blob));
  ELASTIC_ASSIGN(Region region, Region::of_pages(blob.size_bytes));

  std::vector<MappedRun> runs;
  std::vector<std::size_t> to_read;
  for (std::size_t i = 0; i < list.digests.size(); ++i) {
    const std::uint64_t blob_offset = i * list.chunk_bytes;
    const std::uint64_t length = chunk_size(blob, list, i);
    if (is_zero(blob, list, i)) continue;
    const std::optional<Frame> frame = index_->locate(list.digests[i]);
    if (!frame) return index_->missing();
    const PackEntry& entry = frame->entry;
    const bool can_be = entry.codec == Codec::kNone && entry.raw_bytes == length;
    // One that was found damaged before is looked at first.
    if (!can_be || entry.offset % kMapAlignment != 0 || index_->is_damaged(*frame)) {
      to_read.push_back(i);
      continue;
    }
    if (!runs.empty() && runs.back().pack == frame->pack &&
        runs.back().pack_offset + runs.back().length == entry.offset &&
        runs.back().blob_offset + runs.back().length == blob_offset) {
      runs.back().length += length;
    } else {
      runs.push_back({frame->pack, entry.offset, blob_offset, length});
    }
  }
  // Too many pieces, or too small ones: the longest are mapped, the others read.
  std::stable_sort(runs.begin(), runs.end(),
                   [](const MappedRun& a, const MappedRun& b) { return a.length > b.length; });
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool worth_it = i < kMaxMapsPerBlob && runs[i].length >= kMapAlignment;
    ELASTIC_ASSIGN(const bool mapped, worth_it ? map_run(runs[i], region) : Result<bool>(false));
    region.unverified_ = region.unverified_ || mapped;
    if (mapped) continue;
    const std::uint64_t end = runs[i].blob_offset + runs[i].length;
    for (std::uint64_t at = runs[i].blob_offset; at < end; at += list.chunk_bytes) {
      to_read.push_back(at / list.chunk_bytes);
    }
  }
  for (const std::size_t i : to_read) {
    const std::uint64_t offset = i * list.chunk_bytes;
    ELASTIC_TRY(read_and_tell(blob, list, i, region.bytes().subspan(offset, chunk_size(blob, list, i))));
  }
  return region;
}

Result<bool> CheckpointReader::map_run(const MappedRun& run, Region& region) {
  if (maps_left_.fetch_sub(1, std::memory_order_relaxed) <= 0) return false;
  ELASTIC_ASSIGN(const auto pack, index_->reader_of(run.pack));
  return pack->map_private(run.pack_offset, region.bytes().subspan(run.blob_offset, run.length));
}

Result<> CheckpointReader::verify_blob(const BlobRef& blob, const std::atomic<bool>* stop) {
  Result<> verified = check_blob(blob, stop);
  if (!verified.ok()) index_->record_damage();
  return verified;
}

// All of it, however early damage is found: what is not known to be damaged is not written again.
Result<> CheckpointReader::check_blob(const BlobRef& blob, const std::atomic<bool>* stop) {
  std::optional<Error> first;
  ELASTIC_ASSIGN(const ChunkList list, chunks_of(blob));
  std::vector<std::byte> scratch(std::min<std::uint64_t>(list.chunk_bytes, blob.size_bytes));
  for (std::size_t i = 0; i < list.digests.size(); ++i) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
      return Error(ErrorCode::kCancelled, "the verification was stopped");
    }
    if (is_zero(blob, list, i)) continue;
    const Bytes into = Bytes(scratch).first(chunk_size(blob, list, i));
    const Result<> read =
        stop != nullptr ? read_chunk(blob, list, i, into) : read_and_tell(blob, list, i, into);
    if (read.ok()) continue;
    if (!is_damage(read.error())) return read;
    if (!first) first = read.error();
  }
  if (first) return *first;
  return success();
}

Result<> CheckpointReader::verify_all(const ProgressFunction& progress) {
  Progress so_far{0, manifest_->total_bytes(), 0};
  std::optional<Error> first;
  for (std::size_t i = 0; i < manifest_->blobs.size(); ++i) {
    const BlobRef& blob = manifest_->blobs[i];
    if (const Result<> checked = check_blob(blob, nullptr); !checked.ok()) {
      if (!first)
        first = checked.error().within("blob " + std::to_string(i) + " of " + info_.name.to_string());
      if (!is_damage(checked.error())) break;
    }
    so_far.bytes_done += blob.size_bytes;
    if (progress && !progress(so_far)) {
      first = Error(ErrorCode::kCancelled, "the verification was stopped");
      break;
    }
  }
  index_->record_damage();
  if (first) return *first;
  return success();
}

BackgroundVerifier::BackgroundVerifier(std::shared_ptr<CheckpointReader> reader, std::vector<BlobRef> blobs)
    : reader_(std::move(reader)), blobs_(std::move(blobs)), thread_([this] { run(); }) {}

BackgroundVerifier::~BackgroundVerifier() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void BackgroundVerifier::run() {
  for (std::size_t i = 0; i < blobs_.size() && !stop_.load(std::memory_order_relaxed); ++i) {
    if (auto verified = reader_->verify_blob(blobs_[i], &stop_); !verified.ok()) {
      failures_.push_back({i, verified.error()});
    }
    bytes_done_.fetch_add(blobs_[i].size_bytes, std::memory_order_relaxed);
  }
  reader_.reset();
  done_.store(true, std::memory_order_release);
}

std::vector<BackgroundVerifier::Failure> BackgroundVerifier::wait() {
  if (thread_.joinable()) thread_.join();
  return failures_;
}

}  // namespace elastic::store
