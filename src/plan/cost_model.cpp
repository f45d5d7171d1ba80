#include "elastic/plan/cost_model.hpp"

#include <algorithm>
#include <cmath>

namespace elastic::plan {
namespace {

// Before anything was measured: pickle at 200 MB/s and back at 300, a disk at 200 MB/s with 1 ms to begin.
constexpr double kPickleFixedUs = 50, kPickleRate = 200, kUnpickleRate = 300, kLinkFixedUs = 1000,
                 kLinkRate = 200;
constexpr std::size_t kMaxObservations = 1000;
constexpr std::size_t kMaxTypes = 500;
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
    : serialize_all_(kPickleFixedUs, kPickleRate),
      deserialize_all_(kPickleFixedUs, kUnpickleRate),
      write_(kLinkFixedUs, kLinkRate),
      read_(kLinkFixedUs, kLinkRate) {}

const RateEstimate& CostModel::rate_for(const ByType& rates, const RateEstimate& all,
                                        std::string_view type) const {
  const auto at = rates.find(type);
  return at == rates.end() ? all : at->second;
}

std::int64_t CostModel::store_us(std::string_view type, std::uint64_t bytes,
                                 std::uint64_t stored_bytes) const {
  const std::int64_t link = stored_bytes == 0 ? 0 : write_.estimate_us(stored_bytes);
  return rate_for(serialize_, serialize_all_, type).estimate_us(bytes) + link;
}

std::int64_t CostModel::load_us(std::string_view type, std::uint64_t bytes,
                                std::uint64_t stored_bytes) const {
  return rate_for(deserialize_, deserialize_all_, type).estimate_us(bytes) + read_.estimate_us(stored_bytes);
}

bool CostModel::compression_pays(double compress_bytes_per_us, double compressed_part) const {
  if (!(compress_bytes_per_us > 0) || compressed_part >= 1) return false;
  return 1 / compress_bytes_per_us < (1 - compressed_part) * write_.us_per_byte_;
}

void CostModel::keep(CostObservation observation) {
  if (observations_.size() == kMaxObservations) observations_.erase(observations_.begin());
  observations_.push_back(observation);
}

void CostModel::learn(ByType& rates, RateEstimate& all, CostKind kind, std::string_view type,
                      std::uint64_t bytes, std::int64_t time_us) {
  keep({kind, rate_for(rates, all, type).estimate_us(bytes), time_us});
  auto at = rates.find(type);
  if (at == rates.end() && rates.size() < kMaxTypes) {
    RateEstimate start = all;
    start.observations_ = 0;
    at = rates.emplace(type, start).first;
  }
  if (at != rates.end()) at->second.observe(bytes, time_us);
  all.observe(bytes, time_us);
}

void CostModel::observe_serialize(std::string_view type, std::uint64_t bytes, std::int64_t time_us) {
  learn(serialize_, serialize_all_, CostKind::kSerialize, type, bytes, time_us);
}

void CostModel::observe_deserialize(std::string_view type, std::uint64_t bytes, std::int64_t time_us) {
  learn(deserialize_, deserialize_all_, CostKind::kDeserialize, type, bytes, time_us);
}

void CostModel::observe_write(std::uint64_t bytes, std::int64_t time_us) {
  keep({CostKind::kWrite, write_.estimate_us(bytes), time_us});
  write_.observe(bytes, time_us);
}

void CostModel::observe_read(std::uint64_t bytes, std::int64_t time_us) {
  keep({CostKind::kRead, read_.estimate_us(bytes), time_us});
  read_.observe(bytes, time_us);
}

void CostModel::observe_rerun(std::int64_t run_time_us, std::int64_t time_us) {
  const double estimated = static_cast<double>(run_time_us) * cpu_ratio_;
  keep({CostKind::kRerun, std::llround(estimated), time_us});
  if (run_time_us < 1000) return;  // too short to tell a machine by
  const double ratio =
      std::clamp(static_cast<double>(time_us) / static_cast<double>(run_time_us), 0.01, 100.0);
  cpu_ratio_ += kNewest * (ratio - cpu_ratio_);
}

std::optional<double> CostModel::mean_error() const {
  double error = 0, actual = 0;
  for (const CostObservation& seen : observations_) {
    error += std::abs(static_cast<double>(seen.estimated_us - seen.actual_us));
    actual += static_cast<double>(seen.actual_us);
  }
  if (actual <= 0) return std::nullopt;
  return error / actual;
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
  return {{"serialize", rates(serialize_)},
          {"deserialize", rates(deserialize_)},
          {"serialize_all", rate(serialize_all_)},
          {"deserialize_all", rate(deserialize_all_)},
          {"write", rate(write_)},
          {"read", rate(read_)},
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
  const auto part = [&](const char* key) -> const nlohmann::json& {
    static const nlohmann::json kNothing;
    const auto at = json.is_object() ? json.find(key) : json.end();
    good = good && at != json.end() && at->is_object();
    return good ? *at : kNothing;
  };
  CostModel model;
  for (const auto& [key, by_type] :
       {std::pair("serialize", &model.serialize_), {"deserialize", &model.deserialize_}}) {
    for (const auto& [type, value] : part(key).items()) by_type->insert_or_assign(type, rate(value));
  }
  model.serialize_all_ = rate(part("serialize_all"));
  model.deserialize_all_ = rate(part("deserialize_all"));
  model.write_ = rate(part("write"));
  model.read_ = rate(part("read"));
  model.cpu_ratio_ = number(json, "cpu_ratio", 0.01, 100);
  if (!good) return Error(ErrorCode::kCorruption, "these are not the rates of a cost model");
  return model;
}

}  // namespace elastic::plan
