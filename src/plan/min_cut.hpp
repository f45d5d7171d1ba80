// Minimum cut of a directed network with one source and one sink, in integers.
//
// Exactness: capacities are summed with overflow checks; kLimitExceeded rather than a wrong answer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "elastic/core/result.hpp"

namespace elastic::plan {

// An arc that must not be cut. Becomes 1 + the sum of the finite capacities.
inline constexpr std::int64_t kUncuttable = -1;

struct Arc {
  std::uint32_t from;
  std::uint32_t to;
  std::int64_t capacity;  // >= 0, or kUncuttable
};

struct FlowNetwork {
  explicit FlowNetwork(std::size_t nodes) : from_source(nodes, 0), to_sink(nodes, 0) {}
  std::size_t node_count() const { return from_source.size(); }

  std::vector<std::int64_t> from_source;  // by node; kUncuttable allowed
  std::vector<std::int64_t> to_sink;
  std::vector<Arc> arcs;
};

struct MinCut {
  std::int64_t flow = 0;          // == the capacity of the cut
  std::vector<bool> source_side;  // the smallest such set
  std::size_t core_nodes = 0;     // what was left for the flow algorithm after reduction
  std::size_t core_arcs = 0;
};

enum class FlowAlgorithm : std::uint8_t { kBoykovKolmogorov, kPushRelabel, kEdmondsKarp };

// `reduce`: first settle every node that a look at its own arcs can settle (docs/planning.md, "Making it
// small"). kInvalidArgument when every cut is infinite.
Result<MinCut> minimum_cut(const FlowNetwork& network,
                           FlowAlgorithm algorithm = FlowAlgorithm::kBoykovKolmogorov, bool reduce = true);

// The capacity of the arcs from `source_side` to the rest; kUncuttable if one of them is.
std::int64_t cut_capacity(const FlowNetwork& network, const std::vector<bool>& source_side);

}  // namespace elastic::plan
