#include "store/codec.hpp"

#include <zstd.h>

#include <algorithm>

namespace elastic::store {
namespace {

constexpr int kLevel = 1;  // higher levels save a few per cent more and are slower than any disk
constexpr std::size_t kLeastBytes = 512;
constexpr std::size_t kSampleBytes = 32 << 10;

}  // namespace

struct Compressor::Context {
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> zstd{ZSTD_createCCtx(), &ZSTD_freeCCtx};
};

Compressor::Compressor(const Clock& clock, std::uint64_t link_bytes_per_s)
    : clock_(&clock), link_bytes_per_s_(link_bytes_per_s), context_(std::make_unique<Context>()) {}

Compressor::~Compressor() = default;

ConstBytes Compressor::compress(ConstBytes raw) {
  if (context_->zstd == nullptr) return {};
  out_.resize(ZSTD_compressBound(raw.size()));
  const std::size_t size =
      ZSTD_compressCCtx(context_->zstd.get(), out_.data(), out_.size(), raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size)) return {};
  return ConstBytes(out_).first(size);
}

bool Compressor::sample_pays(ConstBytes raw) {
  const ConstBytes sample = raw.subspan((raw.size() - kSampleBytes) / 2, kSampleBytes);
  const std::int64_t begun_us = clock_->monotonic_us();
  const ConstBytes small = compress(sample);
  const double spent_us = static_cast<double>(clock_->monotonic_us() - begun_us);
  if (small.empty() || small.size() >= sample.size()) return false;
  const double saved_us =
      static_cast<double>(sample.size() - small.size()) / static_cast<double>(link_bytes_per_s_) * 1e6;
  return saved_us > spent_us;
}

ConstBytes Compressor::try_compress(ConstBytes raw) {
  if (link_bytes_per_s_ == 0 || raw.size() < kLeastBytes) return {};
  if (raw.size() > 2 * kSampleBytes && !sample_pays(raw)) return {};
  const ConstBytes small = compress(raw);
  // A frame that is hardly smaller costs its reader more than it saves.
  if (small.empty() || small.size() > raw.size() - raw.size() / 8) return {};
  return small;
}

Result<> decompress(Codec codec, ConstBytes stored, Bytes into) {
  if (codec != Codec::kZstd) return Error(ErrorCode::kUnsupportedVersion, "compressed in an unknown way");
  const std::size_t size = ZSTD_decompress(into.data(), into.size(), stored.data(), stored.size());
  if (ZSTD_isError(size) || size != into.size()) {
    return Error(ErrorCode::kCorruption, "a compressed frame cannot be decompressed");
  }
  return success();
}

}  // namespace elastic::store
