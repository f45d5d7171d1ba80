// What storing, loading and re-running cost, learned in the session; each estimate is kept beside what then
// happened.
//
// Times follow fixed + bytes / rate for serialising, deserialising and the link, each learned as a weighted
// mean of what was seen, the newest counting most. Serialising is in proportion to the bytes of the pickle:
// buffers beside it are handed out as they lie, and mapped when they are loaded. A kind of value that was
// never seen takes the rates over all kinds, and those before anything was seen are cautious constants.
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
  // Only the part in proportion to the bytes.
  std::int64_t marginal_us(std::uint64_t bytes) const;
  double bytes_per_s() const { return 1e6 / us_per_byte_; }
  // Learns from one observation. Small ones teach the fixed part, large ones the rate.
  void observe(std::uint64_t bytes, std::int64_t time_us);
  // Learns from two at once, of which the second has more bytes: both parts are known then.
  void observe_pair(std::uint64_t small_bytes, std::int64_t small_us, std::uint64_t large_bytes,
                    std::int64_t large_us);
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

// What a value of some size would be when stored.
struct StoredSize {
  std::uint64_t pickle_bytes = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t total() const { return pickle_bytes + buffer_bytes; }
};

class CostModel {
 public:
  CostModel();

  // Values of this type ("DataFrame") have been serialised before, so that the estimates are worth something.
  bool knows(std::string_view type) const { return parts_.contains(type); }
  // What a value becomes that takes `bytes` in memory; all in the pickle, if the type is not known.
  StoredSize stored_size(std::string_view type, std::uint64_t bytes) const;
  std::int64_t serialize_us(std::string_view type, std::uint64_t pickle_bytes) const;
  // Until a value of the type was loaded: as long as serialising it, if that is known.
  std::int64_t deserialize_us(std::string_view type, std::uint64_t pickle_bytes) const;

  // The place that is written to and read from; each has a link of its own, learned since it was first named.
  void use_target(std::string_view target);
  bool link_known() const { return link().write.learned(); }
  // All that one checkpoint writes.
  std::int64_t write_us(std::uint64_t bytes) const { return link().write.estimate_us(bytes); }
  // One group of it: what is written goes into packs together, so the latency is paid once, by the
  // checkpoint.
  std::int64_t write_part_us(std::uint64_t bytes) const { return link().write.marginal_us(bytes); }
  std::int64_t read_us(std::uint64_t bytes) const { return link().read.estimate_us(bytes); }
  // The link's speed, where it is slow enough that compressing pays (store::StoreOptions); else 0.
  std::uint64_t compress_for_bytes_per_s() const;
  // Of a cell on the target machine: `PlanInput::cpu_ratio`. 1 until a re-run was seen.
  double cpu_ratio() const { return cpu_ratio_; }

  // What happened. Also compared with what would have been estimated; see observations().
  void observe_serialize(std::string_view type, std::uint64_t bytes, StoredSize stored, std::int64_t time_us);
  void observe_deserialize(std::string_view type, std::uint64_t pickle_bytes, std::int64_t time_us);
  void observe_write(std::uint64_t bytes, std::int64_t time_us);
  void observe_read(std::uint64_t bytes, std::int64_t time_us);
  void observe_rerun(std::int64_t run_time_us, std::int64_t time_us);
  // Two probes of the link; nothing had been estimated for them.
  void observe_probe(std::uint64_t small_bytes, std::int64_t small_write_us, std::int64_t small_read_us,
                     std::uint64_t large_bytes, std::int64_t large_write_us, std::int64_t large_read_us);

  // The newest 1,000, oldest first.
  const std::vector<CostObservation>& observations() const { return observations_; }
  // Total of |estimate - actual| over total actual, 0.3 for 30 %; none before anything was observed.
  std::optional<double> mean_error() const;
  // {kind: {count, estimated_us, actual_us, mean_error}} of the observations, and of all of them.
  nlohmann::json errors_json() const;

  // Rates, without the observations.
  nlohmann::json to_json() const;
  static Result<CostModel> from_json(const nlohmann::json& json);

 private:
  using ByType = std::map<std::string, RateEstimate, std::less<>>;
  struct Parts {  // stored bytes for each byte in memory
    double pickle;
    double buffer;
  };
  struct Link {
    RateEstimate write, read;
  };
  const RateEstimate& rate_for(const ByType& rates, const RateEstimate& all, std::string_view type) const;
  void learn(ByType& rates, RateEstimate& all, std::string_view type, std::uint64_t bytes,
             std::int64_t time_us);
  void keep(CostObservation observation);
  const Link& link() const { return links_.find(target_)->second; }
  Link& link() { return links_.find(target_)->second; }

  ByType serialize_, deserialize_;
  RateEstimate serialize_all_, deserialize_all_;
  std::map<std::string, Parts, std::less<>> parts_;
  std::map<std::string, Link, std::less<>> links_;
  std::string target_;
  double cpu_ratio_ = 1.0;
  std::vector<CostObservation> observations_;
};

}  // namespace elastic::plan
