// Settles the nodes of a flow network whose side a look at their own arcs decides, and says what is left.
//
// Every step keeps the value of the minimum cut; settled_flow() plus the maximum flow of what is left open is
// that of the whole. The steps, each O(arcs at the node), are derived in docs/planning.md:
// - an uncuttable arc is narrowed to what its head can pass on;
// - flow source -> node -> sink is taken at once;
// - a node whose sink arc holds all that can come in goes to the sink side;
// - a node that gets more from the source than it can pass on goes to the source side, and so does the head
// of an
//   uncuttable arc from there.
#pragma once
#include <cstdint>
#include <vector>

#include "min_cut.hpp"

namespace elastic::plan {

class NetworkReduction {
 public:
  enum class Side : std::uint8_t { kOpen, kSource, kSink };

  // `uncuttable`: the capacity that stands for kUncuttable. The network must outlive this.
  NetworkReduction(const FlowNetwork& network, std::int64_t uncuttable);

  // False when the narrowed capacities add up beyond 2^62.
  bool fits() const { return fits_; }
  void settle();

  Side side(std::uint32_t node) const { return side_[node]; }
  std::int64_t settled_flow() const { return settled_flow_; }
  std::int64_t from_source(std::uint32_t node) const { return from_source_[node]; }
  std::int64_t to_sink(std::uint32_t node) const { return to_sink_[node]; }
  // visit(from, to, capacity) for each arc between open nodes.
  template <class Visit>
  void for_each_open_arc(Visit visit) const {
    for (std::size_t i = 0; i < capacity_.size(); ++i) {
      const Arc& arc = network_.arcs[i];
      if (side_[arc.from] == Side::kOpen && side_[arc.to] == Side::kOpen)
        visit(arc.from, arc.to, capacity_[i]);
    }
  }

 private:
  void index_arcs();
  void narrow();
  void narrow_into(std::uint32_t node);
  void to_source_side(std::uint32_t node);
  void to_sink_side(std::uint32_t node);
  void look_at(std::uint32_t node);
  std::int64_t passes_on(std::uint32_t node) const;

  const FlowNetwork& network_;
  const std::int64_t uncuttable_;
  std::vector<std::int64_t> capacity_;               // by arc
  std::vector<std::uint32_t> out_begin_, out_arcs_;  // arcs by tail
  std::vector<std::uint32_t> in_begin_, in_arcs_;    // arcs by head
  std::vector<std::int64_t> from_source_, to_sink_;  // by node, those of settled neighbours included
  std::vector<std::int64_t> in_sum_, out_sum_;       // by node, over arcs from and to open nodes
  std::vector<Side> side_;
  std::vector<std::uint32_t> open_;  // nodes to look at
  std::int64_t settled_flow_ = 0;
  bool fits_ = true;
};

}  // namespace elastic::plan
