// A message from a client, shared between the queue it waits in, the handler that answers it and every output
// that names it as its parent.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "nlohmann/json.hpp"
#include "xeus/xmessage.hpp"

namespace elastic::kernel {

struct Request {
  explicit Request(xeus::xmessage received) : message(std::move(received)) {}

  std::string type() const { return message.header().value("msg_type", ""); }

  const xeus::xmessage message;
  const std::chrono::steady_clock::time_point arrived = std::chrono::steady_clock::now();
};

using RequestPtr = std::shared_ptr<const Request>;

// The header that an output or a reply names as its parent; empty where there is none.
inline nlohmann::json parent_header_of(const RequestPtr& request) {
  return request ? request->message.header() : nlohmann::json::object();
}

}  // namespace elastic::kernel
