#include "wire.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

#include "elastic/core/json_text.hpp"
#include "signature.hpp"
#include "xeus/xguid.hpp"
#include "xeus/xzmq_serializer.hpp"

namespace elastic::kernel {
namespace {

constexpr std::string_view kDelimiter = "<IDS|MSG>";
constexpr std::size_t kFramesAfterDelimiter = 5;  // signature, header, parent header, metadata, content

// From here on a frame takes its bytes over instead of copying them, which costs an allocation.
constexpr std::size_t kLargeFrameBytes = 16 << 10;

// `Bytes`: a std::string or a std::vector<char>.
template <class Bytes>
zmq::message_t frame_of(Bytes bytes) {
  if (bytes.size() < kLargeFrameBytes) return zmq::message_t(bytes.data(), bytes.size());
  auto owner = std::make_unique<Bytes>(std::move(bytes));
  zmq::message_t frame(
      owner->data(), owner->size(), [](void*, void* owned) { delete static_cast<Bytes*>(owned); },
      owner.get());
  owner.release();  // by the frame, on the thread that has sent it
  return frame;
}

xeus::xraw_buffer raw(const zmq::message_t& frame) { return {frame.data<unsigned char>(), frame.size()}; }

// What follows the identities, or the topic.
void add_message(zmq::multipart_t& frames, xeus::xmessage_base&& message,
                 const xeus::xauthentication& authentication) {
  zmq::message_t header = frame_of(json_text(message.header()));
  zmq::message_t parent_header = frame_of(json_text(message.parent_header()));
  zmq::message_t metadata = frame_of(json_text(message.metadata()));
  zmq::message_t content = frame_of(json_text(message.content()));
  frames.addstr(std::string(kDelimiter));
  frames.addstr(authentication.sign(raw(header), raw(parent_header), raw(metadata), raw(content)));
  for (zmq::message_t* each : {&header, &parent_header, &metadata, &content}) frames.add(std::move(*each));
  for (xeus::binary_buffer& buffer : xeus::buffer_sequence(std::move(message).buffers()))
    frames.add(frame_of(std::move(buffer)));
}

}  // namespace

std::string iso8601_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%06dZ", static_cast<int>(us % 1'000'000));
  return text;
}

std::optional<double> seconds_of(const std::string& iso8601) {
  std::tm parts{};
  double seconds = 0;
  int length = 0, hours = 0, minutes = 0;
  if (std::sscanf(iso8601.c_str(), "%d-%d-%dT%d:%d:%lf%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &seconds, &length) != 6)
    return std::nullopt;
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::string zone = iso8601.substr(length);
  if (zone != "Z" && std::sscanf(zone.c_str(), "%3d:%2d", &hours, &minutes) != 2) return std::nullopt;
  const int offset_minutes = hours * 60 + (zone[0] == '-' ? -minutes : minutes);
  return static_cast<double>(timegm(&parts)) + seconds - offset_minutes * 60;
}

Wire::Wire(const std::string& signature_scheme, const std::string& key, std::string user_name)
    : authentication_(make_signature(signature_scheme, key)),
      signature_size_(signature_scheme == "none" ? 0 : kSignatureSize),
      user_name_(std::move(user_name)),
      session_id_(xeus::new_xguid()) {}

Json Wire::header(const std::string& message_type) const {
  return {{"msg_id", xeus::new_xguid()}, {"username", user_name_},
          {"session", session_id_},      {"date", iso8601_now()},
          {"msg_type", message_type},    {"version", xeus::get_protocol_version()}};
}

void Wire::adopt(Json& header) const {
  header["session"] = session_id_;
  header["date"] = iso8601_now();
}

zmq::multipart_t Wire::encode(xeus::xmessage message) const {
  zmq::multipart_t frames;
  for (const std::string& identity : message.identities()) frames.addstr(identity);
  add_message(frames, std::move(message), *authentication_);
  return frames;
}

zmq::multipart_t Wire::encode(xeus::xpub_message message) const {
  zmq::multipart_t frames(message.topic());
  add_message(frames, std::move(message), *authentication_);
  return frames;
}

zmq::multipart_t Wire::adopt(zmq::multipart_t published) const {
  const xeus::xpub_message message = xeus::xzmq_serializer::deserialize_iopub(published, *authentication_);
  Json header = message.header();
  adopt(header);
  return encode(xeus::xpub_message(message.topic(), std::move(header), message.parent_header(),
                                   message.metadata(), message.content(), {}));
}

Result<xeus::xmessage> Wire::decode(zmq::multipart_t frames) const {
  // xeus pops frames without counting them and compares as many bytes as a signature has: count first.
  std::size_t delimiter = 0;
  while (delimiter < frames.size() && frames.peek(delimiter)->to_string_view() != kDelimiter) ++delimiter;
  if (frames.size() < delimiter + 1 + kFramesAfterDelimiter)
    return Error(ErrorCode::kCorruption, "message has too few frames");
  if (signature_size_ != 0 && frames.peek(delimiter + 1)->size() != signature_size_) {
    return Error(ErrorCode::kCorruption, "message is not signed");
  }
  try {
    xeus::xmessage message = xeus::xzmq_serializer::deserialize(frames, *authentication_);
    if (!message.header().is_object() || !message.content().is_object() ||
        !message.header().contains("msg_type") || !message.header()["msg_type"].is_string()) {
      return Error(ErrorCode::kCorruption, "message has no type or no content");
    }
    return message;
  } catch (const std::exception& error) {
    return Error(ErrorCode::kCorruption, std::string("message cannot be read: ") + error.what());
  }
}

}  // namespace elastic::kernel
