#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace elastic::plan {
namespace {

using graph::History;
using graph::Read;
using graph::Snapshot;

constexpr std::int64_t kMaxTotal = std::int64_t{1} << 60;

Error invalid(std::string message) { return Error(ErrorCode::kInvalidArgument, std::move(message)); }

// A price in whole microseconds; kMaxTotal where it would not fit.
std::int64_t rounded(double cost) {
  return cost < static_cast<double>(kMaxTotal) ? static_cast<std::int64_t>(std::llround(cost)) : kMaxTotal;
}

Result<> check(const PlanInput& input) {
  if (input.history == nullptr) return invalid("a plan needs a history");
  if (!(input.alpha >= 0 && input.alpha <= 1000)) return invalid("alpha must be from 0 to 1000");
  if (!(input.cpu_ratio > 0 && input.cpu_ratio <= 1e6)) return invalid("cpu_ratio must be above 0");
  return success();
}

}  // namespace

Result<Network> Network::build(const PlanInput& input, const Prices& prices, bool older) {
  ELASTIC_TRY(check(input));
  const History& history = *input.history;
  const std::uint32_t cells = static_cast<std::uint32_t>(history.cell_count());
  Network network;
  network.head_.assign(history.snapshot_count(), kNoNode);
  network.relevant_ = history.relevant_cells();
  for (const std::vector<SnapshotId>& group : history.active_covariables()) {
    ELASTIC_ASSIGN(const std::uint32_t need, network.need_for(history, group));
    network.needs_[need].active = true;
  }
  ELASTIC_TRY(network.add_holdings(input, prices, older));

  network.cell_begin_.reserve(cells + 1);
  for (std::uint32_t i = 0; i < cells; ++i) {
    network.cell_begin_.push_back(static_cast<std::uint32_t>(network.cell_needs_.size()));
    if (network.relevant_[i]) ELASTIC_TRY(network.add_reads(history, CellIndex{i}));
  }
  network.cell_begin_.push_back(static_cast<std::uint32_t>(network.cell_needs_.size()));
  for (std::uint32_t need = 0; need < network.needs_.size(); ++need) {
    const std::uint32_t first = history.snapshot(network.members(need)[0]).covariable_first.value;
    if (network.head_[first] == need && network.next_[need] != kNoNode) {
      ELASTIC_TRY(network.order_by_inclusion(need));
    }
  }

  if (network.find_obtainable(input, prices) >= kMaxTotal)
    return Error(ErrorCode::kLimitExceeded, "the costs of this plan add up beyond 2^60 us");
  network.keep_parts();
  return network;
}

// What can be had at all: reads go to earlier cells, so one pass forward settles it. Returns the sum of all
// costs, at most kMaxTotal.
std::int64_t Network::find_obtainable(const PlanInput& input, const Prices& prices) {
  const std::uint32_t cells = static_cast<std::uint32_t>(input.history->cell_count());
  std::int64_t total = 0;
  const auto add = [&](std::int64_t cost) {
    if (__builtin_add_overflow(total, cost, &total)) total = kMaxTotal;
  };
  feasible_.assign(cells, false);
  run_cost_.assign(cells, 0);
  for (std::uint32_t i = 0; i < cells; ++i) {
    if (!relevant_[i]) continue;
    const CellIndex index{i};
    const graph::CellExecution& cell = input.history->cell(index);
    const auto needs = needs_of(index);
    feasible_[i] = cell.rerunnable() && !input.wishes.never_rerun.contains(index) &&
                   std::all_of(needs.begin(), needs.end(), [&](auto n) { return obtainable(n); });
    run_cost_[i] = rounded(static_cast<double>(cell.run_time_us) * input.cpu_ratio * prices.per_restore_us);
    add(run_cost_[i]);
  }
  for (std::uint32_t i = 0; i < needs_.size(); ++i) {
    Need& need = needs_[i];
    need.lost = need.active && !obtainable(i);
    if (need.load_cost != kUncuttable) add(need.load_cost);
  }
  return std::min(total, kMaxTotal);
}

// What cannot be had of a lost co-variable becomes a need of its own. Two parts of one are never loaded both:
// they would no longer share what they share.
void Network::keep_parts() {
  const std::uint32_t count = static_cast<std::uint32_t>(needs_.size());
  std::vector<std::uint32_t> largest(count, kNoNode);  // by lost need
  for (std::uint32_t i = 0; i < count; ++i) {
    if (needs_[i].load_cost == kUncuttable) continue;
    std::uint32_t whole = needs_[i].parent;
    while (whole != kNoNode && !needs_[whole].lost) whole = needs_[whole].parent;
    if (whole == kNoNode) continue;
    std::uint32_t& part = largest[whole];
    if (part == kNoNode || needs_[part].member_count < needs_[i].member_count) part = i;
  }
  for (std::uint32_t whole = 0; whole < count; ++whole) {
    const std::uint32_t part = largest[whole];
    if (part == kNoNode) continue;
    Need rest = needs_[whole];
    rest.parent = whole;
    rest.first_member = static_cast<std::uint32_t>(members_.size());
    const std::vector<SnapshotId> all(members(whole).begin(), members(whole).end());
    const std::vector<SnapshotId> kept(members(part).begin(), members(part).end());
    std::ranges::set_difference(all, kept, std::back_inserter(members_));
    rest.member_count = static_cast<std::uint32_t>(members_.size()) - rest.first_member;
    needs_[whole].active = needs_[whole].lost = false;
    needs_[part].active = needs_[part].part = true;
    needs_.push_back(rest);
    next_.push_back(kNoNode);
  }
}

// One need for each co-variable that the cell read, as it was linked then.
Result<> Network::add_reads(const History& history, CellIndex cell) {
  std::vector<Read> reads = history.cell(cell).reads;
  std::sort(reads.begin(), reads.end(), [](const Read& a, const Read& b) {
    return a.linked_to != b.linked_to ? a.linked_to < b.linked_to : a.snapshot < b.snapshot;
  });
  std::vector<SnapshotId> set;
  for (std::size_t r = 0; r < reads.size();) {
    const SnapshotId linked_to = reads[r].linked_to;
    set.clear();
    for (; r < reads.size() && reads[r].linked_to == linked_to; ++r) set.push_back(reads[r].snapshot);
    if (history.snapshot(set[0]).deleted) continue;  // the name is absent: had for nothing
    ELASTIC_ASSIGN(const std::uint32_t need, need_for(history, set));
    cell_needs_.push_back(need);
  }
  return success();
}

// REQUIRES: the set is not empty and ascending.
Result<std::uint32_t> Network::need_for(const History& history, std::span<const SnapshotId> set) {
  const Snapshot& front = history.snapshot(set[0]);
  const std::uint32_t first = front.covariable_first.value;
  for (std::uint32_t at = head_[first]; at != kNoNode; at = next_[at]) {
    if (std::ranges::equal(members(at), set)) return at;
  }
  const std::uint32_t need = static_cast<std::uint32_t>(needs_.size());
  needs_.push_back({.first_member = static_cast<std::uint32_t>(members_.size()),
                    .member_count = static_cast<std::uint32_t>(set.size()),
                    .writer = front.writer});
  members_.insert(members_.end(), set.begin(), set.end());
  next_.push_back(head_[first]);
  head_[first] = need;
  return need;
}

Result<> Network::add_holdings(const PlanInput& input, const Prices& prices, bool older) {
  const History& history = *input.history;
  for (std::size_t i = 0; i < input.holdings.size(); ++i) {
    const Holding& holding = input.holdings[i];
    const std::vector<SnapshotId>& set = holding.snapshots;
    const std::string context = "holding " + std::to_string(i) + ": ";
    if (set.empty() || set.back().value >= history.snapshot_count() ||
        std::adjacent_find(set.begin(), set.end(), std::greater_equal<>()) != set.end()) {
      return invalid(context + "its snapshots are not ascending ids of the history");
    }
    const SnapshotId covariable = history.snapshot(set[0]).covariable_first;
    for (const SnapshotId member : set) {
      const Snapshot& snapshot = history.snapshot(member);
      if (snapshot.covariable_first != covariable)
        return invalid(context + "it is not of one co-variable snapshot");
      if (snapshot.deleted) return invalid(context + "a deleted variable cannot be stored");
    }
    if (holding.store_us < 0 || holding.load_us < 0) return invalid(context + "a cost below zero");
    ELASTIC_ASSIGN(const std::uint32_t index, need_for(history, set));
    Need& need = needs_[index];
    if (need.holding != kNoNode) return invalid(context + "the same snapshots are held twice");
    need.holding = static_cast<std::uint32_t>(i);
    // A part of an active co-variable counts as active: it may have to stand for the whole.
    const bool active = std::all_of(set.begin(), set.end(), [&](SnapshotId member) {
      return history.active(history.snapshot(member).variable) == member;
    });
    if (!active && !holding.stored) return invalid(context + "it is neither active nor stored");
    const bool ambient = history.is_ambient(history.snapshot(set[0]).variable);
    if (!holding.not_storable.empty() || (!active && !older && !ambient)) continue;
    has_older_ = has_older_ || (!active && !ambient);
    bool never = false;
    for (const SnapshotId member : set) {
      const auto wish = input.wishes.variables.find(history.snapshot(member).variable);
      if (wish == input.wishes.variables.end()) continue;
      never = never || wish->second == StoreWish::kNever;
      need.forced = need.forced || (active && wish->second == StoreWish::kAlways);
    }
    need.forced = need.forced && !never;
    if (never) continue;
    const double write = holding.stored ? 0.0
                                        : prices.per_store_us * static_cast<double>(holding.store_us) +
                                              prices.per_byte * static_cast<double>(holding.bytes_to_write());
    need.load_cost = rounded(write + prices.per_restore_us * static_cast<double>(holding.load_us));
  }
  return success();
}

// Finds the parents among the needs on one co-variable snapshot: the larger ones first, each takes its
// members.
Result<> Network::order_by_inclusion(std::uint32_t head) {
  std::vector<std::uint32_t> family;
  for (std::uint32_t at = head; at != kNoNode; at = next_[at]) family.push_back(at);
  std::sort(family.begin(), family.end(), [&](std::uint32_t a, std::uint32_t b) {
    return needs_[a].member_count != needs_[b].member_count ? needs_[a].member_count > needs_[b].member_count
                                                            : a < b;
  });
  std::vector<std::pair<SnapshotId, std::uint32_t>> owner;  // sorted by snapshot
  for (const std::uint32_t need : family) {
    std::uint32_t parent = kNoNode;
    bool is_first = true;
    for (const SnapshotId member : members(need)) {
      auto at = std::lower_bound(owner.begin(), owner.end(), std::pair(member, std::uint32_t{0}));
      const bool known = at != owner.end() && at->first == member;
      const std::uint32_t found = known ? at->second : kNoNode;
      if (!is_first && found != parent)
        return invalid("two holdings or reads of one co-variable overlap in part");
      parent = found;
      is_first = false;
      if (known) {
        at->second = need;
      } else {
        owner.insert(at, {member, need});
      }
    }
    needs_[need].parent = parent;
  }
  return success();
}

bool Network::obtainable(std::uint32_t need) const {
  for (std::uint32_t at = need; at != kNoNode; at = needs_[at].parent) {
    if (needs_[at].load_cost != kUncuttable) return true;
    if (needs_[at].parent == kNoNode) return has_writer(needs_[at]);
  }
  return false;
}

bool Network::loads(const Choice& choice, std::uint32_t index) const {
  const Need& need = needs_[index];
  if (!choice.needed[index]) return false;
  if (need.forced) return true;
  return need.parent != kNoNode ? !choice.needed[need.parent] : !choice.rerun[need.writer.value];
}

std::int64_t Network::cost_of(const Choice& choice) const {
  std::int64_t cost = 0;
  for (std::uint32_t i = 0; i < needs_.size(); ++i) {
    if (needs_[i].active && !needs_[i].lost && !choice.needed[i]) return kUncuttable;
    if (!loads(choice, i)) continue;
    if (needs_[i].load_cost == kUncuttable) return kUncuttable;
    cost += needs_[i].load_cost;
  }
  for (std::uint32_t i = 0; i < cell_count(); ++i) {
    if (!choice.rerun[i]) continue;
    if (!feasible_[i]) return kUncuttable;
    for (const std::uint32_t need : needs_of(CellIndex{i})) {
      if (!choice.needed[need]) return kUncuttable;
    }
    cost += run_cost_[i];
  }
  return cost;
}

FlowNetwork Network::flow_network() const {
  std::vector<std::uint32_t> node(cell_count(), kNoNode);
  std::uint32_t nodes = static_cast<std::uint32_t>(needs_.size());
  for (std::uint32_t i = 0; i < cell_count(); ++i) {
    if (feasible_[i]) node[i] = nodes++;
  }
  FlowNetwork flow(nodes);
  flow.arcs.reserve(needs_.size() + cell_needs_.size());
  for (std::uint32_t i = 0; i < needs_.size(); ++i) {
    const Need& need = needs_[i];
    if (need.active && !need.lost) flow.from_source[i] = kUncuttable;
    const std::uint32_t maker = need.parent != kNoNode ? need.parent : node[need.writer.value];
    if (maker == kNoNode || need.forced) {
      flow.to_sink[i] = need.load_cost;
    } else {
      flow.arcs.push_back({i, maker, need.load_cost});
    }
  }
  for (std::uint32_t i = 0; i < cell_count(); ++i) {
    if (!feasible_[i]) continue;
    flow.to_sink[node[i]] = run_cost_[i];
    for (const std::uint32_t need : needs_of(CellIndex{i})) flow.arcs.push_back({node[i], need, kUncuttable});
  }
  return flow;
}

Choice Network::choice_of(const std::vector<bool>& source_side) const {
  Choice choice{std::vector<bool>(cell_count(), false), {}};
  choice.needed.assign(source_side.begin(), source_side.begin() + static_cast<std::ptrdiff_t>(needs_.size()));
  std::size_t node = needs_.size();
  for (std::uint32_t i = 0; i < cell_count(); ++i) {
    if (feasible_[i]) choice.rerun[i] = source_side[node++];
  }
  return choice;
}

std::vector<bool> Network::pure_needs(const PlanInput& input) const {
  const History& history = *input.history;
  std::vector<bool> pure_cell(cell_count(), false);
  const auto is_pure = [&](std::uint32_t need) {
    std::uint32_t root = need;
    while (needs_[root].parent != kNoNode) root = needs_[root].parent;
    return pure_cell[needs_[root].writer.value] ||
           (needs_[need].load_cost != kUncuttable &&
            history.is_ambient(history.snapshot(members(need)[0]).variable));
  };
  for (std::uint32_t i = 0; i < cell_count(); ++i) {
    const auto needs = needs_of(CellIndex{i});
    pure_cell[i] = feasible_[i] && std::all_of(needs.begin(), needs.end(), is_pure);
  }
  std::vector<bool> pure(needs_.size(), false);
  for (std::uint32_t i = 0; i < needs_.size(); ++i) pure[i] = is_pure(i);
  return pure;
}

void Network::follow(Choice& choice, std::vector<std::uint32_t>& open, std::uint32_t index, bool load) const {
  const Need& need = needs_[index];
  choice.needed[index] = true;
  if (load || need.forced) return;
  if (need.parent != kNoNode) {
    open.push_back(need.parent);
    return;
  }
  if (choice.rerun[need.writer.value]) return;
  choice.rerun[need.writer.value] = true;
  for (const std::uint32_t read : needs_of(need.writer)) open.push_back(read);
}

}  // namespace elastic::plan
