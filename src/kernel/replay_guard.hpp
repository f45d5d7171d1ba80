// Drops a message whose signature has been seen: whoever can listen must not be able to run a cell again.
// Source: the Jupyter messaging protocol, "Wire protocol"; jupyter_client keeps a history of digests as well.
#pragma once
#include <deque>
#include <string>
#include <unordered_set>

#include "zmq_addon.hpp"

namespace elastic::kernel {

class ReplayGuard {
 public:
  // False when these frames carry a signature that one of the last 65,536 signed messages carried.
  bool is_new(const zmq::multipart_t& frames);

 private:
  std::unordered_set<std::string> seen_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace elastic::kernel
