// Any bytes as the body of a saved history: refused, or a history that is sound and saves to what it loads
// from.
#include <cstdint>
#include <cstdlib>

#include "graph/history_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace elastic::graph;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const elastic::Result<History> history = decode_history_body(body);
  if (!history.ok()) return 0;
  if (!history->verify().ok()) std::abort();
  const std::string bytes = history->save();
  const elastic::Result<History> again = History::load(bytes);
  if (!again.ok() || !(*again == *history)) std::abort();
  return 0;
}
