// Compressing frames, where it pays (docs/checkpoint_format.md, section 5).
//
// Thread contract: a Compressor belongs to one thread; decompress is pure.
#pragma once
#include <memory>
#include <vector>

#include "elastic/core/clock.hpp"
#include "elastic/store/file_system.hpp"

namespace elastic::store {

enum class Codec : std::uint8_t { kNone = 0, kZstd = 1 };

// Decides by trying: the sample's time and gain against what the link would take for the bytes saved.
class Compressor {
 public:
  // `link_bytes_per_s` 0: never compress.
  Compressor(const Clock& clock, std::uint64_t link_bytes_per_s);
  ~Compressor();

  // The bytes as one zstd frame, or empty if that does not pay. Valid until the next call.
  ConstBytes try_compress(ConstBytes raw);

 private:
  struct Context;
  ConstBytes compress(ConstBytes raw);
  bool sample_pays(ConstBytes raw);

  const Clock* clock_;
  std::uint64_t link_bytes_per_s_;
  std::unique_ptr<Context> context_;
  std::vector<std::byte> out_;
};

// `into` has exactly the raw size. kCorruption if the frame is not one, or has another size.
Result<> decompress(Codec codec, ConstBytes stored, Bytes into);

}  // namespace elastic::store
