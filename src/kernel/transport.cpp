#include "transport.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

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
  zmq::pollitem_t items[] = {{shell_, 0, ZMQ_POLLIN, 0},
                             {control_, 0, ZMQ_POLLIN, 0},
                             {stdin_, 0, ZMQ_POLLIN, 0},
                             {iopub_, 0, ZMQ_POLLIN, 0},
                             {heartbeat_, 0, ZMQ_POLLIN, 0},
                             {debug_events_, 0, ZMQ_POLLIN, 0},
                             {nullptr, wake_descriptor_, ZMQ_POLLIN, 0}};
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  for (bool running = true; running;) {
    try {
      zmq::poll(items, std::size(items), kTick);
      if (items[6].revents & ZMQ_POLLIN) {
        eventfd_t ignored;
        eventfd_read(wake_descriptor_, &ignored);
      }
      if (items[1].revents & ZMQ_POLLIN) receive_all(control_, Channel::kControl);
      if (items[0].revents & ZMQ_POLLIN) receive_all(shell_, Channel::kShell);
      if (items[2].revents & ZMQ_POLLIN) receive_all(stdin_, Channel::kStdin);
      if (items[3].revents & ZMQ_POLLIN) greet_subscribers();
      if (items[4].revents & ZMQ_POLLIN) {
        for (zmq::multipart_t beat; beat.recv(heartbeat_, ZMQ_DONTWAIT);) beat.send(heartbeat_);
      }
      if (items[5].revents & ZMQ_POLLIN) publish_debug_events();
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
  for (zmq::socket_t* socket : {&shell_, &control_, &stdin_, &iopub_, &heartbeat_, &debug_events_})
    socket->close();
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

void Transport::publish_debug_events() {
  for (zmq::multipart_t event; event.recv(debug_events_, ZMQ_DONTWAIT); event = {}) {
    handlers_.debug_event(std::move(event)).send(iopub_);
  }
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
      each.message.send(socket_of(each.channel));
    }
  }
  return !stopping;
}

}  // namespace elastic::kernel
