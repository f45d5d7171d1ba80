#include "choose.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "elastic/plan/explain.hpp"
#include "plan_builder.hpp"

namespace elastic::plan {
namespace {

// bytes, write_us, restore_us: the order in which limits are held on to.
constexpr std::size_t kLimitCount = 3;
using Multipliers = std::array<double, kLimitCount>;
// The dearest that is tried: 10 ms a byte, and a microsecond counted 100,000 times.
constexpr Multipliers kDearest{1e4, 1e5, 1e5};
constexpr Multipliers kCheapest{1e-6, 1e-2, 1e-2};
constexpr int kBisections = 10;
constexpr int kRounds = 3;

bool holds(std::size_t limit, const PlanCost& cost, const Limits& limits) {
  switch (limit) {
    case 0:
      return !limits.bytes || cost.bytes_to_write <= *limits.bytes;
    case 1:
      return !limits.write_us || cost.store_us <= *limits.write_us;
    default:
      return !limits.restore_us || cost.load_us + cost.rerun_us <= *limits.restore_us;
  }
}

bool all_hold(const PlanCost& cost, const Limits& limits) {
  return holds(0, cost, limits) && holds(1, cost, limits) && holds(2, cost, limits);
}

// Looks for multipliers under which the limits hold, one limit after the other, and remembers the best choice
// seen.
class LimitSearch {
 public:
  LimitSearch(const PlanInput& input, bool older, const Network& network, const Limits& limits)
      : input_(input), older_(older), network_(network), limits_(limits) {}

  Result<std::optional<Choice>> run() {
    Multipliers multipliers{};
    for (int round = 0; round < kRounds; ++round) {
      for (std::size_t limit = 0; limit < kLimitCount; ++limit) {
        ELASTIC_ASSIGN(const PlanCost cost, try_out(multipliers));
        if (!holds(limit, cost, limits_)) ELASTIC_TRY(raise(limit, multipliers));
      }
      if (best_) break;
    }
    return best_;
  }

  // Whether the limit can hold at all, whatever becomes of the others.
  Result<bool> can_hold(std::size_t limit) {
    Multipliers dearest{};
    dearest[limit] = kDearest[limit];
    ELASTIC_ASSIGN(const PlanCost cost, try_out(dearest));
    return holds(limit, cost, limits_);
  }

 private:
  Result<PlanCost> try_out(const Multipliers& multipliers) {
    Prices prices = prices_of(input_);
    prices.per_byte += multipliers[0];
    prices.per_store_us += multipliers[1];
    prices.per_restore_us += multipliers[2];
    ELASTIC_ASSIGN(const Network priced, Network::build(input_, prices, older_));
    ELASTIC_ASSIGN(Choice choice, cheapest(priced));
    const PlanCost cost = price(input_, network_, choice);
    if (all_hold(cost, limits_) && (!best_ || cost.total_us < best_cost_us_)) {
      best_cost_us_ = cost.total_us;
      best_ = std::move(choice);
    }
    return cost;
  }

  // The least multiplier of one limit with which it holds, the others as they are.
  Result<> raise(std::size_t limit, Multipliers& multipliers) {
    double low = std::log(std::max(multipliers[limit], kCheapest[limit])), high = std::log(kDearest[limit]);
    for (int i = 0; i < kBisections; ++i) {
      multipliers[limit] = std::exp((low + high) / 2);
      ELASTIC_ASSIGN(const PlanCost cost, try_out(multipliers));
      (holds(limit, cost, limits_) ? high : low) = (low + high) / 2;
    }
    multipliers[limit] = std::exp(high);
    ELASTIC_TRY(try_out(multipliers));
    return success();
  }

  const PlanInput& input_;
  bool older_;
  const Network& network_;
  Limits limits_;
  std::optional<Choice> best_;
  std::int64_t best_cost_us_ = 0;
};

void give_up(std::size_t limit, Limits& limits) {
  if (limit == 0) limits.bytes.reset();
  if (limit == 1) limits.write_us.reset();
  if (limit == 2) limits.restore_us.reset();
}

}  // namespace

Result<Choice> cheapest(const Network& network) {
  const FlowNetwork flow = network.flow_network();
  ELASTIC_ASSIGN(const MinCut cut, minimum_cut(flow));
  Choice choice = network.choice_of(cut.source_side);
  const std::int64_t cost = network.cost_of(choice);
  const std::int64_t capacity = cut_capacity(flow, cut.source_side);
  if (cut.flow != capacity || capacity != cost) {
    return Error(ErrorCode::kCorruption, "the plan failed its own proof: flow " + std::to_string(cut.flow) +
                                             ", cut " + std::to_string(capacity) + ", cost " +
                                             std::to_string(cost));
  }
  return choice;
}

std::vector<std::string> broken_limits(const PlanCost& cost, const Limits& limits) {
  std::vector<std::string> lines;
  if (!holds(0, cost, limits)) {
    lines.push_back("at most " + describe_bytes(*limits.bytes) + ": it writes " +
                    describe_bytes(cost.bytes_to_write));
  }
  if (!holds(1, cost, limits)) {
    lines.push_back("written in " + describe_us(*limits.write_us) + ": it takes " +
                    describe_us(cost.store_us));
  }
  if (!holds(2, cost, limits)) {
    lines.push_back("restored in " + describe_us(*limits.restore_us) + ": it takes " +
                    describe_us(cost.load_us + cost.rerun_us));
  }
  return lines;
}

Result<Chosen> choose(const PlanInput& input, bool older) {
  ELASTIC_ASSIGN(Network network, Network::build(input, prices_of(input), older));
  ELASTIC_ASSIGN(Choice choice, cheapest(network));
  Limits limits = input.limits;
  bool settled = all_hold(price(input, network, choice), limits);
  while (!settled) {
    LimitSearch search(input, older, network, limits);
    ELASTIC_ASSIGN(std::optional<Choice> found, search.run());
    if (found) {
      choice = std::move(*found);
      break;
    }
    // None keeps them all: the first that cannot be kept even alone goes, else the last one.
    std::size_t victim = kLimitCount;
    for (std::size_t limit = 0; limit < kLimitCount && victim == kLimitCount; ++limit) {
      ELASTIC_ASSIGN(const bool can_hold, search.can_hold(limit));
      if (!can_hold) victim = limit;
    }
    for (std::size_t limit = kLimitCount; victim == kLimitCount; --limit) {
      const bool is_set = limit == 3   ? limits.restore_us.has_value()
                          : limit == 2 ? limits.write_us.has_value()
                                       : true;
      if (is_set) victim = limit - 1;
    }
    give_up(victim, limits);
    settled = all_hold(price(input, network, choice), limits);
  }
  std::vector<std::string> gave_up = broken_limits(price(input, network, choice), input.limits);
  return Chosen{std::move(network), std::move(choice), std::move(gave_up)};
}

}  // namespace elastic::plan
