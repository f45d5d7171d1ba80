// How long a plan takes, against the size of the history; and which of Boost's maximum flows is the quickest
// at it.
//
//   plan_benchmark                    a table of times, and cost against size fitted to time = a * cells^b
//   plan_benchmark --algorithms       each flow algorithm on the whole network and on what reduction leaves
//   plan_benchmark --export CELLS F   writes the network of such a history to F, for
//   benchmarks/plan_vs_networkx.py
//
// Histories are random in the shape of notebooks: cells read a few recent variables, change some in place,
// run times and sizes are log-normal, one variable in twenty is linked to another, one in ten cannot be
// stored, one cell in a hundred cannot be re-run.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "elastic/plan/planner.hpp"
#include "plan/min_cut.hpp"
#include "plan/network.hpp"

namespace {

using namespace elastic;
using namespace elastic::plan;

struct Session {
  graph::History history;
  PlanInput input;
};

std::unique_ptr<Session> make_session(int cells, int variables, std::uint64_t seed) {
  auto session = std::make_unique<Session>();
  graph::History& history = session->history;
  std::mt19937_64 random(seed);
  std::lognormal_distribution<> run_time_us(11, 2.5), size_bytes(12, 3);  // medians 60 ms and 160 kB
  const auto below = [&](int bound) { return std::uniform_int_distribution<>(0, bound - 1)(random); };
  std::vector<VariableId> ids;
  for (int i = 0; i < variables; ++i) ids.push_back(history.variable("v" + std::to_string(i)));
  for (int i = 0; i < cells; ++i) {
    // Notebooks work on a window of variables that moves on, and go back to older ones now and then.
    const int front = static_cast<int>(static_cast<std::int64_t>(i) * variables / cells);
    const auto pick = [&] {
      const int back = below(5) == 0 ? below(front + 1) : below(std::min(front + 1, 20));
      return ids[static_cast<std::size_t>(front - back)];
    };
    graph::CellRecord record;
    record.run_time_us = static_cast<std::int64_t>(std::min(run_time_us(random), 1e10));
    if (below(100) == 0) record.no_rerun_reason = "writes a file";
    for (int k = below(5); k > 0; --k) record.reads.push_back(pick());
    std::vector<VariableId> written{ids[static_cast<std::size_t>(front)]};
    for (int k = below(3); k > 0; --k) written.push_back(pick());
    std::sort(written.begin(), written.end());
    written.erase(std::unique(written.begin(), written.end()), written.end());
    for (const VariableId variable : written) {
      const auto bytes = static_cast<std::uint64_t>(std::min(size_bytes(random), 1e11));
      record.writes.push_back({.variable = variable, .size_bytes = bytes, .keeps_links = below(3) == 0});
    }
    if (below(20) == 0 && !record.reads.empty() && history.active(record.reads[0]) &&
        written[0] != record.reads[0]) {
      record.linked.push_back({written[0], record.reads[0]});
    }
    if (!history.record(std::move(record)).ok()) std::abort();
  }
  session->input.history = &history;
  const auto hold = [&](std::vector<SnapshotId> group, bool stored) {
    Holding holding{.snapshots = std::move(group), .stored = stored};
    for (const SnapshotId id : holding.snapshots) holding.bytes += history.snapshot(id).size_bytes;
    holding.store_us = 200 + static_cast<std::int64_t>(holding.bytes / 100);  // 100 MB/s
    holding.load_us = 200 + static_cast<std::int64_t>(holding.bytes / 400);
    if (!stored && below(10) == 0) holding.not_storable = "no pickle";
    session->input.holdings.push_back(std::move(holding));
  };
  const std::vector<std::vector<SnapshotId>> active = history.active_covariables();
  std::vector<bool> is_active(history.snapshot_count(), false);
  for (const auto& group : active) {
    for (const SnapshotId id : group) is_active[id.value] = true;
    hold(group, below(10) == 0);
  }
  for (std::uint32_t i = 0; i < history.snapshot_count(); ++i) {  // one older version in ten was stored once
    const graph::Snapshot& snapshot = history.snapshot(SnapshotId{i});
    if (is_active[i] || snapshot.covariable_size > 1 || snapshot.deleted || below(10) != 0) continue;
    hold({SnapshotId{i}}, true);
  }
  return session;
}

// Processor time: the planner has one thread and does not wait, and the machine may be shared.
double processor_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double milliseconds_of(auto action) {
  const double start = processor_ms();
  action();
  return processor_ms() - start;
}

double best_of(int rounds, auto action) {
  double best = 1e300;
  for (int i = 0; i < rounds; ++i) best = std::min(best, milliseconds_of(action));
  return best;
}

FlowNetwork network_of(const Session& session) {
  return Network::build(session.input, Prices{}, true).value().flow_network();
}

void time_plans() {
  std::printf("%9s %9s %9s %9s %10s %10s %10s %9s\n", "cells", "variables", "nodes", "arcs", "core nodes",
              "cut ms", "plan ms", "us/cell");
  std::vector<std::pair<double, double>> points;
  for (const int cells : {250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000}) {
    const auto session = make_session(cells, cells / 5, 1);
    const FlowNetwork flow = network_of(*session);
    std::size_t core = 0;
    const int rounds = cells <= 5000 ? 15 : 5;
    const double cut_ms = best_of(rounds, [&] { core = minimum_cut(flow).value().core_nodes; });
    const auto planner = make_planner("optimal");
    const double plan_ms = best_of(rounds, [&] {
      if (!planner->plan(session->input).ok()) std::abort();
    });
    std::printf("%9d %9d %9zu %9zu %10zu %10.2f %10.2f %9.2f\n", cells, cells / 5, flow.node_count(),
                flow.arcs.size(), core, cut_ms, plan_ms, plan_ms * 1000 / cells);
    points.emplace_back(std::log(cells), std::log(plan_ms));
  }
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [px, py] : points) {
    x += px;
    y += py;
    xx += px * px;
    xy += px * py;
  }
  const double n = static_cast<double>(points.size());
  const double slope = (n * xy - x * y) / (n * xx - x * x);
  std::printf("fitted: time = %.3g ms * cells^%.2f\n", std::exp((y - slope * x) / n), slope);
}

void time_algorithms() {
  std::printf("%9s %22s %12s %12s\n", "cells", "algorithm", "whole ms", "reduced ms");
  for (const int cells : {500, 2000, 10000, 100000}) {
    const FlowNetwork flow = network_of(*make_session(cells, cells / 5, 1));
    const std::pair<FlowAlgorithm, const char*> algorithms[] = {
        {FlowAlgorithm::kBoykovKolmogorov, "boykov_kolmogorov"},
        {FlowAlgorithm::kPushRelabel, "push_relabel"},
        {FlowAlgorithm::kEdmondsKarp, "edmonds_karp"}};
    for (const auto& [algorithm, name] : algorithms) {
      const bool hopeless = algorithm == FlowAlgorithm::kEdmondsKarp && cells > 2000;
      const int rounds = cells <= 2000 ? 5 : 1;
      const double reduced = best_of(rounds, [&] {
        if (!minimum_cut(flow, algorithm).ok()) std::abort();
      });
      std::printf("%9d %22s ", cells, name);
      if (hopeless) {
        std::printf("%12s", "-");
      } else {
        std::printf("%12.2f", best_of(rounds, [&] {
                      if (!minimum_cut(flow, algorithm, false).ok()) std::abort();
                    }));
      }
      std::printf(" %12.2f\n", reduced);
      std::fflush(stdout);
    }
  }
}

// "nodes", then a line an arc: from to capacity, the source as s, the sink as t, an uncuttable one as -1.
void export_network(int cells, const char* path) {
  const FlowNetwork flow = network_of(*make_session(cells, cells / 5, 1));
  std::ofstream out(path);
  const MinCut cut = minimum_cut(flow).value();
  out << "# flow " << cut.flow << "\n";
  for (std::size_t i = 0; i < flow.node_count(); ++i) {
    if (flow.from_source[i] != 0) out << "s " << i << " " << flow.from_source[i] << "\n";
    if (flow.to_sink[i] != 0) out << i << " t " << flow.to_sink[i] << "\n";
  }
  for (const Arc& arc : flow.arcs) out << arc.from << " " << arc.to << " " << arc.capacity << "\n";
  std::printf("%.3f\n", best_of(5, [&] {
                if (!minimum_cut(flow).ok()) std::abort();
              }));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--export") == 0) {
    export_network(std::stoi(argv[2]), argv[3]);
  } else if (argc == 2 && std::strcmp(argv[1], "--algorithms") == 0) {
    time_algorithms();
  } else if (argc == 1) {
    time_plans();
  } else {
    std::fprintf(stderr, "usage: plan_benchmark [--algorithms | --export CELLS FILE]\n");
    return 2;
  }
  return 0;
}
