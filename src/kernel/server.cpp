#include "server.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <iterator>
#include <set>
#include <utility>

#include "elastic/core/log.hpp"

namespace elastic::kernel {
namespace {

constexpr std::chrono::milliseconds kInterruptAgain{500};

bool is_comm(const RequestPtr& request) {
  return request->type().starts_with("comm_") && request->type() != "comm_info_request";
}

// What xkernel_core answers. Completion and the like may run user code, so on the main thread only.
const std::set<std::string> kXeusOnShell{"kernel_info_request", "complete_request", "inspect_request",
                                         "is_complete_request"};
const std::set<std::string> kXeusOnControl{"kernel_info_request", "debug_request"};

// The message as xkernel_core takes it: by value, of a type it knows (it says the rest on std::cerr, which is
// the user's), and with a cursor position that is a number.
std::optional<xeus::xmessage> for_xeus(const RequestPtr& request, const std::set<std::string>& known) {
  if (!known.contains(request->type())) return std::nullopt;
  const xeus::xmessage& message = request->message;
  Json content = message.content();
  if (content.contains("cursor_pos") && !content["cursor_pos"].is_number_integer())
    content.erase("cursor_pos");
  return xeus::xmessage(message.identities(), message.header(), message.parent_header(), message.metadata(),
                        std::move(content), xeus::buffer_sequence(message.buffers()));
}

}  // namespace

Server::Server(std::unique_ptr<Transport> transport, Wire wire, Signals& signals)
    : transport_(std::move(transport)),
      wire_(std::move(wire)),
      signals_(signals),
      streams_([this](const std::string& stream, std::string text, const RequestPtr& parent) {
        Json content{{"name", stream}, {"text", std::move(text)}};
        xeus::xpub_message message("stream." + stream, wire_.header("stream"), parent_header_of(parent),
                                   Json::object(), std::move(content), {});
        transport_->send(Channel::kIopub, wire_.encode(std::move(message)));
      }),
      capture_([this](std::string_view stream, std::string_view bytes) {
        RequestPtr cell;
        {
          std::lock_guard<std::mutex> lock(mutex_);
          cell = cell_;
        }
        streams_.write(stream, bytes, cell);
      }),
      wake_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      input_descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Server::~Server() = default;

void Server::open() {
  transport_->start(
      {[this](Channel channel, zmq::multipart_t frames) { received(channel, std::move(frames)); },
       [this] { streams_.flush(); }, [this](const std::string& topic) { return welcome(topic); },
       [this](zmq::multipart_t event) { return wire_.adopt(std::move(event)); }});
}

// --- arrival, on the I/O thread
// -------------------------------------------------------------------------------

void Server::received(Channel channel, zmq::multipart_t frames) {
  if (!replays_.is_new(frames)) {
    log(LogLevel::kWarning, "dropped a message that was sent before");
    return;
  }
  Result<xeus::xmessage> message = wire_.decode(std::move(frames));
  if (!message.ok()) {
    log(LogLevel::kWarning, "dropped a message: " + message.error().message());
    return;
  }
  auto request = std::make_shared<const Request>(std::move(*message));
  std::lock_guard<std::mutex> lock(mutex_);
  switch (channel) {
    case Channel::kShell:
      shell_queue_.push_back(std::move(request));
      wake_main();
      break;
    case Channel::kControl:
      control_queue_.push_back(std::move(request));
      control_arrived_.notify_one();
      break;
    case Channel::kStdin:
      inputs_.push_back(request->message.content().value("value", ""));
      eventfd_write(input_descriptor_, 1);
      break;
    case Channel::kIopub:
      break;
  }
}

zmq::multipart_t Server::welcome(const std::string& topic) const {
  // JEP 65: the subscription's topic is told back, so that a client knows that it misses nothing from here
  // on.
  return wire_.encode(xeus::xpub_message(topic, wire_.header("iopub_welcome"), Json::object(), Json::object(),
                                         {{"subscription", topic}}, {}));
}

void Server::wake_main() { eventfd_write(wake_descriptor_, 1); }

// --- the shell channel, on the main thread
// --------------------------------------------------------------------

void Server::start_impl(xeus::xpub_message message) {
  std::clog.rdbuf(std::cerr.rdbuf());  // muted while xeus greeted: see run.cpp
  std::clog.clear();
  publish_impl(std::move(message), xeus::channel::SHELL);
  control_thread_ = std::thread([this] { control_loop(); });
  pthread_setname_np(control_thread_.native_handle(), "elastic-control");
  handler_->run_main_loop();
}

bool Server::handle_next() {
  eventfd_t ignored;
  eventfd_read(wake_descriptor_, &ignored);
  std::unique_lock<std::mutex> lock(mutex_);
  if (!tasks_.empty()) {  // before queued cells: a shutdown does not wait for them
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task.result.set_value(task.work());
    return true;
  }
  if (shell_queue_.empty()) return false;
  const RequestPtr request = std::move(shell_queue_.front());
  shell_queue_.pop_front();
  lock.unlock();
  dispatch_shell(request);
  return true;
}

void Server::handle_waiting_comms() {
  eventfd_t ignored;
  eventfd_read(wake_descriptor_, &ignored);
  for (;;) {
    RequestPtr request;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      const auto found = std::find_if(shell_queue_.begin(), shell_queue_.end(), is_comm);
      if (found == shell_queue_.end()) return;
      request = std::move(*found);
      shell_queue_.erase(found);
    }
    dispatch_shell(request);
  }
}

void Server::dispatch_shell(const RequestPtr& request) {
  const std::string type = request->type();
  if (type == "shutdown_request") {
    publish_status("busy", request);
    answer_shutdown(Channel::kShell, request);
  } else if (type == "execute_request" &&
             stop_on_error_.concerns(request->message.header(), StopOnError::Clock::now())) {
    abort(request);
  } else if (type == "execute_request" && shutting_down_) {
    reply(Channel::kShell, request, {{"status", "aborted"}});
  } else if (handler_->handles(type)) {
    answer(request);
  } else if (auto message = for_xeus(request, kXeusOnShell)) {
    asked_ = request;
    notify_shell_listener(std::move(*message));
  } else {
    log(LogLevel::kWarning, "no such request: " + type);
    publish_status("busy", request);
    publish_status("idle", request);
  }
}

void Server::answer(const RequestPtr& request) {
  const std::string type = request->type();
  const bool is_cell = type == "execute_request";
  const bool runs_code = is_cell || is_comm(request);
  if (runs_code) signals_.expect_cell();  // before the client is told: what it then interrupts is this cell
  publish_status("busy", request);
  RequestHandler::Reply answer = handler_->handle(request);
  if (runs_code) signals_.forget_cell();
  if (Signals::in_forked_child())
    _exit(0);  // os.fork() in a cell: the child must not go on as a second kernel
  if (!is_comm(request)) {
    const std::string status = answer.content.value("status", "ok");
    const Json& content = request->message.content();
    const bool stop = is_cell && status == "error" && !content.value("silent", false) &&
                      content.value("stop_on_error", true);
    if (stop) stop_on_error_.failed(request->message.header(), request->arrived, StopOnError::Clock::now());
    reply(Channel::kShell, request, std::move(answer.content), std::move(answer.metadata));
    if (stop) abort_waiting_cells();
  }
  publish_status("idle", request);
}

void Server::abort_waiting_cells() {
  // What a client had sent before it saw the error may still be in the socket.
  std::promise<void> arrived;
  transport_->after_arrivals([&] { arrived.set_value(); });
  arrived.get_future().wait();
  std::deque<RequestPtr> cells;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto is_cell = [](const RequestPtr& request) { return request->type() == "execute_request"; };
    std::copy_if(shell_queue_.begin(), shell_queue_.end(), std::back_inserter(cells), is_cell);
    std::erase_if(shell_queue_, is_cell);
  }
  for (const RequestPtr& cell : cells) abort(cell);
}

void Server::abort(const RequestPtr& cell) {
  publish_status("busy", cell);
  reply(Channel::kShell, cell, {{"status", "aborted"}}, {{"started", iso8601_now()}, {"status", "aborted"}});
  publish_status("idle", cell);
}

void Server::request_stop() {
  stopping_ = true;
  wake_main();
  control_arrived_.notify_all();
}

// --- the control channel, on its own thread
// -------------------------------------------------------------------

void Server::control_loop() {
  for (;;) {
    RequestPtr request;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      control_arrived_.wait(lock, [&] { return stopping_ || !control_queue_.empty(); });
      if (control_queue_.empty()) return;
      request = std::move(control_queue_.front());
      control_queue_.pop_front();
    }
    try {
      dispatch_control(request);
    } catch (const std::exception& error) {
      log(LogLevel::kError, request->type() + ": " + error.what());
      reply(Channel::kControl, request,
            {{"status", "error"},
             {"ename", "KernelError"},
             {"evalue", error.what()},
             {"traceback", Json::array()}});
      publish_status("idle", request);
    }
  }
}

void Server::dispatch_control(const RequestPtr& request) {
  const std::string type = request->type();
  if (type == "interrupt_request") {
    publish_status("busy", request);
    signals_.interrupt_cell_and_children();
    reply(Channel::kControl, request, {{"status", "ok"}});
    publish_status("idle", request);
  } else if (type == "shutdown_request") {
    publish_status("busy", request);
    answer_shutdown(Channel::kControl, request);
  } else if (type == "usage_request") {
    publish_status("busy", request);
    reply(Channel::kControl, request, handler_->handle(request).content);
    publish_status("idle", request);
  } else if (auto message = for_xeus(request, kXeusOnControl)) {
    notify_control_listener(std::move(*message));
  } else {
    log(LogLevel::kWarning, "no such request on the control channel: " + type);
    publish_status("busy", request);
    publish_status("idle", request);
  }
}

void Server::answer_shutdown(Channel channel, const RequestPtr& request) {
  const bool restart = request->message.content().value("restart", false);
  if (channel == Channel::kShell) {
    if (!shutting_down_.exchange(true)) handler_->going_down(restart);
  } else {
    request_shutdown(restart);
  }
  const Json content{{"status", "ok"}, {"restart", restart}};
  publish("shutdown_reply", content, Json::object(), {}, request);
  reply(channel, request, content);
  publish_status("idle", request);
  request_stop();
}

void Server::request_shutdown(bool restart) {
  if (shutting_down_.exchange(true)) return;
  run_on_main([this, restart] {
    handler_->going_down(restart);
    return Json();
  });
}

Json Server::run_on_main(std::function<Json()> work) {
  std::future<Json> result;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back({std::move(work), {}});
    result = tasks_.back().result.get_future();
  }
  wake_main();
  // A cell that catches one KeyboardInterrupt may let go at the next.
  do {
    if (shutting_down_) signals_.interrupt_cell();
  } while (result.wait_for(kInterruptAgain) != std::future_status::ready);
  return result.get();
}

Json Server::send_to_shell_impl(const Json& message) {
  return run_on_main([this, message] { return notify_internal_listener(message); });
}

void Server::close() {
  request_stop();
  if (control_thread_.joinable()) control_thread_.join();
  streams_.flush();
  transport_->stop();
}

}  // namespace elastic::kernel
