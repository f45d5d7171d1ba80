// Which cells a client sent before it could know that an earlier one had failed.
//
// Those that wait here are taken off the queue; others may be on their way, since a front end that runs a
// whole notebook sends its cells one after the other. They are told by dates of the client's own clock, which
// need not agree with ours: what was dated after the failing cell by less than that one's stay here was sent
// before the answer came. Of a long stay only the first second counts, since clocks drift, and one that was
// set back is believed for some seconds only. Main thread only.
#pragma once
#include <chrono>
#include <string>

#include "nlohmann/json.hpp"

namespace elastic::kernel {

class StopOnError {
 public:
  using Clock = std::chrono::steady_clock;

  // The cell with this header, which came at `arrived`, is about to be answered with an error `now`.
  void failed(const nlohmann::json& header, Clock::time_point arrived, Clock::time_point now);

  // Whether the cell with this header was sent without knowing of that.
  bool concerns(const nlohmann::json& header, Clock::time_point now) const;

 private:
  std::string client_;
  double first_s_ = 0, last_s_ = 0;  // dates in seconds; none is between them before a cell has failed
  Clock::time_point believed_until_;
};

}  // namespace elastic::kernel
