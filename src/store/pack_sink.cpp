#include "store/pack_sink.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kGatherBelowBytes = 64 << 10;
constexpr std::uint64_t kGatheredBytes = 1 << 20;

}  // namespace

PackSink::PackSink(Backend& backend, FileSystem& files) : PackSink(backend, files, backend.traffic()) {}

PackSink::PackSink(Backend& backend, FileSystem& files, Traffic traffic)
    : backend_(&backend), files_(&files), traffic_(traffic) {}

Result<> PackSink::open_pack() {
  std::uint64_t id[2];
  ELASTIC_TRY(files_->fill_random(std::as_writable_bytes(std::span(id))));
  const ObjectName name{ObjectClass::kPack, id[0], id[1]};
  ELASTIC_ASSIGN(pack_, backend_->create(name));
  packs_.push_back(name);
  gathered_ = encode_pack_header(name);
  offset_ = gathered_.size();
  entries_.clear();
  return success();
}

Result<> PackSink::flush() {
  if (gathered_.empty()) return success();
  const ConstBytes part = gathered_;
  ELASTIC_TRY(pack_->append(std::span(&part, 1)));
  bytes_written_ += gathered_.size();
  gathered_.clear();
  return success();
}

Result<> PackSink::add(const NewFrame& frame, std::span<const ConstBytes> stored) {
  std::uint64_t stored_bytes = 0;
  for (const ConstBytes part : stored) stored_bytes += part.size();
  if (pack_ != nullptr && offset_ + stored_bytes > traffic_.pack_bytes) ELASTIC_TRY(close_pack());
  if (pack_ == nullptr) ELASTIC_TRY(open_pack());

  if (frame.mappable && offset_ % kMapAlignment != 0) {
    ELASTIC_TRY(flush());
    const std::uint64_t gap = kMapAlignment - offset_ % kMapAlignment;
    ELASTIC_TRY(pack_->append_zeros(gap));
    offset_ += gap;
  }
  PackEntry entry{frame.digest,
                  offset_,
                  static_cast<std::uint32_t>(stored_bytes),
                  static_cast<std::uint32_t>(frame.raw_bytes),
                  frame.algorithm,
                  frame.codec};
  if (stored_bytes < kGatherBelowBytes) {
    for (const ConstBytes part : stored) gathered_.insert(gathered_.end(), part.begin(), part.end());
    if (gathered_.size() >= kGatheredBytes) ELASTIC_TRY(flush());
  } else {
    ELASTIC_TRY(flush());
    ELASTIC_TRY(pack_->append(stored));
    bytes_written_ += stored_bytes;
  }
  offset_ += stored_bytes;
  entries_.push_back(entry);
  added_.emplace(frame.digest, entry.raw_bytes);
  return success();
}

std::uint64_t PackSink::raw_bytes_of(const BlobDigest& digest) const {
  const auto found = added_.find(digest);
  return found == added_.end() ? 0 : found->second;
}

Result<> PackSink::close_pack() {
  const std::vector<std::byte> end = encode_pack_end(entries_, offset_);
  gathered_.insert(gathered_.end(), end.begin(), end.end());
  ELASTIC_TRY(flush());
  ELASTIC_TRY(pack_->begin_publish());
  full_.push_back(std::move(pack_));
  while (full_.size() > traffic_.in_flight) ELASTIC_TRY(publish_oldest());
  return success();
}

Result<> PackSink::publish_oldest() {
  ELASTIC_TRY(full_.front()->publish());
  full_.pop_front();
  return success();
}

Result<> PackSink::finish() {
  if (pack_ != nullptr) ELASTIC_TRY(close_pack());
  while (!full_.empty()) ELASTIC_TRY(publish_oldest());
  return success();
}

void PackSink::leave_to_child() {
  if (pack_ != nullptr) pack_->leave_to_child();
  for (const auto& full : full_) full->leave_to_child();
}

}  // namespace elastic::store
