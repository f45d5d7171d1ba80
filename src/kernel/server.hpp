// Where messages meet: between the sockets (Transport), xeus's dispatcher (xkernel_core) and our handlers.
//
// xkernel_core of xeus 2.4.1 answers kernel_info, completion, inspection, is_complete and the debugger. What
// it gets wrong never reaches it and is answered here: execute (it counts silent-less cells wrongly, takes
// stop_on_error for false, aborts with status "error" and keeps one parent for all threads), history, comms
// (a message may be served while a cell awaits), interrupt and shutdown (it publishes types of its own).
//
// Threads: requests on the shell channel are handled on the main thread, those on the control channel on a
// thread of their own. publish, write_stream and request_shutdown may be called from any thread, without the
// GIL.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "descriptor_capture.hpp"
#include "replay_guard.hpp"
#include "request.hpp"
#include "signals.hpp"
#include "stop_on_error.hpp"
#include "stream_buffer.hpp"
#include "transport.hpp"
#include "wire.hpp"
#include "xeus/xcontrol_messenger.hpp"
#include "xeus/xserver.hpp"

namespace elastic::kernel {

// What the Python side answers. Called without the GIL; never throws.
class RequestHandler {
 public:
  struct Reply {
    Json content;
    Json metadata = Json::object();
  };

  virtual ~RequestHandler() = default;
  virtual bool handles(const std::string& type) const = 0;
  virtual Reply handle(const RequestPtr& request) = 0;
  virtual void run_main_loop() = 0;           // returns when Server::stopping()
  virtual void going_down(bool restart) = 0;  // on the main thread, before the last reply
};

class Server final : public xeus::xserver, public xeus::xcontrol_messenger {
 public:
  Server(std::unique_ptr<Transport> transport, Wire wire, Signals& signals);
  ~Server() override;

  void set_handler(RequestHandler& handler) { handler_ = &handler; }
  // From now on heartbeats are answered and messages queue up.
  void open();

  // The main loop's side.
  int wake_descriptor() const { return wake_descriptor_; }
  bool handle_next();           // false: nothing was waiting
  void handle_waiting_comms();  // while a cell awaits
  bool stopping() const { return stopping_; }
  // Around what an interrupt_request may end though no cell runs.
  void expect_interrupt() { signals_.expect_cell(); }
  void forget_interrupt() { signals_.forget_cell(); }
  void begin_cell() { signals_.begin_cell(); }  // around user code; REQUIRES: the GIL is held
  void end_cell() { signals_.end_cell(); }
  void request_stop();  // after `exit`

  // Output, from any thread.
  void publish(const std::string& type, Json content, Json metadata, xeus::buffer_sequence buffers,
               const RequestPtr& parent);
  void write_stream(std::string_view stream, std::string_view text, const RequestPtr& parent);
  void flush_streams() { streams_.flush(); }
  void set_cell(RequestPtr request);           // whose output it is when nobody can say
  RequestPtr asked() const { return asked_; }  // what xeus answers, on the main thread
  void drain_output();
  bool capture_descriptors() { return capture_.start(); }
  int original_stderr() const { return capture_.original_stderr(); }

  // Asks the client of `parent` for a line. Waits until it comes, or until a signal must be looked at
  // (nullopt).
  void send_input_request(const std::string& prompt, bool password, const RequestPtr& parent);
  std::optional<std::string> wait_for_input();

  // Ends the kernel in good order; returns when the session has been told. Any thread but main.
  void request_shutdown(bool restart);
  void close();  // last: everything queued is sent

 private:
  // xeus::xcontrol_messenger: from the control thread (debugger) to the main thread and back
  Json send_to_shell_impl(const Json& message) override;
  // xeus::xserver
  xeus::xcontrol_messenger& get_control_messenger_impl() override { return *this; }
  void send_shell_impl(xeus::xmessage message) override;
  void send_control_impl(xeus::xmessage message) override;
  void send_stdin_impl(xeus::xmessage message) override;
  void publish_impl(xeus::xpub_message message, xeus::channel channel) override;
  void start_impl(xeus::xpub_message message) override;
  void abort_queue_impl(const listener&, long) override {}
  void stop_impl() override { request_stop(); }
  void update_config_impl(xeus::xconfiguration&) const override {}

  void received(Channel channel, zmq::multipart_t frames);
  zmq::multipart_t welcome(const std::string& topic) const;
  void wake_main();
  void dispatch_shell(const RequestPtr& request);
  void answer(const RequestPtr& request);
  void abort_waiting_cells();
  void abort(const RequestPtr& cell);
  void reply(Channel channel, const RequestPtr& request, Json content, Json metadata = Json::object());
  void publish_status(const char* state, const RequestPtr& parent);
  void control_loop();
  void dispatch_control(const RequestPtr& request);
  void answer_shutdown(Channel channel, const RequestPtr& request);
  Json run_on_main(std::function<Json()> work);

  struct Task {
    std::function<Json()> work;
    std::promise<Json> result;
  };

  std::unique_ptr<Transport> transport_;
  Wire wire_;
  Signals& signals_;
  RequestHandler* handler_ = nullptr;
  ReplayGuard replays_;  // I/O thread only
  StreamBuffer streams_;
  DescriptorCapture capture_;
  int wake_descriptor_, input_descriptor_;

  std::mutex mutex_;  // guards what follows up to the blank line
  std::deque<RequestPtr> shell_queue_, control_queue_;
  std::deque<Task> tasks_;
  std::deque<std::string> inputs_;
  RequestPtr cell_;
  std::condition_variable control_arrived_;

  RequestPtr asked_;           // main thread only
  StopOnError stop_on_error_;  // main thread only
  std::atomic<bool> stopping_{false}, shutting_down_{false};
  std::thread control_thread_;
};

}  // namespace elastic::kernel
