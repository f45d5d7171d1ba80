// The session's description inside a manifest, from anybody: refused, or a payload whose places exist and
// which saves to what it loads from.
#include <cstdint>
#include <cstdlib>

#include "session/payload.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using elastic::session::Payload;
  constexpr std::size_t kBlobCount = 4;
  const auto payload =
      Payload::from_bytes(std::string_view(reinterpret_cast<const char*>(data), size), kBlobCount);
  if (!payload.ok()) return 0;
  if (payload->history >= kBlobCount) std::abort();
  for (const auto& group : payload->groups) {
    if (group.pickle >= kBlobCount) std::abort();
    for (const std::size_t place : group.buffers)
      if (place >= kBlobCount) std::abort();
  }
  const std::string bytes = payload->to_bytes();
  const auto again = Payload::from_bytes(bytes, kBlobCount);
  if (!again.ok() || again->to_bytes() != bytes) std::abort();
  return 0;
}
