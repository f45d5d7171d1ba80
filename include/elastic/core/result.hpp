// What an operation that can fail returns: a value or an Error.
//
// Errors are values between layers. Exceptions live inside `pyobj` and `kernel` only and end at their border.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace elastic {

enum class ErrorCode {
  kNotFound,            // what was asked for is not there
  kCorruption,          // bytes are there but do not match their digest or their format
  kIo,                  // the operating system refused
  kNotSerializable,     // the object cannot be stored
  kPythonRaised,        // Python code raised
  kUnsupportedVersion,  // written by a newer or an incompatible version
  kInvalidArgument,     // the caller asked for something that makes no sense
  kLimitExceeded,       // a stated bound was reached
  kCancelled,           // the user interrupted it; everything is as it was
};

// The code's name as it appears in reports and logs, e.g. "not_found".
std::string_view name_of(ErrorCode code);

// What went wrong, for a program (code) and for a person (message says what to do; context says where).
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same error, seen from one caller further out: "reading manifest X: <message>".
  Error within(std::string_view context) const&;

  // "corruption: reading manifest X: digest does not match".
  std::string to_string() const;

 private:
  ErrorCode code_;
  std::string message_;
};

struct Unit {};  // the value of an operation that has none

template <class T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

  // REQUIRES: !ok()
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

inline Result<Unit> success() { return Unit{}; }

}  // namespace elastic

// Leaves the function with the error of `expression`, or goes on: ELASTIC_TRY(store.sync());
#define ELASTIC_TRY(expression)                                                            \
  do {                                                                                     \
    if (auto elastic_try_ = (expression); !elastic_try_.ok()) return elastic_try_.error(); \
  } while (false)

// Leaves the function with the error, or binds the value: ELASTIC_ASSIGN(auto bytes, file.read());
#define ELASTIC_ASSIGN(target, expression) ELASTIC_ASSIGN_AT_(target, expression, __LINE__)
#define ELASTIC_ASSIGN_AT_(target, expression, line) ELASTIC_ASSIGN_AS_(target, expression, line)
#define ELASTIC_ASSIGN_AS_(target, expression, line)                     \
  auto elastic_result_##line = (expression);                             \
  if (!elastic_result_##line.ok()) return elastic_result_##line.error(); \
  target = std::move(elastic_result_##line).value()
