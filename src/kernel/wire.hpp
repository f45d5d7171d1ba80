// Messages to and from bytes: our own frames out; in, xeus's reader, with what it leaves to chance checked
// first.
//
// Threads: any.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "elastic/core/result.hpp"
#include "nlohmann/json.hpp"
#include "xeus/xauthentication.hpp"
#include "xeus/xmessage.hpp"
#include "zmq_addon.hpp"

namespace elastic::kernel {

using Json = nlohmann::json;

// Now, as the protocol's headers carry it: ISO 8601 with six digits of microseconds and "Z".
// (xeus 2.4.1 does not pad the microseconds, so that one of its dates in nine is wrong.)
std::string iso8601_now();

// The seconds since 1970 of such a date, with any number of digits behind the point and any offset from UTC.
std::optional<double> seconds_of(const std::string& iso8601);

class Wire {
 public:
  Wire(const std::string& signature_scheme, const std::string& key, std::string user_name);

  // A header with a new message id and the current time.
  Json header(const std::string& message_type) const;
  // Makes the header of a message that xeus built one of ours: same session, a date that parses.
  void adopt(Json& header) const;

  zmq::multipart_t encode(xeus::xmessage message) const;
  zmq::multipart_t encode(xeus::xpub_message message) const;

  // A message that xeus signed with the same key, with its header adopted.
  zmq::multipart_t adopt(zmq::multipart_t published) const;

  // The error says why a message was dropped: a bad signature, too few frames, not JSON.
  Result<xeus::xmessage> decode(zmq::multipart_t frames) const;

 private:
  std::unique_ptr<xeus::xauthentication> authentication_;
  std::size_t signature_size_;
  std::string user_name_;
  std::string session_id_;
};

}  // namespace elastic::kernel
