#include "elastic/plan/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace elastic::plan {
namespace {

// Before anything was measured: pickle at 200 MB/s and back at 300, a disk at 200 MB/s with 1 ms to begin.
constexpr double kPickleFixedUs = 50, kPickleRate = 200, kUnpickleRate = 300, kLinkFixedUs = 1000,
                 kLinkRate = 200;
constexpr std::size_t kMaxObservations = 1000;
constexpr std::size_t kMaxTypes = 500, kMaxLinks = 50;
// A link above this is not worth compressing for: compressed frames cannot be mapped, and zstd does not come
// back faster than such a disk reads.
constexpr double kCompressBelowBytesPerS = 150e6;
// No link is faster than memory, whatever two probes say that were measured too closely.
constexpr double kLeastUsPerByte = 5e-5;
// Weight of a new observation once many were seen; the first ones count 1, 1/2, 1/3...
constexpr double kNewest = 0.2;

}  // namespace

std::string_view name_of(CostKind kind) {
  switch (kind) {
    case CostKind::kSerialize:
      return "serialize";
    case CostKind::kDeserialize:
      return "deserialize";
    case CostKind::kWrite:
      return "write";
    case CostKind::kRead:
      return "read";
    case CostKind::kRerun:
      return "rerun";
  }
  return "unknown";
}

std::int64_t RateEstimate::estimate_us(std::uint64_t bytes) const {
  const double time = fixed_us_ + us_per_byte_ * static_cast<double>(bytes);
  return std::max<std::int64_t>(1, std::llround(std::min(time, 1e15)));
}

std::int64_t RateEstimate::marginal_us(std::uint64_t bytes) const {
  return std::llround(std::min(us_per_byte_ * static_cast<double>(bytes), 1e15));
}

void RateEstimate::observe_pair(std::uint64_t small_bytes, std::int64_t small_us, std::uint64_t large_bytes,
                                std::int64_t large_us) {
  const double rate =
      static_cast<double>(large_us - small_us) / static_cast<double>(large_bytes - small_bytes);
  us_per_byte_ = std::max(rate, kLeastUsPerByte);
  fixed_us_ = std::max(0.0, static_cast<double>(small_us) - us_per_byte_ * static_cast<double>(small_bytes));
  ++observations_;
}

void RateEstimate::observe(std::uint64_t bytes, std::int64_t time_us) {
  const double time = static_cast<double>(std::max<std::int64_t>(time_us, 0));
  const double size = static_cast<double>(bytes);
  const double weight = std::max(kNewest, 1.0 / (observations_ + 1));
  ++observations_;
  // The error goes to whichever part makes up more of the time by the present estimate, so that a small
  // transfer does not disturb the bandwidth nor a large one the latency.
  if (us_per_byte_ * size > fixed_us_) {
    const double rate = std::max(time - fixed_us_, time * 0.1) / size;
    us_per_byte_ += weight * (rate - us_per_byte_);
  } else {
    const double fixed = std::max(time - us_per_byte_ * size, time * 0.1);
    fixed_us_ += weight * (fixed - fixed_us_);
  }
}

CostModel::CostModel()
    : serialize_all_(kPickleFixedUs, kPickleRate), deserialize_all_(kPickleFixedUs, kUnpickleRate) {
  use_target("");
}

const RateEstimate& CostModel::rate_for(const ByType& rates, const RateEstimate& all,
                                        std::string_view type) const {
  const auto at = rates.find(type);
  return at == rates.end() ? all : at->second;
}

StoredSize CostModel::stored_size(std::string_view type, std::uint64_t bytes) const {
  const auto at = parts_.find(type);
  if (at == parts_.end()) return {bytes, 0};
  const double size = static_cast<double>(bytes);
  return {static_cast<std::uint64_t>(size * at->second.pickle),
          static_cast<std::uint64_t>(size * at->second.buffer)};
}

std::int64_t CostModel::serialize_us(std::string_view type, std::uint64_t pickle_bytes) const {
  return rate_for(serialize_, serialize_all_, type).estimate_us(pickle_bytes);
}

std::int64_t CostModel::deserialize_us(std::string_view type, std::uint64_t pickle_bytes) const {
  if (!deserialize_.contains(type) && serialize_.contains(type)) return serialize_us(type, pickle_bytes);
  return rate_for(deserialize_, deserialize_all_, type).estimate_us(pickle_bytes);
}

void CostModel::use_target(std::string_view target) {
  target_ = target;
  if (links_.contains(target_)) return;
  if (links_.size() >= kMaxLinks) links_.clear();
  links_.emplace(target_, Link{{kLinkFixedUs, kLinkRate}, {kLinkFixedUs, kLinkRate}});
}

std::uint64_t CostModel::compress_for_bytes_per_s() const {
  const double speed = link().write.bytes_per_s();
  return link_known() && speed < kCompressBelowBytesPerS ? static_cast<std::uint64_t>(speed) : 0;
}

void CostModel::keep(CostObservation observation) {
  if (observations_.size() == kMaxObservations) observations_.erase(observations_.begin());
  observations_.push_back(observation);
}

void CostModel::learn(ByType& rates, RateEstimate& all, std::string_view type, std::uint64_t bytes,
                      std::int64_t time_us) {
  auto at = rates.find(type);
  if (at == rates.end() && rates.size() < kMaxTypes) {
    RateEstimate start = all;
    start.observations_ = 0;
    at = rates.emplace(type, start).first;
  }
  if (at != rates.end()) at->second.observe(bytes, time_us);
  all.observe(bytes, time_us);
}

void CostModel::observe_serialize(std::string_view type, std::uint64_t bytes, StoredSize stored,
                                  std::int64_t time_us) {
  keep({CostKind::kSerialize, serialize_us(type, stored_size(type, bytes).pickle_bytes), time_us});
  learn(serialize_, serialize_all_, type, stored.pickle_bytes, time_us);
  if (parts_.size() >= kMaxTypes && !parts_.contains(type)) return;
  const double size = static_cast<double>(std::max<std::uint64_t>(bytes, 1));
  const Parts seen{static_cast<double>(stored.pickle_bytes) / size,
                   static_cast<double>(stored.buffer_bytes) / size};
  const auto [at, added] = parts_.emplace(type, seen);
  if (added) return;
  at->second.pickle += kNewest * (seen.pickle - at->second.pickle);
  at->second.buffer += kNewest * (seen.buffer - at->second.buffer);
}

void CostModel::observe_deserialize(std::string_view type, std::uint64_t pickle_bytes, std::int64_t time_us) {
  keep({CostKind::kDeserialize, deserialize_us(type, pickle_bytes), time_us});
  learn(deserialize_, deserialize_all_, type, pickle_bytes, time_us);
}

void CostModel::observe_write(std::uint64_t bytes, std::int64_t time_us) {
  keep({CostKind::kWrite, write_us(bytes), time_us});
  link().write.observe(bytes, time_us);
}

void CostModel::observe_read(std::uint64_t bytes, std::int64_t time_us) {
  keep({CostKind::kRead, read_us(bytes), time_us});
  link().read.observe(bytes, time_us);
}

void CostModel::observe_probe(std::uint64_t small_bytes, std::int64_t small_write_us,
                              std::int64_t small_read_us, std::uint64_t large_bytes,
                              std::int64_t large_write_us, std::int64_t large_read_us) {
  link().write.observe_pair(small_bytes, small_write_us, large_bytes, large_write_us);
  link().read.observe_pair(small_bytes, small_read_us, large_bytes, large_read_us);
}

void CostModel::observe_rerun(std::int64_t run_time_us, std::int64_t time_us) {
  const double estimated = static_cast<double>(run_time_us) * cpu_ratio_;
  keep({CostKind::kRerun, std::llround(estimated), time_us});
  if (run_time_us < 1000) return;  // too short to tell a machine by
  const double ratio =
      std::clamp(static_cast<double>(time_us) / static_cast<double>(run_time_us), 0.01, 100.0);
  cpu_ratio_ += kNewest * (ratio - cpu_ratio_);
}

namespace {

// Of |estimate - actual|.
struct ErrorSum {
  std::int64_t count = 0, estimated_us = 0, actual_us = 0, error_us = 0;

  void add(const CostObservation& seen) {
    ++count;
    estimated_us += seen.estimated_us;
    actual_us += seen.actual_us;
    error_us += std::abs(seen.estimated_us - seen.actual_us);
  }
  std::optional<double> mean() const {
    if (actual_us <= 0) return std::nullopt;
    return static_cast<double>(error_us) / static_cast<double>(actual_us);
  }
  nlohmann::json to_json() const {
    const auto error = mean();
    return {{"count", count},
            {"estimated_us", estimated_us},
            {"actual_us", actual_us},
            {"mean_error", error ? nlohmann::json(*error) : nlohmann::json()}};
  }
};

}  // namespace

std::optional<double> CostModel::mean_error() const {
  ErrorSum all;
  for (const CostObservation& seen : observations_) all.add(seen);
  return all.mean();
}

nlohmann::json CostModel::errors_json() const {
  std::map<std::string, ErrorSum, std::less<>> sums;
  for (const CostObservation& seen : observations_) {
    sums[std::string(name_of(seen.kind))].add(seen);
    sums["all"].add(seen);
  }
  nlohmann::json errors = nlohmann::json::object();
  for (const auto& [kind, sum] : sums) errors[kind] = sum.to_json();
  return errors;
}

nlohmann::json CostModel::to_json() const {
  const auto rate = [](const RateEstimate& r) {
    return nlohmann::json{
        {"fixed_us", r.fixed_us_}, {"us_per_byte", r.us_per_byte_}, {"seen", r.observations_}};
  };
  const auto rates = [&](const ByType& by_type) {
    nlohmann::json result = nlohmann::json::object();
    for (const auto& [type, r] : by_type) result[type] = rate(r);
    return result;
  };
  nlohmann::json parts = nlohmann::json::object(), links = nlohmann::json::object();
  for (const auto& [type, part] : parts_) parts[type] = {{"pickle", part.pickle}, {"buffer", part.buffer}};
  for (const auto& [target, link] : links_) {
    if (link.write.learned()) links[target] = {{"write", rate(link.write)}, {"read", rate(link.read)}};
  }
  return {{"serialize", rates(serialize_)},
          {"deserialize", rates(deserialize_)},
          {"serialize_all", rate(serialize_all_)},
          {"deserialize_all", rate(deserialize_all_)},
          {"parts", std::move(parts)},
          {"links", std::move(links)},
          {"cpu_ratio", cpu_ratio_}};
}

Result<CostModel> CostModel::from_json(const nlohmann::json& json) {
  bool good = json.is_object();
  const auto number = [&](const nlohmann::json& in, const char* key, double low, double high) {
    const auto at = in.is_object() ? in.find(key) : in.end();
    if (at == in.end() || !at->is_number() || !(at->get<double>() >= low && at->get<double>() <= high)) {
      good = false;
      return low;
    }
    return at->get<double>();
  };
  const auto rate = [&](const nlohmann::json& in) {
    RateEstimate result(number(in, "fixed_us", 0, 1e12), 1);
    result.us_per_byte_ = number(in, "us_per_byte", 0, 1e6);
    result.observations_ = static_cast<std::uint32_t>(number(in, "seen", 0, 1e9));
    return result;
  };
  static const nlohmann::json kNothing = nlohmann::json::object();
  const auto part = [&](const nlohmann::json& in, const char* key) -> const nlohmann::json& {
    const auto at = in.is_object() ? in.find(key) : in.end();
    const bool there = at != in.end() && at->is_object();
    good = good && there;
    return there ? *at : kNothing;
  };
  CostModel model;
  for (const auto& [key, by_type] :
       {std::pair("serialize", &model.serialize_), {"deserialize", &model.deserialize_}}) {
    for (const auto& [type, value] : part(json, key).items()) by_type->insert_or_assign(type, rate(value));
  }
  model.serialize_all_ = rate(part(json, "serialize_all"));
  model.deserialize_all_ = rate(part(json, "deserialize_all"));
  for (const auto& [type, value] : part(json, "parts").items()) {
    model.parts_.insert_or_assign(type,
                                  Parts{number(value, "pickle", 0, 1e6), number(value, "buffer", 0, 1e6)});
  }
  for (const auto& [target, value] : part(json, "links").items()) {
    model.links_.insert_or_assign(target, Link{rate(part(value, "write")), rate(part(value, "read"))});
  }
  model.cpu_ratio_ = number(json, "cpu_ratio", 0.01, 100);
  if (!good) return Error(ErrorCode::kCorruption, "these are not the rates of a cost model");
  return model;
}

}  // namespace elastic::plan
