#include "transport.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "elastic/core/log.hpp"
#include "xeus/xmiddleware.hpp"

namespace elastic::kernel {
namespace {

constexpr int kLingerMs = 1000;
constexpr std::chrono::milliseconds kTick{50};

void bind_socket(zmq::socket_t& socket, const Connection& connection, const std::string& port) {
  socket.set(zmq::sockopt::linger, kLingerMs);
  socket.set(zmq::sockopt::sndhwm, 0);  // never drop and never block: output is not lost for being much
  socket.set(zmq::sockopt::rcvhwm, 0);
  if (!connection.curve_secret_key.empty()) {
    socket.set(zmq::sockopt::curve_server, 1);
    socket.set(zmq::sockopt::curve_secretkey, connection.curve_secret_key);
  }
  const auto& configuration = connection.configuration;
  socket.bind(xeus::get_end_point(configuration.m_transport, configuration.m_ip, port));
}

}  // namespace

Transport::Transport(zmq::context_t& context)
    : shell_(context, zmq::socket_type::router),
      control_(context, zmq::socket_type::router),
      stdin_(context, zmq::socket_type::router),
      iopub_(context, zmq::socket_type::xpub),
      heartbeat_(context, zmq::socket_type::router),
      debug_events_(context, zmq::socket_type::sub),
      wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      owner_(getpid()) {}

Result<std::unique_ptr<Transport>> Transport::bind(zmq::context_t& context, const Connection& connection) {
  std::unique_ptr<Transport> transport(new Transport(context));
  const auto& configuration = connection.configuration;
  const std::pair<zmq::socket_t*, const std::string*> sockets[] = {
      {&transport->shell_, &configuration.m_shell_port},
      {&transport->control_, &configuration.m_control_port},
      {&transport->stdin_, &configuration.m_stdin_port},
      {&transport->iopub_, &configuration.m_iopub_port},
      {&transport->heartbeat_, &configuration.m_hb_port}};
  for (const auto& [socket, port] : sockets) {
    try {
      if (socket != &transport->iopub_) socket->set(zmq::sockopt::router_handover, 1);
      bind_socket(*socket, connection, *port);
    } catch (const zmq::error_t& error) {
      return Error(ErrorCode::kIo, "cannot listen on " + configuration.m_transport + " " +
                                       configuration.m_ip + " port " + *port + ": " + error.what() +
                                       "; another kernel may be using this connection file, start a new one");
    }
  }
  transport->iopub_.set(zmq::sockopt::xpub_verbose,
                        1);  // greet every subscriber, not only the first of a topic
  // xeus's DAP client publishes the debugger's events here.
  transport->debug_events_.set(zmq::sockopt::rcvhwm, 0);
  transport->debug_events_.set(zmq::sockopt::subscribe, "");
  transport->debug_events_.bind(xeus::get_publisher_end_point());
  return transport;
}

Transport::~Transport() {
  if (thread_.joinable()) stop();
  ::close(wake_descriptor_);
}

void Transport::start(Handlers handlers) {
  handlers_ = std::move(handlers);
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "elastic-io");
}

void Transport::send(Channel channel, zmq::multipart_t message) {
  if (getpid() != owner_) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back({channel, std::move(message), nullptr});
  }
  eventfd_write(wake_descriptor_, 1);
}

void Transport::after_arrivals(std::function<void()> done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_back({Channel::kShell, {}, std::move(done)});
  }
  eventfd_write(wake_descriptor_, 1);
}

void Transport::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_descriptor_, 1);
  thread_.join();
}

zmq::socket_t& Transport::socket_of(Channel channel) {
  switch (channel) {
    case Channel::kShell:
      return shell_;
    case Channel::kControl:
      return control_;
    case Channel::kStdin:
      return stdin_;
    case Channel::kIopub:
      break;
  }
  return iopub_;
}

void Transport::run() {
  watched_ = {{&control_, [this] { receive_all(control_, Channel::kControl); }},
              {&shell_, [this] { receive_all(shell_, Channel::kShell); }},
              {&stdin_, [this] { receive_all(stdin_, Channel::kStdin); }},
              {&iopub_, [this] { greet_subscribers(); }},
              {&heartbeat_, [this] { echo_beats(); }},
              {&debug_events_, [this] { publish_debug_events(); }}};
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  for (bool running = true; running;) {
    try {
      receive_what_came();
      running = send_queued();
      if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
        next_tick = now + kTick;
        handlers_.tick();
      }
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) return;
      if (error.num() != EINTR) log(LogLevel::kError, std::string("zmq: ") + error.what());
    } catch (const std::exception& error) {
      log(LogLevel::kError, std::string("i/o thread: ") + error.what());
    }
  }
  for (const Watched& each : watched_) each.socket->close();
}

void Transport::receive_what_came() {
  std::vector<pollfd> items;
  for (const Watched& each : watched_) items.push_back({each.socket->get(zmq::sockopt::fd), POLLIN, 0});
  items.push_back({wake_descriptor_, POLLIN, 0});
  const bool one_was_used =
      std::any_of(watched_.begin(), watched_.end(), [](const Watched& each) { return each.was_used; });
  if (::poll(items.data(), items.size(), one_was_used ? 0 : static_cast<int>(kTick.count())) < 0)
    return;  // a signal
  if (items.back().revents & POLLIN) {
    eventfd_t ignored;
    eventfd_read(wake_descriptor_, &ignored);
  }
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    if (!(items[i].revents & POLLIN) && !watched_[i].was_used) continue;
    watched_[i].was_used = false;
    watched_[i].receive();
  }
}

void Transport::receive_all(zmq::socket_t& socket, Channel channel) {
  for (zmq::multipart_t message; message.recv(socket, ZMQ_DONTWAIT); message = {}) {
    handlers_.received(channel, std::move(message));
  }
}

void Transport::greet_subscribers() {
  for (zmq::multipart_t frames; frames.recv(iopub_, ZMQ_DONTWAIT); frames.clear()) {
    const std::string event = frames.popstr();
    if (event.empty() || event[0] != '\x01') continue;  // 1: subscribed, 0: unsubscribed
    handlers_.welcome(event.substr(1)).send(iopub_);
  }
}

void Transport::echo_beats() {
  for (zmq::multipart_t beat; beat.recv(heartbeat_, ZMQ_DONTWAIT);) beat.send(heartbeat_);
}

void Transport::publish_debug_events() {
  for (zmq::multipart_t event; event.recv(debug_events_, ZMQ_DONTWAIT); event = {})
    send_on(iopub_, handlers_.debug_event(std::move(event)));
}

void Transport::send_on(zmq::socket_t& socket, zmq::multipart_t message) {
  message.send(socket);
  for (Watched& each : watched_) each.was_used |= each.socket == &socket;
}

bool Transport::send_queued() {
  std::deque<Outgoing> outgoing;
  bool stopping;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    outgoing.swap(queue_);
    stopping = stopping_;
  }
  for (Outgoing& each : outgoing) {
    if (each.done) {
      receive_all(shell_, Channel::kShell);
      each.done();
    } else {
      send_on(socket_of(each.channel), std::move(each.message));
    }
  }
  return !stopping;
}

}  // namespace elastic::kernel
