#include "network_reduction.hpp"

#include <algorithm>

namespace elastic::plan {

NetworkReduction::NetworkReduction(const FlowNetwork& network, std::int64_t uncuttable)
    : network_(network),
      uncuttable_(uncuttable),
      capacity_(network.arcs.size()),
      from_source_(network.from_source),
      to_sink_(network.to_sink),
      in_sum_(network.node_count(), 0),
      out_sum_(network.node_count(), 0),
      side_(network.node_count(), Side::kOpen) {
  for (std::size_t i = 0; i < capacity_.size(); ++i) {
    const std::int64_t given = network.arcs[i].capacity;
    capacity_[i] = given == kUncuttable ? uncuttable : given;
  }
  std::replace(from_source_.begin(), from_source_.end(), kUncuttable, uncuttable);
  std::replace(to_sink_.begin(), to_sink_.end(), kUncuttable, uncuttable);
  index_arcs();
  narrow();
}

void NetworkReduction::index_arcs() {
  const std::size_t nodes = network_.node_count();
  out_begin_.assign(nodes + 1, 0);
  in_begin_.assign(nodes + 1, 0);
  for (const Arc& arc : network_.arcs) {
    ++out_begin_[arc.from + 1];
    ++in_begin_[arc.to + 1];
  }
  for (std::size_t i = 0; i < nodes; ++i) {
    out_begin_[i + 1] += out_begin_[i];
    in_begin_[i + 1] += in_begin_[i];
  }
  out_arcs_.resize(network_.arcs.size());
  in_arcs_.resize(network_.arcs.size());
  std::vector<std::uint32_t> out_next(out_begin_.begin(), out_begin_.end() - 1);
  std::vector<std::uint32_t> in_next(in_begin_.begin(), in_begin_.end() - 1);
  for (std::uint32_t i = 0; i < network_.arcs.size(); ++i) {
    out_arcs_[out_next[network_.arcs[i].from]++] = i;
    in_arcs_[in_next[network_.arcs[i].to]++] = i;
  }
}

// What can leave the node, at most `uncuttable_`.
std::int64_t NetworkReduction::passes_on(std::uint32_t node) const {
  std::int64_t sum = to_sink_[node];
  for (std::uint32_t k = out_begin_[node]; k < out_begin_[node + 1]; ++k) {
    if (__builtin_add_overflow(sum, capacity_[out_arcs_[k]], &sum) || sum >= uncuttable_) return uncuttable_;
  }
  return std::min(sum, uncuttable_);
}

// Heads before tails: depth first along the arcs, without recursion, since histories are long chains.
void NetworkReduction::narrow() {
  const std::size_t nodes = network_.node_count();
  std::vector<bool> is_seen(nodes, false);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> path;  // node, next of its arcs to follow
  for (std::uint32_t root = 0; root < nodes; ++root) {
    if (is_seen[root]) continue;
    is_seen[root] = true;
    path.emplace_back(root, out_begin_[root]);
    while (!path.empty()) {
      auto& [node, next] = path.back();
      if (next == out_begin_[node + 1]) {
        narrow_into(node);
        path.pop_back();
        continue;
      }
      const std::uint32_t head = network_.arcs[out_arcs_[next++]].to;
      if (is_seen[head]) continue;
      is_seen[head] = true;
      path.emplace_back(head, out_begin_[head]);
    }
  }
  std::int64_t total = 0;
  const auto add = [&](std::int64_t capacity) {
    fits_ = fits_ && !__builtin_add_overflow(total, capacity, &total);
  };
  std::for_each(capacity_.begin(), capacity_.end(), add);
  std::for_each(from_source_.begin(), from_source_.end(), add);
  std::for_each(to_sink_.begin(), to_sink_.end(), add);
  fits_ = fits_ && total < std::int64_t{1} << 62;
  for (std::size_t i = 0; fits_ && i < capacity_.size(); ++i) {
    out_sum_[network_.arcs[i].from] += capacity_[i];
    in_sum_[network_.arcs[i].to] += capacity_[i];
  }
}

void NetworkReduction::narrow_into(std::uint32_t node) {
  const std::int64_t bound = passes_on(node);
  if (network_.from_source[node] == kUncuttable) from_source_[node] = bound;
  for (std::uint32_t k = in_begin_[node]; k < in_begin_[node + 1]; ++k) {
    if (network_.arcs[in_arcs_[k]].capacity == kUncuttable) capacity_[in_arcs_[k]] = bound;
  }
}

void NetworkReduction::to_source_side(std::uint32_t first) {
  std::vector<std::uint32_t> pending{first};
  while (!pending.empty()) {
    const std::uint32_t node = pending.back();
    pending.pop_back();
    if (side_[node] != Side::kOpen) continue;
    side_[node] = Side::kSource;
    settled_flow_ += to_sink_[node];
    for (std::uint32_t k = out_begin_[node]; k < out_begin_[node + 1]; ++k) {
      const Arc& arc = network_.arcs[out_arcs_[k]];
      if (side_[arc.to] != Side::kOpen) continue;  // a sink-side head is counted in to_sink_ already
      in_sum_[arc.to] -= capacity_[out_arcs_[k]];
      from_source_[arc.to] += capacity_[out_arcs_[k]];
      if (arc.capacity == kUncuttable) pending.push_back(arc.to);
      open_.push_back(arc.to);
    }
    for (std::uint32_t k = in_begin_[node]; k < in_begin_[node + 1]; ++k) {
      const Arc& arc = network_.arcs[in_arcs_[k]];
      if (side_[arc.from] != Side::kOpen) continue;
      out_sum_[arc.from] -= capacity_[in_arcs_[k]];
      open_.push_back(arc.from);
    }
  }
}

void NetworkReduction::to_sink_side(std::uint32_t node) {
  side_[node] = Side::kSink;
  settled_flow_ += from_source_[node];
  for (std::uint32_t k = in_begin_[node]; k < in_begin_[node + 1]; ++k) {
    const Arc& arc = network_.arcs[in_arcs_[k]];
    if (side_[arc.from] != Side::kOpen) continue;
    out_sum_[arc.from] -= capacity_[in_arcs_[k]];
    to_sink_[arc.from] += capacity_[in_arcs_[k]];
    open_.push_back(arc.from);
  }
  for (std::uint32_t k = out_begin_[node]; k < out_begin_[node + 1]; ++k) {
    const Arc& arc = network_.arcs[out_arcs_[k]];
    if (side_[arc.to] != Side::kOpen) continue;
    in_sum_[arc.to] -= capacity_[out_arcs_[k]];
    open_.push_back(arc.to);
  }
}

void NetworkReduction::look_at(std::uint32_t node) {
  if (side_[node] != Side::kOpen) return;
  const std::int64_t through = std::min(from_source_[node], to_sink_[node]);
  settled_flow_ += through;
  from_source_[node] -= through;
  to_sink_[node] -= through;
  if (to_sink_[node] >= in_sum_[node] + from_source_[node]) {
    to_sink_side(node);
  } else if (from_source_[node] > out_sum_[node] + to_sink_[node]) {
    to_source_side(node);
  }
}

void NetworkReduction::settle() {
  for (std::uint32_t node = 0; node < network_.node_count(); ++node) {
    if (network_.from_source[node] == kUncuttable) to_source_side(node);
    open_.push_back(node);
  }
  while (!open_.empty()) {
    const std::uint32_t node = open_.back();
    open_.pop_back();
    look_at(node);
  }
}

}  // namespace elastic::plan
