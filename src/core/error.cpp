#include "elastic/core/result.hpp"

namespace elastic {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kNotSerializable:
      return "not_serializable";
    case ErrorCode::kPythonRaised:
      return "python_raised";
    case ErrorCode::kUnsupportedVersion:
      return "unsupported_version";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kLimitExceeded:
      return "limit_exceeded";
    case ErrorCode::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

Error Error::within(std::string_view context) const& {
  return Error(code_, std::string(context) + ": " + message_);
}

std::string Error::to_string() const { return std::string(name_of(code_)) + ": " + message_; }

}  // namespace elastic
