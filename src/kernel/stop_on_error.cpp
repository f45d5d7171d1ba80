#include "stop_on_error.hpp"

#include <algorithm>
#include <optional>

#include "wire.hpp"

namespace elastic::kernel {
namespace {

constexpr std::chrono::seconds kClockIsBelieved{5};
constexpr std::chrono::duration<double> kStayThatCounts{1};

std::string text_of(const nlohmann::json& header, const char* key) {
  const auto found = header.find(key);
  return found != header.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

void StopOnError::failed(const nlohmann::json& header, Clock::time_point arrived, Clock::time_point now) {
  const std::optional<double> sent_s = seconds_of(text_of(header, "date"));
  client_ = text_of(header, "session");
  first_s_ = last_s_ = sent_s.value_or(0);
  if (sent_s) last_s_ += std::min<std::chrono::duration<double>>(now - arrived, kStayThatCounts).count();
  believed_until_ = now + kClockIsBelieved;
}

bool StopOnError::concerns(const nlohmann::json& header, Clock::time_point now) const {
  if (now >= believed_until_ || text_of(header, "session") != client_) return false;
  const std::optional<double> sent_s = seconds_of(text_of(header, "date"));
  return sent_s && *sent_s > first_s_ && *sent_s < last_s_;
}

}  // namespace elastic::kernel
