#include "min_cut.hpp"

#include <algorithm>

// Boost 1.74's own headers set this off in gcc 12, for an optional that is never read unset.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>
#include <boost/graph/edmonds_karp_max_flow.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>

#include "network_reduction.hpp"

namespace elastic::plan {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;

struct VertexState {
  boost::default_color_type color = boost::white_color;
  std::int64_t distance = 0;
  Traits::edge_descriptor predecessor{};
};

struct EdgeState {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  Traits::edge_descriptor reverse{};
};

using FlowGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, VertexState, EdgeState>;

void add_arc(FlowGraph& graph, std::size_t from, std::size_t to, std::int64_t capacity) {
  if (capacity == 0) return;
  const auto forth = boost::add_edge(from, to, EdgeState{.capacity = capacity}, graph).first;
  const auto back = boost::add_edge(to, from, EdgeState{}, graph).first;
  graph[forth].reverse = back;
  graph[back].reverse = forth;
}

std::int64_t run(FlowGraph& graph, std::size_t source, std::size_t sink, FlowAlgorithm algorithm) {
  const auto capacity = boost::get(&EdgeState::capacity, graph);
  const auto residual = boost::get(&EdgeState::residual, graph);
  const auto reverse = boost::get(&EdgeState::reverse, graph);
  const auto index = boost::get(boost::vertex_index, graph);
  const auto color = boost::get(&VertexState::color, graph);
  const auto predecessor = boost::get(&VertexState::predecessor, graph);
  switch (algorithm) {
    case FlowAlgorithm::kPushRelabel:
      return boost::push_relabel_max_flow(graph, source, sink, capacity, residual, reverse, index);
    case FlowAlgorithm::kEdmondsKarp:
      return boost::edmonds_karp_max_flow(graph, source, sink, capacity, residual, reverse, color,
                                          predecessor);
    case FlowAlgorithm::kBoykovKolmogorov:
      break;
  }
  const auto distance = boost::get(&VertexState::distance, graph);
  return boost::boykov_kolmogorov_max_flow(graph, capacity, residual, reverse, predecessor, color, distance,
                                           index, source, sink);
}

// What the source still reaches: the smallest source side of all minimum cuts, so that ties are settled for
// loading rather than re-running.
std::vector<bool> reached_from(const FlowGraph& graph, std::size_t source) {
  std::vector<bool> reached(boost::num_vertices(graph), false);
  std::vector<std::size_t> open{source};
  reached[source] = true;
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const auto edge : boost::make_iterator_range(boost::out_edges(at, graph))) {
      const std::size_t to = boost::target(edge, graph);
      if (graph[edge].residual <= 0 || reached[to]) continue;
      reached[to] = true;
      open.push_back(to);
    }
  }
  return reached;
}

// Adds the heads of uncuttable arcs whose tails are on the source side: reduction narrows such arcs to what
// their heads can pass on, so a cut may run through them where one just behind them costs the same.
void close_over_uncuttable(const FlowNetwork& network, std::vector<bool>& source_side) {
  std::vector<std::uint32_t> begin(network.node_count() + 1, 0);
  for (const Arc& arc : network.arcs) begin[arc.from + 1] += arc.capacity == kUncuttable;
  for (std::size_t i = 1; i < begin.size(); ++i) begin[i] += begin[i - 1];
  std::vector<std::uint32_t> head(begin.back());
  std::vector<std::uint32_t> fill(begin.begin(), begin.end() - 1);
  for (const Arc& arc : network.arcs) {
    if (arc.capacity == kUncuttable) head[fill[arc.from]++] = arc.to;
  }
  std::vector<std::uint32_t> open;
  for (std::uint32_t i = 0; i < network.node_count(); ++i) {
    if (network.from_source[i] == kUncuttable) source_side[i] = true;
    if (source_side[i]) open.push_back(i);
  }
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    for (std::uint32_t k = begin[at]; k < begin[at + 1]; ++k) {
      if (source_side[head[k]]) continue;
      source_side[head[k]] = true;
      open.push_back(head[k]);
    }
  }
}

// 1 + the sum of the finite capacities; kLimitExceeded when that comes near to what 64 bits hold.
Result<std::int64_t> uncuttable_capacity(const FlowNetwork& network) {
  std::int64_t sum = 1;
  bool fits = true;
  const auto add = [&](std::int64_t capacity) {
    if (capacity != kUncuttable) fits = fits && !__builtin_add_overflow(sum, capacity, &sum);
  };
  for (const Arc& arc : network.arcs) add(arc.capacity);
  std::for_each(network.from_source.begin(), network.from_source.end(), add);
  std::for_each(network.to_sink.begin(), network.to_sink.end(), add);
  if (!fits || sum > std::int64_t{1} << 62)
    return Error(ErrorCode::kLimitExceeded, "the capacities overflow");
  return sum;
}

}  // namespace

Result<MinCut> minimum_cut(const FlowNetwork& network, FlowAlgorithm algorithm, bool reduce) {
  ELASTIC_ASSIGN(const std::int64_t uncuttable, uncuttable_capacity(network));
  const std::size_t nodes = network.node_count();
  NetworkReduction reduction(network, uncuttable);
  if (!reduction.fits()) return Error(ErrorCode::kLimitExceeded, "the capacities overflow");
  if (reduce) reduction.settle();

  MinCut cut{.flow = reduction.settled_flow(), .source_side = std::vector<bool>(nodes, false)};
  std::vector<std::uint32_t> core_index(nodes, 0);
  std::vector<std::uint32_t> core;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    if (reduction.side(i) == NetworkReduction::Side::kSource) cut.source_side[i] = true;
    if (reduction.side(i) != NetworkReduction::Side::kOpen) continue;
    core_index[i] = static_cast<std::uint32_t>(core.size());
    core.push_back(i);
  }
  cut.core_nodes = core.size();
  if (!core.empty()) {
    const std::size_t source = core.size(), sink = core.size() + 1;
    FlowGraph graph(core.size() + 2);
    for (const std::uint32_t i : core) {
      add_arc(graph, source, core_index[i], reduction.from_source(i));
      add_arc(graph, core_index[i], sink, reduction.to_sink(i));
    }
    reduction.for_each_open_arc([&](std::uint32_t from, std::uint32_t to, std::int64_t capacity) {
      add_arc(graph, core_index[from], core_index[to], capacity);
      ++cut.core_arcs;
    });
    cut.flow += run(graph, source, sink, algorithm);
    const std::vector<bool> reached = reached_from(graph, source);
    for (const std::uint32_t i : core) cut.source_side[i] = reached[core_index[i]];
  }
  if (cut.flow >= uncuttable) return Error(ErrorCode::kInvalidArgument, "every cut is infinite");
  close_over_uncuttable(network, cut.source_side);
  return cut;
}

std::int64_t cut_capacity(const FlowNetwork& network, const std::vector<bool>& source_side) {
  std::int64_t sum = 0;
  bool cuttable = true;
  const auto add = [&](std::int64_t capacity) {
    if (capacity == kUncuttable) {
      cuttable = false;
    } else {
      sum += capacity;
    }
  };
  for (const Arc& arc : network.arcs) {
    if (source_side[arc.from] && !source_side[arc.to]) add(arc.capacity);
  }
  for (std::size_t i = 0; i < network.node_count(); ++i) {
    add(source_side[i] ? network.to_sink[i] : network.from_source[i]);
  }
  return cuttable ? sum : kUncuttable;
}

}  // namespace elastic::plan
