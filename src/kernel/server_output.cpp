// What leaves the server: replies, output, and questions to the user. server.cpp has what arrives.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "server.hpp"

namespace elastic::kernel {
namespace {

constexpr int kLookAtSignalsMs = 100;

std::string reply_type_of(const std::string& request_type) {
  return request_type.substr(0, request_type.rfind('_')) + "_reply";
}

xeus::xmessage with_header(const xeus::xmessage& message, Json header) {
  return xeus::xmessage(message.identities(), std::move(header), message.parent_header(), message.metadata(),
                        message.content(), xeus::buffer_sequence(message.buffers()));
}

}  // namespace

// --- replies and output
// ---------------------------------------------------------------------------------------

void Server::reply(Channel channel, const RequestPtr& request, Json content, Json metadata) {
  streams_.flush();
  xeus::xmessage message(request->message.identities(), wire_.header(reply_type_of(request->type())),
                         request->message.header(), std::move(metadata), std::move(content), {});
  transport_->send(channel, wire_.encode(std::move(message)));
}

void Server::publish_status(const char* state, const RequestPtr& parent) {
  publish("status", {{"execution_state", state}}, Json::object(), {}, parent);
}

void Server::publish(const std::string& type, Json content, Json metadata, xeus::buffer_sequence buffers,
                     const RequestPtr& parent) {
  xeus::xpub_message message(type, wire_.header(type), parent_header_of(parent), std::move(metadata),
                             std::move(content), std::move(buffers));
  zmq::multipart_t frames = wire_.encode(std::move(message));
  streams_.in_order([&] { transport_->send(Channel::kIopub, std::move(frames)); });
}

void Server::publish_impl(xeus::xpub_message message, xeus::channel) {
  Json header = message.header();
  wire_.adopt(header);
  const std::string topic = header.value("msg_type", "");
  xeus::xpub_message ours(topic, std::move(header), message.parent_header(), message.metadata(),
                          message.content(), xeus::buffer_sequence(message.buffers()));
  zmq::multipart_t frames = wire_.encode(std::move(ours));
  streams_.in_order([&] { transport_->send(Channel::kIopub, std::move(frames)); });
}

void Server::send_shell_impl(xeus::xmessage message) {
  Json header = message.header();
  wire_.adopt(header);
  transport_->send(Channel::kShell, wire_.encode(with_header(message, std::move(header))));
}

void Server::send_control_impl(xeus::xmessage message) {
  Json header = message.header();
  wire_.adopt(header);
  transport_->send(Channel::kControl, wire_.encode(with_header(message, std::move(header))));
}

void Server::send_stdin_impl(xeus::xmessage message) {
  Json header = message.header();
  wire_.adopt(header);
  transport_->send(Channel::kStdin, wire_.encode(with_header(message, std::move(header))));
}

void Server::write_stream(std::string_view stream, std::string_view text, const RequestPtr& parent) {
  if (Signals::in_forked_child()) {  // the parent's reader brings it into the notebook
    const int descriptor = stream == "stderr" ? STDERR_FILENO : STDOUT_FILENO;
    while (!text.empty()) {
      const ssize_t written = ::write(descriptor, text.data(), text.size());
      if (written <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return;
  }
  streams_.write(stream, text, parent);
}

void Server::set_cell(RequestPtr request) {
  std::lock_guard<std::mutex> lock(mutex_);
  cell_ = std::move(request);
}

void Server::drain_output() {
  if (Signals::in_forked_child()) return;
  capture_.drain();
  streams_.flush();
}

// --- input
// ----------------------------------------------------------------------------------------------------

void Server::send_input_request(const std::string& prompt, bool password, const RequestPtr& parent) {
  {
    // Answers to a question that an interrupt took back.
    std::lock_guard<std::mutex> lock(mutex_);
    inputs_.clear();
  }
  streams_.flush();
  const xeus::xmessage::guid_list nobody;
  xeus::xmessage message(parent ? parent->message.identities() : nobody, wire_.header("input_request"),
                         parent_header_of(parent), Json::object(),
                         {{"prompt", prompt}, {"password", password}}, {});
  transport_->send(Channel::kStdin, wire_.encode(std::move(message)));
}

std::optional<std::string> Server::wait_for_input() {
  pollfd item{input_descriptor_, POLLIN, 0};
  for (;;) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!inputs_.empty()) {
        std::string line = std::move(inputs_.front());
        inputs_.pop_front();
        return line;
      }
    }
    // The caller looks at signals: at once after EINTR, and soon where another thread took one.
    if (::poll(&item, 1, kLookAtSignalsMs) <= 0) return std::nullopt;
    eventfd_t ignored;
    eventfd_read(input_descriptor_, &ignored);
  }
}

}  // namespace elastic::kernel
