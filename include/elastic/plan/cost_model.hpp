// What storing, loading and re-running cost, learned in the session; each estimate is kept beside what then
// happened.
//
// Times follow latency + bytes / rate for serialising, deserialising and the link, each learned as a weighted
// mean of what was seen, the newest counting most. A kind of value that was never seen takes the rates over
// all kinds, and those before anything was seen are cautious constants.
//
// Not thread-safe: the session owns one. No Python, no GIL. Saved with the checkpoint as JSON.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "elastic/core/result.hpp"

namespace elastic::plan {

// How long something takes that has a fixed part and one in proportion to its bytes.
class RateEstimate {
 public:
  RateEstimate(double fixed_us, double bytes_per_us) : fixed_us_(fixed_us), us_per_byte_(1 / bytes_per_us) {}

  // Time for so many bytes; at least 1 us for any.
  std::int64_t estimate_us(std::uint64_t bytes) const;
  // Learns from one observation. Small ones teach the fixed part, large ones the rate.
  void observe(std::uint64_t bytes, std::int64_t time_us);
  bool learned() const { return observations_ > 0; }

 private:
  friend class CostModel;
  double fixed_us_;
  double us_per_byte_;
  std::uint32_t observations_ = 0;
};

enum class CostKind : std::uint8_t { kSerialize, kDeserialize, kWrite, kRead, kRerun };
std::string_view name_of(CostKind kind);

// One estimate and what it came to.
struct CostObservation {
  CostKind kind;
  std::int64_t estimated_us;
  std::int64_t actual_us;
};

class CostModel {
 public:
  CostModel();

  // Time to serialise a value of this type ("pandas.DataFrame") and size and write it to the target;
  // `stored_bytes` is what goes over the link (less than `bytes` when compressed, 0 when the target has it).
  std::int64_t store_us(std::string_view type, std::uint64_t bytes, std::uint64_t stored_bytes) const;
  // Time to read it from there and deserialise it.
  std::int64_t load_us(std::string_view type, std::uint64_t bytes, std::uint64_t stored_bytes) const;
  // Of a cell on the target machine: `PlanInput::cpu_ratio`. 1 until a re-run was seen.
  double cpu_ratio() const { return cpu_ratio_; }
  // Whether compressing at this speed to this part of the size is quicker than writing it all.
  bool compression_pays(double compress_bytes_per_us, double compressed_part) const;

  // What happened. Also compared with what would have been estimated; see observations().
  void observe_serialize(std::string_view type, std::uint64_t bytes, std::int64_t time_us);
  void observe_deserialize(std::string_view type, std::uint64_t bytes, std::int64_t time_us);
  // A probe or a real transfer; probes come in two sizes, so that latency and bandwidth are told apart.
  void observe_write(std::uint64_t bytes, std::int64_t time_us);
  void observe_read(std::uint64_t bytes, std::int64_t time_us);
  void observe_rerun(std::int64_t run_time_us, std::int64_t time_us);

  // The newest 1,000, oldest first.
  const std::vector<CostObservation>& observations() const { return observations_; }
  // Total of |estimate - actual| over total actual, 0.3 for 30 %; none before anything was observed.
  std::optional<double> mean_error() const;

  nlohmann::json to_json() const;
  static Result<CostModel> from_json(const nlohmann::json& json);

 private:
  using ByType = std::map<std::string, RateEstimate, std::less<>>;
  const RateEstimate& rate_for(const ByType& rates, const RateEstimate& all, std::string_view type) const;
  void learn(ByType& rates, RateEstimate& all, CostKind kind, std::string_view type, std::uint64_t bytes,
             std::int64_t time_us);
  void keep(CostObservation observation);

  ByType serialize_, deserialize_;
  RateEstimate serialize_all_, deserialize_all_, write_, read_;
  double cpu_ratio_ = 1.0;
  std::vector<CostObservation> observations_;
};

}  // namespace elastic::plan
